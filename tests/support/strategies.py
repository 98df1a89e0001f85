"""Arbitrary models, for tests of what must hold for all of them."""

from datetime import UTC
from types import MappingProxyType

from hypothesis import strategies as st

from lib.models import (
    AnyReport,
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
IMAGES = st.builds(
    Image,
    partition=TEXT,
    account=TEXT,
    region=TEXT,
    repository=TEXT,
    digest=st.sampled_from(["", "sha256:12"]),
    tags=WORDS,
    platform=MAYBE,
    os=MAYBE,
    pushed_at=st.none() | TIMES,
    in_use_count=st.none() | st.integers(0, 9),
)
PLATFORMS = st.sampled_from(["linux/amd64", "linux/arm64/v8"])
FINDINGS = st.builds(
    Finding,
    vulnerability_id=WORD,
    package=st.builds(Package, TEXT, MAYBE, MAYBE, MAYBE, MAYBE, MAYBE),
    severity=st.sampled_from(Severity),
    source_severity=MAYBE,
    aliases=WORDS,
    title=MAYBE,
    description=MAYBE,
    score=st.none() | st.builds(Score, NUMBER, MAYBE, MAYBE, MAYBE),
    fixed_version=MAYBE,
    fix_available=MAYBE,
    exploit_available=MAYBE,
    exploit_observed_at=st.none() | TIMES,
    epss=st.none() | NUMBER,
    remediation=MAYBE,
    links=LINKS,
    first_observed_at=st.none() | TIMES,
    last_observed_at=st.none() | TIMES,
    source_status=MAYBE,
    extra=st.dictionaries(TEXT, TEXT, max_size=2).map(MappingProxyType),
    platforms=st.lists(PLATFORMS, unique=True).map(tuple),
)
SCANS = st.builds(
    Scan,
    source=st.sampled_from(ScanSource),
    status=WORD,
    completed_at=st.none() | TIMES,
    reason=st.none(),
    complete=st.booleans(),
    warnings=WORDS,
)
FAILED_SCANS = st.builds(Scan, source=st.sampled_from(ScanSource), status=WORD, reason=WORD)
COUNTS = st.fixed_dictionaries({severity: st.integers(0, 9) for severity in reversed(Severity)})
PARTS = st.lists(st.builds(Part, PLATFORMS, TEXT, WORD, st.none() | COUNTS, MAYBE), max_size=2).map(
    tuple
)
PROVENANCES = st.builds(
    Provenance,
    commit=MAYBE,
    repository=st.none() | st.just("https://github.com/example/payments"),
    build_url=st.none() | st.just("https://ci.example/1"),
    created_at=st.none() | TIMES,
    evidence=st.dictionaries(st.sampled_from(["commit", "repository"]), TEXT, max_size=2).map(
        MappingProxyType
    ),
    unread_reason=MAYBE,
)
MAYBE_PROVENANCE = st.none() | PROVENANCES
REPORTS: st.SearchStrategy[AnyReport] = st.builds(
    Report, IMAGES, SCANS, st.lists(FINDINGS, max_size=4).map(tuple), PARTS, MAYBE_PROVENANCE
) | st.builds(UnusableReport, IMAGES, FAILED_SCANS, st.none() | COUNTS, PARTS, MAYBE_PROVENANCE)
