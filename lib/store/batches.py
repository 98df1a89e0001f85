"""Batches of rows by their keys, a hundred a call."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from lib.errors import StoreError
from lib.store.items import from_item, store_errors, to_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_MAX_KEYS: Final = 100
"""https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html"""
_FRUITLESS: Final = 5
"""Throttled calls in a row without any row. An answer may also end early, at 16 MB."""


def read_batch(
    client: "DynamoDBClient", table: str, keys: Iterable[Mapping[str, str]]
) -> Iterator[Mapping[str, Any]]:
    """Yield the rows that are there, read consistently, in any order. Raises `StoreError`."""
    remaining: list[Any] = list(map(to_item, keys))
    fruitless = 0
    while remaining:
        asked: Any = {table: {"Keys": remaining[:_MAX_KEYS], "ConsistentRead": True}}
        with store_errors("reading rows"):
            answer = client.batch_get_item(RequestItems=asked)
        yield from map(from_item, answer["Responses"].get(table, ()))
        left = answer.get("UnprocessedKeys", {}).get(table)
        missed = left["Keys"] if left else []
        fruitless = fruitless + 1 if len(missed) == len(asked[table]["Keys"]) else 0
        if fruitless == _FRUITLESS:
            raise StoreError(f"reading rows: {len(missed)} keys stay unprocessed")
        remaining = [*missed, *remaining[_MAX_KEYS:]]
