"""Garbage is collected when an invocation ends, and not in its middle."""

import gc
from collections.abc import Iterator

import pytest

from handlers.garbage import collected_afterwards, freeze_once


class Cycle:
    """An object that only the collector frees."""

    count = 0

    def __init__(self) -> None:
        self.itself = self
        Cycle.count += 1

    def __del__(self) -> None:
        Cycle.count -= 1


@pytest.fixture(autouse=True)
def unfrozen() -> Iterator[None]:
    freeze_once.cache_clear()
    yield
    gc.unfreeze()
    gc.enable()
    gc.collect()


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


def test_what_stays_is_looked_at_once() -> None:
    work(1)
    before = gc.get_freeze_count()

    work(1)

    assert before == gc.get_freeze_count() > 0
