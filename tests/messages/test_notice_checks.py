"""The verdict of a check: what deviates, what is new of it, and what is fixed."""

import json
from dataclasses import replace

import pytest

from lib.checks.findings import COMMAND, GUIDED, GUIDED_REMARK, NOT_SCANNED, TAG_MUTABILITY
from lib.messages.checks import fixed
from lib.messages.steps import ToDo
from lib.messages.text import text_of
from lib.models import Finding, Package, ScanSource, Severity, StreamId
from lib.models.streams import PartState, StreamState
from lib.models.views import View
from lib.notifiers.pagerduty.event import details_of
from lib.notifiers.slack.message import alert_message
from tests.support.builders import a_finding, an_image
from tests.support.notices import a_notice
from tests.support.streams import (
    a_departure,
    a_lifecycle,
    a_reported,
    a_state,
    a_view,
    a_watched,
    an_agreement,
    an_unscanned_part,
)

REPOSITORY = an_image(digest="", tags=())
SETTINGS = StreamId("000474600478/eu-central-1/payments/api|settings")


def a_setting(id_: str, title: str) -> Finding:
    return replace(a_finding(id_, title=title), package=Package(title, manager="ECR"))


MUTABLE = a_setting(TAG_MUTABILITY, "tags can be overwritten")
OLD_SCAN = a_setting(NOT_SCANNED, "the newest image has no scan")


def a_check(*findings: Finding, parts: tuple[PartState, ...] = (), **fields: object) -> StreamState:
    """Return the second check of a repository, in which all of this is new."""
    watched = a_watched(*findings, image=REPOSITORY, source=ScanSource.REPOSITORY, parts=parts)
    lifecycles = {finding.vulnerability_id: a_lifecycle(2) for finding in findings}
    return a_state(watched, version=2, **{"lifecycles": lifecycles, **fields})  # type: ignore[arg-type]  # of a state


def verdict(state: StreamState, view: View | None = None) -> str:
    return text_of(a_notice(state, view or a_view(agreed=an_agreement()))).verdict


def test_of_what_is_new_the_check_before_is_named() -> None:
    """Several are counted by severity: each has a step that names it."""
    assert verdict(a_check(MUTABLE, OLD_SCAN)) == "2 more settings to fix (2 HIGH)"


@pytest.mark.parametrize(
    ("ids", "end"),
    [
        ((NOT_SCANNED,), "1 setting still to fix"),
        ((NOT_SCANNED, "ECR-ENCRYPTION"), "2 settings still to fix"),
    ],
)
def test_what_was_reported_before_is_counted(ids: tuple[str, ...], end: str) -> None:
    """It is not repeated."""
    settings = [a_setting(id_, id_) for id_ in ids]
    view = a_view(*map(a_reported, ids), agreed=an_agreement())

    assert verdict(a_check(MUTABLE, *settings), view) == (
        f"1 more setting to fix (HIGH): tags can be overwritten; {end}"
    )


def test_what_is_fixed_has_words_of_its_own() -> None:
    """And the rest is as it should be."""
    left = a_departure(names=(TAG_MUTABILITY,), image=REPOSITORY, scanner="repository", parts=("",))
    state = a_check(departures={TAG_MUTABILITY: replace(left, packages=())})
    view = a_view(a_reported(TAG_MUTABILITY), agreed=an_agreement())

    assert (
        verdict(state, view)
        == "1 fixed: tags are immutable now; all settings are as they should be"
    )


def test_other_kinds_are_counted() -> None:
    """As those of vulnerabilities."""
    state = a_check(MUTABLE, lifecycles={TAG_MUTABILITY: a_lifecycle(1)})

    assert verdict(state, a_view(agreed=an_agreement(rules="older"))) == (
        "1 HIGH reported because alerts.yml changed"
    )


def test_a_check_that_is_denied_says_what_is_missing() -> None:
    """And nothing about settings."""
    reason = "AWS denies ecr:GetLifecyclePolicy for payments/api"
    part = an_unscanned_part("ACCESS_DENIED", part="", reason=reason, source=ScanSource.REPOSITORY)

    assert verdict(a_check(parts=(part,))) == f"Not checked: {reason}"


def state(check: StreamState, view: View | None = None) -> str:
    return text_of(a_notice(check, view or a_view(agreed=an_agreement()))).state


def test_the_state_says_what_deviates_now() -> None:
    """News or not."""
    view = a_view(a_reported(TAG_MUTABILITY), agreed=an_agreement())
    standing = a_check(MUTABLE, lifecycles={TAG_MUTABILITY: a_lifecycle(1)})

    assert state(standing, view) == "1 setting to fix"
    assert state(a_check(MUTABLE, OLD_SCAN)) == "2 settings to fix"


def test_the_state_is_no_more_of_an_all_clear_than_true() -> None:
    """What is not asked for is no deviation here, and what was not read is none known."""
    mild = replace(MUTABLE, severity=Severity.LOW)
    denied = an_unscanned_part("ACCESS_DENIED", part="", source=ScanSource.REPOSITORY)

    assert state(a_check()) == "all settings are as they should be"
    assert state(a_check(mild)) == "nothing of what is asked for here is wrong"
    assert state(a_check(parts=(denied,))) == "not checked"
    assert state(replace(a_check(), images=(), stream=SETTINGS)) == "not checked"


def with_remedy(finding: Finding) -> Finding:
    """Return a setting with a command, and a shorter one that asks first."""
    extra = {COMMAND: "aws ecr put", GUIDED: "repository fix", GUIDED_REMARK: "It asks."}
    return replace(finding, extra=extra)


def test_a_setting_with_a_step_is_said_once() -> None:
    """A list and a sum of the same say nothing more; what is new is marked among others."""
    view = a_view(a_reported(NOT_SCANNED), agreed=an_agreement())

    made = text_of(a_notice(a_check(with_remedy(MUTABLE), with_remedy(OLD_SCAN)), view))

    assert made.numbers == ()
    assert made.news == []
    assert made.in_steps(made.open)
    assert [step.heading for step in made.to_do.all_steps] == [
        "HIGH, new: tags can be overwritten (ECR-TAG-MUTABILITY)",
        "HIGH: the newest image has no scan (ECR-NOT-SCANNED)",
    ]


def test_a_setting_without_a_step_is_listed_and_counted() -> None:
    """Nothing else names it."""
    made = text_of(a_notice(a_check(MUTABLE), a_view(agreed=an_agreement())))

    assert made.numbers == ("1 setting to fix: 1 HIGH",)
    assert [section.heading for section in made.news] == ["New (1)"]


def test_one_command_fixes_a_message_that_names_all_settings() -> None:
    """It changes each setting, so none may be suppressed or filtered out."""
    mild = replace(OLD_SCAN, severity=Severity.LOW)

    whole, part = (
        text_of(a_notice(a_check(with_remedy(MUTABLE), *more), a_view(agreed=an_agreement()))).to_do
        for more in ((), (with_remedy(mild),))
    )

    def commands(to_do: ToDo, *, templates: bool = False) -> tuple[str, ...]:
        (step,), _ = to_do.steps(command=99, limit=999, templates=templates)
        return step.commands

    assert whole.at_once(99) == ("Fix it: `repository fix` (shows each change and asks)")
    assert commands(whole) == ()
    assert commands(whole, templates=True) == ("aws ecr put",)
    assert part.at_once(99) == ""
    assert commands(part) == ("aws ecr put",)


def test_the_one_command_names_what_it_fixes() -> None:
    """Of several settings all, or those by id; the others keep their own commands."""
    guided, own = with_remedy(MUTABLE), replace(MUTABLE, extra={COMMAND: "aws ecr other"})

    def to_do(*findings: Finding) -> ToDo:
        settings = (
            replace(finding, vulnerability_id=f"E-{place}")
            for place, finding in enumerate(findings)
        )
        return text_of(a_notice(a_check(*settings), a_view(agreed=an_agreement()))).to_do

    ends = {
        "both": (guided, guided),
        "all three": (guided, guided, guided),
        "all 4": (guided, guided, guided, guided),
        "E-0": (guided, own),
        "E-0, E-1 and E-3": (guided, guided, own, guided),
    }
    for words, findings in ends.items():
        assert to_do(*findings).at_once(99).startswith(f"Fix {words}: `repository fix`")
    steps, _ = to_do(guided, own).steps(command=99, limit=999)
    assert [step.commands for step in steps] == [(), ("aws ecr other",)]
    assert to_do(own).at_once(99) == ""


def test_the_warnings_of_the_one_command_stand_behind_it() -> None:
    """Without that command there are none; several have letters."""
    warned, other = with_remedy(MUTABLE), with_remedy(OLD_SCAN)
    warned = replace(warned, extra={**warned.extra, GUIDED_REMARK: "images are deleted"})
    quiet = replace(other, extra={**other.extra, GUIDED_REMARK: ""})
    one, two, none = (
        text_of(a_notice(a_check(*findings), a_view(agreed=an_agreement())))
        for findings in ((warned, quiet), (warned, other), (quiet,))
    )

    before = "\N{WARNING SIGN} Before you answer yes:"
    assert one.to_do.before_yes(99) == f"{before} images are deleted"
    assert two.to_do.before_yes(99) == f"{before} (a) It asks.; (b) images are deleted"
    assert none.to_do.before_yes(99) == one.to_do.before_yes(12) == ""
    steps, _ = one.to_do.steps(command=99, limit=999)
    assert [step.remark for step in steps] == ["", ""]
    assert details_of(one)["What to do"][1] == f"{before} images are deleted"
    slack = json.dumps(alert_message(one), ensure_ascii=False)
    assert f"\\n{before} images are deleted" in slack
    assert slack.count("images are deleted") == 1


def test_a_command_that_is_too_long_does_not_fix_all() -> None:
    """Nothing is cut, and each setting keeps its own."""
    to_do = text_of(a_notice(a_check(with_remedy(MUTABLE)), a_view(agreed=an_agreement()))).to_do
    (step,), _ = to_do.steps(command=12, limit=999)

    assert to_do.at_once(12) == ""
    assert step.commands == ("aws ecr put",)


def test_the_end_of_a_check_that_nobody_knows_any_more_has_words() -> None:
    """An id of an earlier version."""
    assert fixed(["ECR-OLD"]) == "1 fixed: ECR-OLD is as it should be now"


def test_of_many_that_are_fixed_four_are_named() -> None:
    """The others are counted."""
    assert fixed([f"E-{number}" for number in range(6)]).endswith(
        "E-3 is as it should be now, and 2 more"
    )
