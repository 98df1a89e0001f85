"""
The JSON text of frozen data in parts, for objects of thousands of findings. Pure.

The text is that of `lib.store.rows.text_of`. The tree of lists and dictionaries of a whole object,
its text and its bytes take ten times the memory of the data; here one part is there at a time.
"""

import dataclasses
import json
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, Final, NewType

from lib.core.vulnerabilities import SameList
from lib.models import Finding
from lib.store.columns import columns_to_json
from lib.store.typed import COLUMNS, converter, default_of

_BATCH: Final = 500
"""Entries of a list or a mapping that are written at a time."""
_FEW: Final = 20
"""Entries of a list that are written one by one: each image of a state can have all findings."""
_SHARED: Final = 5_000
"""Rows whose text is kept for the object that is written next; that of more takes megabytes."""


def parts_of(data: Any) -> Iterator[str]:
    """Yield the parts of the text of frozen data."""
    return _parts(type(data), data)


def _parts(kind: Any, value: Any) -> Iterator[str]:
    kind = _plain(kind) if value is not None else kind
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if value is None:
        yield "null"
    elif kind == tuple[Finding, ...] and _FEW < len(value) <= _SHARED:
        yield from _text_of_rows(SameList(value))
    elif kind in COLUMNS:
        yield from _columns(converter(kind).write(value))
    elif isinstance(kind, type) and dataclasses.is_dataclass(kind):
        yield from _object(kind, value)
    elif origin is tuple and arguments[1:] == (Ellipsis,):
        yield from _list(arguments[0], value)
    elif origin is Mapping:
        yield from _mapping(kind, value)
    else:
        yield _text(converter(kind).write(value))


@lru_cache(maxsize=1)
def _text_of_rows(rows: SameList) -> tuple[str, ...]:
    """Return the columns of a report's rows: the state that is written next has the same ones."""
    return tuple(_columns(columns_to_json(rows.rows)))


def _columns(columns: dict[str, Any]) -> Iterator[str]:
    """Yield the text of each column, which is freed then: descriptions are a half of all."""
    mark = "{"
    for name in sorted(columns):
        yield f"{mark}{_text(name)}:"
        column = columns.pop(name)
        yield from _batches(column) if isinstance(column, list) else (_text(column),)
        mark = ","
    yield "{}" if mark == "{" else "}"


def _batches(values: Sequence[Any], write: Callable[[Any], Any] | None = None) -> Iterator[str]:
    """Yield the text of a list, some values at a time."""
    yield "["
    for start in range(0, len(values), _BATCH):
        batch = values[start : start + _BATCH]
        written = batch if write is None else list(map(write, batch))
        yield f"{',' if start else ''}{_text(written)[1:-1]}"
    yield "]"


def _text(document: Any) -> str:
    return json.dumps(document, separators=(",", ":"), sort_keys=True)


@cache
def _plain(kind: Any) -> Any:
    """Return a type without its name of ours, and without "or None"."""
    while isinstance(kind, NewType):
        kind = kind.__supertype__
    if typing.get_origin(kind) in (types.UnionType, typing.Union):
        kinds = [one for one in typing.get_args(kind) if one is not types.NoneType]
        return _plain(kinds[0]) if len(kinds) == 1 else kind
    return kind


@cache
def _fields(kind: type) -> Sequence[tuple[str, Any, Any]]:
    """Return the fields of a class with their types and defaults, in the order of the text."""
    hints = typing.get_type_hints(kind)
    listed = sorted(dataclasses.fields(kind), key=lambda field: field.name)
    return [(field.name, hints[field.name], default_of(field)) for field in listed]


def _object(kind: type, value: Any) -> Iterator[str]:
    mark = "{"
    for name, hint, default in _fields(kind):
        content = getattr(value, name)
        if content != default:
            yield f'{mark}"{name}":'
            yield from _parts(hint, content)
            mark = ","
    yield "{}" if mark == "{" else "}"


def _list(kind: Any, values: Sequence[Any]) -> Iterator[str]:
    if len(values) <= _FEW:
        for number, value in enumerate(values):
            yield "," if number else "["
            yield from _parts(kind, value)
        yield "]" if values else "[]"
        return
    yield from _batches(values, converter(kind).write)


def _mapping(kind: Any, values: Mapping[Any, Any]) -> Iterator[str]:
    names, items = map(converter, typing.get_args(kind))
    entries = sorted([(names.write(name), name) for name in values])
    yield "{"
    for start in range(0, len(entries), _BATCH):
        batch = {
            written: items.write(values[name]) for written, name in entries[start : start + _BATCH]
        }
        yield f"{',' if start else ''}{_text(batch)[1:-1]}"
    yield "}"
