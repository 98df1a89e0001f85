"""
Request units of DynamoDB, as they are billed on demand.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

KILOBYTE: Final = 1024
READ_UNIT: Final = 4 * KILOBYTE
_READS: Final = ("GetItem", "Query", "BatchGetItem")
INDEXES: Final = (
    ("due_shard", "wake_at", "destination", "attempts"),
    ("listing", "pk", "watched"),
)
"""Of each index its keys, then what it repeats; a row without the first two is not in it."""

Item = Mapping[str, Any]


class Meter:
    """
    Adds up the units of a client's requests.

    Sizes of items are read from the table before and after each write, by another client.
    """

    def __init__(self, plain: Any, table: str) -> None:
        self.units: Counter[str] = Counter()
        """Units that are read and written."""
        self._plain = plain
        self._table = table
        self._written: list[tuple[Item, Item | None]] = []

    def read(self, client: Any) -> None:
        """Add up the requests of a client from now on."""
        client.meta.events.register("provide-client-params.dynamodb", self._before_call)
        client.meta.events.register("after-call.dynamodb", self._after_call)

    def _before_call(self, params: Mapping[str, Any], **_: Any) -> None:
        """Read the items that a request will write."""
        writes = [part for action in params.get("TransactItems", ()) for part in action.values()]
        keys = [_key(write) for write in writes or (params,) if "Key" in write or "Item" in write]
        self._written = [(key, self._read(key)) for key in keys]

    def _after_call(self, *, parsed: Mapping[str, Any], model: Any, **_: Any) -> None:
        if model.name in _READS:
            self.units["read"] += read_units(parsed)
            return
        times = 2 if model.name == "TransactWriteItems" else 1
        for key, before in self._written:
            after = self._read(key)
            largest = max(size(before), size(after))
            self.units["written"] += times * math.ceil(largest / KILOBYTE)
            self.units["written"] += sum(_index_writes(before, after))

    def _read(self, key: Item) -> Item | None:
        answer = self._plain.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        item: Item | None = answer.get("Item")
        return item


def read_units(answer: Mapping[str, Any]) -> int:
    """Return the units of a consistent read: a query as a whole, of other reads each item."""
    if "Items" in answer:
        return _units(sum(map(size, answer["Items"])))
    batches: Iterable[list[Item]] = answer.get("Responses", {}).values()
    items = [item for batch in batches for item in batch]
    return sum(_units(size(item)) for item in items or [answer.get("Item")])


def _units(read: int) -> int:
    return math.ceil(max(1, read) / READ_UNIT)


def _key(write: Mapping[str, Any]) -> Item:
    item = write.get("Key") or write["Item"]
    return {"pk": item["pk"], "sk": item["sk"]}


def _index_writes(before: Item | None, after: Item | None) -> Iterator[int]:
    """Yield the writes to each index, whose entries are below a kilobyte."""
    for names in INDEXES:
        old, new = (_entry(item, names) for item in (before, after))
        if old != new:
            moved = old is not None and new is not None and old[:2] != new[:2]
            yield 2 if moved else 1


def _entry(item: Item | None, names: tuple[str, ...]) -> tuple[str, ...] | None:
    if not item or names[0] not in item or names[1] not in item:
        return None
    return tuple(str(item.get(name)) for name in names)


def size(item: Item | None) -> int:
    """Return the size of an item in bytes, as DynamoDB counts it."""
    return sum(len(name.encode()) + _value_size(value) for name, value in (item or {}).items())


def _value_size(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            return math.ceil(len(content.strip("-.")) / 2) + 1
        case "L":
            return 3 + sum(1 + _value_size(element) for element in content)
        case "M":
            return 3 + size(content) + len(content)
        case _:
            return 1
