"""
The items of a view as columns: short, and quickly read and written. Pure.

    {"id": ["CVE-…", …], "severity": "44…", "flags": "10…", "routes": [["all"]], …}

`severity` and `flags` have a character for each item. Columns are left out where they hold nothing.
"""

from collections.abc import Mapping, Sequence
from itertools import repeat
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Final

from lib.models import Severity
from lib.models.views import Condition, ReportedItem

Json = Any
_SEVERITIES: Final = MappingProxyType({str(level.value): level for level in Severity})
_FLAGS: Final = MappingProxyType(
    {"0": (False, False), "1": (True, False), "2": (False, True), "3": (True, True)}
)
"""Whether an item is exploitable, and whether it is fixable."""
_MARKS: Final = MappingProxyType({flags: mark for mark, flags in _FLAGS.items()})


def reported_to_json(reported: Mapping[str, ReportedItem]) -> Json:
    """Return items as columns, in the order of their keys: the same for the same items."""
    keys = sorted(reported)
    items = [reported[key] for key in keys]
    own = {} if keys == [item.id for item in items] else {"key": keys}
    return {**items_to_json(items), **own}


def items_to_json(items: Sequence[ReportedItem]) -> Json:
    """Return items as columns, in their order."""
    ids = [item.id for item in items]
    routes = list(map(attrgetter("routes"), items))
    distinct = sorted(set(routes))
    columns = {
        "id": ids,
        "severity": "".join([str(item.severity.value) for item in items]),
        "flags": "".join([_MARKS[item.exploitable, item.fixable] for item in items]),
        "routes": list(map(list, distinct)),
        "route": _places(routes, distinct),
        "own_name": "".join(["01"[item.names == (item.id,)] for item in items]),
        "names": [list(item.names) for item in items if item.names != (item.id,)],
        "conditions": {
            item.id: item.condition.value for item in items if item.condition is not None
        },
    }
    return {name: column for name, column in columns.items() if column}


def _places(routes: Sequence[tuple[str, ...]], distinct: Sequence[tuple[str, ...]]) -> Json:
    """Return the place of each item's routes among all; None where all have the same."""
    if len(distinct) <= 1:
        return None
    places = {names: place for place, names in enumerate(distinct)}
    return [places[names] for names in routes]


def reported_from_json(columns: Json) -> Mapping[str, ReportedItem]:
    """Return the items of columns from `reported_to_json`."""
    keys = columns.get("key", columns.get("id", ()))
    return MappingProxyType(dict(zip(keys, items_from_json(columns), strict=True)))


def items_from_json(columns: Json) -> list[ReportedItem]:
    """Return the items of columns from `items_to_json`."""
    ids = columns.get("id", ())
    distinct = [tuple(names) for names in columns.get("routes", ())]
    conditions = {name: Condition(value) for name, value in columns.get("conditions", {}).items()}
    names = iter(columns.get("names", ()))
    flags = [_FLAGS[mark] for mark in columns.get("flags", "")]
    items = map(
        ReportedItem,
        ids,
        [_SEVERITIES[mark] for mark in columns.get("severity", "")],
        [exploitable for exploitable, _ in flags],
        [fixable for _, fixable in flags],
        [
            (id_,) if own == "1" else tuple(next(names))
            for id_, own in zip(ids, columns.get("own_name", ""), strict=True)
        ],
        [distinct[place] for place in columns.get("route", repeat(0, len(ids)))],
        map(conditions.get, ids),
    )
    return list(items)
