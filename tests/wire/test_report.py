"""Reports as JSON: nothing is lost on the way there and back."""

import json
from datetime import datetime, timedelta, timezone
from typing import Any

from hypothesis import given, settings

from lib.models import (
    AnyReport,
    Severity,
    UnusableReport,
)
from lib.wire.report import report_from_json, report_to_json
from tests.support.builders import a_finding, a_report, an_unusable_report
from tests.support.documents import checked, schema
from tests.support.every import every
from tests.support.strategies import REPORTS


def through_json(document: dict[str, Any]) -> Any:
    return json.loads(json.dumps(document))


@settings(deadline=None)  # other work may share the machine
@given(REPORTS)
def test_report_comes_back_equal_and_is_valid(report: AnyReport) -> None:
    """Every report survives JSON unchanged and validates against its schema."""
    assert report_from_json(through_json(checked(report))) == report


def test_report_has_the_names_of_the_format() -> None:
    """The names on the wire stand; fields without a value are null, rare ones are absent."""
    document = checked(a_report(a_finding(fixed_version="3.0.14")))

    assert list(document) == ["schema", "image", "scan", "counts", "findings"]
    assert document["schema"] == "report-1.0.0"
    assert document["scan"]["completed_at"] == "2026-11-23T09:00:00Z"
    assert list(document["counts"]) == [
        "CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL", "UNKNOWN", "total",
    ]  # fmt: skip
    assert document["findings"][0]["fixed_version"] == "3.0.14"
    assert "source_severity" not in document["findings"][0]


def test_counts_are_of_vulnerabilities() -> None:
    """A finding for each package and place; one vulnerability, at its worst."""
    rows = (
        a_finding(path="a/lib"),
        a_finding(path="b/lib", severity="LOW"),
        a_finding("GHSA-aaaa-bbbb-cccc", aliases=("CVE-2024-0001",), severity="CRITICAL"),
    )

    document = checked(a_report(*rows))

    assert len(document["findings"]) == 3
    assert (document["counts"]["CRITICAL"], document["counts"]["total"]) == (1, 1)


def test_unusable_report_has_no_findings_key() -> None:
    """An empty list would say that there are none."""
    document = checked(an_unusable_report())

    assert "findings" not in document
    assert "counts" not in document
    assert document["scan"]["usable"] is False
    assert document["scan"]["reason"] == "status FAILED"


def test_counts_that_an_event_stated_are_complete() -> None:
    """Severities that were not mentioned are zero, and the total adds up."""
    report = UnusableReport(
        an_unusable_report().image, an_unusable_report().scan, {Severity.HIGH: 2}
    )

    assert checked(report)["counts"] == {
        "CRITICAL": 0, "HIGH": 2, "MEDIUM": 0, "LOW": 0, "INFORMATIONAL": 0, "UNKNOWN": 0,
        "total": 2,
    }  # fmt: skip


def test_times_are_utc_whatever_they_were() -> None:
    """Times with another offset mean the same moment."""
    local = datetime(2026, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))

    document = report_to_json(a_report(a_finding(first_observed_at=local)))

    assert document["findings"][0]["first_observed_at"] == "2026-01-01T00:00:00Z"


def test_report_schema_holds_the_finding_schema() -> None:
    """One file is enough to check a report; both describe the same finding."""
    finding = schema("finding-1.0.0.json")
    del finding["$schema"], finding["$id"]

    assert schema("report-1.0.0.json")["$defs"]["finding"] == finding


@every(
    "change",
    [
        lambda report: report.pop("findings"),
        lambda report: report.pop("counts"),
        lambda report: report["scan"].update(reason="why"),
        lambda report: report["scan"].update(usable=False, reason="why"),
        lambda report: report["findings"][0].update(severity="Moderate"),
        lambda report: report["findings"][0].update(links=["http://a.example"]),
        lambda report: report["findings"][0].update(first_observed_at="yesterday"),
        lambda report: report["findings"][0].update(new=1),
        lambda report: report["image"].update(digest="latest"),
        lambda report: report.update(schema="report-2.0.0"),
    ],
)
def test_schema_refuses_what_is_no_report(change: Any) -> None:
    """The schema is strict enough to notice what must never be sent."""
    from tests.support.documents import REPORTS as VALIDATOR

    document = through_json(report_to_json(a_report(a_finding())))
    assert VALIDATOR.is_valid(document)

    change(document)

    assert not VALIDATOR.is_valid(document)
