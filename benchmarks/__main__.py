"""`make bench`: runs all benchmarks and prints the table that docs/performance.md quotes."""

import platform

from benchmarks import core, deliveries, events, growth, pages, syncs
from benchmarks.core import Figure
from benchmarks.deployed import deployed


def table(figures: list[Figure]) -> str:
    """Return the figures as a Markdown table."""
    rows = [f"| {figure.label} | {figure.target} | {figure.measured} |" for figure in figures]
    return "\n".join(["| what | target | measured |", "| --- | --- | --- |", *rows])


def main() -> None:
    """Run the benchmarks and print the table. The slow ones come last."""
    figures = [
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
    print(f"Python {platform.python_version()}, {platform.machine()}\n")
    print(table(figures))


if __name__ == "__main__":
    main()
