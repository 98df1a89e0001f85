"""The report page as an attachment: there once, the newest three, and never in an alert's way."""

import json
from dataclasses import dataclass, replace
from typing import Any

import pytest

from lib.errors import PermanentDeliveryError, StoreError, ThrottledError
from lib.models import HttpAnswer, Receipt, Upload
from lib.notifiers.jira import MAX_ATTACHMENT, JiraNotifier
from tests.notifiers.alerts import stories
from tests.notifiers.receivers import (
    JIRA_CREATED,
    OPTIONS,
    THREADS,
    ScriptedHttp,
    jira_issue,
    jira_search,
    tools,
)

STORIES = stories()
ALERT = STORIES["new-and-resolved"]
SITE = "https://example.atlassian.net/rest/api/3"
HTML = b"<!doctype html><title>report</title>"
DONE = HttpAnswer(204, "")
NAME = f"scan-report-1.4.2-{ALERT.delivery_id[:8]}.html"


@dataclass(frozen=True)
class OnePage:
    """A report page, or the error of reading it."""

    content: bytes | StoreError | None = HTML

    def read(self, key: str) -> bytes | None:
        assert key == ALERT.page_key
        if isinstance(self.content, StoreError):
            raise self.content
        return self.content


def send(
    *answers: HttpAnswer | Exception,
    thread: str | None = THREADS["jira"],
    pages: OnePage | None = OnePage(),
    **options: Any,
) -> tuple[Receipt, list[str], list[Any]]:
    """Send an alert; return the receipt, the calls, and their bodies."""
    http = ScriptedHttp(list(answers))
    given = replace(tools(http=http), pages=pages)
    notifier = JiraNotifier({**OPTIONS["jira"], "reopen": False, **options}, given)
    receipt = notifier.send(notifier.render(ALERT, thread=thread))
    calls = [f"{each.method} {each.url.removeprefix(SITE)}" for each in http.calls]
    return receipt, calls, [each.body for each in http.calls]


def attached(*names: str) -> HttpAnswer:
    """Answer with attachments, the newest first."""
    listed = [
        {
            "id": 100 + place,
            "filename": name,
            "created": f"2026-11-{20 - place:02}T09:00:00.000+0000",
        }
        for place, name in enumerate(names)
    ]
    return HttpAnswer(200, json.dumps({"fields": {"attachment": listed}}))


OPEN = jira_issue(ALERT)


def test_a_new_issue_gets_the_page() -> None:
    receipt, calls, bodies = send(jira_search(), JIRA_CREATED, attached(), DONE, thread=None)

    assert calls == [
        "POST /search/jql",
        "POST /issue",
        "GET /issue/SEC-7?fields=attachment",
        "POST /issue/SEC-7/attachments",
    ]
    assert bodies[3] == Upload(NAME, HTML, "text/html")
    assert receipt.remark is None


def test_the_upload_says_that_it_is_meant() -> None:
    """Jira refuses uploads without this header, against forged requests of browsers."""
    http = ScriptedHttp([jira_search(), JIRA_CREATED, attached(), DONE])
    notifier = JiraNotifier(OPTIONS["jira"], replace(tools(http=http), pages=OnePage()))

    notifier.send(notifier.render(ALERT))

    assert http.calls[3].headers["X-Atlassian-Token"] == "no-check"
    assert http.calls[3].headers["Authorization"].startswith("Basic ")


def test_the_page_comes_before_the_comment() -> None:
    """A repeat finds it there by its name, and there is still only one comment."""
    first = send(OPEN, DONE, attached(), DONE, DONE)[1]
    again = send(OPEN, DONE, attached(NAME), DONE)[1]

    assert first[-2:] == ["POST /issue/SEC-7/attachments", "POST /issue/SEC-7/comment"]
    assert again[-2:] == ["GET /issue/SEC-7?fields=attachment", "POST /issue/SEC-7/comment"]


def test_the_page_leaves_the_comment_its_time() -> None:
    """However slow Jira is: the comment is the message, and comes last."""
    http = ScriptedHttp(
        [OPEN, DONE, attached(*(f"scan-report-{n}-c.html" for n in range(5))), DONE]
    )
    notifier = JiraNotifier(OPTIONS["jira"], replace(tools(http=http), pages=OnePage()))

    notifier.send(notifier.render(ALERT, thread="SEC-7"))

    leaving = [call.url.removeprefix(SITE) for call in http.calls if call.leaves_time]
    assert leaving == [
        "/issue/SEC-7?fields=attachment",
        "/issue/SEC-7/attachments",
        *(f"/attachment/{number}" for number in (104, 103, 102)),
    ]


def test_the_newest_three_are_kept() -> None:
    """Only ours are taken away: what people attached stays."""
    names = ("scan-report-4-d.html", "budget.xlsx", *(f"scan-report-{n}-c.html" for n in (3, 2, 1)))
    calls = send(OPEN, DONE, attached(*names), DONE)[1]

    assert [each for each in calls if each.startswith("DELETE")] == [
        "DELETE /attachment/104",
        "DELETE /attachment/103",
    ]


@pytest.mark.parametrize(
    ("answers", "pages", "remark"),
    [
        ((attached(), PermanentDeliveryError("answered 403")), OnePage(), "answered 403"),
        ((ThrottledError("answered 429"),), OnePage(), "answered 429"),
        ((), OnePage(None), "is not stored"),
        ((), None, "is not stored"),
        ((), OnePage(StoreError("S3 is away")), "S3 is away"),
        ((), OnePage(b"x" * (MAX_ATTACHMENT + 1)), "10,000,001 bytes"),
    ],
)
def test_an_alert_is_not_held_up_by_its_page(answers: Any, pages: Any, remark: str) -> None:
    """The comment is made whatever happens, and the log says what is missing."""
    receipt, calls, _ = send(OPEN, DONE, *answers, DONE, pages=pages)

    assert calls[-1] == "POST /issue/SEC-7/comment"
    assert remark in str(receipt.remark)
    assert (receipt.reference, receipt.thread) == ("SEC-7", THREADS["jira"])


@pytest.mark.parametrize(
    "answer", ["", "[]", '{"fields": {"attachment": 7}}', '{"fields": {"attachment": [7]}}']
)
def test_odd_lists_are_none(answer: str) -> None:
    calls = send(OPEN, DONE, HttpAnswer(200, answer), DONE)[1]

    assert "POST /issue/SEC-7/attachments" in calls


def test_it_can_be_switched_off() -> None:
    _, calls, _ = send(OPEN, DONE, attach=False)

    assert not [each for each in calls if "attachment" in each]


def test_a_tag_cannot_name_another_file() -> None:
    notifier = JiraNotifier(OPTIONS["jira"], tools())
    odd = replace(ALERT, image=replace(ALERT.image, tags=("../../a b\n",)))
    untagged = replace(ALERT, image=replace(ALERT.image, tags=()))

    assert notifier.render(odd)["attach"]["name"].startswith("scan-report-..-..-a-b--0")
    assert notifier.render(untagged)["attach"]["name"].startswith("scan-report-sha256-0")
