"""
Images: reports are fetched and stored, tags and uses are kept as facts.

    a scan event      -> the report is fetched and stored    -> the streams of the image are synced
    a pushed tag      -> a fact about a stream               -> that stream is synced
    a finding event   -> the report is fetched again, if the image is watched; else it is stale

Events carry no findings, so their order does not matter: what is fetched is the present.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from lib.core.evidence import SECOND_LOOK_AFTER, says_the_same
from lib.core.patience import revisit_delay
from lib.core.provenance import kept
from lib.core.streams import StreamRule, untagged_stream
from lib.errors import (
    FindingsNotReadyError,
    ImageGoneError,
    NotAnImageError,
    StoreError,
)
from lib.flows.doubts import ReportDoubts
from lib.flows.fetching import NO_HURRY, Allowance, PartialFetch, ReportFetcher, in_full
from lib.flows.image_outcomes import ImageOutcome, ImageResult
from lib.flows.image_records import (
    ImageRecords,
    documented,
    with_announcement,
    with_coverage,
    with_doubt,
    with_report,
)
from lib.flows.provenances import provenance_of
from lib.flows.syncs import StreamSync
from lib.models import (
    AnyReport,
    FindingEvent,
    Image,
    ImageIndex,
    Provenance,
    PushEvent,
    Removal,
    RemovalEvent,
    Report,
    SameReport,
    Scan,
    ScanEvent,
    ScanSource,
)
from lib.models.streams import UNTAGGED, ConfirmedTags, CoveredImage, TagFact, TagNews
from lib.ports.sources import Coverage, FindingSource, ProvenanceSource
from lib.ports.store import ProgressStore
from lib.ports.streams import ImageRecord, ImageStore, StreamObjects


class ImageFlow:
    """Keeps what events and answers say about images, and names the streams that it concerns."""

    def __init__(
        self,
        *,
        source: FindingSource,
        images: ImageStore,
        objects: StreamObjects,
        progress: ProgressStore,
        syncs: StreamSync,
        coverage: Callable[[], Coverage],
        rules: Callable[[], Sequence[StreamRule]],
        now: Callable[[], datetime],
        provenances: ProvenanceSource | None = None,
    ) -> None:
        self._source = source
        self._objects = objects
        self._syncs = syncs
        self._now = now
        self._provenances = provenances
        self._doubts = ReportDoubts(objects, coverage, syncs.findings_before)
        self._records = ImageRecords(images, rules)
        self._reports = ReportFetcher(
            source=source, progress=progress, records=self._records, now=now
        )

    def scanned(self, event: ScanEvent, allowance: Allowance = NO_HURRY) -> ImageOutcome:
        """Fetch the report of an image whose scan ended, or of the index that it is part of."""
        self._records.begin()
        record = self._records.record(event.image)
        if record is not None and record.row.attached:
            return ImageOutcome(ImageResult.NO_IMAGE, "it is attached to the images of an index")
        wholes = self._wholes(event.image)
        whole = next((whole for whole in wholes if self._index(whole) is not None), None)
        if whole is None:
            return self._refreshed(event, allowance)
        self._records.change(event.image, lambda stored: with_announcement(stored, event))
        outcome = self._refreshed(replace(event, image=whole, counts=None), allowance)
        return self._with_others(outcome, [other for other in wholes if other != whole])

    def pushed(self, event: PushEvent, allowance: Allowance = NO_HURRY) -> ImageOutcome:
        """Keep what a push says: the image, the parts of an index, and the tag."""
        self._records.begin()
        image = event.image
        if event.artifact is not None:
            reason = f"{image.name} is no image that is scanned, but {event.artifact}"
            return ImageOutcome(ImageResult.NO_IMAGE, reason)
        index = None if event.index is False else self._index(image)
        if index is not None:
            self._records.keep_index(index, event.time)
            if not index.members:
                return ImageOutcome(ImageResult.NO_IMAGE, f"{image.name} has no image in it")
        self._records.pushed(image, event.time, is_index=index is not None)
        news = self._news(image, event.time)
        streams = self._records.streams(image)
        try:
            outcome = self._after_push(event, index, allowance)
        except Exception:
            # The tag is a fact even where no report can be fetched, by all receives of the event.
            with suppress(StoreError):
                self._syncs.keep(news, streams)
            raise
        if outcome is None:
            return ImageOutcome(ImageResult.TAGGED, "its tags are known", streams, news)
        return replace(
            outcome,
            streams=tuple(dict.fromkeys((*streams, *outcome.streams))),
            news=TagNews((*news.facts, *outcome.news.facts), outcome.news.answer),
        )

    def _after_push(
        self, event: PushEvent, index: ImageIndex | None, allowance: Allowance
    ) -> ImageOutcome | None:
        """Fetch what a push makes worth it: the first report of an index, and a stale one."""
        record = self._records.record(event.image)
        if record is None:
            return None
        if index is not None and record.report_key is None:
            scan = Scan(ScanSource.ECR_BASIC, "UNKNOWN")
            first = ScanEvent(event.event_id, event.time, event.image, scan, index=True)
            return self._refreshed(first, allowance)
        if not (record.stale or self._is_lost(record)):
            return None
        outcome = self._refetched(record.row.image, event.event_id, event.time, allowance)
        wanted = (ImageResult.STORED, ImageResult.CONTINUED)
        return outcome if outcome.result in wanted else None

    def _is_lost(self, record: ImageRecord) -> bool:
        """Whether the retention of an image's report is over, so that it must be fetched again."""
        return record.report_key is not None and self._last_report(record) is None

    def removed(self, event: RemovalEvent, allowance: Allowance = NO_HURRY) -> ImageOutcome:
        """Keep what was deleted or archived; one call tells whether the image is still there."""
        self._records.begin()
        image, at = event.image, event.time
        record = self._records.record(image)
        if record is None:
            return ImageOutcome(ImageResult.IGNORED, "nothing is known of the image")
        if event.removal is Removal.RESTORED:
            self._records.change(image, lambda stored: replace(stored, monitored=True))
            return self._refetched(record.row.image, event.event_id, at, allowance)
        streams = self._records.streams(replace(record.row.image, tags=image.tags))
        facts = [
            TagFact(stream.id, tag, image.digest, at, removal=event.removal)
            for stream, own in self._records.streams_now(image).items()
            for tag in own.tags
        ]
        if event.removal is Removal.ARCHIVED or not self._exists(image):
            self._records.gone(image, at)
        reason = f"it was {event.removal.value}"
        return ImageOutcome(ImageResult.TAGGED, reason, streams, TagNews(tuple(facts)))

    def _exists(self, image: Image) -> bool:
        try:
            self._source.describe(replace(image, tags=()))
        except (ImageGoneError, NotAnImageError):
            return False
        return True

    def finding(self, event: FindingEvent, allowance: Allowance = NO_HURRY) -> ImageOutcome:
        """Fetch the report of a watched image again; that of another one is stale."""
        self._records.begin()
        images = self._wholes(event.report.image) or [event.report.image]
        records = [record for image in images if (record := self._records.record(image))]
        if not records:
            return ImageOutcome(ImageResult.IGNORED, "nothing is known of the image yet")
        stored = [record.row.image for record in records]
        watched = next((image for image in stored if self._is_watched(image)), None)
        if watched is None:
            stale = ImageOutcome(ImageResult.STALE, "no stream watches the image")
            return replace(self._with_others(stale, stored), streams=())
        outcome = self._refetched(watched, event.event_id, event.time, allowance)
        return self._with_others(outcome, [image for image in stored if image != watched])

    def _is_watched(self, image: Image) -> bool:
        return self._syncs.watches(image, self._records.earlier(image))

    def _wholes(self, part: Image) -> list[Image]:
        """Return the indexes that an image is a part of, the newest first."""
        record = self._records.record(part)
        digests = record.row.indexes if record is not None else ()
        return [replace(part, digest=digest, tags=(), platform=None) for digest in digests]

    def _with_others(self, outcome: ImageOutcome, others: Iterable[Image]) -> ImageOutcome:
        """Have the reports of other indexes with the same part fetched once they count."""
        streams = list(outcome.streams)
        for image in others:
            self._records.change(image, lambda stored: replace(stored, stale=True))
            streams += self._records.earlier(image)
        return replace(outcome, streams=tuple(dict.fromkeys(streams)))

    def covered(self, image: Image, rows: Sequence[CoveredImage]) -> ImageOutcome:
        """
        Keep what Inspector's coverage says: what runs an image, and whether it is monitored.

        `rows`: its own, or those of all parts of an index.
        """
        self._records.begin()
        now = self._now()
        self._records.change(image, lambda stored: with_coverage(stored, rows, now))
        words = ", ".join(sorted({row.reason for row in rows}))
        return ImageOutcome(ImageResult.TAGGED, words, self._records.streams(image))

    def listed(self, image: Image, at: datetime) -> ImageOutcome:
        """
        Keep the tags of a known image, as its repository lists them. Nothing is fetched.

        Who lists repositories queues their streams: so the streams keep these tags at once.
        """
        self._records.begin()
        record = self._records.record(image)
        if record is None:
            return ImageOutcome(ImageResult.IGNORED, "nothing is known of the image yet")
        described = replace(record.row.image, tags=image.tags)
        self._records.change(
            image,
            lambda stored: replace(
                stored, row=replace(stored.row, image=described), fingerprint=""
            ),
        )
        news = self._news(described, image.pushed_at or at, observed_at=at, since=record.fetched_at)
        self._syncs.keep(news, news.streams)
        streams = self._records.streams(described)
        return ImageOutcome(ImageResult.TAGGED, "its tags are others now", streams)

    def gone(self, image: Image) -> ImageOutcome:
        """Keep that an image does not exist any more, as its whole repository does not."""
        self._records.begin()
        self._records.gone(image, self._now())
        reason = f"the repository of {image.name} does not exist (any more)"
        return ImageOutcome(ImageResult.IMAGE_DELETED, reason, self._records.streams(image))

    def refetch(self, image: Image, cause_id: str, time: datetime) -> ImageOutcome:
        """Fetch the report of an image again, whatever was stored."""
        self._records.begin()
        return self._refetched(image, cause_id, time, NO_HURRY)

    def _refetched(
        self, image: Image, cause_id: str, time: datetime, allowance: Allowance
    ) -> ImageOutcome:
        if image.is_repository:
            return ImageOutcome(ImageResult.IGNORED, "settings are checked, not scanned")
        scan = Scan(ScanSource.ECR_ENHANCED, "UNKNOWN")
        return self._refreshed(ScanEvent(cause_id, time, image, scan), allowance)

    # --- one image -----------------------------------------------------------------------------

    def _refreshed(self, event: ScanEvent, allowance: Allowance) -> ImageOutcome:
        """Fetch and store a report; where there is none, say why."""
        try:
            return self._fetched(event, allowance)
        except ImageGoneError as error:
            self._records.gone(event.image, self._now())
            streams = self._records.streams(event.image)
            return ImageOutcome(ImageResult.IMAGE_DELETED, str(error), streams)
        except NotAnImageError as error:
            self._records.gone(event.image, self._now())
            streams = tuple(self._records.earlier(event.image))
            return ImageOutcome(ImageResult.NO_IMAGE, str(error), streams)

    def _fetched(self, event: ScanEvent, allowance: Allowance) -> ImageOutcome:
        index = self._index(event.image)
        if index is not None and not index.members:
            raise NotAnImageError(f"{event.image.name} has no image in it")
        stored = "" if self._wants_origin(event.image) else self._records.fingerprint(event)
        try:
            report = self._reports.report(event, index, allowance, stored)
        except FindingsNotReadyError as error:
            return self._not_ready(event, error)
        if isinstance(report, PartialFetch):
            return ImageOutcome(
                ImageResult.CONTINUED,
                report.reason,
                revisit=timedelta(),
                event=event,
                progress=report.progress,
            )
        described = self._source.describe(replace(report.image, tags=()))
        image = replace(
            report.image,
            tags=described.tags,
            pushed_at=described.pushed_at or report.image.pushed_at,
        )
        same = replace(report, image=image)
        if isinstance(same, SameReport) and self._records.says_so(same):
            return self._stored(event, same)
        return self._believed(event, replace(in_full(report), image=image))

    def _wants_origin(self, image: Image) -> bool:
        """Whether it is to be read of an image what it was made from."""
        record = self._records.record(image)
        stated = kept(record.provenance, None) if record is not None else None
        return stated is None and self._provenances is not None

    def _not_ready(self, event: ScanEvent, error: FindingsNotReadyError) -> ImageOutcome:
        """Look for the result later; what was never scanned may be no image at all."""
        record = self._records.record(event.image)
        if record is not None and record.report_key is None:
            self._source.describe(replace(event.image, tags=()))
        self._records.change(event.image, lambda stored: with_announcement(stored, event))
        delay = timedelta(seconds=revisit_delay(self._now() - event.announced_at))
        return ImageOutcome(ImageResult.DEFERRED, str(error), revisit=delay, event=event)

    def _believed(self, event: ScanEvent, report: AnyReport) -> ImageOutcome:
        """Store a report, unless it is in doubt."""
        image = report.image
        self._records.expect(
            image, known_since=image.pushed_at or event.time, is_index=bool(report.parts)
        )
        before = self._records.record(image)
        last = self._last_report(before)
        doubt = self._doubt(report, before, last, event)
        if doubt is not None:
            return doubt
        stated = kept(before.provenance, None) if before is not None else None
        provenance, unread = provenance_of(report, self._provenances, stated=stated)
        key = before.report_key if before is not None and says_the_same(last, report) else None
        key = key or self._objects.put_report(documented(report, provenance))
        outcome = self._stored(event, report, key, provenance)
        return replace(outcome, without_provenance=unread)

    def _stored(
        self,
        event: ScanEvent,
        report: AnyReport | SameReport,
        key: str | None = None,
        provenance: Provenance | None = None,
    ) -> ImageOutcome:
        """Keep what is known of an image's last report. Without `key` its object stays the same."""
        image, now = report.image, self._now()
        before = self._records.record(image)
        self._records.change(
            image,
            lambda stored: with_report(stored, report, event, now, key=key, provenance=provenance),
        )
        since = before.fetched_at if before is not None else None
        news = self._news(image, image.pushed_at or event.time, observed_at=now, since=since)
        reason = report.scan.reason or "a usable report"
        return ImageOutcome(ImageResult.STORED, reason, self._records.streams(image), news)

    def _last_report(self, record: ImageRecord | None) -> AnyReport | None:
        key = record.report_key if record is not None else None
        return None if key is None else self._objects.report(key)

    def _doubt(
        self,
        report: AnyReport,
        record: ImageRecord | None,
        last: AnyReport | None,
        event: ScanEvent,
    ) -> ImageOutcome | None:
        """Return why a report is not stored, at least not yet; None: it is."""
        if record is None or not isinstance(report, Report):
            return None
        if record.report_key is None:
            age = self._now() - (report.scan.completed_at or event.time)
            streams = self._records.streams(report.image)
            reason = self._doubts.most_is_missing(report, record, age, streams)
            if reason is None:
                return None
            self._records.change(report.image, lambda stored: with_doubt(stored, report, event))
            return ImageOutcome(
                ImageResult.DEFERRED, reason, revisit=SECOND_LOOK_AFTER, event=event
            )
        reason = self._doubts.closed_unwatched(report, record, last)
        if reason is None:
            return None
        self._records.change(
            report.image, lambda stored: replace(stored, monitored=False, stale=False)
        )
        return ImageOutcome(ImageResult.STORED, reason, self._records.streams(report.image))

    def _index(self, image: Image) -> ImageIndex | None:
        record = self._records.record(image)
        if record is not None and not record.row.is_index:
            return None
        try:
            return self._source.index(image)
        except ImageGoneError:
            return None

    def _news(
        self,
        image: Image,
        at: datetime,
        *,
        observed_at: datetime | None = None,
        since: datetime | None = None,
    ) -> TagNews:
        """Return what an event (`at`), or an answer of ECR (`observed_at`), says of its tags."""
        untagged, earlier = untagged_stream(image).id, self._records.earlier(image)
        # One that lost its last tag is not one that never had any.
        without = () if any(stream != untagged for stream in earlier) else (UNTAGGED,)
        facts = [
            TagFact(stream.id, tag, image.digest, at, observed_at, since)
            for stream, own in self._records.streams_now(image).items()
            for tag in own.tags or without
        ]
        if image.tags and untagged in earlier:
            seen_at = observed_at or at
            facts.append(
                TagFact(untagged, UNTAGGED, image.digest, seen_at, removal=Removal.DELETED)
            )
        # What ECR answers are all tags of the image, in all of its streams.
        earlier = self._records.earlier(image)
        confirmed = ConfirmedTags(image, observed_at, tuple(earlier)) if observed_at else None
        return TagNews(tuple(facts), confirmed)
