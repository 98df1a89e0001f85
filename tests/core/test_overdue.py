"""Stored reports that are behind what registry and scanner say."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from lib.core.overdue import new_result, newest_of_streams, together
from lib.core.streams import StreamRule
from lib.models import LastScan, Scan, ScanProgress, ScanSource
from lib.models.streams import ImageRow
from lib.ports.streams import ImageRecord
from tests.support.builders import NOW, a_digest, a_last_scan, an_image
from tests.support.every import every

LATER = NOW + timedelta(hours=1)
FAILED = a_last_scan("UNUSABLE", "FAILED")


def stored(status: str = "COMPLETE", *, usable: bool = True, **fields: Any) -> ImageRecord:
    """Return the record of an image whose last report is of a scan with this status."""
    reason = None if usable else f"status {status}"
    defaults: dict[str, Any] = {
        "fetched_at": NOW,
        "scan": Scan(ScanSource.ECR_BASIC, status, NOW, reason),
    }
    return ImageRecord(ImageRow(an_image(), NOW), **{**defaults, **fields})


@every(
    ("scan", "record", "reason"),
    [
        (a_last_scan(completed_at=NOW), stored(), None),
        (a_last_scan(completed_at=NOW), stored(scan=None), "its scan has ended: COMPLETE"),
        (a_last_scan(completed_at=LATER), stored(), "scanned again since its report was fetched"),
        (a_last_scan(), stored(), None),
        (a_last_scan("RUNNING", "IN_PROGRESS"), stored(scan=None), None),
        (a_last_scan("NONE", "SCAN_NOT_FOUND"), stored(scan=None), None),
        (FAILED, stored(), "FAILED, was COMPLETE"),
        (FAILED, stored("FAILED", usable=False), None),
        (
            a_last_scan("UNUSABLE", "UNSUPPORTED_IMAGE"),
            stored("FAILED", usable=False),
            None,
        ),
        (FAILED, stored("PENDING", usable=False), "FAILED, was PENDING"),
        (
            a_last_scan(completed_at=NOW),
            stored("FAILED", usable=False),
            "has a result now, was FAILED",
        ),
        (a_last_scan("UNUSABLE", "SCAN_ELIGIBILITY_EXPIRED"), stored(), None),
    ],
)
def test_a_scan_is_compared_with_the_stored_one(
    scan: LastScan, record: ImageRecord, reason: str | None
) -> None:
    """
    By its status and its time.

    The status in events of every scan without a result is FAILED; the end of the monitoring is no
    failure.
    """
    assert new_result(scan, record) == reason


def test_without_a_time_of_its_own_the_stored_report_is_as_new_as_it_was_fetched() -> None:
    """A scan that ended after that is a newer one."""
    record = stored(scan=Scan(ScanSource.ECR_BASIC, "COMPLETE"))

    assert new_result(a_last_scan(completed_at=NOW), record) is None
    assert new_result(a_last_scan(completed_at=LATER), record) is not None


@pytest.mark.parametrize(
    ("scans", "progress", "completed_at"),
    [
        ((a_last_scan(), a_last_scan("RUNNING", "PENDING")), ScanProgress.RUNNING, None),
        ((a_last_scan("NONE", "SCAN_NOT_FOUND"), FAILED), ScanProgress.NONE, None),
        ((FAILED, a_last_scan(), a_last_scan(completed_at=LATER)), ScanProgress.USABLE, LATER),
        ((FAILED, FAILED), ScanProgress.UNUSABLE, None),
    ],
)
def test_an_index_is_as_far_as_its_images(
    scans: tuple[LastScan, ...], progress: ScanProgress, completed_at: datetime | None
) -> None:
    """Unfinished while any is; then usable when any is, and as new as the newest."""
    scan = together(scans)

    assert scan is not None
    assert (scan.progress, scan.completed_at) == (progress, completed_at)
    assert together(()) is None


def test_each_stream_has_one_newest_image() -> None:
    """
    By push time, then by digest; a stream that is compared ends after its time.

    What has no tag is in no stream that people named.
    """
    ages = {1: (9, "main-1"), 2: (8, "main-2"), 3: (40, "pr-1"), 4: (9, "pr-2"), 5: (0, "")}
    images = [
        replace(an_image(number), pushed_at=NOW - timedelta(days=days), tags=(tag,) if tag else ())
        for number, (days, tag) in ages.items()
    ]
    rules = (StreamRule(("main-*",)), StreamRule(("pr-*",), compare_with="main-*"))

    assert newest_of_streams(images, rules, NOW) == {a_digest(2), a_digest(4)}
