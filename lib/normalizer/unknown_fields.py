"""Fields of AWS documents that no reader knows, as text: what AWS adds next is kept. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

from lib.normalizer.values import as_text
from lib.text import one_line, truncate

MOST: Final = 50
"""Unknown fields that are kept of an object. The largest objects of AWS have thirty fields."""
_NAME: Final = 200

FieldNames = Mapping[str, "FieldNames | None"]
"""The names of an object's known fields. An object whose own fields are looked at has theirs."""


def names(*plain: str, **nested: FieldNames) -> FieldNames:
    """Return known fields: those that are read as a whole, and objects with fields of their own."""
    return {**dict.fromkeys(plain), **nested}


def unknown_fields(
    value: Mapping[str, Any], expected: FieldNames, path: str = ""
) -> dict[str, str]:
    """
    Return the unknown fields of an object as text, sorted: the same object gives the same bytes.

    A field within an object has its path before AWS's name: "epss.percentile", "cvss[0].threat".
    At most `MOST` fields are kept. Texts are cut as `as_text` cuts them.
    """
    return kept(_unknown(value, expected, path))


def kept(fields: Iterable[tuple[str, Any]]) -> dict[str, str]:
    """Return fields as text, with clean names, as many as are kept. Fields without a value go."""
    texts = ((name, as_text(value)) for name, value in fields)
    named = ((truncate(one_line(name), _NAME), text) for name, text in texts if text is not None)
    return dict(islice(named, MOST))


def _unknown(
    value: Mapping[str, Any], expected: FieldNames, path: str
) -> Iterator[tuple[str, Any]]:
    for name in sorted(value.keys() - expected.keys()):
        yield f"{path}{name}", value[name]
    for name, inner in expected.items():
        field = value.get(name) if inner is not None else None
        if inner is None or field is None:
            continue
        if isinstance(field, list):
            for index, entry in enumerate(field):
                yield from _within(entry, inner, f"{path}{name}[{index}]")
        else:
            yield from _within(field, inner, f"{path}{name}")


def _within(value: Any, expected: FieldNames, path: str) -> Iterator[tuple[str, Any]]:
    """Yield the unknown fields of an object in another one; all of it where it is none any more."""
    if isinstance(value, dict):
        yield from _unknown(value, expected, f"{path}.")
    else:
        yield path, value
