"""
The report of an image, or of all images of an index: fetched in as many invocations as it takes.

What is not finished when the time of a function ends is stored, and the next one goes on with it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from lib.core.evidence import NOT_THERE
from lib.core.merging import merged
from lib.core.patience import is_over, never_ready
from lib.errors import (
    FindingsNotReadyError,
    ImageGoneError,
    OutOfTimeError,
    RepositoryGoneError,
)
from lib.flows.image_records import Announcement, ImageRecords, announcement, believed
from lib.models import (
    AnyReport,
    ImageIndex,
    Json,
    Report,
    SameReport,
    Scan,
    ScanEvent,
    UnusableReport,
)
from lib.ports.sources import Fetching, FindingSource
from lib.ports.store import Progress, ProgressStore
from lib.ports.streams import ImageRecord


@dataclass(frozen=True, slots=True)
class Allowance:
    """The time for one event, and what an earlier invocation has fetched for it."""

    seconds_left: Callable[[], float] = lambda: float("inf")
    """Seconds until the function ends."""
    progress: str | None = None
    """The key of what was fetched so far; None: nothing."""


NO_HURRY = Allowance()


@dataclass(frozen=True, slots=True)
class PartialFetch:
    """A report of which another invocation must fetch the rest."""

    progress: str
    """The key of what is fetched."""
    reason: str


class ReportFetcher:
    """Fetches reports, and judges whether they can be believed yet."""

    def __init__(
        self,
        *,
        source: FindingSource,
        progress: ProgressStore,
        records: ImageRecords,
        now: Callable[[], datetime],
    ) -> None:
        self._source = source
        self._progress = progress
        self._records = records
        self._now = now

    def report(
        self, event: ScanEvent, index: ImageIndex | None, allowance: Allowance, stored: str = ""
    ) -> AnyReport | SameReport | PartialFetch:
        """
        Return the report of an image, or of all images of an index together.

        Each call fetches more than the one before. `stored`: the fingerprint of the last report,
        which need not be made again. Raises `FindingsNotReadyError`, `SourceError` and
        `StoreError`: then everything is fetched anew.
        """
        before = self._fetched_before(allowance)
        if index is None:
            return self._single(event, before, allowance, stored)
        events = _members(event, index)
        reports = dict(before.reports)
        for member in events:
            digest = member.image.digest
            if digest in reports:
                continue
            fetching = Fetching(allowance.seconds_left, _pages(before, digest))
            if len(reports) > len(before.reports) and fetching.is_over:
                return self._unfinished(Progress(reports))
            try:
                reports[digest] = self._part(member, fetching)
            except OutOfTimeError as error:
                return self._unfinished(Progress(reports, digest, error.pages))
        own = [reports[member.image.digest] for member in events]
        if all(report.scan.status == NOT_THERE for report in own):
            raise ImageGoneError(f"No image of {event.image.name} exists (any more)")
        return merged(replace(index, image=event.image), own)

    def _part(self, event: ScanEvent, fetching: Fetching) -> AnyReport:
        """
        Return the report of an image of an index.

        An index can be there without some of its images: a cache has those that were pulled.
        """
        try:
            report = in_full(self._scanned(event, fetching))
        except RepositoryGoneError:
            raise
        except ImageGoneError:
            scan = replace(event.scan, status=NOT_THERE, reason=NOT_THERE)
            return UnusableReport(event.image, scan)
        self._records.listed(event, report)
        return report

    def _single(
        self, event: ScanEvent, before: Progress, allowance: Allowance, stored: str
    ) -> AnyReport | SameReport | PartialFetch:
        digest = event.image.digest
        if digest in before.reports:
            return before.reports[digest]
        fetching = Fetching(allowance.seconds_left, _pages(before, digest), stored)
        try:
            return self._scanned(event, fetching)
        except OutOfTimeError as error:
            return self._unfinished(Progress({}, digest, error.pages))

    def _fetched_before(self, allowance: Allowance) -> Progress:
        key = allowance.progress
        stored = self._progress.get(key) if key is not None else None
        return stored or Progress()

    def _unfinished(self, progress: Progress) -> PartialFetch:
        complete, pages = len(progress.reports), len(progress.pages)
        return PartialFetch(
            self._progress.put(progress),
            f"out of time: {complete} images are complete, {pages} pages of the next one fetched",
        )

    def _scanned(self, event: ScanEvent, fetching: Fetching) -> AnyReport | SameReport:
        """Return the result of a scan; when patience is at its end, whatever there is of it."""
        record = self._records.record(event.image)
        return self._believed(event, announcement(event, record), record, fetching)

    def _believed(
        self,
        event: ScanEvent,
        announced: Announcement,
        record: ImageRecord | None,
        fetching: Fetching,
    ) -> AnyReport | SameReport:
        now = self._now()
        try:
            report = self._source.report(
                event.image, event.scan, announced=announced.findings, fetching=fetching
            )
            if isinstance(report, SameReport):
                return report  # The stored one was believed.
            return believed(report, announced.findings, now - announced.at)
        except FindingsNotReadyError as error:
            if announced.is_overtaken(error.partial):
                anew = Announcement(None, event.announced_at)
                return self._believed(event, anew, record, fetching)
            expected = event.announced_at if error.partial is None else announced.at
            known_since = _known_since(event, record)
            if not is_over(error, announced_at=expected, known_since=known_since, now=now):
                raise
            match error.partial:
                case Report() | UnusableReport() as partial:
                    return partial
                case _:
                    return never_ready(event, error)


def in_full(report: AnyReport | SameReport) -> AnyReport:
    """Return a report with its findings."""
    return report.full() if isinstance(report, SameReport) else report


def _pages(before: Progress, digest: str) -> Sequence[Json]:
    return before.pages if digest == before.digest else ()


def _known_since(event: ScanEvent, record: ImageRecord | None) -> datetime:
    """Return since when an image is there, as far as that is known: its push, else an event."""
    if event.counts is not None:
        return event.announced_at
    stored = record.row.known_since if record is not None else event.announced_at
    return event.image.pushed_at or stored


def _members(event: ScanEvent, index: ImageIndex) -> Sequence[ScanEvent]:
    """
    Return the events to fetch the images of an index for.

    The event is about one of them, at most: ECR says how the scan of each stands.
    """
    scan = Scan(event.scan.source, "UNKNOWN")
    images = (
        replace(image, pushed_at=image.pushed_at or event.image.pushed_at) for image in index.images
    )
    return [replace(event, image=image, scan=scan, counts=None) for image in images]
