"""
A fingerprint of the rows that pages list: equal where the same is compared of them. Pure.

Most scans list what the scan before listed. Their rows need not become findings to see that.
"""

import hashlib
import marshal
from collections.abc import Iterable
from typing import Any, Final

from lib.normalizer.images import os_of

_VOLATILE: Final = ("epss", "lastObservedAt", "updatedAt")
"""Fields that change by themselves, and are not compared: see `lib.core.evidence.facts`."""
_FORMAT: Final = 0
"""Of `marshal`: the only one in which equal values have equal bytes, however they are shared."""


def fingerprint(rows: Iterable[Any]) -> str:
    """
    Return a hash of rows of either list, in whatever order they come; empty where there is none.

    Each row is hashed by itself, so that there is no second copy of all of them. `marshal` takes a
    fourth of the time of `json`; what it does not know, as dates that boto3 has read, has no
    fingerprint.
    """
    try:
        marks = [hashlib.sha256(marshal.dumps(_compared(row), _FORMAT)).digest() for row in rows]
    except ValueError:
        return ""
    return hashlib.sha256(b"".join(sorted(marks))).hexdigest()[:32]


def _compared(row: Any) -> Any:
    """Return a row without what is not compared; of the image, the system that it is built on."""
    if not isinstance(row, dict):
        return row
    compared = dict(row)
    for name in _VOLATILE:
        compared.pop(name, None)
    if "resources" in compared:
        compared["resources"] = os_of(row)
    if "attributes" in compared:
        compared["attributes"] = _sorted(compared["attributes"])
    return compared


def _sorted(attributes: Any) -> Any:
    """Return the attributes of a basic row in one order; that of AWS varies."""
    try:
        return sorted([(attribute["key"], attribute["value"]) for attribute in attributes])
    except (KeyError, TypeError):
        return attributes
