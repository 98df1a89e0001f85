"""
Images: reports are fetched and stored, tags and uses are kept as facts.

    a scan event      -> the report is fetched and stored    -> the streams of the image are synced
    a pushed tag      -> a fact about a stream               -> that stream is synced
    a finding event   -> the report is fetched again, if the image is watched; else it is stale

Events carry no findings, so their order does not matter: what is fetched is the present.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from lib.core.evaluation import NOT_READY_HORIZON, PARTIAL_HORIZON, never_ready, revisit_delay
from lib.core.evidence import (
    SECOND_LOOK_AFTER,
    closed_without_proof,
    most_is_missing,
)
from lib.core.merging import merged
from lib.core.streams import Stream, StreamRule, streams_of, untagged_stream
from lib.core.usage import used
from lib.errors import (
    ConflictError,
    FindingsNotReadyError,
    ImageGoneError,
    NotAnImageError,
    RepositoryGoneError,
    SourceError,
)
from lib.flows.image_records import (
    INSPECTOR,
    Announcement,
    announcement,
    believed,
    with_announcement,
    with_report,
)
from lib.models import (
    AnyReport,
    Finding,
    FindingEvent,
    Image,
    ImageIndex,
    PushEvent,
    Removal,
    RemovalEvent,
    Report,
    Scan,
    ScanEvent,
    ScanSource,
    StreamId,
    UnusableReport,
)
from lib.models.streams import UNTAGGED, CoveredImage, ImageRow, TagFact
from lib.ports.sources import ALL_THE_TIME, Coverage, FindingSource
from lib.ports.streams import ImageRecord, ImageStore, StreamObjects

_TRIES: Final = 8
ENDED: Final = frozenset({"SCAN_ELIGIBILITY_EXPIRED", "IMAGE_ARCHIVED"})
"""Reasons for which Inspector monitors an image no longer that it scanned before."""


class ImageResult(StrEnum):
    """How an event about an image ended."""

    STORED = "stored"
    TAGGED = "tagged"
    STALE = "stale"
    REPEATED = "repeated"
    DEFERRED = "deferred"
    IMAGE_DELETED = "image-deleted"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class ImageOutcome:
    """How an event about an image ended, and the streams that it concerns."""

    result: ImageResult
    reason: str
    streams: tuple[StreamId, ...] = ()
    revisit: timedelta | None = None
    """DEFERRED: when the event comes back."""
    repository_gone: bool = False
    """IMAGE_DELETED: so are all other images of its repository."""


class ImageFlow:
    """Keeps what events and answers say about images, and names the streams that it concerns."""

    def __init__(
        self,
        *,
        source: FindingSource,
        images: ImageStore,
        objects: StreamObjects,
        add_tags: Callable[[Sequence[TagFact]], None],
        confirm_tags: Callable[[Image, datetime], None],
        coverage: Coverage,
        findings_before: Callable[[Image], Iterable[Sequence[Finding]]],
        rules: Callable[[], Sequence[StreamRule]],
        watched: Callable[[Image], bool],
        now: Callable[[], datetime],
    ) -> None:
        self._source = source
        self._images = images
        self._objects = objects
        self._add_tags = add_tags
        self._confirm_tags = confirm_tags
        self._coverage = coverage
        self._findings_before = findings_before
        self._rules = rules
        self._watched = watched
        self._now = now

    def scanned(self, event: ScanEvent) -> ImageOutcome:
        """Fetch the report of an image whose scan ended, or of the index that it is part of."""
        record = self._record(event.image)
        if record is not None and record.row.index is not None:
            part_of = replace(event.image, digest=record.row.index, tags=(), platform=None)
            if self._source_index(part_of) is not None:
                self._changed(event.image, lambda stored: with_announcement(stored, event))
                return self._refreshed(replace(event, image=part_of, counts=None))
        return self._refreshed(event)

    def pushed(self, event: PushEvent) -> ImageOutcome:
        """Keep what a push says: the image, the parts of an index, and the tag."""
        image = event.image
        index = None if event.index is False else self._source_index(image)
        if index is not None:
            self._keep_index(index, event.time)
        self._keep(image, known_since=event.time, is_index=index is not None)
        streams = self._tagged(image, event.time)
        record = self._record(image)
        if index is not None and record is not None and record.report_key is None:
            scan = Scan(ScanSource.ECR_BASIC, "UNKNOWN")
            return self._refreshed(ScanEvent(event.event_id, event.time, image, scan, index=True))
        if record is not None and record.stale:
            outcome = self.refetch(record.row.image, event.event_id, event.time)
            if outcome.result is ImageResult.STORED:
                return outcome
        return ImageOutcome(ImageResult.TAGGED, "its tags are known", streams)

    def removed(self, event: RemovalEvent) -> ImageOutcome:
        """Keep what was deleted or archived; one call tells whether the image is still there."""
        image, at = event.image, event.time
        record = self._record(image)
        if record is None:
            return ImageOutcome(ImageResult.IGNORED, "nothing is known of the image")
        streams = self._streams(replace(record.row.image, tags=image.tags))
        if event.removal is Removal.RESTORED:
            return self.refetch(record.row.image, event.event_id, at)
        self._add_tags(
            [
                TagFact(stream.id, tag, image.digest, at, removal=event.removal)
                for stream, own in self._streams_now(image).items()
                for tag in own.tags
            ]
        )
        if event.removal is Removal.ARCHIVED or not self._exists(image):
            self._changed(
                image, lambda stored: replace(stored, row=replace(stored.row, gone_at=at))
            )
        return ImageOutcome(ImageResult.TAGGED, f"it was {event.removal.value}", streams)

    def _exists(self, image: Image) -> bool:
        try:
            self._source.describe(replace(image, tags=()))
        except (ImageGoneError, NotAnImageError):
            return False
        return True

    def finding(self, event: FindingEvent) -> ImageOutcome:
        """Fetch the report of a watched image again; that of another one is stale."""
        image = event.report.image
        record = self._record(image)
        if record is not None and record.row.index is not None:
            image = replace(image, digest=record.row.index, tags=(), platform=None)
            record = self._record(image)
        if record is None:
            return ImageOutcome(ImageResult.IGNORED, "nothing is known of the image yet")
        if not self._watched(record.row.image):
            self._changed(image, lambda stored: replace(stored, stale=True))
            return ImageOutcome(ImageResult.STALE, "no stream watches the image")
        return self.refetch(record.row.image, event.event_id, event.time)

    def covered(self, covered: CoveredImage) -> ImageOutcome:
        """Keep what Inspector's coverage says: what runs an image, and whether it is monitored."""
        image, now = covered.image, self._now()
        record = self._record(image)
        if record is not None and record.row.index is not None:
            image = replace(image, digest=record.row.index)
            record = self._record(image)
        if record is None:
            return ImageOutcome(ImageResult.IGNORED, "nothing is known of the image yet")
        count = covered.in_use_count
        runs = None if count is None else count > 0
        self._changed(
            image,
            lambda stored: replace(
                stored,
                row=used(stored.row, f"{INSPECTOR} {covered.image.digest}", now, runs=runs),
                monitored=covered.monitored or covered.reason not in ENDED,
            ),
        )
        scanned_at, fetched_at = covered.scanned_at, record.fetched_at
        if scanned_at is not None and (fetched_at is None or scanned_at > fetched_at):
            return self.refetch(record.row.image, f"coverage-{scanned_at.isoformat()}", now)
        return ImageOutcome(ImageResult.STORED, covered.reason, self._streams(record.row.image))

    def gone(self, image: Image) -> ImageOutcome:
        """Keep that an image does not exist any more, as its whole repository does not."""
        now = self._now()
        self._changed(
            image,
            lambda stored: replace(
                stored, row=replace(stored.row, gone_at=stored.row.gone_at or now)
            ),
        )
        reason = f"the repository of {image.name} does not exist (any more)"
        return ImageOutcome(ImageResult.IMAGE_DELETED, reason, self._streams(image))

    def refetch(self, image: Image, cause_id: str, time: datetime) -> ImageOutcome:
        """Fetch the report of an image again, whatever was stored."""
        scan = Scan(ScanSource.ECR_ENHANCED, "UNKNOWN")
        return self._refreshed(ScanEvent(cause_id, time, image, scan))

    # --- one image -----------------------------------------------------------------------------

    def _refreshed(self, event: ScanEvent) -> ImageOutcome:
        now = self._now()
        try:
            report = self._report(event)
            described = self._source.describe(replace(report.image, tags=()))
        except ImageGoneError as error:
            self._changed(
                event.image, lambda stored: replace(stored, row=replace(stored.row, gone_at=now))
            )
            return ImageOutcome(
                ImageResult.IMAGE_DELETED,
                str(error),
                self._streams(event.image),
                repository_gone=isinstance(error, RepositoryGoneError),
            )
        except NotAnImageError as error:
            return ImageOutcome(ImageResult.IGNORED, str(error))
        except FindingsNotReadyError as error:
            self._changed(event.image, lambda stored: with_announcement(stored, event))
            seconds = revisit_delay(now - event.announced_at)
            return ImageOutcome(
                ImageResult.DEFERRED, str(error), revisit=timedelta(seconds=seconds)
            )
        image = replace(
            report.image,
            tags=described.tags,
            pushed_at=described.pushed_at or report.image.pushed_at,
        )
        report = replace(report, image=image)
        self._keep(image, known_since=image.pushed_at or event.time, is_index=bool(report.parts))
        before = self._record(image)
        doubt = self._doubt(report, before, event, now)
        if doubt is not None:
            return doubt
        key = self._objects.put_report(report)
        self._changed(image, lambda stored: with_report(stored, report, key, event, now))
        streams = self._tagged(
            image,
            image.pushed_at or event.time,
            observed_at=now,
            since=before.fetched_at if before is not None else None,
        )
        self._confirm_tags(image, now)
        return ImageOutcome(ImageResult.STORED, report.scan.reason or "a usable report", streams)

    def _doubt(
        self, report: AnyReport, record: ImageRecord | None, event: ScanEvent, now: datetime
    ) -> ImageOutcome | None:
        """Return why a report is not stored, at least not yet; None: it is."""
        if record is None or not isinstance(report, Report):
            return None
        if record.report_key is None:
            return self._first_doubt(report, record, now - (report.scan.completed_at or event.time))
        reason = closed_without_proof(self._last_usable(record), report)
        if reason is None or self._is_monitored(report):
            return None
        self._changed(report.image, lambda stored: replace(stored, monitored=False, stale=False))
        words = f"{reason}, and Inspector is not known to monitor the image: its report stands"
        return ImageOutcome(ImageResult.STORED, words, self._streams(report.image))

    def _last_usable(self, record: ImageRecord) -> AnyReport | None:
        keys = filter(None, (record.report_key, record.usable_key))
        reports = (self._objects.report(key) for key in keys)
        return next((report for report in reports if isinstance(report, Report)), None)

    def _first_doubt(
        self, report: Report, record: ImageRecord, age: timedelta
    ) -> ImageOutcome | None:
        """Return why the first report of an image is fetched once more; None: it is not."""
        for before in self._findings_before(report.image):
            reason = most_is_missing(report, before, age=age, fetched_before=record.doubted)
            if reason is not None:
                self._changed(report.image, lambda stored: replace(stored, doubted=True))
                return ImageOutcome(ImageResult.DEFERRED, reason, revisit=SECOND_LOOK_AFTER)
        return None

    def _is_monitored(self, report: Report) -> bool:
        """Return whether Inspector says that it monitors each image that a report is about."""
        scanned = [part.digest for part in report.parts if part.counts is not None]
        for digest in scanned or [report.image.digest]:
            try:
                covered = list(self._coverage.covered(replace(report.image, digest=digest)))
            except SourceError:
                return False
            if not any(row.monitored for row in covered if row.image.digest == digest):
                return False
        return True

    def _report(self, event: ScanEvent) -> AnyReport:
        index = self._source_index(event.image)
        if index is None:
            return self._scanned(event)
        # The event is about one of them, at most: ECR says how the scan of each stands.
        scan = Scan(event.scan.source, "UNKNOWN")
        members = [
            self._scanned(replace(event, image=image, scan=scan, counts=None))
            for image in index.images
        ]
        return merged(replace(index, image=event.image), members)

    def _scanned(self, event: ScanEvent) -> AnyReport:
        """Return the result of a scan; when patience is at its end, whatever there is of it."""
        return self._fetched(event, announcement(event, self._record(event.image)))

    def _fetched(self, event: ScanEvent, announced: Announcement) -> AnyReport:
        age = self._now() - announced.at
        try:
            report = self._source.report(
                event.image, event.scan, announced=announced.findings, fetching=ALL_THE_TIME
            )
            return believed(report, announced.findings, age)
        except FindingsNotReadyError as error:
            if announced.is_overtaken(error.partial):
                return self._fetched(event, Announcement(None, event.announced_at))
            if age < (NOT_READY_HORIZON if error.partial is None else PARTIAL_HORIZON):
                raise
            match error.partial:
                case Report() | UnusableReport() as partial:
                    return partial
                case _:
                    return never_ready(event, error)

    def _source_index(self, image: Image) -> ImageIndex | None:
        record = self._record(image)
        if record is not None and not record.row.is_index and record.report_key is not None:
            return None
        try:
            return self._source.index(image)
        except ImageGoneError:
            return None

    # --- what is stored ------------------------------------------------------------------------

    def _record(self, image: Image) -> ImageRecord | None:
        return self._images.records([image]).get(image.key)

    def _keep(self, image: Image, *, known_since: datetime, is_index: bool) -> None:
        """Store what is known of an image, unless it is stored already."""
        if self._record(image) is None:
            row = ImageRow(image, known_since, is_index=is_index)
            self._put(ImageRecord(row), self._names(image))

    def _keep_index(self, index: ImageIndex, at: datetime) -> None:
        """Store which images are parts of an index."""
        for member in index.images:
            self._keep(member, known_since=at, is_index=False)
            self._changed(
                member,
                lambda stored: replace(
                    stored,
                    row=replace(
                        stored.row,
                        index=index.image.digest,
                        index_has_tags=bool(index.image.tags),
                    ),
                ),
            )

    def _changed(self, image: Image, change: Callable[[ImageRecord], ImageRecord]) -> None:
        """Change a record, anew where another event was faster."""
        for _ in range(_TRIES):
            record = self._record(image)
            if record is None:
                return
            after = change(record)
            if after == record or self._put(after, self._names(after.row.image)):
                return
        raise ConflictError(f"too many events change {image.name} at the same time")

    def _put(self, record: ImageRecord, streams: Sequence[StreamId]) -> bool:
        try:
            self._images.put(record, streams=streams)
        except ConflictError:
            return False
        return True

    # --- its streams ---------------------------------------------------------------------------

    def _streams_now(self, image: Image) -> Mapping[Stream, Image]:
        return streams_of(image, self._rules())

    def _names(self, image: Image) -> tuple[StreamId, ...]:
        return tuple([stream.id for stream in self._streams_now(image)])

    def _streams(self, image: Image) -> tuple[StreamId, ...]:
        """Return the streams of an image: those of its tags, and those that it was in."""
        earlier = self._images.streams_with(image)
        return tuple(dict.fromkeys((*self._names(image), *earlier)))

    def _tagged(
        self,
        image: Image,
        at: datetime,
        *,
        observed_at: datetime | None = None,
        since: datetime | None = None,
    ) -> tuple[StreamId, ...]:
        untagged, earlier = untagged_stream(image).id, self._images.streams_with(image)
        # One that lost its last tag is not one that never had any.
        without = () if any(stream != untagged for stream in earlier) else (UNTAGGED,)
        facts = [
            TagFact(stream.id, tag, image.digest, at, observed_at, since)
            for stream, own in self._streams_now(image).items()
            for tag in own.tags or without
        ]
        if image.tags and untagged in earlier:
            seen_at = observed_at or at
            facts.append(
                TagFact(untagged, UNTAGGED, image.digest, seen_at, removal=Removal.DELETED)
            )
        self._add_tags(facts)
        return self._streams(image)
