"""
Which images of a stream count now: the current one, and those behind it that still run. Pure.

The current image is the one that the tag pushed last points to, once its scan has ended. Rows of
tags and images are kept as facts with their times, so that the order in which events arrive does
not matter.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from itertools import chain
from typing import Final, NamedTuple

from lib.core.patience import NOT_READY_HORIZON
from lib.core.tags import is_deleted
from lib.models import Image
from lib.models.immutable import immutable
from lib.models.streams import UNTAGGED, Arrival, ImageRow, TagRow, Watch

SCAN_PATIENCE: Final = NOT_READY_HORIZON + timedelta(minutes=2)
"""
A scan without a result counts as ended by then, where nothing looked for it.

Whatever is looked for has a report an hour after its event, if only one that says why there is no
result. That one comes first, so that it is what people read.
"""
INDEX_PATIENCE: Final = timedelta(hours=1)
"""How long an image without a tag waits for an index that it is part of."""
STOPPED_PATIENCE: Final = timedelta(hours=48)
"""How long an image counts that no longer runs, where nothing else of its stream does."""
COMPARED_FOR: Final = timedelta(days=30)
"""How long after its last push a stream that is compared with another one ends."""
RUNNING_LIMIT: Final = 20
"""How many running images of a stream are watched beside the current one."""

_EVER: Final = datetime.min.replace(tzinfo=UTC)


class _Place(NamedTuple):
    """The order of tags: less is older."""

    pushed_at: datetime
    image_pushed_at: datetime
    digest: str


class _Hold(IntEnum):
    """How much a tag counts for an image that it was pushed for."""

    FORMER = 0
    """It was deleted, or another image took it."""
    MOVING = 1
    """Another image took it, and the scan of that one has not ended."""
    LIVE = 2
    """It points to the image."""


@immutable(frozen=True, slots=True)
class _Candidate:
    """An image that has or had a tag of the stream."""

    row: ImageRow
    holds: tuple[tuple[_Hold, _Place, str], ...]
    """Its tags, those that count most first, then those pushed last."""

    @property
    def digest(self) -> str:
        return self.row.image.digest

    @property
    def hold(self) -> _Hold:
        """The best of its tags."""
        return self.holds[0][0]

    @property
    def place(self) -> _Place:
        """Of the tag pushed last that still counts; of the last one where none does."""
        counting = [place for hold, place, _ in self.holds if hold]
        return max(counting or [place for _, place, _ in self.holds])

    @property
    def untagged(self) -> bool:
        return self.holds[0][2] == UNTAGGED

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags that count most; none of an image that never had one."""
        return tuple([tag for hold, _, tag in self.holds if hold is self.hold and tag])

    @property
    def image(self) -> Image:
        return replace(self.row.image, tags=self.tags)

    @property
    def label(self) -> str:
        """How reasons call it."""
        return next(iter(self.tags), self.digest[:19])

    @property
    def gone(self) -> bool:
        """Whether it was deleted or archived after its last push."""
        gone_at = self.row.gone_at
        return gone_at is not None and all(gone_at >= place.pushed_at for _, place, _ in self.holds)

    @property
    def runs(self) -> bool:
        """Whether the last answer of any source was that it runs."""
        return any(use.stopped_at is None for use in self.row.uses.values())

    @property
    def stopped_at(self) -> datetime | None:
        """When it stopped to run; None: it never ran, or runs."""
        stops = [use.stopped_at for use in self.row.uses.values() if use.stopped_at]
        return None if self.runs else max(stops, default=None)


def watch(
    tags: Sequence[TagRow],
    images: Mapping[str, ImageRow],
    *,
    before: Image | None,
    now: datetime,
    compared: bool = False,
) -> Watch:
    """
    Return the images of a stream that count now.

    `images` is by digest; of an image that is not there nothing is known yet, and it does not
    count. `before`: the current image so far. `compared`: the stream is a single tag that is
    compared with another stream, and ends with it.
    """
    candidates = _candidates(tags, images, now)
    counting = [candidate for candidate in candidates if _counts(candidate, now)]
    ended = _ended(counting, now) if compared else None
    if ended is not None:
        arrival = _arrival(None, before, candidates, tags)
        return Watch(None, (), current_runs=False, arrival=arrival, reason=ended)
    current = next((item for item in counting if item.hold and scan_ended(item.row, now)), None)
    running = [item for item in counting if _runs(item, counting, now)]
    behind = [item.image for item in running if item is not current]
    return Watch(
        current=current.image if current is not None else None,
        running=tuple(behind[:RUNNING_LIMIT]),
        current_runs=any(item is current for item in running),
        arrival=_arrival(current, before, candidates, tags),
        reason=_reason(current, counting),
        left_out=len(behind[RUNNING_LIMIT:]),
        due_at=_due_at(candidates, now, compared=compared),
    )


def at_rest(tags: Sequence[TagRow], images: Mapping[str, ImageRow], watching: Watch) -> bool:
    """Return whether no image counts in a stream, and none will before an event says so."""
    if watching.images or watching.due_at is not None:
        return False
    return not any(row.digest in images and _exists(row, images) for row in tags)


def scan_ended(row: ImageRow, now: datetime) -> bool:
    """Return whether the first scan of an image has ended, with a result or without."""
    return row.scan_ended_at is not None or now >= row.known_since + SCAN_PATIENCE


def _candidates(
    tags: Iterable[TagRow], images: Mapping[str, ImageRow], now: datetime
) -> list[_Candidate]:
    """Return the images of which something is known, the one whose tag was pushed last first."""
    by_tag: defaultdict[str, list[tuple[_Place, TagRow]]] = defaultdict(list)
    for row in tags:
        if row.digest in images:
            by_tag[row.tag].append((_place(row, images[row.digest]), row))
    holds: defaultdict[str, list[tuple[_Hold, _Place, str]]] = defaultdict(list)
    for tag, rows in by_tag.items():
        ordered = sorted(rows, key=lambda pair: pair[0], reverse=True)
        # Images that never had a tag take nothing from each other.
        lines = [[pair] for pair in ordered] if tag == UNTAGGED else [ordered]
        for place, row, hold in chain.from_iterable(_held(line, images, now) for line in lines):
            holds[row.digest].append((hold, place, tag))
    candidates = [
        _Candidate(images[digest], tuple(sorted(own, reverse=True)))
        for digest, own in holds.items()
    ]
    return sorted(candidates, key=lambda candidate: candidate.place, reverse=True)


def _place(row: TagRow, image: ImageRow) -> _Place:
    return _Place(row.pushed_at, image.image.pushed_at or _EVER, row.digest)


def _held(
    line: Sequence[tuple[_Place, TagRow]], images: Mapping[str, ImageRow], now: datetime
) -> Iterator[tuple[_Place, TagRow, _Hold]]:
    """
    Yield the rows of a tag, newest first, each with what the tag is to its image.

    An image keeps the tag while every image that took it later waits for its scan. One whose scan
    ended, or from which the tag was deleted before the next push, has taken it for good.
    """
    waiting, taken_at, lost_at = True, None, _EVER
    for place, row in line:
        exists = _exists(row, images)
        if taken_at is None:
            hold = _Hold.LIVE if exists else _Hold.FORMER
        else:
            kept = exists and waiting and row.pushed_at > lost_at
            hold = _Hold.MOVING if kept else _Hold.FORMER
        yield place, row, hold
        image = images[row.digest]
        waiting = waiting and not scan_ended(image, now)
        ends = [at for at in (row.deleted_at, image.gone_at) if at is not None]
        lost_at = max([lost_at, *[at for at in ends if taken_at is None or at < taken_at]])
        taken_at = row.pushed_at


def _exists(row: TagRow, images: Mapping[str, ImageRow]) -> bool:
    gone_at = images[row.digest].gone_at
    return not is_deleted(row) and (gone_at is None or gone_at < row.pushed_at)


def _counts(candidate: _Candidate, now: datetime) -> bool:
    """
    Return whether an image can count at all: it exists, and is not a part of an index.

    A part can have tags of its own. They count while its index has none. A repository, as the
    image of its settings, is no part of anything.
    """
    row = candidate.row
    if candidate.gone:
        return False
    if candidate.untagged:
        is_whole = row.is_index or row.image.is_repository
        waited = is_whole or now >= candidate.place.pushed_at + INDEX_PATIENCE
        never_tagged = candidate.hold is _Hold.LIVE and not row.image.tags
        return never_tagged and row.index is None and waited
    return not row.index_has_tags


def _runs(candidate: _Candidate, others: Iterable[_Candidate], now: datetime) -> bool:
    """Return whether an image counts as running: for a while also after it stopped."""
    stopped_at = candidate.stopped_at
    if stopped_at is None:
        return candidate.runs
    return now < stopped_at + STOPPED_PATIENCE and not any(other.runs for other in others)


def _ended(candidates: Iterable[_Candidate], now: datetime) -> str | None:
    """Return why a stream that is compared with another one is over; None: it is not."""
    pushes = [item.place.pushed_at for item in candidates if item.hold]
    if not pushes:
        return "its tag points to no image"
    if now >= max(pushes) + COMPARED_FOR:
        return f"its last push was {COMPARED_FOR.days} days ago"
    return None


def _arrival(
    current: _Candidate | None,
    before: Image | None,
    candidates: Iterable[_Candidate],
    tags: Iterable[TagRow],
) -> Arrival:
    """Return how the current image took the place of the one before."""
    if before is None:
        return Arrival.SCAN if current is None else _coming(current, None)
    if current is not None and before.digest == current.digest:
        return Arrival.SCAN
    left = next((item for item in candidates if item.digest == before.digest), None)
    if current is None or (left is not None and left.place > current.place):
        return _leaving(left, tags)
    return _coming(current, left)


def _coming(current: _Candidate, left: _Candidate | None) -> Arrival:
    """Return how an image became current by a tag. `left`: the one that was current before."""
    ended_at = current.row.scan_ended_at
    if ended_at is None or ended_at > current.place.pushed_at:
        return Arrival.PUSH
    older = left is not None and current.place.image_pushed_at < left.place.image_pushed_at
    return Arrival.ROLLBACK if older else Arrival.TAG


def _leaving(left: _Candidate | None, tags: Iterable[TagRow]) -> Arrival:
    """Return how an image stopped to be current, although no newer one took its place."""
    if left is None or left.hold or (left.untagged and not left.gone):
        return Arrival.END
    own = [row for row in tags if row.digest == left.digest and is_deleted(row)]
    return Arrival.ARCHIVING if any(row.archived for row in own) else Arrival.DELETION


def _reason(current: _Candidate | None, candidates: Iterable[_Candidate]) -> str:
    tagged = [item for item in candidates if item.hold]
    if not tagged:
        return "no tag of the stream points to an image"
    newest = tagged[0]
    if current is newest:
        return f"{current.label} was pushed last"
    waiting = f"the scan of {newest.label}, which was pushed last, has not ended"
    return waiting if current is None else f"{waiting}: {current.label} stays current"


def _due_at(candidates: Iterable[_Candidate], now: datetime, *, compared: bool) -> datetime | None:
    times = (at for item in candidates if not item.gone for at in _times(item, compared=compared))
    return min((at for at in times if at > now), default=None)


def _times(candidate: _Candidate, *, compared: bool) -> Iterator[datetime]:
    """Yield when time alone can change what an image is to its stream."""
    if candidate.hold:
        yield candidate.row.known_since + SCAN_PATIENCE
    if candidate.untagged:
        yield candidate.place.pushed_at + INDEX_PATIENCE
    if compared:
        yield candidate.place.pushed_at + COMPARED_FOR
    if candidate.stopped_at is not None:
        yield candidate.stopped_at + STOPPED_PATIENCE
