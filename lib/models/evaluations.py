"""Evaluations: scan reports, compared with a baseline."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from lib.models.names import Counts, Severity, StreamId
from lib.models.scans import (
    AnyReport,
    Deployments,
    Finding,
    FindingId,
    Image,
    Part,
    Provenance,
    Scan,
)


class ChangeKind(StrEnum):
    """The kind of a change. SCAN_FAILED and NOT_SCANNED concern the whole scan."""

    BASELINE = "BASELINE"
    NEW = "NEW"
    RAISED = "RAISED"
    EXPLOIT_KNOWN = "EXPLOIT_KNOWN"
    FIX_AVAILABLE = "FIX_AVAILABLE"
    RESOLVED = "RESOLVED"
    UNCHANGED = "UNCHANGED"
    SCAN_FAILED = "SCAN_FAILED"
    NOT_SCANNED = "NOT_SCANNED"


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a finding. For RESOLVED, `finding` is the old one."""

    kind: ChangeKind
    finding: Finding
    reason: str


def by_severity(changes: Iterable[Change]) -> Counts:
    """Count the findings of changes by severity, worst first."""
    numbers = Counter(change.finding.severity for change in changes)
    return {severity: numbers[severity] for severity in sorted(numbers, reverse=True)}


@dataclass(frozen=True, slots=True)
class Suppressed:
    """A finding that an entry of alerts.yml excludes until a date."""

    finding: Finding
    entry: str
    reason: str
    expires: str
    kind: ChangeKind = ChangeKind.NEW
    """The kind that its change would have, to tell an unchanged finding from a new one."""


class FindingState(NamedTuple):
    """The fields of an earlier finding that a comparison needs, as in `Finding`."""

    severity: Severity
    exploitable: bool
    fixable: bool
    open: bool
    source_status: str | None


@dataclass(frozen=True, slots=True)
class Baseline:
    """An earlier evaluation, with the data that a comparison needs."""

    image: Image
    scan: Scan
    standings: Mapping[FindingId, FindingState]
    """The state of every finding of its report, in the report's order."""
    suppressed: frozenset[FindingId]
    finding: Callable[[FindingId], Finding] = field(compare=False)
    """Builds one of its findings on demand, because few are shown."""
    parts: tuple[Part, ...] = ()
    since: Mapping[FindingId, datetime] = field(default_factory=lambda: MappingProxyType({}))
    """The time since which each of its findings is known."""
    provenance: Provenance | None = None


class BasisKind(StrEnum):
    """The kind of a baseline: the same image, the previous image, or none."""

    RESCAN = "rescan"
    PREVIOUS_IMAGE = "previous-image"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Basis:
    """The baseline of a comparison."""

    kind: BasisKind
    image: Image | None = None
    completed_at: datetime | None = None
    provenance: Provenance | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The changes of a report: each open, unsuppressed finding once, and RESOLVED ones."""

    basis: Basis
    changes: tuple[Change, ...]
    suppressed: tuple[Suppressed, ...] = ()
    unscanned: tuple[ChangeKind, ...] = ()
    """SCAN_FAILED or NOT_SCANNED for each part without a result that was not reported before."""
    since: tuple[datetime, ...] = ()
    """The time since which each finding is known in its stream, in the report's order."""


@dataclass(frozen=True, slots=True)
class ScanProblem:
    """A scan without a usable result, in words for people."""

    kind: ChangeKind
    status: str
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A scan report, compared and judged: the content of an object in S3."""

    report: AnyReport
    stream: StreamId
    version: int
    """The number of this evaluation of the image. It is a part of all delivery ids."""
    evaluated_at: datetime
    comparison: Comparison | None = None
    problem: ScanProblem | None = None
    running: "Deployments | None" = None
    """The workloads of its image and of the previous one; None if they were not read."""


class Tally(NamedTuple):
    """Findings of one severity, counted by the properties that filters use."""

    total: int = 0
    fixable: int = 0
    exploitable: int = 0
    both: int = 0
    """Findings that are fixable and exploitable."""


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """A summary of an evaluation, for the history of its stream."""

    at: datetime
    """The time of the evaluation."""
    image: Image
    version: int
    usable: bool
    """Whether its report is usable. Otherwise all counts are empty."""
    open: Mapping[Severity, Tally]
    """Open, unsuppressed findings. Severities without findings are absent."""
    new: Counts
    """New findings, and those of a first scan."""
    resolved: Counts
    suppressed: int
    report_key: str
