"""What is stored of the scans of an image."""

from dataclasses import replace
from datetime import timedelta

import pytest

from lib.core.evidence import part_states
from lib.core.merging import merged
from lib.core.records import after_coverage, is_repeat, recorded
from lib.models import AnyReport, Finding, ImageIndex, Member
from lib.models.streams import ScanRecord
from tests.support.builders import NOW, a_finding, a_report, an_image, an_unusable_report

LATER = NOW + timedelta(hours=1)
LAST = NOW + timedelta(hours=2)


def findings(count: int) -> tuple[Finding, ...]:
    return tuple(a_finding(f"CVE-2026-{n:04}") for n in range(count))


COMPLETE = a_report(*findings(3))
PARTIAL = a_report(*findings(2), complete=False)
FAILED = an_unusable_report()


class TestRecorded:
    @pytest.mark.parametrize("report", [COMPLETE, PARTIAL, FAILED])
    def test_a_first_report_is_all_there_is(self, report: AnyReport) -> None:
        """With a result or without."""
        assert recorded(None, report, NOW) == ScanRecord(report, NOW)

    def test_a_complete_report_needs_none_beside_it(self) -> None:
        """It says everything, also that the image is watched."""
        record = ScanRecord(FAILED, NOW, PARTIAL, NOW, monitored=False)

        assert recorded(record, COMPLETE, LATER) == ScanRecord(COMPLETE, LATER)

    @pytest.mark.parametrize("report", [PARTIAL, FAILED])
    def test_a_complete_report_is_kept_beside_a_worse_one(self, report: AnyReport) -> None:
        """A re-scan that failed, or whose list is cut off."""
        record = recorded(ScanRecord(COMPLETE, NOW), report, LATER)

        assert record == ScanRecord(report, LATER, COMPLETE, NOW)
        assert recorded(record, PARTIAL, LAST) == ScanRecord(PARTIAL, LAST, COMPLETE, NOW)
        assert recorded(record, FAILED, LAST) == ScanRecord(FAILED, LAST, COMPLETE, NOW)

    def test_an_incomplete_report_is_better_than_none(self) -> None:
        """It is kept beside a failure; two failures leave nothing."""
        assert recorded(ScanRecord(PARTIAL, NOW), FAILED, LATER) == ScanRecord(
            FAILED, LATER, PARTIAL, NOW
        )
        assert recorded(ScanRecord(FAILED, NOW), FAILED, LATER) == ScanRecord(FAILED, LATER)

    def test_a_part_of_an_index_that_failed_keeps_its_last_report(self) -> None:
        """The whole of the index is incomplete then."""
        index = ImageIndex(an_image(), (Member("a", "linux/amd64"), Member("b", "linux/arm64")))
        both, one = (
            merged(index, [COMPLETE, report]) for report in (a_report(*findings(1)), FAILED)
        )

        record = recorded(recorded(None, both, NOW), one, LATER)

        _, part = part_states(index.image, record, ())
        assert part.reason == "status FAILED"
        assert [row.vulnerability_id for row in part.evidence[0].findings] == ["CVE-2026-0000"]


class TestAfterCoverage:
    RECORD = ScanRecord(COMPLETE, NOW)

    def test_while_inspector_watches_the_image_its_report_is_believed(self) -> None:
        """What it closed is closed."""
        record, reason = after_coverage(self.RECORD, PARTIAL, LATER, monitored=True)

        assert record == recorded(self.RECORD, PARTIAL, LATER)
        assert reason == "Inspector watches the image"

    @pytest.mark.parametrize(
        ("monitored", "reason"),
        [
            (False, "Inspector does not watch the image any more: its last report stands"),
            (None, "whether Inspector watches the image is not known: its last report stands"),
        ],
    )
    def test_else_the_last_report_stands(self, *, monitored: bool | None, reason: str) -> None:
        """With the condition that monitoring ended."""
        assert after_coverage(self.RECORD, PARTIAL, LATER, monitored=monitored) == (
            replace(self.RECORD, monitored=False),
            reason,
        )


class TestIsRepeat:
    RECORD = ScanRecord(a_report(*findings(3)), NOW)

    def test_a_scan_from_before_the_last_fetch_is_a_repeat(self) -> None:
        """What it stands for is stored."""
        assert is_repeat(self.RECORD, NOW, announced=None)
        assert is_repeat(self.RECORD, NOW, announced=3)
        assert not is_repeat(self.RECORD, NOW + timedelta(seconds=1), announced=None)
        assert not is_repeat(None, NOW, announced=None)

    def test_an_event_that_announces_more_than_is_listed_is_none(self) -> None:
        """The real event comes after a list that was too short."""
        assert not is_repeat(self.RECORD, NOW, announced=4)

    def test_what_was_fetched_without_a_complete_result_is_none(self) -> None:
        """It is always worth another look."""
        incomplete = ScanRecord(a_report(*findings(3), complete=False), NOW)

        assert not is_repeat(incomplete, NOW, announced=None)
        assert not is_repeat(ScanRecord(an_unusable_report(), NOW), NOW, announced=None)
