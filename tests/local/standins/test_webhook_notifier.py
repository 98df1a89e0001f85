"""A webhook against the stand-in, over HTTP: the signature holds, and a repeat is known as one."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import requests

from lib.errors import AmbiguousDeliveryError, ConfigError, PermanentDeliveryError
from lib.http_client import RequestsClient
from lib.models import Destination, Receipt
from lib.notifiers.webhook import WebhookNotifier
from lib.ports.notifiers import NotifierTools
from local.standins.server import Disconnect, Receivers
from tests.support.builders import NOW
from tests.support.notices import notices
from tests.support.receivers import SIGNING_SECRET, NamedSecrets, RecordingTopics

STORIES = notices()


class Endpoint:
    """A receiver and the notifier for it."""

    def __init__(self, receivers: Receivers, session: requests.Session) -> None:
        self.receivers, self.session = receivers, session

    def send(
        self, story: str = "new-and-resolved", *, secret: str = "", late: float = 0
    ) -> Receipt:
        references = {"url": {"secret": "url"}, "secret": {"secret": "signing"}}
        secrets = {
            "url": self.receivers.webhook_url("inventory"),
            "signing": secret or self.receivers.webhook_secret,
        }
        notifier = WebhookNotifier(
            references,
            NotifierTools(
                http=RequestsClient(("127.0.0.1",), session=self.session, now=lambda: NOW),
                secrets=NamedSecrets(secrets),
                topics=RecordingTopics(),
                destination=Destination("inventory"),
                # The stand-in's clock is the real one.
                now=lambda: datetime.now(UTC) - timedelta(seconds=late),
            ),
        )
        return notifier.send(notifier.render(STORIES[story]))


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """Open a receiver of its own."""
    with Receivers() as receivers, requests.Session() as session:
        yield Endpoint(receivers, session)


@pytest.mark.parametrize("story", STORIES)
def test_every_event_is_taken(endpoint: Endpoint, story: str) -> None:
    """However large it is."""
    receipt = endpoint.send(story)

    (message,) = endpoint.receivers.messages("webhook")
    assert receipt == Receipt(message.payload["id"])
    assert not any(each.warning for each in message.notes)


def test_a_repeat_is_known_as_one(endpoint: Endpoint) -> None:
    """Its answer was lost, so it comes again."""
    endpoint.receivers.script("webhook", [Disconnect(accepts=True)])
    with pytest.raises(AmbiguousDeliveryError):
        endpoint.send()

    endpoint.send()

    first, second = endpoint.receivers.messages("webhook")
    assert first.raw == second.raw
    assert "repeat" in second.notes[-1].text


def test_both_secrets_hold_while_one_is_replaced(endpoint: Endpoint) -> None:
    """The receiver has the old one, which stands last."""
    endpoint.send(secret=f"{SIGNING_SECRET}\n{endpoint.receivers.webhook_secret}")

    assert len(endpoint.receivers.messages("webhook")) == 1


@pytest.mark.parametrize(("secret", "late"), [(SIGNING_SECRET, 0), ("", 600)])
def test_another_secret_or_a_late_one_is_refused_for_good(
    endpoint: Endpoint, secret: str, late: float
) -> None:
    """And the destination's other alerts wait until somebody mends that."""
    with pytest.raises(PermanentDeliveryError) as caught:
        endpoint.send(secret=secret, late=late)

    assert caught.value.broken
    assert endpoint.receivers.messages() == []


def test_a_secret_that_cannot_sign_sends_nothing(endpoint: Endpoint) -> None:
    """Not even unsigned."""
    with pytest.raises(ConfigError):
        endpoint.send(secret="short")

    assert endpoint.receivers.requests() == []
