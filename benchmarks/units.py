"""
Request units of DynamoDB, as they are billed on demand.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
"""

import math
from collections.abc import Mapping
from typing import Any, Final

KILOBYTE: Final = 1024
READ_UNIT: Final = 4 * KILOBYTE

Item = Mapping[str, Any]


def read_units(answer: Mapping[str, Any]) -> int:
    """Return the units of a consistent read: a query as a whole, of other reads each item."""
    if "Items" in answer:
        return _units(sum(map(size, answer["Items"])))
    batches = answer.get("Responses", {}).values()
    items = [item for batch in batches for item in batch]
    return sum(_units(size(item)) for item in items or [answer.get("Item")])


def _units(read: int) -> int:
    return math.ceil(max(1, read) / READ_UNIT)


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
