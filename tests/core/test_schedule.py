"""When a digest is due, and what it is known by."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from lib.core.schedule import Schedule, digest_id
from lib.models import Destination

SLACK = Destination("team-slack")
MONDAY = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
WEEKLY = Schedule((SLACK,), weekday=0, at=time(7, 0))
DAILY = Schedule((SLACK,), weekday=None, at=time(7, 0))
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("schedule", "now", "due"),
    [
        (WEEKLY, MONDAY, MONDAY),
        (WEEKLY, MONDAY - timedelta(seconds=1), MONDAY - 7 * DAY),
        (WEEKLY, MONDAY + 3 * DAY, MONDAY),
        (WEEKLY, MONDAY + 7 * DAY - timedelta(minutes=1), MONDAY),
        (replace(WEEKLY, weekday=6), MONDAY, MONDAY - DAY),
        (DAILY, MONDAY + timedelta(hours=2), MONDAY),
        (DAILY, MONDAY - timedelta(hours=1), MONDAY - DAY),
    ],
)
def test_a_digest_is_due_at_its_time(schedule: Schedule, now: datetime, due: datetime) -> None:
    """The last time at or before now."""
    assert schedule.last_due(now) == due


def test_the_same_digest_has_the_same_id() -> None:
    """However often it is made; others have another."""
    ids = {
        digest_id("prod", SLACK, MONDAY),
        digest_id("prod", SLACK, MONDAY + DAY),
        digest_id("prod", Destination("b"), MONDAY),
        digest_id("dev", SLACK, MONDAY),
    }

    assert len(ids) == 4
    assert digest_id("prod", SLACK, MONDAY.replace(microsecond=0)) in ids
