"""Turns of rows in the index `due`: what was taken steps back behind the others."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from lib.errors import ConflictError
from lib.store.items import store_errors, to_item, to_time

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_MAX_ACTIONS: Final = 100
"""https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html"""


class Turn(NamedTuple):
    """A row in the index, and when it is due again."""

    key: Mapping[str, str]
    at: str
    """The time at which it stands there. Whoever changed it meanwhile has set another one."""
    again_at: datetime


def postpone(client: "DynamoDBClient", table: str, turns: Sequence[Turn]) -> Iterator[Turn]:
    """
    Give rows their next turn, a hundred a call; yield those that still stood at theirs.

    Where one of a hundred was changed meanwhile they are written row by row. Raises `StoreError`.
    """
    for start in range(0, len(turns), _MAX_ACTIONS):
        chunk = turns[start : start + _MAX_ACTIONS]
        actions: list[Any] = [{"Update": _update(table, turn)} for turn in chunk]
        try:
            with store_errors("postponing rows"):
                client.transact_write_items(TransactItems=actions)
            yield from chunk
        except ConflictError:
            yield from _one_by_one(client, table, chunk)


def _one_by_one(client: "DynamoDBClient", table: str, turns: Sequence[Turn]) -> Iterator[Turn]:
    for turn in turns:
        try:
            with store_errors(f"postponing {turn.key['pk']}"):
                client.update_item(**_update(table, turn))
            yield turn
        except ConflictError:
            continue


def _update(table: str, turn: Turn) -> dict[str, Any]:
    return {
        "TableName": table,
        "Key": to_item(turn.key),
        "UpdateExpression": "SET wake_at = :again",
        "ConditionExpression": "wake_at = :turn",
        "ExpressionAttributeValues": to_item({":again": to_time(turn.again_at), ":turn": turn.at}),
    }
