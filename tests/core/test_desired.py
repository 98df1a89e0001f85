"""What a destination should show of a stream, and why it shows nothing else."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.core.desired import desired
from lib.core.routing import Match, Route
from lib.core.suppressions import Suppression
from lib.core.verdicts import RuleSet
from lib.core.vulnerabilities import vulnerabilities_of
from lib.models import Destination, Finding, Package, ScanSource, Severity
from lib.models.streams import Comparison, Role
from lib.models.views import Condition
from tests.support.builders import a_digest, a_finding, an_image
from tests.support.streams import (
    AMD,
    TEAM,
    TODAY,
    a_part,
    a_route,
    a_state,
    a_watched,
    an_entry,
    an_unscanned_part,
    show,
)

WINDOWS = "windows/amd64 10.0.20348"


# --- routes and filters -----------------------------------------------------------------------


def test_findings_that_pass_are_items_by_vulnerability() -> None:
    """Two packages of one vulnerability are one item, at its worst severity."""
    rows = (
        a_finding(severity="HIGH", fixed_version="2", exploit_available="YES"),
        a_finding(package="zlib", severity="CRITICAL"),
        a_finding("CVE-2", severity="LOW"),
    )

    shown = show(a_state(a_watched(*rows)))

    (item,) = shown.items.values()
    assert item.reported.id == "CVE-2024-0001"
    assert item.reported.severity is Severity.CRITICAL
    assert item.reported.fixable
    assert item.reported.exploitable
    assert item.reported.routes == ("all",)
    assert [row.package.name for row in item.findings] == ["openssl", "zlib"]
    assert item.images == (an_image(),)
    assert shown.refused == {"CVE-2": "below HIGH"}
    assert shown.applies


def test_only_rows_that_pass_make_the_item() -> None:
    """The severity of a package that is filtered out is not that of the item."""
    rows = (
        a_finding(severity="CRITICAL"),
        a_finding(package="zlib", severity="HIGH", fixed_version="2"),
    )

    shown = show(a_state(a_watched(*rows)), a_route(only=("fixable",)))

    (item,) = shown.items.values()
    assert item.reported.severity is Severity.HIGH
    assert [row.package.name for row in item.findings] == ["zlib"]


def test_the_first_route_that_matches_wins() -> None:
    """A later one adds nothing, unless the first continues."""
    state = a_state(a_watched(a_finding(severity="MEDIUM")))
    narrow = a_route("narrow", match=Match(tag=("1.*",)), severity=Severity.CRITICAL)
    wide = a_route("wide", severity=Severity.LOW)

    assert not show(state, narrow, wide).items
    assert show(state, wide, narrow).items


def test_items_are_those_of_all_routes_that_apply() -> None:
    """Each item names the routes that desire it."""
    state = a_state(
        a_watched(a_finding("CVE-1", severity="CRITICAL"), a_finding("CVE-2", severity="MEDIUM"))
    )
    first = a_route("first", match=Match(), severity=Severity.HIGH, continues=True)
    second = a_route("second", severity=Severity.LOW)

    shown = show(state, first, second)

    routes = {id_: item.reported.routes for id_, item in shown.items.items()}
    assert routes == {"CVE-1": ("first", "second"), "CVE-2": ("second",)}


def test_a_route_that_leads_elsewhere_desires_nothing_here() -> None:
    """The image is somebody else's."""
    shown = show(a_state(a_watched(a_finding())), a_route(to=(Destination("other"),)))

    assert not shown.applies
    assert shown.refused == {"CVE-2024-0001": "no route leads there"}


def test_a_route_to_nobody_is_matched_on_purpose() -> None:
    """`notify: []` keeps the next route from what it matches."""
    silent = a_route("silent", match=Match(tag=("1.*",)), to=())

    assert not show(a_state(a_watched(a_finding())), silent, a_route()).applies


def test_a_route_applies_without_any_finding() -> None:
    """The first report of a clean image sets the baseline, too."""
    assert show(a_state(a_watched())).applies


def test_a_stream_without_images_desires_nothing() -> None:
    """Nothing is watched."""
    shown = show(a_state())

    assert (shown.applies, shown.items, shown.refused) == (False, {}, {})


@pytest.mark.parametrize("glob", ["windows/amd64", "windows/*", WINDOWS, "linux/amd64"])
def test_the_platform_of_any_part_is_enough(glob: str) -> None:
    """With or without the version of its operating system."""
    image = a_watched(parts=(a_part(a_finding()), a_part(part=WINDOWS)))

    assert show(a_state(image), a_route(match=Match(platform=(glob,)))).items


def test_a_part_of_unknown_platform_is_matched_by_that_of_its_image() -> None:
    """Single images often have their platform from the image alone."""
    image = an_image(platform="linux/arm64")
    state = a_state(a_watched(a_finding(), image=image, part=""))

    assert show(state, a_route(match=Match(platform=("linux/arm64",)))).items
    assert not show(state, a_route(match=Match(platform=("linux/amd64",)))).applies


def test_the_source_is_that_of_the_findings() -> None:
    """What an earlier scanner found is matched as such."""
    carried = a_part(a_finding("CVE-1"), source=ScanSource.ECR_BASIC).evidence
    state = a_state(a_watched(a_finding("CVE-2"), complete=False, carried=carried))

    basic = show(state, a_route(match=Match(source=("ecr-basic",))))
    enhanced = show(state, a_route(match=Match(source=("ecr-enhanced",))))

    assert (set(basic.items), set(enhanced.items)) == ({"CVE-1"}, {"CVE-2"})
    assert basic.applies
    assert enhanced.applies


def test_what_the_source_lists_as_closed_is_no_item() -> None:
    """Neither desired nor refused: it is not open."""
    rows = (a_finding(source_status="CLOSED"), a_finding("CVE-2", source_status="SUPPRESSED"))

    shown = show(a_state(a_watched(*rows)))

    assert (shown.items, shown.suppressed, shown.refused) == ({}, {}, {})


def test_a_refusal_names_what_every_filter_misses() -> None:
    """Of several thresholds the lowest; of packages that differ each reason."""
    rows = (a_finding(severity="LOW"), a_finding(package="zlib", severity="HIGH"))
    first = a_route("first", match=Match(), severity=Severity.CRITICAL, continues=True)
    second = a_route("second", severity=Severity.MEDIUM, only=("fixable",))

    shown = show(a_state(a_watched(*rows)), first, second)

    assert shown.refused == {"CVE-2024-0001": "below MEDIUM, no fix known"}


def test_a_missing_route_of_one_image_hides_no_refusal_of_another() -> None:
    """The image for which a route leads there says why."""
    old = a_watched(a_finding(severity="LOW"), image=an_image(1), role=Role.RUNNING, running=True)
    state = a_state(a_watched(a_finding(severity="LOW"), image=an_image(2)), old)

    shown = show(state, a_route(match=Match(tag=("1.4.2",))), a_route("rest", to=()))

    assert shown.refused == {"CVE-2024-0001": "below HIGH"}


# --- watched images ---------------------------------------------------------------------------


def test_a_vulnerability_of_several_images_is_one_item() -> None:
    """The current image comes first; a package that both have in one version is named once."""
    current = a_watched(a_finding(), image=an_image(2))
    old = a_watched(
        a_finding(), a_finding(version="3.0.9"), image=an_image(1), role=Role.RUNNING, running=True
    )

    (item,) = show(a_state(current, old)).items.values()

    assert item.images == (an_image(2), an_image(1))
    assert [row.package.version for row in item.findings] == ["3.0.11-1", "3.0.9"]


def test_in_use_desires_the_findings_of_running_images_alone() -> None:
    """The current image need not run."""
    current = a_watched(a_finding("CVE-1"), image=an_image(2))
    old = a_watched(a_finding("CVE-2"), image=an_image(1), role=Role.RUNNING, running=True)

    shown = show(a_state(current, old), a_route(only=("in-use",)))

    assert set(shown.items) == {"CVE-2"}
    assert shown.refused == {"CVE-1": "not known to be in use"}


def test_whether_an_image_runs_is_no_longer_what_its_report_counted() -> None:
    """The count of an old report is overtaken."""
    state = a_state(a_watched(a_finding(), image=an_image(in_use_count=3)))

    shown = show(state, a_route(only=("in-use",)))

    assert shown.refused == {"CVE-2024-0001": "not in use"}


def test_a_part_without_a_result_keeps_what_was_known() -> None:
    """The findings of the last usable report stay desired, in the image that has the tag now."""
    known = a_part(a_finding(), image=an_image(1)).evidence
    state = a_state(a_watched(image=an_image(2), parts=(an_unscanned_part("FAILED", *known),)))

    shown = show(state)

    assert set(shown.items) == {"CVE-2024-0001", f"FAILED {AMD}"}
    assert shown.items["CVE-2024-0001"].images == (an_image(2),)


# --- suppressions -----------------------------------------------------------------------------


def test_what_an_entry_covers_is_not_desired() -> None:
    """Through its last day, and the entry is named."""
    state = a_state(a_watched(a_finding()))

    assert show(state, suppressions=(an_entry(),)).suppressed == {"CVE-2024-0001": "CVE-2024-0001"}
    assert show(state, suppressions=(an_entry(expires=date(2026, 11, 22)),)).items


def test_an_entry_covers_all_rows_of_a_vulnerability_by_any_of_its_names() -> None:
    """Though only one of them names the advisory, or is it."""
    rows = (a_finding(aliases=("GHSA-a",)), a_finding(package="zlib"), a_finding("GHSA-a"))

    shown = show(a_state(a_watched(*rows)), suppressions=(an_entry("GHSA-a"),))

    assert (shown.items, shown.suppressed) == ({}, {"CVE-2024-0001": "GHSA-a"})


def test_an_entry_leaves_out_what_a_filter_would_refuse_by_the_filter() -> None:
    """It suppresses nothing: the severity is below the threshold anyway."""
    shown = show(a_state(a_watched(a_finding(severity="LOW"))), suppressions=(an_entry(),))

    assert (shown.suppressed, shown.refused) == ({}, {"CVE-2024-0001": "below HIGH"})


def test_one_package_that_an_entry_covers_is_enough_to_name_it() -> None:
    """The others are refused anyway: without the entry it would be an item."""
    rows = (a_finding(package="zlib", severity="LOW"), a_finding())

    shown = show(a_state(a_watched(*rows)), suppressions=(an_entry(),))

    assert (shown.suppressed, shown.refused) == ({"CVE-2024-0001": "CVE-2024-0001"}, {})


def test_a_package_that_is_suppressed_leaves_the_others() -> None:
    """The item is what is left, and as bad as that."""
    rows = (a_finding(severity="CRITICAL"), a_finding(package="zlib", severity="HIGH"))

    shown = show(a_state(a_watched(*rows)), suppressions=(an_entry(package="openssl"),))

    (item,) = shown.items.values()
    assert not shown.suppressed
    assert item.reported.severity is Severity.HIGH
    assert [row.package.name for row in item.findings] == ["zlib"]


def test_an_entry_for_one_image_leaves_the_others() -> None:
    """A digest limits it."""
    state = a_state(
        a_watched(a_finding(), image=an_image(2)),
        a_watched(a_finding(), image=an_image(1), role=Role.RUNNING, running=True),
    )

    (item,) = show(state, suppressions=(an_entry(digest=a_digest(1)),)).items.values()

    assert item.images == (an_image(2),)


# --- compared with another stream -------------------------------------------------------------


def test_what_the_other_stream_has_is_not_desired() -> None:
    """Under whatever name it has it there."""
    rows = (a_finding("CVE-1", aliases=("GHSA-a",)), a_finding("CVE-2"), a_finding("CVE-3"))
    first = frozenset({"CVE-1", "CVE-2"})
    comparison = Comparison(a_digest(), frozenset({"GHSA-a"}), first)

    shown = show(a_state(a_watched(*rows), comparison=comparison))

    assert set(shown.items) == {"CVE-2"}
    assert shown.compared
    assert shown.refused == {
        "CVE-1": "the stream that it is compared with has it, too",
        "CVE-3": "found after the comparison",
    }


def test_until_the_first_complete_report_everything_counts() -> None:
    """Nothing says yet what comes later."""
    state = a_state(a_watched(a_finding("CVE-1"), a_finding("CVE-2")))
    compared = replace(state, comparison=Comparison(a_digest(), frozenset({"CVE-1"})))

    assert set(show(compared).items) == {"CVE-2"}
    assert not show(state).compared


# --- conditions -------------------------------------------------------------------------------


def test_a_part_without_a_result_is_an_item() -> None:
    """With its reason; no threshold concerns it."""
    parts = (a_part(), an_unscanned_part("UNSUPPORTED_IMAGE", part=WINDOWS))

    shown = show(a_state(a_watched(parts=parts)), a_route(severity=Severity.CRITICAL))

    (item,) = shown.items.values()
    assert item.reported.id == f"UNSUPPORTED_IMAGE {WINDOWS}"
    assert item.reported.condition is Condition.NOT_SCANNED
    assert (item.reason, item.images) == ("status UNSUPPORTED_IMAGE", (an_image(),))
    assert item.reported.routes == ("all",)


def test_the_same_condition_of_two_images_is_one_item() -> None:
    """It is known by part and meaning."""
    part = (an_unscanned_part(),)
    state = a_state(
        a_watched(image=an_image(2), parts=part),
        a_watched(image=an_image(1), role=Role.RUNNING, running=True, parts=part),
    )

    (item,) = show(state).items.values()

    assert item.images == (an_image(2), an_image(1))


@pytest.mark.parametrize(
    ("limits", "suppressed"),
    [({}, True), ({"package": AMD}, True), ({"package": "openssl"}, False)],
)
def test_a_condition_is_suppressed_by_its_name(limits: dict[str, str], *, suppressed: bool) -> None:
    """As a vulnerability is; the part stands for the package."""
    state = a_state(a_watched(parts=(an_unscanned_part("UNSUPPORTED_IMAGE"),)))

    shown = show(state, suppressions=(an_entry("NOT_SCANNED", **limits),))

    assert bool(shown.suppressed) is suppressed
    assert bool(shown.items) is not suppressed


def test_in_use_desires_the_conditions_of_running_images_alone() -> None:
    """An image that merely exists alerts nobody."""
    state = a_state(
        a_watched(image=an_image(2), parts=(an_unscanned_part(),)),
        a_watched(
            image=an_image(1), role=Role.RUNNING, running=True,
            parts=(an_unscanned_part("UNSUPPORTED_IMAGE"),),
        ),
    )  # fmt: skip

    shown = show(state, a_route(only=("in-use",)))

    assert set(shown.items) == {f"UNSUPPORTED_IMAGE {AMD}"}
    assert shown.refused == {f"FAILED {AMD}": "not in use"}


def test_a_condition_goes_where_routes_of_its_scanner_lead() -> None:
    """A route for basic scanning is no way for a failure of enhanced scanning."""
    state = a_state(a_watched(parts=(an_unscanned_part(),)))

    shown = show(state, a_route(match=Match(source=("ecr-basic",))))

    assert shown.refused == {f"FAILED {AMD}": "no route leads there"}


def test_an_incident_of_conditions_needs_an_image_without_any_result() -> None:
    """One part that is scanned is enough to have none."""
    partly = a_state(a_watched(parts=(a_part(), an_unscanned_part(part=WINDOWS))))
    not_at_all = a_state(a_watched(parts=(an_unscanned_part(),)))

    quiet = show(partly, conditions_beside_results=False)

    assert (len(quiet.items), len(show(partly).items)) == (0, 1)
    assert quiet.refused == {f"FAILED {WINDOWS}": "a part of the current image has a usable result"}
    assert show(not_at_all, conditions_beside_results=False).items


def test_without_a_current_image_its_result_is_missing() -> None:
    """What runs without a result is an incident then."""
    old = a_watched(role=Role.RUNNING, running=True, parts=(a_part(), an_unscanned_part(part="x")))

    assert show(a_state(old), conditions_beside_results=False).items


# --- nothing is lost --------------------------------------------------------------------------


ROWS = st.builds(
    Finding,
    st.sampled_from(["CVE-1", "CVE-2", "GHSA-a", "GHSA-b"]),
    package=st.builds(Package, st.sampled_from(["openssl", "zlib"]), st.just("1")),
    severity=st.sampled_from(Severity),
    aliases=st.lists(st.sampled_from(["CVE-1", "CVE-2", "GHSA-a"]), max_size=2).map(tuple),
    source_status=st.sampled_from(["ACTIVE", "CLOSED"]),
    fix_available=st.sampled_from(["YES", "NO", None]),
)
IMAGES = st.lists(st.tuples(st.booleans(), st.lists(ROWS, max_size=5)), max_size=3)
ROUTES = st.lists(
    st.builds(
        a_route,
        st.sampled_from(["one", "two"]),
        match=st.sampled_from([Match(), Match(tag=("1.4.1",)), Match(platform=("windows/*",))]),
        to=st.sampled_from([(), (TEAM,)]),
        continues=st.booleans(),
        severity=st.sampled_from(Severity),
        only=st.sampled_from([(), ("fixable",), ("in-use",)]),
    ),
    max_size=3,
)
ENTRIES = st.lists(
    st.builds(
        an_entry,
        st.sampled_from(["CVE-1", "GHSA-a"]),
        package=st.sampled_from([None, "zlib"]),
        expires=st.sampled_from([TODAY, date(2026, 11, 1)]),
    ),
    max_size=2,
)


@given(IMAGES, ROUTES, ENTRIES)
def test_shown_and_not_shown_is_all_that_is_open(
    images: list[tuple[bool, list[Finding]]], routes: list[Route], entries: list[Suppression]
) -> None:
    """Every open vulnerability is in exactly one group, the last two with their reason."""
    state = a_state(
        *[
            a_watched(
                *rows,
                image=an_image(number),
                role=Role.RUNNING if number else Role.CURRENT,
                running=running,
            )
            for number, (running, rows) in enumerate(images)
        ]
    )

    rules, grouped = RuleSet(routes, entries), vulnerabilities_of(state.images)
    shown = desired(state, TEAM, rules, today=TODAY)

    groups = [*shown.items, *shown.suppressed, *shown.refused]
    is_open = [
        vulnerability.id
        for vulnerability in grouped
        if any(row.open for row in vulnerability.findings)
    ]
    assert sorted(groups) == sorted(is_open)
    assert set(shown.names) == set(is_open)
    assert all(shown.suppressed.values())
    assert all(shown.refused.values())
    assert all(item.findings and item.images for item in shown.items.values())
    assert list(shown.items) == [id_ for id_ in is_open if id_ in shown.items]
