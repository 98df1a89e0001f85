"""
The fault matrix, short: every row with one seed, a few alerts. `make faults` is the long one.

The rows take the seeds in turn; with `make thorough` each has all of them.
"""

import pytest

from tests.faults.matrix import SEEDS, Row, line, run
from tests.faults.rows import ROWS
from tests.support.thorough import pairs


@pytest.mark.parametrize(
    ("row", "seed"),
    pairs([pytest.param(row, id=row.number) for row in ROWS], [(seed,) for seed in SEEDS]),
)
def test_nothing_is_lost_and_nothing_comes_twice(row: Row, seed: int) -> None:
    """Every alert is accounted for, and no log line holds a secret."""
    result = run(row, seed, scale=0.0)

    assert result.problems == (), line(row, [result])


def test_the_same_seed_is_the_same_run() -> None:
    """What failed once can be looked at again."""
    row = next(each for each in ROWS if each.number == "38")

    assert run(row, 7, scale=0.0) == run(row, 7, scale=0.0)
