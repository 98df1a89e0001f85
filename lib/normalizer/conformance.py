"""
The check of events against their schemas: a quick one, and jsonschema for what that leaves open.

The quick one never accepts what jsonschema refuses.

Importing jsonschema takes 40 to 65 ms of processor time in a fresh process, a seventh of its first
event.
Only an event that it does not accept needs jsonschema, for its verdict and its words.
"""

import json
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType, NoneType
from typing import TYPE_CHECKING, Any, Final, cast

from lib.errors import EventError
from lib.models import Json
from lib.normalizer.values import mapping

if TYPE_CHECKING:
    from jsonschema import ValidationError
    from jsonschema.protocols import Validator

_SCHEMAS: Final = Path(__file__).parents[2] / "schemas" / "events"

_ANNOTATIONS: Final = frozenset({"$schema", "$id", "title", "description"})
_NAMES: Final = MappingProxyType(
    {
        str: "string",
        list: "array",
        dict: "object",
        NoneType: "null",
        bool: "boolean",
        int: "integer",
    }
)


def check_event(schema: str, body: Mapping[str, Json]) -> None:
    """
    Check an event against a schema of `schemas/events`.

    Raises `EventError` that names the field and what it has to be, never its value.
    """
    document = _document(schema)
    if conforms(body, document):
        return
    error = next(_validator(document).iter_errors(body), None)
    if error is not None:
        raise EventError(f"{error.json_path}: expected {_expected(error)}")


@lru_cache
def _document(schema: str) -> dict[str, Json]:
    document: dict[str, Json] = json.loads((_SCHEMAS / schema).read_text(encoding="utf-8"))
    return document


def _validator(document: Mapping[str, Json]) -> "Validator":
    # Imported late: nearly a tenth of a second, which only a broken event has to pay.
    from jsonschema import Draft202012Validator

    return Draft202012Validator(document)


def _expected(error: "ValidationError") -> str:
    """Describe a field that breaks its schema, without its value, which jsonschema would quote."""
    rule, instance = cast("Any", error.validator_value), cast("Any", error.instance)
    if error.validator == "required":
        return f"{', '.join(key for key in rule if key not in instance)} to be there"
    return str(mapping(error.schema).get("description") or rule)


def conforms(value: Json, schema: Mapping[str, Json]) -> bool:
    """
    Return whether a value certainly conforms to a schema.

    False: jsonschema has to decide, because a rule is broken, or is not known here.
    """
    return all(
        keyword in _ANNOTATIONS or _holds(keyword, rule, value) for keyword, rule in schema.items()
    )


def _holds(keyword: str, rule: Json, value: Json) -> bool:
    if keyword not in _RULES:
        return False
    kind, holds = _RULES[keyword]
    return not isinstance(value, kind) or holds(rule, value)


def _has_type(rule: Json, value: Json) -> bool:
    return _NAMES.get(type(value)) in ([rule] if isinstance(rule, str) else rule)


_RULES: Final[Mapping[str, tuple[type, Callable[[Json, Json], bool]]]] = MappingProxyType(
    {
        "type": (object, _has_type),
        "const": (object, lambda rule, value: isinstance(value, str) and value == rule),
        "enum": (object, lambda rule, value: isinstance(value, str) and value in rule),
        "anyOf": (object, lambda rule, value: any(conforms(value, schema) for schema in rule)),
        "required": (dict, lambda rule, value: all(name in value for name in rule)),
        "properties": (
            dict,
            lambda rule, value: all(
                conforms(value[name], schema) for name, schema in rule.items() if name in value
            ),
        ),
        "additionalProperties": (
            dict,
            lambda rule, value: all(conforms(member, rule) for member in value.values()),
        ),
        "items": (list, lambda rule, value: all(conforms(item, rule) for item in value)),
        "minItems": (list, lambda rule, value: len(value) >= rule),
        "pattern": (str, lambda rule, value: re.search(rule, value) is not None),
        "minLength": (str, lambda rule, value: len(value) >= rule),
        "minimum": (object, lambda rule, value: isinstance(value, int) and value >= rule),
    }
)
"""Of each keyword, the kind of values that it says something about, and whether it holds."""
