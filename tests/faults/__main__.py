"""
`make faults`: play the matrix and print the table that docs/reliability.md quotes.

    make faults ARGS="--rows 5,13 --seeds 1,2,3 --scale 0.1"

Each row is printed when its seeds are done, and the sums at the end; progress goes to stderr. Exit
code 1 when a row fails.
"""

import argparse
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from itertools import chain, islice
from multiprocessing import get_context

from tests.faults.matrix import HEADER, SEEDS, Result, Row, line, total
from tests.faults.rows import ROWS, play


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the rows that are asked for; print the table, then what failed."""
    options = _options(arguments)
    rows = [row for row in ROWS if _wanted(row, options.rows)]
    results: dict[str, list[Result]] = {}
    jobs = [(row, seed, options.scale) for row in rows for seed in options.seeds]
    print(f"{datetime.now(UTC):%Y-%m-%d}, seeds {options.seeds}, scale {options.scale}\n")
    print(HEADER, flush=True)
    with ProcessPoolExecutor(options.workers, get_context("spawn")) as pool:
        played = _played(pool, jobs)
        for row in rows:
            results[row.number] = list(islice(played, len(options.seeds)))
            print(line(row, results[row.number]), flush=True)
    print(f"\n{total(list(chain.from_iterable(results.values())))}")
    return int(sum(_complain(row, results[row.number]) for row in rows) > 0)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--rows", type=_list, default=[], help="numbers, such as 5,13.18 (all)")
    parser.add_argument("--seeds", type=_numbers, default=list(SEEDS))
    parser.add_argument("--scale", type=float, default=1.0, help="part of each row's volume")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    return parser.parse_args(arguments)


def _list(text: str) -> list[str]:
    return text.split(",")


def _numbers(text: str) -> list[int]:
    return [int(each) for each in text.split(",")]


def _wanted(row: Row, numbers: Sequence[str]) -> bool:
    """Say whether a row was asked for, by its number or by that of its group."""
    return not numbers or not {row.number, re.split(r"\.|(?<=\d)[a-z]", row.number)[0]}.isdisjoint(
        numbers
    )


def _played(pool: ProcessPoolExecutor, jobs: Sequence[tuple[Row, int, float]]) -> Iterator[Result]:
    begin = time.monotonic()
    numbers = [(ROWS.index(row), seed, scale) for row, seed, scale in jobs]
    for done, result in enumerate(pool.map(play, numbers), 1):
        row, seed, _ = jobs[done - 1]
        verdict = "FAIL" if result.problems else "pass"
        sys.stderr.write(
            f"{done}/{len(jobs)} {time.monotonic() - begin:5.0f} s"
            f"  row {row.number} seed {seed}: {verdict}\n"
        )
        yield result


def _complain(row: Row, results: Sequence[Result]) -> bool:
    problems = [each for result in results for each in result.problems]
    for each in problems[:5]:
        sys.stderr.write(f"row {row.number}: {each}\n")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
