"""The events: each valid by OCSF's own schema, one for the scan and one for each finding told."""

import json
from dataclasses import replace
from typing import Any

import pytest

from lib.messages.text import text_of
from lib.models import Notice
from lib.models.views import Kind
from lib.notifiers.sns.ocsf import render
from tests.support import golden
from tests.support.every import every
from tests.support.notices import injected, injected_problem, notices, quiet_notices
from tests.support.ocsf_schema import problems
from tests.support.scenes import INJECTIONS

NOTICES = {**notices(), **{f"quiet-{name}": notice for name, notice in quiet_notices().items()}}
ROOM = 250_000


def rendered(notice: Notice, room: int) -> tuple[str, bool]:
    """Return the lines of a message, and whether any is missing."""
    return render(notice, text_of(notice, rows=0), room)


def events(notice: Notice, room: int = ROOM) -> list[dict[str, Any]]:
    text, _ = rendered(notice, room)
    assert len(text.encode()) <= max(room, 30_000)
    return [json.loads(line) for line in text.splitlines()]


@every("text", INJECTIONS)
def test_absurd_text_makes_valid_events(text: str) -> None:
    for notice in (injected(text), injected_problem(text)):
        assert not [problem for made in events(notice) for problem in problems(made)]


@pytest.mark.parametrize("story", golden.DOCUMENTS)
def test_events_look_as_kept(story: str) -> None:
    golden.check("sns-ocsf", story, events(NOTICES[story]))


@every("name", NOTICES)
def test_every_event_is_one_of_the_standard(name: str) -> None:
    """What ended is closed, and nothing else."""
    items = NOTICES[name].message.delta.items

    first, *others = events(NOTICES[name], room=100_000_000)

    assert first["activity_name"] == "Summary"
    assert not [problem for made in (first, *others) for problem in problems(made)]
    assert len(others) == len(items)
    closed = [made for made in others if made["activity_name"] == "Close"]
    assert len(closed) == sum(item.desired is None for item in items)


def test_a_vulnerability_keeps_its_id_from_the_first_event_to_the_last() -> None:
    """Whatever image or package it was in: that of the stream and the vulnerability."""
    opened = NOTICES["baseline"]
    id_ = opened.message.delta.items[0].item.id
    item = replace(opened.message.delta.items[0], kind=Kind.RESOLVED, desired=None)
    delta = replace(opened.message.delta, items=(item,))
    ended = replace(opened, message=replace(opened.message, delta=delta))

    made = [
        event for notice in (opened, ended) for event in events(notice)
        if event["vulnerabilities"] and id_ in event["message"]
    ]  # fmt: skip

    assert [event["activity_name"] for event in made] == ["Create", "Close"]
    assert len({event["finding_info"]["uid"] for event in made}) == 1


def test_a_part_without_a_result_is_an_event_of_its_own() -> None:
    """It says that this is no all-clear; later it is closed under the same id."""
    failed = events(NOTICES["scan-failed"])[1]
    again = events(NOTICES["quiet-scanned-again"])[1]

    assert "not an all-clear" in failed["message"]
    assert failed["comment"].startswith("SCAN_FAILED: ")
    assert again["activity_name"] == "Close"
    assert failed["finding_info"]["uid"].endswith("#FAILED linux/amd64")
    assert again["finding_info"]["uid"] == failed["finding_info"]["uid"]


def test_what_does_not_fit_is_counted() -> None:
    """The worst stay; the first event says how many are missing."""
    notice = NOTICES["hundreds"]
    text, is_cut = rendered(notice, 40_000)

    first, *others = [json.loads(line) for line in text.splitlines()]

    missing = len(notice.message.delta.items) - len(others)
    assert is_cut
    assert f"and {missing:,} more: " in first["message"]
    assert {made["severity"] for made in others} == {"Critical"}


def test_events_belong_to_their_message() -> None:
    """A repeat has the same id; the routes and the report page are labels."""
    for made in events(NOTICES["new-and-resolved"]):
        assert made["metadata"]["correlation_uid"] == NOTICES["new-and-resolved"].delivery_id
        labels = made["metadata"]["labels"]
        assert (labels[0], labels[-1][:15]) == ("route:payments", "report:https://")
