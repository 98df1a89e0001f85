"""
`make bench`: runs all benchmarks and prints the tables that docs/performance.md quotes.

`make bench ARGS=--write` also puts them into that page.
"""

import logging
import os
import platform
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import redirect_stdout
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

from benchmarks import core, deliveries, events, growth, pages, syncs
from benchmarks.core import ROOT, Figure
from benchmarks.deployed import deployed
from lib.observability import logger

PAGE: Final = ROOT / "docs" / "performance.md"
FIGURES: Final = "figures"
COSTS: Final = "costs"
_Result = TypeVar("_Result")
_VERDICTS: Final = {True: "met", False: "missed", None: ""}


def table(figures: Iterable[Figure]) -> str:
    """Return figures as a Markdown table, with whether each goal is met."""
    rows = [
        f"| {figure.label} | {figure.target} | {figure.measured} | {_VERDICTS[figure.met]} |"
        for figure in figures
    ]
    return "\n".join(["| what | goal | measured | |", "| --- | --- | --- | --- |", *rows])


def bill(costs: Iterable[Figure]) -> str:
    """Return what a million events cost as a Markdown table."""
    rows = [f"| {figure.label} | {figure.measured} |" for figure in costs]
    return "\n".join(["| what | cost |", "| --- | --- |", *rows])


def replaced(page: str, name: str, text: str) -> str:
    """Return a page with another text between the two comments that name it."""
    start, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, _, rest = page.partition(start)
    _, mark, after = rest.partition(end)
    if not mark:
        raise ValueError(f"{PAGE.name} has no {start} with its end")
    return f"{before}{start}\n{text}\n{end}{after}"


def main(arguments: list[str]) -> None:
    """Run the benchmarks without logs and metrics of the functions; print the tables."""
    logger.setLevel(logging.CRITICAL)
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        figures, costs = _measured()
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    made = f"Measured by `make bench` on {datetime.now(UTC):%Y-%m-%d}: {machine}."
    texts = {FIGURES: f"{made}\n\n{table(figures)}\n", COSTS: f"{bill(costs)}\n"}
    print("\n".join(texts.values()))
    if "--write" in arguments:
        content = PAGE.read_text("utf-8")
        for name, text in texts.items():
            content = replaced(content, name, text)
        PAGE.write_text(content, "utf-8")


def _measured() -> tuple[list[Figure], list[Figure]]:
    """Run the benchmarks: figures, and costs. What needs an app comes last."""
    figures = [
        *_timed(core.calls),
        *_timed(core.throughput),
        *_timed(syncs.view),
        *_timed(syncs.calls),
    ]
    ratios, costs = _timed(events.measured)
    figures += [
        *ratios,
        *_timed(deliveries.rates),
        *_timed(pages.openings),
        *_timed(pages.memory),
        *_timed(growth.growth),
        *_timed(deployed),
    ]
    return figures, costs


def _timed(benchmark: Callable[[], _Result]) -> _Result:
    """Run a benchmark, and say how long it took."""
    started = time.monotonic()
    measured = benchmark()
    seconds = time.monotonic() - started
    print(f"{benchmark.__module__}.{benchmark.__name__}: {seconds:.0f} s", file=sys.stderr)
    return measured


if __name__ == "__main__":
    main(sys.argv[1:])
