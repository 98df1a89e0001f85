"""The passes over all streams."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from lib.core.causes import RULES
from lib.errors import StoreError
from lib.flows.stream_passes import StreamPasses, StreamPassOutcome, cause_of_rules
from lib.models import StreamId
from lib.ports.passes import Place
from lib.ports.streams import WatchedDigests

MIDNIGHT = datetime(2026, 6, 2, tzinfo=UTC)
STREAMS = tuple([StreamId(f"123456789012/eu-central-1/app-{number:04}") for number in range(2_500)])


class World:
    """Streams, a queue and places."""

    def __init__(self) -> None:
        self.now = MIDNIGHT + timedelta(hours=1)
        self.queued: list[tuple[StreamId, str]] = []
        self.places: dict[str, Place] = {}
        self.refuses_after: int | None = None
        self.listed = STREAMS

    def streams(self, *, after: StreamId | None = None) -> Iterable[StreamId]:
        return [stream for stream in self.listed if after is None or stream > after]

    def watched(self) -> Iterator[WatchedDigests]:
        raise NotImplementedError

    def take_due(self, *, now: datetime) -> tuple[StreamId, ...]:
        raise NotImplementedError

    def put(self, streams: Iterable[StreamId], cause: str) -> int:
        if self.refuses_after is not None and len(self.queued) >= self.refuses_after:
            raise StoreError("no queue")
        before = len(self.queued)
        self.queued += [(stream, cause) for stream in streams]
        return len(self.queued) - before

    def place(self, name: str) -> Place | None:
        return self.places.get(name)

    def put_place(self, name: str, place: Place) -> None:
        self.places[name] = place

    @property
    def passes(self) -> StreamPasses:
        return StreamPasses(streams=self, queue=self, places=self, now=lambda: self.now)


def test_every_stream_is_queued_once_a_day() -> None:
    """However often the function runs."""
    world = World()

    outcomes = [world.passes.daily() for _ in range(3)]

    assert outcomes == [StreamPassOutcome(2_500, complete=True)] + 2 * [StreamPassOutcome(0, True)]
    assert world.queued == [(stream, "daily") for stream in STREAMS]


def test_a_day_begins_ten_minutes_after_midnight() -> None:
    """Suppressions that ended with the day before have ended by then."""
    world = World()
    queued = []
    for minutes in (-60, 0, 9, 10, 60):
        world.now = MIDNIGHT + timedelta(minutes=minutes)
        queued.append(world.passes.daily().queued)

    assert queued == [2_500, 0, 0, 2_500, 0]


def test_a_pass_whose_time_is_over_goes_on_where_it_stopped() -> None:
    """No stream is left out, and none comes twice."""
    world = World()
    time_for = iter([True, False])

    first = world.passes.daily(has_time=lambda: next(time_for))
    second = world.passes.daily()

    assert first == StreamPassOutcome(1_000, complete=False)
    assert second == StreamPassOutcome(1_500, complete=True)
    assert [stream for stream, _ in world.queued] == list(STREAMS)


def test_a_pass_that_was_cut_off_queues_a_part_again() -> None:
    """Nothing is lost where a queue or a function fails in between."""
    world = World()
    world.refuses_after = 2_000
    with pytest.raises(StoreError):
        world.passes.daily()
    world.refuses_after = None
    world.places["daily"] = Place(world.places["daily"].turn, STREAMS[999])

    assert world.passes.daily().complete
    assert {stream for stream, _ in world.queued} == set(STREAMS)


def test_the_pass_of_a_new_day_begins_at_the_first_stream() -> None:
    """Also where the one before was not finished."""
    world = World()
    time_for = iter([True, False])
    world.passes.daily(has_time=lambda: next(time_for))
    world.now += timedelta(days=1)

    assert world.passes.daily() == StreamPassOutcome(2_500, complete=True)


def test_each_change_of_the_rules_has_a_pass() -> None:
    """Beside the daily one; the syncs name the cause."""
    world = World()
    world.listed = STREAMS[:2]
    world.passes.daily()

    queued = [world.passes.run(RULES, turn).queued for turn in ("one", "one", "two")]

    assert queued == [2, 0, 2]
    assert [cause for _, cause in world.queued] == ["daily"] * 2 + ["rules"] * 4


@pytest.mark.parametrize(("streams", "cause"), [(10, "rules"), (11, "rules of many streams")])
def test_many_streams_are_enough_for_a_summary(streams: int, cause: str) -> None:
    """Then what alerts.yml brings about in one waits for that of others."""
    assert cause_of_rules(map(StreamId, map(str, range(streams)))) == cause
