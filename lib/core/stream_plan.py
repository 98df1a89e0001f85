"""
The plan of a sync of one stream: its tags, the images that count, the next state, each view. Pure.

Made in three steps, as each says what has to be read for the next one:

    own_tags          the rows of tags     -> the records of their images
    counted_images    the records          -> the stored scans of the images that count, the state
    plan_stream       everything           -> what is written
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from itertools import chain
from typing import Final, NamedTuple

from lib.core.history import history_point
from lib.core.settled import inputs_of, is_settled
from lib.core.states import next_state
from lib.core.streams import is_settings, misplaced, repository_image
from lib.core.sync import SyncedView, SyncRules, new_view, plan_view, sync_view
from lib.core.tags import informed, kept
from lib.core.verdicts import destinations_of
from lib.core.watching import at_rest, watch
from lib.models import Image, StreamId
from lib.models.streams import (
    Arrival,
    HistoryPoint,
    ScanRecord,
    StreamState,
    TagNews,
    TagRow,
    Watch,
)
from lib.models.views import View
from lib.ports.streams import ImageRecord, StreamPartition, StreamRow, ViewWrite

TAGS_KEPT: Final = 100
"""The rows of tags that a stream keeps: the newest, and those of its watched images."""


class OwnTags(NamedTuple):
    """The tags of a stream after an event, divided by the rules in force."""

    row: StreamRow
    """The stream's row as it was read, with the tags that belong to it."""
    elsewhere: Mapping[StreamId, tuple[TagRow, ...]]
    """The other tags, by the streams that they belong to."""
    unwanted: bool
    """Whether the rules do not ask for such a stream any more: it has no tags then."""


class CountedImages(NamedTuple):
    """The images of a stream that count now."""

    row: StreamRow
    """The stream's row with these images."""
    watch: Watch
    resting: bool
    """Whether no image counts, and none will before an event says so."""


class StreamFacts(NamedTuple):
    """Everything that is read of a stream before its next state is made."""

    partition: StreamPartition
    state: StreamState | None
    """The stored state; None: no image of the stream counted yet."""
    scans: Mapping[str, ScanRecord]
    """What is stored of the scans of the images that count, by digest."""
    reference: frozenset[str] | None
    """The names of what the stream has that this one is compared with; None: with none."""


class StreamPlan(NamedTuple):
    """The rows and views that a sync writes."""

    row: StreamRow
    """Without the key of a new state, which is known once that is stored."""
    state: StreamState
    """The stored one itself, where nothing differs."""
    views: tuple[SyncedView, ...]

    @property
    def view_writes(self) -> list[ViewWrite]:
        """The views with their notifications, as they are written."""
        return [
            ViewWrite(view.step.view, view.before, view.step.row, view.row_before)
            for view in self.views
        ]

    @property
    def history_point(self) -> HistoryPoint:
        """The state in numbers."""
        return history_point(self.state)


def own_tags(row: StreamRow, news: TagNews, rules: SyncRules) -> OwnTags:
    """Return which tags a stream has; `news` is what an event says."""
    stream, tags = row.stream, informed(row.tags, row.stream, news)
    elsewhere = misplaced(stream, repository_image(stream), tags, rules.streams)
    moved = set(chain.from_iterable(elsewhere.values()))
    unwanted = is_settings(stream) and not rules.checks_repositories
    own = [] if unwanted else [tag for tag in tags if tag not in moved]
    return OwnTags(replace(row, tags=tuple(own)), elsewhere, unwanted)


def counted_images(
    tags: OwnTags, records: Mapping[str, ImageRecord], *, compared: bool, now: datetime
) -> CountedImages:
    """
    Return the images of a stream that count now.

    `records`: what is stored of the images of its tags, by digest. `compared`: whether the stream
    is compared with another one.
    """
    images = {digest: record.row for digest, record in records.items()}
    before = tags.row.current
    watching = watch(tags.row.tags, images, before=before, now=now, compared=compared)
    if tags.elsewhere or tags.unwanted:
        watching = watching._replace(arrival=Arrival.RULES)
    digests = tuple([image.digest for image in watching.images])
    row = replace(
        tags.row,
        tags=kept(tags.row.tags, limit=TAGS_KEPT, needed=digests),
        current=None if watching.current is None else watching.current.settled,
        due_at=watching.due_at,
        watched=digests,
        inputs=inputs_of(watching, records),
    )
    return CountedImages(row, watching, at_rest(row.tags, images, watching))


def is_unchanged(
    partition: StreamPartition,
    images: CountedImages,
    records: Mapping[str, ImageRecord],
    rules: SyncRules,
    today: date,
) -> bool:
    """Return whether the rows of a stream say that a sync changes nothing."""
    resting = images.resting and _is_over(partition.views.values())
    return (
        replace(images.row, at_rest=resting) == partition.row
        and not any(records[digest].stale for digest in images.row.watched)
        and is_settled(partition, images.watch.images, rules.rules, rules.destinations, today)
    )


def plan_stream(
    facts: StreamFacts, images: CountedImages, rules: SyncRules, *, cause: str, now: datetime
) -> StreamPlan:
    """Return the next state of a stream, what becomes of each view, and the stream's row."""
    views_before = facts.partition.views.values()
    state = next_state(
        images.row.stream,
        facts.state,
        images.watch,
        facts.scans,
        now=now,
        reference=facts.reference,
        reported=_reported(views_before),
    )
    views = tuple(_views(facts.partition, state, rules, cause=cause, now=now))
    resting = images.resting and not views and _is_over(views_before)
    return StreamPlan(replace(images.row, at_rest=resting), state, views)


def _views(
    partition: StreamPartition,
    state: StreamState,
    rules: SyncRules,
    *,
    cause: str,
    now: datetime,
) -> Iterable[SyncedView]:
    """Yield what becomes of each view, and of each destination that a route leads to now."""
    concerned = destinations_of(state.images, rules.rules.routes)
    new = [name for name in rules.destinations if name in concerned]
    for name in dict.fromkeys((*partition.views, *new)):
        stored = partition.views.get(name)
        view = stored or new_view(name, state, rules)
        plan = plan_view(view, state, rules, cause=cause, now=now)
        synced = sync_view(stored, partition.notifications.get(name), plan, rules)
        if synced is not None:
            yield synced


def _is_over(views: Iterable[View]) -> bool:
    """Return whether nothing is reported of a stream, and nothing about it is on its way."""
    return not any(view.reported or view.possibly_reported or view.row for view in views)


def _reported(views: Iterable[View]) -> frozenset[str]:
    """Return the ids that any view reports, or may have shown."""
    return frozenset(name for view in views for name in (*view.reported, *view.possibly_reported))


def stale_images(
    images: Sequence[Image], records: Mapping[str, ImageRecord], scans: Mapping[str, ScanRecord]
) -> tuple[Image, ...]:
    """Return the images whose reports must be fetched again; also of one that is not kept."""
    return tuple(
        [
            image
            for image in images
            if (record := records[image.digest]).stale
            or (record.report_key is not None and image.digest not in scans)
        ]
    )
