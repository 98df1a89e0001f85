"""What a report proves."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.core.evidence import (
    NOT_FOUND,
    NotReady,
    closed_without_proof,
    evidence_of,
    most_is_missing,
    part_states,
)
from lib.core.merging import merged
from lib.models import (
    AnyReport,
    Finding,
    ImageIndex,
    Member,
    Part,
    Report,
    ScanSource,
    UnusableReport,
)
from lib.models.streams import Evidence, PartState, ScanRecord
from tests.support.builders import NOW, a_finding, a_report, an_image, an_unusable_report
from tests.support.strategies import REPORTS

YOUNG = timedelta(minutes=9, seconds=59)
OLD = timedelta(minutes=10)
ENHANCED = {"source": ScanSource.ECR_ENHANCED, "status": "ACTIVE"}


def findings(count: int, start: int = 0) -> tuple[Finding, ...]:
    return tuple(a_finding(f"CVE-2026-{n:04}") for n in range(start, start + count))


class TestEvidenceOf:
    @pytest.mark.parametrize("age", [YOUNG, timedelta(days=9)])
    @pytest.mark.parametrize("status", ["COMPLETE", "ACTIVE", "UNKNOWN"])
    def test_an_empty_list_without_counts_and_time_is_never_ready(
        self, status: str, age: timedelta
    ) -> None:
        """Whatever the status is: never a false all-clear."""
        report = a_report(status=status, completed_at=None)

        assert evidence_of(report, age=age) == NotReady(
            "nothing is listed or counted, and no time of completion is stated"
        )

    def test_an_empty_list_with_a_time_of_completion_is_clean(self) -> None:
        """As a clean image has it."""
        assert evidence_of(a_report(), age=YOUNG) == a_report()

    def test_an_empty_list_of_which_nothing_was_announced_is_clean(self) -> None:
        """The event counted, and found nothing."""
        report = a_report(completed_at=None)

        assert evidence_of(report, age=YOUNG, announced=0) == report

    @pytest.mark.parametrize("status", ["IN_PROGRESS", "PENDING"])
    def test_a_scan_that_runs_is_not_ready(self, status: str) -> None:
        """It has no result, however old it is."""
        assert evidence_of(an_unusable_report(status), age=OLD) == NotReady(
            f"the scan is not finished: {status}"
        )

    def test_a_scan_without_a_result_is_final(self) -> None:
        """FAILED and the like are conditions."""
        assert evidence_of(an_unusable_report(), age=YOUNG) == an_unusable_report()

    def test_fewer_findings_than_announced_are_fetched_again(self) -> None:
        """ECR says COMPLETE before its lists are."""
        report = a_report(*findings(3))

        assert evidence_of(report, age=YOUNG, announced=5) == NotReady(
            "5 findings were announced, 3 are listed"
        )
        assert evidence_of(report, age=YOUNG, announced=3) == report

    def test_after_ten_minutes_they_are_incomplete(self) -> None:
        """What is there is reported, and proves no absence."""
        report = evidence_of(a_report(*findings(3)), age=OLD, announced=5)

        assert isinstance(report, Report)
        assert not report.scan.complete
        assert report.scan.warnings == ("5 findings were announced, 3 are listed",)
        assert report.findings == findings(3)

    def test_none_of_those_announced_is_no_result(self) -> None:
        """An empty list is no all-clear after ten minutes either."""
        report = evidence_of(a_report(), age=OLD, announced=5)

        assert isinstance(report, UnusableReport)
        assert report.scan.reason == "5 findings were announced, 0 are listed"

    def test_a_list_that_is_shorter_than_its_own_count_is_fetched_again(self) -> None:
        """Also where no event announced anything, as in a reconciliation."""
        warning = "5 findings are counted, 3 are listed"
        report = a_report(*findings(3), complete=False, warnings=(warning,))

        assert evidence_of(report, age=YOUNG) == NotReady(warning)
        assert evidence_of(report, age=OLD) == report
        assert evidence_of(a_report(complete=False), age=YOUNG) == NotReady(
            "the list is not complete"
        )

    @given(REPORTS, st.none() | st.integers(0, 9), st.integers(0, 9000))
    def test_nothing_listed_is_a_clean_image_only_with_a_proof(
        self, report: AnyReport, announced: int | None, seconds: int
    ) -> None:
        """Whatever the report is."""
        outcome = evidence_of(report, age=timedelta(seconds=seconds), announced=announced)

        if isinstance(outcome, Report) and not outcome.findings:
            assert outcome.scan.complete
            assert announced == 0 or (announced is None and outcome.scan.completed_at is not None)
        if isinstance(outcome, Report) and announced is not None:
            assert not outcome.scan.complete or len(outcome.findings) >= announced


class TestMostIsMissing:
    def test_a_young_first_report_that_lost_most_is_fetched_once_more(self) -> None:
        """It may be a list that still grows, whatever its status says."""
        report = a_report(*findings(4))

        assert most_is_missing(report, findings(9), age=YOUNG, fetched_before=False) == (
            "5 of the 9 vulnerabilities of the image before are not listed"
        )

    @pytest.mark.parametrize(
        "circumstances",
        [
            {"age": OLD, "fetched_before": False},
            {"age": YOUNG, "fetched_before": True},
            {"age": YOUNG, "fetched_before": False, "before": findings(8)},
            {"age": YOUNG, "fetched_before": False, "before": ()},
        ],
        ids=str,
    )
    def test_others_are_believed(self, circumstances: dict[str, Any]) -> None:
        """An older one, the second one, one that lost half, one of a first image."""
        arguments = {"before": findings(9), **circumstances}

        assert most_is_missing(a_report(*findings(4)), **arguments) is None

    def test_vulnerabilities_count_and_not_rows(self) -> None:
        """Found again under another name, and what was closed before counts for nothing."""
        before = (
            a_finding("GHSA-1", aliases=("CVE-2026-0001",)),
            *(a_finding("CVE-2026-0002", package=name) for name in "abc"),
            a_finding("CVE-2026-0003", source_status="CLOSED"),
        )
        report = a_report(a_finding("CVE-2026-0001"))

        assert most_is_missing(report, before, age=YOUNG, fetched_before=False) is None


class TestClosedWithoutProof:
    STORED = a_report(*findings(3), **ENHANCED)

    def test_what_is_not_listed_as_open_any_more_asks_for_coverage(self) -> None:
        """Not listed, closed or suppressed."""
        one = a_report(*findings(2), **ENHANCED)
        two = a_report(
            findings(1)[0], *(replace(row, source_status="CLOSED") for row in findings(2, 1)),
            **ENHANCED,
        )  # fmt: skip

        assert closed_without_proof(self.STORED, one) == (
            "CVE-2026-0002 is not listed as open any more"
        )
        assert closed_without_proof(self.STORED, two) == (
            "CVE-2026-0001 and 1 more is not listed as open any more"
        )

    @pytest.mark.parametrize(
        ("stored", "fetched"),
        [
            (None, a_report(**ENHANCED)),
            (STORED, a_report(*findings(4), **ENHANCED)),
            (STORED, a_report()),
            (a_report(*findings(3)), a_report(**ENHANCED)),
            (STORED, a_report(image=an_image(2), **ENHANCED)),
            (STORED, an_unusable_report("SCAN_ELIGIBILITY_EXPIRED")),
            (an_unusable_report(), a_report(**ENHANCED)),
        ],
        ids=["first", "more", "now basic", "was basic", "other image", "unusable", "was unusable"],
    )
    def test_else_it_is_not_asked(self, stored: AnyReport | None, fetched: AnyReport) -> None:
        """Only Inspector closes findings of an image that it stops to watch."""
        assert closed_without_proof(stored, fetched) is None

    def test_found_under_another_name_it_is_listed(self) -> None:
        """An id of GitHub that became a CVE."""
        stored = a_report(a_finding("GHSA-1", aliases=("CVE-2026-0001",)), **ENHANCED)
        fetched = a_report(a_finding("CVE-2026-0001", aliases=("GHSA-1",)), **ENHANCED)

        assert closed_without_proof(stored, fetched) is None


class TestPartStates:
    IMAGE = an_image(platform="linux/amd64")
    INDEX = ImageIndex(
        an_image(), (Member("sha256:a", "linux/amd64"), Member("sha256:b", "linux/arm64"))
    )

    def test_an_image_is_one_part(self) -> None:
        """Named by its platform."""
        report = a_report(*findings(2), image=self.IMAGE)

        assert part_states(self.IMAGE, ScanRecord(report, NOW), ()) == [
            PartState(
                "linux/amd64",
                "COMPLETE",
                source=ScanSource.ECR_BASIC,
                evidence=(
                    Evidence(
                        self.IMAGE,
                        "linux/amd64",
                        ScanSource.ECR_BASIC,
                        NOW,
                        complete=True,
                        findings=findings(2),
                    ),
                ),
            )
        ]

    def test_without_a_result_the_reason_is_kept(self) -> None:
        """A part without evidence of its own."""
        record = ScanRecord(an_unusable_report(image=self.IMAGE), NOW)

        assert part_states(self.IMAGE, record, ()) == [
            PartState("linux/amd64", "FAILED", "status FAILED", ScanSource.ECR_BASIC)
        ]

    @pytest.mark.parametrize(
        ("known", "name"),
        [(("linux/arm64",), "linux/arm64"), ((), ""), (("linux/amd64", "linux/arm64"), "")],
    )
    def test_a_platform_that_nobody_states_is_the_one_known_last(
        self, known: tuple[str, ...], name: str
    ) -> None:
        """Where there was only one."""
        (part,) = part_states(an_image(), ScanRecord(a_report(), NOW), known)

        assert part.part == part.evidence[0].part == name

    def test_a_report_names_the_platform_before_the_image_does(self) -> None:
        """Enhanced findings describe it."""
        report = a_report(image=an_image(platform="linux/arm64"))

        assert part_states(an_image(), ScanRecord(report, NOW), ())[0].part == "linux/arm64"

    @pytest.mark.parametrize(
        ("image", "known", "names"),
        [
            (IMAGE, ("linux/arm64",), ["linux/amd64"]),
            (an_image(), ("linux/amd64", "linux/arm64"), ["linux/amd64", "linux/arm64"]),
            (an_image(), (), [""]),
        ],
    )
    def test_without_any_scan_the_parts_are_those_of_the_stream(
        self, image: Any, known: tuple[str, ...], names: list[str]
    ) -> None:
        """They are taken to be the same until a scan says otherwise."""
        parts = part_states(image, None, known)

        assert [part.part for part in parts] == names
        assert {(part.status, part.reason) for part in parts} == {
            (NOT_FOUND, "no scan of it is known")
        }

    def test_each_part_of_an_index_has_its_own_findings(self) -> None:
        """Those of all parts, and those of some."""
        first, second = findings(2)
        report = merged(self.INDEX, [a_report(first, second), a_report(first)])

        parts = part_states(self.INDEX.image, ScanRecord(report, NOW), ())

        ids = {
            part.part: [row.vulnerability_id for row in part.evidence[0].findings] for part in parts
        }
        assert ids == {
            "linux/amd64": ["CVE-2026-0000", "CVE-2026-0001"],
            "linux/arm64": ["CVE-2026-0000"],
        }

    def test_each_part_of_an_index_is_complete_or_not_by_itself(self) -> None:
        """A platform that is never scanned takes no proof from the others."""
        reports = [a_report(*findings(1)), a_report(complete=False)]
        unsupported = [a_report(), an_unusable_report("UNSUPPORTED_IMAGE")]

        one, two = (
            part_states(self.INDEX.image, ScanRecord(merged(self.INDEX, pair), NOW), ())
            for pair in (reports, unsupported)
        )

        assert [part.evidence[0].complete for part in one] == [True, False]
        assert [len(part.evidence) for part in two] == [1, 0]
        assert two[0].evidence[0].complete
        assert two[1].reason == "status UNSUPPORTED_IMAGE"

    def test_two_parts_of_one_platform_have_two_names(self) -> None:
        """An index may name a platform twice."""
        parts = (Part("linux/amd64", "a", "COMPLETE", {}), Part("linux/amd64", "b", "FAILED"))
        record = ScanRecord(replace(a_report(), parts=parts), NOW)

        assert [(part.part, part.reason) for part in part_states(an_image(), record, ())] == [
            ("linux/amd64", None),
            ("linux/amd64 #2", "FAILED"),
        ]

    def test_the_last_usable_report_speaks_where_the_last_one_does_not(self) -> None:
        """A re-scan that failed."""
        earlier = a_report(*findings(2), image=self.IMAGE)
        record = ScanRecord(an_unusable_report(image=self.IMAGE), NOW, earlier, NOW)

        (part,) = part_states(self.IMAGE, record, ())

        assert part.reason == "status FAILED"
        assert part.evidence[0].findings == findings(2)

    def test_evidence_is_dated_by_the_scan_else_by_the_fetch(self) -> None:
        """Both are the same in every sync."""
        scanned = ScanRecord(a_report(completed_at=NOW - OLD), NOW)
        undated = ScanRecord(a_report(completed_at=None), NOW)

        assert part_states(self.IMAGE, scanned, ())[0].evidence[0].at == NOW - OLD
        assert part_states(self.IMAGE, undated, ())[0].evidence[0].at == NOW

    def test_the_end_of_monitoring_is_kept(self) -> None:
        """As coverage said it."""
        record = ScanRecord(a_report(), NOW, monitored=False)

        assert not part_states(self.IMAGE, record, ())[0].monitored
