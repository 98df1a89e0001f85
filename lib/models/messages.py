"""The neutral alert and digest, which notifiers lay out."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from lib.models.evaluations import Basis, Change, ScanProblem
from lib.models.names import Counts, DeliveryId, Destination, Severity, StreamId
from lib.models.scans import Image, Part, Provenance, Running, Scan


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
