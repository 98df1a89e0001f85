"""
The fields of a dataclass as JSON: a new field is written and read by its type. Pure.

Everything that depends on the fields is computed once per dataclass, so that a value costs no more
than in code written by hand.
"""

import dataclasses
from collections.abc import Callable, Mapping
from datetime import datetime
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Final, Generic, NamedTuple, TypeVar

from lib.models import Counts, ScanSource, Severity
from lib.wire.values import (
    NAMES,
    SEVERITIES,
    counts_from_json,
    counts_to_json,
    time_from_json,
    time_to_json,
)

_Model = TypeVar("_Model")
_Convert = Callable[[Any], Any]


class Codec(NamedTuple):
    """How values of one type are written and read; None: as they are."""

    to_json: _Convert | None = None
    from_json: _Convert | None = None


class Field(NamedTuple):
    """One field of a dataclass."""

    name: str
    codec: Codec
    default: Any = dataclasses.MISSING
    """The value where a document does not have the field; MISSING: a document must have it."""


def optional(codec: Codec) -> Codec:
    """Return the codec for the same values or None."""
    return Codec(_unless_none(codec.to_json), _unless_none(codec.from_json))


def _unless_none(convert: _Convert | None) -> _Convert | None:
    if convert is None:
        return None
    return lambda value: None if value is None else convert(value)


_PLAIN: Final = Codec()
_COUNTS: Final = Codec(counts_to_json, counts_from_json)
CODECS: Final[Mapping[Any, Codec]] = MappingProxyType(
    {
        bool: _PLAIN,
        float: _PLAIN,
        float | None: _PLAIN,
        int: _PLAIN,
        int | None: _PLAIN,
        str: _PLAIN,
        str | None: _PLAIN,
        tuple[str, ...]: Codec(list, tuple),
        Mapping[str, str]: Codec(dict, MappingProxyType),
        datetime | None: Codec(time_to_json, time_from_json),
        Severity: Codec(NAMES.__getitem__, SEVERITIES.__getitem__),
        ScanSource: Codec(str, ScanSource),
        Counts: _COUNTS,
        Counts | None: optional(_COUNTS),
    }
)


def fields_of(
    model: type,
    codecs: Mapping[Any, Codec] = CODECS,
    *,
    left_out: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Field, ...]:
    """
    Return the fields of a dataclass in the order of its arguments.

    `left_out` has the names that no document has, with the reason. Raises `TypeError` for a field
    of a type that has no codec.
    """
    return tuple(
        [
            Field(field.name, _codec(model, field, codecs), _default(field))
            for field in dataclasses.fields(model)
            if field.name not in left_out
        ]
    )


def _codec(model: type, field: "dataclasses.Field[Any]", codecs: Mapping[Any, Codec]) -> Codec:
    if field.type not in codecs:
        raise TypeError(
            f"{model.__name__}.{field.name} is of a type that no JSON is known for, {field.type}: "
            "give it a codec in lib/wire/fields.py"
        )
    return codecs[field.type]


def _default(field: "dataclasses.Field[Any]") -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


_WRITTEN: Final = object()
"""In the place of a default: the field is written, whatever its value is."""


class Mapper(Generic[_Model]):
    """Writes and reads the objects of one dataclass."""

    def __init__(
        self,
        model: Callable[..., _Model],
        fields: tuple[Field, ...],
        *,
        rare: tuple[str, ...] = (),
    ) -> None:
        """Fields in `rare` are not written where they have their default: documents stay small."""
        self._model = model
        self._names = tuple([field.name for field in fields])
        self._values = attrgetter(*self._names)
        self._writers = tuple(
            [(field.name, field.codec.to_json) for field in fields if field.codec.to_json]
        )
        self._readers = tuple(
            [(field.name, field.codec.from_json, field.default) for field in fields]
        )
        self._left_out = tuple(
            [field.default if field.name in rare else _WRITTEN for field in fields]
        )

    def to_json(self, model: _Model) -> dict[str, Any]:
        """Return an object as JSON, its fields in their order."""
        document = {
            name: value
            for name, value, default in zip(
                self._names, self._values(model), self._left_out, strict=True
            )
            if value is not default and value != default
        }
        for name, write in self._writers:
            value = document.get(name)
            if value is not None:
                document[name] = write(value)
        return document

    def from_json(self, document: Mapping[str, Any]) -> _Model:
        """Return the object of a document from `to_json`. Raises `KeyError` for a missing field."""
        values = []
        for name, read, default in self._readers:
            if name in document:
                value = document[name]
                values.append(value if read is None else read(value))
            elif default is dataclasses.MISSING:
                raise KeyError(name)
            else:
                values.append(default)
        return self._model(*values)
