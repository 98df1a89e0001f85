"""Asking a receiver whether it has an alert whose answer was lost."""

import json
from contextlib import suppress
from datetime import datetime, timedelta

import pytest

from lib.errors import (
    PermanentDeliveryError,
    ScanAlertError,
    TemporaryDeliveryError,
    ThrottledError,
)
from lib.models import LONG_ANSWER, AskAgain, DeliveryCheck, HttpAnswer, NotReceived
from lib.notifiers import NOTIFIERS
from lib.notifiers.jira import identity
from lib.ports.notifiers import Verifiable
from tests.support.builders import NOW
from tests.support.notices import notices
from tests.support.receivers import (
    OPTIONS,
    THREADS,
    ScriptedHttp,
    jira_issue,
    jira_search,
    notifier,
    tools,
)

ALERT = notices()["new-and-resolved"]
THREAD = THREADS["jira"]
GONE = PermanentDeliveryError("404", reason="http-404")


def asked(
    type_: str,
    *answers: HttpAnswer | Exception,
    thread: str | None = None,
    after: float = 0,
    tried_at: datetime | None = None,
) -> tuple[DeliveryCheck, ScriptedHttp]:
    http = ScriptedHttp(list(answers))
    made = NOTIFIERS[type_](OPTIONS[type_], tools(http=http))
    assert isinstance(made, Verifiable)
    now: datetime = NOW + timedelta(seconds=after)
    verdict = made.verify(ALERT, since=NOW, now=now, thread=thread, tried_at=tried_at)
    return verdict, http


def comments(*texts: str) -> HttpAnswer:
    return HttpAnswer(200, json.dumps({"comments": [{"body": {"text": each}} for each in texts]}))


def test_only_receivers_with_a_memory_can_be_asked() -> None:
    """A webhook and a topic have none; without `verify` the pipeline sends again."""
    verifiable = {mode for mode in OPTIONS if isinstance(notifier(mode, tools()), Verifiable)}

    assert verifiable == {"jira", "slack-bot"}, f"test here what `verify` asks: {__name__}"


def test_a_comment_with_the_delivery_is_the_receipt() -> None:
    """Every comment of ours carries the id of its delivery."""
    listed = comments("of a person", f"Delivery: {ALERT.delivery_id}")

    verdict, http = asked("jira", jira_issue(ALERT), listed, thread=THREAD)

    assert getattr(verdict, "thread", None) == THREAD
    assert [call.method for call in http.calls] == ["GET", "GET"]
    assert "/rest/api/3/issue/SEC-7/comment?" in http.calls[1].url


@pytest.mark.parametrize("listed", [comments("of a person"), comments()])
def test_an_issue_without_the_comment_gets_it(listed: HttpAnswer) -> None:
    """The issue of the stream is no proof of this alert, stored or found."""
    stored, _ = asked("jira", jira_issue(ALERT), listed, jira_search("SEC-7"), thread=THREAD)
    found, _ = asked("jira", jira_search("SEC-7"), jira_issue(ALERT), listed)

    assert stored == NotReceived()
    assert found == NotReceived()


@pytest.mark.parametrize("text", ["{}", "no json", '{"comments": 7}'])
def test_an_odd_list_of_comments_proves_nothing(text: str) -> None:
    """Neither that the alert arrived nor that it did not."""
    with pytest.raises(TemporaryDeliveryError, match="not understood"):
        asked("jira", jira_issue(ALERT), HttpAnswer(200, text), thread=THREAD)


@pytest.mark.parametrize("thread", [None, THREAD])
def test_a_created_issue_is_found_by_its_mark(thread: str | None) -> None:
    """The query holds nothing from outside; the property names the delivery that created it."""
    gone = () if thread is None else (GONE,)
    created = jira_issue(ALERT, delivery=ALERT.delivery_id)

    verdict, http = asked("jira", *gone, jira_search("SEC-3"), created, thread=thread)

    mark = identity.owner_of(ALERT, "").mark
    assert getattr(verdict, "reference", None) == "SEC-3"
    search = http.calls[len(gone)]
    assert search.url.endswith("/rest/api/3/search/jql")
    assert search.body["jql"] == (
        f'project = "SEC" AND (labels = "ecr-{mark}" OR text ~ "{mark}") ORDER BY created ASC'
    )


def test_every_issue_of_the_stream_is_looked_at() -> None:
    """The alert may have made a second issue, while the first one could not be seen."""
    second = jira_issue(ALERT, delivery=ALERT.delivery_id)

    verdict, _ = asked(
        "jira", jira_issue(ALERT), comments(), jira_search("SEC-7", "SEC-8"), second, thread=THREAD
    )

    assert getattr(verdict, "reference", None) == "SEC-8"


THEIRS = HttpAnswer(200, '{"fields": {}, "properties": {}}')


@pytest.mark.parametrize(
    "answers", [(jira_search(),), (jira_search("SEC-9"), THEIRS), (jira_search(7, "x/../y"),)]
)
def test_an_index_that_lags_is_asked_again_for_five_minutes(
    answers: tuple[HttpAnswer, ...],
) -> None:
    """Jira's search is behind by seconds to minutes; only then the issue is created (again)."""
    early, _ = asked("jira", *answers, after=299)
    late, _ = asked("jira", *answers, after=300)

    assert early == AskAgain(60)
    assert late == NotReceived()


def test_the_lag_counts_from_the_last_send() -> None:
    """An alert that waited for hours and was sent a moment ago is not in the index yet."""
    tried_at = NOW + timedelta(hours=3)
    early, _ = asked("jira", jira_search(), after=3 * 3600 + 299, tried_at=tried_at)
    late, _ = asked("jira", jira_search(), after=3 * 3600 + 300, tried_at=tried_at)

    assert early == AskAgain(60)
    assert late == NotReceived()


@pytest.mark.parametrize("thread", [None, THREAD])
def test_a_receiver_that_refuses_to_say_is_an_error(thread: str | None) -> None:
    """Throttling and outages pass through, so that nothing is sent in doubt."""
    with pytest.raises(ThrottledError):
        asked("jira", ThrottledError("429"), thread=thread)


@pytest.mark.parametrize("answers", [(), (jira_issue(ALERT),)])
def test_credentials_that_are_refused_are_an_error(answers: tuple[HttpAnswer, ...]) -> None:
    """403 is no answer to the question."""
    with pytest.raises(PermanentDeliveryError):
        asked(
            "jira",
            *answers,
            PermanentDeliveryError("forbidden", reason="http-403"),
            thread=THREAD,
        )


@pytest.mark.parametrize("mode", ["jira", "slack-bot"])
def test_lists_of_others_may_be_long(mode: str) -> None:
    """Comments, messages and found issues are read up to 4 MiB."""
    http = ScriptedHttp([HttpAnswer(200, "{}")])
    made = notifier(mode, tools(http=http))

    with suppress(ScanAlertError):
        made.verify(ALERT, since=NOW, now=NOW, thread=THREADS[mode])

    assert http.calls
    assert {call.limit for call in http.calls} == {LONG_ANSWER}
