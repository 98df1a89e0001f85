"""PagerDuty against the stand-in, over HTTP: incidents open and close as scans come."""

from collections.abc import Iterator

import pytest
import requests

from lib.errors import AmbiguousDeliveryError, PermanentDeliveryError, ThrottledError
from lib.http_client import RequestsClient
from lib.models import AnyReport, Notice, Receipt
from lib.notifiers.pagerduty.incidents import Incident, dedup_key
from lib.notifiers.pagerduty.notifier import PagerDutyNotifier
from lib.ports.notifiers import NotifierTools
from local.standins.server import Answer, Disconnect, Receivers
from tests.support.builders import NOW, a_finding, a_report, an_image, an_unusable_report
from tests.support.notices import PAGER, noticed
from tests.support.receivers import NamedSecrets, RecordingTopics
from tests.support.scenes import STREAM, Scene
from tests.support.streams import TEAM

DESTINATION = TEAM
FINDINGS, SCAN = (dedup_key("", DESTINATION, STREAM, each) for each in Incident)
OLD = a_finding("CVE-2026-1", package="zlib1g")
NEW = a_finding("CVE-2026-2", severity="CRITICAL", package="openssl")
FIRST = a_report(OLD, image=an_image(1))
WORSE = a_report(OLD, NEW, image=an_image(2))
CLEAN = a_report(image=an_image(3))
FAILURE = an_unusable_report("FAILED", an_image(2))


class Service:
    """A service at PagerDuty and the notifier for it."""

    def __init__(
        self, receivers: Receivers, session: requests.Session, key: str = "", stage: str = ""
    ) -> None:
        self.receivers = receivers
        secret = {"key": key or receivers.pagerduty_key("on-call")}
        self.notifier = PagerDutyNotifier(
            {"site": receivers.pagerduty_site, "routing_key": {"secret": "key"}},
            NotifierTools(
                http=RequestsClient(("127.0.0.1",), session=session, now=lambda: NOW),
                secrets=NamedSecrets(secret),
                topics=RecordingTopics(),
                destination=DESTINATION,
                now=lambda: NOW,
                stage=stage,
            ),
        )
        self.thread: str | None = None

    def send(self, alert: Notice) -> Receipt:
        receipt = self.notifier.send(self.notifier.render(alert, thread=self.thread))
        self.thread = receipt.thread
        return receipt

    def seen(self) -> list[tuple[str, str]]:
        """Return what happened to which incident."""
        return [(each.kind, each.destination) for each in self.receivers.messages("pagerduty")]


def an_alert(report: AnyReport, before: AnyReport | None = None) -> Notice:
    return noticed(Scene(report, before), profile=PAGER)


FAILED = an_alert(FAILURE)


@pytest.fixture
def service() -> Iterator[Service]:
    """Open a service of its own."""
    with Receivers() as receivers, requests.Session() as session:
        yield Service(receivers, session)


def test_an_incident_lives_as_long_as_findings_are_open(service: Service) -> None:
    """A failed scan in between is another one, which the next result closes."""
    service.send(an_alert(WORSE, FIRST))
    service.send(FAILED)
    assert service.receivers.open_incidents == (FINDINGS, SCAN)

    service.send(an_alert(FIRST, FAILURE))
    assert service.receivers.open_incidents == (FINDINGS,)

    service.send(an_alert(CLEAN, WORSE))
    assert service.receivers.open_incidents == ()
    assert service.seen() == [
        ("created", "1"),
        ("created", "2"),
        ("resolved", "2"),
        ("resolved", "1"),
    ]


def test_a_first_scan_and_a_fix_beside_others_wake_nobody(service: Service) -> None:
    """The one is old debt, the other good news."""
    service.send(an_alert(FIRST))
    service.send(an_alert(a_report(NEW, image=an_image(4)), WORSE))

    assert service.seen() == []


def test_another_stage_does_not_close_the_incident(service: Service) -> None:
    """Two stages share a routing key: what is clean in one says nothing about the other."""
    with requests.Session() as session:
        dev = Service(service.receivers, session, stage="dev")
        service.send(an_alert(WORSE, FIRST))
        dev.send(an_alert(CLEAN, FIRST))

    assert service.receivers.open_incidents == (FINDINGS,)


def test_an_alert_that_comes_again_adds_to_its_incident(service: Service) -> None:
    """The answer to the first was lost: nobody is woken by the second."""
    service.receivers.script("pagerduty", [Answer(202, "{}", accepts=True)])
    with pytest.raises(AmbiguousDeliveryError):
        service.send(FAILED)

    service.send(FAILED)

    assert service.seen() == [("created", "1"), ("updated", "1")]


@pytest.mark.parametrize("step", [Disconnect(accepts=True), Answer(500, "no", accepts=True)])
def test_a_lost_answer_is_ambiguous(service: Service, step: Answer | Disconnect) -> None:
    """It may have been taken, which does no harm."""
    service.receivers.script("pagerduty", [step])

    with pytest.raises(AmbiguousDeliveryError):
        service.send(an_alert(WORSE, FIRST))


def test_throttling_is_no_attempt(service: Service) -> None:
    """PagerDuty says only that it took nothing."""
    service.receivers.script("pagerduty", [Answer(429, "Request Limit Exceeded")])

    with pytest.raises(ThrottledError) as caught:
        service.send(an_alert(WORSE, FIRST))

    assert caught.value.retry_after is None
    assert service.seen() == []


def test_a_key_of_nobody_is_refused_for_good(service: Service) -> None:
    """And the destination's other alerts wait."""
    with requests.Session() as session:
        stranger = Service(service.receivers, session, key="0" * 32)

        with pytest.raises(PermanentDeliveryError, match="Invalid routing key") as caught:
            stranger.send(an_alert(WORSE, FIRST))

    assert caught.value.broken
    assert "0" * 32 not in str(caught.value)
