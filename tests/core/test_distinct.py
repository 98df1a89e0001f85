"""Rows of the same identity, and the order of findings."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from operator import attrgetter

from lib.core.distinct import distinct
from lib.models import Finding, Package, Score, Severity
from tests.support.builders import a_finding
from tests.support.every import every
from tests.support.fields import PATHS, marked

DAY = datetime(2026, 1, 1, tzinfo=UTC)
IDENTITY = ("vulnerability_id", "package.name", "package.path")
"""Rows that differ in one of these are two findings."""


def test_findings_of_the_same_identity_become_one_that_says_what_both_say() -> None:
    """The worst severity wins, differing versions are joined, everything else is united."""
    one = a_finding(
        severity="LOW", version="1.0", aliases=("A",), fixed_version="1.1", fix_available="YES",
        links=("https://a.example",), first_observed_at=DAY, last_observed_at=DAY, epss=0.1,
        source_status="CLOSED", extra={"a": "1"}, exploit_available="NO",
    )  # fmt: skip
    other = a_finding(
        severity="HIGH", version="2.0", aliases=("B", "A"), fixed_version="2.1", fix_available="NO",
        links=("https://b.example",), first_observed_at=DAY + timedelta(1), source_status="ACTIVE",
        last_observed_at=DAY + timedelta(1), epss=0.2, exploit_available="YES", title="title",
        exploit_observed_at=DAY, score=Score(7.0), source_severity="word", extra={"b": "2"},
    )  # fmt: skip

    (found,) = distinct([one, other])

    assert found.severity is Severity.HIGH
    assert found.source_severity == "word"
    assert found.package.version == "1.0, 2.0"
    assert found.fixed_version == "1.1, 2.1"
    assert found.fix_available == "PARTIAL"
    assert found.aliases == ("A", "B")
    assert found.links == ("https://a.example", "https://b.example")
    assert (found.first_observed_at, found.last_observed_at) == (DAY, DAY + timedelta(1))
    assert found.epss == 0.2
    assert found.exploit_available == "YES"
    assert found.exploit_observed_at == DAY
    assert found.score == Score(7.0)
    assert found.source_status == "ACTIVE"
    assert found.extra == {"a": "1", "b": "2"}
    assert found.title == "title"


def test_what_only_one_row_says_is_kept() -> None:
    """Absent values do not hide present ones, whichever row comes first."""
    bare = a_finding()
    full = a_finding(fix_available="YES", epss=0.5, first_observed_at=DAY, fixed_version="2")

    assert distinct([bare, full]) == distinct([full, bare])
    assert distinct([bare, full])[0].fix_available == "YES"


def test_the_same_row_twice_changes_nothing() -> None:
    """A duplicate is not a second finding and joins nothing."""
    finding = a_finding(fixed_version="2", fix_available="YES", links=("https://a.example",))

    assert distinct([finding, finding, replace(finding)]) == (finding,)


def test_packages_that_differ_have_no_package_url() -> None:
    """A package URL names one version, so two versions have none; the rest is filled in."""
    one = replace(a_finding(), package=Package("openssl", "1", None, None, None, "pkg:deb/x@1"))
    same = replace(
        a_finding(), package=Package("openssl", "1", "OS", None, "sha256:1", "pkg:deb/x@1")
    )
    other = replace(
        a_finding(), package=Package("openssl", "2", "OS", None, "sha256:1", "pkg:deb/x@2")
    )

    assert distinct([one, same])[0].package == same.package
    assert distinct([one, other])[0].package.purl is None


def test_worst_comes_first() -> None:
    """Order: severity, exploit, fix, EPSS, score, name."""
    ordered = [
        a_finding("CVE-9", severity="CRITICAL"),
        a_finding("CVE-8", exploit_available="YES"),
        a_finding("CVE-7", fixed_version="2"),
        a_finding("CVE-6", epss=0.9),
        a_finding("CVE-5", score=Score(9.0)),
        a_finding("CVE-1"),
        a_finding("CVE-2"),
        a_finding("CVE-0", severity="UNKNOWN"),
    ]

    assert distinct(reversed(ordered)) == tuple(ordered)


@every("path", [path for path in PATHS if path not in IDENTITY])
@every("marked_first", [True, False])
def test_a_field_that_only_one_row_has_is_kept(path: str, *, marked_first: bool) -> None:
    """A new field, too: by its type, or by its name in lib/core/distinct.py."""
    bare = Finding("CVE-2026-0001", Package("openssl"), Severity.LOW)
    row = marked(bare, path)
    if path == "source_status":
        row = replace(row, source_status="ACTIVE")

    (merged,) = distinct([row, bare] if marked_first else [bare, row])

    value = attrgetter(path)
    assert value(merged) == value(row), (
        f"of two rows only one has {path}, and the merged one lost it: give it a rule in "
        "lib/core/distinct.py"
    )
