"""What the stores keep about images and streams."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from lib.models.deliveries import Delivery
from lib.models.evaluations import HistoryEntry
from lib.models.names import StreamId
from lib.models.scans import Image, Provenance


@dataclass(frozen=True, slots=True)
class ImageState:
    """What was known about an image after its last evaluation."""

    version: int
    order: datetime
    """When the image came to be: pushed, else first heard of. Places it in its stream."""
    event_time: datetime
    event_id: str
    status: str
    usable: bool
    """Whether that evaluation listed findings."""
    completed_at: datetime | None
    report_key: str | None
    """The last usable evaluation; survives failed scans."""
    provenance: Provenance | None = None
    """What the image says of itself, which never changes; None: it was not read yet."""


@dataclass(frozen=True, slots=True)
class Membership:
    """Which index an image is part of; the newest one where there are several."""

    index: str
    """Its digest."""
    attached: bool = False
    """It is no image, but an attestation or the like."""


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """All that is known about an image."""

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
    """Everything one evaluation writes, and what it was based on."""

    image: Image
    stream: StreamId
    state: ImageState
    known: ImageState | None
    head: StreamHead | None
    """None: the head stays as it is."""
    known_head: StreamHead | None
    deliveries: Sequence[Delivery]
    entry: HistoryEntry | None = None
    """What the stream's history keeps of it; None: nothing, it told nothing new of itself."""


@dataclass(frozen=True, slots=True)
class Bookmark:
    """Where a pass over all images stopped."""

    repository: str
    pushed_at: datetime | None = None
    """With `digest`: the last image that was looked at; None: none of this repository."""
    digest: str = ""
