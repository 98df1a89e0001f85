"""The results of the images of an index -> the result of the index. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain

from lib.core.distinct import distinct
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
    Return one result for all members of an index, given theirs in the same order.

    A finding of several platforms becomes one. Unless every platform has a complete result, the
    whole is incomplete; without any result it is not usable.
    """
    results = list(zip(index.members, reports, strict=True))
    parts = tuple([_part(*each) for each in results])
    usable = [(member, each) for member, each in results if isinstance(each, Report)]
    if not usable:
        return UnusableReport(index.image, _failed(results), parts=parts)
    scans = [each.scan for _, each in usable]
    complete = len(usable) == len(results) and all(each.complete for each in scans)
    scan = Scan(
        source=scans[0].source,
        status=scans[0].status,
        completed_at=_latest(scans),
        complete=complete,
        warnings=_warnings(usable, len(results)),
    )
    in_use = [each.image.in_use_count for _, each in usable if each.image.in_use_count is not None]
    image = replace(index.image, in_use_count=sum(in_use) if in_use else None)
    return Report(image, scan, _findings(usable), parts)


def _part(member: Member, report: AnyReport) -> Part:
    scan = report.scan
    if isinstance(report, Report):
        return Part(member.platform, member.digest, scan.status, report.counts)
    return Part(member.platform, member.digest, scan.status, reason=scan.reason or scan.status)


def _failed(results: Sequence[_Result]) -> Scan:
    """Return the first scan, with what all of them say; one reason that they share is said once."""
    reasons = {member.platform: each.scan.reason or each.scan.status for member, each in results}
    said = set(reasons.values())
    reason = "; ".join(f"{name}: {each}" for name, each in reasons.items())
    return replace(results[0][1].scan, reason=said.pop() if len(said) == 1 else reason)


def _latest(scans: Iterable[Scan]) -> datetime | None:
    return max((each.completed_at for each in scans if each.completed_at), default=None)


def _warnings(usable: Sequence[tuple[Member, Report]], wanted: int) -> tuple[str, ...]:
    missing = wanted - len(usable)
    said = [f"{missing} of {wanted} platforms have no result"] if missing else []
    for member, report in usable:
        said += [f"{member.platform}: {each}" for each in report.scan.warnings]
    return tuple(dict.fromkeys(said))


def _findings(usable: Sequence[tuple[Member, Report]]) -> tuple[Finding, ...]:
    """Return every finding once, with its platforms where it is not on all of them."""
    where: defaultdict[FindingId, list[str]] = defaultdict(list)
    for member, report in usable:
        for finding in report.findings:
            where[finding.id].append(member.platform)
    findings = distinct(chain.from_iterable(report.findings for _, report in usable))
    return tuple(
        [
            each
            if len(where[each.id]) == len(usable)
            else replace(each, platforms=tuple(dict.fromkeys(where[each.id])))
            for each in findings
        ]
    )
