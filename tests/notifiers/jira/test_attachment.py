"""The report page as an attachment: there once, the newest three, and never in an alert's way."""

import base64
import json
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from requests.adapters import BaseAdapter

from lib.errors import PermanentDeliveryError, StoreError, ThrottledError
from lib.http_client import RequestsClient
from lib.http_deadline import TimeLimits
from lib.models import HttpAnswer, Receipt, Upload
from lib.notifiers.jira.notifier import MAX_ATTACHMENT, JiraNotifier
from local.standins.jira import JiraStandIn
from local.standins.wire import Call
from tests.support.answers import an_answer
from tests.support.builders import NOW, a_finding, a_report, an_image
from tests.support.notices import noticed, notices
from tests.support.receivers import (
    JIRA_CREATED,
    OPTIONS,
    THREADS,
    NamedSecrets,
    ScriptedHttp,
    jira_issue,
    jira_search,
    tools,
)
from tests.support.scenes import Scene

STORIES = notices()
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


def test_both_remarks_are_kept() -> None:
    """What became of the stored issue, and of the page."""
    gone = PermanentDeliveryError("404", reason="http-404")
    answers = (gone, jira_search(), JIRA_CREATED)
    other = THREADS["jira"].replace("-7", "-6")

    receipt = send(*answers, thread=other, pages=None)[0]

    assert receipt.remark == (
        "the stored issue SEC-6 is gone or not ours; not attached: the report page is not stored"
    )


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

    def named(*tags: str) -> str:
        image = an_image(2, tags=tags)
        name: str = notifier.render(noticed(Scene(a_report(a_finding(), image=image))))["attach"][
            "name"
        ]
        return name

    assert named("../../a b\n").startswith("scan-report-..-..-a-b--0")
    assert named().startswith("scan-report-sha256-0")


class SlowJira(BaseAdapter):
    """Jira's stand-in, which takes so many seconds for each call."""

    def __init__(self, seconds: float = 0.0) -> None:
        super().__init__()
        self.jira = JiraStandIn()
        self.seconds = seconds
        self.passed = 0.0
        self.asked: list[str] = []

    def send(  # type: ignore[override]
        self, request: requests.PreparedRequest, *, timeout: tuple[float, float], **_: Any
    ) -> requests.Response:
        self.asked.append(f"{request.method} {urlsplit(str(request.url)).path}")
        self.passed += min(self.seconds, timeout[1])
        if self.seconds > timeout[1]:
            raise requests.ReadTimeout
        parts = urlsplit(str(request.url))
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = request.body if isinstance(request.body, bytes) else b""
        call = Call(str(request.method), parts.path, dict(parse_qsl(parts.query)), headers, body)
        answer = self.jira.handle(call).answer
        return an_answer(answer.status, answer.body.encode(), answer.headers)

    def send_alert(self, thread: str | None = None) -> Receipt:
        """Make one attempt: with the time and the connections of its own."""
        session = requests.Session()
        session.mount("https://", self)
        http = RequestsClient(
            ("example.atlassian.net",), session=session, now=lambda: NOW, clock=lambda: self.passed
        )
        account = {"email": self.jira.email, "token": self.jira.token}
        secrets = NamedSecrets({"ecr-scan-alerts/jira": json.dumps(account)})
        given = replace(tools(http=http, secrets=secrets), pages=OnePage())
        notifier = JiraNotifier(OPTIONS["jira"], given)
        return notifier.send(notifier.render(ALERT, thread=thread))

    def close(self, key: str) -> None:
        """Do what a person does on the board."""
        account = base64.b64encode(f"{self.jira.email}:{self.jira.token}".encode()).decode()
        headers = {"authorization": f"Basic {account}"}
        path = f"/rest/api/3/issue/{key}/transitions"
        self.jira.handle(Call("POST", path, {}, headers, b'{"transition": {"id": "31"}}'))


@pytest.mark.parametrize(
    ("seconds", "remark"), [(0.0, "None"), (5.0, "None"), (7.6, "no time left in this attempt")]
)
def test_a_slow_jira_gets_the_comment_at_the_first_attempt(seconds: float, remark: str) -> None:
    """Calls of 7.6 s are longer than an attempt: the page is left out, the message is not."""
    slow = SlowJira()
    first = slow.send_alert()
    slow.close(first.reference)
    slow.asked.clear()
    slow.seconds, slow.passed = seconds, 0.0

    receipt = slow.send_alert(first.thread)

    assert receipt.reference == first.reference
    assert slow.asked[-1] == f"POST /rest/api/3/issue/{first.reference}/comment"
    assert slow.passed <= TimeLimits().attempt
    assert str(receipt.remark).endswith(remark)
