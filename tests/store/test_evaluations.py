"""Evaluations as S3 keeps them: nothing is lost, and a comparison needs only a part."""

import json
from dataclasses import fields
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from lib.models import (
    Basis,
    BasisKind,
    Change,
    ChangeKind,
    Comparison,
    Evaluation,
    Finding,
    FindingState,
    Package,
    Report,
    ScanProblem,
    Severity,
    StreamId,
    Suppressed,
)
from lib.store.columns import ATTRIBUTES, PACKAGE
from lib.store.evaluations import baseline_from_json, evaluation_from_json, evaluation_to_json
from tests.support.builders import NOW, a_finding, a_report
from tests.support.fakes import known_of
from tests.support.strategies import FINDINGS, IMAGES, MAYBE_PROVENANCE, REPORTS, TEXT, TIMES


def through_json(document: dict[str, Any]) -> Any:
    return json.loads(json.dumps(document))


@st.composite
def evaluations(draw: st.DrawFn) -> Evaluation:
    """Return an evaluation as the pipeline makes them, and some that it does not."""
    report = draw(REPORTS)
    own = report.findings if isinstance(report, Report) else ()
    subject = st.sampled_from(own) | FINDINGS if own else FINDINGS
    comparison = st.builds(
        Comparison,
        basis=st.builds(
            Basis,
            st.sampled_from(BasisKind),
            st.none() | IMAGES,
            st.none() | TIMES,
            MAYBE_PROVENANCE,
        ),
        changes=st.lists(st.builds(Change, st.sampled_from(ChangeKind), subject, TEXT)).map(tuple),
        suppressed=st.lists(
            st.builds(Suppressed, subject, TEXT, TEXT, TEXT, st.sampled_from(ChangeKind)),
            max_size=3,
        ).map(tuple),
        since=st.lists(TIMES, min_size=len(own), max_size=len(own)).map(tuple),
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
    known = baseline_from_json(document, lambda: document["details"])

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
    known = baseline_from_json(document, dict)
    assert known is not None
    assert list(known.standings.values()) == [
        FindingState(Severity.HIGH, exploitable=False, fixable=True, open=True, source_status=None)
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


def test_every_field_of_a_finding_has_its_column() -> None:
    """Columns stand in the order in which models take their values; none is forgotten."""
    attributes = [each.name for each in fields(Finding)]
    assert attributes == ["vulnerability_id", "package", *[each.name for each in ATTRIBUTES]]
    assert [f"package.{each.name}" for each in fields(Package)] == [each.name for each in PACKAGE]
