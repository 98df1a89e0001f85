"""The rows of the matrix, in the order of their numbers."""

import re

from tests.faults.matrix import Row
from tests.faults.rows import content, crashes, jira, queues, receivers


def _order(row: Row) -> tuple[int, int, str]:
    number, point, letter = re.fullmatch(r"(\d+)(?:\.(\d+))?(\w?)", row.number).groups()
    return int(number), int(point or 0), letter


ROWS: tuple[Row, ...] = tuple(
    sorted((*content.ROWS, *crashes.ROWS, *jira.ROWS, *queues.ROWS, *receivers.ROWS), key=_order)
)
