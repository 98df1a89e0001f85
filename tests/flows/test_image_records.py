"""Records of images: what events announce is kept until the list is as long."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from cli.simulation.memory import MemoryStreams
from lib.errors import ConflictError
from lib.flows.image_records import (
    Announcement,
    ImageRecords,
    announcement,
    with_announcement,
    with_report,
    without_listed,
)
from lib.models import AnyReport, Image, ImageIndex, Member, StreamId
from lib.models.streams import ImageRow
from lib.ports.streams import ImageRecord, StoredImage
from tests.support.builders import (
    NOW,
    a_digest,
    a_finding,
    a_report,
    a_scan_event,
    an_image,
    an_unusable_report,
)

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


def test_an_announcement_ends_with_a_list_of_all_of_it() -> None:
    """A list that is shorter by the next event comes from a later scan."""
    event = a_scan_event(counts={"HIGH": 2, "LOW": 1})

    listed = with_report(STORED, a_report(), event, NOW, key="key")

    assert (listed.announced, listed.announced_at) == (None, NOW)
    assert announcement(a_scan_event(), listed).findings is None


def test_an_event_that_comes_again_announces_nothing_new() -> None:
    """All of it was listed; the list is shorter by now."""
    event = a_scan_event(counts={"HIGH": 2, "LOW": 1})
    listed = without_listed(ANNOUNCED, a_report(), event)

    assert announcement(event, listed) == Announcement(None, NOW)
    assert with_announcement(listed, event) == listed


@pytest.mark.parametrize(
    ("report", "time"),
    [
        (a_report(a_finding(), complete=False), NOW),
        (an_unusable_report(), NOW),
        (a_report(), NOW - HOUR),
    ],
    ids=["incomplete", "without a result", "of an event before the scan"],
)
def test_an_announcement_stands_until_all_of_it_is_listed(
    report: AnyReport, time: datetime
) -> None:
    """A report proves it that is complete, and that was compared with this announcement."""
    assert without_listed(ANNOUNCED, report, a_scan_event(time=time)) == ANNOUNCED


def test_the_announcement_of_a_clean_image_stands() -> None:
    """Without it an empty list that states no time of completion would prove nothing."""
    clean = with_announcement(STORED, a_scan_event(counts={}))

    assert without_listed(clean, a_report(), a_scan_event()).announced == 0


def test_a_report_says_whether_its_image_runs() -> None:
    """As far as the scanner counts it; without a count nothing changes."""
    event, running = a_scan_event(), replace(an_image(), in_use_count=2)

    uses = with_report(STORED, a_report(image=running), event, NOW, key="key").row.uses
    unknown = with_report(STORED, a_report(), event, NOW, key="key").row.uses

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

    def stored(self, image: Image) -> StoredImage:
        self.asked += 1
        return super().stored(image)


def test_a_record_is_read_once_for_an_event() -> None:
    """Also after it was written; the next event reads it again."""
    store = Counted()
    records = ImageRecords(store, lambda: ())

    records.keep(an_image(), known_since=NOW)
    assert records.streams(an_image()) == (STREAM,)
    records.gone(an_image(), NOW + HOUR)
    assert records.streams(an_image()) == (STREAM,)
    assert store.asked == 1
    records.begin()

    record = records.record(an_image())
    assert record is not None
    assert record.row.gone_at == NOW + HOUR
    assert store.asked == 2


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


class Contested(MemoryStreams):
    """Somebody else writes first, this many times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    def put(self, record: ImageRecord, *, streams: Sequence[StreamId] = ()) -> None:
        if record.revision and self.times:
            self.times -= 1
            stored = self.records([record.row.image])[record.row.image.key]
            super().put(replace(stored, event_id=f"{stored.event_id}+"))
        super().put(record, streams=streams)


def test_a_change_is_made_to_what_others_wrote_meanwhile() -> None:
    """Nothing of theirs is lost."""
    store = Contested(2)
    records = ImageRecords(store, tuple)
    records.keep(an_image(), known_since=NOW)

    records.change(an_image(), lambda stored: replace(stored, stale=True))

    record = store.records([an_image()])[an_image().key]
    assert (record.event_id, record.stale) == ("++", True)


def test_a_race_that_never_ends_is_given_up() -> None:
    """The event comes back."""
    records = ImageRecords(Contested(99), tuple)
    records.keep(an_image(), known_since=NOW)

    with pytest.raises(ConflictError, match="too many events change"):
        records.change(an_image(), lambda stored: replace(stored, stale=True))


class Cancelled(MemoryStreams):
    """Both of two transactions are cancelled, this many times: nothing is stored."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    def put(self, record: ImageRecord, *, streams: Sequence[StreamId] = ()) -> None:
        if self.times:
            self.times -= 1
            raise ConflictError("TransactionConflict")
        super().put(record, streams=streams)


def kept(records: ImageRecords) -> None:
    records.keep(an_image(), known_since=NOW)


def expected(records: ImageRecords) -> None:
    records.expect(an_image(), known_since=NOW, is_index=False)
    records.change(an_image(), lambda stored: replace(stored, event_id="1"))


def part_of_an_index(records: ImageRecords) -> None:
    records.keep_index(ImageIndex(an_image(9), (Member(an_image().digest, "linux/amd64"),)), NOW)


@pytest.mark.parametrize("store_image", [kept, expected, part_of_an_index])
def test_an_image_is_stored_though_a_race_has_no_winner(
    store_image: Callable[[ImageRecords], None],
) -> None:
    """The event that stores it first writes again; its report would be dropped."""
    store = Cancelled(2)

    store_image(ImageRecords(store, tuple))

    assert an_image().key in store.records([an_image()])


@pytest.mark.parametrize("store_image", [kept, expected, part_of_an_index])
def test_an_image_that_cannot_be_stored_is_an_error(
    store_image: Callable[[ImageRecords], None],
) -> None:
    """The event comes back."""
    with pytest.raises(ConflictError, match="too many events change"):
        store_image(ImageRecords(Cancelled(99), tuple))


def test_an_image_that_another_event_stored_first_stays_as_it_is() -> None:
    """Its parts of an index are changed instead."""
    store = MemoryStreams()
    first, second = ImageRecords(store, tuple), ImageRecords(store, tuple)
    index = ImageIndex(an_image(9), (Member(a_digest(1), "linux/amd64"),))
    part = index.images[0]
    assert second.record(part) is None
    first.keep(part, known_since=NOW)

    second.keep_index(index, NOW)

    assert store.records([part])[part.key].row.index == a_digest(9)


def test_what_is_attached_is_known_though_its_scan_came_first() -> None:
    """The failed scan of an attestation may be announced before the index is pushed."""
    store = MemoryStreams()
    records = ImageRecords(store, tuple)
    attestation = an_image(7, tags=())
    records.keep(attestation, known_since=NOW)

    records.keep_index(ImageIndex(an_image(9), (), (attestation.digest,)), NOW)

    row = store.records([attestation])[attestation.key].row
    assert (row.attached, row.index) == (True, a_digest(9))
