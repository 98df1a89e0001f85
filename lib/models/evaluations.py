"""A scan result, compared with the one before it."""

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
    """Why a finding is mentioned. SCAN_FAILED and NOT_SCANNED are about the whole scan."""

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
    """One finding and what is different about it. `finding` is the old one when RESOLVED."""

    kind: ChangeKind
    finding: Finding
    reason: str


def by_severity(changes: Iterable[Change]) -> Counts:
    """Count the findings of changes by severity, worst first."""
    numbers = Counter(change.finding.severity for change in changes)
    return {severity: numbers[severity] for severity in sorted(numbers, reverse=True)}


@dataclass(frozen=True, slots=True)
class Suppressed:
    """A finding that a named, dated entry of alerts.yml leaves out."""

    finding: Finding
    entry: str
    reason: str
    expires: str
    kind: ChangeKind = ChangeKind.NEW
    """What its change would have been called, so that an unchanged one asks for nothing."""


class FindingState(NamedTuple):
    """What counts about an earlier finding: each field as its `Finding` has it."""

    severity: Severity
    exploitable: bool
    fixable: bool
    open: bool
    source_status: str | None


@dataclass(frozen=True, slots=True)
class Baseline:
    """An earlier evaluation as far as a comparison needs it."""

    image: Image
    scan: Scan
    standings: Mapping[FindingId, FindingState]
    """Every finding of its report, in their order."""
    suppressed: frozenset[FindingId]
    finding: Callable[[FindingId], Finding] = field(compare=False)
    """Builds one of them: few of many are ever mentioned."""
    parts: tuple[Part, ...] = ()
    since: Mapping[FindingId, datetime] = field(default_factory=lambda: MappingProxyType({}))
    """Since when each of its findings was known."""
    provenance: Provenance | None = None


class BasisKind(StrEnum):
    """Against what a result was compared: the same image, the one before it, or nothing."""

    RESCAN = "rescan"
    PREVIOUS_IMAGE = "previous-image"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Basis:
    """What the result was compared with."""

    kind: BasisKind
    image: Image | None = None
    completed_at: datetime | None = None
    provenance: Provenance | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Every open, unsuppressed finding stands in `changes` once; RESOLVED ones are extra."""

    basis: Basis
    changes: tuple[Change, ...]
    suppressed: tuple[Suppressed, ...] = ()
    unscanned: tuple[ChangeKind, ...] = ()
    """SCAN_FAILED or NOT_SCANNED for each part without a result that was not told of before."""
    since: tuple[datetime, ...] = ()
    """Since when each finding of the report is known in its stream, in the report's order."""


@dataclass(frozen=True, slots=True)
class ScanProblem:
    """A scan without a usable result, as people should hear of it."""

    kind: ChangeKind
    status: str
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One scan result, compared and judged: what the report object in S3 holds."""

    report: AnyReport
    stream: StreamId
    version: int
    """Counts the evaluations of this image; part of every delivery id."""
    evaluated_at: datetime
    comparison: Comparison | None = None
    problem: ScanProblem | None = None
    running: "Deployments | None" = None
    """What ran its image then, and the one before; None: nobody was asked."""


class Tally(NamedTuple):
    """Findings of one severity, as filters tell them apart."""

    total: int = 0
    fixable: int = 0
    exploitable: int = 0
    both: int = 0
    """Fixable and exploitable."""


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One evaluation of a stream in short: what its course over time is told from."""

    at: datetime
    """When it was evaluated."""
    image: Image
    version: int
    usable: bool
    """False: nothing is known about findings, and all numbers are empty."""
    open: Mapping[Severity, Tally]
    """What was open and not suppressed; severities without findings are absent."""
    new: Counts
    """New ones, and those of a first scan."""
    resolved: Counts
    suppressed: int
    report_key: str
