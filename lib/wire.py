"""
The one format as JSON: `schemas/report-1.0.0.json`, and what S3 keeps about an evaluation.

Written by hand instead of with `dataclasses.asdict`: an image can have 10,000 findings, and every
evaluation writes one report and reads another.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

from lib.models import (
    AnyReport,
    Basis,
    BasisKind,
    Change,
    ChangeKind,
    Comparison,
    Counts,
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
    StreamId,
    Suppressed,
    UnusableReport,
)

REPORT_SCHEMA: Final = "report-1.0.0"
EVALUATION_SCHEMA: Final = "evaluation-1"

_NAMES: Final = MappingProxyType({severity: severity.name for severity in reversed(Severity)})
_SEVERITIES: Final = MappingProxyType({severity.name: severity for severity in Severity})
_NO_EXTRA: Final[Mapping[str, str]] = MappingProxyType({})


# --- reports ------------------------------------------------------------------------------------


def report_to_json(report: AnyReport) -> dict[str, Any]:
    """
    Return a report as report-1.0.0.

    A report that is not usable has no `findings` at all, and `counts` only if an event stated them.
    """
    document: dict[str, Any] = {
        "schema": REPORT_SCHEMA,
        "image": _image_to_json(report.image),
        "scan": _scan_to_json(report.scan, usable=isinstance(report, Report)),
    }
    if isinstance(report, Report):
        document["counts"] = _counts_to_json(report.counts)
        document["findings"] = [_finding_to_json(finding) for finding in report.findings]
    elif report.stated_counts is not None:
        document["counts"] = _counts_to_json(report.stated_counts)
    return document


def report_from_json(document: Mapping[str, Any]) -> AnyReport:
    """Return the report that `report_to_json` wrote."""
    image, scan = _image_from_json(document["image"]), _scan_from_json(document["scan"])
    if document["scan"]["usable"]:
        findings = tuple([_finding_from_json(each) for each in document["findings"]])
        return Report(image, scan, findings)
    counts = document.get("counts")
    return UnusableReport(image, scan, None if counts is None else _counts_from_json(counts))


def _image_to_json(image: Image) -> dict[str, Any]:
    return {
        "partition": image.partition,
        "account": image.account,
        "region": image.region,
        "repository": image.repository,
        "digest": image.digest,
        "tags": list(image.tags),
        "platform": image.platform,
        "os": image.os,
        "pushed_at": _time_to_json(image.pushed_at),
        "in_use_count": image.in_use_count,
    }


def _image_from_json(document: Mapping[str, Any]) -> Image:
    return Image(
        partition=document["partition"],
        account=document["account"],
        region=document["region"],
        repository=document["repository"],
        digest=document["digest"],
        tags=tuple(document["tags"]),
        platform=document["platform"],
        os=document.get("os"),
        pushed_at=_time_from_json(document["pushed_at"]),
        in_use_count=document["in_use_count"],
    )


def _scan_to_json(scan: Scan, *, usable: bool) -> dict[str, Any]:
    return {
        "source": scan.source.value,
        "status": scan.status,
        "usable": usable,
        "reason": scan.reason,
        "completed_at": _time_to_json(scan.completed_at),
        "complete": scan.complete,
        "warnings": list(scan.warnings),
    }


def _scan_from_json(document: Mapping[str, Any]) -> Scan:
    return Scan(
        source=ScanSource(document["source"]),
        status=document["status"],
        completed_at=_time_from_json(document["completed_at"]),
        reason=document["reason"],
        complete=document.get("complete", True),
        warnings=tuple(document.get("warnings", ())),
    )


def _counts_to_json(counts: Counts) -> dict[str, int]:
    stated = {name: counts.get(severity, 0) for severity, name in _NAMES.items()}
    return {**stated, "total": sum(stated.values())}


def _counts_from_json(document: Mapping[str, int]) -> Counts:
    return {severity: document.get(name, 0) for severity, name in _NAMES.items()}


def _finding_to_json(finding: Finding) -> dict[str, Any]:
    package, score = finding.package, finding.score
    document: dict[str, Any] = {
        "vulnerability_id": finding.vulnerability_id,
        "aliases": list(finding.aliases),
        "title": finding.title,
        "description": finding.description,
        "severity": _NAMES[finding.severity],
        "score": None
        if score is None
        else {
            "value": score.value,
            "version": score.version,
            "vector": score.vector,
            "source": score.source,
        },
        "package": {
            "name": package.name,
            "version": package.version,
            "manager": package.manager,
            "path": package.path,
            "layer": package.layer,
            "purl": package.purl,
        },
        "fixed_version": finding.fixed_version,
        "fix_available": finding.fix_available,
        "exploit_available": finding.exploit_available,
        "epss": finding.epss,
        "links": list(finding.links),
        "first_observed_at": _time_to_json(finding.first_observed_at),
        "last_observed_at": _time_to_json(finding.last_observed_at),
        "source_status": finding.source_status,
    }
    # Few findings have these; leaving them out keeps large reports small.
    if finding.source_severity is not None:
        document["source_severity"] = finding.source_severity
    if finding.exploit_observed_at is not None:
        document["exploit_observed_at"] = _time_to_json(finding.exploit_observed_at)
    if finding.remediation is not None:
        document["remediation"] = finding.remediation
    if finding.extra:
        document["extra"] = dict(finding.extra)
    return document


def _finding_from_json(document: Mapping[str, Any]) -> Finding:
    get = document.get
    package, score, extra = document["package"], document["score"], get("extra")
    return Finding(
        vulnerability_id=document["vulnerability_id"],
        package=Package(
            package["name"],
            package["version"],
            package["manager"],
            package["path"],
            package["layer"],
            package["purl"],
        ),
        severity=_SEVERITIES[document["severity"]],
        source_severity=get("source_severity"),
        aliases=tuple(document["aliases"]),
        title=document["title"],
        description=document["description"],
        score=None
        if score is None
        else Score(score["value"], score["version"], score["vector"], score["source"]),
        fixed_version=document["fixed_version"],
        fix_available=document["fix_available"],
        exploit_available=document["exploit_available"],
        exploit_observed_at=_time_from_json(get("exploit_observed_at")),
        epss=document["epss"],
        remediation=get("remediation"),
        links=tuple(document["links"]),
        first_observed_at=_time_from_json(document["first_observed_at"]),
        last_observed_at=_time_from_json(document["last_observed_at"]),
        source_status=document["source_status"],
        extra=_NO_EXTRA if extra is None else MappingProxyType(extra),
    )


def _time_to_json(moment: datetime | None) -> str | None:
    """Return RFC 3339 in UTC with a Z."""
    if moment is None:
        return None
    return f"{moment.astimezone(UTC).isoformat()[:-6]}Z"


def _time_from_json(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


# --- evaluations --------------------------------------------------------------------------------


def evaluation_to_json(evaluation: Evaluation) -> dict[str, Any]:
    """
    Return what S3 holds: the report in full, and what changed by the findings' places in it.

    A finding that is not in the report (RESOLVED) is written out where it is mentioned.
    """
    comparison, problem = evaluation.comparison, evaluation.problem
    return {
        "schema": EVALUATION_SCHEMA,
        "report": report_to_json(evaluation.report),
        "stream": evaluation.stream,
        "version": evaluation.version,
        "evaluated_at": _time_to_json(evaluation.evaluated_at),
        "comparison": None
        if comparison is None
        else _comparison_to_json(comparison, _findings(evaluation.report)),
        "problem": None if problem is None else _problem_to_json(problem),
    }


def evaluation_from_json(document: Mapping[str, Any]) -> Evaluation:
    """Return the evaluation that `evaluation_to_json` wrote."""
    report = report_from_json(document["report"])
    comparison, problem = document["comparison"], document["problem"]
    return Evaluation(
        report=report,
        stream=StreamId(document["stream"]),
        version=document["version"],
        evaluated_at=datetime.fromisoformat(document["evaluated_at"]),
        comparison=None
        if comparison is None
        else _comparison_from_json(comparison, _findings(report)),
        problem=None if problem is None else _problem_from_json(problem),
    )


def _findings(report: AnyReport) -> tuple[Finding, ...]:
    return report.findings if isinstance(report, Report) else ()


def _comparison_to_json(comparison: Comparison, findings: Iterable[Finding]) -> dict[str, Any]:
    # By object, not by value: changes hold the very findings of the report.
    places = {id(finding): place for place, finding in enumerate(findings)}
    labels: dict[tuple[str, str], int] = {}
    changes = [
        [
            labels.setdefault((change.kind.value, change.reason), len(labels)),
            _reference(change.finding, places),
        ]
        for change in comparison.changes
    ]
    basis = comparison.basis
    return {
        "basis": {
            "kind": basis.kind.value,
            "image": None if basis.image is None else _image_to_json(basis.image),
            "completed_at": _time_to_json(basis.completed_at),
        },
        "labels": [list(label) for label in labels],
        "changes": changes,
        "suppressed": [_suppressed_to_json(each, places) for each in comparison.suppressed],
    }


def _comparison_from_json(document: Mapping[str, Any], findings: tuple[Finding, ...]) -> Comparison:
    basis = document["basis"]
    labels = [(ChangeKind(kind), reason) for kind, reason in document["labels"]]
    changes = []
    for label, reference in document["changes"]:
        kind, reason = labels[label]
        changes.append(Change(kind, _referred(reference, findings), reason))
    return Comparison(
        basis=Basis(
            BasisKind(basis["kind"]),
            None if basis["image"] is None else _image_from_json(basis["image"]),
            _time_from_json(basis["completed_at"]),
        ),
        changes=tuple(changes),
        suppressed=tuple(
            [_suppressed_from_json(each, findings) for each in document["suppressed"]]
        ),
    )


def _reference(finding: Finding, places: Mapping[int, int]) -> int | dict[str, Any]:
    place = places.get(id(finding))
    return _finding_to_json(finding) if place is None else place


def _referred(reference: int | Mapping[str, Any], findings: tuple[Finding, ...]) -> Finding:
    if isinstance(reference, int):
        return findings[reference]
    return _finding_from_json(reference)


def _suppressed_to_json(suppressed: Suppressed, places: Mapping[int, int]) -> dict[str, Any]:
    return {
        "finding": _reference(suppressed.finding, places),
        "entry": suppressed.entry,
        "reason": suppressed.reason,
        "expires": suppressed.expires,
        "kind": suppressed.kind.value,
    }


def _suppressed_from_json(document: Mapping[str, Any], findings: tuple[Finding, ...]) -> Suppressed:
    return Suppressed(
        finding=_referred(document["finding"], findings),
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
