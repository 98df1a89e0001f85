"""Why reported items ended: proven fixed, or a reason in words."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from lib.core.endings import Endings, Judgement
from lib.core.routing import Match
from lib.models import Destination, ScanSource, Severity
from lib.models.streams import Arrival, Role, StreamState
from lib.models.views import Kind, ReportedItem
from tests.support.builders import a_finding, an_image
from tests.support.streams import (
    AMD,
    a_departure,
    a_lifecycle,
    a_part,
    a_reported,
    a_reported_condition,
    a_route,
    a_state,
    a_watched,
    an_agreement,
    an_entry,
    an_unscanned_part,
    show,
    some_rules,
)

ID = "CVE-2024-0001"
LISTED, FIXED = "payments/api:1.4.1", "payments/api:1.4.2"
ENDED = Kind.NO_LONGER_REPORTED


def ending(
    state: StreamState,
    item: ReportedItem | None = None,
    *,
    route: Any = None,
    suppressions: Any = (),
    hash_: str = "rules",
) -> Judgement:
    """Return how an item ended that was reported after version 1."""
    route = route or a_route()
    shown = show(state, route, suppressions=suppressions)
    rules = some_rules(route, suppressions=suppressions, hash_=hash_)
    return Endings(state, shown, an_agreement(1), rules).ending(item or a_reported())


UNCHANGED = (
    "the scanner no longer lists it although openssl 3.0.11-1 is unchanged "
    f"in {FIXED}, so it may not be fixed"
)


def gone(*rows: Any, image: int = 2, departure: Any = None, **part: Any) -> StreamState:
    """Return a stream where 1.4.1 listed the vulnerability last, and another image is current."""
    left = {ID: departure or a_departure()}
    return a_state(a_watched(*rows, image=an_image(image), **part), version=2, departures=left)


# --- fixed ------------------------------------------------------------------------------------


def test_what_the_next_image_has_no_more_is_resolved() -> None:
    """Its complete report by the same scanner is the proof."""
    assert ending(gone()) == (Kind.RESOLVED, f"present in {LISTED}, gone in {FIXED}")


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (Arrival.DELETION, "payments/api:1.4.1 was deleted"),
        (Arrival.DEPLOYMENT, "payments/api:1.4.1 does not run any more"),
    ],
)
def test_what_became_of_the_image_is_part_of_the_reason(cause: Arrival, words: str) -> None:
    """A deleted image fixes nothing by itself; the other one does not have it."""
    kind, reason = ending(gone(departure=a_departure(cause=cause)))

    assert kind is Kind.RESOLVED
    assert reason == f"{words}, and {FIXED} does not have it"


def test_a_departure_is_found_by_any_name() -> None:
    """It was reported as an advisory, and left as a CVE."""
    item = a_reported("GHSA-a")
    departure = a_departure(names=(ID, "GHSA-a"))

    assert ending(gone(departure=departure), item)[0] is Kind.RESOLVED


def test_a_setting_is_resolved_by_a_check_of_the_same_repository() -> None:
    """The repository is its own next image."""
    repository = an_image(digest="", tags=())
    departure = a_departure(image=repository, scanner="repository", parts=("",), packages=())
    part = {"image": repository, "part": "", "source": ScanSource.REPOSITORY}
    states = [
        a_state(a_watched(**part, complete=complete), version=2, departures={ID: departure})
        for complete in (True, False)
    ]

    assert ending(states[0]) == (Kind.RESOLVED, "as it should be now")
    assert ending(states[1]) == (ENDED, "payments/api has no complete report of its own")


# --- not proven -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (
            gone(source=ScanSource.ECR_BASIC),
            f"another scanner: ecr-enhanced listed it, ecr-basic scanned {FIXED}",
        ),
        (gone(part="linux/arm64"), f"no image has a part for {AMD} any more"),
        (gone(complete=False), f"{FIXED} has no complete report of its own"),
    ],
)
def test_what_is_not_proven_fixed_is_no_longer_reported(state: StreamState, reason: str) -> None:
    """The reason says what became of the image, and what is missing."""
    assert ending(state) == (ENDED, f"not proven fixed after {LISTED}: {reason}")


def test_an_unchanged_package_is_a_whole_sentence() -> None:
    """The scanner changed its mind: nothing else is to be said."""
    assert ending(gone(a_finding("CVE-2", severity="LOW"))) == (ENDED, UNCHANGED)


def test_what_is_not_proven_fixed_after_a_deletion_says_both() -> None:
    """The image is gone, and the other one has no report."""
    state = gone(complete=False, departure=a_departure(cause=Arrival.DELETION))

    assert ending(state) == (
        ENDED,
        f"{LISTED} was deleted: {FIXED} has no complete report of its own",
    )


def test_what_the_same_image_lists_no_more_is_not_fixed() -> None:
    """Nothing in it changed: the scanner knows better."""
    assert ending(gone(image=1)) == (
        ENDED,
        "not listed any more for the same image, payments/api:1.4.1: the scanner knows better now",
    )
    assert "another scanner" in ending(gone(image=1, source=ScanSource.ECR_BASIC))[1]


def test_the_image_that_listed_it_last_need_not_be_the_current_one() -> None:
    """It still runs, and lists it no more."""
    images = (
        a_watched(image=an_image(2)),
        a_watched(image=an_image(1), role=Role.RUNNING, running=True),
    )
    state = a_state(*images, version=2, departures={ID: a_departure()})

    assert ending(state)[1].startswith("not listed any more for the same image")


def test_without_an_agreement_no_rules_changed() -> None:
    """Nothing is known of those before."""
    rules = some_rules(a_route(severity=Severity.CRITICAL))
    state = still()
    endings = Endings(state, show(state, *rules.routes), None, rules)

    assert endings.ending(a_reported()) == (ENDED, "below CRITICAL")


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("CLOSED", "closed at the source"),
        ("SUPPRESSED", "suppressed at the source"),
        ("ARCHIVED", "ARCHIVED at the source"),
    ],
)
def test_what_the_source_closed_is_not_fixed(word: str, reason: str) -> None:
    """Even where the next image has a complete report."""
    assert ending(gone(departure=a_departure(closed=word))) == (ENDED, reason)


def test_without_a_watched_image_nothing_is_fixed() -> None:
    """The repository or its last image was deleted, or nothing runs any more."""
    departure = a_departure(cause=Arrival.DELETION)
    state = a_state(version=2, departures={ID: departure})

    assert ending(state) == (
        ENDED,
        "payments/api:1.4.1 was deleted, and no image is watched any more",
    )
    state = a_state(version=2, departures={ID: a_departure()})
    assert ending(state) == (ENDED, "no image is watched any more")
    assert ending(a_state(version=2)) == (ENDED, "no image is watched any more")


def test_what_nothing_is_known_of_is_not_fixed() -> None:
    """The state kept no departure."""
    assert ending(a_state(a_watched(), version=2)) == (ENDED, "no scan lists it")


# --- still open -------------------------------------------------------------------------------


def still(severity: str = "HIGH", **row: Any) -> StreamState:
    lifecycles = {ID: a_lifecycle(severity=Severity[severity])}
    return a_state(a_watched(a_finding(severity=severity, **row)), version=2, lifecycles=lifecycles)


def test_what_an_entry_covers_now_names_it() -> None:
    """With its end and its reason, whatever other entries there are."""
    entries = (an_entry("CVE-2"), an_entry(expires=date(2026, 12, 24)))

    assert ending(still(), suppressions=entries) == (
        ENDED,
        f"suppressed by {ID} until 2026-12-24: not reachable",
    )


def test_what_was_lowered_below_the_threshold_is_not_fixed() -> None:
    """The reason has both severities."""
    item = a_reported(severity=Severity.CRITICAL)

    assert ending(still("MEDIUM"), item) == (
        ENDED,
        "lowered from CRITICAL to MEDIUM (below HIGH)",
    )


@pytest.mark.parametrize(
    ("only", "reported", "reason"),
    [
        (("fixable",), {"severity": Severity.CRITICAL, "fixable": True},
         "its fix was withdrawn (no fix known)"),
        (("fixable",), {}, "no fix known"),
        (("exploitable",), {"fixable": True}, "no known exploit"),
        (("in-use",), {"fixable": True, "exploitable": True},
         "no image that has it is known to run any more (not known to be in use)"),
    ],
)  # fmt: skip
def test_only_what_a_filter_asks_for_is_the_reason(
    only: tuple[str, ...], reported: dict[str, Any], reason: str
) -> None:
    """A lower severity, a lost fix or exploit that no filter minds is none."""
    item = a_reported(**reported)

    assert ending(still(), item, route=a_route(only=only)) == (ENDED, reason)


def test_a_fix_that_was_withdrawn_is_the_reason() -> None:
    """Under `only: [fixable]`."""
    route = a_route(only=("fixable",))

    assert ending(still(), a_reported(fixable=True), route=route) == (
        ENDED,
        "its fix was withdrawn (no fix known)",
    )


def test_an_exploit_that_is_not_known_any_more_is_the_reason() -> None:
    """Under `only: [exploitable]`."""
    route = a_route(only=("exploitable",))

    assert ending(still(), a_reported(exploitable=True), route=route) == (
        ENDED,
        "no exploit is known any more (no known exploit)",
    )


@pytest.mark.parametrize("count", [None, 2])
def test_an_image_that_stopped_running_is_the_reason(count: int | None) -> None:
    """Under `only: [in-use]`, whatever an old report counted."""
    state = a_state(a_watched(a_finding(), image=an_image(in_use_count=count)), version=2)

    kind, reason = ending(state, route=a_route(only=("in-use",)))

    assert kind is ENDED
    assert reason.startswith("no image that has it is known to run any more (not")


def test_other_rules_are_the_reason_where_nothing_else_changed() -> None:
    """A threshold was raised, or a route leads elsewhere."""
    critical = a_route(severity=Severity.CRITICAL)
    elsewhere = a_route(to=(Destination("other"),))

    assert ending(still(), route=critical, hash_="others") == (
        ENDED,
        "the rules changed: below CRITICAL",
    )
    assert ending(still(), route=elsewhere, hash_="others") == (
        ENDED,
        "the rules changed: no route leads there",
    )
    assert ending(still(), route=critical) == (ENDED, "below CRITICAL")


def test_a_tag_that_leads_to_another_route_is_a_refusal() -> None:
    """The rules are the same; the image is another one."""
    route = a_route(match=Match(tag=("9.*",)))

    assert ending(still(), route=route) == (ENDED, "no route leads there")


def test_two_items_that_are_one_now_are_reported_once() -> None:
    """The advisory is part of its CVE now."""
    state = a_state(a_watched(a_finding(aliases=("GHSA-a",))), version=2)

    assert ending(state, a_reported("GHSA-a")) == (ENDED, f"reported as {ID} now")


# --- conditions -------------------------------------------------------------------------------


def test_a_condition_ends_without_a_proof() -> None:
    """The part was scanned, or is not there any more."""
    assert ending(gone(), a_reported_condition()) == (
        ENDED,
        "no part is without a result for this reason",
    )


def test_a_condition_that_is_left_out_says_why() -> None:
    """By an entry, or by routes."""
    state = a_state(a_watched(parts=(an_unscanned_part(),)))
    entry = an_entry("SCAN_FAILED")

    suppressed = ending(state, a_reported_condition(), suppressions=(entry,))
    refused = ending(state, a_reported_condition(), route=a_route(only=("in-use",)))

    assert suppressed == (ENDED, "suppressed by SCAN_FAILED until 2026-11-23: not reachable")
    assert refused == (
        ENDED,
        "no image that has it is known to run any more (not in use)",
    )


def test_a_finding_of_a_part_without_a_result_has_not_ended() -> None:
    """What is carried is open, and so is not asked about here; its severity is not lowered."""
    known = a_part(a_finding(severity="MEDIUM"), image=an_image(1)).evidence
    state = a_state(a_watched(image=an_image(2), parts=(an_unscanned_part("FAILED", *known),)))

    kind, reason = ending(replace(state, lifecycles={}))

    assert (kind, reason) == (ENDED, "below HIGH")


def test_checks_that_nobody_asks_for_any_more_are_no_scan_of_an_image() -> None:
    """alerts.yml had `repositories`, and has it no more."""
    repository = an_image(digest="", tags=())
    left = a_departure(image=repository, cause=Arrival.RULES)
    state = a_state(version=2, departures={ID: left})

    assert ending(state) == (
        ENDED, "alerts.yml asks for no checks of repositories, and no image is watched any more"
    )  # fmt: skip
