"""What a person sees: tables on stdout, remarks and progress on stderr."""

import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from lib.models import AnyReport, Finding, Report, Severity
from lib.text import one_line

_STYLES: Final = {
    Severity.CRITICAL: "bold red",
    Severity.HIGH: "red",
    Severity.MEDIUM: "yellow",
    Severity.LOW: "blue",
    Severity.INFORMATIONAL: "dim",
    Severity.UNKNOWN: "magenta",
}
_FILE_WIDTH: Final = 200
_PATIENCE: Final = 1.0
"""Seconds before a progress bar appears."""


def out() -> Console:
    """Return the console of results; made when used, so that tests can redirect stdout."""
    # Without a terminal nobody's window is narrow: let grep and files have whole lines.
    width = None if sys.stdout.isatty() else _FILE_WIDTH
    return Console(file=sys.stdout, width=width, highlight=False)


def complain(message: str) -> None:
    """Say on stderr what is wrong."""
    print(f"ecr-scan-alerts: {one_line(message)}", file=sys.stderr)


def remark(message: str) -> None:
    """Say on stderr what is worth knowing."""
    print(f"note: {one_line(message)}", file=sys.stderr)


@contextmanager
def working(label: str) -> Iterator[None]:
    """Show a progress bar on stderr when the work takes longer than a second, on a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )
    bar.add_task(label, total=None)
    timer = threading.Timer(_PATIENCE, bar.start)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        bar.stop()


def print_report(report: AnyReport) -> None:
    """Print one report as a table, worst first."""
    console, image, scan = out(), report.image, report.scan
    console.print(Text(image.name, style="bold"))
    where = ", ".join(each for each in (image.account, image.region, image.platform) if each)
    console.print(f"{image.digest}  {where}", markup=False)
    if not isinstance(report, Report):
        console.print(Text(f"{scan.status}: no usable result: {scan.reason}", style="bold red"))
        return
    total = len(report.findings)
    console.print(f"{scan.source} {scan.status}: {total} findings ({counts_text(report)})")
    for warning in scan.warnings:
        console.print(Text(f"warning: {one_line(warning)}", style="yellow"))
    if report.findings:
        console.print(_findings_table(report.findings))


def counts_text(report: Report) -> str:
    """Return "4 CRITICAL, 12 HIGH", or "none"."""
    parts = (f"{count} {severity.name}" for severity, count in report.counts.items() if count)
    return ", ".join(parts) or "none"


def _findings_table(findings: Iterable[Finding]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("SEVERITY", "VULNERABILITY", "PACKAGE", "INSTALLED", "FIXED IN", "EXPLOIT"):
        table.add_column(name, no_wrap=name == "SEVERITY", overflow="fold", min_width=8)
    for finding in findings:
        package = finding.package
        name = f"{package.name} ({package.path})" if package.path else package.name
        cells = (
            finding.vulnerability_id,
            name,
            package.version or "",
            finding.fixed_version or "",
            "yes" if finding.exploitable else "",
        )
        severity = Text(finding.severity.name, style=_STYLES[finding.severity])
        table.add_row(severity, *(Text(one_line(cell)) for cell in cells))
    return table
