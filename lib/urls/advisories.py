"""Pages that tell people about vulnerabilities. Pure."""

import re
from collections.abc import Container, Mapping
from enum import IntEnum, auto
from functools import lru_cache
from itertools import chain
from types import MappingProxyType
from typing import Final

from lib.models import (
    Finding,
)
from lib.urls.addresses import AddressError, read_address
from lib.urls.packages import read_package_url

_MAX_ID: Final = 60
"""No known scheme has longer ids."""
_MAX_URL: Final = 300
"""Longer URLs take too much of a message."""


_URL: Final = re.compile(r"https?://[!-;=?-~]+")
_AUTHORITY: Final = re.compile(r"https?://[^/?#]*")


_PAGES: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(pattern, re.ASCII), page)
    for pattern, page in (
        (r"CVE-\d{4}-\d{4,19}", "https://nvd.nist.gov/vuln/detail/{id}"),
        (r"GHSA(?:-[0-9a-z]{4}){3}", "https://github.com/advisories/{id}"),
        (r"RH[SBE]A-\d{4}:\d+", "https://access.redhat.com/errata/{id}"),
        (r"ALAS-\d{4}-\d+", "https://alas.aws.amazon.com/{id}.html"),
        (r"ALAS2-\d{4}-\d+", "https://alas.aws.amazon.com/AL2/{id}.html"),
        (r"ALAS2023-\d{4}-\d+", "https://alas.aws.amazon.com/AL2023/{id}.html"),
        (r"(?:DSA|DLA)-\d+(?:-\d+)?", "https://security-tracker.debian.org/tracker/{id}"),
        (r"USN-\d+-\d+", "https://ubuntu.com/security/notices/{id}"),
        (r"ELSA-\d{4}-\d+", "https://linux.oracle.com/errata/{id}.html"),
        (r"RUSTSEC-\d{4}-\d{4}", "https://rustsec.org/advisories/{id}.html"),
        (r"GO-\d{4}-\d{4,}", "https://pkg.go.dev/vuln/{id}"),
        (r"(?:PYSEC|MAL)-\d{4}-\d+", "https://osv.dev/vulnerability/{id}"),
        (r"SNYK-[A-Z]+-[0-9A-Z]+-\d+", "https://security.snyk.io/vuln/{id}"),
    )
)


_TRACKERS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "almalinux": ("errata.almalinux.org",),
        "alpine": ("security.alpinelinux.org",),
        "amzn": ("alas.aws.amazon.com",),
        "chainguard": ("images.chainguard.dev", "advisories.chainguard.dev"),
        "debian": ("security-tracker.debian.org", "lists.debian.org", "www.debian.org"),
        "fedora": ("bodhi.fedoraproject.org",),
        "opensuse": ("www.suse.com", "lists.suse.com", "lists.opensuse.org"),
        "oracle": ("linux.oracle.com",),
        "redhat": ("access.redhat.com",),
        "rocky": ("errata.rockylinux.org",),
        "sles": ("www.suse.com", "lists.suse.com"),
        "ubuntu": ("ubuntu.com", "people.canonical.com", "www.ubuntu.com"),
        "wolfi": ("images.chainguard.dev", "advisories.chainguard.dev"),
    }
)
"""Hosts on which distributions tell people about vulnerabilities, by the names in package URLs."""
_CVE: Final = _PAGES[0][0]
_OF_DISTRIBUTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "alpine": "https://security.alpinelinux.org/vuln/{id}",
        "amzn": "https://explore.alas.aws.amazon.com/{id}.html",
        "debian": "https://security-tracker.debian.org/tracker/{id}",
        "redhat": "https://access.redhat.com/security/cve/{id}",
        "ubuntu": "https://ubuntu.com/security/{id}",
    }
)
"""
Pages of distributions about CVEs, which say which version of a package has the fix.

https://security.alpinelinux.org, https://docs.aws.amazon.com/linux/al2023/ug/alas.html,
https://www.debian.org/security, https://docs.redhat.com/en/documentation and
https://ubuntu.com/security/cves
"""
NAMED_BY_LINKS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "alas.aws.amazon.com": "amzn",
        "people.canonical.com": "ubuntu",
        "people.ubuntu.com": "ubuntu",
        "security-tracker.debian.org": "debian",
        "ubuntu.com": "ubuntu",
    }
)
"""Distributions by the host of a link: basic scanning names none otherwise."""
_OS: Final = (None, "OS")
_ALL_TRACKERS: Final = frozenset(chain.from_iterable(_TRACKERS.values()))
_DATABASES: Final = ("nvd.nist.gov", "github.com", "www.cve.org")
_GITHUB: Final = re.compile(
    r"https://github\.com/(?:[\w.-]+/[\w.-]+/security/)?advisories/GHSA-[\w-]+"
)
_FOR_PROGRAMS: Final = re.compile(
    r"https?://(?:[\w.-]+\.)?(?:api|services|cveawg|security-metadata|raw)\.[^/]+/"
    r"|https?://[^?#]*/(?:api|rest|json|hydra|cvrf|csaf|oval|raw|rss|atom)(?:[/?#]|$)"
    r"|[^?#]*\.(?:json|xml|ya?ml|toml|csv|rss|atom|zip|gz|bz2|xz|patch|diff)(?:[?#]|$)"
    r"|[^#]*[?&](?:format|ctype|output|type)=(?:json|xml|rss|atom|csv)\b",
    re.IGNORECASE,
)
"""Addresses that answer programs, not people."""


class _Rank(IntEnum):
    """How much a page tells about a vulnerability, best first."""

    DISTRIBUTION = auto()
    SOURCE = auto()
    DATABASE = auto()
    BY_ID = auto()
    OTHER = auto()


def vulnerability_url(finding: Finding, distribution: str = "") -> str | None:
    """
    Return the page that tells people about a vulnerability; None without one.

    The advisory of the package's distribution comes first, then the distribution's page of a CVE,
    then the page that the scanner names as its source, NVD or GitHub, the page of the database of
    its id, and any other page that the scanner links to. What answers programs is never returned.
    `distribution`: that of the package, where neither its URL nor a link says it.
    """
    name = distribution or _distribution(finding)
    trackers = _TRACKERS.get(name, ())
    pages = [
        (_rank(url, number, trackers), number, url)
        for number, url in enumerate(finding.links)
        if len(url) <= _MAX_URL and _URL.fullmatch(url) and not _FOR_PROGRAMS.match(url)
    ]
    page = _page_at(name, finding)
    pages += [(_Rank.DISTRIBUTION, len(finding.links), page)] if page else []
    by_id = _page_of(finding.vulnerability_id)
    if by_id is not None:
        pages.append((_Rank.BY_ID, 0, by_id))
    return next((url for *_, url in sorted(pages) if _has_host(url)), None)


def names_versions(finding: Finding) -> bool:
    """Return whether the distribution has a page about a vulnerability, with fixed versions."""
    return bool(_page_at(_distribution(finding), finding))


def _distribution(finding: Finding) -> str:
    """Return the distribution of a package, as package URLs name it; empty for none."""
    package = finding.package
    purl = read_package_url(package.purl or "")
    if purl is not None:
        return purl.namespace
    hosts = (host_of(url) for url in finding.links if package.manager in _OS)
    return next((NAMED_BY_LINKS[host] for host in hosts if host in NAMED_BY_LINKS), "")


def host_of(url: str) -> str:
    """Return the host of an address."""
    return url.partition("://")[2].partition("/")[0].lower()


def _page_at(distribution: str, finding: Finding) -> str:
    """Return the page of a distribution about a CVE; empty without one."""
    page = _OF_DISTRIBUTIONS.get(distribution, "")
    id_ = finding.vulnerability_id
    return page.format(id=id_) if len(id_) <= _MAX_ID and _CVE.fullmatch(id_) else ""


def _rank(url: str, number: int, trackers: Container[str]) -> _Rank:
    host = host_of(url)
    if host in trackers:
        return _Rank.DISTRIBUTION
    is_database = host in _DATABASES and (host != "github.com" or bool(_GITHUB.match(url)))
    if number == 0 and (is_database or host in _ALL_TRACKERS):
        return _Rank.SOURCE
    return _Rank.DATABASE if is_database else _Rank.OTHER


def _page_of(vulnerability_id: str) -> str | None:
    """Return the page of an id in its database; None for an unknown scheme."""
    if len(vulnerability_id) > _MAX_ID:
        return None
    for pattern, page in _PAGES:
        if pattern.fullmatch(vulnerability_id):
            return page.format(id=vulnerability_id)
    return None


def _has_host(url: str) -> bool:
    """Whether an address of the form that `_URL` allows is one of a host."""
    start = _AUTHORITY.match(url)
    return start is not None and "\\" not in url and _is_address(start[0])


@lru_cache(maxsize=256)  # thousands of advisories stand on a few hosts
def _is_address(url: str) -> bool:
    try:
        read_address(url)
    except AddressError:
        return False
    return True
