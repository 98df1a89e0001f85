"""The record of alerts.yml."""

from dataclasses import replace
from datetime import timedelta

import pytest

from lib.errors import ConflictError
from lib.flows.rules import PackagedRules, RulesBook
from lib.models import Destination
from lib.ports.rules import RulesRecord
from tests.support.builders import NOW

TEAM, OPS = Destination("team"), Destination("ops")
INSTALLED = NOW - timedelta(days=9)
FIRST = PackagedRules("first", (TEAM,), ("all",))
SECOND = PackagedRules("second", (TEAM, OPS), ("all", "critical"))


class Store:
    """Holds a record in memory."""

    def __init__(self, stored: RulesRecord | None = None) -> None:
        self.stored = stored
        self.writes = 0

    def installed_at(self) -> object:
        return INSTALLED

    def record(self) -> RulesRecord | None:
        return self.stored

    def put(self, before: RulesRecord | None, after: RulesRecord) -> None:
        if self.stored != before:
            raise ConflictError("another one is stored")
        self.stored = after
        self.writes += 1


def a_book(store: Store, packaged: PackagedRules = FIRST) -> RulesBook:
    return RulesBook(store=store, packaged=packaged, now=lambda: NOW)  # type: ignore[arg-type]  # a fake


def test_what_is_there_from_the_beginning_is_as_old_as_the_installation() -> None:
    """The first function that asks records it; the next one reads."""
    store = Store()

    first = a_book(store).record()

    assert first == RulesRecord("first", INSTALLED, {TEAM: INSTALLED}, {"all": INSTALLED})
    assert a_book(store).record() == first
    assert store.writes == 1


def test_two_functions_that_begin_at_once_agree() -> None:
    """The slower one takes what it would have written."""
    store = Store()
    record = store.record
    store.record = lambda: None  # type: ignore[method-assign]  # both have read nothing

    assert a_book(store).record() == a_book(store).record() == record()


def test_a_function_of_a_new_deployment_takes_additions_as_of_now() -> None:
    """It writes nothing: the sweep does, so that two deployments do not write in turns."""
    store = Store()
    a_book(store).record()

    record = a_book(store, SECOND).record()

    assert record.destinations_since == {TEAM: INSTALLED, OPS: NOW}
    assert record.routes_since == {"all": INSTALLED, "critical": NOW}
    assert store.writes == 1


def test_a_deployment_is_recorded_and_every_stream_is_queued() -> None:
    """Once; what leaves the file is forgotten, and is new when it comes back."""
    store, queued = Store(), []
    a_book(store).record()

    assert a_book(store, SECOND).deployed(lambda record: not queued.append(record.hash))  # type: ignore[func-returns-value]
    assert not a_book(store, SECOND).deployed(lambda record: not queued.append(record.hash))  # type: ignore[func-returns-value]
    assert a_book(store, FIRST).deployed(lambda _: True)

    assert queued == ["second"]
    assert store.stored == RulesRecord("first", INSTALLED, {TEAM: INSTALLED}, {"all": INSTALLED})


@pytest.mark.parametrize("complete", [True, False])
def test_a_pass_that_was_cut_off_goes_on_with_the_next_sweep(*, complete: bool) -> None:
    """The record says whether every stream was queued."""
    store = Store()
    a_book(store).record()

    a_book(store, SECOND).deployed(lambda _: complete)

    assert store.stored is not None
    assert store.stored.queued is complete
    assert a_book(store, SECOND).deployed(lambda _: True) is not complete


def test_the_first_sweep_records_the_installation() -> None:
    """There is nothing to queue."""
    store = Store()

    assert not a_book(store).deployed(pytest.fail)
    assert store.stored is not None


def test_a_sweep_that_was_overtaken_queues_nothing() -> None:
    """The next one reads what the other wrote."""
    store = Store()
    first = a_book(store).record()
    store.record = lambda: first  # type: ignore[method-assign]  # it was read before the other wrote
    store.stored = replace(first, hash="third")

    with pytest.raises(ConflictError):
        a_book(store, SECOND).deployed(pytest.fail)
