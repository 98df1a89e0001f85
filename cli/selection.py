"""The findings that a pipeline asks for: `--severity` and `--ignore-unfixed`."""

import argparse
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from cli.parser import suggestion
from cli.terminal import remark
from lib.core.vulnerabilities import vulnerabilities
from lib.models import AnyReport, Filter, Finding, Report, Severity
from lib.models.streams import Vulnerability

METAVAR: Final = "SEVERITY"
NO_FIX: Final = "without a known fix"
UNRATED: Final = "without a severity"
_LEFT_OUT: Final = "left out: "
NAMES: Final = tuple(severity.name for severity in reversed(Severity))


@dataclass(frozen=True, slots=True)
class Threshold:
    """A severity and all that are worse; findings without a severity only if they are named."""

    least: Severity
    unrated: bool = False

    def admits(self, severity: Severity) -> bool:
        """Whether a severity reaches the threshold."""
        return self.unrated if severity is Severity.UNKNOWN else severity >= self.least

    @property
    def name(self) -> str:
        """The threshold as an option has it: "HIGH", "HIGH,UNKNOWN"."""
        names = [self.least.name, *([Severity.UNKNOWN.name] if self.unrated else [])]
        return ",".join(dict.fromkeys(names))


ANY: Final = Threshold(Severity.UNKNOWN, unrated=True)


def threshold(text: str) -> Threshold:
    """
    Read "HIGH", or "CRITICAL,HIGH" as other scanners take it: the least of them counts.

    UNKNOWN adds findings without a severity; alone, it is every finding. Raises
    `ArgumentTypeError`.
    """
    severities = {_severity(name.strip()) for name in text.split(",")}
    rated = severities - {Severity.UNKNOWN}
    return Threshold(min(rated, default=Severity.UNKNOWN), Severity.UNKNOWN in severities)


def _severity(name: str) -> Severity:
    if name.upper() in NAMES:
        return Severity[name.upper()]
    hint = suggestion(name.upper(), NAMES) or f" (choose from {', '.join(NAMES)})"
    raise argparse.ArgumentTypeError(f"there is no {name!r}{hint}")


@dataclass(frozen=True, slots=True)
class Selection:
    """The findings that are shown."""

    threshold: Threshold = ANY
    fixable: bool = False
    """Whether a fix has to be known."""

    @property
    def filter(self) -> Filter:
        """The same as a route of alerts.yml has it."""
        only = ("fixable",) if self.fixable else ()
        limit = self.threshold
        return Filter("report", limit.least, only, unknown_severity=limit.unrated)

    def admits(self, finding: Finding) -> bool:
        """Whether a finding is shown."""
        return self.threshold.admits(finding.severity) and (finding.fixable or not self.fixable)


def add_selection_options(parser: argparse.ArgumentParser) -> None:
    """Declare --severity and --ignore-unfixed."""
    parser.add_argument(
        "--severity",
        metavar=METAVAR,
        type=threshold,
        default=ANY,
        help="show what is as severe or worse; of several, the least counts; UNKNOWN adds findings "
        "without a severity (default: all)",
    )
    parser.add_argument(
        "--ignore-unfixed",
        action="store_true",
        help="show and count only what has a known fix, and say how much is left out",
    )


def selection_of(options: argparse.Namespace) -> Selection:
    """Return the selection that the options ask for."""
    return Selection(options.severity, options.ignore_unfixed)


def selected(report: AnyReport, selection: Selection) -> AnyReport:
    """
    Return a report with the findings of a selection.

    Where others are left out, it is no complete list any more, and a warning counts them.
    """
    if not isinstance(report, Report):
        return report
    left_out = Counter(_left_out(report, selection))
    if not left_out:
        return report
    scan = report.scan
    warnings = (*scan.warnings, f"{_LEFT_OUT}{in_words(left_out)}")
    return replace(
        report,
        scan=replace(scan, complete=False, warnings=warnings),
        findings=tuple([finding for finding in report.findings if selection.admits(finding)]),
    )


def mention_left_out(report: AnyReport) -> None:
    """Print on stderr what a selection left out of a document."""
    for warning in report.scan.warnings:
        if warning.startswith(_LEFT_OUT):
            remark(f"{report.image.name}: {warning}")


def in_words(numbers: Counter[str]) -> str:
    """Return "12 below HIGH, 3 without a known fix"."""
    return ", ".join(f"{number:,} {reason}" for reason, number in numbers.items())


def _left_out(report: Report, selection: Selection) -> Iterator[str]:
    """Yield a reason for each vulnerability of which no row is shown."""
    for group in vulnerabilities(report.findings):
        if not any(selection.admits(finding) for finding in group.findings):
            yield _reason(group, selection.threshold)


def _reason(group: Vulnerability, limit: Threshold) -> str:
    if limit.admits(group.severity):
        return NO_FIX
    return UNRATED if group.severity is Severity.UNKNOWN else f"below {limit.least.name}"
