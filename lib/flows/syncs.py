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

from lib.core.causes import CLAIM, DAILY
from lib.core.states import names_of
from lib.core.stream_plan import (
    StreamFacts,
    StreamPlan,
    counted_images,
    is_unchanged,
    own_tags,
    plan_stream,
    stale_images,
)
from lib.core.streams import repository_image
from lib.core.sync import (
    SyncedView,
    SyncRules,
    ViewPlan,
    compared_with,
    plan_view,
    wakes,
)
from lib.core.tags import informed, joined
from lib.errors import ConflictError
from lib.models import Finding, Image, Report, StreamId
from lib.models.streams import NO_NEWS, ScanRecord, StreamState, TagNews, TagRow, Watch
from lib.models.views import Notification, View
from lib.ports.streams import (
    ImageRecord,
    ImageStore,
    StreamObjects,
    StreamPartition,
    StreamRow,
    StreamStore,
)

_TRIES: Final = 8
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
        reference = compared_with(row.stream, rules.streams)
        tags = own_tags(row, news, rules)
        records = self._records(tags.row)
        images = counted_images(tags, records, compared=reference is not None, now=now)
        if not (reference or tags.elsewhere or cause == DAILY) and is_unchanged(
            partition, images, records, rules, now.date()
        ):
            return SyncOutcome(row.stream, None, row.tags, images.watch, (), ())
        scans = self._scans(images.watch, records)
        facts = StreamFacts(partition, self._state(row), scans, self._names(reference))

        plan = plan_stream(facts, images, rules, cause=cause, now=now)

        self._move_tags(tags.elsewhere)
        written = self._write(facts, plan)
        if cause == DAILY and plan.state is facts.state and _is_renewed(plan.state, now):
            self._objects.put_state(plan.state)
        return SyncOutcome(
            row.stream,
            plan.state,
            plan.row.tags,
            images.watch,
            plan.views,
            wakes(plan.views),
            concerned=tuple(tags.elsewhere),
            stale=stale_images(images.watch.images, records, scans),
            advanced=plan.state is not facts.state,
            written=written,
        )

    # --- read ----------------------------------------------------------------------------------

    def _records(self, row: StreamRow) -> Mapping[str, ImageRecord]:
        """Return what is stored of the images that have or had a tag of the stream, by digest."""
        place = repository_image(row.stream)
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

    def _names(self, reference: StreamId | None) -> frozenset[str] | None:
        """
        Return what the current image of another stream has; None: there is no such stream.

        A stream that is compared itself is over some time after its last push: then that of the
        stream that it is compared with.
        """
        if reference is None:
            return None
        state = self._state(self._streams.read(reference).row)
        if state is None or state.current is None:
            further = self._names(compared_with(reference, self._rules().streams))
            return names_of(state) if further is None else further
        return names_of(state)

    # --- write ---------------------------------------------------------------------------------

    def _write(self, facts: StreamFacts, plan: StreamPlan) -> bool:
        """Write what a sync changed; a new state first, so that no row lacks it."""
        before, after, point = facts.partition.row, plan.row, None
        if plan.state is not facts.state:
            key = self._objects.put_state(plan.state)
            after = replace(after, state_key=key, state_version=plan.state.version)
            point = plan.history_point
        views = plan.view_writes
        if after == before and not views:
            return False
        self._streams.write(before, after, views, point=point)
        return True

    def _move_tags(self, tags: Mapping[StreamId, Iterable[TagRow]]) -> None:
        """Give tags to the streams that they belong to now, before this one loses them."""
        for stream, own in tags.items():
            self._change_tags(stream, partial(joined, others=own))

    # --- for other flows -----------------------------------------------------------------------

    def plan(self, partition: StreamPartition, view: View) -> ViewPlan | None:
        """Return what a view should become by the stored state; None: there is no state."""
        state = self._state(partition.row)
        if state is None:
            return None
        return plan_view(view, state, self._rules(), cause=CLAIM, now=self._now())

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


def _is_renewed(state: StreamState, now: datetime) -> bool:
    """Whether this is the day on which a state is written again, with the same content and key."""
    age = (now.date() - state.at.date()).days
    return age > 0 and age % RENEWED == 0
