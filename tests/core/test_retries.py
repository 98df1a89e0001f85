"""When to try again, and when to give up: the numbers."""

from datetime import timedelta

import pytest

from lib.core.retries import REFUSALS, Consequence, backoff, consequence_of, wake_again
from lib.errors import PermanentDeliveryError
from lib.models import DeliveryId
from tests.support.rows import a_row


@pytest.mark.parametrize(
    ("waiting", "minutes"), [(0, 5), (1, 5), (30, 5), (60, 10), (360, 60), (9999, 60)]
)
def test_the_longer_the_queue_the_later_a_row_is_woken_again(waiting: int, minutes: int) -> None:
    """Ten seconds for each that waits, between five minutes and an hour."""
    assert wake_again(waiting) == timedelta(minutes=minutes)


def test_backoff_doubles_to_a_quarter_of_an_hour_and_spreads() -> None:
    """15 s, 30 s, … 15 min, each between half and whole; the same row gets the same time."""
    row, other = DeliveryId("a" * 32), DeliveryId("b" * 32)

    assert all(
        full / 2 <= backoff(row, failures) <= full
        for failures, full in ((1, 15), (2, 30), (3, 60), (7, 900), (50, 900))
    )
    assert backoff(row, 3) == backoff(row, 3)
    assert backoff(row, 3) != backoff(other, 3)


def consequences(*, broken: bool, may_pass: bool) -> list[Consequence]:
    """Return the consequence of a refusal at the 1st, 2nd, … failure of a delivery."""
    error = PermanentDeliveryError("no", broken=broken, may_pass=may_pass)
    rows = (a_row(failures=failures) for failures in range(60))
    return [consequence_of(row, error) for row in rows]


def test_a_refusal_for_good_is_the_end_at_once() -> None:
    """Of one message, or of the destination with it."""
    assert set(consequences(broken=False, may_pass=False)) == {Consequence.DIES}
    assert set(consequences(broken=True, may_pass=False)) == {Consequence.BROKEN_AND_DIES}


def test_a_refusal_of_everything_breaks_the_destination_once_it_lasts() -> None:
    """From the sixth failure on, at each: after every pause one call finds out."""
    found = consequences(broken=True, may_pass=True)

    assert set(found[: REFUSALS - 1]) == {Consequence.TRIED_AGAIN}
    assert set(found[REFUSALS - 1 :]) == {Consequence.BROKEN_AND_TRIED_AGAIN}


def test_a_refusal_of_one_message_leaves_room_for_the_others() -> None:
    """It may be about this one alone, so the destination is broken ever more rarely."""
    found = consequences(broken=False, may_pass=True)

    broken = [number for number, consequence in enumerate(found, 1) if consequence.is_broken]
    assert broken == [6, 12, 24, 48]
    assert not any(consequence.dies for consequence in found)


def test_six_refusals_take_some_minutes() -> None:
    """Longer than an endpoint is rolled out, shorter than people would wait for a fallback."""
    for number in range(50):
        row = DeliveryId(f"{number:032x}")
        seconds = sum(backoff(row, failures) for failures in range(1, REFUSALS))

        assert 3.5 * 60 < seconds < 8 * 60
