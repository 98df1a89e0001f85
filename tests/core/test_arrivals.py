"""Why desired items are notified: kinds, their order, and reasons."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from lib.core.arrivals import Arrivals, Judgement
from lib.core.worth_notifying import Interests, Profile
from lib.models import ScanSource, Severity
from lib.models.streams import Arrival, Comparison, Lifecycle, Role, StreamState
from lib.models.views import Agreement, Kind, ReportedItem
from tests.support.builders import a_digest, a_finding, an_image
from tests.support.streams import (
    TODAY,
    a_lifecycle,
    a_reported,
    a_reported_condition,
    a_route,
    a_stamp,
    a_state,
    a_watched,
    an_agreement,
    an_entry,
    an_unscanned_part,
    show,
    some_rules,
)

ID = "CVE-2024-0001"


def of(
    lifecycle: Lifecycle | None,
    *,
    agreed: Agreement | None = None,
    reported: ReportedItem | None = None,
    state: StreamState | None = None,
    suppressions: Any = (),
    hash_: str = "rules",
    kinds: tuple[Kind, ...] = (),
) -> Judgement:
    """Return the kind of the only desired item, after an agreement with version 1."""
    state = state or a_state(a_watched(a_finding(fixed_version="3.0.14")), version=2)
    state = replace(state, lifecycles={ID: lifecycle} if lifecycle is not None else {})
    shown = show(state, suppressions=suppressions)
    (item,) = shown.items.values()
    rules = some_rules(suppressions=suppressions, hash_=hash_)
    interests = Interests((a_route(kinds=frozenset(kinds)),), Profile())
    arrivals = Arrivals(state, shown, agreed, rules, TODAY, interests)
    return arrivals.kind(item) if reported is None else arrivals.change(item, reported)


AGREED = an_agreement(1)


# --- not reported before ----------------------------------------------------------------------


def test_the_first_usable_report_is_the_baseline() -> None:
    """The view has not agreed with any state yet."""
    assert of(a_lifecycle(1)) == (Kind.BASELINE, "the first usable report of this stream")


def test_what_a_comparison_leaves_is_new() -> None:
    """There is no baseline; nor is there when the other stream lost what both had."""
    state = a_state(a_watched(a_finding()), comparison=Comparison(a_digest(), frozenset()))

    judgement = (Kind.NEW, "the stream that it is compared with does not have it")
    assert of(a_lifecycle(1), state=state) == judgement
    assert of(a_lifecycle(1), state=state, agreed=AGREED) == judgement


@pytest.mark.parametrize(
    ("arrival", "reason"),
    [
        (Arrival.PUSH, "came with payments/api:1.4.1"),
        (Arrival.TAG, "came with a tag: payments/api:1.4.1 is current now"),
        (Arrival.ROLLBACK, "came with a rollback: payments/api:1.4.1 is current again"),
        (Arrival.SCAN, "a scan of payments/api:1.4.1 lists it now"),
        (
            Arrival.DELETION,
            "what was current was deleted: payments/api:1.4.1 is current again",
        ),
    ],
)
def test_what_came_after_the_agreement_is_new_and_says_how_it_came(
    arrival: Arrival, reason: str
) -> None:
    """By a push, a tag, a rollback, a deletion or a scan."""
    assert of(a_lifecycle(2, arrival=arrival), agreed=AGREED) == (Kind.NEW, reason)


def test_what_came_with_a_deployment_is_deployed() -> None:
    """The image is watched only because it began to run."""
    lifecycle = a_lifecycle(2, arrival=Arrival.DEPLOYMENT)

    assert of(lifecycle, agreed=AGREED) == (Kind.DEPLOYED, "payments/api:1.4.1 began to run")


def test_a_deployment_names_the_image_that_runs() -> None:
    """The current image has it too, and does not run; another one runs without it."""
    clean, running = (
        a_watched(*rows, image=an_image(number), role=Role.RUNNING, running=True)
        for number, rows in ((3, ()), (1, (a_finding(),)))
    )
    state = a_state(a_watched(a_finding(), image=an_image(2)), clean, running, version=2)

    judgement = of(a_lifecycle(1, deployed=a_stamp(2)), agreed=AGREED, state=state)

    assert judgement == (Kind.DEPLOYED, "payments/api:1.4.1 began to run")


def test_a_setting_comes_by_a_check() -> None:
    """Nobody scans a repository."""
    state = a_state(a_watched(a_finding(), image=an_image(digest="", tags=())), version=2)

    judgement = of(a_lifecycle(2, arrival=Arrival.SCAN), agreed=AGREED, state=state)

    assert judgement == (Kind.NEW, "a check of payments/api lists it now")


@pytest.mark.parametrize(
    ("stamp", "kind", "reason"),
    [
        ("raised", Kind.RAISED, "raised to HIGH"),
        ("exploit_known", Kind.EXPLOIT_KNOWN, "an exploit is known now"),
        ("fix_available", Kind.FIX_AVAILABLE, "a fix is available now: 3.0.14"),
        ("deployed", Kind.DEPLOYED, "payments/api:1.4.1 began to run"),
    ],
)
def test_what_happened_after_the_agreement_is_the_kind(stamp: str, kind: Kind, reason: str) -> None:
    """It was there before, below a filter."""
    lifecycle = a_lifecycle(1, **{stamp: a_stamp(2)})

    assert of(lifecycle, agreed=AGREED) == (kind, reason)


@pytest.mark.parametrize("stamp", ["raised", "exploit_known", "fix_available", "deployed"])
def test_what_happened_before_the_agreement_is_no_kind(stamp: str) -> None:
    """The view agreed with it: it is not why the item is desired now."""
    lifecycle = a_lifecycle(1, **{stamp: a_stamp(1)})

    assert of(lifecycle, agreed=AGREED)[1] == "the rules ask for it in payments/api:1.4.1 now"


def test_the_first_kind_that_holds_stands() -> None:
    """In the order of the table, one after the other."""
    fields = {name: a_stamp(2) for name in ("raised", "exploit_known", "fix_available", "deployed")}
    agreed = an_agreement(1, "others", CVE_2024_0001="an entry")
    kinds = [of(a_lifecycle(2, **fields), agreed=agreed)[0]]
    for name in list(fields):
        kinds.append(of(a_lifecycle(1, **fields), agreed=agreed)[0])
        del fields[name]
    kinds.append(of(a_lifecycle(1), agreed=agreed)[0])
    kinds.append(of(a_lifecycle(1), agreed=an_agreement(1, "others"))[0])
    kinds.append(of(a_lifecycle(1), agreed=AGREED)[0])

    assert kinds == [
        Kind.NEW, Kind.RAISED, Kind.EXPLOIT_KNOWN, Kind.FIX_AVAILABLE, Kind.DEPLOYED,
        Kind.SUPPRESSION_ENDED, Kind.RULES_CHANGED, Kind.NEW,
    ]  # fmt: skip


def test_a_fix_of_any_package_is_named() -> None:
    """The first that has a version."""
    rows = (a_finding(severity="CRITICAL"), a_finding(package="zlib", fixed_version="1.3"))
    state = a_state(a_watched(*rows), version=2)
    lifecycle = a_lifecycle(1, fix_available=a_stamp(2))

    assert of(lifecycle, agreed=AGREED, state=state)[1] == "a fix is available now: 1.3"


def test_a_fix_without_a_version_is_available_too() -> None:
    """The source only says that there is one."""
    state = a_state(a_watched(a_finding(fix_available="YES")), version=2)
    lifecycle = a_lifecycle(1, fix_available=a_stamp(2))

    assert of(lifecycle, agreed=AGREED, state=state)[1] == "a fix is available now"


def test_a_suppression_that_ended_is_named() -> None:
    """Its last day is over, or it stands in alerts.yml no more."""
    agreed = an_agreement(1, CVE_2024_0001=ID)
    over = (an_entry(expires=date(2026, 11, 22)),)

    assert of(a_lifecycle(1), agreed=agreed, suppressions=over) == (
        Kind.SUPPRESSION_ENDED,
        f"the suppression {ID} ended on 2026-11-22",
    )
    assert of(a_lifecycle(1), agreed=agreed) == (
        Kind.SUPPRESSION_ENDED,
        f"alerts.yml has no suppression {ID} any more",
    )


def test_an_entry_that_does_not_cover_the_next_image_has_not_ended() -> None:
    """It still holds, for the digest that it names: what comes with the next image is NEW."""
    entry = an_entry(digest=a_digest(1))
    agreed = an_agreement(1, CVE_2024_0001=entry.name)
    state = a_state(a_watched(a_finding(), image=an_image(2)), version=2)
    raised = a_lifecycle(1, raised=a_stamp(2))

    kind, reason = of(raised, agreed=agreed, suppressions=(entry,), state=state)

    assert kind is Kind.NEW
    assert reason == f"the suppression {entry.name} does not cover payments/api:1.4.2"


def test_other_rules_are_a_reason_of_their_own() -> None:
    """Nothing happened to the vulnerability; alerts.yml says something else."""
    assert of(a_lifecycle(1), agreed=AGREED, hash_="others") == (
        Kind.RULES_CHANGED,
        "alerts.yml was changed, and asks for it now",
    )


def test_what_no_row_explains_is_new() -> None:
    """Another scanner knows more, for example; nothing is left out for want of a word."""
    assert of(a_lifecycle(1), agreed=AGREED)[0] is Kind.NEW
    assert of(None, agreed=AGREED)[0] is Kind.NEW


def test_a_condition_is_its_own_kind() -> None:
    """It needs no agreement, and has the reason of the scan."""
    state = a_state(a_watched(parts=(an_unscanned_part(),)))

    assert of(None, state=state) == (Kind.SCAN_FAILED, "status FAILED")
    assert of(None, state=state, agreed=AGREED)[0] is Kind.SCAN_FAILED


# --- reported before --------------------------------------------------------------------------


def test_what_was_reported_and_is_the_same_is_unchanged() -> None:
    """Whatever came after: other packages, other images, other rules."""
    lifecycle = a_lifecycle(2, deployed=a_stamp(2))

    judgement = of(lifecycle, agreed=AGREED, reported=a_reported(fixable=True), hash_="others")

    assert judgement == (Kind.UNCHANGED, "reported before")


def test_what_is_reported_without_a_stamp_or_an_agreement_is_unchanged() -> None:
    """Nothing says that it got worse."""
    reported = a_reported(severity=Severity.LOW, fixable=True)
    raised = a_lifecycle(1, raised=a_stamp(2))

    assert of(None, agreed=AGREED, reported=reported)[0] is Kind.UNCHANGED
    assert of(raised, reported=reported)[0] is Kind.UNCHANGED


@pytest.mark.parametrize(
    ("stamp", "before", "kind"),
    [
        ("raised", {"severity": Severity.MEDIUM}, Kind.RAISED),
        ("exploit_known", {"exploitable": False}, Kind.EXPLOIT_KNOWN),
        ("fix_available", {"fixable": False}, Kind.FIX_AVAILABLE),
    ],
)
def test_a_reported_item_that_got_worse_is_notified(
    stamp: str, before: dict[str, Any], kind: Kind
) -> None:
    """Once: only what is worse than what was reported."""
    row = a_finding(fixed_version="2", exploit_available="YES")
    state = a_state(a_watched(row), version=2)
    lifecycle = a_lifecycle(1, **{stamp: a_stamp(2)})
    known = {"severity": Severity.HIGH, "exploitable": True, "fixable": True}

    worse = of(lifecycle, agreed=AGREED, state=state, reported=a_reported(**known | before))
    again = of(lifecycle, agreed=AGREED, state=state, reported=a_reported(**known))

    assert (worse[0], again[0]) == (kind, Kind.UNCHANGED)


def test_what_got_worse_in_several_ways_is_said_at_once() -> None:
    """The kind is the first one; the reason has all that is new."""
    row = a_finding(fixed_version="2", exploit_available="YES")
    state = a_state(a_watched(row), version=2)
    stamps = {name: a_stamp(2) for name in ("raised", "exploit_known", "fix_available")}
    reported = a_reported(severity=Severity.MEDIUM, fixable=True)

    judgement = of(a_lifecycle(1, **stamps), agreed=AGREED, state=state, reported=reported)

    assert judgement == (Kind.RAISED, "raised from MEDIUM to HIGH; an exploit is known now")


@pytest.mark.parametrize("reported", [None, a_reported(severity=Severity.MEDIUM, fixable=True)])
def test_of_several_ways_the_one_that_a_route_asks_for_is_the_kind(
    reported: ReportedItem | None,
) -> None:
    """A severity often rises because an exploit is known."""
    row = a_finding(fixed_version="2", exploit_available="YES")
    state = a_state(a_watched(row), version=2)
    stamps = {name: a_stamp(2) for name in ("raised", "exploit_known")}

    kind, reason = of(
        a_lifecycle(1, **stamps),
        agreed=AGREED,
        state=state,
        reported=reported,
        kinds=(Kind.NEW, Kind.EXPLOIT_KNOWN),
    )

    assert kind is Kind.EXPLOIT_KNOWN
    assert reason.startswith("raised ")


def test_what_only_another_scanner_knows_is_taken_over_without_a_kind() -> None:
    """The state has no stamp for it."""
    reported = a_reported(severity=Severity.MEDIUM, fixable=True)

    assert of(a_lifecycle(1), agreed=AGREED, reported=reported)[0] is Kind.UNCHANGED


def test_a_severity_that_falls_and_still_passes_is_unchanged() -> None:
    """The reason says that it fell."""
    reported = a_reported(severity=Severity.CRITICAL, fixable=True)

    assert of(a_lifecycle(1), agreed=AGREED, reported=reported) == (
        Kind.UNCHANGED,
        "lowered from CRITICAL to HIGH, and the rules still ask for it",
    )


def test_a_condition_that_was_reported_is_unchanged() -> None:
    """The tenth release of an image that is not supported is not news."""
    state = a_state(a_watched(image=an_image(2), parts=(an_unscanned_part(),)), version=2)

    assert of(None, agreed=AGREED, state=state, reported=a_reported_condition()) == (
        Kind.UNCHANGED,
        "reported before",
    )


# --- fixed, and not deployed ------------------------------------------------------------------


def behind(*current: Any, old: Any = None, **part: Any) -> StreamState:
    """Return a stream whose current image has these rows, while 1.4.1 runs with the finding."""
    running = a_watched(old or a_finding(), image=an_image(1), role=Role.RUNNING, running=True)
    return a_state(a_watched(*current, image=an_image(2), **part), running, version=2)


LEFT = a_lifecycle(1, left_current=a_stamp(2))


def test_what_left_the_current_image_and_still_runs_is_ready_to_be_fixed() -> None:
    """Proven by the report of the current image; the item stays."""
    assert of(LEFT, agreed=AGREED, state=behind(), reported=a_reported()) == (
        Kind.FIX_READY,
        "fixed in payments/api:1.4.2; payments/api:1.4.1 still runs",
    )


@pytest.mark.parametrize(
    "state",
    [
        behind(complete=False),
        behind(source=ScanSource.ECR_BASIC),
        behind(a_finding("CVE-2", severity="LOW")),
        behind(part="linux/arm64"),
        behind(a_finding(source_status="CLOSED", version="4")),
    ],
    ids=["incomplete", "another scanner", "same package", "another part", "closed"],
)
def test_a_fix_that_is_not_proven_is_not_ready(state: StreamState) -> None:
    """The current image has no complete report, or the package is still there."""
    assert of(LEFT, agreed=AGREED, state=state, reported=a_reported())[0] is Kind.UNCHANGED


def test_a_fix_is_ready_once() -> None:
    """It left the current image before the view agreed."""
    lifecycle = a_lifecycle(1, left_current=a_stamp(1))

    assert of(lifecycle, agreed=AGREED, state=behind(), reported=a_reported())[0] is Kind.UNCHANGED


def test_without_a_current_image_no_fix_is_ready() -> None:
    """There is nothing to deploy."""
    state = a_state(a_watched(a_finding(), role=Role.RUNNING, running=True), version=2)

    assert of(LEFT, agreed=AGREED, state=state, reported=a_reported())[0] is Kind.UNCHANGED


def test_only_images_behind_the_current_one_say_where_it_was() -> None:
    """An alias is the id of rows, too."""
    old = a_finding("GHSA-a", aliases=(ID,), version="1")
    row = a_finding("CVE-2", severity="LOW", version="1")

    ready = of(LEFT, agreed=AGREED, state=behind(old=old), reported=a_reported())
    unchanged = of(LEFT, agreed=AGREED, state=behind(row, old=old), reported=a_reported())

    assert (ready[0], unchanged[0]) == (Kind.FIX_READY, Kind.UNCHANGED)
