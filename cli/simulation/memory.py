"""The stores in memory: streams, images, objects and notifications, with their conditions."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from lib.core.notifications import after_lease, first_due, is_open
from lib.errors import ConflictError
from lib.models import AnyReport, DeliveryId, Destination, Image, StreamId
from lib.models.streams import HistoryPoint, StreamState
from lib.models.views import Notification, PinnedMessage, RowState, View
from lib.ports.store import Progress
from lib.ports.streams import (
    DUE,
    ImageRecord,
    StreamPartition,
    StreamRow,
    ViewWrite,
    WatchedDigests,
)

LEASE: Final = timedelta(minutes=5)
AGAIN_AFTER: Final = timedelta(minutes=15)


class MemoryProgress:
    """See `ProgressStore` of the ports."""

    def __init__(self) -> None:
        self.kept: dict[str, Progress] = {}

    def put(self, progress: Progress) -> str:
        """See `ProgressStore.put`."""
        key = f"progress/{len(self.kept)}"
        self.kept[key] = progress
        return key

    def get(self, key: str) -> Progress | None:
        """See `ProgressStore.get`."""
        return self.kept.get(key)


class MemoryStreams:
    """See `StreamStore`, `ImageStore`, `StreamObjects` and `NotificationStore` of the ports."""

    def __init__(self) -> None:
        self._rows: dict[StreamId, StreamRow] = {}
        self._sync_turns: dict[StreamId, datetime] = {}
        """When time alone has a stream synced."""
        self._views: defaultdict[StreamId, dict[Destination, View]] = defaultdict(dict)
        self._notifications: dict[DeliveryId, Notification] = {}
        self._due: dict[DeliveryId, datetime] = {}
        self._images: dict[str, ImageRecord] = {}
        self._streams_of: defaultdict[str, set[StreamId]] = defaultdict(set)
        self._objects: dict[str, object] = {}
        self._points: defaultdict[StreamId, list[HistoryPoint]] = defaultdict(list)

    # --- streams -------------------------------------------------------------------------------

    def read(self, stream: StreamId) -> StreamPartition:
        """See `StreamStore.read`."""
        views = dict(self._views[stream])
        return StreamPartition(
            self._rows.get(stream, StreamRow(stream)),
            views,
            {
                name: self._notifications[view.row]
                for name, view in views.items()
                if view.row is not None
            },
        )

    def write(
        self,
        before: StreamRow,
        after: StreamRow,
        views: Sequence[ViewWrite],
        *,
        point: HistoryPoint | None = None,
    ) -> None:
        """See `StreamStore.write`."""
        if self._rows.get(before.stream, StreamRow(before.stream)) != before:
            raise ConflictError(f"another sync changed {before.stream}")
        for write in views:
            self._check(write)
        if after != before:
            self._rows[before.stream] = replace(after, revision=before.revision + 1)
            self._sync_turns.pop(before.stream, None)
            if after.due_at is not None:
                self._sync_turns[before.stream] = after.due_at
        if point is not None:
            self._points[before.stream].append(point)
        for write in views:
            self._views[write.view.stream][write.view.destination] = write.view
            if write.row is not None:
                self._notifications[write.row.id] = write.row
                self._due.setdefault(write.row.id, first_due(write.row))

    def _check(self, write: ViewWrite) -> None:
        stored = self._views[write.view.stream].get(write.view.destination)
        row = write.row_before
        if stored != write.view_before or (
            row is not None and self._notifications.get(row.id) != row
        ):
            raise ConflictError(f"the view of {write.view.destination} changed meanwhile")

    def points(self, stream: StreamId, *, since: datetime, limit: int) -> Sequence[HistoryPoint]:
        """See `StreamHistory.points`."""
        return [point for point in self._points[stream] if point.at >= since][-limit:]

    def streams(self, *, after: StreamId | None = None) -> Iterable[StreamId]:
        """See `StreamStore.streams`."""
        names = sorted(name for name, row in self._rows.items() if not row.at_rest)
        return [name for name in names if after is None or name > after]

    def watched(self) -> Iterable[WatchedDigests]:
        """See `StreamListing.watched`."""
        for stream in self.streams():
            digests = tuple(filter(None, self._rows[stream].watched))
            if digests:
                yield WatchedDigests(stream, digests)

    def take_due(self, *, now: datetime) -> Sequence[StreamId]:
        """See `StreamListing.take_due`."""
        due = [stream for stream, turn in self._sync_turns.items() if turn <= now]
        self._sync_turns |= dict.fromkeys(due, now + AGAIN_AFTER)
        return due

    def streams_with(self, image: Image) -> Sequence[StreamId]:
        """See `StreamStore.streams_with`."""
        return tuple(sorted(self._streams_of[image.key]))

    # --- images --------------------------------------------------------------------------------

    def records(self, images: Sequence[Image]) -> Mapping[str, ImageRecord]:
        """See `ImageStore.records`."""
        return {image.key: self._images[image.key] for image in images if image.key in self._images}

    def put(self, record: ImageRecord, *, streams: Sequence[StreamId] = ()) -> None:
        """See `ImageStore.put`."""
        key = record.row.image.key
        stored = self._images.get(key)
        if (stored.revision if stored is not None else 0) != record.revision:
            raise ConflictError(f"another event changed {record.row.image.name}")
        self._images[key] = replace(record, revision=record.revision + 1)
        self._streams_of[key].update(streams)

    def all_records(self) -> Sequence[ImageRecord]:
        """Return the records of all images."""
        return tuple(self._images.values())

    # --- objects -------------------------------------------------------------------------------

    def put_report(self, report: AnyReport) -> str:
        """See `StreamObjects.put_report`."""
        return self._put("report", report)

    def report(self, key: str) -> AnyReport | None:
        """See `StreamObjects.report`."""
        return self._objects.get(key)  # type: ignore[return-value]  # a report's key

    def put_state(self, state: StreamState) -> str:
        """See `StreamObjects.put_state`."""
        return self._put("state", state)

    def state(self, key: str) -> StreamState | None:
        """See `StreamObjects.state`."""
        return self._objects.get(key)  # type: ignore[return-value]  # a state's key

    def put_pinned(self, message: PinnedMessage) -> str:
        """See `StreamObjects.put_pinned`."""
        return self._put("pinned", message)

    def pinned(self, key: str) -> PinnedMessage | None:
        """See `StreamObjects.pinned`."""
        return self._objects.get(key)  # type: ignore[return-value]  # a pin's key

    def _put(self, kind: str, document: object) -> str:
        key = f"{kind}/{len(self._objects)}"
        self._objects[key] = document
        return key

    # --- notifications -------------------------------------------------------------------------

    def notification(self, row_id: DeliveryId) -> Notification | None:
        """See `NotificationStore.notification`."""
        return self._notifications.get(row_id)

    def claim(self, row_id: DeliveryId, *, now: datetime, token: str) -> Notification | str:
        """See `NotificationStore.claim`."""
        row = self._notifications.get(row_id)
        if row is None:
            return "there is no such notification"
        if not is_open(row):
            return f"it is {row.state.value}"
        if row.state is not RowState.PENDING and self._due[row_id] > now:
            return "another worker has it" if row.state is RowState.CLAIMED else "it is not due"
        left = after_lease(row) if row.state is RowState.CLAIMED else row
        claimed = replace(left, state=RowState.CLAIMED, token=token)
        self._notifications[row_id] = claimed
        self._due[row_id] = now + LEASE
        return claimed

    def update(self, before: Notification, after: Notification, *, due_at: datetime | None) -> None:
        """See `NotificationStore.update`."""
        self._same(before)
        self._notifications[before.id] = after
        if due_at is not None:
            self._due[before.id] = due_at

    def close(
        self,
        before: Notification,
        after: Notification,
        *,
        view_before: View,
        view: View,
        following: Notification | None = None,
    ) -> None:
        """See `NotificationStore.close`."""
        self._same(before)
        if self._views[view.stream].get(view.destination) != view_before:
            raise ConflictError(f"the view of {view.destination} changed meanwhile")
        self._notifications[before.id] = after
        self._views[view.stream][view.destination] = view
        if following is not None:
            self._notifications[following.id] = following
            self._due[following.id] = first_due(following)

    def _same(self, before: Notification) -> None:
        if self._notifications.get(before.id) != before:
            raise ConflictError(f"{before.id} changed meanwhile")

    def due_at(self, row_id: DeliveryId) -> datetime | None:
        """Return when an open row is due; None where it is not open."""
        row = self._notifications[row_id]
        return self._due.get(row_id) if is_open(row) else None

    def due(self, *, now: datetime, limit: int = DUE) -> Sequence[Notification]:
        """See `NotificationStore.due`."""
        rows = filter(is_open, self._notifications.values())
        due = sorted((self._due[row.id], row.id) for row in rows if self._due[row.id] <= now)
        counts: Counter[Destination] = Counter()
        woken = []
        for _, row_id in due:
            row = self._notifications[row_id]
            counts[row.destination] += 1
            if counts[row.destination] <= limit:
                woken.append(row)
        return tuple(woken)

    def dead(self) -> Sequence[Notification]:
        """See `NotificationStore.dead`."""
        return tuple([row for row in self._notifications.values() if row.state is RowState.DEAD])
