"""Asking a receiver whether it has an alert whose answer was lost."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from lib.errors import PermanentDeliveryError, ThrottledError
from lib.models import AskLater, HttpAnswer, NotThere, Verdict
from lib.notifiers import NOTIFIERS
from lib.notifiers.jira import stream_label
from tests.builders import NOW
from tests.notifiers.alerts import stories
from tests.notifiers.receivers import OPTIONS, ScriptedHttp, tools

ALERT = stories()["new-and-resolved"]


def asked(
    type_: str, *answers: HttpAnswer | Exception, thread: str | None = None, after: float = 0
) -> tuple[Verdict, ScriptedHttp]:
    http = ScriptedHttp(list(answers))
    notifier = NOTIFIERS[type_](OPTIONS[type_], tools(http=http))
    now: datetime = NOW + timedelta(seconds=after)
    return notifier.verify(ALERT, since=NOW, now=now, thread=thread), http


def comments(*texts: str) -> HttpAnswer:
    return HttpAnswer(200, json.dumps({"comments": [{"body": {"text": each}} for each in texts]}))


def issues(*keys: Any) -> HttpAnswer:
    return HttpAnswer(200, json.dumps({"issues": [{"key": each} for each in keys]}))


@pytest.mark.parametrize("type_", ["pagerduty", "slack", "sns", "webhook"])
def test_receivers_that_cannot_be_asked_get_it_again(type_: str) -> None:
    """A webhook and a topic have no memory that one could read; nothing is called."""
    verdict, http = asked(type_)

    assert verdict == NotThere()
    assert http.calls == []


def test_a_comment_with_the_delivery_is_the_receipt() -> None:
    """Every comment of ours carries the id of its delivery."""
    verdict, http = asked(
        "jira", comments("of a person", f"Delivery: {ALERT.delivery_id}"), thread="SEC-7"
    )

    assert getattr(verdict, "thread", None) == "SEC-7"
    assert http.calls[0].method == "GET"
    assert "/rest/api/3/issue/SEC-7/comment?" in http.calls[0].url


@pytest.mark.parametrize(
    "answer",
    [
        comments("of a person"),
        HttpAnswer(200, "{}"),
        HttpAnswer(200, "no json"),
        PermanentDeliveryError("gone", reason="http-404"),
    ],
)
def test_an_issue_without_the_comment_gets_it(answer: Any) -> None:
    """Nor does an odd answer, or a deleted issue, count as proof."""
    verdict, _ = asked("jira", answer, thread="SEC-7")

    assert verdict == NotThere()


def test_a_new_issue_is_found_by_the_label_of_its_stream() -> None:
    """The query holds the label and nothing from outside; the oldest issue counts."""
    verdict, http = asked("jira", issues("SEC-3", "SEC-9"))

    label = stream_label(ALERT.destination, ALERT.stream)
    assert getattr(verdict, "reference", None) == "SEC-3"
    assert http.calls[0].url.endswith("/rest/api/3/search/jql")
    assert http.calls[0].body["jql"] == f'labels = "{label}" ORDER BY created ASC'


@pytest.mark.parametrize("answer", [issues(), HttpAnswer(200, "[]"), issues(7)])
def test_an_index_that_lags_is_asked_again_for_five_minutes(answer: HttpAnswer) -> None:
    """Jira's search is behind by seconds to minutes; only then the issue is created (again)."""
    early, _ = asked("jira", answer, after=299)
    late, _ = asked("jira", answer, after=300)

    assert early == AskLater(60)
    assert late == NotThere()


@pytest.mark.parametrize("thread", [None, "SEC-7"])
def test_a_receiver_that_refuses_to_say_is_an_error(thread: str | None) -> None:
    """Throttling and outages pass through, so that nothing is sent in doubt."""
    with pytest.raises(ThrottledError):
        asked("jira", ThrottledError("429"), thread=thread)


def test_credentials_that_are_refused_are_an_error() -> None:
    """403 is no answer to the question."""
    with pytest.raises(PermanentDeliveryError):
        asked("jira", PermanentDeliveryError("forbidden", reason="http-403"), thread="SEC-7")
