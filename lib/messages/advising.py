"""Advice that needs knowledge of hosts, base images and distributions. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import islice
from types import MappingProxyType
from typing import Final

from lib.core.upgrades import of_distribution
from lib.messages.content import Content, Entry
from lib.messages.describing import is_kernel
from lib.messages.parts import Link
from lib.models import Finding, Image
from lib.text import capitalized
from lib.urls.packages import read_package_url

_CVE: Final = re.compile(r"CVE-\d{4}-\d{4,19}", re.ASCII)
_AMAZON_LINUX: Final = "https://explore.alas.aws.amazon.com/{id}.html"
"""https://docs.aws.amazon.com/linux/al2023/ug/alas.html"""
_BASE_RELEASE: Final = re.compile(
    r"(?:[\w./-]+/)?(debian|ubuntu):((?<=debian:)\d+|(?<=ubuntu:)\d\d\.\d\d)(?:[.-][\w.-]*)?",
    re.ASCII,
)
"""An official image whose tag is the number of a release."""
_RELEASE: Final = re.compile(r"[0-9.]{0,9}", re.ASCII)
_BASE_NAME: Final = re.compile(r"[a-z0-9][\w./:-]{0,99}", re.ASCII)
_RUNS_ON_HOST: Final = "a container runs on the kernel of its host"
_CHECK: Final = "Check the kernel of the hosts (`uname -r`; on EKS `kubectl get nodes -o wide`)"
_REPLACE: Final = (
    "If it is older than the fix, update the AMI and replace the hosts (EKS: update the node "
    "group). On Fargate AWS patches the hosts"
)
_REBUILD: Final = (
    "Rebuild on the latest {base} with `docker build --pull --no-cache .` and push the image: its "
    "scan shows what is left"
)
_DISTRIBUTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "alpine": "Alpine Linux",
        "amzn": "Amazon Linux",
        "debian": "Debian",
        "redhat": "Red Hat Enterprise Linux",
        "ubuntu": "Ubuntu",
    }
)
"""By the namespace of package URLs."""
_TRACKERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "alas.aws.amazon.com": "Amazon Linux",
        "people.canonical.com": "Ubuntu",
        "people.ubuntu.com": "Ubuntu",
        "security-tracker.debian.org": "Debian",
        "ubuntu.com": "Ubuntu",
    }
)
"""By the host of an advisory: basic scanning names no distribution."""
_RELEASES: Final = 50
"""Findings that are asked for the release of their distribution."""
_SUPPORT: Final[Mapping[str, date]] = MappingProxyType(
    {
        "Amazon Linux 2": date(2026, 6, 30),
        "Debian 9": date(2022, 6, 30),
        "Debian 10": date(2024, 6, 30),
        "Debian 11": date(2026, 8, 31),
        "Debian 12": date(2028, 6, 30),
        "Ubuntu 16.04": date(2021, 4, 30),
        "Ubuntu 18.04": date(2023, 5, 31),
        "Ubuntu 20.04": date(2025, 5, 31),
        "Ubuntu 22.04": date(2027, 4, 30),
    }
)
"""
The last day of free security updates, by the name of a release.

https://wiki.debian.org/LTS, https://ubuntu.com/about/release-cycle and
https://aws.amazon.com/amazon-linux-2/faqs
"""


def host_note(entries: Sequence[Entry]) -> str:
    """Return that a kernel in an image is not the one that runs; empty without such a package."""
    kernels = [entry for entry in entries if is_about_kernel(entry)]
    if not kernels:
        return ""
    if len(kernels) < len(entries):
        return capitalized(_RUNS_ON_HOST)
    return f"Nothing is urgent in the image itself: {_RUNS_ON_HOST}"


def hosts_of(entries: Sequence[Entry]) -> tuple[str, ...]:
    """Return what to do on the hosts, step by step; empty without a kernel among the packages."""
    kernels = [entry for entry in entries if is_about_kernel(entry)]
    if not kernels:
        return ()
    cve = next((entry.id for entry in kernels if _CVE.fullmatch(entry.id)), "")
    fix = f" and compare it with the fix of {cve} in Amazon Linux (see the links)" if cve else ""
    return (f"{_CHECK}{fix}", _REPLACE)


def is_about_kernel(entry: Entry) -> bool:
    """Return whether a vulnerability is in kernel packages alone."""
    return bool(entry.packages) and all(is_kernel(package.name) for package in entry.packages)


def host_link(content: Content) -> Link | None:
    """Return the page about the worst kernel vulnerability in the hosts' distribution."""
    ids = (entry.id for entry in content.open if is_about_kernel(entry))
    cve = next((id_ for id_ in ids if _CVE.fullmatch(id_)), None)
    if cve is None:
        return None
    label = f"{cve} in Amazon Linux"
    return Link(label, label, f"Open {label}", _AMAZON_LINUX.format(id=cve))


def base_of(base_image: str | None, release: str) -> str:
    """Return the name of the base image, else where it stands, with the release where known."""
    if _BASE_NAME.fullmatch(base_image or ""):
        return f"base image (FROM {base_image})"
    return f"base image (see FROM in the Dockerfile{f'; it is {release}' if release else ''})"


def rebuild_of(base: str, findings: Iterable[Finding]) -> str:
    """Return how an image is rebuilt whose packages of the distribution have no fix version."""
    stuck = (row for row in findings if not row.fixable and row.fix_available != "NO")
    return _REBUILD.format(base=base) if any(map(of_distribution, stuck)) else ""


def release_of(image: Image, base_image: str | None, findings: Iterable[Finding]) -> str:
    """Return "Debian 10", as scanner, base image or packages say it; empty where none does."""
    words = (image.os or "").split("_")
    names = [word.capitalize() for word in words if word.isalpha()]
    numbers = [word for word in words if word.isdigit()]
    if names and len(names) + len(numbers) == len(words):
        return " ".join(filter(None, (*names, ".".join(numbers))))
    base = _BASE_RELEASE.fullmatch(base_image or "")
    if base is not None:
        return f"{_DISTRIBUTIONS[base[1]]} {base[2]}"
    rows = islice(filter(of_distribution, findings), _RELEASES)
    releases = {_release(row) for row in rows} - {""}
    releases = {name for name in releases if name[-1].isdigit()} or releases
    return next(iter(releases)) if len(releases) == 1 else ""


def _release(finding: Finding) -> str:
    """Return the release that a package is made for, else its distribution; empty for neither."""
    purl = read_package_url(finding.package.purl or "")
    name = _DISTRIBUTIONS.get(purl.namespace, "") if purl is not None else ""
    if purl is None or not name:
        hosts = (url.partition("://")[2].partition("/")[0] for url in finding.links)
        return next((_TRACKERS[host] for host in hosts if host in _TRACKERS), "")
    number = purl.qualifiers.get("distro", "").removeprefix(purl.namespace).strip("-")
    return f"{name} {number}".rstrip() if _RELEASE.fullmatch(number) else name


def support_of(release: str, today: date) -> str:
    """Return that a release gets no more free security updates; empty while it does."""
    ended = _SUPPORT.get(release)
    if ended is None or ended >= today:
        return ""
    since = f"{release} has had no free security updates since {ended:%B %Y}"
    return f"{since}: move to a newer release"
