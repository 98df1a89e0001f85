"""`make bench`: runs all benchmarks and prints the table that docs/performance.md quotes."""

import logging
import os
import platform
from contextlib import redirect_stdout
from pathlib import Path

from benchmarks import core, deliveries, events, growth, pages, syncs
from benchmarks.core import Figure
from benchmarks.deployed import deployed
from lib.observability import logger


def table(figures: list[Figure]) -> str:
    """Return the figures as a Markdown table."""
    rows = [f"| {figure.label} | {figure.target} | {figure.measured} |" for figure in figures]
    return "\n".join(["| what | target | measured |", "| --- | --- | --- |", *rows])


def main() -> None:
    """Run the benchmarks and print the table, without logs and metrics of the functions."""
    logger.setLevel(logging.CRITICAL)
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        figures = _measured()
    print(f"Python {platform.python_version()}, {platform.machine()}\n")
    print(table(figures))


def _measured() -> list[Figure]:
    """Run the benchmarks. The slow ones come last."""
    return [
        *core.calls(),
        *core.throughput(),
        *syncs.view(),
        *syncs.calls(),
        *syncs.memory(),
        *events.ratios(),
        *deliveries.rates(),
        *pages.openings(),
        *pages.memory(),
        *growth.growth(),
        *deployed(),
    ]


if __name__ == "__main__":
    main()
