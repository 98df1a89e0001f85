"""
Documents in rows, each with its hash: written on condition of what was read.

A row holds one piece of frozen data as JSON. Whoever writes it names the hash of what was read, so
that two writers never overwrite each other. Attributes beside the document serve indexes and
retention.
"""

import gzip
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from lib.store.items import Item, to_item
from lib.store.typed import from_json, to_json

_Data = TypeVar("_Data")
_LEVEL: Final = 1
_INLINE: Final = 4096
"""Bytes of a document that are kept as text; longer ones are compressed."""
DOCUMENT: Final = "document"
HASH: Final = "hash"


def text_of(data: Any) -> str:
    """Return frozen data as compact JSON: the same text for the same data."""
    return json.dumps(to_json(data), separators=(",", ":"), sort_keys=True)


def hash_of(data: Any) -> str:
    """Return the hash by which a writer names what was read."""
    return _hash(text_of(data))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def attributes(data: Any) -> dict[str, Any]:
    """Return the attributes of a row that hold its data."""
    text = text_of(data)
    body: str | bytes = text
    if len(text) > _INLINE:
        body = gzip.compress(text.encode(), _LEVEL, mtime=0)
    return {DOCUMENT: body, HASH: _hash(text)}


def data_of(model: type[_Data], row: Mapping[str, Any]) -> _Data:
    """Return the data of a row."""
    body = row[DOCUMENT]
    text = body if isinstance(body, str) else gzip.decompress(bytes(body)).decode()
    return from_json(model, json.loads(text))


@dataclass(frozen=True, slots=True)
class Condition:
    """The condition that a row is as it was read."""

    expression: str
    values: Mapping[str, Any]

    def as_request(self) -> dict[str, Any]:
        """Return the condition as arguments of a write."""
        request: dict[str, Any] = {"ConditionExpression": self.expression}
        if self.values:
            request["ExpressionAttributeNames"] = {"#hash": HASH}
            request["ExpressionAttributeValues"] = to_item(self.values)
        return request


def unchanged(before: Any | None) -> Condition:
    """Return the condition that a row still holds `before`; None: that there is no row."""
    if before is None:
        return Condition("attribute_not_exists(pk)", {})
    return Condition("#hash = :before", {":before": hash_of(before)})


def put(table: str, row: Mapping[str, Any], before: Any | None) -> dict[str, Any]:
    """Return the action of a transaction that writes a whole row."""
    item: Item = to_item(row)
    return {"Put": {"TableName": table, "Item": item, **unchanged(before).as_request()}}


def update(
    table: str,
    key: Mapping[str, str],
    changes: Mapping[str, Any],
    before: Any,
    *,
    remove: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Return the action of a transaction that changes some attributes of a row."""
    condition = unchanged(before)
    names = {f"#{name}": name for name in (*changes, *remove, HASH)}
    values = {f":{name}": value for name, value in changes.items()} | dict(condition.values)
    expression = "SET " + ", ".join(f"#{name} = :{name}" for name in changes)
    if remove:
        expression += " REMOVE " + ", ".join(f"#{name}" for name in remove)
    return {
        "Update": {
            "TableName": table,
            "Key": to_item(key),
            "UpdateExpression": expression,
            "ConditionExpression": condition.expression,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": to_item(values),
        }
    }
