"""Details of findings that Inspector returns by a call of its own."""

from typing import Any

import pytest

from lib.models import Report
from lib.normalizer.documents import details_in, has_only_details, normalize_document
from tests.support.documents import case
from tests.support.shapes import inspector_row

DETAILS = case("exported/finding-details.json")
ARN = DETAILS["findingDetails"][0]["findingArn"]


def report_of(raw: Any, **arguments: Any) -> Report:
    """Return the one report of a document."""
    (report,) = normalize_document(raw, **arguments).reports
    assert isinstance(report, Report)
    return report


@pytest.mark.parametrize("both", [True, False])
def test_details_complete_the_finding_with_their_arn(both: bool) -> None:  # noqa: FBT001  # a case each
    """In one document, or in another one."""
    row = inspector_row(findingArn=ARN, exploitAvailable="NO")
    report = (
        report_of([DETAILS, {"findings": [row]}])
        if both
        else report_of({"findings": [row]}, details=details_in(DETAILS))
    )

    (finding,) = report.findings
    assert finding.exploit_available == "YES"
    assert finding.exploit_observed_at is not None
    assert finding.exploit_observed_at.isoformat() == "2026-11-01T00:00:00+00:00"
    assert finding.epss == 0.91
    assert "2024-02-01T00:00:00+00:00" in finding.extra["cisaData"]
    assert finding.extra["riskScore"] == "90"


def test_what_the_finding_says_itself_stays() -> None:
    """Its own EPSS score is the newer one."""
    row = inspector_row(findingArn=ARN, epss={"score": 0.5}, exploitAvailable="NO")
    plain = {"findingDetails": [{"findingArn": ARN, "epssScore": 0.1, "riskScore": 3}]}
    bare = {"findingDetails": [{"findingArn": ARN, "riskScore": 3}]}

    for details in (plain, bare):
        (finding,) = report_of([row, details]).findings
        assert (finding.epss, finding.exploit_available) == (0.5, "NO")


def test_details_of_other_findings_are_left_out() -> None:
    """With their place."""
    normalized = normalize_document([inspector_row(), DETAILS])

    assert normalized.joined == frozenset()
    (left_out,) = normalized.left_out
    assert "BatchGetFindingDetails" in left_out


def test_a_document_can_have_details_alone() -> None:
    """It completes the findings of another one."""
    assert has_only_details(DETAILS)
    assert not has_only_details([DETAILS, inspector_row()])
    assert not has_only_details({"a": 1})
