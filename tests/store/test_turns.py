"""Turns of rows: many are postponed in few calls, and nobody else's turn is overwritten."""

from collections import Counter
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lib.errors import StoreError
from lib.flows.waking import wake_due
from lib.store.items import to_item, to_time
from lib.store.notifications import SHARDS, DynamoNotificationStore
from lib.store.queues import SqsWaker
from lib.store.streams import DynamoStreamStore
from lib.store.turns import Turn, postpone
from tests.support.builders import NOW

LATER = NOW + timedelta(minutes=5)


class Table:
    """An index of rows that are due, of which somebody changes some between reading and writing."""

    def __init__(self, rows: int = 0, *, changed: tuple[str, ...] = ()) -> None:
        self.calls: Counter[str] = Counter()
        self.turns = {f"NOTIFICATION#{number:032x}": to_time(NOW) for number in range(rows)}
        self._changed = changed

    def query(self, **request: Any) -> Any:
        self.calls["Query"] += 1
        shard = request["ExpressionAttributeValues"][":shard"]["S"]
        if not shard.startswith("N"):
            return {"Items": []}
        items = [
            to_item(
                {"pk": pk, "sk": "NOTIFICATION", "destination": f"team-{number % 7}",
                 "attempts": 0, "wake_at": at}
            )
            for number, (pk, at) in enumerate(self.turns.items())
            if number % SHARDS["N"] == int(shard[1:])
        ]  # fmt: skip
        return {"Items": items}

    def _set(self, update: Any) -> None:
        pk, values = update["Key"]["pk"]["S"], update["ExpressionAttributeValues"]
        if pk in self._changed or self.turns[pk] != values[":turn"]["S"]:
            raise ClientError({"Error": {"Code": "ConditionalCheckFailedException"}}, "UpdateItem")
        self.turns[pk] = values[":again"]["S"]

    def update_item(self, **update: Any) -> None:
        self.calls["UpdateItem"] += 1
        self._set(update)

    def transact_write_items(self, *, TransactItems: Any) -> None:  # noqa: N803  # boto3's name
        self.calls["TransactWriteItems"] += 1
        assert len(TransactItems) <= 100
        before = dict(self.turns)
        try:
            for action in TransactItems:
                self._set(action["Update"])
        except ClientError as error:
            self.turns = before
            reasons = [{"Code": "ConditionalCheckFailed"}]
            refused: Any = {"Error": {"Code": "TransactionCanceledException"},
                            "CancellationReasons": reasons}  # fmt: skip
            raise ClientError(refused, "TransactWriteItems") from error


class Queue:
    """SQS that takes everything."""

    def __init__(self, calls: Counter[str]) -> None:
        self._calls = calls

    def send_message_batch(self, **_: Any) -> Any:
        self._calls["SendMessageBatch"] += 1
        return {"Successful": [], "Failed": []}


def test_a_sweep_of_a_thousand_rows_makes_at_most_120_calls() -> None:
    """All reads of a sweep are counted: streams, rows that gather, rows that are due, the rules."""
    client: Any = Table(1_000)
    rows = DynamoNotificationStore(client, "table")
    queue: Any = Queue(client.calls)
    waker = SqsWaker(queue, deliveries="deliveries", scan_events=None)

    assert DynamoStreamStore(client, "table").take_due(now=NOW) == ()
    assert rows.gathering() == []
    woken = wake_due(rows, waker, now=NOW, has_pace=lambda _: False)

    the_rules = 1
    assert woken == 1_000
    assert client.calls["SendMessageBatch"] == 100
    assert client.calls["TransactWriteItems"] == 10
    assert sum(client.calls.values()) + the_rules <= 120
    assert min(client.turns.values()) > to_time(NOW)


def test_one_row_that_was_taken_meanwhile_costs_a_call_for_each_of_its_hundred() -> None:
    """Its own turn stays; the others are postponed."""
    taken = f"NOTIFICATION#{5:032x}"
    client: Any = Table(250, changed=(taken,))
    turns = [Turn({"pk": pk, "sk": "NOTIFICATION"}, at, LATER) for pk, at in client.turns.items()]

    postponed = list(postpone(client, "table", turns))

    assert [turn for turn in turns if turn not in postponed] == [turns[5]]
    assert client.calls == Counter(TransactWriteItems=3, UpdateItem=100)
    assert client.turns[taken] == to_time(NOW)
    assert set(client.turns.values()) == {to_time(NOW), to_time(LATER)}


def test_a_table_that_refuses_is_an_error() -> None:
    """Nothing is tried row by row."""

    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "ThrottlingException"}}, "TransactWriteItems")

    client: Any = SimpleNamespace(transact_write_items=refuse)

    with pytest.raises(StoreError, match="ThrottlingException"):
        list(postpone(client, "table", [Turn({"pk": "1", "sk": "x"}, to_time(NOW), LATER)]))
