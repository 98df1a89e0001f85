"""The notifier against the stand-in, over HTTP: an issue is closed by people, and comes back."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests

from lib.http_client import RequestsClient
from lib.interfaces import NotifierTools
from lib.models import Destination, NotThere, Receipt, Report
from lib.notifiers.jira import JiraNotifier
from local.receivers import Receivers
from tests.builders import NOW, a_finding, a_report, an_image
from tests.notifiers.alerts import evaluated, told
from tests.notifiers.receivers import NamedSecrets, RecordingTopics

OLD = a_finding("CVE-2026-1", severity="HIGH", package="zlib1g")
NEW = a_finding("CVE-2026-2", severity="CRITICAL", package="openssl")
FIRST = a_report(OLD, image=an_image(1))
WORSE = a_report(OLD, NEW, image=an_image(2))
CLEAN = a_report(image=an_image(3))


class Site:
    """A Jira site with an account that works for the notifier."""

    def __init__(self, receivers: Receivers, session: requests.Session, **options: Any) -> None:
        self.receivers, self.session = receivers, session
        email, token = receivers.jira_credentials
        secret = json.dumps({"email": email, "token": token})
        self.notifier = JiraNotifier(
            {
                "site": receivers.jira_url,
                "project": "SEC",
                "credentials": {"secret": "jira"},
                **options,
            },
            NotifierTools(
                http=RequestsClient(("127.0.0.1",), session=session, now=lambda: NOW),
                secrets=NamedSecrets({"jira": secret}),
                topics=RecordingTopics(),
                destination=Destination("security-jira"),
                now=lambda: NOW,
            ),
        )

    def send(self, report: Report, before: Report | None = None) -> Receipt:
        alert = told(evaluated(report, before=before))
        thread = "SEC-1" if before else None
        return self.notifier.send(self.notifier.render(alert, thread=thread))

    def move(self, transition: str) -> None:
        """Do what a person does."""
        answer = self.session.post(
            f"{self.receivers.jira_url}/rest/api/3/issue/SEC-1/transitions",
            json={"transition": {"id": transition}},
            auth=self.receivers.jira_credentials,
        )
        assert answer.status_code == 204

    @property
    def status(self) -> str:
        answer = self.session.get(
            f"{self.receivers.jira_url}/rest/api/3/issue/SEC-1",
            auth=self.receivers.jira_credentials,
        )
        return str(answer.json()["fields"]["status"]["name"])

    @property
    def last_comment(self) -> str:
        return json.dumps(self.receivers.messages("jira")[-1].payload["body"])


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as opened:
        opened.trust_env = False
        yield opened


@pytest.fixture
def receivers() -> Iterator[Receivers]:
    with Receivers() as running:
        yield running


def test_closed_issue_comes_back(receivers: Receivers, session: requests.Session) -> None:
    """Closed as done, something new: open again, and the comment says so."""
    site = Site(receivers, session)
    site.send(FIRST)
    site.move("31")

    receipt = site.send(WORSE, before=FIRST)

    assert receipt.thread == "SEC-1"
    assert site.status == "To Do"
    assert "so it is open again" in site.last_comment


def test_decision_stands(receivers: Receivers, session: requests.Session) -> None:
    """Closed as Won't Do, something new: it stays, and the comment says what came."""
    site = Site(receivers, session)
    site.send(FIRST)
    site.move("41")

    site.send(WORSE, before=FIRST)

    assert site.status == "Won't Do"
    assert "closed on purpose (Won't Do)" in site.last_comment


def test_issue_is_closed_when_nothing_is_left(
    receivers: Receivers, session: requests.Session
) -> None:
    """Where the destination asks for it, and as Done."""
    site = Site(receivers, session, close=True)
    site.send(FIRST)

    site.send(CLEAN, before=FIRST)

    assert site.status == "Done"
    assert "so this issue is closed" in site.last_comment


def test_lost_answer_is_looked_up(receivers: Receivers, session: requests.Session) -> None:
    """The search and the comments of a site say whether a delivery arrived."""
    site = Site(receivers, session)
    first = told(evaluated(FIRST))
    update = replace(told(evaluated(WORSE, before=FIRST)), delivery_id=first.delivery_id[::-1])
    site.send(FIRST)

    created = site.notifier.verify(first, since=NOW, now=NOW)
    missing = site.notifier.verify(update, since=NOW, now=NOW, thread="SEC-1")
    site.notifier.send(site.notifier.render(update, thread="SEC-1"))
    commented = site.notifier.verify(update, since=NOW, now=NOW, thread="SEC-1")

    assert getattr(created, "thread", None) == "SEC-1"
    assert missing == NotThere()
    assert getattr(commented, "thread", None) == "SEC-1"
