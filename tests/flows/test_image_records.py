"""Records of images: what events announce is kept until the list is as long."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from cli.simulation.memory import MemoryStreams
from lib.flows.image_records import (
    Announcement,
    ImageRecords,
    announcement,
    with_announcement,
    with_report,
)
from lib.models import Image, StreamId
from lib.models.streams import ImageRow
from lib.ports.streams import ImageRecord
from tests.support.builders import NOW, a_report, a_scan_event, an_image

HOUR = timedelta(hours=1)
STREAM = StreamId("000474600478/eu-central-1/payments/api")
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


class Counted(MemoryStreams):
    """A store that counts how often it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def records(self, images: Sequence[Image]) -> Mapping[str, ImageRecord]:
        self.asked += 1
        return super().records(images)

    def streams_with(self, image: Image) -> Sequence[StreamId]:
        self.asked += 1
        return super().streams_with(image)


def test_a_record_is_read_once_for_an_event() -> None:
    """Also after it was written; the next event reads it again."""
    store = Counted()
    records = ImageRecords(store, lambda: ())

    records.keep(an_image(), known_since=NOW)
    assert records.streams(an_image()) == (STREAM,)
    records.gone(an_image(), NOW + HOUR)
    assert records.streams(an_image()) == (STREAM,)
    assert store.asked == 2
    records.begin()

    record = records.record(an_image())
    assert record is not None
    assert record.row.gone_at == NOW + HOUR
    assert store.asked == 3


def test_a_record_that_another_event_changed_is_read_again() -> None:
    """What that one wrote stays."""
    store = Counted()
    first, second = ImageRecords(store, lambda: ()), ImageRecords(store, lambda: ())
    first.keep(an_image(), known_since=NOW)
    second.record(an_image())
    first.gone(an_image(), NOW)

    second.change(an_image(), lambda stored: replace(stored, stale=True))

    record = store.records([an_image()])[an_image().key]
    assert record.stale
    assert record.row.gone_at == NOW
