"""Advice that needs knowledge of hosts, base images and distributions. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import islice
from types import MappingProxyType
from typing import Final, NamedTuple

from lib.core.upgrades import is_kernel, of_distribution
from lib.messages.content import Content, Entry, counts_of
from lib.messages.parts import Link
from lib.messages.phrases import counts_text, listed, names_text
from lib.models import Finding, Image
from lib.text import first
from lib.urls.advisories import NAMED_BY_LINKS, host_of
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
_UBUNTU: Final = "Ubuntu"
_UBUNTU_VERSION: Final = re.compile(
    r"ubuntu(?:0\.|\d+(?:\.\d+)*~)((?:16|18|20|22|24)\.04)(?:\.\d+)*", re.ASCII
)
"""
The release in a version that was made for it: "1.2-3ubuntu0.20.04.1", "11.0-0ubuntu2~20.04".

https://wiki.ubuntu.com/SecurityTeam/UpdatePreparation
"""
_BASE_NAME: Final = re.compile(r"[a-z0-9][\w./:-]{0,99}", re.ASCII)
PATCHED: Final = "check that the hosts run a patched kernel (`uname -r`)"
_LOOK: Final = (
    "Run `uname -r` on the hosts (EKS: `kubectl get nodes -o wide`). Containers use the host's "
    "kernel"
)
_IMAGE_WAITS: Final = ", so the image can wait"
_COMPARE: Final = "Compare it with the fixed version"
_OF_CVES: Final = (
    "see Amazon's {pages} on {cves} if the hosts run Amazon Linux, else the vendor's advisory"
)
_OF_VENDOR: Final = "see the advisory of the hosts' vendor"
_REPLACE: Final = (
    "If a host's kernel is older: update its AMI and replace it (EKS: the node group). On Fargate, "
    "AWS patches the kernel"
)
_CVES: Final = 3
"""Vulnerabilities of a kernel that are named and linked."""
DOCKER_BUILD: Final = "docker build --pull --no-cache ."
_COMMAND: Final = f"`{DOCKER_BUILD}`"
_LAST_UPDATES: Final = (
    f"Rebuild and push: {_COMMAND} brings the updates of {{release}} (published until "
    "{ended:%B %Y})"
)
_BUILD: Final = f"{{step}}: {_COMMAND}, then push"
BUILD: Final = f"Build with {_COMMAND}, then push"
"""After the upgrades of a base image, whose heading says what to rebuild on."""
BUILT: Final = f"{{step}} with {_COMMAND}, then push"
"""The same as such a heading."""
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
_RELEASES: Final = 50
"""Findings that are asked for the release of their distribution."""
SUPPORT_ENDS: Final[Mapping[str, date]] = MappingProxyType(
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


class Release(NamedTuple):
    """A release of a distribution to go to."""

    name: str
    image: str
    """Its official image."""


SUPPORTED: Final[Mapping[str, Release]] = MappingProxyType(
    {
        "Amazon Linux": Release("Amazon Linux 2023", "amazonlinux:2023"),
        "Debian": Release("Debian 13", "debian:13"),
        "Ubuntu": Release("Ubuntu 24.04", "ubuntu:24.04"),
    }
)
"""
The release to go to, by the name of each distribution in `SUPPORT_ENDS`. As of November 2025.

https://www.debian.org/releases, https://ubuntu.com/about/release-cycle and
https://docs.aws.amazon.com/linux/al2023/release-notes/support-info-by-support-statement.html
"""
_OFFICIAL: Final = re.compile(r"(?:[\w./-]+/)?(?:amazonlinux|debian|ubuntu):[\w.-]+", re.ASCII)
"""An official image of such a distribution."""
_SUPPORTED: Final = "a supported release"
PLAN_MOVES: Final = f"Plan the move to {_SUPPORTED}"
LATEST_BASE: Final = "the latest base image"


def hosts_of(content: Content) -> tuple[str, ...]:
    """Return what to do on the hosts, step by step; empty without a kernel among the packages."""
    if not any(map(is_about_kernel, content.open)):
        return ()
    cves = kernel_cves(content)
    pages = "pages" if cves[1:] else "page"
    where = _OF_CVES.format(pages=pages, cves=listed(cves)) if cves else _OF_VENDOR
    waits = _IMAGE_WAITS if all(map(is_about_kernel, content.open)) else ""
    return (f"{_LOOK}{waits}", f"{_COMPARE}: {where}", _REPLACE)


def kernel_cves(content: Content) -> Sequence[str]:
    """
    Return the kernel vulnerabilities with an exploit, asked for or not; else the worst one.

    And those that may be there all the same, though no scanner lists them any more.
    """
    kernels = _of_kernels(content.everything)
    dangerous = [entry for entry in kernels if entry.exploited or entry.exploitable]
    shown = [*(dangerous or kernels[:1]), *_of_kernels(content.doubted)]
    return [entry.id for entry in first(shown, _CVES)]


def _of_kernels(entries: Iterable[Entry]) -> list[Entry]:
    return [entry for entry in entries if is_about_kernel(entry) and _CVE.fullmatch(entry.id)]


def is_about_kernel(entry: Entry) -> bool:
    """Return whether a vulnerability is in kernel packages alone."""
    return bool(entry.packages) and all(is_kernel(package.name) for package in entry.packages)


def host_links(content: Content) -> tuple[Link, ...]:
    """Return the pages of Amazon Linux, which most hosts run, about kernel vulnerabilities."""
    if not any(map(is_about_kernel, content.open)):
        return ()
    labels = {cve: f"Amazon Linux fix for {cve}" for cve in kernel_cves(content)}
    return tuple(
        Link(cve, label, label, _AMAZON_LINUX.format(id=cve), of_hosts=True)
        for cve, label in labels.items()
    )


class Base(NamedTuple):
    """The base image of an image, as far as it is known."""

    name: str
    """Empty where the image does not name it."""
    release: str
    """Of the distribution: "Debian 10"; empty where it is not known."""
    ended: date | None
    """The last day of free updates of the release; None while it has some."""

    @property
    def short(self) -> str:
        """The remedy in a few words."""
        if not self.ended:
            return f"rebuild on {LATEST_BASE}"
        return f"rebuild, then plan the move to {self._next.name}"

    @property
    def step(self) -> str:
        """Where to rebuild."""
        what = f"FROM {self.name}" if self.name else self.release
        return f"Rebuild on {LATEST_BASE}{f' ({what})' if what else ''}"

    @property
    def end(self) -> str:
        """The release and when its updates ended, in brackets behind an image."""
        return f"{self.release}, ended {self.ended:%B %Y}" if self.ended else ""

    @property
    def plan(self) -> str:
        """The move off a release without updates; empty for any other."""
        return self.plan_for("")

    def plan_for(self, images: str) -> str:
        """Return the same with the names of the images that move."""
        if not self.ended:
            return ""
        move, reason = f"Plan the move{f' of {images}' if images else ''}", self._reason()
        if _OFFICIAL.fullmatch(self.name):
            return f"{move} to {_SUPPORTED}: FROM {self._next.image} ({reason})"
        kind = f"a base image on {_SUPPORTED}" if self.name else _SUPPORTED
        return f"{move} to {kind}, for example {self._next.name} ({reason})"

    @property
    def _next(self) -> Release:
        """The release to go to."""
        return SUPPORTED[self.release.rpartition(" ")[0]]

    def _reason(self) -> str:
        """Return that there are no more free security updates, and since when."""
        if self.release.startswith(_UBUNTU):
            return f"standard support for {self.release} ended in {self.ended:%B %Y}"
        return f"no free security updates for {self.release} since {self.ended:%B %Y}"


def base_of(base_image: str | None, release: str, today: date) -> Base:
    """Return what is known of a base image."""
    name = base_image if base_image is not None and _BASE_NAME.fullmatch(base_image) else ""
    return Base(name, release, _ended(release, today))


def rebuild_of(base: Base, findings: Iterable[Finding]) -> str:
    """Return how an image is rebuilt whose packages of the distribution have no fix version."""
    stuck = (row for row in findings if not row.fixable and row.fix_available != "NO")
    if not any(map(of_distribution, stuck)):
        return ""
    if base.ended:
        return _LAST_UPDATES.format(release=base.release, ended=base.ended)
    return _BUILD.format(step=base.step)


def nameless_of(entries: Sequence[Entry]) -> str:
    """Return what to look at where no row names a package, and nobody says that no fix exists."""
    silent = [
        entry
        for entry in entries
        if not (has_no_fix(entry) or any(row.package.name for row in entry.findings))
    ]
    if not silent:
        return ""
    ids, counts = names_text([entry.id for entry in silent]), counts_text(counts_of(silent))
    return f"look at {ids} ({counts}); the scanner names no package"


def has_no_fix(entry: Entry) -> bool:
    """Return whether the scanner says of every row that there is no fix. Silence is no answer."""
    return bool(entry.findings) and all(
        not row.fixable and row.fix_available == "NO" for row in entry.findings
    )


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


def release_in(images: Sequence[Image], versions: Iterable[str]) -> str:
    """
    Return "Ubuntu 20.04", as the scanner or versions made for it say it, without findings.

    Empty where images differ. Versions count for one image alone: which has which is not known.
    """
    releases = {release_of(image, None, ()) for image in images}
    if releases == {""} and len(images) == 1:
        made_for = map(_UBUNTU_VERSION.search, versions)
        releases = {f"{_UBUNTU} {match[1]}" for match in made_for if match is not None}
    return releases.pop() if len(releases) == 1 else ""


def namespace_of(release: str) -> str:
    """Return the distribution of "Debian 10" as package URLs name it; empty for an unknown one."""
    names = (key for key, name in _DISTRIBUTIONS.items() if release.startswith(name))
    return next(names, "")


def _release(finding: Finding) -> str:
    """Return the release that a package is made for, else its distribution; empty for neither."""
    purl = read_package_url(finding.package.purl or "")
    name = _DISTRIBUTIONS.get(purl.namespace, "") if purl is not None else ""
    if purl is None or not name:
        hosts = map(host_of, finding.links)
        names = (_DISTRIBUTIONS[NAMED_BY_LINKS[host]] for host in hosts if host in NAMED_BY_LINKS)
        name = next(names, "")
        made_for = _UBUNTU_VERSION.search(finding.package.version or "")
        return f"{name} {made_for[1]}" if name == _UBUNTU and made_for is not None else name
    number = purl.qualifiers.get("distro", "").removeprefix(purl.namespace).strip("-")
    return f"{name} {number}".rstrip() if _RELEASE.fullmatch(number) else name


def _ended(release: str, today: date) -> date | None:
    """Return when the free security updates of a release ended; None while it has some."""
    ended = SUPPORT_ENDS.get(release)
    return ended if ended is not None and ended < today else None
