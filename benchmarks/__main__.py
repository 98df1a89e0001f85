"""`make bench`: measure everything and print the table that README.md quotes."""

import platform

from benchmarks import core, deliveries
from benchmarks.core import Figure
from benchmarks.deployed import deployed
from benchmarks.reconciling import reconciling


def table(figures: list[Figure]) -> str:
    """Return the figures as a Markdown table."""
    rows = [f"| {each.what} | {each.target} | {each.measured} |" for each in figures]
    return "\n".join(["| what | target | measured |", "| --- | --- | --- |", *rows])


def main() -> None:
    """Measure and print; what takes long comes last."""
    figures = [
        *core.calls(),
        *core.one_event(),
        *core.index_calls(),
        *core.throughput(),
        *core.memory(),
        *deliveries.rates(),
        *deliveries.request_units(),
        *reconciling(),
        *deployed(),
    ]
    print(f"Python {platform.python_version()}, {platform.machine()}\n")
    print(table(figures))


if __name__ == "__main__":
    main()
