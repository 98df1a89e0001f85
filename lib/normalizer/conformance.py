"""
A quick check of events against their schemas, which never accepts what jsonschema refuses.

Importing jsonschema takes 85 ms of processor time in a fresh process, a seventh of its first event.
Only an event that this check does not accept needs jsonschema, for its verdict and its words.
"""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType, NoneType
from typing import Final

from lib.models import Json

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
