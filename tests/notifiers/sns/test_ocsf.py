"""The events: each valid by OCSF's own schema, one for the scan and one for each finding told."""

import json
import re
from typing import Any

import pytest

from lib.models import Alert, ChangeKind
from lib.notifiers.sns.ocsf import render
from tests.support import golden
from tests.support.alerts import INJECTIONS, evaluated, injected, injected_problem, stories, told
from tests.support.builders import a_finding, a_report
from tests.support.ocsf_schema import problems

STORIES = stories()
ROOM = 250_000


def events(alert: Alert, room: int = ROOM) -> list[dict[str, Any]]:
    text, _ = render(alert, room)
    assert len(text.encode()) <= max(room, 30_000)
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("story", STORIES)
def test_every_event_is_one_of_the_standard(story: str) -> None:
    """The first is about the scan, and what the others tell adds up with what it counts."""
    alert = STORIES[story]

    first, *others = events(alert)

    assert not [problem for each in (first, *others) for problem in problems(each)]
    hidden = re.search(r"and ([0-9,]+) more: ", first["message"])
    missing = int(hidden[1].replace(",", "")) if hidden else 0
    assert len(others) + missing == len(alert.changes)
    gone = sum(each["activity_name"] == "Close" for each in others)
    if not missing:
        assert gone == sum(each.kind is ChangeKind.RESOLVED for each in alert.changes)


@pytest.mark.parametrize("text", INJECTIONS)
def test_absurd_text_makes_valid_events(text: str) -> None:
    for alert in (injected(text), injected_problem(text)):
        assert not [problem for each in events(alert) for problem in problems(each)]


def test_events_belong_to_their_alert() -> None:
    """A repeat has the same id; the routes and the report page are labels."""
    for each in events(STORIES["rescan"]):
        assert each["metadata"]["correlation_uid"] == STORIES["rescan"].delivery_id
        labels = each["metadata"]["labels"]
        assert labels[0].startswith("route:")
        assert labels[-1].startswith("report:https://")


def test_a_failed_scan_is_no_all_clear() -> None:
    (only,) = events(STORIES["scan-failed"])

    assert only["activity_name"] == "Not scanned"
    assert "not an all-clear" in only["message"]


def test_what_does_not_fit_is_counted() -> None:
    """The worst stay; the first event says how many are missing."""
    alert = told(evaluated(a_report(*(a_finding(f"CVE-2026-{n:04}") for n in range(40)))))

    first, *others = events(alert, room=40_000)

    assert 0 < len(others) < 40
    assert f"and {40 - len(others)} more: {40 - len(others)} " in first["message"]
    assert render(alert, 40_000)[1]


@pytest.mark.parametrize("story", golden.DOCUMENTS)
def test_events_look_as_kept(story: str) -> None:
    golden.check("sns-ocsf", story, events(STORIES[story]))
