"""Garbage is collected when an invocation ends, and not in its middle."""

import gc
from collections.abc import Iterator
from itertools import count

import pytest

from lib.bootstrap import garbage
from lib.bootstrap.garbage import collected_afterwards


class Cycle:
    """An object that only the collector frees."""

    count = 0

    def __init__(self) -> None:
        self.itself = self
        Cycle.count += 1

    def __del__(self) -> None:
        Cycle.count -= 1


@pytest.fixture(autouse=True)
def warm_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let a test begin after the first invocation of its process."""
    monkeypatch.setattr(garbage, "_invocations", count(2))
    yield
    gc.enable()
    gc.collect()
    # As tests/support/collecting.py left it.
    gc.freeze()


@collected_afterwards
def work(count: int) -> int:
    """Return how many cycles exist after so many were dropped."""
    assert not gc.isenabled()
    for _ in range(count):
        Cycle()
    return Cycle.count


def test_nothing_is_collected_while_an_invocation_runs() -> None:
    assert work(2000) == 2000

    assert Cycle.count == 0
    assert gc.isenabled()


def test_garbage_is_collected_after_an_error() -> None:
    """The process serves the next invocation."""
    with pytest.raises(TypeError):
        work("2")  # type: ignore[arg-type]  # wrong on purpose

    assert gc.isenabled()


def test_only_what_was_made_meanwhile_is_looked_at() -> None:
    """The heap of a process can be large: a look at all of it costs more than an event."""
    gc.collect()
    everything = [[] for _ in range(200_000)]
    gc.collect()
    oldest = gc.get_stats()[2]["collections"]

    for _ in range(3):
        work(1)

    assert gc.get_stats()[2]["collections"] == oldest
    assert len(everything) == 200_000


def test_the_second_invocation_keeps_what_the_first_one_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Clients and rules live as long as the process: no later collection looks at them."""
    monkeypatch.setattr(garbage, "_invocations", count())
    gc.collect()
    gc.unfreeze()

    assert work(10) == 10

    assert Cycle.count == 10
    assert gc.get_freeze_count() == 0
    assert work(1) == 1
    assert gc.get_freeze_count() > 0
    assert Cycle.count == 0
    assert gc.isenabled()


def test_an_error_of_the_first_invocation_is_no_more_than_garbage(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It holds the locals of all callers, and is not kept for good."""
    monkeypatch.setattr(garbage, "_invocations", count())

    @collected_afterwards
    def fail() -> None:
        cycle = Cycle()
        raise ValueError(cycle)

    with pytest.raises(ValueError, match="Cycle"):
        fail()

    assert work(0) == 0
