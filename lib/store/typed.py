"""
Frozen data as JSON by the types of their fields: for documents that only this code reads. Pure.

Published formats are written field by field (`lib.wire.report`). What is kept between two
invocations follows its dataclass, so that a new field needs no line here.
"""

import dataclasses
import types
import typing
from collections.abc import Callable, Hashable, Mapping
from datetime import date, datetime
from enum import Enum, IntEnum
from functools import cache
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Final, NamedTuple, NewType, TypeVar

from lib.models import Finding
from lib.models.streams import Lifecycle, VulnerabilityId
from lib.models.views import ReportedItem
from lib.store.columns import Columns, columns_to_json, findings_from_json
from lib.store.reported import reported_from_json, reported_to_json

_Data = TypeVar("_Data")
_Convert = Callable[[Any], Any]
_PLAIN: Final = (str, int, float, bool)


class Converter(NamedTuple):
    """The way to write and read values of one type."""

    write: _Convert
    read: _Convert


def _lifecycles_to_json(lifecycles: Mapping[VulnerabilityId, Lifecycle]) -> Any:
    """Return lifecycles, of which most are equal: each one once, in the order of the ids."""
    ids = sorted(lifecycles)
    same = {id(lifecycles[name]): lifecycles[name] for name in ids}
    places = {one: place for place, one in enumerate(dict.fromkeys(same.values()))}
    place_of = {identity: places[one] for identity, one in same.items()}
    return {
        "distinct": list(map(converter(Lifecycle).write, places)),
        "ids": ids,
        "places": [place_of[id(lifecycles[name])] for name in ids],
    }


def _lifecycles_from_json(document: Any) -> Mapping[VulnerabilityId, Lifecycle]:
    """Return lifecycles; in older objects each one is under its id."""
    read = converter(Lifecycle).read
    if not isinstance(document.get("distinct"), list):
        return MappingProxyType({name: read(one) for name, one in document.items()})
    distinct = list(map(read, document["distinct"]))
    lifecycles = [distinct[place] for place in document["places"]]
    return MappingProxyType(dict(zip(document["ids"], lifecycles, strict=True)))


COLUMNS: Final = MappingProxyType[Any, Converter](
    {
        Mapping[VulnerabilityId, Lifecycle]: Converter(_lifecycles_to_json, _lifecycles_from_json),
        tuple[Finding, ...]: Converter(columns_to_json, findings_from_json),
        Mapping[str, ReportedItem]: Converter(reported_to_json, reported_from_json),
        Columns: Converter(dict, dict),
    }
)
"""Of what is many and alike."""


def to_json(value: Any) -> Any:
    """Return frozen data as JSON. Fields that have their default are left out."""
    return converter(type(value)).write(value)


def from_json(model: type[_Data], document: Any) -> _Data:
    """Return the data of a document from `to_json`. Raises `KeyError` for a missing field."""
    data: _Data = converter(model).read(document)
    return data


def converter(kind: Any) -> Converter:
    """Return the converter of a type. Raises `TypeError` for a type that no JSON is known for."""
    return _converter(kind)


@cache
def _converter(kind: Hashable) -> Converter:
    while isinstance(kind, NewType):
        kind = kind.__supertype__
    if kind in COLUMNS:
        return COLUMNS[kind]
    if kind in _PLAIN:
        return Converter(_same, _same)
    return _class(kind) if isinstance(kind, type) else _generic(kind)


def _class(kind: type) -> Converter:
    if issubclass(kind, datetime | date):
        return Converter(kind.isoformat, kind.fromisoformat)
    if issubclass(kind, Enum):
        return _enum(kind)
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind)
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        return _named_tuple(kind)
    return _generic(kind)


def _same(value: Any) -> Any:
    return value


def _enum(kind: type[Enum]) -> Converter:
    if issubclass(kind, IntEnum):
        return Converter(attrgetter("_name_"), kind.__getitem__)
    # The public `name` and `value` are computed each time.
    return Converter(attrgetter("_value_"), kind)


def _generic(kind: Any) -> Converter:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        return _union([argument for argument in arguments if argument is not types.NoneType])
    if origin is tuple and arguments[1:] == (Ellipsis,):
        item = converter(arguments[0])
        return Converter(
            lambda values: [item.write(value) for value in values],
            lambda values: tuple([item.read(value) for value in values]),
        )
    if origin is frozenset and arguments == (str,):
        return Converter(sorted, frozenset)
    if origin is Mapping:
        key, item = map(converter, arguments)
        return Converter(
            lambda values: {key.write(name): item.write(value) for name, value in values.items()},
            lambda values: MappingProxyType(
                {key.read(name): item.read(value) for name, value in values.items()}
            ),
        )
    raise TypeError(f"no JSON is known for {kind}")


def _union(kinds: list[Any]) -> Converter:
    """Return the converter of an optional value, or of one of several dataclasses."""
    if len(kinds) == 1:
        item = converter(kinds[0])
        return Converter(
            lambda value: None if value is None else item.write(value),
            lambda value: None if value is None else item.read(value),
        )
    by_name = {kind.__name__: kind for kind in kinds}
    return Converter(
        lambda value: [type(value).__name__, converter(type(value)).write(value)],
        lambda document: converter(by_name[document[0]]).read(document[1]),
    )


def _named_tuple(kind: Any) -> Converter:
    items = [converter(hint) for hint in typing.get_type_hints(kind).values()]
    return Converter(
        lambda values: [item.write(value) for item, value in zip(items, values, strict=True)],
        lambda values: kind(*[item.read(value) for item, value in zip(items, values, strict=True)]),
    )


def _dataclass(kind: type) -> Converter:
    hints = typing.get_type_hints(kind)
    fields = [
        (field.name, converter(hints[field.name]), default_of(field))
        for field in dataclasses.fields(kind)
    ]

    writers = [
        (name, None if item.write is _same else item.write, default)
        for name, item, default in fields
    ]
    contents = _contents([name for name, *_ in fields])

    def write(value: Any) -> dict[str, Any]:
        document = {}
        for (name, convert, default), content in zip(writers, contents(value), strict=True):
            if content is not default and content != default:
                document[name] = content if convert is None else convert(content)
        return document

    def read(document: Mapping[str, Any]) -> Any:
        values = []
        for name, item, default in fields:
            if name in document:
                values.append(item.read(document[name]))
            elif default is dataclasses.MISSING:
                raise KeyError(name)
            else:
                values.append(default)
        return kind(*values)

    return Converter(write, read)


def _contents(names: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    """Return the reader of some attributes, at once: a tuple, also of one or of none."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda value: tuple([getattr(value, name) for name in names])


def default_of(field: "dataclasses.Field[Any]") -> Any:
    """Return the value with which a field is left out."""
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default
