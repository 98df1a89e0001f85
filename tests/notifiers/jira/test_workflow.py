"""Jira's status: what is closed, what people decided, and which transition leads where."""

import json
from typing import Any

import pytest

from lib.notifiers.jira.workflow import Status, status, transition
from tests.support.every import every

ODD = ["", "no json", "[]", "null", "7", "{}", "[" * 99_999]


def an_issue(category: Any = "done", *, name: Any = "Closed", resolution: str | None = None) -> str:
    fields: dict[str, Any] = {"status": {"name": name, "statusCategory": {"key": category}}}
    fields["resolution"] = {"name": resolution} if resolution is not None else None
    return json.dumps({"key": "SEC-7", "fields": fields})


def ways(*found: tuple[Any, str, Any], **fields: Any) -> str:
    return json.dumps(
        {
            "transitions": [
                {"id": each, "name": name, "to": _to(name, category), **fields}
                for each, name, category in found
            ]
        }
    )


def _to(name: str, category: Any) -> dict[str, Any]:
    return {"name": name, "statusCategory": {"key": category}}


@pytest.mark.parametrize(
    ("category", "done"), [("done", True), ("new", False), ("indeterminate", False), (7, False)]
)
def test_the_category_says_whether_an_issue_is_closed(category: Any, done: bool) -> None:  # noqa: FBT001  # a table's column
    """Names of statuses are a project's own; only their categories mean the same everywhere."""
    assert status(an_issue(category)) == Status(done)


@pytest.mark.parametrize(
    "word",
    [
        "Won't Do",
        "Won\N{RIGHT SINGLE QUOTATION MARK}t Fix",
        "WONT  DO",
        "Declined",
        "Accepted risk",
    ],
)
def test_a_decision_not_to_do_it_is_recognized(word: str) -> None:
    """As a resolution, or as a status where a project has no resolutions."""
    assert status(an_issue(resolution=word)).on_purpose == word
    assert status(an_issue(name=word, resolution="Done")).on_purpose == word


@pytest.mark.parametrize("word", ["Done", "Fixed", "Cannot Reproduce", "", None])
def test_other_resolutions_are_no_decision(word: str | None) -> None:
    """What was done can come back."""
    assert status(an_issue(resolution=word)) == Status(done=True)


@every("text", [*ODD, '{"fields": 7}', '{"fields": {"status": "done"}}'])
def test_odd_issue_counts_as_open(text: str) -> None:
    """Nothing is moved on the strength of an answer that nobody understands."""
    assert status(text) == Status(done=False)


WORKFLOW = (
    ("41", "Won't Do", "done"),
    ("31", "Done", "done"),
    ("51", "Odd", "undefined"),
    ("21", "In Progress", "indeterminate"),
    ("11", "To Do", "new"),
)


def test_reopening_prefers_what_is_to_do() -> None:
    """Nobody works on it yet; other open statuses are second and third best."""
    assert transition(ways(*WORKFLOW), done=False) == "11"
    assert transition(ways(*WORKFLOW[:4]), done=False) == "21"
    assert transition(ways(*WORKFLOW[:3]), done=False) == "51"
    assert transition(ways(*WORKFLOW[:2]), done=False) is None


def test_closing_does_not_look_like_a_decision() -> None:
    """Won't Do is a person's word."""
    assert transition(ways(*WORKFLOW), done=True) == "31"
    assert transition(ways(WORKFLOW[0]), done=True) is None


@every("done", [True, False])
@every(
    "text",
    [
        *ODD,
        '{"transitions": 7}',
        '{"transitions": [7, {"id": "1"}, {"id": "1", "to": 7}]}',
        ways((7, "Done", "done"), ("", "To Do", "new"), ("1", "Done", 7)),
        ways(*WORKFLOW, isAvailable=False),
    ],
)
def test_without_a_way_there_is_none(text: str, done: bool) -> None:  # noqa: FBT001  # a table's column
    """Odd entries and ones that are not available now are no ways."""
    assert transition(text, done=done) is None
