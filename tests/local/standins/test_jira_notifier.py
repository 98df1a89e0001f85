"""The notifier against the stand-in, over HTTP: an issue is closed by people, and comes back."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests

from lib.errors import AmbiguousDeliveryError, PermanentDeliveryError
from lib.http_client import RequestsClient
from lib.models import DeliveryId, Destination, Notice, NotReceived, Receipt, Report
from lib.notifiers.jira.notifier import JiraNotifier
from lib.ports.notifiers import NotifierTools
from local.standins.server import Accept, Answer, Disconnect, Receivers
from local.standins.wire import Kind
from tests.support.builders import NOW, a_finding, a_report, an_image
from tests.support.notices import noticed, quiet_notices
from tests.support.receivers import NamedSecrets, RecordingTopics
from tests.support.scenes import Scene

OLD = a_finding("CVE-2026-1", severity="HIGH", package="zlib1g")
NEW = a_finding("CVE-2026-2", severity="CRITICAL", package="openssl")
FIRST = a_report(OLD, image=an_image(1))
WORSE = a_report(OLD, NEW, image=an_image(2))
CLEAN = a_report(image=an_image(3))


class Site:
    """A Jira site with an account that works for the notifier."""

    def __init__(
        self,
        receivers: Receivers,
        session: requests.Session,
        *,
        stage: str = "prod",
        **options: Any,
    ) -> None:
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
                stage=stage,
            ),
        )

    def send(self, report: Report, before: Report | None = None) -> Receipt:
        thread = f"{self.receivers.jira_url}|SEC|SEC-1" if before else None
        return self.tell(an_alert(report, before), thread)

    def tell(self, alert: Notice, thread: str | None = None) -> Receipt:
        """Send an alert, with what the ledger has stored of its stream."""
        return self.notifier.send(self.notifier.render(alert, thread=thread))

    def issues(self) -> list[str]:
        """Return the keys of the issues that were created for alerts."""
        messages = self.receivers.messages("jira")
        return [each.destination for each in messages if each.kind is Kind.CREATED]

    def mentions(self, key: str, text: str) -> bool:
        """Say whether an issue or one of its comments has a text."""
        url = f"{self.receivers.jira_url}/rest/api/3/issue/{key}"
        account = self.receivers.jira_credentials
        read = self.session.get(url, auth=account).text
        return text in read + self.session.get(f"{url}/comment", auth=account).text

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


def an_alert(report: Report, before: Report | None = None) -> Notice:
    """Return the notice of a report, with an id of its own."""
    name = hashlib.sha256(report.image.key.encode()).hexdigest()[:32]
    return replace(noticed(Scene(report, before)), delivery_id=DeliveryId(name))


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

    assert receipt.thread == f"{receivers.jira_url}|SEC|SEC-1"
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


def test_a_quiet_update_is_seen_by_nobody(receivers: Receivers, session: requests.Session) -> None:
    """The description is current, nothing is commented, and a closed issue stays as it is."""
    site = Site(receivers, session, close=True)
    quiet = quiet_notices()
    left, clear = quiet["one-left"], quiet["clear"]
    site.tell(replace(an_alert(FIRST), message=replace(left.message, quiet=False)))
    thread = f"{receivers.jira_url}|SEC|SEC-1"

    site.tell(left, thread)
    assert site.status == "To Do"
    assert site.mentions("SEC-1", "1 no longer reported")
    site.tell(clear, thread)
    assert site.status == "Done"
    site.tell(left, thread)

    assert site.mentions("SEC-1", "nothing open")
    kinds = [message.kind for message in receivers.messages("jira")]
    assert Kind.COMMENTED not in kinds
    assert site.issues() == ["SEC-1"]


def test_lost_answer_is_looked_up(receivers: Receivers, session: requests.Session) -> None:
    """The search and the comments of a site say whether a delivery arrived."""
    site = Site(receivers, session)
    thread = f"{receivers.jira_url}|SEC|SEC-1"
    first, update = an_alert(FIRST), an_alert(WORSE, FIRST)
    site.tell(first)

    created = site.notifier.verify(first, since=NOW, now=NOW)
    missing = site.notifier.verify(update, since=NOW, now=NOW, thread=thread)
    site.tell(update, thread)
    commented = site.notifier.verify(update, since=NOW, now=NOW, thread=thread)

    assert getattr(created, "thread", None) == thread
    assert missing == NotReceived()
    assert getattr(commented, "thread", None) == thread


def test_an_issue_proves_nothing_about_another_alert(
    receivers: Receivers, session: requests.Session
) -> None:
    """The ledger forgot the issue, and Jira refuses the create of the next alert: it is sent."""
    site = Site(receivers, session)
    site.tell(an_alert(FIRST))
    update = an_alert(WORSE, FIRST)
    receivers.script("jira", [Accept(), Accept(), Accept(), Answer(500)])
    with pytest.raises(AmbiguousDeliveryError):
        site.tell(update)

    verdict = site.notifier.verify(update, since=NOW, now=NOW)
    receipt = site.tell(update)

    assert verdict == NotReceived()
    assert site.issues() == [receipt.reference] == ["SEC-1"]
    assert site.mentions("SEC-1", "CVE-2026-2")


def test_a_deleted_issue_and_a_lost_answer_make_one_new_issue(
    receivers: Receivers, session: requests.Session
) -> None:
    """The stored key is gone, and the issue in its place is found although nobody stored it."""
    site = Site(receivers, session)
    site.send(FIRST)
    receivers.delete_issue("SEC-1")
    update, thread = an_alert(WORSE, FIRST), f"{receivers.jira_url}|SEC|SEC-1"
    receivers.script("jira", [Accept(), Accept(), Disconnect(accepts=True)])
    with pytest.raises(AmbiguousDeliveryError):
        site.tell(update, thread)

    verdict = site.notifier.verify(update, since=NOW, now=NOW, thread=thread)

    assert getattr(verdict, "reference", None) == "SEC-2"
    assert site.issues() == ["SEC-1", "SEC-2"]


def test_another_site_keeps_its_issues(receivers: Receivers, session: requests.Session) -> None:
    """What a trial on a sandbox stored is no key of the production site."""
    trial = Site(receivers, session).send(FIRST)
    with Receivers() as production:
        theirs = production.jira.add("SEC", "Renew the lease of the office")
        site = Site(production, session)

        receipt = site.tell(an_alert(WORSE, FIRST), trial.thread)

        assert trial.reference == theirs == "SEC-1"
        assert receipt.reference == "SEC-2"
        assert site.mentions("SEC-1", "Renew the lease of the office")
        assert not site.mentions("SEC-1", "CVE-2026-2")


def test_a_key_of_the_same_site_that_is_not_ours_is_left_alone(
    receivers: Receivers, session: requests.Session
) -> None:
    """The site was restored, or its project made anew: the key is somebody else's now."""
    receivers.jira.add("SEC", "Renew the lease of the office")
    site = Site(receivers, session)

    receipt = site.send(WORSE, before=FIRST)

    assert receipt.reference == "SEC-2"
    assert not site.mentions("SEC-1", "CVE-2026-2")


def test_our_label_on_an_issue_of_people_is_no_invitation(
    receivers: Receivers, session: requests.Session
) -> None:
    """They label what belongs together, or copy an issue: theirs stays as it is."""
    site = Site(receivers, session)
    fields = site.notifier.render(an_alert(FIRST))["create"]["fields"]
    copied = {name: fields[name] for name in ("labels", "description")}
    receivers.jira.add("SEC", "Our own copy", **copied)

    receipt = site.send(FIRST)

    assert receipt.reference == "SEC-2"
    assert site.mentions("SEC-1", "Our own copy")


@pytest.mark.parametrize("lost", ["labels", "description"])
def test_people_may_take_one_of_our_two_signs(
    receivers: Receivers, session: requests.Session, lost: str
) -> None:
    """The label, or the line of the description: the other one is enough for the search."""
    site = Site(receivers, session)
    site.send(FIRST)
    receivers.jira.change("SEC-1", **{lost: [] if lost == "labels" else None})

    site.tell(an_alert(WORSE, FIRST))

    assert site.issues() == ["SEC-1"]
    assert site.mentions("SEC-1", "CVE-2026-2")


def test_without_both_signs_only_the_ledger_knows_the_issue(
    receivers: Receivers, session: requests.Session
) -> None:
    """A stored key is enough, because the property stays; without it there is a second issue."""
    site = Site(receivers, session)
    site.send(FIRST)
    receivers.jira.change("SEC-1", labels=[], description=None)

    assert site.send(WORSE, before=FIRST).reference == "SEC-1"
    receivers.jira.change("SEC-1", labels=[], description=None)
    assert site.tell(an_alert(CLEAN, FIRST)).reference == "SEC-2"


def test_labels_false_finds_the_issue_all_the_same(
    receivers: Receivers, session: requests.Session
) -> None:
    """By the line of its description."""
    site = Site(receivers, session, labels=False)
    site.send(FIRST)

    site.tell(an_alert(WORSE, FIRST))

    assert site.issues() == ["SEC-1"]
    assert site.mentions("SEC-1", "CVE-2026-2")


def test_a_long_key_is_found_in_the_answers(
    receivers: Receivers, session: requests.Session
) -> None:
    """The client takes long parts of an address out of what it hands on: a key is one."""
    site = Site(receivers, session, project="VERYLONGPROJECTKEY")

    first = site.tell(an_alert(FIRST))
    found = site.tell(an_alert(WORSE, FIRST))
    known = site.tell(an_alert(CLEAN, FIRST), first.thread)

    assert {each.reference for each in (first, found, known)} == {"VERYLONGPROJECTKEY-1"}
    assert len(site.issues()) == 1


def test_two_stages_have_an_issue_each(receivers: Receivers, session: requests.Session) -> None:
    """One alerts.yml, one project: neither sees nor edits the issue of the other."""
    prod, dev = Site(receivers, session), Site(receivers, session, stage="dev")

    receipts = [site.tell(an_alert(FIRST)) for site in (prod, dev)]
    receipts += [site.tell(an_alert(WORSE, FIRST)) for site in (prod, dev)]

    assert [each.reference for each in receipts] == ["SEC-1", "SEC-2", "SEC-1", "SEC-2"]
    taken = dev.tell(an_alert(CLEAN, FIRST), f"{receivers.jira_url}|SEC|SEC-1")
    assert taken.reference == "SEC-2"


def test_a_project_without_permission_is_broken(
    receivers: Receivers, session: requests.Session
) -> None:
    """Every alert would fail alike: the destination pauses, and the fallback is notified."""
    receivers.jira.hide("SEC")

    with pytest.raises(PermanentDeliveryError) as caught:
        Site(receivers, session).send(FIRST)

    assert caught.value.broken
