"""Reports and evaluations as JSON: nothing is lost on the way there and back."""

import json
from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.models import (
    AnyReport,
    Basis,
    BasisKind,
    Change,
    ChangeKind,
    Comparison,
    Evaluation,
    Finding,
    Image,
    Package,
    Report,
    Scan,
    ScanProblem,
    ScanSource,
    Score,
    Severity,
    Standing,
    StreamId,
    Suppressed,
    UnusableReport,
)
from lib.wire import (
    evaluation_from_json,
    evaluation_to_json,
    known_from_json,
    report_from_json,
    report_to_json,
)
from tests.builders import NOW, a_finding, a_report, an_unusable_report
from tests.fakes import known_of
from tests.sources.documents import checked, schema

TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
WORD = TEXT.filter(bool)
MAYBE = st.none() | TEXT
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
TIMES = st.datetimes(timezones=st.just(UTC))
WORDS = st.lists(TEXT, max_size=3, unique=True).map(tuple)
LINKS = st.lists(st.sampled_from(["https://a.example", "https://b.example/ü"]), unique=True).map(
    tuple
)
IMAGES = st.builds(
    Image,
    partition=TEXT,
    account=TEXT,
    region=TEXT,
    repository=TEXT,
    digest=st.sampled_from(["", "sha256:12"]),
    tags=WORDS,
    platform=MAYBE,
    os=MAYBE,
    pushed_at=st.none() | TIMES,
    in_use_count=st.none() | st.integers(0, 9),
)
FINDINGS = st.builds(
    Finding,
    vulnerability_id=WORD,
    package=st.builds(Package, TEXT, MAYBE, MAYBE, MAYBE, MAYBE, MAYBE),
    severity=st.sampled_from(Severity),
    source_severity=MAYBE,
    aliases=WORDS,
    title=MAYBE,
    description=MAYBE,
    score=st.none() | st.builds(Score, NUMBER, MAYBE, MAYBE, MAYBE),
    fixed_version=MAYBE,
    fix_available=MAYBE,
    exploit_available=MAYBE,
    exploit_observed_at=st.none() | TIMES,
    epss=st.none() | NUMBER,
    remediation=MAYBE,
    links=LINKS,
    first_observed_at=st.none() | TIMES,
    last_observed_at=st.none() | TIMES,
    source_status=MAYBE,
    extra=st.dictionaries(TEXT, TEXT, max_size=2).map(MappingProxyType),
)
SCANS = st.builds(
    Scan,
    source=st.sampled_from(ScanSource),
    status=WORD,
    completed_at=st.none() | TIMES,
    reason=st.none(),
    complete=st.booleans(),
    warnings=WORDS,
)
FAILED_SCANS = st.builds(Scan, source=st.sampled_from(ScanSource), status=WORD, reason=WORD)
COUNTS = st.fixed_dictionaries({severity: st.integers(0, 9) for severity in reversed(Severity)})
REPORTS: st.SearchStrategy[AnyReport] = st.builds(
    Report, IMAGES, SCANS, st.lists(FINDINGS, max_size=4).map(tuple)
) | st.builds(UnusableReport, IMAGES, FAILED_SCANS, st.none() | COUNTS)


def through_json(document: dict[str, Any]) -> Any:
    return json.loads(json.dumps(document))


@settings(deadline=None)  # other work may share the machine
@given(REPORTS)
def test_report_comes_back_equal_and_is_valid(report: AnyReport) -> None:
    """Every report survives JSON unchanged and validates against its schema."""
    assert report_from_json(through_json(checked(report))) == report


@st.composite
def evaluations(draw: st.DrawFn) -> Evaluation:
    """Return an evaluation as the pipeline makes them, and some that it does not."""
    report = draw(REPORTS)
    own = report.findings if isinstance(report, Report) else ()
    subject = st.sampled_from(own) | FINDINGS if own else FINDINGS
    comparison = st.builds(
        Comparison,
        basis=st.builds(Basis, st.sampled_from(BasisKind), st.none() | IMAGES, st.none() | TIMES),
        changes=st.lists(st.builds(Change, st.sampled_from(ChangeKind), subject, TEXT)).map(tuple),
        suppressed=st.lists(
            st.builds(Suppressed, subject, TEXT, TEXT, TEXT, st.sampled_from(ChangeKind)),
            max_size=3,
        ).map(tuple),
    )
    problem = st.builds(ScanProblem, st.sampled_from(ChangeKind), TEXT, TEXT, TEXT)
    return Evaluation(
        report=report,
        stream=StreamId(draw(TEXT)),
        version=draw(st.integers(1, 9)),
        evaluated_at=draw(TIMES),
        comparison=draw(st.none() | comparison),
        problem=draw(st.none() | problem),
    )


@settings(deadline=None)  # other work may share the machine
@given(evaluations())
def test_evaluation_comes_back_equal(evaluation: Evaluation) -> None:
    """Every evaluation survives JSON unchanged."""
    assert evaluation_from_json(through_json(evaluation_to_json(evaluation))) == evaluation


@settings(deadline=None)  # other work may share the machine
@given(evaluations())
def test_what_a_comparison_needs_is_read_from_the_same_document(evaluation: Evaluation) -> None:
    """`known` says what the evaluation itself would say, and builds its findings one by one."""
    expected = known_of(evaluation)

    document = through_json(evaluation_to_json(evaluation))
    known = known_from_json(document, lambda: document["details"])

    assert known == expected
    if known is not None and expected is not None:
        for identity in known.standings:
            assert known.finding(identity) == expected.finding(identity)


def test_usual_values_are_left_out() -> None:
    """A field that no finding has is not written; a comparison still knows its usual value."""
    evaluation = Evaluation(a_report(a_finding(fixed_version="2")), StreamId("stream"), 1, NOW)

    document = through_json(evaluation_to_json(evaluation))

    assert document["findings"] == {
        "vulnerability_id": ["CVE-2024-0001"],
        "package.name": ["openssl"],
        "severity": ["HIGH"],
        "fixable": [True],
    }
    assert document["details"] == {
        "package.version": ["3.0.11-1"],
        "package.manager": ["OS"],
        "fixed_version": ["2"],
    }
    known = known_from_json(document, dict)
    assert known is not None
    assert list(known.standings.values()) == [
        Standing(Severity.HIGH, exploitable=False, fixable=True, open=True, source_status=None)
    ]


def test_changes_point_at_the_findings_of_the_report() -> None:
    """A finding is written once; one that is gone follows those of the report."""
    kept, gone = a_finding("CVE-1"), a_finding("CVE-2")
    evaluation = Evaluation(
        a_report(kept),
        StreamId("stream"),
        1,
        NOW,
        Comparison(
            Basis(BasisKind.RESCAN),
            (Change(ChangeKind.NEW, kept, "new"), Change(ChangeKind.RESOLVED, gone, "gone")),
            (Suppressed(kept, "entry", "reason", "2027-01-01"),),
        ),
    )

    document = through_json(evaluation_to_json(evaluation))
    back = evaluation_from_json(document)

    comparison = document["comparison"]
    assert comparison["labels"] == [["NEW", "new"], ["RESOLVED", "gone"]]
    assert comparison["changes"] == {"label": [0, 1], "finding": [0, 1]}
    assert comparison["suppressed"][0]["finding"] == 0
    assert document["findings"]["vulnerability_id"] == ["CVE-1", "CVE-2"]
    assert document["listed"] == 1
    assert back.comparison is not None
    assert isinstance(back.report, Report)
    assert back.comparison.changes[0].finding is back.report.findings[0]


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
    del finding["$schema"]

    assert schema("report-1.0.0.json")["$defs"]["finding"] == finding


@pytest.mark.parametrize(
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
    from tests.sources.documents import REPORTS as VALIDATOR

    document = through_json(report_to_json(a_report(a_finding())))
    assert VALIDATOR.is_valid(document)

    change(document)

    assert not VALIDATOR.is_valid(document)
