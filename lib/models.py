"""
The words of the pipeline: frozen, slotted dataclasses, tuples inside, times in UTC.

    Image -> Scan -> Finding        what a scanner said          (Report or UnusableReport)
    Known, Change, Comparison       what was there before, and what is different now
    Evaluation                      one scan result, compared    (stored once, never edited)
    Alert                           what one destination is told (neutral; notifiers render it)
    Delivery, Receipt               the ledger's row, and what the receiver answered
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple, NewType

DeliveryId = NewType("DeliveryId", str)
Destination = NewType("Destination", str)
"""The name of a destination in alerts.yml, not its address: addresses can be secrets."""

StreamId = NewType("StreamId", str)


class Severity(IntEnum):
    """The scale, worst last. As the source says; never recomputed from a score."""

    UNKNOWN = 0
    INFORMATIONAL = 1
    LOW = 2
    MEDIUM = 3
    HIGH = 4
    CRITICAL = 5


# --- what was scanned -------------------------------------------------------------------------


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
class Running:
    """What runs an image, and what still runs the one before it in its stream."""

    image: tuple[Workload, ...] = ()
    before: tuple[Workload, ...] = ()


class ScanSource(StrEnum):
    """Which scanner, and through which door its findings came."""

    ECR_BASIC = "ecr-basic"
    ECR_ENHANCED = "ecr-enhanced"
    INSPECTOR2 = "inspector2"
    REPOSITORY = "repository"
    """No scanner: the settings of the repository itself, checked here."""


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


Counts = Mapping[Severity, int]


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


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where an image was made from, by its own account: cleaned and cut, but nobody vouches."""

    commit: str | None = None
    repository: str | None = None
    """Of the source code, as an https address without credentials; see `lib.urls.forges`."""
    build_url: str | None = None
    created_at: datetime | None = None
    told_by: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """By the names of these fields, who says it: a label, an annotation, a tag, alerts.yml."""
    unread: str | None = None
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


# --- how a repository is set up ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NameFilter:
    """A filter over names as ECR has it: WILDCARD or PREFIX_MATCH."""

    filter: str
    type: str = "WILDCARD"


@dataclass(frozen=True, slots=True)
class ScanningRule:
    """SCAN_ON_PUSH, CONTINUOUS_SCAN or MANUAL, for the repositories that a filter matches."""

    frequency: str
    filters: tuple[NameFilter, ...]


@dataclass(frozen=True, slots=True)
class RepositorySettings:
    """How a repository is set up, what its registry says about scanning, and what it holds."""

    image: Image
    """The repository itself: an image without a digest."""
    tag_mutability: str
    """IMMUTABLE, MUTABLE, IMMUTABLE_WITH_EXCLUSION or MUTABLE_WITH_EXCLUSION."""
    exclusions: tuple[NameFilter, ...] = ()
    """Tags for which the opposite holds."""
    scan_on_push: bool = False
    """The repository's own setting."""
    scan_type: str = "BASIC"
    """BASIC or ENHANCED, of the registry."""
    scan_rules: tuple[ScanningRule, ...] = ()
    """Those of the registry."""
    encryption: str = "AES256"
    kms_key: str | None = None
    lifecycle_policy: str | None = None
    """Its text; None: there is no policy."""
    images: int = 0
    tag_sets: tuple[tuple[str, ...], ...] = ()
    """The tags of each image that has any."""
    stored_bytes: int = 0
    """All images added up; layers that they share are counted each time."""
    newest: Image | None = None
    """The image that was pushed last; one with a tag, where there is any."""
    last_scan: "LastScan | None" = None
    """How far the scan of `newest` is."""

    @property
    def untagged(self) -> int:
        """How many images have no tag."""
        return self.images - len(self.tag_sets)


@dataclass(frozen=True, slots=True)
class TagTarget:
    """Where a tag points to, as the pushes told."""

    digest: str
    pushed_at: datetime
    before: str | None = None
    """The digest that it pointed to before; None where that is not known."""


# --- events -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ScanEvent:
    """An image was scanned: what ECR and Inspector tell EventBridge."""

    event_id: str
    time: datetime
    image: Image
    scan: Scan
    counts: Counts | None = None
    index: bool = False
    """`image` is an index: its result is that of the images in it, together."""
    quiet: bool = False
    """Nobody is told of a first evaluation; it only sets the baseline."""
    found_at: datetime | None = None
    """When reconciliation came upon the scan; None for an event of AWS."""

    @property
    def announced_at(self) -> datetime:
        """Since when a result is expected: an old scan may have been found just now."""
        return self.found_at or self.time


@dataclass(frozen=True, slots=True)
class PushEvent:
    """Something was pushed. Only an index matters: an image is announced by its scan."""

    event_id: str
    time: datetime
    image: Image
    index: bool | None = None
    """Whether it is an index; None: the event does not say."""


@dataclass(frozen=True, slots=True)
class RepositoryEvent:
    """A repository is to be checked: its settings changed, or it is time."""

    event_id: str
    time: datetime
    image: Image
    """The repository itself: an image without a digest."""


@dataclass(frozen=True, slots=True)
class FindingEvent:
    """One Inspector finding about an ECR image was created, updated or closed."""

    event_id: str
    time: datetime
    report: Report


@dataclass(frozen=True, slots=True)
class IgnoredEvent:
    """An event that does not concern ECR images, and why."""

    event_id: str
    reason: str


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


Event = ScanEvent | PushEvent | RepositoryEvent | FindingEvent | IgnoredEvent


# --- what changed -----------------------------------------------------------------------------


class ChangeKind(StrEnum):
    """Why a finding is mentioned. SCAN_FAILED and NOT_SCANNED are about the whole scan."""

    BASELINE = "BASELINE"
    NEW = "NEW"
    RAISED = "RAISED"
    EXPLOIT_KNOWN = "EXPLOIT_KNOWN"
    FIX_AVAILABLE = "FIX_AVAILABLE"
    RESOLVED = "RESOLVED"
    UNCHANGED = "UNCHANGED"
    SCAN_FAILED = "SCAN_FAILED"
    NOT_SCANNED = "NOT_SCANNED"


@dataclass(frozen=True, slots=True)
class Change:
    """One finding and what is different about it. `finding` is the old one when RESOLVED."""

    kind: ChangeKind
    finding: Finding
    reason: str


@dataclass(frozen=True, slots=True)
class Suppressed:
    """A finding that a named, dated entry of alerts.yml leaves out."""

    finding: Finding
    entry: str
    reason: str
    expires: str
    kind: ChangeKind = ChangeKind.NEW
    """What its change would have been called, so that an unchanged one asks for nothing."""


class Standing(NamedTuple):
    """What counts about an earlier finding: each field as its `Finding` has it."""

    severity: Severity
    exploitable: bool
    fixable: bool
    open: bool
    source_status: str | None


@dataclass(frozen=True, slots=True)
class Known:
    """An earlier evaluation as far as a comparison needs it."""

    image: Image
    scan: Scan
    standings: Mapping[FindingId, Standing]
    """Every finding of its report, in their order."""
    suppressed: frozenset[FindingId]
    finding: Callable[[FindingId], Finding] = field(compare=False)
    """Builds one of them: few of many are ever mentioned."""
    parts: tuple[Part, ...] = ()
    since: Mapping[FindingId, datetime] = field(default_factory=lambda: MappingProxyType({}))
    """Since when each of its findings was known."""
    provenance: Provenance | None = None


class BasisKind(StrEnum):
    """Against what a result was compared: the same image, the one before it, or nothing."""

    RESCAN = "rescan"
    PREVIOUS_IMAGE = "previous-image"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Basis:
    """What the result was compared with."""

    kind: BasisKind
    image: Image | None = None
    completed_at: datetime | None = None
    provenance: Provenance | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Every open, unsuppressed finding stands in `changes` once; RESOLVED ones are extra."""

    basis: Basis
    changes: tuple[Change, ...]
    suppressed: tuple[Suppressed, ...] = ()
    unscanned: tuple[ChangeKind, ...] = ()
    """SCAN_FAILED or NOT_SCANNED for each part without a result that was not told of before."""
    since: tuple[datetime, ...] = ()
    """Since when each finding of the report is known in its stream, in the report's order."""


@dataclass(frozen=True, slots=True)
class ScanProblem:
    """A scan without a usable result, as people should hear of it."""

    kind: ChangeKind
    status: str
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One scan result, compared and judged: what the report object in S3 holds."""

    report: AnyReport
    stream: StreamId
    version: int
    """Counts the evaluations of this image; part of every delivery id."""
    evaluated_at: datetime
    comparison: Comparison | None = None
    problem: ScanProblem | None = None
    running: "Running | None" = None
    """What ran its image then, and the one before; None: nobody was asked."""


class Tally(NamedTuple):
    """Findings of one severity, as filters tell them apart."""

    total: int = 0
    fixable: int = 0
    exploitable: int = 0
    both: int = 0
    """Fixable and exploitable."""


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One evaluation of a stream in short: what its course over time is told from."""

    at: datetime
    """When it was evaluated."""
    image: Image
    version: int
    usable: bool
    """False: nothing is known about findings, and all numbers are empty."""
    open: Mapping[Severity, Tally]
    """What was open and not suppressed; severities without findings are absent."""
    came: Counts
    """New ones, and those of a first scan."""
    resolved: Counts
    suppressed: int
    report_key: str


# --- routing and delivery ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Filter:
    """What a route lets through. Kept in the delivery row, so later edits do not reach it."""

    route: str
    severity: Severity
    only: tuple[str, ...] = ()
    """fixable, exploitable, in-use: all of them must hold."""
    kinds: tuple[ChangeKind, ...] = ()
    """Empty: every kind but UNCHANGED."""
    unknown_severity: bool = False
    """Let findings without a known severity through, whatever the threshold."""


class DeliveryState(StrEnum):
    """SENT, DEAD, FOLDED and SUPPRESSED are final."""

    PENDING = "PENDING"
    CLAIMED = "CLAIMED"
    SENT = "SENT"
    RETRY = "RETRY"
    UNKNOWN = "UNKNOWN"
    DEAD = "DEAD"
    FOLDED = "FOLDED"
    SUPPRESSED = "SUPPRESSED"


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof that a receiver took a message, and what it needs to be updated later."""

    reference: str
    """Slack "ok", SNS message id, Jira issue key."""
    url: str | None = None
    thread: str | None = None
    """Where the next message about the same stream belongs (a Jira issue key); None: nowhere."""
    remark: str | None = None
    """What could not be added to the message that was taken, and why. For the log; not kept."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One row of the ledger: one alert for one destination."""

    id: DeliveryId
    destination: Destination
    filters: tuple[Filter, ...]
    image_key: str
    stream: StreamId
    evaluation_key: str
    state: DeliveryState
    created_at: datetime
    due_at: datetime | None
    """When the sweep wakes it; None in a final state."""
    first_at: datetime | None = None
    """When it was created at first; None for one that was never given another day."""
    attempts: int = 0
    """Claims so far."""
    failures: int = 0
    """Attempts that failed and counted (throttling does not)."""
    token: str | None = None
    reason: str | None = None
    receipt: Receipt | None = None
    thread: str | None = None
    """Where the message belongs: read with the claim, from what earlier receipts said."""
    told_at: datetime | None = None
    """When the newest evaluation that this thread tells of was made; read with the claim."""
    unsure: bool = False
    """An earlier attempt may have been accepted: its answer was lost, or its worker died."""
    unsure_at: datetime | None = None
    """When the last such attempt was made, at the latest; None: there was none."""
    note: str | None = None
    """Why this destination is told in another one's place; None: it is its own alert."""


class PauseKind(StrEnum):
    """Why nothing is sent to a destination for a while."""

    THROTTLED = "throttled"
    BROKEN = "broken"
    BY_HAND = "by-hand"


@dataclass(frozen=True, slots=True)
class Pause:
    """Until when nothing is sent to a destination, and why."""

    kind: PauseKind
    until: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class NotThere:
    """The receiver does not have it, or cannot tell: send (again)."""


@dataclass(frozen=True, slots=True)
class AskLater:
    """The receiver may have it and cannot say so yet."""

    seconds: float


Verdict = Receipt | NotThere | AskLater
"""What a receiver says about a delivery whose answer was lost."""


# --- the alert --------------------------------------------------------------------------------


class Origin(StrEnum):
    """Where a vulnerable package comes from, and so where it is mended."""

    BASE_IMAGE = "base-image"
    DEPENDENCY = "dependency"
    UNKNOWN = "unknown"

    @property
    def remedy(self) -> str:
        """What to do about it, as a heading."""
        match self:
            case Origin.BASE_IMAGE:
                return "Rebuild on a newer base image"
            case Origin.DEPENDENCY:
                return "Change your dependencies"
            case Origin.UNKNOWN:
                return "Upgrade"


@dataclass(frozen=True, slots=True)
class Upgrade:
    """One package to upgrade and what that removes."""

    package: str
    installed: tuple[str, ...]
    fixed: str | None
    """The version to go to; None where the source names none."""
    manager: str | None
    fixes: Counts
    vulnerability_ids: tuple[str, ...]
    origin: Origin = Origin.UNKNOWN


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A group of findings that the alert does not list, with the reason in words."""

    reason: str
    count: int
    standing: bool = False
    """Open and through the filters; only this kind of change is not asked for."""


@dataclass(frozen=True, slots=True)
class Alert:
    """
    What one destination is told about one evaluation; receivers differ in how they show it.

    The numbers add up: `total` = listed changes but RESOLVED + `unchanged` + all `left_out`, and
    also `standing` + what of `left_out` is not standing.
    """

    delivery_id: DeliveryId
    destination: Destination
    routes: tuple[str, ...]
    image: Image
    scan: Scan
    stream: StreamId
    basis: Basis
    verdict: str
    """One sentence: what happened, and what to do."""
    worst: Severity | None
    """Worst severity among the listed changes that are not RESOLVED; None without any."""
    counts: Counts
    """All findings of the scan by severity."""
    total: int
    changes: tuple[Change, ...]
    """What this destination asked for: worst first, RESOLVED last."""
    unchanged: int
    """Findings that pass the filters and were there before."""
    standing: tuple[Change, ...]
    """How things stand: all that is open now and passes the filters, new or not, worst first."""
    left_out: tuple[LeftOut, ...]
    upgrades: tuple[Upgrade, ...]
    """Ordered by what the upgrade fixes, worst and most first."""
    console_url: str
    problem: ScanProblem | None = None
    parts: tuple[Part, ...] = ()
    """The platforms of an index; none for an image of its own."""
    provenance: Provenance | None = None
    """Where it was made from; None: that is not asked for."""
    evaluated_at: datetime | None = None
    report_url: str | None = None
    """Where its report page is, by a signed link that expires; None: nowhere."""
    page_key: str | None = None
    """Under which key `PageReader` has the same page, for receivers that take files."""
    running: Running | None = None
    """What ran the image, and the one before, when it was evaluated."""
    attempt: int = 1
    possible_repeat: bool = False
    """An earlier attempt may have been accepted, and the receiver cannot tell."""
    outdated: bool = False
    """It comes late, behind a newer evaluation: how things stand was told better already."""


# --- the digest -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Age:
    """What is open and known for about so long."""

    words: str
    """"up to 7 days", "over 90 days"."""
    counts: Counts


@dataclass(frozen=True, slots=True)
class Moment:
    """What was open at one time."""

    at: datetime
    counts: Counts


@dataclass(frozen=True, slots=True)
class RepositoryDigest:
    """The newest images of one repository."""

    account: str
    region: str
    repository: str
    images: int
    counts: Counts
    came: int
    gone: int


@dataclass(frozen=True, slots=True)
class NotScanned:
    """An image about which nothing is known, or nothing new, and why."""

    image: Image
    reason: str


@dataclass(frozen=True, slots=True)
class Removed:
    """A vulnerability that is gone, and from how many images."""

    vulnerability_id: str
    severity: Severity
    package: str
    images: int


@dataclass(frozen=True, slots=True)
class Digest:
    """
    How things stand for one destination: the newest image of each stream that its routes name.

    The numbers add up: those of `ages` and of `repositories` to `counts`, and
    `before` + `came` - `gone` = `counts`. Only what the routes let through is counted, each finding
    with the severity that it has now, or had last.
    """

    delivery_id: DeliveryId
    destination: Destination
    stream: StreamId
    since: datetime
    until: datetime
    routes: tuple[str, ...]
    images: int
    """Newest images whose findings are known; streams, in other words."""
    clean: int
    """How many of them have nothing open."""
    counts: Counts
    fixable: int
    exploitable: int
    before: Counts
    came: Counts
    gone: Counts
    removed: tuple[Removed, ...]
    """What is gone, worst and most images first."""
    ages: tuple[Age, ...]
    oldest: datetime | None
    repositories: tuple[RepositoryDigest, ...]
    """Those with something open, worst first."""
    trend: tuple[Moment, ...]
    """
    What was open at the end of each period, oldest first; the last one is now.

    Times before anything was known are left out.
    """
    not_scanned: tuple[NotScanned, ...]
    doubts: tuple[str, ...] = ()
    """What may be missing in the numbers, and why."""
    attempt: int = 1
    possible_repeat: bool = False

    @property
    def total(self) -> int:
        """All that is open."""
        return sum(self.counts.values())


Message = Alert | Digest
"""What notifiers render, and what is verified after a lost answer."""


SHORT_ANSWER: Final = 65_536
"""Bytes that are read of an answer to a request, unless more are expected."""
LONG_ANSWER: Final = 4_194_304
"""Bytes of an answer that lists messages of others, or repeats a message of ours."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A 2xx answer. Some receivers put errors into it, so notifiers look at the text."""

    status: int
    text: str


@dataclass(frozen=True, slots=True)
class Upload:
    """A file on its way to a receiver."""

    name: str
    content: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class Usage:
    """How much of one limit of a receiver a payload uses: "characters", 1,234 of 10,000."""

    what: str
    used: int
    limit: int
