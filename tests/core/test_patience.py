"""The patience with scans whose result is not there yet."""

from datetime import timedelta

from lib.core.patience import revisit_delay


def test_a_pending_scan_is_asked_for_less_and_less_often() -> None:
    """After 30 s, 1, 2, 5 and then 15 min, and for the last time when the hour is over."""
    ages = [timedelta(seconds=seconds) for seconds in (-60, 0, 29, 30, 90, 210, 509, 510, 1410)]
    late = [timedelta(minutes=minutes) for minutes in (50, 59.9, 60, 600)]

    assert [revisit_delay(age) for age in ages] == [30, 30, 30, 60, 120, 300, 300, 900, 900]
    assert [revisit_delay(age) for age in late] == [600, 30, 30, 30]
