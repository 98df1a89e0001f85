"""
Reports as evidence: whether they can be believed yet, and what they say about each part. Pure.

One judgement for all doors through which a report comes: event, member of an index,
reconciliation, command, file. An empty list is never an all-clear by itself.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from lib.core.vulnerabilities import vulnerabilities
from lib.models import AnyReport, Finding, Image, Part, Report, ScanSource, UnusableReport
from lib.models.immutable import immutable
from lib.models.streams import Evidence, PartState, ScanRecord

NOT_FOUND: Final = "SCAN_NOT_FOUND"
NOT_THERE: Final = "IMAGE_NOT_FOUND"
"""The status of an image of an index that its repository does not have."""
PARTIAL_PATIENCE: Final = timedelta(minutes=10)
"""Findings that were announced and are not listed by then are taken to be missing for good."""
SECOND_LOOK_AFTER: Final = timedelta(minutes=2)
"""When a first report that lost most of what the image before had is fetched once more."""
_EVER: Final = datetime.min.replace(tzinfo=UTC)
RUNNING: Final = frozenset({"IN_PROGRESS", "PENDING"})
"""A result may still come."""
ENDED: Final = frozenset({"FINDINGS_UNAVAILABLE", "IMAGE_ARCHIVED", "SCAN_ELIGIBILITY_EXPIRED"})
"""The end of an image's scans, not a failure: what was listed stands, and grows old."""
_ENHANCED: Final = ScanSource.ECR_ENHANCED.scanner


@immutable(frozen=True, slots=True)
class NotReady:
    """A report that proves nothing yet: fetch it again."""

    reason: str


def evidence_of(
    report: AnyReport, *, age: timedelta, announced: int | None = None
) -> AnyReport | NotReady:
    """
    Return the report of one image as far as it can be believed, or why it must be fetched again.

    `age`: how long its result is expected. `announced`: how many findings an event counted.
    Fewer findings than announced are incomplete after ten minutes. An empty list without counts and
    without a time of completion never proves anything.
    """
    if report.scan.status in RUNNING:
        return NotReady(f"the scan is not finished: {report.scan.status}")
    if isinstance(report, UnusableReport):
        return report
    rows = len(report.findings)
    if not rows and announced is None and report.scan.completed_at is None:
        return NotReady("nothing is listed or counted, and no time of completion is stated")
    checked = report
    if announced is not None and rows < announced:
        checked = _incomplete(report, f"{announced} findings were announced, {rows} are listed")
    if age < PARTIAL_PATIENCE and not checked.scan.complete:
        return NotReady("; ".join(checked.scan.warnings) or "the list is not complete")
    return checked if checked.scan.complete or checked.findings else _without_result(checked)


def _incomplete(report: Report, reason: str) -> Report:
    warnings = tuple(dict.fromkeys((*report.scan.warnings, reason)))
    return replace(report, scan=replace(report.scan, complete=False, warnings=warnings))


def _without_result(report: Report) -> UnusableReport:
    """Return an incomplete list of nothing as what it is."""
    reason = "; ".join(report.scan.warnings) or "the list is not complete"
    return UnusableReport(report.image, replace(report.scan, reason=reason), parts=report.parts)


def most_is_missing(
    report: Report, before: Collection[Finding], *, age: timedelta, fetched_before: bool
) -> str | None:
    """
    Return why a report is fetched once more, two minutes later; None: it is not.

    A first report younger than ten minutes may still grow. One that lacks more than half of the
    vulnerabilities that the image before had (`before`) is not believed at once.
    """
    if fetched_before or age >= PARTIAL_PATIENCE:
        return None
    earlier, missing = _missing(before, report.findings)
    if 2 * len(missing) <= earlier:
        return None
    return f"{len(missing)} of the {earlier} vulnerabilities of the image before are not listed"


def closed_without_proof(stored: AnyReport | None, fetched: AnyReport) -> str | None:
    """
    Return why coverage is asked before a report is stored; None: it need not be.

    When Inspector stops to watch an image, it closes all findings. So what a report of enhanced
    scanning lacks of the same image's earlier one may be closed for no other reason.
    """
    if not isinstance(stored, Report) or not isinstance(fetched, Report):
        return None
    scanners = {stored.scan.source.scanner, fetched.scan.source.scanner}
    if stored.image.key != fetched.image.key or scanners != {_ENHANCED}:
        return None
    _, missing = _missing(stored.findings, fetched.findings)
    if not missing:
        return None
    more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
    return f"{missing[0]}{more} is not listed as open any more"


def _missing(before: Collection[Finding], after: Collection[Finding]) -> tuple[int, list[str]]:
    """Return how many vulnerabilities were open before, and which of them are not open now."""
    names = {
        name
        for vulnerability in vulnerabilities(finding for finding in after if finding.open)
        for name in vulnerability.names
    }
    earlier = vulnerabilities(finding for finding in before if finding.open)
    return len(earlier), [group.id for group in earlier if names.isdisjoint(group.names)]


def facts(findings: Iterable[Finding]) -> frozenset[tuple[object, ...]]:
    """Return what is compared of each finding: the rest can change without being news."""
    return frozenset(
        [
            (
                finding.vulnerability_id,
                finding.aliases,
                finding.package,
                finding.severity,
                finding.fixed_version,
                finding.fixable,
                finding.exploitable,
                finding.source_status,
                finding.platforms,
            )
            for finding in findings
        ]
    )


def says_the_same(stored: AnyReport | None, fetched: AnyReport) -> bool:
    """Return whether a fetched report has nothing that the stored one of its image lacks."""
    if stored is None or _outline(stored) != _outline(fetched):
        return False
    if isinstance(stored, Report) and isinstance(fetched, Report):
        return facts(stored.findings) == facts(fetched.findings)
    return True


def _outline(report: AnyReport) -> tuple[object, ...]:
    """Return what is compared of a report beside its findings: nothing that changes by itself."""
    scan = replace(report.scan, completed_at=None)
    return type(report), report.image.settled, scan, report.parts


def part_states(
    image: Image, record: ScanRecord | None, parts_before: Sequence[str]
) -> list[PartState]:
    """
    Return the parts of a watched image with what its own scans list, and nothing else.

    `parts_before`: names of the stream's parts so far, for an image whose platform nobody states.
    """
    if record is None:
        names = [image.platform] if image.platform else list(parts_before) or [""]
        return [PartState(name, NOT_FOUND, "no scan of it is known") for name in names]
    last, earlier = record.last, _evidence(image, record.usable, record.usable_at, parts_before)
    own = _evidence(image, last, record.fetched_at, parts_before)
    states = []
    for name, part in _named_parts(image, last, parts_before).items():
        evidence = [entry for entry in (own.get(name), earlier.get(name)) if entry is not None]
        states.append(
            PartState(
                name,
                part.status,
                None if name in own else part.reason or part.status,
                last.scan.source,
                record.monitored,
                tuple(evidence),
            )
        )
    return states


def _evidence(
    image: Image, report: AnyReport | None, fetched_at: datetime | None, parts_before: Sequence[str]
) -> dict[str, Evidence]:
    """Return what a report lists for each part that has a result, by the part's name."""
    if not isinstance(report, Report):
        return {}
    at = report.scan.completed_at or fetched_at or _EVER
    return {
        name: Evidence(
            image, name, report.scan.source, at, part.complete, _findings_of(part, report)
        )
        for name, part in _named_parts(image, report, parts_before).items()
        if part.counts is not None
    }


def _named_parts(image: Image, report: AnyReport, parts_before: Sequence[str]) -> dict[str, Part]:
    """Return the parts of a report by names that are unique: one for an image that is no index."""
    scan = report.scan
    if not report.parts:
        stated = report.image.platform or image.platform
        name = stated or (parts_before[0] if len(parts_before) == 1 else "")
        counts = report.counts if isinstance(report, Report) else None
        return {name: Part(name, image.digest, scan.status, counts, scan.reason, scan.complete)}
    parts: dict[str, Part] = {}
    seen: Counter[str] = Counter()
    for part in report.parts:
        seen[part.name] += 1
        number = seen[part.name]
        parts[part.name if number == 1 else f"{part.name} #{number}"] = part
    return parts


def _findings_of(part: Part, report: Report) -> tuple[Finding, ...]:
    if not report.parts:
        return report.findings
    return tuple(
        [row for row in report.findings if not row.platforms or part.name in row.platforms]
    )
