"""Records of images: what events announce is kept until the list is as long."""

from dataclasses import replace
from datetime import timedelta

import pytest

from lib.flows.image_records import (
    Announcement,
    announcement,
    with_announcement,
    with_report,
)
from lib.models.streams import ImageRow
from lib.ports.streams import ImageRecord
from tests.support.builders import NOW, a_report, a_scan_event, an_image

HOUR = timedelta(hours=1)
STORED = ImageRecord(ImageRow(an_image(), NOW))
ANNOUNCED = with_announcement(STORED, a_scan_event(counts={"HIGH": 2, "LOW": 1}))


def test_the_event_itself_says_how_much_is_expected() -> None:
    """Whatever an earlier one said."""
    event = a_scan_event(counts={"HIGH": 1}, time=NOW + HOUR)

    assert announcement(event, ANNOUNCED) == Announcement(1, NOW + HOUR)


def test_without_counts_an_earlier_event_says_it() -> None:
    """An hourly pass and the event of another part announce nothing."""
    event = a_scan_event(time=NOW + HOUR)

    assert announcement(event, ANNOUNCED) == Announcement(3, NOW, earlier=True)


@pytest.mark.parametrize("record", [None, STORED])
def test_nothing_may_be_announced(record: ImageRecord | None) -> None:
    """Of an image that is not known, and of one that no event counted."""
    assert announcement(a_scan_event(), record) == Announcement(None, NOW)


def test_the_latest_scan_counts() -> None:
    """Events may come in another order than their scans ended."""
    earlier = a_scan_event(counts={"HIGH": 9}, time=NOW - HOUR)
    later = a_scan_event(counts={"HIGH": 9}, time=NOW + HOUR)

    assert with_announcement(ANNOUNCED, earlier) == ANNOUNCED
    assert with_announcement(ANNOUNCED, later).announced == 9
    assert with_announcement(ANNOUNCED, a_scan_event()) == ANNOUNCED


def test_an_announcement_is_about_its_scan_alone() -> None:
    """A scan that ended later has counts of its own."""
    kept = Announcement(3, NOW, earlier=True)
    later = a_report(completed_at=NOW + HOUR)

    assert kept.is_overtaken(later)
    assert not kept.is_overtaken(a_report(completed_at=NOW + timedelta(seconds=30)))
    assert not kept.is_overtaken(a_report(completed_at=None))
    assert not kept.is_overtaken(None)
    assert not Announcement(3, NOW).is_overtaken(later)


def test_a_report_says_whether_its_image_runs() -> None:
    """As far as the scanner counts it; without a count nothing changes."""
    event, running = a_scan_event(), replace(an_image(), in_use_count=2)

    uses = with_report(STORED, a_report(image=running), "key", event, NOW).row.uses
    unknown = with_report(STORED, a_report(), "key", event, NOW).row.uses

    assert [use.stopped_at for use in uses.values()] == [None]
    assert not unknown
