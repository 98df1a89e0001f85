"""Images, their scans, and the findings of a scan."""

import re
from collections.abc import Callable, Mapping
from dataclasses import field, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from lib.models.immutable import immutable
from lib.models.names import Counts, Severity


class Doubt(StrEnum):
    """A question about an image that ECR's answer leaves open."""

    ARCHIVED = "whether it is archived"
    REFERRER = "whether it belongs to another image"


_UNNAMED: Final = "an image without a name"


@immutable(frozen=True, slots=True)
class Image:
    """
    An image by digest. It has no, one or several tags.

    Without a digest it represents its repository, and with one tag only that tag.
    """

    partition: str
    account: str
    region: str
    repository: str
    digest: str
    tags: tuple[str, ...] = ()
    platform: str | None = None
    """"linux/amd64"; None if the source does not say."""
    os: str | None = None
    """The distribution in Inspector's words, for example "UBUNTU_24_04"."""
    pushed_at: datetime | None = None
    in_use_count: int | None = None
    """Tasks and pods that run it, in Inspector's count; None if the source does not say."""
    last_in_use_at: datetime | None = None
    """The last time something ran it; None if nothing did, or the source does not say."""
    extra: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    """Other fields of the source as text, by AWS's names; see `Finding.extra`."""
    doubts: tuple[Doubt, ...] = ()
    """Open questions about an image from ECR. Not a part of published documents."""

    @property
    def is_repository(self) -> bool:
        """Whether the image represents its repository, or a tag."""
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
        """The name of the image: "repository:tag", or "repository@sha256:1a2b3c4d5e6f"."""
        repository = self.repository or _UNNAMED
        if self.tags:
            return f"{repository}:{self.tags[0]}"
        return f"{repository}@{self.digest[:19]}" if self.digest else repository

    @property
    def arn(self) -> str | None:
        """The ARN of the image; None where a part of it is not known."""
        if not (self.account and self.region and self.repository and self.digest):
            return None
        place = f"arn:{self.partition}:ecr:{self.region}:{self.account}"
        return f"{place}:repository/{self.repository}/{self.digest}"

    @property
    def settled(self) -> "Image":
        """The image without what changes although nothing is pushed: uses, fields nobody knows."""
        return replace(self, in_use_count=None, last_in_use_at=None, extra=MappingProxyType({}))

    def name_beside(self, other: "Image") -> str:
        """Return the name of the image, by its digest where another image has the same name."""
        is_alike = self.name == other.name and self.key != other.key
        return replace(self, tags=()).name if is_alike else self.name


@immutable(frozen=True, slots=True)
class Member:
    """A member of an index: the image for one platform, such as "linux/arm64/v8"."""

    digest: str
    platform: str
    os_version: str | None = None
    """The first three numbers of the version of its operating system: Windows is built for each."""

    @property
    def name(self) -> str:
        """The platform with the version, unique in its index: "windows/amd64 10.0.20348"."""
        return _part_name(self.platform, self.os_version)


@immutable(frozen=True, slots=True)
class ImageIndex:
    """A multi-platform image. It has the tags, and its members have the findings."""

    image: Image
    """The image of the index, with its own digest and without a platform."""
    members: tuple[Member, ...]
    attachments: tuple[str, ...] = ()
    """Digests of attestations and the like, which have no scans."""

    @property
    def images(self) -> tuple[Image, ...]:
        """The members as images, with their platforms and without tags."""
        return tuple(
            [
                replace(self.image, digest=each.digest, tags=(), platform=each.platform)
                for each in self.members
            ]
        )


@immutable(frozen=True, slots=True)
class Workload:
    """A service of ECS that runs an image, tasks of a family without one, or a workload of EKS."""

    cluster: str
    name: str
    service: bool
    tasks: int
    pods: bool = False
    """Whether pods of EKS are counted, not tasks of ECS; `name` begins with the namespace."""


@immutable(frozen=True, slots=True)
class Deployments:
    """The workloads of an image, and those of the previous image in its stream."""

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
        """Return a source without a constant. Other texts are refused with a `ValueError`."""
        if not isinstance(value, str) or not _SOURCE_NAME.fullmatch(value):
            return None
        source = str.__new__(cls, value)
        source._name_ = source._value_ = value
        return source

    @property
    def scanner(self) -> str:
        """The scanner behind the API. Only results of the same scanner can be compared."""
        return _SCANNERS.get(self, self.value)


_SCANNERS: Final[Mapping[str, str]] = MappingProxyType(
    {ScanSource.INSPECTOR2: ScanSource.ECR_ENHANCED.value}
)
"""Scanners of sources that are a second API of a scanner."""


@immutable(frozen=True, slots=True)
class Scan:
    """The facts about a scan, without its findings."""

    source: ScanSource
    status: str
    """The source's own word, unchanged: COMPLETE, ACTIVE, FAILED, or an unknown one."""
    completed_at: datetime | None = None
    reason: str | None = None
    """The reason why the result is unusable; None for a usable one."""
    complete: bool = True
    """False if fewer findings are listed than counted. An absent finding proves nothing then."""
    warnings: tuple[str, ...] = ()


@immutable(frozen=True, slots=True)
class Score:
    """A CVSS score and its source."""

    value: float
    version: str | None = None
    vector: str | None = None
    source: str | None = None


@immutable(frozen=True, slots=True)
class Package:
    """The vulnerable package as installed; `layer` is the digest of the image layer."""

    name: str
    version: str | None = None
    manager: str | None = None
    path: str | None = None
    layer: str | None = None
    purl: str | None = None


FindingId = tuple[str, str, str]
"""(vulnerability id, package name, path or ""): by which rows of one scan differ."""


@immutable(frozen=True, slots=True)
class Finding:
    """A vulnerability in a package at a path. All other fields are attributes."""

    vulnerability_id: str
    package: Package
    severity: Severity
    source_severity: str | None = None
    """The source's own word if it is not on the scale: UNTRIAGED, "Moderate"."""
    aliases: tuple[str, ...] = ()
    title: str | None = None
    description: str | None = None
    score: Score | None = None
    fixed_version: str | None = None
    fix_available: str | None = None
    """YES, NO, PARTIAL or another word of the source; None if it does not say."""
    exploit_available: str | None = None
    exploit_observed_at: datetime | None = None
    """The last time an exploit was seen in the wild; None if the source does not say."""
    epss: float | None = None
    remediation: str | None = None
    links: tuple[str, ...] = ()
    first_observed_at: datetime | None = None
    last_observed_at: datetime | None = None
    source_status: str | None = None
    extra: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Other fields of the source as text, so that nothing is lost."""
    platforms: tuple[str, ...] = ()
    """The platforms of an index with the finding, if not all scanned ones have it."""

    @property
    def id(self) -> FindingId:
        """The place of the row in its scan. What is compared and notified is a `Vulnerability`."""
        return (self.vulnerability_id, self.package.name, self.package.path or "")

    @property
    def fixable(self) -> bool:
        """Whether a fixed version is named, or the source says that a fix exists."""
        return self.fixed_version is not None or self.fix_available in ("YES", "PARTIAL")

    @property
    def exploitable(self) -> bool:
        """Whether an exploit is available, or was seen in the wild."""
        return self.exploit_available == "YES" or self.exploit_observed_at is not None

    @property
    def open(self) -> bool:
        """Whether the finding is open: the source lists it neither as closed nor as suppressed."""
        return self.source_status not in ("CLOSED", "SUPPRESSED")


@immutable(frozen=True, slots=True)
class Part:
    """The scan of a member of an index."""

    platform: str
    digest: str
    status: str
    counts: Counts | None = None
    """Its findings by severity; None without a usable result."""
    reason: str | None = None
    """The reason why there is no usable result."""
    complete: bool = True
    """False if fewer findings are listed than counted."""
    os_version: str | None = None
    """See `Member.os_version`."""

    @property
    def name(self) -> str:
        """See `Member.name`."""
        return _part_name(self.platform, self.os_version)


def _part_name(platform: str, os_version: str | None) -> str:
    return f"{platform} {os_version}" if os_version else platform


@immutable(frozen=True, slots=True)
class Provenance:
    """Source code and build of an image, as the image states them: cleaned, cut, not proven."""

    commit: str | None = None
    repository: str | None = None
    """The source repository as an https address without credentials; see `lib.urls.forges`."""
    build_url: str | None = None
    created_at: datetime | None = None
    base_image: str | None = None
    """The name of the image that it was built on: "docker.io/library/debian:12"."""
    evidence: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """The origin of each field above, by its name: a label, an annotation, a tag, alerts.yml."""
    unread_reason: str | None = None
    """The reason why annotations and labels were not read; None if they were."""


@immutable(frozen=True, slots=True)
class Report:
    """
    A usable scan report. Findings are distinct by identity, worst first.

    The report of an index has the findings of all its parts, each once.
    """

    image: Image
    scan: Scan
    findings: tuple[Finding, ...]
    parts: tuple[Part, ...] = ()
    provenance: Provenance | None = None
    fingerprint: str = field(default="", compare=False, repr=False)
    """Of the rows that it was made from; empty: not known. Not a part of documents."""

    @property
    def counts(self) -> Counts:
        """Findings by severity. Every severity has a number, and the sum is `len(findings)`."""
        counts = dict.fromkeys(reversed(Severity), 0)
        for finding in self.findings:
            counts[finding.severity] += 1
        return counts


@immutable(frozen=True, slots=True)
class UnusableReport:
    """A scan report without findings: failed, unsupported, pending, not fetched."""

    image: Image
    scan: Scan
    stated_counts: Counts | None = None
    """The counts of an event, if it has some. They never replace findings."""
    parts: tuple[Part, ...] = ()
    provenance: Provenance | None = None


AnyReport = Report | UnusableReport


@immutable(frozen=True, slots=True)
class SameReport:
    """A usable, complete report of the rows of which the stored report of its image was made."""

    image: Image
    scan: Scan
    fingerprint: str
    full: Callable[[], Report]
    """Makes the report with its findings."""


class ScanProgress(StrEnum):
    """The progress of an image's last scan."""

    NONE = "none"
    RUNNING = "running"
    USABLE = "usable"
    UNUSABLE = "unusable"


@immutable(frozen=True, slots=True)
class LastScan:
    """The last scan of an image in the registry, without its findings."""

    source: ScanSource
    status: str
    progress: ScanProgress
    completed_at: datetime | None = None
