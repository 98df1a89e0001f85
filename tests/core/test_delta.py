"""The difference between what a view reported and what it should show."""

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lib.core.delta import Today, delta, explained, later_view
from lib.core.routing import Route
from lib.core.worth_notifying import Profile, profile_of
from lib.models import ChangeKind, Severity
from lib.models.streams import Arrival, StreamState
from lib.models.views import Condition, Delta, Kind, View
from tests.support.builders import a_finding, an_image
from tests.support.streams import (
    AMD,
    STREAM,
    TEAM,
    TODAY,
    a_departure,
    a_lifecycle,
    a_reported,
    a_reported_condition,
    a_route,
    a_stamp,
    a_state,
    a_view,
    a_watched,
    an_agreement,
    an_entry,
    an_unscanned_part,
    show,
    some_rules,
)

ID = "CVE-2024-0001"


def difference(
    view: View,
    state: StreamState,
    *routes: Route,
    suppressions: Any = (),
    profile: Profile | None = None,
    hash_: str = "rules",
) -> Delta:
    rules = some_rules(*routes, suppressions=suppressions, hash_=hash_)
    shown = show(state, *routes, suppressions=suppressions)
    return delta(view, state, shown, Today(rules, TODAY, profile or Profile()))


def kinds(found: Delta) -> dict[str, Kind]:
    return {change.item.id: change.kind for change in found.items}


def open_in(state: StreamState, **lifecycles: Any) -> StreamState:
    return replace(
        state, lifecycles={name.replace("_", "-"): value for name, value in lifecycles.items()}
    )


# --- what is in it ----------------------------------------------------------------------------


def test_a_view_that_shows_what_it_should_has_an_empty_delta() -> None:
    """What is unchanged is counted."""
    state = a_state(a_watched(a_finding()), version=2, lifecycles={ID: a_lifecycle()})

    found = difference(a_view(a_reported(), agreed=an_agreement()), state)

    assert found.is_empty
    assert not found.is_worth_a_message
    assert (found.unchanged, set(found.after)) == (1, {ID})


def test_items_are_sorted_by_kind_and_worst_first() -> None:
    """New ones before ended ones; within a kind by severity, exploit, fix and id."""
    rows = (
        a_finding("CVE-3"),
        a_finding("CVE-2", severity="CRITICAL"),
        a_finding("CVE-1"),
        a_finding("CVE-4", fixed_version="2"),
        a_finding("CVE-5", exploit_available="YES"),
    )
    lifecycles = {row.vulnerability_id: a_lifecycle(2) for row in rows}
    state = a_state(
        a_watched(*rows, image=an_image(2)), version=2, lifecycles=lifecycles,
        departures={ID: a_departure()},
    )  # fmt: skip

    found = difference(a_view(a_reported(), agreed=an_agreement()), state)

    order = [(change.kind, change.item.id) for change in found.items]
    assert order == [
        *((Kind.NEW, f"CVE-{number}") for number in (2, 5, 4, 1, 3)),
        (Kind.NO_LONGER_REPORTED, ID),
    ]  # fmt: skip


def test_what_ended_is_not_reported_afterwards() -> None:
    """The item is shown as it was reported, and has no place any more."""
    state = a_state(a_watched(image=an_image(2)), version=2, departures={ID: a_departure()})
    reported = a_reported(severity=Severity.CRITICAL)

    found = difference(a_view(reported, agreed=an_agreement()), state)

    (change,) = found.items
    assert (change.kind, change.item, change.desired) == (Kind.RESOLVED, reported, None)
    assert found.after == {}


def test_the_agreement_is_with_this_state_and_these_rules() -> None:
    """What an entry leaves out is remembered by it, for the day on which it ends."""
    state = a_state(a_watched(a_finding()), version=7)

    found = difference(a_view(), state, suppressions=(an_entry(),), hash_="others")

    agreement = found.agreement
    assert (agreement.version, agreement.at, agreement.rules) == (7, state.at, "others")
    assert agreement.suppressed == {ID: ID}
    assert agreement.current == state.images[0].image


def test_explained_has_what_is_unchanged_too() -> None:
    """Why a message did not come."""
    state = a_state(a_watched(a_finding()), version=2, lifecycles={ID: a_lifecycle()})
    view = a_view(a_reported(), agreed=an_agreement())

    (change,) = explained(view, state, show(state), Today(some_rules(), TODAY, Profile()))

    assert (change.kind, change.reason, change.worth) == (Kind.UNCHANGED, "reported before", False)


# --- the worst that was reported --------------------------------------------------------------


def test_a_view_keeps_the_worst_that_was_reported() -> None:
    """As long as the item stays."""
    state = a_state(a_watched(a_finding()), version=2, lifecycles={ID: a_lifecycle()})
    reported = a_reported(severity=Severity.CRITICAL, exploitable=True, fixable=True)

    found = difference(a_view(reported, agreed=an_agreement()), state)

    assert found.is_empty
    assert found.after[ID] == replace(reported)


def test_what_got_worse_is_reported_as_that() -> None:
    """Each for itself: a severity that fell stays, an exploit that came is added."""
    row = a_finding(exploit_available="YES", fixed_version="2")
    lifecycle = a_lifecycle(1, exploit_known=a_stamp(2), fix_available=a_stamp(2))
    state = a_state(a_watched(row), version=2, lifecycles={ID: lifecycle})
    view = a_view(a_reported(severity=Severity.CRITICAL), agreed=an_agreement())

    found = difference(view, state)

    item = found.after[ID]
    assert kinds(found) == {ID: Kind.EXPLOIT_KNOWN}
    assert (item.severity, item.exploitable, item.fixable) == (Severity.CRITICAL, True, True)


def test_a_severity_that_goes_up_and_down_is_raised_once() -> None:
    """HIGH, CRITICAL, HIGH, CRITICAL is one message."""
    view = a_view(a_reported(), agreed=an_agreement(1))
    messages = []
    for version, severity in enumerate(["CRITICAL", "HIGH", "CRITICAL"], start=2):
        raised = a_stamp(version) if severity == "CRITICAL" else None
        lifecycle = a_lifecycle(1, severity=Severity[severity], raised=raised)
        state = a_state(
            a_watched(a_finding(severity=severity)), version=version, lifecycles={ID: lifecycle}
        )
        found = difference(view, state)
        messages += [change.kind for change in found.items]
        view = replace(view, reported=found.after, agreement=found.agreement)

    assert messages == [Kind.RAISED]


# --- names ------------------------------------------------------------------------------------


def test_a_vulnerability_that_got_its_cve_is_the_same_one() -> None:
    """It is shown by the CVE from now on."""
    state = a_state(a_watched(a_finding(aliases=("GHSA-a",))), version=2)
    state = open_in(state, GHSA_a=a_lifecycle())

    found = difference(a_view(a_reported("GHSA-a"), agreed=an_agreement()), state)

    assert (found.is_empty, found.unchanged) == (True, 1)
    assert set(found.after) == {ID}


def test_a_vulnerability_whose_cve_is_not_named_any_more_is_the_same_one() -> None:
    """The view knows its other name."""
    state = open_in(a_state(a_watched(a_finding("GHSA-a")), version=2), GHSA_a=a_lifecycle())
    reported = a_reported(names=(ID, "GHSA-a"))

    found = difference(a_view(reported, agreed=an_agreement()), state)

    assert (found.is_empty, set(found.after)) == (True, {"GHSA-a"})


def test_two_cve_ids_with_a_common_alias_are_two() -> None:
    """The advisory moved from one to the other."""
    state = a_state(
        a_watched(a_finding("CVE-2", aliases=("GHSA-a",)), image=an_image(2)), version=2,
        lifecycles={"CVE-2": a_lifecycle(2)}, departures={ID: a_departure(names=(ID, "GHSA-a"))},
    )  # fmt: skip
    reported = a_reported(names=(ID, "GHSA-a"))

    found = difference(a_view(reported, agreed=an_agreement()), state)

    assert kinds(found) == {"CVE-2": Kind.NEW, ID: Kind.NO_LONGER_REPORTED}


def test_two_items_that_became_one_end_once() -> None:
    """One of them stays, the other is reported as it."""
    state = a_state(
        a_watched(a_finding(aliases=("GHSA-a",))), version=2, lifecycles={ID: a_lifecycle()}
    )
    view = a_view(a_reported(), a_reported("GHSA-a"), agreed=an_agreement())

    found = difference(view, state)

    assert kinds(found) == {"GHSA-a": Kind.NO_LONGER_REPORTED}
    assert set(found.after) == {ID}


def test_one_item_that_became_two_stays_one_of_them() -> None:
    """The other one is new to the view."""
    rows = (a_finding("CVE-1"), a_finding("GHSA-a"), a_finding("CVE-3", aliases=("GHSA-a",)),
            a_finding("CVE-4", aliases=("GHSA-a",)))  # fmt: skip
    lifecycles = {row.vulnerability_id: a_lifecycle() for row in rows}
    state = a_state(a_watched(*rows), version=2, lifecycles=lifecycles)
    reported = [a_reported("CVE-1", names=("CVE-1", "GHSA-a"))]
    reported += [a_reported("CVE-3"), a_reported("CVE-4")]

    found = difference(a_view(*reported, agreed=an_agreement()), state)

    assert kinds(found) == {"GHSA-a": Kind.NEW}


def test_an_item_is_not_taken_for_one_that_stays() -> None:
    """Two reported items had the advisory's name: the one that left goes on as the advisory."""
    rows = (a_finding("CVE-1"), a_finding("GHSA-a"))
    view = a_view(
        a_reported("CVE-1", names=("CVE-1", "GHSA-a")),
        a_reported("SNYK-x", names=("SNYK-x", "GHSA-a")),
        agreed=an_agreement(),
    )

    found = difference(view, a_state(a_watched(*rows), version=2))

    assert (found.is_empty, set(found.after)) == (True, {"CVE-1", "GHSA-a"})


def test_a_reported_item_is_the_same_as_one_desired_item_only() -> None:
    """Two names of it are two vulnerabilities now: the worst one keeps it."""
    rows = (a_finding("SNYK-x", severity="CRITICAL"), a_finding("GHSA-a"))
    state = a_state(a_watched(*rows), version=2)
    reported = a_reported(names=(ID, "GHSA-a", "SNYK-x"), severity=Severity.CRITICAL)

    found = difference(a_view(reported, agreed=an_agreement()), state)

    assert (kinds(found), found.unchanged) == ({"GHSA-a": Kind.NEW}, 1)


def test_an_item_is_found_again_under_a_name_that_a_scanner_used_before() -> None:
    """Its CVE and a database name it, then the database alone, then the CVE alone."""
    view = a_view(a_reported("CVE-1", names=("CVE-1", "SNYK-x")), agreed=an_agreement())
    for id_ in ("SNYK-x", "CVE-1"):
        found = difference(view, a_state(a_watched(a_finding(id_)), version=2))
        view = replace(view, reported=found.after)

        assert (found.is_empty, set(found.after)) == (True, {id_})


def test_a_name_that_is_another_vulnerability_now_is_no_name_of_the_first_one() -> None:
    """Else the end of the first one would read as if it was still there."""
    rows = (a_finding("CVE-1"), a_finding("SNYK-x"))
    view = a_view(a_reported("CVE-1", names=("CVE-1", "SNYK-x")), agreed=an_agreement())

    found = difference(view, a_state(a_watched(*rows), version=2))

    assert found.after["CVE-1"].names == ("CVE-1",)


# --- worth a message --------------------------------------------------------------------------


def test_what_is_no_news_is_in_the_delta_and_not_worth_a_message() -> None:
    """It is lowered below the threshold."""
    state = a_state(a_watched(a_finding(severity="LOW")), version=2)

    found = difference(a_view(a_reported(), agreed=an_agreement()), state)

    assert kinds(found) == {ID: Kind.NO_LONGER_REPORTED}
    assert not found.is_worth_a_message
    assert found.after == {}


def test_programs_get_what_is_no_news_for_people() -> None:
    """Else the state that they keep would differ."""
    state = a_state(a_watched(a_finding(severity="LOW")), version=2)
    view = a_view(a_reported(), agreed=an_agreement())

    assert difference(view, state, profile=profile_of("webhook", {})).is_worth_a_message


def test_a_first_report_opens_no_incident() -> None:
    """Unless a route asks for it."""
    state = a_state(a_watched(a_finding()), lifecycles={ID: a_lifecycle()})
    pager = profile_of("pagerduty", {})
    asked = a_route(kinds=(ChangeKind.BASELINE,))

    quiet = difference(a_view(), state, profile=pager)

    assert (kinds(quiet), quiet.is_worth_a_message) == ({ID: Kind.BASELINE}, False)
    assert difference(a_view(), state, asked, profile=pager).is_worth_a_message


def test_a_message_has_its_whole_delta() -> None:
    """One item that is worth it brings the others along."""
    rows = (a_finding(severity="LOW"), a_finding("CVE-2"))
    state = open_in(a_state(a_watched(*rows), version=2), CVE_2=a_lifecycle(2))

    found = difference(a_view(a_reported(), agreed=an_agreement()), state)

    assert found.is_worth_a_message
    assert {change.item.id: change.worth for change in found.items} == {"CVE-2": True, ID: False}


def test_the_kinds_of_the_route_that_desired_an_item_say_whether_its_end_is_news() -> None:
    """Also where that route does not apply any more."""
    state = a_state(a_watched(image=an_image(2)), version=2, departures={ID: a_departure()})
    view = a_view(a_reported(routes=("narrow",)), agreed=an_agreement())
    narrow = a_route("narrow", kinds=(ChangeKind.NEW,))

    assert not difference(view, state, narrow).is_worth_a_message
    assert difference(view, state, a_route()).is_worth_a_message


# --- conditions -------------------------------------------------------------------------------


def test_a_condition_is_news_when_it_appears_and_quiet_when_it_ends() -> None:
    """Also before there is any usable report."""
    failed = a_state(a_watched(parts=(an_unscanned_part(),)))

    came = difference(a_view(), failed)
    ended = difference(a_view(a_reported_condition(), agreed=an_agreement()), a_state(a_watched()))

    assert (kinds(came), came.is_worth_a_message) == ({f"FAILED {AMD}": Kind.SCAN_FAILED}, True)
    assert kinds(ended) == {f"FAILED {AMD}": Kind.NO_LONGER_REPORTED}
    assert not ended.is_worth_a_message


def test_the_end_of_monitoring_is_no_news_unless_a_route_asks() -> None:
    """Digest and page show it."""
    state = a_state(a_watched(monitored=False), version=2)
    view = a_view(agreed=an_agreement())

    found = difference(view, state)

    (change,) = found.items
    assert (change.kind, change.worth) == (Kind.MONITORING_ENDED, False)
    assert change.item.condition is Condition.MONITORING_ENDED


def test_a_condition_is_never_taken_for_a_vulnerability() -> None:
    """Not even where a name is the same."""
    state = a_state(a_watched(parts=(an_unscanned_part(),)), version=2)
    view = a_view(a_reported("CVE-1", names=("CVE-1", f"FAILED {AMD}")), agreed=an_agreement())

    assert set(kinds(difference(view, state))) == {"CVE-1", f"FAILED {AMD}"}


def test_a_vulnerability_is_never_taken_for_a_condition() -> None:
    """Nor the other way round."""
    key = f"FAILED {AMD}"
    state = a_state(a_watched(a_finding("CVE-1", aliases=(key,))), version=2)
    view = a_view(a_reported_condition(), agreed=an_agreement())

    assert set(kinds(difference(view, state))) == {"CVE-1", key}


# --- a route that came later ------------------------------------------------------------------


def test_what_a_later_route_asks_for_is_no_baseline() -> None:
    """The stream is older: alerts.yml says something else."""
    state = a_state(a_watched(a_finding()), version=5, lifecycles={ID: a_lifecycle()})

    found = difference(later_view(TEAM, STREAM, state), state)

    assert kinds(found) == {ID: Kind.RULES_CHANGED}


def test_what_comes_after_a_later_route_is_new() -> None:
    """Though nothing was sent in between."""
    state = a_state(a_watched(a_finding()), version=5, lifecycles={ID: a_lifecycle(6)})
    later = replace(state, version=6)

    found = difference(later_view(TEAM, STREAM, state), later)

    assert kinds(found) == {ID: Kind.NEW}


# --- whatever happens -------------------------------------------------------------------------

NAMES = st.sampled_from(["CVE-1", "CVE-2", "GHSA-a", "SNYK-x"])
STAMPS = st.none() | st.integers(1, 3).map(a_stamp)
REPORTED = st.builds(
    a_reported,
    NAMES,
    severity=st.sampled_from(Severity),
    exploitable=st.booleans(),
    names=st.lists(NAMES, max_size=3).map(tuple),
)
ROWS = st.builds(
    a_finding,
    NAMES,
    severity=st.sampled_from([severity.name for severity in Severity]),
    package=st.sampled_from(["openssl", "zlib"]),
    aliases=st.lists(NAMES, max_size=2).map(tuple),
    source_status=st.sampled_from(["ACTIVE", "CLOSED"]),
)
LIFECYCLES = st.builds(
    a_lifecycle,
    st.integers(1, 3),
    arrival=st.sampled_from(Arrival),
    severity=st.sampled_from(Severity),
    raised=STAMPS,
    exploit_known=STAMPS,
    fix_available=STAMPS,
    deployed=STAMPS,
    left_current=STAMPS,
)
STATES = st.builds(
    lambda images, lifecycles, departed: a_state(
        *[a_watched(*rows, image=an_image(number)) for number, rows in enumerate(images)],
        version=3,
        lifecycles=lifecycles,
        departures={name: a_departure(names=(name,)) for name in departed},
    ),
    st.lists(st.lists(ROWS, max_size=4), max_size=2),
    st.dictionaries(NAMES, LIFECYCLES),
    st.sets(NAMES),
)
VIEWS = st.builds(
    lambda items, agreed: a_view(*items, agreed=agreed),
    st.lists(REPORTED, max_size=4, unique_by=lambda item: item.id),
    st.none() | st.builds(an_agreement, st.integers(1, 3), st.sampled_from(["rules", "others"])),
)


@given(STATES, VIEWS)
def test_after_a_delta_the_view_shows_what_it_should(state: StreamState, view: View) -> None:
    """Every desired item is reported, at least as bad as it is; and nothing differs any more."""
    shown = show(state)

    found = difference(view, state)

    assert set(found.after) == set(shown.items)
    assert len(found.items) + found.unchanged == len(
        explained(view, state, shown, Today(some_rules(), TODAY, Profile()))
    )
    assert all(change.reason for change in found.items)
    for id_, item in found.after.items():
        assert item.severity >= shown.items[id_].reported.severity
    agreed = replace(view, reported=found.after, agreement=found.agreement)
    assert difference(agreed, state).is_empty
    assert difference(agreed, state).after == found.after


@given(STATES, VIEWS)
def test_every_reported_item_stays_or_ends(state: StreamState, view: View) -> None:
    """Nothing is lost: an item goes on, under another of its names too, or it ended once."""
    found = difference(view, state)

    ended = [change.item.id for change in found.items if change.desired is None]
    names = {name for item in found.after.values() for name in (item.id, *item.names)}
    assert len(ended) == len(set(ended))
    assert set(ended).isdisjoint(found.after)
    for id_, item in view.reported.items():
        assert id_ in ended or not names.isdisjoint((id_, *item.names))
