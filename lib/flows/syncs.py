"""
A sync of one stream: read, decide, write. Read this first; the rest of the flow leads here.

    read      the stream's row and views, the records of its images, the reports that changed
    decide    `lib.core`: which images count, the next state, what becomes of each view
    write     the state as an object, then row and views in one transaction; then rows are woken

A sync is idempotent. Where nothing is different it only reads, and rows alone where they say so.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import chain
from typing import Final

from lib.core.history import history_point
from lib.core.settled import inputs_of, is_settled
from lib.core.states import names_of, next_state
from lib.core.streams import is_settings, misplaced
from lib.core.sync import (
    SyncedView,
    SyncRules,
    ViewPlan,
    compared_with,
    image_of,
    new_view,
    plan_view,
    sync_view,
    wakes,
)
from lib.core.tags import informed, joined, kept
from lib.core.verdicts import destinations_of
from lib.core.watching import at_rest, watch
from lib.errors import ConflictError
from lib.models import Finding, Image, Report, StreamId
from lib.models.streams import (
    NO_NEWS,
    Arrival,
    ScanRecord,
    StreamState,
    TagNews,
    TagRow,
    Watch,
)
from lib.models.views import Notification, View
from lib.ports.streams import (
    ImageRecord,
    ImageStore,
    StreamObjects,
    StreamPartition,
    StreamRow,
    StreamStore,
    ViewWrite,
)

_TRIES: Final = 8
TAGS_KEPT: Final = 100
"""The rows of tags that a stream keeps: the newest, and those of its watched images."""

DAILY: Final = "daily"
"""The cause of the syncs of the daily pass, which make up for lost writes."""
RENEWED: Final = 30
"""Days after which the state of a stream is written again, so that its object does not expire."""


@dataclass(frozen=True, slots=True)
class SyncOutcome:
    """The result of a sync."""

    stream: StreamId
    state: StreamState | None
    """None: the rows say that nothing differs, so that it was not read."""
    tags: tuple[TagRow, ...]
    """Of the stream, as they are stored now."""
    watch: Watch
    views: tuple[SyncedView, ...]
    woken: tuple[Notification, ...]
    """The notifications that are to be sent now."""
    concerned: tuple[StreamId, ...] = ()
    """Streams that took over tags of this one, and must be synced, too."""
    stale: tuple[Image, ...] = ()
    """
    Watched images whose reports must be fetched again.

    Nobody watched them when they changed, or the retention of their reports is over.
    """
    advanced: bool = False
    """Whether the state is another one than before."""
    written: bool = False
    """Whether rows were written, which are as they were read until then."""


class StreamSync:
    """Keeps the views of streams true."""

    def __init__(
        self,
        *,
        streams: StreamStore,
        images: ImageStore,
        objects: StreamObjects,
        rules: Callable[[], SyncRules],
        now: Callable[[], datetime],
    ) -> None:
        self._streams = streams
        self._images = images
        self._objects = objects
        self._rules = rules
        self._now = now
        self._early: dict[StreamId, StreamPartition] = {}
        """Streams that were read before the event was handled whose news they take next."""

    def sync(self, stream: StreamId, cause: str, news: TagNews = NO_NEWS) -> SyncOutcome:
        """
        Bring every view of a stream to what is desired now. Raises `StoreError`.

        `news`: what an event says about tags; of other streams it is left alone.
        """
        for _ in range(_TRIES):
            early = self._early.pop(stream, None)
            try:
                outcome = self._sync(early or self._streams.read(stream), cause, news)
            except ConflictError:
                continue
            # Rows that are written are as they were read. Without a write they may be others now.
            if early is None or outcome.written:
                return outcome
        raise ConflictError(f"too many syncs of {stream} at the same time")

    def _sync(self, partition: StreamPartition, cause: str, news: TagNews) -> SyncOutcome:
        now, rules, row = self._now(), self._rules(), partition.row
        stream, tags = row.stream, informed(row.tags, row.stream, news)
        elsewhere = misplaced(stream, image_of(stream), tags, rules.streams)
        for other, theirs in elsewhere.items():
            self._change_tags(other, partial(joined, others=theirs))
        moved = set(chain.from_iterable(elsewhere.values()))
        unwanted = is_settings(stream) and not rules.checks_repositories
        left = [] if unwanted else [tag for tag in tags if tag not in moved]
        own = replace(row, tags=tuple(left))
        records = self._records(own)
        images = {digest: record.row for digest, record in records.items()}
        reference = compared_with(stream, rules.streams)
        watching = watch(
            own.tags,
            images,
            before=row.current,
            now=now,
            compared=reference is not None,
        )
        if elsewhere or unwanted:
            watching = watching._replace(arrival=Arrival.RULES)
        own = self._followed(own, watching, records)
        resting = at_rest(own.tags, images, watching)
        over = resting and _is_over(partition.views.values(), ())
        alike = reference is None and replace(own, at_rest=over) == row
        if alike and cause != DAILY and not any(records[name].stale for name in own.watched):
            where = (rules.rules, rules.destinations, now.date())
            if is_settled(partition, watching.images, *where):
                return SyncOutcome(stream, None, row.tags, watching, (), ())
        before = self._state(row)
        scans = self._scans(watching, records)
        state = next_state(
            stream,
            before,
            watching,
            scans,
            now=now,
            reference=self._names(reference),
            reported=_reported(partition.views.values()),
        )
        views = _views(partition, state, rules, cause=cause, now=now)
        resting = resting and _is_over(partition.views.values(), views)
        after = replace(self._row(own, state, before), at_rest=resting)
        if cause == DAILY and state is before and _is_renewed(state, now):
            self._objects.put_state(state)
        writes = [ViewWrite(v.step.view, v.before, v.step.row, v.row_before) for v in views]
        written = after != row or bool(writes)
        if written:
            point = history_point(state) if state is not before else None
            self._streams.write(row, after, writes, point=point)
        stale = [image for image in watching.images if _is_stale(records[image.digest], scans)]
        return SyncOutcome(
            stream,
            state,
            after.tags,
            watching,
            views,
            wakes(views),
            tuple(elsewhere),
            tuple(stale),
            advanced=state is not before,
            written=written,
        )

    def _records(self, row: StreamRow) -> Mapping[str, ImageRecord]:
        """Return what is stored of the images that have or had a tag of the stream, by digest."""
        place = image_of(row.stream)
        digests = dict.fromkeys(tag.digest for tag in row.tags)
        records = self._images.records([replace(place, digest=digest) for digest in digests])
        return {record.row.image.digest: record for record in records.values()}

    def _scans(
        self, watching: Watch, records: Mapping[str, ImageRecord]
    ) -> Mapping[str, ScanRecord]:
        scans = ((image.digest, self._scan(records[image.digest])) for image in watching.images)
        return {digest: scan for digest, scan in scans if scan is not None}

    def _scan(self, record: ImageRecord) -> ScanRecord | None:
        """Return what is stored of an image's scans; None: it has none, or it is not kept."""
        last = self._objects.report(record.report_key) if record.report_key else None
        if last is None or record.fetched_at is None:
            return None
        usable = self._objects.report(record.usable_key) if record.usable_key else None
        return ScanRecord(
            last,
            record.fetched_at,
            usable if isinstance(usable, Report) else None,
            record.usable_at,
            monitored=record.monitored,
            provenance=record.provenance,
        )

    def _state(self, row: StreamRow) -> StreamState | None:
        return self._objects.state(row.state_key) if row.state_key is not None else None

    def _names(self, stream: StreamId | None) -> frozenset[str] | None:
        """Return what the current image of another stream has; None: there is no such stream."""
        return None if stream is None else names_of(self._state(self._streams.read(stream).row))

    def _followed(
        self, row: StreamRow, watching: Watch, records: Mapping[str, ImageRecord]
    ) -> StreamRow:
        """Return the row of a stream with the images that count now."""
        digests = tuple([image.digest for image in watching.images])
        return replace(
            row,
            tags=kept(row.tags, limit=TAGS_KEPT, needed=digests),
            current=None if watching.current is None else watching.current.settled,
            due_at=watching.due_at,
            watched=digests,
            inputs=inputs_of(watching, records),
        )

    def _row(self, row: StreamRow, state: StreamState, before: StreamState | None) -> StreamRow:
        """Return the row after a sync; a new state is stored first, so that no row lacks it."""
        if state is before:
            return row
        return replace(row, state_key=self._objects.put_state(state), state_version=state.version)

    def plan(self, partition: StreamPartition, view: View) -> ViewPlan | None:
        """Return what a view should become by the stored state; None: there is no state."""
        state = self._state(partition.row)
        if state is None:
            return None
        return plan_view(view, state, self._rules(), cause="claim", now=self._now())

    def keep(self, news: TagNews, streams: Iterable[StreamId]) -> None:
        """Keep what an event says about tags of streams that are synced later. As `sync` raises."""
        for stream in streams:
            self._early.pop(stream, None)
            self._change_tags(stream, partial(informed, stream=stream, news=news))

    def _change_tags(
        self, stream: StreamId, change: Callable[[tuple[TagRow, ...]], tuple[TagRow, ...]]
    ) -> None:
        for _ in range(_TRIES):
            row = self._streams.read(stream).row
            after = replace(row, tags=change(row.tags))
            if after == row:
                return
            try:
                self._streams.write(row, replace(after, at_rest=False), ())
            except ConflictError:
                continue
            return
        raise ConflictError(f"too many tags of {stream} at the same time")

    def findings_before(
        self, image: Image, streams: Iterable[StreamId]
    ) -> Iterator[Sequence[Finding]]:
        """Yield what the current image of each stream has that an image is about to follow in."""
        for row in self._read_early(streams):
            state = self._state(row)
            current = state.current if state is not None else None
            if current is not None and current.image.key != image.key:
                evidence = chain.from_iterable(part.evidence for part in current.parts)
                yield tuple(chain.from_iterable(entry.findings for entry in evidence))

    def watches(self, image: Image, streams: Iterable[StreamId]) -> bool:
        """Whether an image counts in any of its streams, as far as the last syncs know."""
        return any(image.digest in row.watched for row in self._read_early(streams))

    def _read_early(self, streams: Iterable[StreamId]) -> Iterator[StreamRow]:
        """Yield the rows of streams. The syncs that follow begin with what was read here."""
        self._early.clear()
        for stream in streams:
            partition = self._early[stream] = self._streams.read(stream)
            yield partition.row


def _views(
    partition: StreamPartition,
    state: StreamState,
    rules: SyncRules,
    *,
    cause: str,
    now: datetime,
) -> tuple[SyncedView, ...]:
    """Return what becomes of each view, and of each destination that a route leads to now."""
    concerned = destinations_of(state.images, rules.rules.routes)
    new = [name for name in rules.destinations if name in concerned]
    synced = []
    for name in dict.fromkeys((*partition.views, *new)):
        stored = partition.views.get(name)
        view = stored or new_view(name, state, rules)
        plan = plan_view(view, state, rules, cause=cause, now=now)
        one = sync_view(stored, partition.notifications.get(name), plan, rules)
        if one is not None:
            synced.append(one)
    return tuple(synced)


def _is_renewed(state: StreamState, now: datetime) -> bool:
    """Whether this is the day on which a state is written again, with the same content and key."""
    age = (now.date() - state.at.date()).days
    return age > 0 and age % RENEWED == 0


def _is_over(views: Iterable[View], changed: Sequence[SyncedView]) -> bool:
    """Return whether nothing is reported of a stream, and nothing about it is on its way."""
    return not changed and not any(
        view.reported or view.possibly_reported or view.row for view in views
    )


def _is_stale(record: ImageRecord, scans: Mapping[str, ScanRecord]) -> bool:
    """Return whether a report must be fetched again: also one whose retention is over."""
    return record.stale or (record.report_key is not None and record.row.image.digest not in scans)


def _reported(views: Iterable[View]) -> frozenset[str]:
    """Return the ids that any view reports, or may have shown."""
    return frozenset(name for view in views for name in (*view.reported, *view.possibly_reported))
