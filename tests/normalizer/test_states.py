"""Answers about scans in every state: never an all-clear without evidence."""

import pytest

from lib.core.problems import problem_of
from lib.models import Report, UnusableReport
from lib.normalizer.document_parts import Place
from lib.normalizer.documents import normalize_document
from tests.support.documents import case, checked
from tests.support.shapes import basic_row, inspector_row, page


@pytest.mark.parametrize(
    ("name", "reason", "remedy"),
    [
        ("archived", "The image is archived", "update-image-storage-class"),
        ("echo-os-unsupported", "does not support the operating system", "enhanced scanning"),
        ("eligibility-expired", "stopped watching it", "rescanDuration"),
        ("new-status-2027", "a status that is not known here", ""),
        ("old-cli-active-empty", "nothing is listed or counted", ""),
        ("scratch-failed", "does not support the operating system", "enhanced scanning"),
    ],
)
def test_no_state_is_an_all_clear(name: str, reason: str, remedy: str) -> None:
    """Each has its reason, and what to do."""
    (report,) = normalize_document(case(f"states/{name}.json")).reports

    checked(report)
    assert isinstance(report, UnusableReport)
    problem = problem_of(report)
    assert reason in f"{problem.reason} {problem.quote}"
    assert remedy in problem.remedy
    assert "--region ''" not in problem.remedy


def test_an_empty_list_with_a_count_is_clean() -> None:
    """Or with the time at which the scan was complete."""
    counted = {"findings": [], "findingSeverityCounts": {"HIGH": 0}}
    completed = {"findings": [], "imageScanCompletedAt": 1760538840}

    for body in (counted, completed):
        raw = page(imageScanFindings=body)
        (report,) = normalize_document(raw).reports
        assert isinstance(report, Report)
        assert report.findings == ()


def test_what_a_document_lacks_is_filled_in_and_else_named() -> None:
    """DescribeImageScanFindings names no region."""
    raw = page(basic_row())

    (plain,) = normalize_document(raw).reports
    (filled,) = normalize_document(raw, place=Place("123456789012", "cn-north-1")).reports

    assert plain.image.region == ""
    assert "region" in plain.scan.warnings[-1]
    assert (filled.image.region, filled.image.partition) == ("cn-north-1", "aws-cn")
    assert filled.image.account == plain.image.account
    assert filled.scan.warnings == ()


def test_an_empty_list_that_counts_nothing_is_not_known() -> None:
    """An object without counts counts nothing."""
    raw = page(imageScanFindings={"findings": [], "findingSeverityCounts": {}})
    (report,) = normalize_document(raw).reports

    assert isinstance(report, UnusableReport)


@pytest.mark.parametrize("status", ["CLOSED", "closed", "Suppressed"])
def test_what_is_not_open_is_known_in_any_case(status: str) -> None:
    """Tools that keep copies write enumerations in their own case."""
    (report,) = normalize_document({"findings": [inspector_row(status=status)]}).reports

    assert isinstance(report, Report)
    assert not report.findings[0].open
    assert report.findings[0].source_status == status.upper()
