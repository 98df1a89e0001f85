"""What the rules say of the findings and conditions of one image."""

from typing import Any

import pytest

from lib.core.conditions import conditions
from lib.core.routing import BELOW, Route, refusal
from lib.core.verdicts import NO_EXPLOIT, NO_FIX, NOT_RUNNING, Judge, RuleSet, joined
from lib.models import ScanSource, Severity
from lib.models.streams import WatchedImage
from tests.support.builders import a_filter, a_finding, an_image
from tests.support.streams import TEAM, TODAY, a_route, a_watched, an_entry, an_unscanned_part


def a_judge(watched: WatchedImage, *routes: Route, suppressions: Any = ()) -> Judge:
    names = {"CVE-2024-0001": ("CVE-2024-0001", "GHSA-a")}
    return Judge(watched, TEAM, RuleSet(routes or (a_route(),), suppressions), TODAY, names)


def test_a_finding_that_passes_names_its_routes() -> None:
    """Exactly one of routes, entry and refusals is there."""
    (verdict,) = a_judge(a_watched(a_finding())).findings()

    assert verdict.image == an_image()
    assert (verdict.routes, verdict.entry, verdict.refusals) == (("all",), None, ())


def test_a_finding_that_an_entry_covers_names_it() -> None:
    """By any name of the vulnerability."""
    (verdict,) = a_judge(a_watched(a_finding()), suppressions=(an_entry("GHSA-a"),)).findings()

    assert (verdict.routes, verdict.entry, verdict.refusals) == ((), "GHSA-a", ())


def test_a_finding_that_no_filter_lets_through_has_every_refusal() -> None:
    """One of each route."""
    routes = (a_route("one", continues=True, severity=Severity.CRITICAL),
              a_route("two", only=("fixable",)))  # fmt: skip

    (verdict,) = a_judge(a_watched(a_finding()), *routes).findings()

    assert (verdict.routes, verdict.refusals) == ((), ("below CRITICAL", "no fix known"))


def test_findings_that_filters_tell_apart_are_judged_apart() -> None:
    """What looks alike to filters is asked once, and nothing else is."""
    rows = [
        a_finding("CVE-1"),
        a_finding("CVE-2", fix_available="NO"),
        a_finding("CVE-3", fixed_version="2"),
        a_finding("CVE-4", fixed_version="2", exploit_available="YES"),
        a_finding("CVE-5", severity="LOW"),
    ]
    route = a_route(only=("fixable", "exploitable"))

    found = {
        verdict.finding.vulnerability_id: verdict.refusals
        for verdict in a_judge(a_watched(*rows), route).findings()
    }

    assert found == {
        "CVE-1": ("no fix known",), "CVE-2": ("no fix available",),
        "CVE-3": ("no known exploit",), "CVE-4": (), "CVE-5": ("below HIGH",),
    }  # fmt: skip


def test_a_condition_is_asked_by_the_source_of_its_part() -> None:
    """Its stand-in has its name, and its part for a package."""
    part = an_unscanned_part(source=ScanSource.ECR_BASIC)
    judge = a_judge(a_watched(parts=(part,)), a_route(severity=Severity.CRITICAL))

    verdict = judge.condition(conditions(part)[0], part)

    assert verdict.routes == ("all",)
    assert (verdict.finding.vulnerability_id, verdict.finding.package.name) == (
        "SCAN_FAILED",
        "linux/amd64",
    )


@pytest.mark.parametrize(
    ("refusals", "words"),
    [
        (["below HIGH", "no fix known", "below HIGH"], "below HIGH, no fix known"),
        (["below CRITICAL", "below MEDIUM", "below HIGH"], "below MEDIUM"),
        (["no route leads there", "below HIGH"], "below HIGH"),
        (["no route leads there"], "no route leads there"),
        ([], ""),
    ],
)
def test_refusals_are_joined_without_what_says_nothing(refusals: list[str], words: str) -> None:
    """Of thresholds the lowest, and no missing route beside a reason."""
    assert joined(refusals) == words


def test_the_words_of_filters_are_known() -> None:
    """They are recognized where an item ended."""
    row = a_finding(severity="LOW")
    image = an_image()

    def words(row: Any = row, image: Any = image, **fields: Any) -> str | None:
        return refusal(row, image, a_filter(**{"severity": Severity.LOW} | fields))

    assert (words(severity=Severity.HIGH) or "").startswith(BELOW)
    assert {
        words(only=("fixable",)),
        words(a_finding(severity="LOW", fix_available="NO"), only=("fixable",)),
    } == set(NO_FIX)
    assert words(only=("exploitable",)) == NO_EXPLOIT
    assert {words(only=("in-use",)), words(image=an_image(in_use_count=0), only=("in-use",))} == (
        set(NOT_RUNNING)
    )
