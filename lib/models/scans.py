"""What was scanned, and what the scanner lists for it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from lib.models.names import Counts, Severity


class Doubt(StrEnum):
    """What an answer of ECR leaves open about an image."""

    ARCHIVED = "whether it is archived"
    REFERRER = "whether it belongs to another image"


@dataclass(frozen=True, slots=True)
class Image:
    """
    An image by digest. Tags are labels: none, one or several.

    Without a digest it stands for its repository, and with one tag for that tag alone.
    """

    partition: str
    account: str
    region: str
    repository: str
    digest: str
    tags: tuple[str, ...] = ()
    platform: str | None = None
    """"linux/amd64"; None where the source does not say."""
    os: str | None = None
    """The distribution as Inspector names it, for example "UBUNTU_24_04"."""
    pushed_at: datetime | None = None
    in_use_count: int | None = None
    doubts: tuple[Doubt, ...] = ()
    """What is not known of an image that ECR listed; no part of the one format."""

    @property
    def is_repository(self) -> bool:
        """Whether it stands for its repository, or a tag of it."""
        return not self.digest and bool(self.repository)

    @property
    def key(self) -> str:
        """Account, region, repository and digest in one string: the identity of an image."""
        place = f"{self.account}/{self.region}/{self.repository}"
        if self.is_repository:
            return f"{place}:{self.tags[0]}" if self.tags else place
        return f"{place}@{self.digest}"

    @property
    def name(self) -> str:
        """How people call it: "repository:tag", or "repository@sha256:1a2b3c4d5e6f"."""
        if self.tags:
            return f"{self.repository}:{self.tags[0]}"
        return self.repository if self.is_repository else f"{self.repository}@{self.digest[:19]}"


@dataclass(frozen=True, slots=True)
class Member:
    """One image of an index: the build for one platform, such as "linux/arm64/v8"."""

    digest: str
    platform: str
    os_version: str | None = None
    """The first three numbers of the version of its operating system: Windows is built for each."""

    @property
    def name(self) -> str:
        """The platform with the version, unique in its index: "windows/amd64 10.0.20348"."""
        return _part_name(self.platform, self.os_version)


@dataclass(frozen=True, slots=True)
class ImageIndex:
    """A multi-platform image. Its tags are on the index, its findings are those of its members."""

    image: Image
    """The index itself: its own digest, no platform."""
    members: tuple[Member, ...]
    attachments: tuple[str, ...] = ()
    """Digests of attestations and the like in it: no images, so nothing is expected of them."""

    @property
    def images(self) -> tuple[Image, ...]:
        """The members as images: the index has the tags, they have the platforms."""
        return tuple(
            [
                replace(self.image, digest=each.digest, tags=(), platform=each.platform)
                for each in self.members
            ]
        )


@dataclass(frozen=True, slots=True)
class Workload:
    """Something that runs an image: a service of ECS, or tasks of one family without a service."""

    cluster: str
    name: str
    service: bool
    tasks: int


@dataclass(frozen=True, slots=True)
class Deployments:
    """What runs an image, and what still runs the one before it in its stream."""

    image: tuple[Workload, ...] = ()
    before: tuple[Workload, ...] = ()


_SOURCE_NAME: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


class ScanSource(StrEnum):
    """
    A scanner, and the API through which its findings come.

    The list is open: `ScanSource("acme-scanner")` is a source as well, of a scanner of that name.
    Names are lower-case words joined by hyphens.
    """

    ECR_BASIC = "ecr-basic"
    ECR_ENHANCED = "ecr-enhanced"
    INSPECTOR2 = "inspector2"
    REPOSITORY = "repository"
    """No scanner: the settings of the repository itself, checked here."""

    @classmethod
    def _missing_(cls, value: object) -> "ScanSource | None":
        """Return a source that has no constant; None, a `ValueError`, for what is no name."""
        if not isinstance(value, str) or not _SOURCE_NAME.fullmatch(value):
            return None
        source = str.__new__(cls, value)
        source._name_ = source._value_ = value
        return source

    @property
    def scanner(self) -> str:
        """The scanner behind the API: only results of the same scanner can be compared."""
        return _SCANNERS.get(self, self.value)


_SCANNERS: Final[Mapping[str, str]] = MappingProxyType(
    {ScanSource.INSPECTOR2: ScanSource.ECR_ENHANCED.value}
)
"""Sources that are another API of a scanner with a source of its own."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What is known about one scan, beside its findings."""

    source: ScanSource
    status: str
    """The source's own word, kept as it came: COMPLETE, ACTIVE, FAILED, or one nobody knows yet."""
    completed_at: datetime | None = None
    reason: str | None = None
    """Why the result is not usable; None when it is."""
    complete: bool = True
    """False when fewer findings were listed than counted: absence then proves nothing."""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Score:
    """A CVSS score and where it comes from."""

    value: float
    version: str | None = None
    vector: str | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Package:
    """The vulnerable package as installed; `layer` is the digest of the image layer."""

    name: str
    version: str | None = None
    manager: str | None = None
    path: str | None = None
    layer: str | None = None
    purl: str | None = None


FindingId = tuple[str, str, str]
"""(vulnerability id, package name, path or ""): what makes two findings the same one."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One vulnerability in one package at one path. All but the identity are attributes."""

    vulnerability_id: str
    package: Package
    severity: Severity
    source_severity: str | None = None
    """The source's own word where it is not one of the scale: UNTRIAGED, "Moderate"."""
    aliases: tuple[str, ...] = ()
    title: str | None = None
    description: str | None = None
    score: Score | None = None
    fixed_version: str | None = None
    fix_available: str | None = None
    """YES, NO, PARTIAL or another word of the source; None where it does not say."""
    exploit_available: str | None = None
    exploit_observed_at: datetime | None = None
    """Last time an exploit was seen in the wild; None where the source does not say."""
    epss: float | None = None
    remediation: str | None = None
    links: tuple[str, ...] = ()
    first_observed_at: datetime | None = None
    last_observed_at: datetime | None = None
    source_status: str | None = None
    extra: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Fields of the source that have no place here, as text, so that nothing is lost."""
    platforms: tuple[str, ...] = ()
    """Where it was found in an index, when not on all platforms that were scanned."""

    @property
    def id(self) -> FindingId:
        """What makes this finding the same one in another scan."""
        return (self.vulnerability_id, self.package.name, self.package.path or "")

    @property
    def fixable(self) -> bool:
        """A version to upgrade to is named, or the source says that a fix exists."""
        return self.fixed_version is not None or self.fix_available in ("YES", "PARTIAL")

    @property
    def exploitable(self) -> bool:
        """An exploit is available, or was seen in the wild."""
        return self.exploit_available == "YES" or self.exploit_observed_at is not None

    @property
    def open(self) -> bool:
        """False where the source itself lists it as closed or suppressed."""
        return self.source_status not in ("CLOSED", "SUPPRESSED")


@dataclass(frozen=True, slots=True)
class Part:
    """What the scan of one image of an index came to."""

    platform: str
    digest: str
    status: str
    counts: Counts | None = None
    """Its findings by severity; None: nothing is known about them."""
    reason: str | None = None
    """Why nothing is known."""
    complete: bool = True
    """False when fewer findings were listed than counted."""
    os_version: str | None = None
    """See `Member.os_version`."""

    @property
    def name(self) -> str:
        """See `Member.name`."""
        return _part_name(self.platform, self.os_version)


def _part_name(platform: str, os_version: str | None) -> str:
    return f"{platform} {os_version}" if os_version else platform


@dataclass(frozen=True, slots=True)
class Provenance:
    """The source code and build of an image, as it states them: cleaned, cut, not proven."""

    commit: str | None = None
    repository: str | None = None
    """Of the source code, as an https address without credentials; see `lib.urls.forges`."""
    build_url: str | None = None
    created_at: datetime | None = None
    evidence: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """The origin of each field above, by its name: a label, an annotation, a tag, alerts.yml."""
    unread_reason: str | None = None
    """Why annotations and labels were not read; None when they were."""


@dataclass(frozen=True, slots=True)
class Report:
    """
    A usable scan result. Findings are distinct by identity and sorted worst first.

    That of an index has the findings of its parts together, each of them once.
    """

    image: Image
    scan: Scan
    findings: tuple[Finding, ...]
    parts: tuple[Part, ...] = ()
    provenance: Provenance | None = None

    @property
    def counts(self) -> Counts:
        """Findings by severity; every severity has a number and they add up to `len(findings)`."""
        counts = dict.fromkeys(reversed(Severity), 0)
        for finding in self.findings:
            counts[finding.severity] += 1
        return counts


@dataclass(frozen=True, slots=True)
class UnusableReport:
    """A scan result that says nothing about findings: failed, unsupported, pending, not fetched."""

    image: Image
    scan: Scan
    stated_counts: Counts | None = None
    """What an event counted, where it did. Never a substitute for findings."""
    parts: tuple[Part, ...] = ()
    provenance: Provenance | None = None


AnyReport = Report | UnusableReport


class ScanProgress(StrEnum):
    """How far the last scan of an image is."""

    NONE = "none"
    RUNNING = "running"
    USABLE = "usable"
    UNUSABLE = "unusable"


@dataclass(frozen=True, slots=True)
class LastScan:
    """What the registry says about the last scan of an image, without its findings."""

    source: ScanSource
    status: str
    progress: ScanProgress
    completed_at: datetime | None = None
