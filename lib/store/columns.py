"""
Findings as columns: for each field, its values for all findings.

A third of the cost of one object for each finding. A comparison builds no findings and reads only
the columns that it needs.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Final

from lib.models import Finding, FindingId, Package, Score, Standing
from lib.wire.report import NAMES, NO_EXTRA, SEVERITIES, time_from_json, time_to_json

Columns = Mapping[str, Sequence[Any]]


@dataclass(frozen=True, slots=True)
class _Column:
    """A field of all findings. It is left out if every finding has the default."""

    name: str
    """The path of the attribute: "package.path"."""
    default: Any = None
    to_json: Callable[[Any], Any] | None = None
    """None for values that are written unchanged."""
    from_json: Callable[[Any], Any] | None = None


def _score_to_json(score: Score | None) -> list[Any] | None:
    return None if score is None else [score.value, score.version, score.vector, score.source]


def _score_from_json(values: Sequence[Any] | None) -> Score | None:
    return None if values is None else Score(*values)


# In the order of the arguments of `Package` and `Finding`.
PACKAGE: Final = tuple(
    _Column(f"package.{name}") for name in ("name", "version", "manager", "path", "layer", "purl")
)
ATTRIBUTES: Final = (
    _Column("severity", None, NAMES.__getitem__, SEVERITIES.__getitem__),
    _Column("source_severity"),
    _Column("aliases", (), None, tuple),
    _Column("title"),
    _Column("description"),
    _Column("score", None, _score_to_json, _score_from_json),
    _Column("fixed_version"),
    _Column("fix_available"),
    _Column("exploit_available"),
    _Column("exploit_observed_at", None, time_to_json, time_from_json),
    _Column("epss"),
    _Column("remediation"),
    _Column("links", (), None, tuple),
    _Column("first_observed_at", None, time_to_json, time_from_json),
    _Column("last_observed_at", None, time_to_json, time_from_json),
    _Column("source_status"),
    _Column("extra", NO_EXTRA, dict, MappingProxyType),
    _Column("platforms", (), None, tuple),
)
_ID: Final = _Column("vulnerability_id")
_DERIVED: Final = (
    _Column("exploitable", default=False),
    _Column("fixable", default=False),
    _Column("open", default=True),
)
"""Properties that are derived from other fields, for comparisons."""
_COLUMNS: Final = MappingProxyType(
    {column.name: column for column in (_ID, *PACKAGE, *ATTRIBUTES, *_DERIVED)}
)
COMPARED: Final = (_ID.name, "package.name", "package.path", *Standing._fields)
"""The columns that a comparison reads."""
DETAILS: Final = tuple([name for name in _COLUMNS if name not in COMPARED])
"""All other columns."""


def columns_to_json(findings: Sequence[Finding], names: Iterable[str]) -> dict[str, list[Any]]:
    """Return the columns of some fields. Columns that have only the default are left out."""
    columns = {}
    for name in names:
        column, values = _COLUMNS[name], list(map(attrgetter(name), findings))
        if values.count(column.default) == len(values):
            continue
        columns[name] = values if column.to_json is None else list(map(column.to_json, values))
    return columns


def findings_from_json(columns: Columns) -> tuple[Finding, ...]:
    """Return the findings of some columns: `COMPARED` and `DETAILS` together."""
    ids = columns.get(_ID.name, ())
    packages = map(Package, *[_values(columns, column.name, len(ids)) for column in PACKAGE])
    attributes = [_values(columns, column.name, len(ids)) for column in ATTRIBUTES]
    return tuple(map(Finding, ids, packages, *attributes))


def _values(columns: Columns, name: str, count: int) -> Iterable[Any]:
    column, values = _COLUMNS[name], columns.get(name)
    if values is None:
        return repeat(column.default, count)
    return values if column.from_json is None else map(column.from_json, values)


def finding_ids(columns: Columns) -> list[FindingId]:
    """Return the ids of the findings. Needs `COMPARED` only."""
    ids = columns.get(_ID.name, ())
    names = _values(columns, "package.name", len(ids))
    paths = _values(columns, "package.path", len(ids))
    return [(ident, name, path or "") for ident, name, path in zip(ids, names, paths, strict=True)]


def standings(columns: Columns, count: int) -> Iterable[Standing]:
    """Return the states of `count` findings. Needs `COMPARED` only."""
    return map(Standing, *[_values(columns, name, count) for name in Standing._fields])
