"""
Basic scanning: one row of `findings` in DescribeImageScanFindings is one finding.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageScanFinding.html
"""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from lib.models import Finding, Package, Score
from lib.normalizer.values import as_text, link, name, number, objects, severity, text

UNNAMED: Final = "UNNAMED"
"""The id of a finding whose source gives none: better an odd name than a lost finding."""

_KNOWN: Final = frozenset({"name", "description", "uri", "severity", "attributes"})
_NO_EXTRA: Final[Mapping[str, str]] = MappingProxyType({})
# Version 3 is what people compare by, so it comes first; the others are kept as extra fields.
_SCORES: Final = (
    ("CVSS3_SCORE", "CVSS3_VECTOR", "3"),
    ("CVSS4_SCORE", "CVSS4_VECTOR", "4.0"),
    ("CVSS2_SCORE", "CVSS2_VECTOR", "2.0"),
)
_PREFIX: Final = "CVSS:"


def findings(row: Mapping[str, Any]) -> tuple[Finding, ...]:
    """
    Return the one finding of a row.

    Basic scanning says nothing about fixes, paths, package managers or exploits.
    """
    attributes = _attributes(row.get("attributes"))
    take = attributes.pop
    package = _package(name(take("package_name", None)), text(take("package_version", None)))
    level, word = severity(row.get("severity"))
    address = link(row.get("uri"))
    score = _score(attributes) if attributes else None
    return (
        Finding(
            vulnerability_id=text(row.get("name")) or UNNAMED,
            package=package,
            severity=level,
            source_severity=word,
            description=text(row.get("description")),
            score=score,
            links=() if address is None else (address,),
            extra=_extra(row, attributes) if attributes or not row.keys() <= _KNOWN else _NO_EXTRA,
        ),
    )


def _attributes(value: Any) -> dict[str, Any]:
    """Return key and value of each attribute; their order is not fixed, any can be missing."""
    try:
        return {each["key"]: each["value"] for each in value}
    except (KeyError, TypeError):
        return {
            each["key"]: each.get("value")
            for each in objects(value)
            if isinstance(each.get("key"), str)
        }


# Findings share their packages, and most vectors: each is made once, and kept once in memory.
_package = lru_cache(maxsize=4096)(Package)


def _score(attributes: dict[str, Any]) -> Score | None:
    """Take the score to show out of the attributes; the vector says which version it is."""
    for key, vector_key, assumed in _SCORES:
        value = number(attributes.get(key))
        if value is not None:
            del attributes[key]
            return _score_of(value, assumed, text(attributes.pop(vector_key, None)))
    return None


@lru_cache(maxsize=4096)
def _score_of(value: float, assumed: str, vector: str | None) -> Score:
    if vector is None or not vector.startswith(_PREFIX):
        return Score(value, assumed, vector)
    return Score(value, vector[len(_PREFIX) :].partition("/")[0], vector)


def _extra(row: Mapping[str, Any], attributes: Mapping[str, Any]) -> Mapping[str, str]:
    unknown = {key: row[key] for key in row if key not in _KNOWN}
    found = {key: as_text(value) for key, value in (*attributes.items(), *unknown.items())}
    return MappingProxyType({key: value for key, value in found.items() if value is not None})
