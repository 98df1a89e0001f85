"""The sweep: what it wakes of thousands of rows."""

from collections import Counter
from datetime import timedelta

from cli.simulation.memory import MemoryStreams
from lib.core.attempts import TAKEN_OVER, one_shot
from lib.flows.waking import wake_due
from lib.models import DeliveryId, Destination, StreamId
from lib.models.views import Notification, Pin, Purpose
from tests.support.builders import NOW
from tests.support.fakes import RecordingWaker

SLACK, JIRA = Destination("slack"), Destination("jira")
DUE = NOW + TAKEN_OVER


def a_row(number: int, name: Destination = SLACK, *, quiet: bool = False) -> Notification:
    """Return an open row; one with a higher number is due later."""
    row = one_shot(
        DeliveryId(f"{number:032x}"),
        Purpose.SUMMARY,
        name,
        StreamId("summary"),
        Pin("pinned/one"),
        cause="rules",
        now=NOW + timedelta(milliseconds=number),
    )
    return row if not quiet else Notification(**{**_fields(row), "quiet": True})


def _fields(row: Notification) -> dict[str, object]:
    return {name: getattr(row, name) for name in row.__dataclass_fields__}


def a_store(*rows: Notification) -> MemoryStreams:
    """Return a store with these rows."""
    store = MemoryStreams()
    for row in rows:
        store.add(row)
    return store


def sweep(
    store: MemoryStreams, *, minute: int = 1, pace: bool = False, limit: int = 1000
) -> Counter[Destination]:
    """Return how many rows of each destination a sweep wakes."""
    waker = RecordingWaker()
    now = DUE + timedelta(minutes=minute)
    woken = wake_due(store, waker, now=now, has_pace=lambda _: pace, limit=limit)
    assert woken == len(waker.woken)
    return Counter(wake_up.destination for wake_up in waker.woken)


def test_what_was_woken_lets_others_have_their_turn() -> None:
    """A destination with a long queue does not hide the rows of others from the sweep."""
    store = a_store(a_row(1), a_row(2, JIRA))

    first, second, third = (sweep(store, limit=1) for _ in range(3))

    assert first + second == Counter({SLACK: 1, JIRA: 1})
    assert third == Counter()
    assert sweep(store, minute=7) == Counter({SLACK: 1, JIRA: 1})


def test_a_long_queue_of_one_destination_keeps_no_other_waiting() -> None:
    """1,500 rows of one that is slow, due before the 10 of another: all 10 are woken first."""
    store = a_store(
        *map(a_row, range(1500)), *(a_row(number, JIRA) for number in range(1500, 1510))
    )

    assert sweep(store) == Counter({SLACK: 990, JIRA: 10})


def test_a_slow_destination_is_not_woken_faster_than_it_can_send() -> None:
    """Of 2,000 that nobody takes each is woken once an hour: more wake-ups would hide others."""
    store = a_store(*map(a_row, range(2000)))

    woken = sum((sweep(store, minute=minute) for minute in range(1, 121)), Counter())

    assert woken == Counter({SLACK: 4000})


def test_a_quiet_row_waits_until_no_loud_one_of_its_destination_is_due() -> None:
    """Rows of other destinations do not count."""
    store = a_store(a_row(1), a_row(2, quiet=True), a_row(3, JIRA, quiet=True))

    assert sweep(store) == Counter({SLACK: 1, JIRA: 1})
    assert sweep(store, minute=2) == Counter({SLACK: 1})


def test_quiet_rows_to_a_receiver_with_a_pace_are_woken_one_a_minute() -> None:
    """Thousands of them, after a release of a base image, take hours and hold up nothing."""
    rows = [a_row(number, quiet=True) for number in range(100)]
    paced, others = a_store(*rows), a_store(*rows)

    woken = sum((sweep(paced, minute=minute, pace=True) for minute in range(1, 61)), Counter())

    assert woken == Counter({SLACK: 60})
    assert sweep(others) == Counter({SLACK: 100})
