"""Stored data about images and streams."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from lib.models.deliveries import Delivery
from lib.models.evaluations import HistoryEntry
from lib.models.names import StreamId
from lib.models.scans import Image, Provenance


@dataclass(frozen=True, slots=True)
class ImageState:
    """The state of an image after its last evaluation."""

    version: int
    order: datetime
    """The push time, else the time of the first event. It decides the position in the stream."""
    event_time: datetime
    event_id: str
    status: str
    usable: bool
    """Whether that evaluation had findings to list."""
    completed_at: datetime | None
    report_key: str | None
    """The key of the last usable evaluation. Failed scans do not change it."""
    provenance: Provenance | None = None
    """The provenance in the image, which never changes; None until it is read."""


@dataclass(frozen=True, slots=True)
class Membership:
    """The index that an image belongs to; the newest one of several."""

    index: str
    """The digest of the index."""
    attached: bool = False
    """Whether it is an attestation or the like instead of an image."""


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """The stored rows of an image."""

    state: ImageState | None = None
    membership: Membership | None = None


@dataclass(frozen=True, slots=True)
class StreamHead:
    """The newest image of a stream with a usable scan. `order` never goes back."""

    version: int
    image_key: str
    order: datetime
    report_key: str


@dataclass(frozen=True, slots=True)
class Commit:
    """All writes of an evaluation, and the versions that they are based on."""

    image: Image
    stream: StreamId
    state: ImageState
    known: ImageState | None
    head: StreamHead | None
    """None if the head does not change."""
    known_head: StreamHead | None
    deliveries: Sequence[Delivery]
    entry: HistoryEntry | None = None
    """The entry in the stream's history; None for an evaluation without news about the stream."""
