"""
Evaluations as JSON documents in S3.

This is not the published format (`lib.wire.report`): only this code writes and reads it, with every
scan. Findings are columns, see `lib.store.columns`. Fields that a comparison does not need are
"details" in a separate part, which is read on demand.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import repeat
from types import MappingProxyType
from typing import Any, Final

from lib.models import (
    AnyReport,
    Baseline,
    Basis,
    BasisKind,
    Change,
    ChangeKind,
    Comparison,
    Evaluation,
    Finding,
    FindingId,
    Provenance,
    Report,
    ScanProblem,
    StreamId,
    Suppressed,
    UnusableReport,
)
from lib.store.columns import (
    COMPARED,
    DETAILS,
    columns_to_json,
    finding_ids,
    finding_states,
    findings_from_json,
)
from lib.wire.report import (
    image_from_json,
    image_to_json,
    parts_from_json,
    parts_to_json,
    provenance_from_json,
    provenance_to_json,
    running_from_json,
    running_to_json,
    scan_from_json,
    scan_to_json,
)
from lib.wire.values import counts_from_json, counts_to_json, time_from_json, time_to_json

EVALUATION_SCHEMA: Final = "evaluation-1"
_NO_TIMES: Final[Mapping[str, Any]] = MappingProxyType({"times": (), "of": ()})


def evaluation_to_json(evaluation: Evaluation) -> dict[str, Any]:
    """
    Return the document of an evaluation: image, scan, findings, and changes by row of the findings.

    The first `listed` findings are those of the report. Findings that are only mentioned
    (RESOLVED) follow.
    """
    report, comparison, problem = evaluation.report, evaluation.comparison, evaluation.problem
    table = _Table(report)
    compared = None if comparison is None else _comparison_to_json(comparison, table)
    return {
        "schema": EVALUATION_SCHEMA,
        "image": image_to_json(report.image),
        "scan": scan_to_json(report.scan, usable=isinstance(report, Report)),
        "stated_counts": None
        if isinstance(report, Report) or report.stated_counts is None
        else counts_to_json(report.stated_counts),
        "parts": parts_to_json(report.parts),
        "provenance": _provenance_to_json(report.provenance),
        "stream": evaluation.stream,
        "version": evaluation.version,
        "evaluated_at": time_to_json(evaluation.evaluated_at),
        "comparison": compared,
        "problem": None if problem is None else _problem_to_json(problem),
        "running": None if evaluation.running is None else running_to_json(evaluation.running),
        "listed": table.listed,
        "findings": columns_to_json(table.findings, COMPARED),
        "details": columns_to_json(table.findings, DETAILS),
    }


def evaluation_from_json(document: Mapping[str, Any]) -> Evaluation:
    """Return the evaluation of a document from `evaluation_to_json`."""
    findings = findings_from_json({**document["findings"], **document["details"]})
    comparison, problem = document["comparison"], document["problem"]
    return Evaluation(
        report=_stored_report(document, findings),
        stream=StreamId(document["stream"]),
        version=document["version"],
        evaluated_at=datetime.fromisoformat(document["evaluated_at"]),
        comparison=None if comparison is None else _comparison_from_json(comparison, findings),
        problem=None if problem is None else _problem_from_json(problem),
        running=running_from_json(document.get("running")),
    )


def baseline_from_json(
    document: Mapping[str, Any], details: Callable[[], Mapping[str, Any]]
) -> Baseline | None:
    """
    Return the baseline in a stored evaluation; None if its report is unusable.

    `details` returns the second part of the document. It is called when a finding is needed.
    """
    if not document["scan"]["usable"]:
        return None
    listed_count, columns, comparison = (
        document["listed"],
        document["findings"],
        document["comparison"],
    )
    ids = finding_ids(columns)
    suppressed = () if comparison is None else comparison["suppressed"]
    return Baseline(
        image=image_from_json(document["image"]),
        scan=scan_from_json(document["scan"]),
        # Shorter than the columns if findings of other reports follow.
        standings=dict(zip(ids[:listed_count], finding_states(columns, len(ids)), strict=False)),
        suppressed=frozenset([ids[entry["finding"]] for entry in suppressed]),
        finding=_LazyFindings(ids[:listed_count], columns, details),
        parts=parts_from_json(document.get("parts", ())),
        provenance=provenance_from_json(document.get("provenance")),
        since=dict(zip(ids[:listed_count], _since(document), strict=False)),
    )


def _since(document: Mapping[str, Any]) -> Iterable[datetime]:
    """Return the time each finding was first known: at the latest, this evaluation."""
    comparison = document["comparison"]
    if comparison is not None and "since" in comparison:
        return _times_from_json(comparison["since"])
    return repeat(datetime.fromisoformat(document["evaluated_at"]))


class _LazyFindings:
    """Builds single findings of a report, and reads their details on first use."""

    def __init__(
        self,
        ids: Sequence[FindingId],
        columns: Mapping[str, Any],
        details: Callable[[], Mapping[str, Any]],
    ) -> None:
        self._ids = ids
        self._columns = columns
        self._details = details
        self._places: Mapping[FindingId, int] = {}

    def __call__(self, identity: FindingId) -> Finding:
        if not self._places:
            self._places = {finding_id: place for place, finding_id in enumerate(self._ids)}
            self._columns = {**self._columns, **self._details()}
        place = self._places[identity]
        row = {name: values[place : place + 1] for name, values in self._columns.items()}
        return findings_from_json(row)[0]


def _stored_report(document: Mapping[str, Any], findings: tuple[Finding, ...]) -> AnyReport:
    image, scan = image_from_json(document["image"]), scan_from_json(document["scan"])
    parts = parts_from_json(document.get("parts", ()))
    provenance = provenance_from_json(document.get("provenance"))
    if document["scan"]["usable"]:
        return Report(image, scan, findings[: document["listed"]], parts, provenance)
    counts = document["stated_counts"]
    stated_counts = None if counts is None else counts_from_json(counts)
    return UnusableReport(image, scan, stated_counts, parts, provenance)


def _provenance_to_json(provenance: Provenance | None) -> dict[str, Any] | None:
    return None if provenance is None else provenance_to_json(provenance)


class _Table:
    """The findings of a report, and other findings that are mentioned, by row."""

    def __init__(self, report: AnyReport) -> None:
        self.findings = list(report.findings) if isinstance(report, Report) else []
        self.listed = len(self.findings)
        # By object, not by value: changes refer to the objects in the report.
        self._places = {id(finding): place for place, finding in enumerate(self.findings)}

    def place(self, finding: Finding) -> int:
        """Return the row of a finding. A new finding is appended."""
        place = self._places.setdefault(id(finding), len(self.findings))
        if place == len(self.findings):
            self.findings.append(finding)
        return place


def _comparison_to_json(comparison: Comparison, table: _Table) -> dict[str, Any]:
    labels: dict[tuple[ChangeKind, str], int] = {}
    basis = comparison.basis
    return {
        "basis": {
            "kind": basis.kind.value,
            "image": None if basis.image is None else image_to_json(basis.image),
            "completed_at": time_to_json(basis.completed_at),
            "provenance": _provenance_to_json(basis.provenance),
        },
        "changes": {
            "label": [
                labels.setdefault((change.kind, change.reason), len(labels))
                for change in comparison.changes
            ],
            "finding": [table.place(change.finding) for change in comparison.changes],
        },
        "labels": [[kind.value, reason] for kind, reason in labels],
        "suppressed": [_suppressed_to_json(entry, table) for entry in comparison.suppressed],
        "unscanned": [kind.value for kind in comparison.unscanned],
        "since": _times_to_json(comparison.since),
    }


def _times_to_json(times: Sequence[datetime]) -> dict[str, Any]:
    """Return the distinct times, and the index of each finding's time: few times differ."""
    indexes: dict[datetime, int] = {}
    of = [indexes.setdefault(time, len(indexes)) for time in times]
    return {"times": list(map(time_to_json, indexes)), "of": of}


def _times_from_json(document: Mapping[str, Any]) -> tuple[datetime, ...]:
    times = [datetime.fromisoformat(text) for text in document["times"]]
    return tuple([times[index] for index in document["of"]])


def _comparison_from_json(document: Mapping[str, Any], findings: Sequence[Finding]) -> Comparison:
    basis, changes = document["basis"], document["changes"]
    labels = [(ChangeKind(kind), reason) for kind, reason in document["labels"]]
    return Comparison(
        basis=Basis(
            BasisKind(basis["kind"]),
            None if basis["image"] is None else image_from_json(basis["image"]),
            time_from_json(basis["completed_at"]),
            provenance_from_json(basis.get("provenance")),
        ),
        changes=tuple(
            [
                Change(labels[label][0], findings[place], labels[label][1])
                for label, place in zip(changes["label"], changes["finding"], strict=True)
            ]
        ),
        suppressed=tuple(
            [_suppressed_from_json(entry, findings) for entry in document["suppressed"]]
        ),
        unscanned=tuple(map(ChangeKind, document.get("unscanned", ()))),
        since=_times_from_json(document.get("since", _NO_TIMES)),
    )


def _suppressed_to_json(suppressed: Suppressed, table: _Table) -> dict[str, Any]:
    return {
        "finding": table.place(suppressed.finding),
        "entry": suppressed.entry,
        "reason": suppressed.reason,
        "expires": suppressed.expires,
        "kind": suppressed.kind.value,
    }


def _suppressed_from_json(document: Mapping[str, Any], findings: Sequence[Finding]) -> Suppressed:
    return Suppressed(
        finding=findings[document["finding"]],
        entry=document["entry"],
        reason=document["reason"],
        expires=document["expires"],
        kind=ChangeKind(document["kind"]),
    )


def _problem_to_json(problem: ScanProblem) -> dict[str, str]:
    return {
        "kind": problem.kind.value,
        "status": problem.status,
        "reason": problem.reason,
        "remedy": problem.remedy,
    }


def _problem_from_json(document: Mapping[str, str]) -> ScanProblem:
    return ScanProblem(
        ChangeKind(document["kind"]), document["status"], document["reason"], document["remedy"]
    )
