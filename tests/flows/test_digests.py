"""The flow of digests over copies: due once, in pieces where it must, and by one set of rules."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count

import pytest

from cli.simulation.memory import MemoryStreams
from lib.core.current import current_copy
from lib.core.schedule import Schedule
from lib.core.verdicts import RuleSet
from lib.flows import digests
from lib.flows.digests import DigestFlow
from lib.flows.outbox import Outbox
from lib.models import Destination, Digest, Severity, StreamId
from lib.models.current import CurrentCopy
from lib.models.views import Purpose
from tests.support.builders import a_finding, an_image
from tests.support.current import MemoryBases, MemoryCopies
from tests.support.digests import MONDAY, WEEKLY
from tests.support.fakes import RecordingWaker
from tests.support.streams import STREAM, TEAM, a_route, a_state, a_watched, some_rules

OTHER = Destination("other")
SCHEDULE = replace(WEEKLY, notify=(TEAM, OTHER))
WEEK = timedelta(days=7)


@dataclass
class World:
    """The flow over stores in memory."""

    now: datetime = MONDAY
    installed_at: datetime = MONDAY - timedelta(days=30)
    rules: RuleSet = field(default_factory=lambda: some_rules(a_route(to=(TEAM, OTHER))))
    has_time: Callable[[], bool] = lambda: True
    copies: MemoryCopies = field(default_factory=MemoryCopies)
    bases: MemoryBases = field(default_factory=MemoryBases)
    store: MemoryStreams = field(default_factory=MemoryStreams)
    waker: RecordingWaker = field(default_factory=RecordingWaker)

    @property
    def flow(self) -> DigestFlow:
        """The flow as it is wired now."""
        return DigestFlow(
            copies=self.copies,
            bases=self.bases,
            outbox=Outbox(
                objects=self.store, rows=self.store, waker=self.waker, now=lambda: self.now
            ),
            rules=lambda: self.rules,
            installed_at=lambda: self.installed_at,
            now=lambda: self.now,
        )

    def run(self, schedule: Schedule = SCHEDULE) -> str:
        """Run once, and return the reason why nothing was queued."""
        return self.flow.run(schedule, has_time=self.has_time).reason

    def put(self, *ids: str, stream: StreamId = STREAM, number: int = 1) -> None:
        """Write the copy of a stream with an image that has these vulnerabilities."""
        watched = a_watched(*map(a_finding, ids), image=an_image(number))
        self.copies.put(current_copy(replace(a_state(watched), stream=stream), ()))

    @property
    def digests(self) -> list[Digest]:
        """The digests that are queued, in order."""
        pinned = [self.store.pinned(row.pin.key) for row in self.store.unsent() if row.pin]
        return [digest for digest in pinned if isinstance(digest, Digest)]

    @property
    def totals(self) -> list[int]:
        """The numbers of vulnerabilities that are open in each digest."""
        return [digest.total for digest in self.digests]

    def lose_last(self) -> Digest:
        """Let the last digest not be queued."""
        lost = self.digests[-1]
        del vars(self.store)["_notifications"][lost.delivery_id]
        return lost


def some_streams(world: World, number: int) -> None:
    """Write streams with one vulnerability each, in images of their own."""
    for index in range(number):
        world.put("CVE-1", stream=StreamId(f"{STREAM}|{index:03d}"), number=index)


def time_for(streams: int) -> Callable[[], bool]:
    """Return a clock that has time for so many questions."""
    asked = count()
    return lambda: next(asked) < streams


def test_each_destination_has_its_digest_once() -> None:
    """The next hour finds that it exists."""
    world = World()
    world.put("CVE-1", "CVE-2")

    assert world.run() == ""
    assert world.run() == "all due digests exist"
    assert [row.purpose for row in world.store.unsent()] == [Purpose.DIGEST] * 2
    assert {one.id for one in world.waker.woken} == {one.delivery_id for one in world.digests}

    assert [digest.destination for digest in world.digests] == [TEAM, OTHER]
    assert world.totals == [2, 2]


@pytest.mark.parametrize(
    ("world", "reason"),
    [
        (World(now=MONDAY + timedelta(hours=25)), "nothing is due"),
        (
            World(installed_at=MONDAY + timedelta(hours=1)),
            "the first one is due after the installation",
        ),
    ],
)
def test_what_is_not_due_is_not_made(world: World, reason: str) -> None:
    """Nor what is overdue for a day."""
    assert world.run() == reason
    assert not world.digests


def test_the_next_digest_compares_with_the_last_one() -> None:
    """Also where that one could not be delivered: it was made."""
    world = World()
    world.put("CVE-1", "CVE-2")
    world.run()
    world.put("CVE-2", "CVE-3")
    world.now += WEEK

    world.run()

    digest = world.digests[-1]
    numbers = [sum(part.values()) for part in (digest.open_before, digest.new, digest.resolved)]
    assert numbers == [2, 1, 1]
    assert digest.since == MONDAY
    assert len(digest.trend) == 2


def test_a_destination_that_lacks_its_digest_gets_it_alone() -> None:
    """A crash between two of them repeats none, and the shares of all are kept."""
    world = World()
    world.put("CVE-1")
    world.run()
    lost = world.lose_last()

    world.run()

    assert world.digests[-1] == lost
    assert len(world.digests) == 2
    basis = world.bases.get(MONDAY)
    assert basis is not None
    assert set(basis.trends) == {TEAM, OTHER}


def test_shares_of_all_destinations_are_made_anew_by_other_rules() -> None:
    """The digest that exists is not sent again, and the next one of it has all to compare with."""
    world = World()
    world.put("CVE-1")
    world.run()
    world.lose_last()
    world.rules = replace(world.rules, hash="others")

    world.run()

    basis = world.bases.get(MONDAY)
    assert basis is not None
    assert set(basis.shares) == {TEAM, OTHER}
    assert basis.rules == "others"
    assert world.totals == [1, 1]


def test_a_run_without_time_goes_on_where_it_stopped() -> None:
    """No stream is read twice, and none is left out."""
    world = World(has_time=time_for(4))
    some_streams(world, 5)

    reason = world.run()
    basis = world.bases.get(MONDAY)
    world.has_time = lambda: True
    world.copies.put(the_first_with_more(world))
    world.run()

    assert reason == f"no time left: the next run goes on after {STREAM}|002"
    assert basis is not None
    assert [len(shares) for shares in basis.shares.values()] == [3, 3]
    assert world.totals == [5, 5]


def the_first_with_more(world: World) -> CurrentCopy:
    """Return the copy of the first stream, with more in it than was read."""
    copy = world.copies.get(StreamId(f"{STREAM}|000"))
    assert copy is not None
    return replace(copy, state=replace(copy.state, images=(a_watched(*map(a_finding, "AB")),)))


def test_shares_are_kept_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is cut off has lost little."""
    monkeypatch.setattr(digests, "STREAMS_AT_ONCE", 2)
    world = World()
    some_streams(world, 5)
    kept = []
    put = world.bases.put
    monkeypatch.setattr(world.bases, "put", lambda basis: (kept.append(basis), put(basis)))

    world.run()

    assert [basis.place and basis.place[-3:] for basis in kept] == ["001", "003", "004"]
    assert [basis.complete for basis in kept] == [False, False, True]
    assert world.totals == [5, 5]


def test_other_rules_begin_anew() -> None:
    """A digest is made by one set of rules."""
    world = World(has_time=time_for(4))
    some_streams(world, 5)
    world.run()
    world.has_time = lambda: True
    severe = a_route(to=(TEAM, OTHER), severity=Severity.CRITICAL)

    world.rules = some_rules(severe, hash_="others")
    world.run()

    assert world.totals == [0, 0]


def test_other_destinations_begin_anew() -> None:
    """The new one has every stream, too."""
    world = World(has_time=time_for(4))
    some_streams(world, 5)
    world.run(replace(SCHEDULE, notify=(TEAM,)))
    world.has_time = lambda: True

    world.run()

    assert world.totals == [5, 5]


def test_a_copy_that_goes_while_streams_are_listed_is_passed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It was deleted between."""
    world = World()
    world.put("CVE-1")
    monkeypatch.setattr(world.copies, "get", lambda _: None)

    world.run()

    assert world.totals == [0, 0]


def test_a_destination_has_no_share_of_what_no_route_asks_for() -> None:
    """The digests of two destinations differ."""
    world = World(rules=some_rules(a_route(to=(OTHER,))))
    world.put("CVE-1")

    world.run()

    assert world.totals == [0, 1]


def test_a_digest_to_look_at_is_neither_kept_nor_queued() -> None:
    """It has no end of time, either."""
    world = World(has_time=lambda: False)
    world.put("CVE-1")

    (digest,) = world.flow.create(SCHEDULE, (TEAM,), until=MONDAY)

    assert digest.total == 1
    assert world.bases.get(MONDAY) is None
    assert not world.digests


def test_nothing_was_read_before_time_was_over() -> None:
    """The next run begins."""
    world = World(has_time=lambda: False)

    assert world.run() == "no time left: the next run goes on at the first stream"
