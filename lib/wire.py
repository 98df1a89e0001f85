"""
The one format as JSON: `schemas/report-1.0.0.json`, and what S3 keeps about an evaluation.

Written by hand instead of with `dataclasses.asdict`: an image can have 10,000 findings, and every
evaluation writes one report and reads another.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import repeat
from operator import attrgetter
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
    FindingId,
    Image,
    Known,
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
#
# Findings are written as columns: the name of a field, then its values for all findings. That is a
# third of the work of one object per finding. What a comparison does not need stands apart, as
# "details", so that it need not be read.


def evaluation_to_json(evaluation: Evaluation) -> dict[str, Any]:
    """
    Return what S3 holds: image, scan, a table of findings, and what changed by the places in it.

    The first `listed` findings are the report's; those that are only mentioned (RESOLVED) follow.
    """
    report, comparison, problem = evaluation.report, evaluation.comparison, evaluation.problem
    table = _Table(report)
    compared = None if comparison is None else _comparison_to_json(comparison, table)
    return {
        "schema": EVALUATION_SCHEMA,
        "image": _image_to_json(report.image),
        "scan": _scan_to_json(report.scan, usable=isinstance(report, Report)),
        "stated_counts": None
        if isinstance(report, Report) or report.stated_counts is None
        else _counts_to_json(report.stated_counts),
        "stream": evaluation.stream,
        "version": evaluation.version,
        "evaluated_at": _time_to_json(evaluation.evaluated_at),
        "comparison": compared,
        "problem": None if problem is None else _problem_to_json(problem),
        "listed": table.listed,
        "findings": _columns_to_json(table.findings, _COMPARED),
        "details": _columns_to_json(table.findings, _DETAILS),
    }


def evaluation_from_json(document: Mapping[str, Any]) -> Evaluation:
    """Return the evaluation that `evaluation_to_json` wrote."""
    findings = _findings_from_json({**document["findings"], **document["details"]})
    comparison, problem = document["comparison"], document["problem"]
    return Evaluation(
        report=_stored_report(document, findings),
        stream=StreamId(document["stream"]),
        version=document["version"],
        evaluated_at=datetime.fromisoformat(document["evaluated_at"]),
        comparison=None if comparison is None else _comparison_from_json(comparison, findings),
        problem=None if problem is None else _problem_from_json(problem),
    )


def known_from_json(
    document: Mapping[str, Any], details: Callable[[], Mapping[str, Any]]
) -> Known | None:
    """
    Return what a comparison needs of a stored evaluation; None when its report is unusable.

    `details` gives that part of the document; it is asked for when a finding is.
    """
    if not document["scan"]["usable"]:
        return None
    listed, columns, comparison = document["listed"], document["findings"], document["comparison"]
    ids = _ids(columns)
    suppressed = () if comparison is None else comparison["suppressed"]

    return Known(
        image=_image_from_json(document["image"]),
        scan=_scan_from_json(document["scan"]),
        # Shorter than the columns where findings follow that are not the report's.
        standings=dict(zip(ids[:listed], _standings(columns, len(ids)), strict=False)),
        suppressed=frozenset([ids[each["finding"]] for each in suppressed]),
        finding=_OneByOne(ids[:listed], columns, details),
    )


class _OneByOne:
    """Builds single findings of a report, and reads the details only when one is asked for."""

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
            self._places = {each: place for place, each in enumerate(self._ids)}
            self._columns = {**self._columns, **self._details()}
        place = self._places[identity]
        row = {name: values[place : place + 1] for name, values in self._columns.items()}
        return _findings_from_json(row)[0]


def _stored_report(document: Mapping[str, Any], findings: tuple[Finding, ...]) -> AnyReport:
    image, scan = _image_from_json(document["image"]), _scan_from_json(document["scan"])
    if document["scan"]["usable"]:
        return Report(image, scan, findings[: document["listed"]])
    counts = document["stated_counts"]
    return UnusableReport(image, scan, None if counts is None else _counts_from_json(counts))


class _Table:
    """The findings of a report, and whatever else is mentioned beside them, each with a place."""

    def __init__(self, report: AnyReport) -> None:
        self.findings = list(report.findings) if isinstance(report, Report) else []
        self.listed = len(self.findings)
        # By object, not by value: changes hold the very findings of the report.
        self._places = {id(finding): place for place, finding in enumerate(self.findings)}

    def place(self, finding: Finding) -> int:
        """Return the place of a finding, a new one at the end if it has none."""
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
            "image": None if basis.image is None else _image_to_json(basis.image),
            "completed_at": _time_to_json(basis.completed_at),
        },
        "changes": {
            "label": [
                labels.setdefault((change.kind, change.reason), len(labels))
                for change in comparison.changes
            ],
            "finding": [table.place(change.finding) for change in comparison.changes],
        },
        "labels": [[kind.value, reason] for kind, reason in labels],
        "suppressed": [_suppressed_to_json(each, table) for each in comparison.suppressed],
    }


def _comparison_from_json(document: Mapping[str, Any], findings: Sequence[Finding]) -> Comparison:
    basis, changes = document["basis"], document["changes"]
    labels = [(ChangeKind(kind), reason) for kind, reason in document["labels"]]
    return Comparison(
        basis=Basis(
            BasisKind(basis["kind"]),
            None if basis["image"] is None else _image_from_json(basis["image"]),
            _time_from_json(basis["completed_at"]),
        ),
        changes=tuple(
            [
                Change(labels[label][0], findings[place], labels[label][1])
                for label, place in zip(changes["label"], changes["finding"], strict=True)
            ]
        ),
        suppressed=tuple(
            [_suppressed_from_json(each, findings) for each in document["suppressed"]]
        ),
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


# --- findings as columns ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Column:
    """One field of all findings; left out when every finding has the usual value."""

    name: str
    """Where a finding has it: "package.path"."""
    usual: Any = None
    to_json: Callable[[Any], Any] | None = None
    """None: the value is written as it is."""
    from_json: Callable[[Any], Any] | None = None


def _score_to_json(score: Score | None) -> list[Any] | None:
    return None if score is None else [score.value, score.version, score.vector, score.source]


def _score_from_json(values: Sequence[Any] | None) -> Score | None:
    return None if values is None else Score(*values)


# In the order of the arguments of `Package` and `Finding`.
_PACKAGE: Final = tuple(
    _Column(f"package.{name}") for name in ("name", "version", "manager", "path", "layer", "purl")
)
_ATTRIBUTES: Final = (
    _Column("severity", None, _NAMES.__getitem__, _SEVERITIES.__getitem__),
    _Column("source_severity"),
    _Column("aliases", (), None, tuple),
    _Column("title"),
    _Column("description"),
    _Column("score", None, _score_to_json, _score_from_json),
    _Column("fixed_version"),
    _Column("fix_available"),
    _Column("exploit_available"),
    _Column("exploit_observed_at", None, _time_to_json, _time_from_json),
    _Column("epss"),
    _Column("remediation"),
    _Column("links", (), None, tuple),
    _Column("first_observed_at", None, _time_to_json, _time_from_json),
    _Column("last_observed_at", None, _time_to_json, _time_from_json),
    _Column("source_status"),
    _Column("extra", _NO_EXTRA, dict, MappingProxyType),
)
_ID: Final = _Column("vulnerability_id")
_JUDGED: Final = (
    _Column("exploitable", usual=False),
    _Column("fixable", usual=False),
    _Column("open", usual=True),
)
"""What follows from the others, for comparisons."""
_COLUMNS: Final = MappingProxyType(
    {column.name: column for column in (_ID, *_PACKAGE, *_ATTRIBUTES, *_JUDGED)}
)
_COMPARED: Final = (_ID.name, "package.name", "package.path", *Standing._fields)
_DETAILS: Final = tuple([name for name in _COLUMNS if name not in _COMPARED])


def _columns_to_json(findings: Sequence[Finding], names: Iterable[str]) -> dict[str, list[Any]]:
    columns = {}
    for name in names:
        column, values = _COLUMNS[name], list(map(attrgetter(name), findings))
        if values.count(column.usual) == len(values):
            continue
        columns[name] = values if column.to_json is None else list(map(column.to_json, values))
    return columns


def _findings_from_json(columns: Mapping[str, Sequence[Any]]) -> tuple[Finding, ...]:
    ids = columns.get(_ID.name, ())
    packages = map(Package, *[_values(columns, each.name, len(ids)) for each in _PACKAGE])
    attributes = [_values(columns, each.name, len(ids)) for each in _ATTRIBUTES]
    return tuple(map(Finding, ids, packages, *attributes))


def _values(columns: Mapping[str, Sequence[Any]], name: str, count: int) -> Iterable[Any]:
    column, values = _COLUMNS[name], columns.get(name)
    if values is None:
        return repeat(column.usual, count)
    return values if column.from_json is None else map(column.from_json, values)


def _ids(columns: Mapping[str, Sequence[Any]]) -> list[FindingId]:
    ids = columns.get(_ID.name, ())
    names = _values(columns, "package.name", len(ids))
    paths = _values(columns, "package.path", len(ids))
    return [(ident, name, path or "") for ident, name, path in zip(ids, names, paths, strict=True)]


def _standings(columns: Mapping[str, Sequence[Any]], count: int) -> Iterable[Standing]:
    return map(Standing, *[_values(columns, name, count) for name in Standing._fields])
