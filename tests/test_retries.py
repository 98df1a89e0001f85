"""When to try again: the numbers."""

from datetime import timedelta

import pytest

from lib.models import DeliveryId
from lib.retries import backoff, wake_again


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
