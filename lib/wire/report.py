"""
The one format as JSON: `schemas/report-1.0.0.json`.

Written by hand instead of with `dataclasses.asdict`: an image can have 10,000 findings. What S3
keeps (`lib.store.evaluations`) shares how images, scans, counts and times are written.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

from lib.models import (
    AnyReport,
    Counts,
    Finding,
    Image,
    Package,
    Part,
    Provenance,
    Report,
    Running,
    Scan,
    ScanSource,
    Score,
    Severity,
    UnusableReport,
    Workload,
)

REPORT_SCHEMA: Final = "report-1.0.0"

NAMES: Final = MappingProxyType({severity: severity.name for severity in reversed(Severity)})
SEVERITIES: Final = MappingProxyType({severity.name: severity for severity in Severity})
NO_EXTRA: Final[Mapping[str, str]] = MappingProxyType({})


def report_to_json(report: AnyReport) -> dict[str, Any]:
    """
    Return a report as report-1.0.0.

    A report that is not usable has no `findings` at all, and `counts` only if an event stated them.
    """
    document: dict[str, Any] = {
        "schema": REPORT_SCHEMA,
        "image": image_to_json(report.image),
        "scan": scan_to_json(report.scan, usable=isinstance(report, Report)),
    }
    if isinstance(report, Report):
        document["counts"] = counts_to_json(report.counts)
        document["findings"] = [_finding_to_json(finding) for finding in report.findings]
    elif report.stated_counts is not None:
        document["counts"] = counts_to_json(report.stated_counts)
    if report.parts:
        document["parts"] = parts_to_json(report.parts)
    if report.provenance is not None:
        document["provenance"] = provenance_to_json(report.provenance)
    return document


def report_from_json(document: Mapping[str, Any]) -> AnyReport:
    """Return the report that `report_to_json` wrote."""
    image, scan = image_from_json(document["image"]), scan_from_json(document["scan"])
    parts = parts_from_json(document.get("parts", ()))
    provenance = provenance_from_json(document.get("provenance"))
    if document["scan"]["usable"]:
        findings = tuple([_finding_from_json(each) for each in document["findings"]])
        return Report(image, scan, findings, parts, provenance)
    counts = document.get("counts")
    stated = None if counts is None else counts_from_json(counts)
    return UnusableReport(image, scan, stated, parts, provenance)


def provenance_to_json(provenance: Provenance) -> dict[str, Any]:
    """Return a provenance as reports have it."""
    return {
        "commit": provenance.commit,
        "repository": provenance.repository,
        "build_url": provenance.build_url,
        "created_at": time_to_json(provenance.created_at),
        "evidence": dict(provenance.evidence),
        "unread_reason": provenance.unread_reason,
    }


def provenance_from_json(document: Mapping[str, Any] | None) -> Provenance | None:
    """Return the provenance that `provenance_to_json` wrote, if there is one."""
    if document is None:
        return None
    return Provenance(
        commit=document["commit"],
        repository=document["repository"],
        build_url=document["build_url"],
        created_at=time_from_json(document["created_at"]),
        evidence=MappingProxyType(document["evidence"]),
        unread_reason=document["unread_reason"],
    )


def parts_to_json(parts: Sequence[Part]) -> list[dict[str, Any]]:
    """Return the parts of an index as reports have them."""
    return [
        {
            "platform": each.platform,
            "digest": each.digest,
            "status": each.status,
            "reason": each.reason,
            "counts": None if each.counts is None else counts_to_json(each.counts),
            "complete": each.complete,
        }
        for each in parts
    ]


def parts_from_json(documents: Iterable[Mapping[str, Any]]) -> tuple[Part, ...]:
    """Return the parts that `parts_to_json` wrote."""
    return tuple(
        [
            Part(
                platform=each["platform"],
                digest=each["digest"],
                status=each["status"],
                counts=None if each["counts"] is None else counts_from_json(each["counts"]),
                reason=each["reason"],
                complete=each["complete"],
            )
            for each in documents
        ]
    )


def image_to_json(image: Image) -> dict[str, Any]:
    """Return an image as reports have it."""
    return {
        "partition": image.partition,
        "account": image.account,
        "region": image.region,
        "repository": image.repository,
        "digest": image.digest,
        "tags": list(image.tags),
        "platform": image.platform,
        "os": image.os,
        "pushed_at": time_to_json(image.pushed_at),
        "in_use_count": image.in_use_count,
    }


def image_from_json(document: Mapping[str, Any]) -> Image:
    """Return the image that `image_to_json` wrote."""
    return Image(
        partition=document["partition"],
        account=document["account"],
        region=document["region"],
        repository=document["repository"],
        digest=document["digest"],
        tags=tuple(document["tags"]),
        platform=document["platform"],
        os=document.get("os"),
        pushed_at=time_from_json(document["pushed_at"]),
        in_use_count=document["in_use_count"],
    )


def scan_to_json(scan: Scan, *, usable: bool) -> dict[str, Any]:
    """Return a scan as reports have it."""
    return {
        "source": scan.source.value,
        "status": scan.status,
        "usable": usable,
        "reason": scan.reason,
        "completed_at": time_to_json(scan.completed_at),
        "complete": scan.complete,
        "warnings": list(scan.warnings),
    }


def scan_from_json(document: Mapping[str, Any]) -> Scan:
    """Return the scan that `scan_to_json` wrote."""
    return Scan(
        source=ScanSource(document["source"]),
        status=document["status"],
        completed_at=time_from_json(document["completed_at"]),
        reason=document["reason"],
        complete=document.get("complete", True),
        warnings=tuple(document.get("warnings", ())),
    )


def running_to_json(running: Running) -> dict[str, Any]:
    """Return what runs an image, and the one before."""
    return {"image": _workloads(running.image), "previous_image": _workloads(running.before)}


def _workloads(found: Iterable[Workload]) -> list[dict[str, Any]]:
    return [
        {
            "cluster": each.cluster,
            "name": each.name,
            "service": each.service,
            "tasks": each.tasks,
        }
        for each in found
    ]


def running_from_json(document: Mapping[str, Any] | None) -> Running | None:
    """Return what `running_to_json` wrote."""
    if document is None:
        return None
    image, before = (
        tuple(Workload(**each) for each in document[name]) for name in ("image", "previous_image")
    )
    return Running(image, before)


def counts_to_json(counts: Counts) -> dict[str, int]:
    """Return every severity with a number, and the total."""
    stated = {name: counts.get(severity, 0) for severity, name in NAMES.items()}
    return {**stated, "total": sum(stated.values())}


def counts_from_json(document: Mapping[str, int]) -> Counts:
    """Return the counts that `counts_to_json` wrote."""
    return {severity: document.get(name, 0) for severity, name in NAMES.items()}


def _finding_to_json(finding: Finding) -> dict[str, Any]:
    package, score = finding.package, finding.score
    document: dict[str, Any] = {
        "vulnerability_id": finding.vulnerability_id,
        "aliases": list(finding.aliases),
        "title": finding.title,
        "description": finding.description,
        "severity": NAMES[finding.severity],
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
        "first_observed_at": time_to_json(finding.first_observed_at),
        "last_observed_at": time_to_json(finding.last_observed_at),
        "source_status": finding.source_status,
    }
    # Few findings have these; leaving them out keeps large reports small.
    if finding.source_severity is not None:
        document["source_severity"] = finding.source_severity
    if finding.exploit_observed_at is not None:
        document["exploit_observed_at"] = time_to_json(finding.exploit_observed_at)
    if finding.remediation is not None:
        document["remediation"] = finding.remediation
    if finding.extra:
        document["extra"] = dict(finding.extra)
    if finding.platforms:
        document["platforms"] = list(finding.platforms)
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
        severity=SEVERITIES[document["severity"]],
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
        exploit_observed_at=time_from_json(get("exploit_observed_at")),
        epss=document["epss"],
        remediation=get("remediation"),
        links=tuple(document["links"]),
        first_observed_at=time_from_json(document["first_observed_at"]),
        last_observed_at=time_from_json(document["last_observed_at"]),
        source_status=document["source_status"],
        extra=NO_EXTRA if extra is None else MappingProxyType(extra),
        platforms=tuple(get("platforms", ())),
    )


def time_to_json(moment: datetime | None) -> str | None:
    """Return RFC 3339 in UTC with a Z."""
    if moment is None:
        return None
    return f"{moment.astimezone(UTC).isoformat()[:-6]}Z"


def time_from_json(text: str | None) -> datetime | None:
    """Return the time that `time_to_json` wrote."""
    return None if text is None else datetime.fromisoformat(text)
