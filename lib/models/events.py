"""The events that reach `process_scan`, as data."""

from dataclasses import dataclass
from datetime import datetime

from lib.models.names import Counts
from lib.models.scans import Image, Report, Scan


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


Event = ScanEvent | PushEvent | RepositoryEvent | FindingEvent | IgnoredEvent
