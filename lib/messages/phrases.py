"""Phrases that several texts share: counts by severity, names, moments. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Final

from lib.models import Counts, Finding, Severity
from lib.text import counted, first, one_line, short, truncate

NAME: Final = 40
"""Characters of a name that is one of several in a line."""
PUBLIC_EXPLOIT: Final = "public exploit"
USED_IN_ATTACKS: Final = "used in attacks"
AUDIT: Final = "ecr-scan-alerts audit"
LIKELY: Final = 0.1
"""An EPSS that is worth a word: one in ten is exploited within a month."""
MARKS: Final[Mapping[Severity, str]] = MappingProxyType(
    {
        Severity.CRITICAL: "\N{LARGE RED CIRCLE}",
        Severity.HIGH: "\N{LARGE ORANGE CIRCLE}",
        Severity.MEDIUM: "\N{LARGE YELLOW CIRCLE}",
        Severity.LOW: "\N{LARGE BLUE CIRCLE}",
        Severity.INFORMATIONAL: "\N{MEDIUM WHITE CIRCLE}",
        Severity.UNKNOWN: "\N{MEDIUM WHITE CIRCLE}",
    }
)
PROBLEM_MARK: Final = "\N{WARNING SIGN}"
BETTER_MARK: Final = "\N{CHART WITH DOWNWARDS TREND}"
CLEAR_MARK: Final = "\N{WHITE HEAVY CHECK MARK}"
_NAMES: Final = 6
_LOOKED_FOR: Final = 3
_NAMED: Final = 2
"""Packages to look for that are named where there are more than `_LOOKED_FOR`."""
_SMALL: Final = 0.001
_NOT_RATED: Final = frozenset({"UNDEFINED", "UNTRIAGED"})
"""Words of AWS for no severity; "Moderate" of another source says more than "unrated"."""


def counts_text(counts: Counts) -> str:
    """Return "4 CRITICAL, 12 HIGH" in the order of the counts, without the zeros."""
    return ", ".join(
        f"{number:,} {severity_word(severity)}" for severity, number in counts.items() if number
    )


def severity_word(severity: Severity) -> str:
    """Return the word for a severity in a sentence: "2 HIGH", "2 unrated"."""
    return "unrated" if severity is Severity.UNKNOWN else severity.name


def severity_text(finding: Finding) -> str:
    """Return the severity, with the source's own word where the scale has none for it."""
    name, word = severity_name(finding.severity), one_line(finding.source_severity or "")
    if finding.severity is not Severity.UNKNOWN or not word or word.upper() in _NOT_RATED:
        return name
    return f"{name} ({truncate(word, NAME)})"


def severity_name(severity: Severity) -> str:
    """Return a severity as a cell or a badge shows it."""
    return severity_word(severity).upper()


def levels_text(lowest: Severity) -> str:
    """Return "CRITICAL only", "HIGH and above"."""
    is_highest = lowest is Severity.CRITICAL
    return f"{severity_word(lowest)} {'only' if is_highest else 'and above'}"


def names_text(names: Sequence[str]) -> str:
    """Return the first names, and how many more there are."""
    shown = [short(name, NAME) for name in first(names, _NAMES)]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def look_for(names: Sequence[str], others: int = 0) -> str:
    """Return "look for newer versions of cryptography, grpcio and 13 others"."""
    shown = names if len(names) + others <= _LOOKED_FOR else names[:_NAMED]
    others += len(names) - len(shown)
    words = [short(name, NAME) for name in shown]
    words += [counted(others, "other")] if others else []
    versions = "a newer version" if len(words) == 1 else "newer versions"
    return f"look for {versions} of {listed(words)}"


def listed(words: Sequence[str]) -> str:
    """Return "a, b and c"."""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def day_text(moment: datetime) -> str:
    """Return "31 Aug 2026"."""
    return f"{moment.day} {moment:%b %Y}"


def moment_text(moment: datetime | None) -> str:
    """Return a moment to the minute; empty for none."""
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else ""


def percent(value: float) -> str:
    """Return a probability to about two digits."""
    if value < _SMALL:
        return "below 0.1 %"
    return f"{value * 100:.1f} %" if value < LIKELY else f"{value * 100:.0f} %"
