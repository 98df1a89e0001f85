"""The ports of `lib.store` about streams and views: rows, and objects that never change."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol

from lib.models import (
    AnyReport,
    DeliveryId,
    Destination,
    Digest,
    Image,
    Pause,
    Provenance,
    Scan,
    StreamId,
    WakeUp,
)
from lib.models.immutable import immutable
from lib.models.streams import HistoryPoint, ImageRow, StreamState, TagRow
from lib.models.views import Notification, PinnedMessage, View

DUE: Final = 2_500
"""Rows of one destination that are woken at a time, of each partition of the index."""


@immutable(frozen=True, slots=True)
class ImageRecord:
    """Everything that is stored about an image."""

    row: ImageRow
    revision: int = 0
    """Counts the writes; 0: it is not stored."""
    report_key: str | None = None
    """Of the last report, usable or not; None: never scanned."""
    fetched_at: datetime | None = None
    """When that one was fetched."""
    usable_key: str | None = None
    """Of the last report with a result, where the last one has none for some part."""
    usable_at: datetime | None = None
    scan: Scan | None = None
    """The scan of the last report; None: never scanned."""
    monitored: bool = True
    """False: the scanner is not known to watch the image any more."""
    doubted: bool = False
    """The first report was fetched, and not believed: the next one is."""
    stale: bool = False
    """The scanner lists something else by now, and nobody fetched it."""
    event_id: str = ""
    """Of the event whose report was stored last."""
    event_time: datetime | None = None
    announced: int | None = None
    """How many findings the last event counted that counted any; None: a report listed them all."""
    announced_at: datetime | None = None
    """When the scan of that event ended."""
    provenance: Provenance | None = None
    """The origin that the image states, which never changes; None: not read."""
    fingerprint: str = ""
    """Of the rows of the last report; empty: it is made anew whatever is listed."""


@immutable(frozen=True, slots=True)
class StreamRow:
    """The row of a stream."""

    stream: StreamId
    revision: int = 0
    """Counts the writes; 0: it is not stored."""
    tags: tuple[TagRow, ...] = ()
    current: Image | None = None
    """The current image, with its tags in this stream."""
    state_key: str | None = None
    """Of the object that holds its state; None: no image of it counted yet."""
    state_version: int = 0
    due_at: datetime | None = None
    """When time alone can change which images count."""
    watched: tuple[str, ...] = ()
    """The digests of its watched images."""
    at_rest: bool = False
    """Nothing counts in it and nothing is reported of it, until an event says otherwise."""
    inputs: str = ""
    """A hash of what its state was made from, beside the state before; see `lib.core.settled`."""


@immutable(frozen=True, slots=True)
class StreamPartition:
    """A stream's row, the views of it, and their newest notifications: one read."""

    row: StreamRow
    views: Mapping[Destination, View] = field(default_factory=lambda: MappingProxyType({}))
    notifications: Mapping[Destination, Notification] = field(
        default_factory=lambda: MappingProxyType({})
    )
    """Those that `View.row` names."""


@immutable(frozen=True, slots=True)
class ViewWrite:
    """A view and its notification, as they are written, and as they were read."""

    view: View
    view_before: View | None
    row: Notification | None = None
    """None: no notification is written."""
    row_before: Notification | None = None


class WatchedDigests(NamedTuple):
    """A stream, and the digests of its watched images."""

    stream: StreamId
    digests: tuple[str, ...]


class StreamStore(Protocol):
    """Streams and views. All reads are consistent."""

    def read(self, stream: StreamId, *, only: Destination | None = None) -> StreamPartition:
        """
        Return what is stored of a stream. Raises `StoreError`.

        `only`: the view of that destination, and no notification.
        """

    def write(
        self,
        before: StreamRow,
        after: StreamRow,
        views: Sequence[ViewWrite],
        *,
        point: HistoryPoint | None = None,
    ) -> None:
        """
        Write a stream's row and views, 25 views a transaction, the row in the first.

        `point`: of the state that the row names now, where that is a new one.

        Raises `ConflictError` where something is not as it was read: then the rest is not written,
        and the same sync may be made again. Raises `StoreError`.
        """

    def streams(self, *, after: StreamId | None = None) -> Iterable[StreamId]:
        """
        Return the streams that are not at rest, always in the same order.

        `after`: those that follow that one. Raises `StoreError`.
        """


class StreamListing(Protocol):
    """Lists of streams for the scheduled passes. Changes of the last second may be missing."""

    def streams(self, *, after: StreamId | None = None) -> Iterable[StreamId]:
        """See `StreamStore.streams`."""

    def watched(self) -> Iterable[WatchedDigests]:
        """Return the watched images of all streams that have any. Raises `StoreError`."""

    def take_due(self, *, now: datetime) -> Sequence[StreamId]:
        """
        Return streams in which time alone may have changed which images count, at most a thousand.

        A stream that is returned counts as due again only after a quarter of an hour, unless it is
        synced before. Raises `StoreError`.
        """


class StreamHistory(Protocol):
    """What was open in streams, version by version."""

    def points(self, stream: StreamId, *, since: datetime, limit: int) -> Sequence[HistoryPoint]:
        """Return the newest points of a stream, oldest first. Raises `StoreError`."""


class StoredImage(NamedTuple):
    """An image as it is stored."""

    record: ImageRecord | None
    """None: nothing is known of it."""
    streams: tuple[StreamId, ...] = ()
    """Those that it is, or was, in; in order."""


class ImageStore(Protocol):
    """Images, as far as syncs ask about them."""

    def records(self, images: Sequence[Image]) -> Mapping[str, ImageRecord]:
        """Return what is stored of images, by their keys; unknown ones are absent."""

    def put(self, record: ImageRecord, *, streams: Sequence[StreamId] = ()) -> None:
        """
        Write a record over the one of the revision before it, and streams that it is in, too.

        Raises `ConflictError` where another revision is stored, and `StoreError`.
        """

    def stored(self, image: Image) -> StoredImage:
        """Return everything that is stored of an image, in one read. Raises `StoreError`."""


class StreamObjects(Protocol):
    """Reports, states and pinned messages as objects that never change."""

    def put_report(self, report: AnyReport) -> str:
        """Store a report and return its key. Raises `StoreError`."""

    def report(self, key: str) -> AnyReport | None:
        """Return a report; None when its retention is over. Raises `StoreError`."""

    def put_state(self, state: StreamState) -> str:
        """Store a state and return its key. Raises `StoreError`."""

    def state(self, key: str) -> StreamState | None:
        """Return a state; None when its retention is over. Raises `StoreError`."""

    def put_pinned(self, message: PinnedMessage | Digest) -> str:
        """Store a message that is about to be sent, and return its key. Raises `StoreError`."""

    def pinned(self, key: str) -> PinnedMessage | Digest | None:
        """Return a pinned message; None when its retention is over. Raises `StoreError`."""


class LookUp(NamedTuple):
    """A notification and the pause of its destination: one read."""

    row: Notification | None
    pause: Pause | None
    """The pause in force."""


class NotificationStore(Protocol):
    """
    The rows of notifications. Queues only wake; rows decide.

    All writes are conditional on the row as it was read. All methods raise `StoreError`.
    """

    def notification(self, row_id: DeliveryId) -> Notification | None:
        """Return a row."""

    def look_up(self, row_id: DeliveryId, destination: Destination, *, now: datetime) -> LookUp:
        """Return a row, and the pause of a destination."""

    def add(self, row: Notification) -> bool:
        """Write a one-shot row; False where it is there already."""

    def update(self, before: Notification, after: Notification) -> None:
        """
        Write a row. The sweep wakes it at its `due_at`, if that is another one.

        Raises `ConflictError` where the row is not as it was read.
        """

    def close(
        self,
        before: Notification,
        after: Notification,
        *,
        view_before: View | None,
        view: View,
        following: Notification | None = None,
    ) -> None:
        """
        Write a row, its view and the row that follows, all or nothing.

        Raises `ConflictError` where row or view are not as they were read.
        """

    def due(self, *, now: datetime, limit: int = DUE) -> Iterable[WakeUp]:
        """
        Return what to wake: due, or claimed by a worker whose lease has run out. Loud rows first.

        Oldest first, and some of every destination, whatever another one has.
        """

    def woken(self, turns: Iterable[tuple[WakeUp, datetime]]) -> None:
        """
        Let others have their turn: what was woken is not due for a wake-up before that time.

        What was taken or deferred meanwhile keeps its own time.
        """

    def dead(self) -> Sequence[Notification]:
        """Return the rows that were given up."""

    def unsent(self) -> Sequence[Notification]:
        """Return the rows that are open."""

    def gathering(self) -> Sequence[Notification]:
        """Return new rows that wait for others of their destination, due or not."""


class Pauses(Protocol):
    """The destinations that nothing is sent to for a while. All methods raise `StoreError`."""

    def pause(self, destination: Destination, pause: Pause) -> bool:
        """Hold a destination's messages back; False when a longer pause is in force."""

    def paused(self, destination: Destination, *, now: datetime) -> Pause | None:
        """Return the pause in force."""

    def pauses(self, *, now: datetime) -> Mapping[Destination, Pause]:
        """Return all pauses in force."""

    def resume(self, destination: Destination) -> None:
        """End a pause."""
