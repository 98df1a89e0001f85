"""Alerts and digests in the neutral form that notifiers render."""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from lib.models.immutable import immutable
from lib.models.names import Counts, DeliveryId, Destination, Severity, StreamId
from lib.models.scans import Deployments, Image, Provenance, Score
from lib.models.views import Dispatch, OtherName, PinnedMessage


class Origin(StrEnum):
    """The origin of a vulnerable package, which decides the remedy."""

    BASE_IMAGE = "base-image"
    DEPENDENCY = "dependency"
    UNKNOWN = "unknown"

    @property
    def remedy(self) -> str:
        """The remedy as a heading."""
        match self:
            case Origin.BASE_IMAGE:
                return "Rebuild on the latest base image"
            case Origin.DEPENDENCY:
                return "Change your dependencies"
            case Origin.UNKNOWN:
                return "Upgrade"


@immutable(frozen=True, slots=True)
class Upgrade:
    """A package to upgrade, with the vulnerabilities that the upgrade removes."""

    package: str
    installed: tuple[str, ...]
    fixed: str | None
    """The version to upgrade to; None if the source names none."""
    manager: str | None
    fixes: Counts
    vulnerability_ids: tuple[str, ...]
    origin: Origin = Origin.UNKNOWN
    score: Score | None = None
    """The highest CVSS score of the vulnerabilities; None if the source has none."""
    exploitable: bool = False
    """Whether an exploit is known for one of the vulnerabilities."""


@immutable(frozen=True, slots=True)
class Omission:
    """A group of findings that the alert does not list, with the reason in words."""

    reason: str
    count: int
    standing: bool = False
    """Whether these findings are open and pass the filters: only this kind of change is
    excluded."""


@immutable(frozen=True, slots=True)
class Owner:
    """The team that an image belongs to, as alerts.yml names it."""

    team: str
    contact: str | None = None
    """Where the team is reached: a channel, an address, a rota."""

    @property
    def name(self) -> str:
        """The team, and where it is reached: "payments (#payments-oncall)"."""
        return f"{self.team} ({self.contact})" if self.contact else self.team


@immutable(frozen=True, slots=True)
class Notice:
    """A pinned message on its way, with what its links and its footer need."""

    delivery_id: DeliveryId
    """Of the notification."""
    message: PinnedMessage
    report_url: str | None = None
    """A signed link to the report page, which expires; None without a page."""
    page_key: str | None = None
    """The key of the same page."""
    provenance: Provenance | None = None
    """Of the current image; None if it was not read."""
    provenance_before: Provenance | None = None
    """Of the image that it is compared with."""
    running: Deployments | None = None
    """The workloads of its watched images; None if they were not read."""
    owner: Owner | None = None
    """The owner of its image; None if alerts.yml names none."""
    other_name: OtherName | None = None
    """See `Dispatch.other_name`."""
    note: str | None = None
    """The reason why this destination is notified in place of another one; None for its own."""
    attempt: int = 1
    possible_repeat: bool = False
    """Whether an earlier attempt may have arrived, and the receiver cannot tell."""

    @property
    def destination(self) -> Destination:
        """The destination whose view the message brings up to date."""
        return self.message.view.destination

    @property
    def stream(self) -> StreamId:
        """The stream that the message is about."""
        return self.message.view.stream

    @property
    def group(self) -> str:
        """The name that its messages share: the stream; in place of another destination the id."""
        return self.stream if self.note is None else f"{self.stream}#{self.delivery_id}"

    @property
    def quiet(self) -> bool:
        """Whether the receiver is brought up to date without a message."""
        return self.message.quiet


_UNDISPATCHED: Final = Dispatch(DeliveryId(""))


def notice_of(message: PinnedMessage, otherwise: Dispatch = _UNDISPATCHED) -> Notice:
    """Return the notice of a message; `otherwise` counts where its dispatch is not pinned."""
    dispatch = message.dispatch or otherwise
    return Notice(
        dispatch.notification,
        message,
        provenance=dispatch.provenance,
        provenance_before=dispatch.provenance_before,
        running=dispatch.running,
        other_name=dispatch.other_name,
        note=dispatch.note,
    )


def dispatch_of(notice: Notice) -> Dispatch:
    """Return what is pinned of a notice beside its message."""
    return Dispatch(
        notice.delivery_id,
        notice.note,
        notice.provenance,
        notice.provenance_before,
        notice.running,
        notice.other_name,
    )


@immutable(frozen=True, slots=True)
class Age:
    """Open vulnerabilities of about the same age."""

    words: str
    """The age in words: "up to 7 days", "over 90 days"."""
    counts: Counts
    is_old: bool = False
    """Whether that is more than a month."""


@immutable(frozen=True, slots=True)
class Moment:
    """Open vulnerabilities at one time."""

    at: datetime
    counts: Counts


@immutable(frozen=True, slots=True)
class RepositoryDigest:
    """The watched images of one repository."""

    account: str
    region: str
    repository: str
    images: int
    counts: Counts
    new: int
    resolved: int
    image: Image | None = None
    """One of its images: the only one, where it has one."""
    stream: StreamId | None = None
    """The stream of that image."""
    streams: tuple[StreamId, ...] = ()
    """A few of its streams with open vulnerabilities."""
    threads: tuple[str, ...] = ()
    """Where the destination has the alerts of these streams. Added when a digest is sent."""
    owner: Owner | None = None
    """The owner of its images; None if alerts.yml names none. Added when a digest is sent."""


@immutable(frozen=True, slots=True)
class UnscannedImage:
    """An image without a scan result, or without a new one, and the reason."""

    image: Image
    reason: str
    has_result: bool = False
    """Whether an earlier result is counted."""
    remedy: str = ""
    """What helps, in words; empty where that is a command."""
    streams: tuple[StreamId, ...] = ()
    """A few of the streams that the image is in, for links to their alerts."""
    threads: tuple[str, ...] = ()
    """Where the destination has the alerts of these streams. Added when a digest is sent."""


@immutable(frozen=True, slots=True)
class ResolvedVulnerability:
    """A vulnerability that is no longer open, and the number of images that had it."""

    vulnerability_id: str
    severity: Severity
    package: str
    images: int


@immutable(frozen=True, slots=True)
class PackageDigest:
    """A package whose upgrade removes open vulnerabilities, wherever it is."""

    package: str
    counts: Counts
    """The vulnerabilities in the package."""
    fixable: bool
    """Whether fixes of these vulnerabilities are known."""
    images: tuple[Image, ...]
    """The images that have it, those with most of the vulnerabilities first."""
    worst: str = ""
    """The id of the worst vulnerability, as lists order them."""
    installed: tuple[str, ...] = ()
    """The installed versions, lowest first."""
    fixed: str | None = None
    """The version that fixes all of them; None if none is named."""
    others: int = 0
    """Further packages with the same vulnerabilities."""
    of_distribution: bool = False
    """Whether the package comes with the base image."""
    described: str | None = None
    """The version that descriptions name; None where the scanner names one, or nobody does."""
    shares: tuple[int, ...] = ()
    """How many of the vulnerabilities each image has, in the order of `images`."""
    disputed: Mapping[str, int] = field(default_factory=dict)
    """
    How many of the vulnerabilities are disputed, by who does, in words; where descriptions name a
    version for a part, how many of that part.
    """
    other: str = ""
    """The further package, where it is one, with the same versions."""
    more: int = 0
    """Further packages that the same rebuild brings up to date, and that are not named."""
    more_counts: Counts = field(default_factory=dict)
    """The vulnerabilities in them."""
    described_counts: Counts = field(default_factory=dict)
    """The vulnerabilities whose descriptions name a version; empty where those of all do."""


class Unknown(NamedTuple):
    """Open vulnerabilities of which the scanner supplies no data of a kind, and their images."""

    number: int = 0
    images: tuple[Image, ...] = ()


_ALL_KNOWN: Final = Unknown()


class RemainingFixes(NamedTuple):
    """Open vulnerabilities whose fixes are no step of a digest, and their images."""

    counts: Counts = MappingProxyType({})
    images: tuple[Image, ...] = ()


_NO_FIXES: Final = RemainingFixes()


class OtherFixes(NamedTuple):
    """Open vulnerabilities whose fix is no upgrade of an image to a version of the scanner."""

    hosts: int = 0
    """Those of a kernel, which is that of the hosts."""
    described: int = 0
    """Those for which only a description names a version."""


class OmissionKind(StrEnum):
    """The rule that leaves an open vulnerability out of a digest."""

    BELOW = "below the threshold"
    FILTERED = "filtered out"
    SUPPRESSED = "suppressed"


Omitted = Mapping[OmissionKind, Counts]


class UnlistedVulnerability(NamedTuple):
    """A vulnerability that its scanner lists no more, though its package is unchanged."""

    id: str
    severity: Severity
    package: str
    image: str
    """The name of the image that has the package."""
    fixable: bool = False
    """Whether the scanner named a fix when it listed it last."""
    exploitable: bool = False
    """Whether it knew of an exploit then."""


@immutable(frozen=True, slots=True)
class Digest:
    """
    Open vulnerabilities of one destination: in the watched images that its routes match.

    Only those that pass the routes' filters are counted, by the severity that they have now, or
    had last; each once in an image. The numbers add up: `ages` and `repositories` each add up to
    `counts`, `open_before` + `new` - `resolved` = `counts`, and `counts` with `omitted` is all
    that is open.
    """

    delivery_id: DeliveryId
    destination: Destination
    stream: StreamId
    since: datetime
    until: datetime
    routes: tuple[str, ...]
    images: int
    """Watched images with a result: the current and the running ones of each stream."""
    clean: int
    """Images without open vulnerabilities."""
    counts: Counts
    fixable: int
    exploitable: int
    open_before: Counts
    new: Counts
    resolved: Counts
    resolved_vulnerabilities: tuple[ResolvedVulnerability, ...]
    """Worst first, then those of most images."""
    ages: tuple[Age, ...]
    oldest_open_since: datetime | None
    repositories: tuple[RepositoryDigest, ...]
    """Repositories with open vulnerabilities, worst first."""
    trend: tuple[Moment, ...]
    """Open vulnerabilities at the time of each digest, oldest first; the last one is now."""
    unscanned: tuple[UnscannedImage, ...]
    warnings: tuple[str, ...] = ()
    """Reasons why the numbers may be incomplete."""
    attempt: int = 1
    possible_repeat: bool = False
    packages: tuple[PackageDigest, ...] = ()
    """
    The packages of a few steps: the worst, and one for each image with a fix while there is room.
    """
    omitted: Omitted = field(default_factory=dict)
    """Open vulnerabilities in the same images that are not counted, by the reason."""
    occasion: str = ""
    """The reason of a summary, in a sentence; empty for the digest of a period."""
    unknown_fixes: Unknown = _ALL_KNOWN
    """Those of which neither the scanner nor a description says anything about a fix."""
    unknown_exploits: Unknown = _ALL_KNOWN
    oldest_here_since: datetime | None = None
    """When the oldest open vulnerability came into the watched images."""
    oldest: str = ""
    """The oldest open vulnerability; empty for none."""
    reports: Mapping[str, str] = field(default_factory=dict)
    """By the keys of images, signed links to the reports of their last alerts; they expire."""
    distinct: int | None = None
    """Open vulnerabilities, each once wherever it is; None in digests that did not count them."""
    shared: int = 0
    """How many of these are in several images."""
    distinct_disputed: Mapping[str, int] = field(default_factory=dict)
    """How many of these somebody disputes, by the words for it: "disputed by the vendor"."""
    fixes_left_out: RemainingFixes = _NO_FIXES
    """The vulnerabilities with a fix that are in none of `packages`."""
    other_fixes: OtherFixes | None = None
    """The fixes that are not in `fixable`; None in digests that did not count them."""
    unlisted: tuple[UnlistedVulnerability, ...] = ()
    """What no number has and may be there all the same, worst first."""

    @property
    def total(self) -> int:
        """The number of open vulnerabilities."""
        return sum(self.counts.values())

    @property
    def without_result(self) -> tuple[UnscannedImage, ...]:
        """The images of which nothing is known."""
        return tuple([entry for entry in self.unscanned if not entry.has_result])


Content = PinnedMessage | Digest
"""The messages that are pinned to a notification."""
Message = Digest | Notice
"""The messages that notifiers render, and verify after a lost answer."""
