"""Records of images: their changes by events and reports, and whether those are believed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final, NamedTuple

from lib.core.evidence import PARTIAL_PATIENCE, NotReady, evidence_of
from lib.core.provenance import kept
from lib.core.streams import Stream, StreamRule, streams_of
from lib.core.usage import unseen, used
from lib.errors import ConflictError, FindingsNotReadyError
from lib.models import (
    AnyReport,
    Image,
    ImageIndex,
    Provenance,
    Report,
    SameReport,
    ScanEvent,
    StreamId,
    UnusableReport,
)
from lib.models.streams import CoveredImage, ImageRow
from lib.ports.streams import ImageRecord, ImageStore

_TRIES: Final = 8
INSPECTOR: Final = "inspector"
INDEXES_KEPT: Final = 20
"""As many running images of a stream are watched beside the current one."""
ENDED: Final = frozenset({"SCAN_ELIGIBILITY_EXPIRED", "IMAGE_ARCHIVED"})
"""Reasons for which Inspector monitors an image no longer that it scanned before."""
_ARCHIVED: Final = "IMAGE_ARCHIVED"
_NOTICE: Final = timedelta(minutes=1)
"""How much later than its event a scan may state that it ended."""


class ImageRecords:
    """
    The records that are stored of images, and the streams that these are in.

    Each is read once for an event. Writes are conditional on what was read, so that a record that
    another event changed meanwhile is read again.
    """

    def __init__(self, images: ImageStore, rules: Callable[[], Sequence[StreamRule]]) -> None:
        self._images = images
        self._rules = rules
        self._read: dict[str, ImageRecord | None] = {}
        self._earlier: dict[str, Sequence[StreamId]] = {}
        self._expected: dict[str, ImageRecord] = {}

    def begin(self) -> None:
        """Forget what was read for the event before."""
        self._read.clear()
        self._earlier.clear()
        self._expected.clear()

    def record(self, image: Image) -> ImageRecord | None:
        """Return what is stored, or to be stored, of an image. Raises `StoreError`."""
        if image.key not in self._read:
            self._look_at(image)
        return self._read[image.key] or self._expected.get(image.key)

    def _look_at(self, image: Image) -> None:
        self._read[image.key], self._earlier[image.key] = self._images.stored(image)

    def fingerprint(self, event: ScanEvent) -> str:
        """
        Return the fingerprint of an image's last report; empty where that must be made again.

        As it must be for everything but the event of a scan: what a pass has fetched heals what
        was lost. Raises `StoreError`.
        """
        record = self.record(event.image)
        if record is None or event.counts is None or record.stale:
            return ""
        return record.fingerprint

    def says_so(self, report: SameReport) -> bool:
        """Whether what is stored of an image's last report is what this one says."""
        record = self.record(report.image)
        if record is None or record.scan is None:
            return False
        scan = replace(record.scan, completed_at=report.scan.completed_at)
        return (record.row.image.settled, scan) == (report.image.settled, report.scan)

    def keep(self, image: Image, *, known_since: datetime, is_index: bool = False) -> None:
        """Store what is known of an image, unless it is stored already. Raises `StoreError`."""
        if self.record(image) is None:
            self.expect(image, known_since=known_since, is_index=is_index)
            self.change(image, lambda stored: stored)

    def expect(self, image: Image, *, known_since: datetime, is_index: bool) -> None:
        """Take an image of which nothing is stored as one that the next change stores."""
        if self.record(image) is None:
            row = ImageRow(image, known_since, is_index=is_index)
            self._expected[image.key] = ImageRecord(row)

    def pushed(self, image: Image, at: datetime, *, is_index: bool = False) -> None:
        """Store an image that was pushed, also one that was deleted before."""
        self.keep(image, known_since=at, is_index=is_index)
        self.change(image, lambda stored: pushed_again(stored, at))

    def keep_index(self, index: ImageIndex, at: datetime) -> None:
        """Store which images are parts of an index, or attached to them. Raises `StoreError`."""
        parts = [(image, False) for image in index.images]
        parts += [
            (replace(index.image, digest=digest, tags=()), True) for digest in index.attachments
        ]
        self._look_up([image for image, _ in parts])
        for image, attached in parts:
            self.expect(image, known_since=at, is_index=False)
            self.change(image, partial(_as_part, index=index.image, attached=attached, at=at))

    def _look_up(self, images: Sequence[Image]) -> None:
        """Read the records of several images at once."""
        stored = self._images.records(images)
        self._read |= {image.key: stored.get(image.key) for image in images}

    def change(self, image: Image, change: Callable[[ImageRecord], ImageRecord]) -> None:
        """
        Change the record of an image, anew where another event was faster.

        An image without a record stays so. Raises `StoreError`.
        """
        for _ in range(_TRIES):
            record = self.record(image)
            if record is None:
                return
            after = change(record)
            is_stored = after == record and record.revision
            if is_stored or self._put(after):
                return
        raise ConflictError(f"too many events change {image.name} at the same time")

    def listed(self, event: ScanEvent, report: AnyReport | SameReport) -> None:
        """Drop the announcement of a part whose report lists all of it. Raises `StoreError`."""
        record = self.record(event.image)
        if record is not None and record.announced:
            self.change(event.image, lambda stored: without_listed(stored, report, event))

    def gone(self, image: Image, at: datetime) -> None:
        """Keep since when an image does not exist any more. Raises `StoreError`."""
        self.change(image, lambda stored: replace(stored, row=replace(stored.row, gone_at=at)))

    def streams(self, image: Image) -> tuple[StreamId, ...]:
        """Return the streams of an image: those of its tags, and those that it was in."""
        return tuple(dict.fromkeys((*self._names(image), *self.earlier(image))))

    def streams_now(self, image: Image) -> Mapping[Stream, Image]:
        """Return the streams of an image's tags; in each, it has the tags of that stream."""
        return streams_of(image, self._rules())

    def earlier(self, image: Image) -> Sequence[StreamId]:
        """Return the streams that an image is, or was, in. Raises `StoreError`."""
        if image.key not in self._earlier:
            self._earlier[image.key] = self._images.stored(image).streams
        return self._earlier[image.key]

    def _names(self, image: Image) -> tuple[StreamId, ...]:
        return tuple([stream.id for stream in self.streams_now(image)])

    def _put(self, record: ImageRecord) -> bool:
        image, names = record.row.image, self._names(record.row.image)
        self._read.pop(image.key, None)
        try:
            self._images.put(record, streams=sorted({*names} - {*self._earlier.get(image.key, ())}))
        except ConflictError:
            return False
        self._read[image.key] = replace(record, revision=record.revision + 1)
        if image.key in self._earlier:
            self._earlier[image.key] = sorted({*self._earlier[image.key], *names})
        return True


def _as_part(stored: ImageRecord, *, index: Image, attached: bool, at: datetime) -> ImageRecord:
    """Return the record of an image that is a part of an index, or attached to its images."""
    there = pushed_again(stored, at)
    return replace(there, row=replace(with_index(there.row, index), attached=attached))


def pushed_again(stored: ImageRecord, at: datetime) -> ImageRecord:
    """
    Return the record of an image after a push; another one only where it was deleted before.

    Then a scan follows as after any first push. What an event announced of an earlier one does not
    say how long that scan takes. The last report stands until then. What ran the image was seen
    before it was deleted: that counts no more until it is seen again.
    """
    gone_at = stored.row.gone_at
    if gone_at is None or gone_at >= at:
        return stored
    image = replace(stored.row.image, pushed_at=at)
    row = replace(stored.row, image=image, known_since=at, scan_ended_at=None, gone_at=None)
    return replace(
        stored,
        row=unseen(row, gone_at),
        announced=None,
        announced_at=None,
        doubted=False,
        monitored=True,
        fingerprint="",
    )


def with_index(row: ImageRow, index: Image) -> ImageRow:
    """
    Return the row of an image that is a part of an index, the newest of its indexes.

    The same image can be a part of many: of each release, where it is built alike.
    """
    others = [digest for digest in row.indexes if digest != index.digest]
    return replace(
        row,
        indexes=(index.digest, *others[: INDEXES_KEPT - 1]),
        index_has_tags=bool(index.tags) or (bool(others) and row.index_has_tags),
    )


class Announcement(NamedTuple):
    """How many findings of a scan are expected, and since when."""

    findings: int | None
    """None: nothing was announced."""
    at: datetime
    earlier: bool = False
    """An earlier event said so, not the one that is handled."""

    def is_overtaken(self, listed: object) -> bool:
        """Whether a list is one of a later scan, so that the announcement is not about it."""
        if not self.earlier or not isinstance(listed, Report | UnusableReport):
            return False
        completed_at = listed.scan.completed_at
        return completed_at is not None and completed_at > self.at + _NOTICE


def announcement(event: ScanEvent, record: ImageRecord | None) -> Announcement:
    """
    Return the announcement about an image: of the event itself, else of an earlier one.

    Without the earlier one, a list that is too short would be complete as soon as any other cause
    has it fetched: another part's event, an hourly pass. An event that comes again expects nothing
    that was listed already.
    """
    if event.counts is not None and not (record is not None and _is_listed(record, event)):
        return Announcement(sum(event.counts.values()), event.announced_at)
    if record is not None and record.announced is not None and record.announced_at is not None:
        return Announcement(record.announced, record.announced_at, earlier=True)
    return Announcement(None, event.announced_at)


def with_announcement(stored: ImageRecord, event: ScanEvent) -> ImageRecord:
    """Return a record with what an event counts; the event of the latest scan counts."""
    if event.counts is None:
        return stored
    if stored.announced_at is not None and stored.announced_at > event.time:
        return stored
    if _is_listed(stored, event):
        return stored
    return replace(stored, announced=sum(event.counts.values()), announced_at=event.time)


def _is_listed(stored: ImageRecord, event: ScanEvent) -> bool:
    """Whether a report has listed all that the event of a scan announced."""
    return stored.announced is None and stored.announced_at == event.time


def without_listed(
    stored: ImageRecord, report: AnyReport | SameReport, event: ScanEvent
) -> ImageRecord:
    """
    Return a record without its announcement, where a report lists all findings of the scan.

    A shorter list comes from a later scan then, however soon it follows: a finding that was closed
    must not leave the list incomplete for ever. The announcement of a scan after the event stays,
    because the report was not compared with it. So does that of a clean image, which proves that
    an empty list is complete.
    """
    if not stored.announced or isinstance(report, UnusableReport) or not report.scan.complete:
        return stored
    if stored.announced_at is not None and stored.announced_at > event.time:
        return stored
    return replace(stored, announced=None)


def with_doubt(stored: ImageRecord, report: Report, event: ScanEvent) -> ImageRecord:
    """Return a record whose first report is fetched once more, and not stored until then."""
    return replace(without_listed(with_announcement(stored, event), report, event), doubted=True)


def with_report(
    stored: ImageRecord,
    report: AnyReport | SameReport,
    event: ScanEvent,
    now: datetime,
    *,
    key: str | None = None,
    provenance: Provenance | None = None,
) -> ImageRecord:
    """
    Return a record with its last report, and with the last one that had a result.

    `key`: of the report's object; None: it says what the stored one says, which stands.
    """
    of_parts = () if isinstance(report, SameReport) else report.parts
    row = replace(
        stored.row,
        image=report.image,
        scan_ended_at=stored.row.scan_ended_at or now,
        is_index=bool(of_parts),
        gone_at=stored.row.gone_at if report.scan.status == _ARCHIVED else None,
    )
    count = report.image.in_use_count
    if count is not None:
        row = used(row, f"{INSPECTOR} {stored.row.image.digest}", now, runs=count > 0)
    parts = [part.counts is not None and part.complete for part in of_parts]
    has_result = not isinstance(report, UnusableReport)
    usable = has_result and all(parts or [report.scan.complete])
    keeps = not usable and stored.report_key is not None
    return replace(
        without_listed(with_announcement(stored, event), report, event),
        row=row,
        report_key=key or stored.report_key,
        fetched_at=now,
        scan=report.scan,
        usable_key=(stored.usable_key or stored.report_key) if keeps else None,
        usable_at=(stored.usable_at or stored.fetched_at) if keeps else None,
        stale=False,
        event_id=event.event_id,
        event_time=event.time,
        provenance=provenance if key else kept(stored.provenance, None),
        fingerprint="" if isinstance(report, UnusableReport) else report.fingerprint,
    )


def documented(report: AnyReport, provenance: Provenance | None) -> AnyReport:
    """Return a report as it is stored."""
    if isinstance(report, Report):
        return replace(report, provenance=provenance, fingerprint="")
    return replace(report, provenance=provenance)


def with_coverage(stored: ImageRecord, rows: Sequence[CoveredImage], now: datetime) -> ImageRecord:
    """Return a record with what Inspector covers of its image, or of all parts of its index."""
    if not rows:
        return stored
    row = stored.row
    for covered in rows:
        count = covered.in_use_count
        runs = None if count is None else count > 0
        row = used(row, f"{INSPECTOR} {covered.image.digest}", now, runs=runs)
    monitored = [covered.monitored or covered.reason not in ENDED for covered in rows]
    return replace(stored, row=row, monitored=any(monitored))


def believed(report: AnyReport, announced: int | None, age: timedelta) -> AnyReport:
    """
    Return a report that can be believed. Raises `FindingsNotReadyError` for another one.

    The source has compared what was announced with the rows of its answer. Without an event that
    announces anything, no list is expected to grow.
    """
    nothing = 0 if announced == 0 else None
    patience = age if announced is not None else PARTIAL_PATIENCE
    outcome = evidence_of(report, age=patience, announced=nothing)
    if isinstance(outcome, NotReady):
        raise FindingsNotReadyError(outcome.reason, status=report.scan.status)
    return outcome
