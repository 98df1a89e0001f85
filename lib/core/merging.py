"""The scan results of the images of an index, merged into one result of the index. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain
from types import MappingProxyType

from lib.core.distinct import distinct
from lib.core.evidence import NOT_THERE
from lib.core.vulnerabilities import counts_of
from lib.models import (
    AnyReport,
    Finding,
    FindingId,
    ImageIndex,
    Member,
    Part,
    Report,
    Scan,
    UnusableReport,
)

_Result = tuple[Member, AnyReport]


def merged(index: ImageIndex, reports: Sequence[AnyReport]) -> AnyReport:
    """
    Return the result of an index. `reports` are those of its members, in their order.

    A finding of several platforms becomes one finding. The result is incomplete unless every
    platform has a complete one, and not usable without any.
    """
    results = list(zip(index.members, reports, strict=True))
    parts = tuple([_part(member, report) for member, report in results])
    usable = [(member, report) for member, report in results if isinstance(report, Report)]
    if not usable:
        return UnusableReport(index.image, _failed(results), parts=parts)
    scans = [report.scan for _, report in usable]
    complete = len(usable) == len(results) and all(scan.complete for scan in scans)
    merged_scan = Scan(
        source=scans[0].source,
        status=scans[0].status,
        completed_at=_latest(scans),
        complete=complete,
        warnings=_warnings(usable, len(results)),
    )
    counts = [report.image.in_use_count for _, report in usable]
    in_use = [count for count in counts if count is not None]
    times = [report.image.last_in_use_at for _, report in usable]
    image = replace(
        index.image,
        in_use_count=sum(in_use) if in_use else None,
        last_in_use_at=max((time for time in times if time is not None), default=None),
        extra=_extra(usable),
    )
    return Report(image, merged_scan, _findings(usable), parts)


def _extra(usable: Sequence[tuple[Member, Report]]) -> Mapping[str, str]:
    """Return other fields of the images: what all of them say once, else with the platforms."""
    values: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for member, report in usable:
        for name, text in report.image.extra.items():
            values[name][member.name] = text
    return MappingProxyType(
        {
            name: texts.popitem()[1]
            if len(texts) == len(usable) and len(set(texts.values())) == 1
            else "; ".join(f"{platform}: {text}" for platform, text in texts.items())
            for name, texts in values.items()
        }
    )


def _part(member: Member, report: AnyReport) -> Part:
    scan = report.scan
    part = Part(member.platform, member.digest, scan.status, os_version=member.os_version)
    if isinstance(report, Report):
        return replace(part, counts=counts_of(report.findings), complete=scan.complete)
    return replace(part, reason=scan.reason or scan.status)


def _failed(results: Sequence[_Result]) -> Scan:
    """
    Return the first scan, with the reasons of all of them; a shared reason stands alone.

    Nothing is scanned of an image that is not there: the first one of an image that is.
    """
    reasons = {member.name: report.scan.reason or report.scan.status for member, report in results}
    different = set(reasons.values())
    by_platform = "; ".join(f"{platform}: {reason}" for platform, reason in reasons.items())
    scans = [report.scan for _, report in results]
    first = next((scan for scan in scans if scan.status != NOT_THERE), scans[0])
    return replace(first, reason=different.pop() if len(different) == 1 else by_platform)


def _latest(scans: Iterable[Scan]) -> datetime | None:
    return max((scan.completed_at for scan in scans if scan.completed_at), default=None)


def _warnings(usable: Sequence[tuple[Member, Report]], wanted: int) -> tuple[str, ...]:
    missing = wanted - len(usable)
    warnings = [f"{missing} of {wanted} platforms have no result"] if missing else []
    for member, report in usable:
        warnings += [f"{member.name}: {warning}" for warning in report.scan.warnings]
    return tuple(dict.fromkeys(warnings))


def _findings(usable: Sequence[tuple[Member, Report]]) -> tuple[Finding, ...]:
    """Return each finding once, with its platforms unless all of them have it."""
    platforms: defaultdict[FindingId, list[str]] = defaultdict(list)
    for member, report in usable:
        for finding in report.findings:
            platforms[finding.id].append(member.name)
    findings = distinct(chain.from_iterable(report.findings for _, report in usable))
    return tuple(
        [
            finding
            if len(platforms[finding.id]) == len(usable)
            else replace(finding, platforms=tuple(dict.fromkeys(platforms[finding.id])))
            for finding in findings
        ]
    )
