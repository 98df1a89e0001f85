"""The words of the page's table, which has every finding of a report. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from lib.checks.settings import MANAGER
from lib.messages.findings import EXPLOIT_KNOWN, EXPLOITED, fix
from lib.messages.phrases import percent
from lib.models import Change, ChangeKind, Finding, Suppressed
from lib.text import counted

CHANGES: Final[Mapping[ChangeKind, str]] = MappingProxyType(
    {
        ChangeKind.BASELINE: "first scan",
        ChangeKind.NEW: "new",
        ChangeKind.RAISED: "raised",
        ChangeKind.EXPLOIT_KNOWN: "exploit known",
        ChangeKind.FIX_AVAILABLE: "fix available",
        ChangeKind.RESOLVED: "resolved",
        ChangeKind.UNCHANGED: "unchanged",
    }
)
SUPPRESSED: Final = "suppressed"
CLOSED: Final = "closed at the source"
COLUMNS: Final = (
    ("severity", "Severity"),
    ("id", "Vulnerability"),
    ("package", "Package"),
    ("fixed", "Fix"),
    ("exploit", "Exploit"),
    ("change", "Change"),
    ("since", "Known since"),
)
"""Names and titles of the table's columns."""
EXPLOITS: Final = ("", EXPLOIT_KNOWN, EXPLOITED)
"""By what is known of one: nothing, that it exists, that it was seen."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its label."""

    number: str
    label: str


def figures(findings: Sequence[Finding]) -> list[Figure]:
    """Return how many findings there are, by what can be done and by what is likely to hurt."""
    wild = sum(finding.exploit_observed_at is not None for finding in findings)
    exploitable = sum(finding.exploitable for finding in findings)
    fixable = sum(finding.fixable for finding in findings)
    unknown = sum(not finding.fixable and finding.fix_available is None for finding in findings)
    numbers = [
        Figure(f"{len(findings):,}", "findings"),
        Figure(f"{fixable:,}", "with a fix"),
        Figure(f"{len(findings) - fixable - unknown:,}", "without a fix"),
    ]
    if unknown:
        numbers.append(Figure(f"{unknown:,}", "whose fix its source does not name"))
    numbers += [
        Figure(f"{exploitable:,}", "with a known exploit"),
        Figure(f"{wild:,}", "exploited in the wild"),
    ]
    epss = max((finding.epss for finding in findings if finding.epss is not None), default=None)
    return numbers if epss is None else [*numbers, Figure(percent(epss), "highest EPSS")]


def outcome(finding: Finding, change: Change | None, entry: Suppressed | None) -> tuple[str, str]:
    """Return what a comparison made of a finding, in a word, and why."""
    if change is not None:
        return CHANGES.get(change.kind, change.kind.value.lower()), change.reason
    if entry is not None:
        return SUPPRESSED, f"{entry.entry} until {entry.expires}: {entry.reason}"
    return CLOSED, f"its source lists it as {str(finding.source_status).lower()}"


def fix_cell(finding: Finding) -> str:
    """Return what is known about a fix. A setting has no version: its commands say more."""
    return "" if finding.package.manager == MANAGER else fix(finding)


def exploit_level(finding: Finding) -> int:
    """Return the place in `EXPLOITS`."""
    return 2 if finding.exploit_observed_at is not None else int(finding.exploitable)


def exploit_cell(finding: Finding) -> str:
    """Return what is known about exploits, and how likely one is."""
    epss = "" if finding.epss is None else f"EPSS {percent(finding.epss)}"
    return ", ".join(filter(None, (EXPLOITS[exploit_level(finding)], epss)))


ALL_OF_THEM: Final = "All of them:"
"""What stands before the command that lists them."""


def missing(number: int) -> str:
    """Return how many findings a table has no room for."""
    noun, verb = counted(number, "more finding"), "are" if number > 1 else "is"
    return f"{noun}, the least severe, {verb} counted above, but not listed on this page."
