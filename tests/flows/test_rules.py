"""The record of alerts.yml."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from lib.errors import ConflictError
from lib.flows.rules import RulesBook, RulesInForce, RulesStep, turn_of
from lib.models import Destination
from lib.ports.rules import RulesRecord
from tests.support.builders import NOW

TEAM, OPS = Destination("team"), Destination("ops")
SETTLED = timedelta(minutes=3)
INSTALLED = NOW - timedelta(days=9)
FIRST = RulesInForce("first", (TEAM,), {"all": "all-1"})
SECOND = RulesInForce("second", (TEAM, OPS), {"all": "all-1", "critical": "critical-1"})


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


def a_book(store: Store, own: RulesInForce = FIRST, at: datetime = NOW) -> RulesBook:
    return RulesBook(store=store, own=own, now=lambda: at, settled=SETTLED)  # type: ignore[arg-type]  # a fake


def test_what_is_there_from_the_beginning_is_as_old_as_the_installation() -> None:
    """The first function that asks records it; the next one reads."""
    store = Store()

    first = a_book(store).record()

    assert first == RulesRecord("first", INSTALLED, {TEAM: INSTALLED}, {"all-1": INSTALLED})
    assert a_book(store).record() == first
    assert store.writes == 1


def test_a_look_stores_nothing() -> None:
    """A rehearsal of a stage that never ran reads the same record."""
    store = Store()

    looked = a_book(store).look()

    assert (store.writes, store.stored) == (0, None)
    assert looked == a_book(store).record() == a_book(store).look()


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
    assert record.routes_since == {"all-1": INSTALLED, "critical-1": NOW}
    assert store.writes == 1


def test_a_deployment_is_recorded_and_every_stream_is_queued() -> None:
    """Once; what leaves the file is forgotten, and is new when it comes back."""
    store, queued = Store(), []
    a_book(store).record()

    for step in (RulesStep.QUEUED, RulesStep.UNCHANGED):
        assert a_book(store, SECOND).follow(lambda record: not queued.append(record.hash)) is step  # type: ignore[func-returns-value]
    assert a_book(store, FIRST).follow(lambda _: True) is RulesStep.QUEUED

    assert queued == ["second"]
    assert store.stored == RulesRecord("first", INSTALLED, {TEAM: INSTALLED}, {"all-1": INSTALLED})


@pytest.mark.parametrize("complete", [True, False])
def test_a_pass_that_was_cut_off_goes_on_with_the_next_sweep(*, complete: bool) -> None:
    """The record says whether every stream was queued."""
    store = Store()
    a_book(store).record()

    a_book(store, SECOND).follow(lambda _: complete)

    assert store.stored is not None
    assert store.stored.queued is complete
    again = a_book(store, SECOND).follow(lambda _: True)
    assert again is (RulesStep.UNCHANGED if complete else RulesStep.QUEUED)


def test_the_first_sweep_records_the_installation() -> None:
    """There is nothing to queue."""
    store = Store()

    assert a_book(store).follow(pytest.fail) is RulesStep.UNCHANGED
    assert store.stored is not None


def test_a_sweep_that_was_overtaken_queues_nothing() -> None:
    """The next one reads what the other wrote."""
    store = Store()
    first = a_book(store).record()
    store.record = lambda: first  # type: ignore[method-assign]  # it was read before the other wrote
    store.stored = replace(first, hash="third")

    with pytest.raises(ConflictError):
        a_book(store, SECOND).follow(pytest.fail)


def test_routes_that_an_older_version_recorded_by_name_are_as_old_as_they_were() -> None:
    """At the first change of the file after an upgrade."""
    store = Store(RulesRecord("first", INSTALLED, {TEAM: INSTALLED}, {"all": INSTALLED}))

    a_book(store, SECOND).follow(lambda _: True)

    assert store.stored is not None
    assert store.stored.routes_since == {"all-1": INSTALLED, "critical-1": NOW}


# --- what is published --------------------------------------------------------------------------


def pushed(rules: RulesInForce, at: datetime = NOW) -> RulesInForce:
    return replace(rules, published_at=at)


def test_streams_wait_until_every_function_uses_a_published_file() -> None:
    """A sync by the file before would stay until the daily pass."""
    store, queued = Store(), []
    a_book(store).record()

    def queue(record: RulesRecord) -> bool:
        queued.append(record.hash)
        return True

    steps = [
        a_book(store, pushed(SECOND), NOW + wait).follow(queue)
        for wait in (timedelta(), SETTLED - timedelta(seconds=1), SETTLED, SETTLED)
    ]

    assert steps == [
        RulesStep.WAITING,
        RulesStep.WAITING,
        RulesStep.QUEUED,
        RulesStep.UNCHANGED,
    ]
    assert queued == ["second"]


def test_a_second_push_within_the_minute_is_what_streams_are_synced_by() -> None:
    """The first one is recorded, and nothing is queued for it."""
    store, queued = Store(), []
    a_book(store).record()
    third = replace(pushed(SECOND, NOW + timedelta(seconds=30)), hash="third")

    a_book(store, pushed(SECOND)).follow(pytest.fail)
    a_book(store, third, NOW + timedelta(minutes=1)).follow(pytest.fail)
    a_book(store, third, NOW + timedelta(minutes=4)).follow(
        lambda record: not queued.append(record.hash)  # type: ignore[func-returns-value]
    )

    assert queued == ["third"]


def test_an_older_file_never_replaces_a_newer_one() -> None:
    """A function that cannot read the newest one has the packaged one, and changes nothing."""
    store = Store()
    a_book(store, pushed(SECOND)).record()
    before = store.stored

    for own in (FIRST, pushed(FIRST, NOW - timedelta(minutes=1))):
        assert a_book(store, own).follow(pytest.fail) is RulesStep.OUTDATED
        assert a_book(store, own).record().hash == "first"

    assert store.stored == before


def test_a_file_that_came_back_is_another_one() -> None:
    """Functions may have used the one in between, however short it was."""
    store = Store()
    a_book(store, pushed(SECOND)).record()
    again = pushed(SECOND, NOW + timedelta(seconds=40))

    later = NOW + timedelta(hours=1)
    assert a_book(store, again, later).follow(lambda _: True) is RulesStep.QUEUED
    assert store.stored is not None
    assert turn_of(store.stored) == "second@2026-11-23T09:00:40+00:00"


def test_publishing_the_packaged_file_changes_nothing() -> None:
    """`make deploy` does it: the functions have used that file since they were deployed."""
    store = Store()
    a_book(store).record()

    assert a_book(store, pushed(FIRST)).follow(pytest.fail) is RulesStep.UNCHANGED
    assert store.stored is not None
    assert store.stored.published_at == NOW
    assert turn_of(replace(store.stored, published_at=None)) == "first"
