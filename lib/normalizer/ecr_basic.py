"""
Basic scanning: one row of `findings` in DescribeImageScanFindings is one finding.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageScanFinding.html
"""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from lib.models import Finding, Package, Score
from lib.normalizer.unknown_fields import kept, names, unknown_fields
from lib.normalizer.values import link, name, number, objects, severity, text

UNNAMED: Final = "UNNAMED"
"""The id of a finding whose source gives none: better an odd name than a lost finding."""

_KNOWN: Final = names("name", "description", "uri", "severity", "attributes")
_NO_EXTRA: Final[Mapping[str, str]] = MappingProxyType({})
# CVSS 3 is what people compare, so it comes first. Scores of other versions become extra fields.
_SCORES: Final = (
    ("CVSS3_SCORE", "CVSS3_VECTOR", "3"),
    ("CVSS4_SCORE", "CVSS4_VECTOR", "4.0"),
    ("CVSS2_SCORE", "CVSS2_VECTOR", "2.0"),
)
_PREFIX: Final = "CVSS:"


def findings(row: Mapping[str, Any]) -> tuple[Finding, ...]:
    """
    Return the finding of a row.

    Basic scanning reports no fix, path, package manager or exploit.
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
            extra=_extra(row, attributes)
            if attributes or not row.keys() <= _KNOWN.fields
            else _NO_EXTRA,
        ),
    )


def _attributes(value: Any) -> dict[str, Any]:
    """Return the attributes by key. Their order varies, and any of them may be missing."""
    try:
        return {attribute["key"]: attribute["value"] for attribute in value}
    except (KeyError, TypeError):
        return {
            attribute["key"]: attribute.get("value")
            for attribute in objects(value)
            if isinstance(attribute.get("key"), str)
        }


# Findings share packages, and most of them vectors: each package is built and stored once.
_package = lru_cache(maxsize=4096)(Package)


def _score(attributes: dict[str, Any]) -> Score | None:
    """Remove the score to show from the attributes; the vector names its CVSS version."""
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
    return MappingProxyType({**kept(attributes.items()), **unknown_fields(row, _KNOWN)})
