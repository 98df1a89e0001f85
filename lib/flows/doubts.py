"""Doubts about fetched reports: what is missing in them may be there, or closed for no reason."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

from lib.core.evidence import closed_without_proof, most_is_missing
from lib.errors import SourceError
from lib.models import AnyReport, Finding, Image, Report, StreamId
from lib.ports.sources import Coverage
from lib.ports.streams import ImageRecord, StreamObjects


class ReportDoubts:
    """Compares a fetched report with what was listed before, and asks whether it is watched."""

    def __init__(
        self,
        objects: StreamObjects,
        coverage: Callable[[], Coverage],
        findings_before: Callable[[Image, Iterable[StreamId]], Iterable[Sequence[Finding]]],
    ) -> None:
        self._objects = objects
        self._coverage = coverage
        self._findings_before = findings_before

    def most_is_missing(
        self, report: Report, record: ImageRecord, age: timedelta, streams: Iterable[StreamId]
    ) -> str | None:
        """Return why the first report of an image is fetched once more; None: it is not."""
        reasons = (
            most_is_missing(report, before, age=age, fetched_before=record.doubted)
            for before in self._findings_before(report.image, streams)
        )
        return next((reason for reason in reasons if reason is not None), None)

    def closed_unwatched(
        self, report: Report, record: ImageRecord, last: AnyReport | None
    ) -> str | None:
        """Return why the stored report (`last`) stands; None: the new one takes its place."""
        if not isinstance(last, Report) and record.usable_key is not None:
            last = self._objects.report(record.usable_key)
        reason = closed_without_proof(last, report)
        if reason is None or self._is_monitored(report):
            return None
        return f"{reason}, and Inspector is not known to monitor the image: its report stands"

    def _is_monitored(self, report: Report) -> bool:
        """Return whether Inspector says that it monitors each image that a report is about."""
        scanned = [part.digest for part in report.parts if part.counts is not None]
        for digest in scanned or [report.image.digest]:
            try:
                covered = list(self._coverage().covered(replace(report.image, digest=digest)))
            except SourceError:
                return False
            if not any(row.monitored for row in covered if row.image.digest == digest):
                return False
        return True
