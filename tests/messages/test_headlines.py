"""The verdict: what happened and what fixes it, true also when it is all that people read."""

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.core.suppressions import Suppression
from lib.messages.comparing import before
from lib.messages.text import text_of
from lib.models import Basis, BasisKind, Filter, Finding, Part, Score, Severity
from lib.models.views import Kind
from tests.support.builders import (
    a_filter,
    a_finding,
    a_report,
    an_image,
    an_unusable_report,
)
from tests.support.notices import noticed, notices
from tests.support.scenes import Scene
from tests.support.streams import TODAY

FIXED = {"fixed_version": "3.0.14", "fix_available": "YES"}


def found(number: int, severity: str = "HIGH", *, start: int = 1, **fields: Any) -> list[Finding]:
    return [a_finding(f"CVE-2026-{start + n}", severity=severity, **fields) for n in range(number)]


def next_image(old: list[Finding], new: list[Finding], *filters: Filter) -> str:
    """Return the verdict of a push."""
    reports = a_report(*new, image=an_image(2)), a_report(*old, image=an_image(1))
    return text_of(noticed(Scene(*reports, filters or (a_filter(),)))).verdict


def first_scan(*findings: Finding, filters: tuple[Filter, ...] = (a_filter(),)) -> str:
    """Return the verdict of a first scan."""
    return text_of(noticed(Scene(a_report(*findings), filters=filters))).verdict


@pytest.mark.parametrize(
    ("findings", "sentence"),
    [
        (found(1), "First scan: 1 HIGH"),
        (
            found(4, "CRITICAL", **FIXED) + found(2, start=50, fix_available="NO"),
            "First scan: 4 CRITICAL, 2 HIGH, fix available for 4 of them",
        ),
        (
            found(2, **FIXED) + found(1, start=50, package="bash", **FIXED),
            "First scan: 3 HIGH, fix available for all 3",
        ),
        (found(2, fix_available="YES"), "First scan: 2 HIGH, fix available for both"),
        (found(2, fix_available="NO"), "First scan: 2 HIGH, no fix yet"),
        (found(1, **FIXED), "First scan: 1 HIGH, fix available: openssl 3.0.14"),
    ],
)
def test_a_first_scan_says_how_much_can_be_fixed(findings: list[Finding], sentence: str) -> None:
    """And says no word of fixes where no scanner does."""
    assert first_scan(*findings) == sentence


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            [],
            found(2, "CRITICAL", **FIXED),
            "2 new CRITICAL since 1.4.1, fix available: openssl 3.0.14",
        ),
        (
            found(3, start=50, package="zlib"),
            found(3, "LOW", **FIXED) + found(3, "CRITICAL", start=9, fix_available="YES"),
            "3 new CRITICAL since 1.4.1 (6 open), fix available for all 3",
        ),
        (
            found(3, start=50, package="zlib"),
            found(3, start=50, package="zlib") + found(1, package="linux"),
            "1 new HIGH since 1.4.1 in the kernel: check the hosts",
        ),
        (found(3), [], "3 HIGH fixed"),
        (found(1, "CRITICAL") + found(2, start=5), [], "1 CRITICAL and 2 HIGH fixed"),
        (
            found(1, "HIGH"),
            found(1, "CRITICAL") + found(1, "CRITICAL", start=5) + found(1, start=8),
            "1 new CRITICAL and 1 new HIGH since 1.4.1; 1 raised to CRITICAL",
        ),
        (
            found(2),
            found(1),
            "1 HIGH no longer reported (1 open)",
        ),
    ],
)
def test_a_push_says_what_came_with_it(
    old: list[Finding], new: list[Finding], sentence: str
) -> None:
    """Since which tag, what an upgrade does about it, what is gone, and whether it is fixed."""
    assert next_image(old, new) == sentence


def test_an_upgrade_that_fixes_several_kinds_is_named_once() -> None:
    """What is fixable is said of each kind."""
    verdict = next_image(
        found(1, **FIXED), found(1, "CRITICAL", **FIXED) + found(1, "CRITICAL", start=5, **FIXED)
    )

    assert verdict == (
        "1 new CRITICAL since 1.4.1, fix available: openssl 3.0.14; 1 raised to CRITICAL"
    )


def test_many_kinds_of_change_are_added_up() -> None:
    """A sentence counts five; nothing gets lost in the sixth."""
    verdict = text_of(notices()["every-kind"]).verdict

    assert verdict.endswith("1 HIGH in an image that started to run; 2 other changes")


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ({}, {"exploit_available": "YES"}, "1 HIGH with a public exploit now"),
        ({}, {"fixed_version": "2"}, "1 HIGH with a fix now"),
    ],
)
def test_a_scan_that_knows_more(old: Any, new: Any, sentence: str) -> None:
    """The same image has another finding."""
    report, earlier = a_report(*found(1, **new)), a_report(*found(1, **old))

    assert text_of(noticed(Scene(report, earlier))).verdict == sentence


def test_platforms_without_a_result_are_counted() -> None:
    """Where the message is about something else."""
    parts = (
        Part("linux/amd64", "", "COMPLETE", {Severity.HIGH: 1}),
        Part("linux/arm64", "", "FAILED", reason="status FAILED"),
    )
    before = replace(a_report(image=an_image(1)), parts=parts)
    after = replace(a_report(*found(1, platforms=("linux/amd64",)), image=an_image(2)), parts=parts)

    verdict = text_of(noticed(Scene(after, before))).verdict

    assert verdict == "1 new HIGH since 1.4.1; 1 of 2 platforms not scanned"


@pytest.mark.parametrize(
    ("status", "words"), [("FAILED", "scan failed"), ("PENDING", "not scanned: no result yet")]
)
def test_a_scan_without_a_result_says_why(status: str, words: str) -> None:
    """The reason, never a count."""
    made = text_of(noticed(Scene(an_unusable_report(status))))

    assert words in made.verdict.lower()
    assert made.sections == ()
    assert (made.total, made.is_complete, made.is_clear) == (0, False, False)
    assert made.worst is made.worst_news is None


def test_an_unknown_severity_is_worded() -> None:
    """The word UNKNOWN alone would read as an unknown number of something."""
    filters = (a_filter(unknown_severity=True),)

    assert first_scan(*found(1, "UNKNOWN"), filters=filters) == "First scan: 1 unrated"


def test_names_from_outside_are_short_and_clean() -> None:
    """A package name cannot push the verdict out of sight."""
    verdict = first_scan(a_finding(package="x\n" * 5000, fixed_version="1\u202e2"))

    assert len(verdict) < 200
    assert "\n" not in verdict
    assert "\u202e" not in verdict


def test_the_likeliest_to_hurt_stand_first() -> None:
    """Severity, then exploits, then the score, then fixes, then likelihood."""
    ordered = [
        a_finding("CVE-2026-5", severity="CRITICAL"),
        a_finding("CVE-2026-4", exploit_available="YES"),
        a_finding("CVE-2026-1", score=Score(9.1)),
        a_finding("CVE-2026-3", fixed_version="2"),
        a_finding("CVE-2026-2", epss=0.9),
    ]

    (section,) = text_of(noticed(Scene(a_report(*reversed(ordered))))).sections

    assert [row.name for row in section.rows] == [row.vulnerability_id for row in ordered]


def test_news_stand_before_what_ended() -> None:
    """However severe that was; only news colour a message."""
    gone, new = found(1, "CRITICAL", package="zlib"), found(1, start=7)
    reports = a_report(*new, image=an_image(2)), a_report(*gone, image=an_image(1))

    made = text_of(noticed(Scene(*reports)))

    assert [section.title for section in made.sections] == ["New", "Fixed"]
    assert (made.worst_news, made.worst) == (Severity.HIGH, Severity.HIGH)


def test_routes_are_named_once() -> None:
    """What the small print says, with the notification to ask about."""
    filters = (a_filter(route="a"), a_filter(route="b"))

    notice = noticed(Scene(a_report(*found(1)), filters=filters))

    assert text_of(notice).small[-1] == "routes a, b"
    assert text_of(notice).footer == f"Delivery {notice.delivery_id}"


FINDINGS = st.builds(
    a_finding,
    st.integers(1, 30).map("CVE-2026-{}".format),
    severity=st.sampled_from([severity.name for severity in Severity]),
    package=st.sampled_from(["openssl", "zlib"]),
    fixed_version=st.sampled_from([None, "1", "2"]),
    fix_available=st.sampled_from([None, "YES", "NO"]),
    exploit_available=st.sampled_from([None, "YES"]),
    source_status=st.sampled_from([None, "CLOSED", "SUPPRESSED"]),
)
REPORTS = st.lists(FINDINGS, max_size=15, unique_by=lambda finding: finding.id)
FILTERS = st.builds(
    a_filter,
    severity=st.sampled_from(Severity),
    only=st.sampled_from([(), ("fixable",), ("exploitable",), ("in-use",)]),
    kinds=st.sampled_from([(), (Kind.NEW,), (Kind.RESOLVED,)]),
    unknown_severity=st.booleans(),
)


def numbers_in(totals: str) -> list[int]:
    """Return the number of each severity in the total line."""
    counts = totals.partition(" open")[0]
    return [int(number.replace(",", "")) for number in re.findall(r"([\d,]+) [A-Za-z]", counts)]


@settings(deadline=None)
@given(old=REPORTS, new=REPORTS, filters=st.lists(FILTERS, min_size=1, max_size=3).map(tuple))
def test_numbers_add_up_for_any_filters(
    old: list[Finding], new: list[Finding], filters: tuple[Filter, ...]
) -> None:
    """Shown, unchanged and left out are all that is open; so are reported and left out."""
    entry = Suppression("CVE-2026-1", TODAY, "accepted")
    reports = a_report(*new, image=an_image(2)), a_report(*old, image=an_image(1))

    made = text_of(noticed(Scene(*reports, filters, suppressions=(entry,))), rows=50)

    left_out = sum(group.count for group in made.not_open.groups)
    listed = sum(section.count for section in made.sections if not section.kind.is_ended)
    unchanged = sum(group.count for group in made.left_out.groups) - left_out - made.suppressed
    assert listed + unchanged + left_out == made.open.count + left_out == made.total
    assert made.total == sum(numbers_in(made.totals))
    assert all(len(section.rows) == section.count for section in made.sections)


@pytest.mark.parametrize(
    ("basis", "name"),
    [
        (Basis(BasisKind.PREVIOUS_IMAGE), "the image before"),
        (Basis(BasisKind.PREVIOUS_IMAGE, an_image(1)), "1.4.1"),
        (Basis(BasisKind.PREVIOUS_IMAGE, an_image(1, tags=())), "sha256:000000000000"),
        (Basis(BasisKind.PREVIOUS_IMAGE, an_image(1, tags=("latest", "1.4.1"))), "1.4.1"),
        (Basis(BasisKind.PREVIOUS_IMAGE, an_image(1, tags=("latest",))), "sha256:000000000000"),
    ],
)
def test_the_image_before_is_never_ambiguous(basis: Basis, name: str) -> None:
    """A tag that moved names both images, so the digest is said instead."""
    assert before(basis, an_image(2, tags=("latest", "1.4.2"))) == name


def test_the_worst_score_comes_first_in_a_package() -> None:
    """Its line says how bad the worst one is; one alone says that itself."""
    scores = {"CVE-1": 7.5, "CVE-2": 9.8, "CVE-3": None}
    rows = [a_finding(id_, score=Score(score) if score else None) for id_, score in scores.items()]
    alone = a_finding("CVE-4", package="zlib", score=Score(8.1))

    openssl, zlib = text_of(noticed(Scene(a_report(*rows, alone)))).open.packages

    assert openssl.summary == "3 HIGH, up to CVSS 9.8"
    old = a_finding("CVE-5", score=Score(5.0, "2.0"))
    (package,) = text_of(noticed(Scene(a_report(old)))).open.packages
    assert package.score == "CVSS v2 5.0"
    assert [row.name for row in openssl.rows] == ["CVE-2", "CVE-1", "CVE-3"]
    assert (zlib.summary, zlib.score) == ("1 HIGH", "CVSS 8.1")


@pytest.mark.parametrize(
    ("findings", "title"),
    [
        (found(1), "1 HIGH open"),
        (found(1, **FIXED), "1 HIGH open, fix available"),
        (found(2, **FIXED) + found(1, start=50), "3 HIGH open, fix available for 2 of 3"),
        (
            found(1, package="linux", exploit_available="YES", **FIXED),
            "1 HIGH in the kernel, public exploit: check the hosts",
        ),
        (
            found(1, package="linux") + found(1, "MEDIUM", start=50, **FIXED),
            "1 HIGH in the kernel: check the hosts",
        ),
        (
            found(1, **FIXED) + found(1, "MEDIUM", start=50, package="linux", **FIXED),
            "1 HIGH, 1 MEDIUM open, fix available for 1 of 2",
        ),
    ],
)
def test_a_title_that_stands_says_what_makes_it_urgent(findings: list[Finding], title: str) -> None:
    """So does the title of an incident, of the worst alone."""
    text = text_of(noticed(Scene(a_report(*findings), filters=(a_filter(),))))

    assert text.standing == title


def test_a_title_that_stands_says_nothing_of_fixes_where_nothing_is_reported() -> None:
    """What no route asks for needs nobody."""
    lowered = a_report(*found(1, "LOW", **FIXED)), a_report(*found(1, **FIXED))

    text = text_of(noticed(Scene(*lowered, (a_filter(),))))

    assert text.standing == "nothing open but what is filtered out: 1 LOW"
