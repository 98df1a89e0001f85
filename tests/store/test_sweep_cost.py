"""What a sweep reads behind thousands of rows of one destination, in calls of DynamoDB."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from lib.store.items import from_item, to_item
from lib.store.ledger import SHARDS, DynamoLedger
from tests.support.builders import NOW

PAGE = 5_000
"""Rows of the index in 1 MB, the most that DynamoDB reads in a call."""
LIMIT = 2_500


class Index:
    """The index `due`: in the order of time, by the page, filtered after reading."""

    def __init__(self, rows: list[str]) -> None:
        self.rows = rows
        self.calls: Counter[str] = Counter()

    def query(self, **request: Any) -> Mapping[str, Any]:
        values = from_item(request["ExpressionAttributeValues"])
        self.calls[values[":shard"]] += 1
        start = int(request.get("ExclusiveStartKey", {"place": 0})["place"])
        end = start + min(request.get("Limit", PAGE), PAGE)
        dropped = {value for name, value in values.items() if name.startswith(":d")}
        items = [
            to_item(
                {
                    "pk": f"DELIVERY#{values[':shard']}-{place}",
                    "destination": name,
                    "attempts": 0,
                    "wake_at": "2026",
                }
            )
            for place, name in enumerate(self.rows[start:end], start)
            if name not in dropped
        ]
        more = {"LastEvaluatedKey": {"place": end}} if end < len(self.rows) else {}
        return {"Items": items, **more}


@pytest.mark.parametrize("rows", [0, 10, 2_500, 2_501, 10_000, 100_000])
def test_a_sweep_reads_past_any_number_of_rows(rows: int) -> None:
    """One call for each 5,000 rows, and no row of the first that is not among the oldest."""
    index = Index(["team-slack"] * rows + ["team-jira"])

    due = list(DynamoLedger(index, "table").due(now=NOW, limit=LIMIT))  # type: ignore[arg-type]

    seen = Counter(wake_up.destination for wake_up in due)
    assert seen["team-jira"] == SHARDS  # type: ignore[index]
    assert seen["team-slack"] == SHARDS * min(rows, LIMIT)  # type: ignore[index]
    assert max(index.calls.values()) <= 2 + rows // PAGE


@pytest.mark.untraced
@pytest.mark.slow
def test_many_destinations_with_many_rows_are_all_seen() -> None:
    """More than a filter can name: the largest are dropped, the others are seen again and again."""
    names = [f"team-{number}" for number in range(150)]
    index = Index([name for name in names for _ in range(400)] + ["last"])

    due = list(DynamoLedger(index, "table").due(now=NOW, limit=100))  # type: ignore[arg-type]

    assert {wake_up.destination for wake_up in due} == {*names, "last"}
    assert max(Counter(wake_up.destination for wake_up in due).values()) <= 100 * SHARDS
    assert max(index.calls.values()) <= len(names) + len(index.rows) // PAGE + 1
