"""
The passes over all streams: each is put on the sync queue, and goes on where the last run stopped.

    daily, from 00:10 UTC    ended suppressions, whatever was lost or cut off
    rules                    a changed alerts.yml

A run that stops in the middle queues a part of its streams again. Syncs are idempotent.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Final, NamedTuple

from lib.core.causes import DAILY, FEW, RULES, RULES_OF_MANY
from lib.models import StreamId
from lib.ports.passes import Place, Places
from lib.ports.queues import SyncQueue
from lib.ports.streams import StreamListing

DAY_BEGINS: Final = timedelta(minutes=10)
"""After midnight UTC: suppressions that end on a day have ended then."""
_AT_ONCE: Final = 1_000
"""Streams after which the place is kept: ten messages of a hundred, which is one call."""


class StreamPassOutcome(NamedTuple):
    """The result of a run."""

    queued: int
    """How many streams were put on the sync queue."""
    complete: bool
    """Whether the pass is over; else the next run goes on."""


class StreamPasses:
    """Has all streams synced."""

    def __init__(
        self,
        *,
        streams: StreamListing,
        queue: SyncQueue,
        places: Places,
        now: Callable[[], datetime],
    ) -> None:
        self._streams = streams
        self._queue = queue
        self._places = places
        self._now = now

    def daily(self, *, has_time: Callable[[], bool] = lambda: True) -> StreamPassOutcome:
        """Run the pass of today, or what is left of it. Raises `StoreError`."""
        day = (self._now() - DAY_BEGINS).date()
        return self.run(DAILY, day.isoformat(), has_time=has_time)

    def run(
        self, cause: str, turn: str, *, has_time: Callable[[], bool] = lambda: True
    ) -> StreamPassOutcome:
        """
        Run a pass, or what is left of it; `turn` is another one for each pass of a cause.

        `cause` is the cause of the syncs. Raises `StoreError`.
        """
        place = self._places.place(cause)
        if place is None or place.turn != turn:
            place = Place(turn)
        if place.complete:
            return StreamPassOutcome(0, complete=True)
        after = StreamId(place.after) if place.after is not None else None
        why = cause_of_rules(self._streams.streams()) if cause == RULES else cause
        queued = 0
        for streams in _batches(self._streams.streams(after=after)):
            if not has_time():
                return StreamPassOutcome(queued, complete=False)
            queued += self._queue.put(streams, why)
            self._places.put_place(cause, Place(turn, streams[-1]))
        self._places.put_place(cause, Place(turn, complete=True))
        return StreamPassOutcome(queued, complete=True)


def cause_of_rules(streams: Iterable[StreamId]) -> str:
    """Return the cause of the syncs of all streams, when alerts.yml changed."""
    return RULES if next(islice(streams, FEW, None), None) is None else RULES_OF_MANY


def _batches(streams: Iterable[StreamId]) -> Iterator[tuple[StreamId, ...]]:
    rest = iter(streams)
    while batch := tuple(islice(rest, _AT_ONCE)):
        yield batch
