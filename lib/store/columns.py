"""
Findings as columns: for each field, its values for all findings.

A third of the cost of one object for each finding.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass
from itertools import repeat
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Final

from lib.models import Finding, Package, Score
from lib.wire.fields import CODECS, Codec, Field, fields_of

Columns = Mapping[str, Sequence[Any]]


@dataclass(frozen=True, slots=True)
class _Column:
    """One field of all findings. It is not written when every finding has the default value."""

    name: str
    """The path of the field in a finding: "package.path"."""
    default: Any = None
    codec: Codec = Codec()  # noqa: RUF009  # frozen


def _columns(fields: Iterable[Field], prefix: str = "") -> tuple[_Column, ...]:
    return tuple(
        [
            _Column(
                prefix + field.name,
                None if field.default is MISSING else field.default,
                field.codec,
            )
            for field in fields
        ]
    )


_SCORE: Final = attrgetter(*[field.name for field in fields_of(Score)])


def _score_to_json(score: Score | None) -> list[Any] | None:
    return None if score is None else [*_SCORE(score)]


def _score_from_json(values: Sequence[Any] | None) -> Score | None:
    return None if values is None else Score(*values)


# In the order of the arguments of `Package` and `Finding`, whose fields they are.
PACKAGE: Final = _columns(fields_of(Package), "package.")
ATTRIBUTES: Final = _columns(
    fields_of(
        Finding,
        {**CODECS, Score | None: Codec(_score_to_json, _score_from_json)},
        left_out={
            "vulnerability_id": "the column of the identity",
            "package": "a column for each of its fields",
        },
    )
)
_ID: Final = _Column("vulnerability_id")
_COLUMNS: Final = MappingProxyType({column.name: column for column in (_ID, *PACKAGE, *ATTRIBUTES)})


_WRITERS: Final = tuple(
    [
        (name, attrgetter(name), column.default, column.codec.to_json)
        for name, column in _COLUMNS.items()
    ]
)


def columns_to_json(findings: Sequence[Finding]) -> dict[str, list[Any]]:
    """Return the columns of findings. Those that have only the default are left out."""
    columns = {}
    for name, get, default, write in _WRITERS:
        values = list(map(get, findings))
        if values.count(default) != len(values):
            columns[name] = values if write is None else list(map(write, values))
    return columns


def findings_from_json(columns: Columns) -> tuple[Finding, ...]:
    """Return the findings that `columns_to_json` wrote."""
    ids = columns.get(_ID.name, ())
    packages = map(Package, *[_values(columns, column.name, len(ids)) for column in PACKAGE])
    attributes = [_values(columns, column.name, len(ids)) for column in ATTRIBUTES]
    return tuple(map(Finding, ids, packages, *attributes))


def _values(columns: Columns, name: str, count: int) -> Iterable[Any]:
    column, values = _COLUMNS[name], columns.get(name)
    if values is None:
        return repeat(column.default, count)
    read = column.codec.from_json
    return values if read is None else map(read, values)
