"""The stores in memory: streams, images, objects and notifications, with their conditions."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from lib.core.attempts import is_open
from lib.errors import ConflictError
from lib.models import AnyReport, DeliveryId, Destination, Digest, Image, Pause, StreamId, WakeUp
from lib.models.streams import HistoryPoint, StreamState
from lib.models.views import Notification, PinnedMessage, RowState, View
from lib.ports.rules import RulesRecord
from lib.ports.store import Progress
from lib.ports.streams import (
    DUE,
    ImageRecord,
    LookUp,
    StoredImage,
    StreamPartition,
    StreamRow,
    ViewWrite,
    WatchedDigests,
)

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
    """See `lib.ports.streams`: streams, images, objects, notifications and pauses."""

    def __init__(self) -> None:
        self._rows: dict[StreamId, StreamRow] = {}
        self._sync_turns: dict[StreamId, datetime] = {}
        """When time alone has a stream synced."""
        self._views: defaultdict[StreamId, dict[Destination, View]] = defaultdict(dict)
        self._notifications: dict[DeliveryId, Notification] = {}
        self._turns: dict[DeliveryId, datetime] = {}
        """When the sweep wakes an open row."""
        self._pauses: dict[Destination, Pause] = {}
        self._images: dict[str, ImageRecord] = {}
        self._streams_of: defaultdict[str, set[StreamId]] = defaultdict(set)
        self._objects: dict[str, object] = {}
        self._points: defaultdict[StreamId, list[HistoryPoint]] = defaultdict(list)

    # --- streams -------------------------------------------------------------------------------

    def read(self, stream: StreamId, *, only: Destination | None = None) -> StreamPartition:
        """See `StreamStore.read`."""
        row, views = self._rows.get(stream, StreamRow(stream)), dict(self._views[stream])
        if only is not None:
            return StreamPartition(row, {name: views[name] for name in views if name == only})
        return StreamPartition(
            row,
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
                self._store(write.row_before, write.row)

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

    def stored(self, image: Image) -> StoredImage:
        """See `ImageStore.stored`."""
        streams = self._streams_of.get(image.key, ())
        return StoredImage(self._images.get(image.key), tuple(sorted(streams)))

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

    def put_pinned(self, message: PinnedMessage | Digest) -> str:
        """See `StreamObjects.put_pinned`."""
        return self._put("pinned", message)

    def pinned(self, key: str) -> PinnedMessage | Digest | None:
        """See `StreamObjects.pinned`."""
        return self._objects.get(key)  # type: ignore[return-value]  # a pin's key

    def _put(self, kind: str, document: object) -> str:
        key = f"{kind}/{len(self._objects)}.json.gz"
        self._objects[key] = document
        return key

    # --- notifications -------------------------------------------------------------------------

    def notification(self, row_id: DeliveryId) -> Notification | None:
        """See `NotificationStore.notification`."""
        return self._notifications.get(row_id)

    def look_up(self, row_id: DeliveryId, destination: Destination, *, now: datetime) -> LookUp:
        """See `NotificationStore.look_up`."""
        return LookUp(self._notifications.get(row_id), self.paused(destination, now=now))

    def add(self, row: Notification) -> bool:
        """See `NotificationStore.add`."""
        if row.id in self._notifications:
            return False
        self._store(None, row)
        return True

    def update(self, before: Notification, after: Notification) -> None:
        """See `NotificationStore.update`."""
        self._same(before)
        self._store(before, after)

    def close(
        self,
        before: Notification,
        after: Notification,
        *,
        view_before: View | None,
        view: View,
        following: Notification | None = None,
    ) -> None:
        """See `NotificationStore.close`."""
        self._same(before)
        if self._views[view.stream].get(view.destination) != view_before:
            raise ConflictError(f"the view of {view.destination} changed meanwhile")
        self._store(before, after)
        self._views[view.stream][view.destination] = view
        if following is not None:
            self._store(None, following)

    def _same(self, before: Notification) -> None:
        if self._notifications.get(before.id) != before:
            raise ConflictError(f"{before.id} changed meanwhile")

    def _store(self, before: Notification | None, after: Notification) -> None:
        self._notifications[after.id] = after
        due_at = before.due_at if before is not None and before.id == after.id else None
        if after.due_at is None:
            self._turns.pop(after.id, None)
        elif after.due_at != due_at:
            self._turns[after.id] = after.due_at

    def due(self, *, now: datetime, limit: int = DUE) -> Iterable[WakeUp]:
        """See `NotificationStore.due`."""
        rows = [self._notifications[row_id] for row_id, turn in self._turns.items() if turn <= now]
        counts: Counter[tuple[bool, Destination]] = Counter()
        for row in sorted(rows, key=lambda row: (row.quiet, self._turns[row.id], row.id)):
            counts[row.quiet, row.destination] += 1
            if counts[row.quiet, row.destination] <= limit:
                turn = self._turns[row.id].isoformat()
                yield WakeUp(row.id, row.destination, row.attempts, turn, quiet=row.quiet)

    def woken(self, turns: Iterable[tuple[WakeUp, datetime]]) -> None:
        """See `NotificationStore.woken`."""
        for wake_up, again_at in turns:
            turn = self._turns.get(wake_up.id)
            if turn is not None and turn.isoformat() == wake_up.turn:
                self._turns[wake_up.id] = again_at

    def dead(self) -> Sequence[Notification]:
        """See `NotificationStore.dead`."""
        return tuple([row for row in self._notifications.values() if row.state is RowState.DEAD])

    def unsent(self) -> Sequence[Notification]:
        """See `NotificationStore.unsent`."""
        return tuple(filter(is_open, self._notifications.values()))

    def gathering(self) -> Sequence[Notification]:
        """See `NotificationStore.gathering`."""
        rows = self._notifications.values()
        return tuple([row for row in rows if row.gathers and row.state is RowState.PENDING])

    # --- pauses --------------------------------------------------------------------------------

    def pause(self, destination: Destination, pause: Pause) -> bool:
        """See `Pauses.pause`."""
        stored = self._pauses.get(destination)
        if stored is not None and stored.until >= pause.until:
            return False
        self._pauses[destination] = pause
        return True

    def paused(self, destination: Destination, *, now: datetime) -> Pause | None:
        """See `Pauses.paused`."""
        return self.pauses(now=now).get(destination)

    def pauses(self, *, now: datetime) -> Mapping[Destination, Pause]:
        """See `Pauses.pauses`."""
        return {name: pause for name, pause in sorted(self._pauses.items()) if pause.until > now}

    def resume(self, destination: Destination) -> None:
        """See `Pauses.resume`."""
        self._pauses.pop(destination, None)


class MemoryRules:
    """See `RulesStore`."""

    def __init__(self, installed_at: datetime) -> None:
        self._installed_at = installed_at
        self._record: RulesRecord | None = None

    def installed_at(self) -> datetime:
        """See `RulesStore.installed_at`."""
        return self._installed_at

    def record(self) -> RulesRecord | None:
        """See `RulesStore.record`."""
        return self._record

    def put(self, before: RulesRecord | None, after: RulesRecord) -> None:
        """See `RulesStore.put`."""
        if before != self._record:
            raise ConflictError("another deployment was recorded")
        self._record = after
