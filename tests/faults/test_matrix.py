"""The fault matrix, short: every row, three seeds, a few alerts. `make faults` is the long one."""

import pytest

from tests.faults.matrix import SEEDS, Row, line, run
from tests.faults.rows import ROWS


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.number)
def test_nothing_is_lost_and_nothing_comes_twice(row: Row) -> None:
    """Every alert is accounted for, and no log line holds a secret."""
    results = [run(row, seed, scale=0.0) for seed in SEEDS]

    assert [each.problems for each in results] == [()] * len(SEEDS), line(row, results)


def test_the_same_seed_is_the_same_run() -> None:
    """What failed once can be looked at again."""
    row = next(each for each in ROWS if each.number == "38")

    assert run(row, 7, scale=0.0) == run(row, 7, scale=0.0)
