"""The events for `process_scan`."""

from datetime import datetime
from enum import StrEnum

from lib.models.immutable import immutable
from lib.models.names import Counts
from lib.models.scans import Image, Report, Scan


@immutable(frozen=True, slots=True)
class ScanEvent:
    """A scan of an image, announced by ECR or Inspector."""

    event_id: str
    time: datetime
    image: Image
    scan: Scan
    counts: Counts | None = None
    index: bool = False
    """Whether `image` is an index: its result is that of its members together."""
    quiet: bool = False
    """Whether a first evaluation only sets the baseline, without a notification."""
    found_at: datetime | None = None
    """The time at which reconciliation found the scan; None for an event of AWS."""

    @property
    def announced_at(self) -> datetime:
        """The time from which a result is expected. An old scan may be found late."""
        return self.found_at or self.time


@immutable(frozen=True, slots=True)
class PushEvent:
    """A push of an image, an index or another artifact, with the tag that was pushed, if any."""

    event_id: str
    time: datetime
    image: Image
    index: bool | None = None
    """Whether an index was pushed; None if the event does not say."""
    artifact: str | None = None
    """The kind of what was pushed instead of an image, in words; None for an image."""


class Removal(StrEnum):
    """The ways in which an image leaves a registry, or comes back."""

    DELETED = "deleted"
    ARCHIVED = "archived"
    RESTORED = "restored"


@immutable(frozen=True, slots=True)
class RemovalEvent:
    """An image, or a tag of it, was deleted; or an image was archived or restored."""

    event_id: str
    time: datetime
    image: Image
    """With the tag that was deleted, where the event names one."""
    removal: Removal


@immutable(frozen=True, slots=True)
class RepositoryEvent:
    """A check of a repository, after a change of its settings or by schedule."""

    event_id: str
    time: datetime
    image: Image
    """The repository, as an image without a digest."""


@immutable(frozen=True, slots=True)
class FindingEvent:
    """An Inspector finding about an ECR image that was created, updated or closed."""

    event_id: str
    time: datetime
    report: Report


@immutable(frozen=True, slots=True)
class IgnoredEvent:
    """An event that does not concern ECR images, with the reason."""

    event_id: str
    reason: str


Event = ScanEvent | PushEvent | RemovalEvent | RepositoryEvent | FindingEvent | IgnoredEvent
