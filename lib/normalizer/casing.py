"""
Field names in camelCase. AWS spells the same field in four ways.

camelCase in the APIs, PascalCase from Step Functions and Go, kebab-case in scan events, snake_case
in tools that keep copies. A reader that looks for another spelling finds nothing, without an error.
Every document that does not come from boto3 is therefore converted first.
"""

import re
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

_SEPARATED: Final = re.compile(r"[-_]+([A-Za-z0-9])")
_OTHER_NAMES: Final = MappingProxyType(
    {
        # Names that Cartography, an inventory tool, gives these fields.
        "findingsCount": "findingSeverityCounts",
        "scanCompletedAt": "imageScanCompletedAt",
    }
)
_MAX_DEPTH: Final = 32
"""Levels. Documents of AWS have up to 12; deeper levels keep their spelling."""


def camel_case(value: Any, depth: int = 0) -> Any:
    """Return a document with camelCase keys. Keys in capitals are data and stay as they are."""
    if depth > _MAX_DEPTH:
        return value
    if isinstance(value, list | tuple):
        return [camel_case(item, depth + 1) for item in value]
    if not isinstance(value, dict):
        return value
    return {_camel(key): camel_case(item, depth + 1) for key, item in value.items()}


def camel_keys(value: dict[Any, Any]) -> dict[str, Any]:
    """Return an object with camelCase keys. Its values stay as they are."""
    return {_camel(key): item for key, item in value.items()}


@lru_cache(maxsize=1024)
def _camel(key: object) -> str:
    plain = str(key)
    if plain.isupper() or not plain:
        return plain
    joined = _SEPARATED.sub(lambda match: match[1].upper(), plain)
    camel = joined[0].lower() + joined[1:]
    return _OTHER_NAMES.get(camel, camel)
