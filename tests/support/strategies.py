"""Arbitrary models, for tests of what must hold for all of them."""

from collections.abc import Callable, Mapping
from dataclasses import Field, fields
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from hypothesis import strategies as st

from lib.models import (
    AnyReport,
    Counts,
    Finding,
    Image,
    Package,
    Part,
    Provenance,
    Report,
    Scan,
    ScanSource,
    Score,
    Severity,
    UnusableReport,
)

TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
WORD = TEXT.filter(bool)
MAYBE = st.none() | TEXT
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
TIMES = st.datetimes(timezones=st.just(UTC))
WORDS = st.lists(TEXT, max_size=3, unique=True).map(tuple)
LINKS = st.lists(st.sampled_from(["https://a.example", "https://b.example/ü"]), unique=True).map(
    tuple
)
PLATFORMS = st.sampled_from(["linux/amd64", "linux/arm64/v8"])
SOURCES = st.sampled_from([*ScanSource, ScanSource("acme-scanner")])
COUNTS = st.fixed_dictionaries({severity: st.integers(0, 9) for severity in reversed(Severity)})
BY_TYPE: Mapping[Any, st.SearchStrategy[Any]] = {
    bool: st.booleans(),
    float: NUMBER,
    float | None: st.none() | NUMBER,
    int | None: st.none() | st.integers(0, 9),
    str: TEXT,
    str | None: MAYBE,
    tuple[str, ...]: WORDS,
    Mapping[str, str]: st.dictionaries(TEXT, TEXT, max_size=2).map(MappingProxyType),
    datetime | None: st.none() | TIMES,
    Severity: st.sampled_from(Severity),
    ScanSource: SOURCES,
    Counts | None: st.none() | COUNTS,
}
"""Values for a field that has none of its own below, by its type."""


def objects(model: Callable[..., Any], **values: Any) -> st.SearchStrategy[Any]:
    """Return objects of a dataclass. Every field has values, so that a new one is tested, too."""
    strategies = {
        field.name: values.pop(field.name) if field.name in values else _of_type(model, field)
        for field in fields(model)  # type: ignore[arg-type]  # a dataclass
    }
    assert not values, f"{model.__name__} has no {', '.join(values)}"
    return st.builds(model, **strategies)


def _of_type(model: Callable[..., Any], field: Field[Any]) -> st.SearchStrategy[Any]:
    name = f"{model.__name__}.{field.name}"
    assert field.type in BY_TYPE, f"{name}: give {field.type} a strategy in {__name__}"
    return BY_TYPE[field.type]


IMAGES = objects(Image, digest=st.sampled_from(["", "sha256:12"]), doubts=st.just(()))
PACKAGES = objects(Package)
FINDINGS = objects(
    Finding,
    vulnerability_id=WORD,
    package=PACKAGES,
    score=st.none() | objects(Score),
    links=LINKS,
    platforms=st.lists(PLATFORMS, unique=True).map(tuple),
)
SCANS = objects(Scan, status=WORD, reason=st.none())
FAILED_SCANS = objects(Scan, status=WORD, reason=WORD)
PARTS = st.lists(objects(Part, platform=PLATFORMS, status=WORD), max_size=2).map(tuple)
PROVENANCES = objects(
    Provenance,
    repository=st.none() | st.just("https://github.com/example/payments"),
    build_url=st.none() | st.just("https://ci.example/1"),
    evidence=st.dictionaries(st.sampled_from(["commit", "repository"]), TEXT, max_size=2).map(
        MappingProxyType
    ),
)
MAYBE_PROVENANCE = st.none() | PROVENANCES
REPORTS: st.SearchStrategy[AnyReport] = objects(
    Report,
    image=IMAGES,
    scan=SCANS,
    findings=st.lists(FINDINGS, max_size=4).map(tuple),
    parts=PARTS,
    provenance=MAYBE_PROVENANCE,
) | objects(
    UnusableReport, image=IMAGES, scan=FAILED_SCANS, parts=PARTS, provenance=MAYBE_PROVENANCE
)
