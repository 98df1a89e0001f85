"""Scans beside others: what an image is compared with, what is left out, what is wrong."""

from datetime import datetime
from enum import StrEnum

from lib.models.immutable import immutable
from lib.models.scans import (
    Finding,
    Image,
    Provenance,
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


@immutable(frozen=True, slots=True)
class Suppressed:
    """A finding that an entry of alerts.yml excludes until a date."""

    finding: Finding
    entry: str
    reason: str
    expires: str
    kind: ChangeKind = ChangeKind.NEW
    """The kind that its change would have, to tell an unchanged finding from a new one."""


class BasisKind(StrEnum):
    """The kind of a baseline: the same image, the previous image, or none."""

    RESCAN = "rescan"
    PREVIOUS_IMAGE = "previous-image"
    NONE = "none"


@immutable(frozen=True, slots=True)
class Basis:
    """The baseline of a comparison."""

    kind: BasisKind
    image: Image | None = None
    completed_at: datetime | None = None
    provenance: Provenance | None = None


@immutable(frozen=True, slots=True)
class ScanProblem:
    """A scan without a usable result, in words for people."""

    kind: ChangeKind
    status: str
    reason: str
    remedy: str
    quote: str = ""
    """The scanner's own words; empty where it said no more than its status."""
    pages: tuple[tuple[str, str], ...] = ()
    """Pages to read about the remedy: label and address."""
