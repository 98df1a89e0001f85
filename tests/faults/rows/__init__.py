"""The rows of the matrix, in the order of their numbers."""

import re
from contextlib import redirect_stdout

from tests.faults.matrix import Result, Row, run
from tests.faults.rows import answers, content, crashes, jira, memory, queues, receivers, views


def _order(row: Row) -> tuple[int, int, str]:
    number, point, letter = re.fullmatch(r"(\d+)(?:\.(\d+))?(\w?)", row.number).groups()
    return int(number), int(point or 0), letter


ROWS: tuple[Row, ...] = tuple(
    sorted(
        (
            *answers.ROWS,
            *content.ROWS,
            *crashes.ROWS,
            *jira.ROWS,
            *memory.ROWS,
            *queues.ROWS,
            *receivers.ROWS,
            *views.ROWS,
        ),
        key=_order,
    )
)


def play(job: tuple[int, int, float]) -> Result:
    """
    Play the row of this index with a seed and a scale: rows do not travel between processes.

    The metrics that handlers print are dropped.
    """
    index, seed, scale = job
    with redirect_stdout(None):
        return run(ROWS[index], seed, scale, beside_quiet=True)
