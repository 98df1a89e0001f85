"""
The documents inside of wrappings, with the place of each. Pure.

SQS, SNS, EventBridge, CloudWatch Logs, Firehose and log shippers put documents under keys of their
own, as objects, as JSON in a text, or as Base64. The keys are not listed here: whatever holds a
document is opened.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, Final, NamedTuple

from lib.normalizer.casing import camel_case, camel_keys
from lib.normalizer.contents import value_in
from lib.text import truncate

MOST_BYTES: Final = 64 * 1024 * 1024
"""Bytes that a compressed text inside of a document may have in full."""
MAX_DEPTH: Final = 16
_EMPTY: Final = "an empty list"
_PLAIN: Final = "a value that is not an object"
_DEEP: Final = "something nested too deeply"
_MOST_KEYS: Final = 5
_LONGEST_KEY: Final = 30
_WRAPPERS: Final = frozenset(
    {"records", "body", "message", "messages", "sns", "data", "events", "findings"}
)
"""Keys whose content is named where it is no document: it was meant to hold one."""


IsDocument = Callable[[Any, bool], bool]
"""
Tells whether an object with camelCase keys, or a list of such objects, is a document.

The second argument says whether it stands where a document belongs: rows without an image are one
only there, as a list of exceptions looks like them, too.
"""


class Content(NamedTuple):
    """A document, or something else that was found in the place of one."""

    place: str
    """Such as "Messages[0].Body"; empty: the whole."""
    document: Any = None
    """In camelCase: an object, or rows of basic scanning; None: something else."""
    other: str = ""
    """What it is instead, in words."""


def contents_of(value: Any, is_document: IsDocument) -> list[Content]:
    """
    Return the documents in a value, in their order, and what was found instead.

    What is inside of a document is left alone.
    """
    return list(_Unwrapper(is_document).contents(value, "", 0, meant=True))


class _Unwrapper:
    """Opens whatever holds a document."""

    def __init__(self, is_document: IsDocument) -> None:
        self._is_document = is_document

    def contents(self, value: Any, place: str, depth: int, *, meant: bool) -> Iterator[Content]:
        """Yield what is in a value. `meant`: it is the whole, or a document belongs there."""
        if depth > MAX_DEPTH:
            yield Content(place, other=_DEEP)
        elif isinstance(value, str):
            inside = value_in(value, limit=MOST_BYTES)
            if isinstance(inside, str):
                yield Content(place, other=_PLAIN)
            else:
                yield from self.contents(inside, place, depth + 1, meant=meant)
        elif not isinstance(value, dict | list):
            yield Content(place, other=_PLAIN)
        elif self._is_document(_shallow(value), meant):
            yield Content(place, camel_case(value))
        elif isinstance(value, dict):
            yield from self._inside(value, place, depth)
        elif value and all(_is_field(item) for item in value):
            yield from self._inside({item["field"]: item["value"] for item in value}, place, depth)
        elif not value:
            yield Content(place, other=_EMPTY)
        else:
            for number, item in enumerate(value):
                yield from self.contents(item, f"{place}[{number}]", depth + 1, meant=meant)

    def _inside(self, value: Mapping[str, Any], place: str, depth: int) -> Iterator[Content]:
        """Yield what an object wraps; that it wraps nothing, where it does not."""
        opened = {
            key: list(self._under(key, item, place, depth))
            for key, item in value.items()
            if isinstance(item, dict | list | str)
        }
        holders = [
            inside for inside in opened.values() if any(one.document is not None for one in inside)
        ]
        wrappers = [inside for key, inside in opened.items() if _is_wrapper(key)]
        for inside in holders or wrappers:
            yield from inside
        if not holders and not wrappers:
            yield Content(place, other=_described(value))

    def _under(self, key: str, item: Any, place: str, depth: int) -> Iterator[Content]:
        path = f"{place}.{key}".lstrip(".")
        return self.contents(item, path, depth + 1, meant=_is_wrapper(key))


def _described(value: Mapping[str, Any]) -> str:
    """Return what an object that is no document has instead: its first keys."""
    keys = [truncate(str(key), _LONGEST_KEY) for key in islice(value, _MOST_KEYS)]
    more = ", …" if len(value) > _MOST_KEYS else ""
    return f"an object with the keys {', '.join(keys)}{more}" if keys else "an empty object"


def _is_field(item: Any) -> bool:
    """Whether an object is one field of a row, as CloudWatch Logs Insights writes rows."""
    return isinstance(item, dict) and item.keys() == {"field", "value"}


def _is_wrapper(key: object) -> bool:
    return str(key).lower() in _WRAPPERS


def _shallow(value: Any) -> Any:
    """Return an object, or the objects of a list, with camelCase keys and unchanged values."""
    if isinstance(value, list):
        return [camel_keys(item) if isinstance(item, dict) else item for item in value]
    return camel_keys(value)
