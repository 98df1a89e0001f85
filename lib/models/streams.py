"""
The state of a stream: the images that count in it, and when its vulnerabilities changed.

A stream is the line of images that a set of tags has pointed to, one after the other. Its state is
one immutable object per version; a new version is made only where something differs.
"""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from lib.models.events import Removal
from lib.models.immutable import immutable
from lib.models.names import Counts, Severity, StreamId
from lib.models.scans import AnyReport, Finding, Image, Provenance, Report, ScanSource

VulnerabilityId = str
"""The id by which a vulnerability is shown and kept: its CVE where there is one."""


@immutable(frozen=True, slots=True)
class Vulnerability:
    """
    A vulnerability of an image, whatever rows, packages and places name it.

    The unit that is counted, compared and notified. `findings` are its rows, worst first.
    """

    id: VulnerabilityId
    names: tuple[str, ...]
    """Every id by which it is found, `id` first: ids of its rows, aliases that are its alone."""
    findings: tuple[Finding, ...]

    @property
    def severity(self) -> Severity:
        """The worst severity of its rows."""
        return max(finding.severity for finding in self.findings)

    @property
    def exploitable(self) -> bool:
        """Whether an exploit is known for one of its rows."""
        return any(finding.exploitable for finding in self.findings)

    @property
    def fixable(self) -> bool:
        """Whether a fix exists for one of its rows."""
        return any(finding.fixable for finding in self.findings)


class Stamp(NamedTuple):
    """When something happened: in which version of the stream's state, and at what time."""

    version: int
    at: datetime


class Arrival(StrEnum):
    """The ways by which a vulnerability comes into the watched images of a stream."""

    PUSH = "push"
    """A new image was pushed."""
    TAG = "tag"
    """A tag was given to an image that was known: a promotion."""
    ROLLBACK = "rollback"
    """The same, and that image is older than the one that was current."""
    DELETION = "deletion"
    """The image or tag that was current before it was deleted."""
    ARCHIVING = "archiving"
    """The image that was current before was archived."""
    END = "end"
    """The image that was current before counts no longer, though it is there."""
    SCAN = "scan"
    """A scan of an image that was watched already."""
    RULES = "rules"
    """alerts.yml puts tags into another stream."""
    DEPLOYMENT = "deployment"
    """The image is watched only because it began to run."""


class PackageVersion(NamedTuple):
    """A package as installed, as far as a fix must change it."""

    name: str
    version: str


@immutable(frozen=True, slots=True)
class Evidence:
    """
    The list of one scan for one part of an image.

    A part whose own scan has no complete result keeps the evidence of the last one that had.
    """

    image: Image
    """Whose scan it was; its first tag is its name in messages."""
    part: str
    source: ScanSource
    at: datetime
    """When the scan was completed, else when its result was fetched."""
    complete: bool
    """False: fewer findings were listed than announced, so absence proves nothing."""
    findings: tuple[Finding, ...]
    """Every row, also what the source lists as closed or suppressed."""

    @property
    def scanner(self) -> str:
        """Only results of the same scanner can be compared."""
        return self.source.scanner


@immutable(frozen=True, slots=True)
class PartState:
    """How the scan of one part of a watched image stands."""

    part: str
    """Its platform, with the first three numbers of its OS version if any; "" unknown."""
    status: str
    """The source's own word for its last scan."""
    reason: str | None = None
    """Why that scan has no usable result; None when it has."""
    source: ScanSource | None = None
    """The door through which that scan is known; None: no scan is."""
    monitored: bool = True
    """False: the scanner is not known to watch it any more, so its evidence may be old."""
    evidence: tuple[Evidence, ...] = ()
    """
    What is known to be in it: its own evidence first.

    Without a complete result of its own, that of the same part of an earlier image follows. Empty:
    this part never had a result.
    """


class Role(StrEnum):
    """Why an image of a stream is watched."""

    CURRENT = "current"
    """The stream's last pushed tag points to it."""
    RUNNING = "running"
    """It is behind the current image, and still runs."""


@immutable(frozen=True, slots=True)
class WatchedImage:
    """An image that counts in a stream, with what its scans say."""

    image: Image
    """With those tags only by which it is, or was, in this stream."""
    role: Role
    running: bool
    """Whether something is known to run it."""
    parts: tuple[PartState, ...]
    """At least one; several for an index."""
    provenance: Provenance | None = None
    """The origin that the image itself states; None: it was not read."""


@immutable(frozen=True, slots=True)
class Lifecycle:
    """When a vulnerability that is open in a stream came, and got worse or better known."""

    opened: Stamp
    arrival: Arrival
    severity: Severity
    """The worst in the watched images."""
    exploitable: bool
    fixable: bool
    scanner: str
    """Which one listed it last."""
    first_observed_at: datetime
    """By the scanner, where it says so; else when it came. For its age."""
    raised: Stamp | None = None
    exploit_known: Stamp | None = None
    fix_available: Stamp | None = None
    deployed: Stamp | None = None
    """When an image that has it began to run."""
    left_current: Stamp | None = None
    """When the current image stopped to list it, while other watched images have it."""


@immutable(frozen=True, slots=True)
class Departure:
    """A vulnerability that no watched image lists as open any more, as it was listed last."""

    at: Stamp
    lifecycle: Lifecycle
    names: tuple[str, ...]
    image: Image
    """The image that listed it last."""
    scanner: str
    parts: tuple[str, ...]
    """The parts that had it."""
    packages: tuple[PackageVersion, ...]
    closed: str | None = None
    """The source's own word where the source itself closed or suppressed it: CLOSED, SUPPRESSED."""
    cause: Arrival = Arrival.SCAN
    """
    What changed the watched images then, or what their scans list.

    A push or a tag: another image became current. DEPLOYMENT: an image began or stopped to run.
    """


@immutable(frozen=True, slots=True)
class Comparison:
    """The reference of a stream with `compare_with`: what the other stream's current image had."""

    digest: str
    """Of that current image."""
    names: frozenset[str]
    """What the other stream's current image had then: each vulnerability under all its names."""
    first: frozenset[str] | None = None
    """
    What was in the first complete report, and in the first result of a part that failed then.

    None: it has not come, and `names` follows still.
    """


@immutable(frozen=True, slots=True)
class StreamState:
    """A version of the knowledge about a stream."""

    stream: StreamId
    version: int
    at: datetime
    """When this version was made."""
    created_at: datetime
    """When its first version was made."""
    images: tuple[WatchedImage, ...] = ()
    """The current image first, where there is one; then running ones, newest first."""
    lifecycles: Mapping[VulnerabilityId, Lifecycle] = field(
        default_factory=lambda: MappingProxyType({})
    )
    """Of each vulnerability that is open in a watched image."""
    departures: Mapping[VulnerabilityId, Departure] = field(
        default_factory=lambda: MappingProxyType({})
    )
    """Of those that a view may still report."""
    conditions: Mapping[str, Stamp] = field(default_factory=lambda: MappingProxyType({}))
    """By key (see `lib.core.conditions`), since when a part is without a result."""
    comparison: Comparison | None = None
    """None: the stream is not compared with another one."""
    first_result_at: datetime | None = None
    """When a scan of its images had a usable result first. None: not yet, or not recorded."""

    @property
    def result_since(self) -> datetime | None:
        """Since when it has a usable result; None: it has none yet."""
        if self.first_result_at is None and self.has_evidence:
            return self.created_at
        return self.first_result_at

    @property
    def current(self) -> WatchedImage | None:
        """The current image; None where no tag of the stream points to one."""
        first = next(iter(self.images), None)
        return first if first is not None and first.role is Role.CURRENT else None

    @property
    def has_evidence(self) -> bool:
        """Whether any part of a watched image ever had a usable report in this stream."""
        return any(part.evidence for watched in self.images for part in watched.parts)


@immutable(frozen=True, slots=True)
class HistoryPoint:
    """A version of a stream's state in numbers: what is open, and what came and left with it."""

    version: int
    at: datetime
    image: Image | None
    """The current image, else the first watched one; None: no image is watched."""
    scanned: bool
    """Whether each part of each watched image has a complete result of its own."""
    open: Counts
    """Vulnerabilities by severity, asked for or not."""
    came: Counts
    left: Counts


@immutable(frozen=True, slots=True)
class ScanRecord:
    """The stored scans of an image: the last one, and the last one with a result."""

    last: AnyReport
    fetched_at: datetime
    """When the last one was fetched."""
    usable: Report | None = None
    """The last one with a result, where the last one has none for some part."""
    usable_at: datetime | None = None
    """When that one was fetched."""
    monitored: bool = True
    """False: the scanner is not known to watch the image any more."""
    provenance: Provenance | None = None
    """See `WatchedImage.provenance`."""


@immutable(frozen=True, slots=True)
class CoveredImage:
    """An image in Inspector's coverage, alone or as a part of an index."""

    image: Image
    tags: tuple[str, ...]
    monitored: bool
    reason: str
    """Inspector's word for why it is monitored, or not: SUCCESSFUL, SCAN_ELIGIBILITY_EXPIRED."""
    scanned_at: datetime | None = None
    in_use_count: int | None = None
    """Tasks and pods that run it; None: not known."""


UNTAGGED: Final = ""
"""The `tag` of an image that never had one."""


@immutable(frozen=True, slots=True)
class TagRow:
    """
    A tag on one image: when it was pushed last, and deleted last.

    A tag that moved has a row for each image that it pointed to. The one that was pushed last
    counts, and none does once that one was deleted.
    """

    tag: str
    digest: str
    pushed_at: datetime
    """The time of the event, else when a pass first saw it."""
    observed: bool = False
    """A pass saw it, and there was no event."""
    deleted_at: datetime | None = None
    """When it was deleted or archived last; a push after that counts again."""
    archived: bool = False
    """It was archived: restored, it has the place in the order that it had."""


@immutable(frozen=True, slots=True)
class TagFact:
    """A fact about a tag of a stream, from an event or an answer of ECR."""

    stream: StreamId
    tag: str
    digest: str
    at: datetime
    """When the tag was pushed; of an answer, when the image was."""
    observed_at: datetime | None = None
    """When ECR answered; None: an event says so."""
    since: datetime | None = None
    """When ECR answered about the image before, and did not name the tag; None: never."""
    removal: Removal | None = None
    """Deleted or archived at that time; None: the tag was pushed, or is there."""


class ConfirmedTags(NamedTuple):
    """An answer of ECR: these are all tags of an image."""

    image: Image
    at: datetime
    streams: tuple[StreamId, ...]
    """Those that the image is, or was, in."""


class TagNews(NamedTuple):
    """The facts about tags that an event brings, and that no stream keeps yet."""

    facts: tuple[TagFact, ...] = ()
    answer: ConfirmedTags | None = None

    @property
    def streams(self) -> tuple[StreamId, ...]:
        """The streams that it is about."""
        confirmed = self.answer.streams if self.answer is not None else ()
        return tuple(dict.fromkeys((*[fact.stream for fact in self.facts], *confirmed)))


NO_NEWS: Final = TagNews()


@immutable(frozen=True, slots=True)
class Use:
    """The answers of one source to whether an image runs."""

    running_at: datetime
    """The last answer that it runs."""
    stopped_at: datetime | None = None
    """The first answer after that one that it does not."""


@immutable(frozen=True, slots=True)
class ImageRow:
    """The facts about an image that decide whether it counts."""

    image: Image
    """As it was described last."""
    known_since: datetime
    """When it was pushed, else when it was first seen."""
    scan_ended_at: datetime | None = None
    """When its first scan ended, with a result or without."""
    uses: Mapping[str, Use] = field(default_factory=lambda: MappingProxyType({}))
    """By the source that said so, such as "ecs"; without those that never saw it running."""
    is_index: bool = False
    indexes: tuple[str, ...] = ()
    """The digests of the indexes that have it as a part, deleted or not; the newest first."""
    index_has_tags: bool = False
    attached: bool = False
    """To the images of its index, as an attestation: it is no image, and has no scan."""
    gone_at: datetime | None = None
    """When it was deleted or archived last, or turned out to be no image."""

    @property
    def index(self) -> str | None:
        """The newest index that has it as a part; None: there is none."""
        return next(iter(self.indexes), None)


class Watch(NamedTuple):
    """The images of a stream that count now, and why."""

    current: Image | None
    """With its tags in this stream, the one pushed last first."""
    running: tuple[Image, ...]
    """Images behind the current one that run, newest first, with the tags that they have or had."""
    current_runs: bool
    arrival: Arrival
    """How the current image became current; SCAN where it was so before."""
    reason: str
    """Why the current image is current, or why there is none, in words."""
    left_out: int = 0
    """How many running images are not watched, as too many newer ones run."""
    due_at: datetime | None = None
    """When time alone can change the answer."""

    @property
    def images(self) -> tuple[Image, ...]:
        """All of them, the current one first."""
        return self.running if self.current is None else (self.current, *self.running)
