"""A row whose fault does not happen fails, and says where."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from lib.errors import StoreError
from tests.faults.matrix import Row, row, run
from tests.faults.points import CERTAIN, PointFault
from tests.faults.world import World

ALERTS = 24


def a_row(breaks: Callable[[World], object]) -> Row:
    """Return a row at full length."""

    def play(world: World, volume: int) -> Iterator[str]:
        breaks(world)
        world.push(volume)
        world.run()
        yield from ()

    return row("0", "planted", ALERTS)(play)


@pytest.mark.parametrize(
    ("points", "problem"),
    [
        (("before states.commit",), "there is no point `before states.commit`"),
        (("before rows.close", "after ledger.*"), "there is no point `after ledger.*`"),
        (("during rows.close",), "there is no point `during rows.close`"),
        (("before rows.dead",), "nobody comes by `before rows.dead`"),
    ],
)
def test_a_fault_at_no_point_fails_its_row(points: tuple[str, ...], problem: str) -> None:
    """A port that has another name, an operation that nobody calls: neither proves anything."""
    planted = a_row(lambda world: world.fail_at(points, 0.0001, StoreError))

    result = run(planted, 1, scale=1.0)

    assert result.problems == (problem,)


def test_a_fault_that_comes_too_late_fails_its_row() -> None:
    """It ends before the first event."""
    late = ("before rows.close",)
    planted = a_row(lambda world: world.fail_at(late, 1.0, StoreError, until=0.0))

    result = run(planted, 1, scale=1.0)

    assert result.problems == ("nobody comes by `before rows.close`",)


def test_a_fault_that_never_happens_is_no_chance_for_long() -> None:
    """The dice may spare some, but not as many as this."""
    fault = PointFault(("before rows.*",), 0.5, lambda: None)

    for _ in range(CERTAIN * 2):
        fault.passed("before rows.close", 0.0, lambda: 0.9)

    assert [*fault.problems()] == ["nothing happened at `before rows.*`"]


def loses_none(world: World) -> None:
    world.scan_events.loses = lambda _: False


def repeats_none(world: World) -> None:
    world.deliveries.repeats = lambda: ()


def refuses_none(world: World) -> None:
    world.receivers.plans.append(lambda _: None)


@pytest.mark.parametrize(
    ("breaks", "problem"),
    [
        (loses_none, "scan-events lost nothing"),
        (repeats_none, "deliveries.fifo repeated nothing"),
        (refuses_none, "plan 1 of the receivers was never played"),
    ],
)
def test_a_fault_outside_that_never_happens_fails_its_row(
    breaks: Callable[[World], None], problem: str
) -> None:
    """At full length, queues and receivers do what the row says."""
    result = run(a_row(breaks), 1, scale=1.0)

    assert result.problems == (problem,)


def test_a_short_run_may_be_too_short_for_a_plan() -> None:
    """A share of a few calls may be none of them."""
    longer = replace(a_row(refuses_none), volume=ALERTS + 1)

    result = run(longer, 1, scale=0.0)

    assert result.problems == ()
