"""`--fail-on`: whether a pipeline may go on with an image, and why not."""

import argparse
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Any, Final

from cli.selection import METAVAR, NO_FIX, UNRATED, Threshold, in_words, threshold
from cli.terminal import complain, remark
from lib.core.scanners import scanner_of
from lib.core.suppressions import Suppression, matcher
from lib.core.vulnerabilities import vulnerabilities
from lib.models import AnyReport, Finding, Report, Severity, Suppressed
from lib.models.streams import Vulnerability

FAILED: Final = 3
"""The exit code of an image with findings that count. A mistake is 2, a crash of Python 1."""
UNPROVEN: Final = 1
"""The exit code of an image that nobody can judge: as `scan` ends without a usable result."""
EXIT_CODES: Final = (
    "Exit codes with --fail-on: 0 when no vulnerability counts, 3 when one does, 1 when the image "
    "cannot be judged (no usable result, an incomplete list). Suppressed findings do not count. "
    "Findings without a severity count only where --fail-on names UNKNOWN, too."
)
_SUPPRESSED: Final = "suppressed"


class Answer(StrEnum):
    """The answers to a pipeline."""

    PASSED = "passed"
    FAILED = "failed"
    UNPROVEN = "unproven"


@dataclass(frozen=True, slots=True)
class Gate:
    """The vulnerabilities that count against an image."""

    threshold: Threshold
    fixable: bool = False
    """Whether a fix has to be known."""


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """The answer of a gate about one image."""

    image: str
    gate: Gate
    answer: Answer
    reason: str
    counted: Counter[Severity]
    """Vulnerabilities that count, by severity."""
    others: Counter[str]
    """Open vulnerabilities that do not count, by the reason; not those below the threshold."""

    @property
    def sentence(self) -> str:
        """The verdict for a person who reads the log of a pipeline."""
        verb = {
            Answer.PASSED: "passes",
            Answer.FAILED: "fails",
            Answer.UNPROVEN: "does not pass",
        }[self.answer]
        text = f"{self.image} {verb} --fail-on {self.gate.threshold.name}: {self.reason}"
        return f"{text}. Not counted: {in_words(self.others)}" if self.others else text

    def to_json(self) -> dict[str, Any]:
        """Return the verdict for scripts."""
        return {
            "fail_on": self.gate.threshold.name,
            "ignore_unfixed": self.gate.fixable,
            "answer": self.answer.value,
            "reason": self.reason,
            "counted": {severity.name: number for severity, number in self.counted.items()},
            "not_counted": dict(self.others),
        }


def add_gate_option(parser: argparse.ArgumentParser) -> None:
    """Declare --fail-on."""
    parser.add_argument(
        "--fail-on",
        metavar=METAVAR,
        type=threshold,
        help="exit code 3 when a vulnerability is as severe or worse and not suppressed",
    )


def gate_of(options: argparse.Namespace) -> Gate | None:
    """Return the gate that the options ask for, if any."""
    return None if options.fail_on is None else Gate(options.fail_on, options.ignore_unfixed)


def gate_verdict(
    report: AnyReport, gate: Gate, suppressions: Sequence[Suppression], today: date
) -> GateVerdict:
    """Return whether an image passes. It does not where its scan proves nothing."""
    counted: Counter[Severity] = Counter()
    others: Counter[str] = Counter()
    if isinstance(report, Report):
        suppressed = matcher(suppressions, report.image, today)
        for group in vulnerabilities(report.findings):
            outcome = _counted(group, gate, suppressed)
            if isinstance(outcome, Severity):
                counted[outcome] += 1
            elif outcome is not None:
                others[outcome] += 1
    answer, reason = _answer(report, counted, others)
    return GateVerdict(report.image.name, gate, answer, reason, counted, others)


def exit_code(verdicts: Iterable[GateVerdict], otherwise: int = 0) -> int:
    """Print each verdict on stderr. Return the exit code of the worst; `otherwise` if all pass."""
    answers = set()
    for verdict in verdicts:
        answers.add(verdict.answer)
        say = remark if verdict.answer is Answer.PASSED else complain
        say(verdict.sentence)
    if Answer.FAILED in answers:
        return FAILED
    return UNPROVEN if Answer.UNPROVEN in answers else otherwise


def _counted(
    group: Vulnerability, gate: Gate, suppressed: Callable[[Finding], Suppressed | None]
) -> Severity | str | None:
    """Return the severity with which a vulnerability counts, or why not; None: it is below."""
    rows = [finding for finding in group.findings if finding.open]
    reaching = [finding for finding in rows if gate.threshold.admits(finding.severity)]
    if not reaching:
        return UNRATED if any(row.severity is Severity.UNKNOWN for row in rows) else None
    names = group.names if len(group.names) > 1 else ()
    left = [
        row for row in reaching if suppressed(replace(row, aliases=(*row.aliases, *names))) is None
    ]
    counting = [row for row in left if row.fixable or not gate.fixable]
    if counting:
        return max(row.severity for row in counting)
    return NO_FIX if left else _SUPPRESSED


def _answer(
    report: AnyReport, counted: Counter[Severity], others: Counter[str]
) -> tuple[Answer, str]:
    if counted:
        worst_first = sorted(counted.items(), reverse=True)
        words = (f"{number:,} {severity.name}" for severity, number in worst_first)
        return Answer.FAILED, ", ".join(words)
    doubt = _doubt(report) or _without_fixes(report, others)
    if doubt is not None:
        return Answer.UNPROVEN, doubt
    return Answer.PASSED, "no vulnerability counts"


def _doubt(report: AnyReport) -> str | None:
    """Return why a report without findings that count proves nothing; None where it does."""
    scan = report.scan
    if not isinstance(report, Report):
        return f"its scan has no usable result ({scan.status}: {scan.reason})"
    missing = [part.name for part in report.parts if part.counts is None]
    if missing:
        return f"there is no result for {', '.join(missing)}"
    if not scan.complete or not all(part.complete for part in report.parts):
        return f"the list is not complete ({'; '.join(scan.warnings) or 'fewer than counted'})"
    return None


def _without_fixes(report: AnyReport, others: Counter[str]) -> str | None:
    """Return why it says nothing that no finding has a fix; None where it does."""
    if not others[NO_FIX] or scanner_of(report.scan.source).names_fixes:
        return None
    if isinstance(report, Report) and any(finding.fixable for finding in report.findings):
        return None
    return "its scanner never says which findings have a fix, so --ignore-unfixed leaves out all"
