"""The record of an image's scans, after the next report was fetched. Pure."""

from dataclasses import replace
from datetime import datetime

from lib.models import AnyReport, Report
from lib.models.streams import ScanRecord


def recorded(record: ScanRecord | None, report: AnyReport, fetched_at: datetime) -> ScanRecord:
    """
    Return the record with a newly fetched report.

    The last report with a result is kept beside one that has none, or an incomplete one: absence
    from those proves nothing.
    """
    if record is None or _is_complete(report):
        return ScanRecord(report, fetched_at)
    if _is_complete(record.last) or record.usable is None:
        usable = record.last if isinstance(record.last, Report) else None
        return ScanRecord(report, fetched_at, usable, record.fetched_at if usable else None)
    return ScanRecord(report, fetched_at, record.usable, record.usable_at)


def after_coverage(
    record: ScanRecord, report: AnyReport, fetched_at: datetime, *, monitored: bool | None
) -> tuple[ScanRecord, str]:
    """
    Return the record after coverage was asked about a report that lacks what was open, and why.

    `monitored`: whether Inspector says that it still watches the image; None: there was no answer.
    See `lib.core.evidence.closed_without_proof`.
    """
    if monitored:
        return recorded(record, report, fetched_at), "Inspector watches the image"
    ended = "Inspector does not watch the image any more"
    reason = ended if monitored is False else "whether Inspector watches the image is not known"
    return replace(record, monitored=False), f"{reason}: its last report stands"


def is_repeat(record: ScanRecord | None, at: datetime, *, announced: int | None) -> bool:
    """
    Return whether a scan event of a time says nothing that is not stored.

    Its report was fetched after it, complete. An event that announces more than was listed is
    never a repeat.
    """
    if record is None or record.fetched_at < at or not isinstance(record.last, Report):
        return False
    return record.last.scan.complete and (announced or 0) <= len(record.last.findings)


def _is_complete(report: AnyReport) -> bool:
    return isinstance(report, Report) and report.scan.complete
