"""Every field of a finding, its package and its score, and a value by which each is recognized."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from lib.models import Finding, Package, Score, Severity

MARK = "mark-7f3a"
MARKS: Mapping[Any, Any] = {
    bool: True,
    float: 3.875,
    float | None: 0.875,
    int | None: 8750,
    str: MARK,
    str | None: MARK,
    tuple[str, ...]: (MARK,),
    Mapping[str, str]: MappingProxyType({MARK: MARK}),
    datetime | None: datetime(2031, 7, 9, 1, 2, 3, tzinfo=UTC),
    Severity: Severity.CRITICAL,
}
"""A value of each type that stands nowhere else."""
SPECIAL: Mapping[str, Any] = {
    "links": (f"https://nvd.nist.gov/{MARK}",),
    "exploit_available": "YES",
    "fix_available": "YES",
    "source_status": "CLOSED",
}
"""The same for fields that only have a meaning with certain values."""
INNER: Mapping[str, type] = {"package": Package, "score": Score}
PATHS = (
    *(field.name for field in fields(Finding) if field.name not in INNER),
    *(f"{name}.{field.name}" for name, model in INNER.items() for field in fields(model)),
)
"""All fields: "title", "package.version", "score.value"."""
SCORE = Score(2.0)


def marked(finding: Finding, path: str) -> Finding:
    """Return a finding with a mark in one field."""
    owner, _, name = path.rpartition(".")
    if not owner:
        return replace(finding, **{name: mark(Finding, name)})
    inner = getattr(finding, owner) or SCORE
    assert is_dataclass(inner)
    return replace(finding, **{owner: replace(inner, **{name: mark(INNER[owner], name)})})


def mark(model: type, name: str) -> Any:
    """Return the mark of a field."""
    if name in SPECIAL:
        return SPECIAL[name]
    (field,) = (field for field in fields(model) if field.name == name)
    assert field.type in MARKS, f"{model.__name__}.{name}: give {field.type} a mark in {__name__}"
    return MARKS[field.type]
