"""Fields of AWS documents that no reader knows, as text: what AWS adds next is kept. Pure."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any, Final, NamedTuple

from lib.normalizer.values import as_text
from lib.text import one_line, truncate

MOST: Final = 50
"""Unknown fields that are kept of an object. The largest objects of AWS have thirty fields."""
_NAME: Final = 200


class FieldNames(NamedTuple):
    """The names of an object's known fields."""

    fields: frozenset[str]
    nested: Mapping[str, "FieldNames"]
    """Known objects whose own fields are looked at, too."""


def names(*plain: str, **nested: FieldNames) -> FieldNames:
    """Return known fields: those that are read as a whole, and objects with fields of their own."""
    return FieldNames(frozenset((*plain, *nested)), nested)


def unknown_fields(
    value: Mapping[str, Any], expected: FieldNames, path: str = ""
) -> dict[str, str]:
    """
    Return the unknown fields of an object as text, sorted: the same object gives the same bytes.

    A field within an object has its path before AWS's name: "epss.percentile", "cvss[0].threat".
    At most `MOST` fields are kept. Texts are cut as `as_text` cuts them.
    """
    return {} if _is_known(value, expected) else kept(_unknown(value, expected, path))


def kept(fields: Iterable[tuple[str, Any]]) -> dict[str, str]:
    """Return fields as text, with clean names, as many as are kept. Fields without a value go."""
    texts = ((name, as_text(value)) for name, value in fields)
    return dict(islice(((_name(name), text) for name, text in texts if text is not None), MOST))


@lru_cache(maxsize=1024)  # findings share the names of their fields
def _name(name: str) -> str:
    return truncate(one_line(name), _NAME)


def _is_known(value: Mapping[str, Any], expected: FieldNames) -> bool:
    """Whether an object has known fields only, as nearly all have; no path is made for that."""
    if not value.keys() <= expected.fields:
        return False
    for name, inner in expected.nested.items():
        field = value.get(name)
        for entry in field if isinstance(field, list) else () if field is None else (field,):
            if not isinstance(entry, dict) or not _is_known(entry, inner):
                return False
    return True


def _unknown(value: Mapping[str, Any], expected: FieldNames, path: str) -> list[tuple[str, Any]]:
    unknown = sorted(value.keys() - expected.fields)
    fields = [(f"{path}{name}", value[name]) for name in unknown]
    for name, inner in expected.nested.items():
        field = value.get(name)
        if isinstance(field, list):
            for index, entry in enumerate(field):
                fields += _within(entry, inner, f"{path}{name}[{index}]")
        elif field is not None:
            fields += _within(field, inner, f"{path}{name}")
    return fields


def _within(value: Any, expected: FieldNames, path: str) -> list[tuple[str, Any]]:
    """Return the unknown fields of an inner object; all of it where it is no object any more."""
    return _unknown(value, expected, f"{path}.") if isinstance(value, dict) else [(path, value)]
