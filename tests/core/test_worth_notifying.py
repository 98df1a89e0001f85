"""What types of destinations make of notifications."""

from typing import Any

import pytest

from lib.core.worth_notifying import Interests, Profile, profile_of
from lib.models import ChangeKind, Severity
from lib.models.views import Kind, ReportedItem
from tests.support.streams import a_reported, a_route

QUIET = {Kind.UNCHANGED, Kind.NO_LONGER_REPORTED, Kind.MONITORING_ENDED}
PROGRAMS = [
    ("webhook", {}),
    ("sns", {"format": "json"}),
    ("sns", {"format": "ocsf"}),
]
PEOPLE = [("slack", {"webhook": {}}), ("sns", {}), ("sns", {"format": "amazon-q"})]


@pytest.mark.parametrize(("type_", "options"), [*PEOPLE, ("jira", {}), ("slack", {"token": {}})])
def test_people_are_notified_of_everything_but_what_is_no_news(
    type_: str, options: dict[str, Any]
) -> None:
    """By default; the end of monitoring stands in digest and page."""
    profile = profile_of(type_, options)

    assert profile.kinds == set(Kind) - QUIET
    assert not profile.is_program
    assert profile.conditions_beside_results


def test_an_incident_is_opened_by_what_came_and_got_worse() -> None:
    """What was there before, and what only has to be deployed, wakes nobody."""
    profile = profile_of("pagerduty", {})

    assert profile.kinds == set(Kind) - QUIET - {Kind.BASELINE, Kind.FIX_READY}
    assert not profile.conditions_beside_results


@pytest.mark.parametrize(("type_", "options"), PROGRAMS)
def test_programs_get_everything_that_differs(type_: str, options: dict[str, Any]) -> None:
    """They keep a state of their own."""
    profile = profile_of(type_, options)

    assert profile.kinds == set(Kind) - {Kind.UNCHANGED}
    assert profile.is_program
    assert not profile.keeps_current


@pytest.mark.parametrize(
    ("type_", "options", "expected"),
    [
        ("slack", {"token": {}}, True), ("jira", {}, True), ("pagerduty", {}, True),
        *[(*person, False) for person in PEOPLE],
    ],
)  # fmt: skip
def test_what_can_be_edited_is_kept_current(
    type_: str, options: dict[str, Any], *, expected: bool
) -> None:
    """A bot's message, an issue, an incident."""
    assert profile_of(type_, options).keeps_current is expected


def test_an_option_counts_for_its_own_type() -> None:
    """A webhook has no bot's token, and Slack no format."""
    assert not profile_of("sns", {"token": {}}).keeps_current
    assert not profile_of("slack", {"webhook": {}, "format": "json"}).is_program


def an_item(*routes: str) -> ReportedItem:
    return a_reported(severity=Severity.HIGH, routes=routes)


def test_a_route_says_which_kinds_are_news() -> None:
    """Its kinds replace the default, in both directions."""
    route = a_route("narrow", kinds=(ChangeKind.NEW, ChangeKind.UNCHANGED))
    interests = Interests([route, a_route("wide")], Profile())

    asked = {kind for kind in Kind if interests.ask_for(kind, an_item("narrow"))}

    assert asked == {Kind.NEW, Kind.UNCHANGED}
    assert interests.ask_for(Kind.RAISED, an_item("wide"))
    assert not interests.ask_for(Kind.UNCHANGED, an_item("wide"))


def test_one_route_that_desires_an_item_or_desired_it_is_enough() -> None:
    """Routes can change between the message and the end."""
    interests = Interests([a_route("narrow", kinds=(ChangeKind.NEW,)), a_route()], Profile())

    assert not interests.ask_for(Kind.RESOLVED, an_item("narrow"), None)
    assert interests.ask_for(Kind.RESOLVED, an_item("narrow"), an_item("all"))
    assert interests.ask_for(Kind.RESOLVED, an_item("narrow", "all"))


def test_a_route_that_is_gone_asks_for_the_default() -> None:
    """Its end of items is notified as that of any other."""
    interests = Interests([a_route("narrow", kinds=(ChangeKind.NEW,))], Profile())

    assert interests.ask_for(Kind.RESOLVED, an_item("renamed"))
    assert interests.ask_for(Kind.RESOLVED, an_item())
    assert not interests.ask_for(Kind.UNCHANGED, an_item("renamed"))
