"""
The settings of repositories: checked, and kept as the report of a stream of their own.

    a change of a repository, a daily check    -> its settings are read and judged -> its stream

The repository is the current image of that stream, so what deviates is opened, reported and
resolved as vulnerabilities are.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final

from lib.checks.expectations import Expectations
from lib.checks.unknown import ALL, CheckResults, checked, not_checked
from lib.core.evidence import says_the_same
from lib.core.streams import settings_stream
from lib.errors import ImageGoneError, NotAllowedError
from lib.flows.image_outcomes import ImageOutcome, ImageResult
from lib.flows.image_records import ImageRecords, with_report
from lib.models import (
    AnyReport,
    Image,
    Report,
    RepositoryEvent,
    Scan,
    ScanEvent,
    ScanSource,
    StreamId,
    UnusableReport,
)
from lib.models.streams import UNTAGGED, TagFact, TagNews
from lib.ports.sources import RepositorySource
from lib.ports.streams import ImageRecord, ImageStore, StreamObjects

CHECKED: Final = "CHECKED"
DENIED: Final = "ACCESS_DENIED"
"""The statuses of a check: made, and not allowed."""


class RepositoryChecks:
    """Keeps what checks say about repositories, and names the streams that it concerns."""

    def __init__(
        self,
        *,
        repositories: RepositorySource,
        images: ImageStore,
        objects: StreamObjects,
        expected: Callable[[], Expectations | None],
        now: Callable[[], datetime],
    ) -> None:
        """Take the ports; `expected` returns None where alerts.yml does not ask for checks."""
        self._repositories = repositories
        self._objects = objects
        self._expected = expected
        self._now = now
        self._records = ImageRecords(images, rules=tuple)

    def checked(self, event: RepositoryEvent) -> ImageOutcome:
        """Check a repository. Raises `SourceError` and `StoreError`: then it is checked again."""
        self._records.begin()
        expected = self._expected()
        if expected is None:
            return ImageOutcome(ImageResult.IGNORED, "alerts.yml has no `repositories`")
        streams = (settings_stream(event.image).id,)
        record = self._records.record(event.image)
        reason = _repeated(event, record)
        if reason is not None:
            return ImageOutcome(ImageResult.REPEATED, reason, streams, self._news(event, streams))
        try:
            report, unknown = self._report(event, expected)
        except ImageGoneError as error:
            self._records.gone(event.image, self._now())
            known = streams if record is not None else ()
            return ImageOutcome(ImageResult.IMAGE_DELETED, str(error), known)
        return replace(self._stored(event, report, streams), unknown_checks=unknown)

    def _report(
        self, event: RepositoryEvent, expected: Expectations
    ) -> tuple[AnyReport, tuple[str, ...]]:
        """Return the report of a check, and the checks without a result."""
        now = self._now()
        scan = Scan(ScanSource.REPOSITORY, CHECKED, completed_at=now)
        try:
            settings = self._repositories.settings(event.image)
        except NotAllowedError as error:
            denied = replace(scan, status=DENIED, reason=str(error))
            return UnusableReport(event.image, denied), ALL
        result = checked(settings, expected, now=now)
        unknown = tuple(check.id for check in result.unknown)
        return report_of_checks(event.image, scan, result), unknown

    def _stored(
        self, event: RepositoryEvent, report: AnyReport, streams: tuple[StreamId, ...]
    ) -> ImageOutcome:
        now = self._now()
        self._records.keep(event.image, known_since=event.time)
        key = self._same(event, report) or self._objects.put_report(report)
        cause = ScanEvent(event.event_id, event.time, event.image, report.scan)
        self._records.change(
            event.image, lambda stored: with_report(stored, report, cause, now, key=key)
        )
        reason = report.scan.reason or "; ".join(("checked", *report.scan.warnings))
        return ImageOutcome(ImageResult.STORED, reason, streams, self._news(event, streams))

    def _news(self, event: RepositoryEvent, streams: tuple[StreamId, ...]) -> TagNews:
        """Return that the repository is there: it stands for the image of its settings."""
        now = self._now()
        facts = [TagFact(stream, UNTAGGED, "", event.time, observed_at=now) for stream in streams]
        return TagNews(tuple(facts))

    def _same(self, event: RepositoryEvent, report: AnyReport) -> str | None:
        """Return the key of the last report, where this one says the same."""
        record = self._records.record(event.image)
        key = record.report_key if record is not None else None
        return key if key and says_the_same(self._objects.report(key), report) else None


def report_of_checks(image: Image, scan: Scan, result: CheckResults) -> AnyReport:
    """
    Return checks of a repository as the report of its stream.

    Checks without a result are a finding of their own, and end nothing that was open before.
    """
    if not result.unknown:
        return Report(image, scan, result.findings)
    missing = not_checked(result.unknown)
    if result.is_empty:
        return UnusableReport(image, replace(scan, status=DENIED, reason=missing.remediation))
    warning = f"{missing.title}: {missing.remediation}"
    partial = replace(scan, complete=False, warnings=(warning,))
    return Report(image, partial, (missing, *result.findings))


def _repeated(event: RepositoryEvent, record: ImageRecord | None) -> str | None:
    """
    Return why an event needs no check; None: it does.

    What is read is the present, so a check made for a later event covers this one. Two changes
    within a second are both looked at.
    """
    if record is None or record.event_time is None:
        return None
    if event.event_id == record.event_id:
        return "this event was handled before"
    if event.time < record.event_time:
        return "a later event had the settings checked"
    return None
