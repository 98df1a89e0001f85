"""
The spelling of keys: AWS writes the same field in four ways.

camelCase in the APIs, PascalCase from Step Functions and Go, kebab-case in scan events, snake_case
in tools that keep copies. A reader that misses one finds nothing, silently; so everything that did
not come from boto3 goes through here first.
"""

import re
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

_SEPARATED: Final = re.compile(r"[-_]+([A-Za-z0-9])")
_OTHER_NAMES: Final = MappingProxyType(
    {
        # As an inventory tool (Cartography) keeps them.
        "findingsCount": "findingSeverityCounts",
        "scanCompletedAt": "imageScanCompletedAt",
    }
)
_DEEPEST: Final = 32
"""Levels. AWS's own documents have 12; deeper ones are not taken apart any further."""


def camel_case(value: Any, depth: int = 0) -> Any:
    """Return the same document with its keys in camelCase; keys in capitals are data and stay."""
    if depth > _DEEPEST:
        return value
    if isinstance(value, list | tuple):
        return [camel_case(each, depth + 1) for each in value]
    if not isinstance(value, dict):
        return value
    return {_camel(key): camel_case(each, depth + 1) for key, each in value.items()}


@lru_cache(maxsize=1024)
def _camel(key: object) -> str:
    plain = str(key)
    if plain.isupper() or not plain:
        return plain
    joined = _SEPARATED.sub(lambda match: match[1].upper(), plain)
    camel = joined[0].lower() + joined[1:]
    return _OTHER_NAMES.get(camel, camel)
