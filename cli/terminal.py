"""
Output for people: results on stdout, remarks and progress on stderr.

Text from a document or a receiver goes through `one_line` and is never read as markup: a package
named "[red]", or one with an escape sequence, stays text.
"""

import json
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from itertools import zip_longest
from typing import Any, Final

from rich.cells import cell_len, chop_cells, set_cell_size
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

from lib.core.vulnerabilities import vulnerabilities
from lib.errors import DocumentError
from lib.messages.facts import platforms_of_report
from lib.messages.provenance import in_words
from lib.models import AnyReport, Finding, Report, Severity
from lib.models.streams import Vulnerability
from lib.text import clean, counted, escaped, one_line, short

Advance = Callable[[], None]
"""Advances a progress bar by one step."""
Ask = Callable[[str], str]
"""Asks a person, and returns the answer."""
_Row = tuple[str, ...]

_STYLES: Final = {
    Severity.CRITICAL: "bold red",
    Severity.HIGH: "red",
    Severity.MEDIUM: "yellow",
    Severity.LOW: "blue",
    Severity.INFORMATIONAL: "dim",
    Severity.UNKNOWN: "magenta",
}
_SEVERITY: Final = "SEVERITY"
_COLUMNS: Final = ("VULNERABILITY", "PACKAGE", "INSTALLED", "FIXED IN", "EXPLOIT")
_GAP: Final = "  "
_FILE_WIDTH: Final = 200
_PADDED: Final = 60
"""The width without a terminal, so that a long path does not widen all other rows."""
_PATIENCE: Final = 1.0
"""Seconds before a progress bar appears."""
_BATCH: Final = 1000
"""Rows printed at once."""


def out() -> Console:
    """Return the console of results. It is created on use, so that tests can redirect stdout."""
    # Without a terminal lines are not folded, for grep and files.
    width = None if sys.stdout.isatty() else _FILE_WIDTH
    return Console(file=sys.stdout, width=width, highlight=False)


def complain(*lines: str) -> None:
    """Print errors on stderr."""
    for line in lines:
        print_error(f"ecr-scan-alerts: {one_line(line)}")


def remark(message: str) -> None:
    """Print a remark on stderr."""
    print_error(f"note: {one_line(message)}")


def print_error(text: str) -> None:
    """Print on stderr. If it is closed or full, nobody can read it."""
    # print takes None for stdout, whose lines are results.
    if sys.stderr is not None:
        with suppress(OSError):
            print(text, file=sys.stderr, flush=True)


def is_terminal() -> bool:
    """Return whether a person reads stdout, instead of grep or a file."""
    return sys.stdout.isatty()


def say(text: str = "", *, style: str = "") -> None:
    """Print a line of a result."""
    # Without a terminal lines are not folded, for grep and files.
    out().print(Text(one_line(text), style=style), soft_wrap=not is_terminal())


def ask_person(question: str) -> str:
    """Ask on stderr, as stdout may be a file, and return the answer. Raises `EOFError`."""
    print(question, end="", file=sys.stderr, flush=True)
    return input()


def is_interactive() -> bool:
    """Return whether there is a terminal on which a person can answer."""
    return sys.stdin is not None and sys.stdin.isatty()


def agreed(question: str, ask: Ask, *, without: str) -> bool:
    """
    Ask a question that is answered by y or n.

    Raises `DocumentError` where there is no terminal; `without` says what works there.
    """
    if not is_interactive():
        raise DocumentError(f"There is no terminal to ask on: {without}")
    try:
        return ask(f"{question} (y/N) ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def print_text(text: str) -> None:
    """Print prepared lines, without control characters."""
    print(clean(text))


def print_json(document: Any, *, plain: bool = True) -> None:
    """
    Print a document.

    `plain`: in ASCII, which every script reads and in which nothing can hide; else as people read,
    where stdout has the characters for it. What steers a terminal is escaped in any case.
    """
    unicode = (sys.stdout.encoding or "utf-8").lower().startswith("utf")
    with working("writing JSON"):
        text = escaped(json.dumps(document, indent=2, ensure_ascii=plain or not unicode))
    print(text)


# --- progress -----------------------------------------------------------------------------------


class Steps:
    """The progress of work whose length becomes known on the way."""

    def __init__(self, bar: Progress | None, task: TaskID) -> None:
        self._bar = bar
        self._task = task
        self._total = 0

    def expect(self, count: int, label: str) -> None:
        """Announce the next part, and its number of steps."""
        self._total += count
        if self._bar is not None:
            self._bar.update(self._task, total=self._total, description=one_line(label))

    def advance(self) -> None:
        """Advance by one step."""
        if self._bar is not None:
            self._bar.advance(self._task)


@contextmanager
def working(
    label: str, total: int | None = None, *, patience: float = _PATIENCE
) -> Iterator[Advance]:
    """
    Show a progress bar on stderr when the work takes longer than a second, on a terminal.

    With a `total` above one the bar fills as the returned function is called. Nothing may be
    printed to a terminal's stdout meanwhile; remarks may be.
    """
    counted = total is not None and total > 1
    with _shown(label, total if counted else None, counted=counted, patience=patience) as steps:
        yield steps.advance


@contextmanager
def stepping(label: str, *, patience: float = _PATIENCE) -> Iterator[Steps]:
    """Show a bar like `working`, for work whose length becomes known on the way."""
    with _shown(label, None, counted=True, patience=patience) as steps:
        yield steps


@contextmanager
def _shown(label: str, total: int | None, *, counted: bool, patience: float) -> Iterator[Steps]:
    # isatty, because FORCE_COLOR makes rich's own answer a yes for files and logs.
    if sys.stderr is None or not sys.stderr.isatty():
        yield Steps(None, TaskID(0))
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    bar = Progress(
        *((*columns, MofNCompleteColumn()) if counted else columns),
        console=Console(stderr=True),
        transient=True,
        # Results must not end up on stderr.
        redirect_stdout=False,
    )
    task = bar.add_task(one_line(label), total=total)
    timer = threading.Timer(patience, bar.start)
    timer.daemon = True
    timer.start()
    try:
        yield Steps(bar, task)
    finally:
        timer.cancel()
        # It may just be starting the bar, which nobody would stop after us.
        timer.join()
        bar.stop()


def _nothing() -> None:
    """Ignore a step."""


# --- tables -------------------------------------------------------------------------------------


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a small table: its cells folded to the window, or whole where nobody's window is."""
    if not is_terminal():
        print_lines(columns, rows)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(Text(one_line(cell)) for cell in row))
    out().print(table)


def print_lines(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, whole: bool = False
) -> None:
    """
    Print a table with one line a row. On a terminal lines end at the window, unless `whole`.

    For grep and for a glance: nothing is folded.
    """
    cells = [tuple(map(one_line, row)) for row in rows]
    widths = [max(map(_width, column)) for column in zip(columns, *cells, strict=True)]
    window = out().width if sys.stdout.isatty() and not whole else None
    for index, row in enumerate((tuple(columns), *cells)):
        line = _line(row, widths)
        if window is not None and _width(line) > window:
            line = set_cell_size(line, window - 1).rstrip() + "…"
        print(_styled(line, "bold") if index == 0 else line)


def print_report(report: AnyReport) -> None:
    """Print one report as a table, worst first."""
    image, scan = report.image, report.scan
    say(image.name, style="bold")
    where = ", ".join(part for part in (image.account, image.region, image.platform) if part)
    say(f"{image.digest}  {where}")
    for row in platforms_of_report(report.parts).rows:
        say(row.line)
    source = in_words(report.provenance, image.tags)
    if source:
        say(f"source: {source}")
    for name, text in image.extra.items():
        say(f"{name}: {short(text)}")
    if not isinstance(report, Report):
        say(f"{scan.status}: no usable result: {scan.reason}", style="bold red")
        return
    say(f"{scan.source} {scan.status}: {_total(report)}")
    for warning in scan.warnings:
        say(f"warning: {warning}", style="yellow")
    if report.findings:
        _print_findings(report.findings)


def _total(report: Report) -> str:
    """Return the open vulnerabilities by severity, and how many the source does not count."""
    groups = vulnerabilities(report.findings)
    still_open = vulnerabilities(finding for finding in report.findings if finding.open)
    rows = sum(len(group.findings) for group in still_open)
    listed = "" if report.scan.complete else " listed"
    number = counted(len(still_open), "vulnerability", "vulnerabilities")
    text = f"{number}{listed} ({_counts_text(still_open)})"
    if rows != len(still_open):
        text += f" in {rows:,} rows"
    over = [group for group in groups if not any(finding.open for finding in group.findings)]
    others = Counter(group.findings[0].source_status or "" for group in over)
    return ", ".join([text, *(f"{amount} {word.lower()}" for word, amount in others.items())])


def _counts_text(groups: Iterable[Vulnerability]) -> str:
    """Return "4 CRITICAL, 12 HIGH", or "none"."""
    numbers = Counter(group.severity for group in groups)
    parts = (f"{numbers[severity]} {severity.name}" for severity in sorted(numbers, reverse=True))
    return ", ".join(parts) or "none"


def _print_findings(findings: Sequence[Finding]) -> None:
    """Print line by line: rich formats only whole tables, and a large one takes a minute."""
    window = out().width if sys.stdout.isatty() else None
    first = max(len(_SEVERITY), *(len(finding.severity.name) for finding in findings))
    with working("laying out the table"):
        rows = [_cells(finding) for finding in findings]
        widths = _widths((_COLUMNS, *rows), window and window - first - len(_GAP))
    badges = {
        severity: _styled(severity.name.ljust(first), _STYLES[severity]) for severity in Severity
    }
    print(_styled(_GAP.join((_SEVERITY.ljust(first), *_lines(_COLUMNS, widths))), "bold"))
    below = " " * first
    batches = range(0, len(rows), _BATCH)
    # On a terminal the rows themselves are the progress.
    with working("writing", len(batches)) if window is None else nullcontext(_nothing) as advance:
        for start in batches:
            text = []
            for finding, row in zip(
                findings[start : start + _BATCH], rows[start : start + _BATCH], strict=True
            ):
                severity = badges[finding.severity]
                for line in _lines(row, widths, fold=window is not None):
                    text.append(severity + _GAP + line)
                    severity = below
            print("\n".join(text))
            advance()


def _closed(finding: Finding) -> str:
    """Return the id of a finding that the source closed or suppressed."""
    return f"{finding.vulnerability_id} ({(finding.source_status or '').lower()})"


def _cells(finding: Finding) -> _Row:
    package = finding.package
    cells = (
        finding.vulnerability_id if finding.open else _closed(finding),
        f"{package.name} ({package.path})" if package.path else package.name,
        package.version or "",
        finding.fixed_version or "",
        "yes" if finding.exploitable else "",
    )
    return tuple(map(one_line, cells))


def _styled(text: str, style: str) -> str:
    """Return the text with the colours that stdout shows: none where it is not a terminal."""
    console = out()
    with console.capture() as captured:
        console.print(Text(text, style=style), end="", soft_wrap=True)
    return captured.get()


def _widths(rows: Iterable[_Row], window: int | None) -> list[int]:
    """Return the widths of the columns. In a narrow window the widest shrink to their title."""
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    if window is None:
        return [min(width, _PADDED) for width in widths]
    room = window - len(_GAP) * (len(widths) - 1)
    titles = list(map(len, _COLUMNS))
    for _ in range(sum(widths) - max(room, sum(titles))):
        wide = (column for column in range(len(widths)) if widths[column] > titles[column])
        widths[max(wide, key=widths.__getitem__)] -= 1
    return widths


def _width(text: str) -> int:
    return len(text) if text.isascii() else cell_len(text)


def _lines(row: _Row, widths: Sequence[int], *, fold: bool = False) -> list[str]:
    """Format a row. A cell that is too long for its column continues below, or is left as it is."""
    cells = list(zip(row, widths, strict=True))
    if not fold or all(_width(cell) <= width for cell, width in cells):
        return [_line(row, widths)]
    parts = zip_longest(*(chop_cells(cell, width) for cell, width in cells), fillvalue="")
    return [_line(part, widths) for part in parts]


def _line(cells: Iterable[str], widths: Sequence[int]) -> str:
    padded = (
        cell + " " * (width - _width(cell)) for cell, width in zip(cells, widths, strict=True)
    )
    return _GAP.join(padded).rstrip()
