"""What a webhook sends, read by the official Python SDK of CloudEvents."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from cloudevents.core.exceptions import BaseCloudEventException, CloudEventValidationError

from lib.flows.destination_test import run
from lib.models import Message
from lib.notifiers.webhook import DIGEST_TYPE, EVENT_TYPE, TEST_TYPE
from lib.ports.notifiers import DestinationTest
from tests.support.builders import NOW
from tests.support.digests import digests
from tests.support.every import every
from tests.support.notices import injected, notices
from tests.support.receivers import ANSWERS, ScriptedHttp, notifier, tools
from tests.support.scenes import INJECTIONS

MESSAGES: dict[str, Message] = {
    **notices(),
    **{f"digest-{name}": digest for name, digest in digests().items()},
    **{f"injected-{number}": injected(text) for number, text in enumerate(INJECTIONS)},
}


def received(call: Any) -> BaseCloudEvent:
    """Return the event that the SDK reads from a request."""
    return from_http_event(HTTPMessage(headers=dict(call.headers), body=call.body))


def sent(message: Message) -> Iterator[BaseCloudEvent]:
    """Yield the events of a message as receivers get them: in full, and plain."""
    for make in ("render", "plain"):
        http = ScriptedHttp([ANSWERS["webhook"]])
        webhook = notifier("webhook", tools(http=http))
        webhook.send(getattr(webhook, make)(message))
        (call,) = http.calls
        event = received(call)
        body = json.loads(call.body)
        assert event.get_data() == body.pop("data")
        assert {**event.get_attributes(), "time": body["time"]} == body
        yield event


@every("name", MESSAGES)
def test_every_event_is_read(name: str) -> None:
    """In structured mode, the only one that is sent, with all of its attributes and data."""
    message = MESSAGES[name]

    events = list(sent(message))

    kind = DIGEST_TYPE if name.startswith("digest-") else EVENT_TYPE
    assert {event.get_type() for event in events} == {kind}
    assert {event.get_id() for event in events} == {message.delivery_id}
    assert all(event.get_time() is not None for event in events)


def test_the_event_of_a_test_is_read() -> None:
    """It has a type of its own."""
    http = ScriptedHttp([ANSWERS["webhook"]])

    run(notifier("webhook", tools(http=http)), DestinationTest("test-1", NOW, "stage prod"))

    events = [received(call) for call in http.calls if call.method == "POST"]
    assert [event.get_type() for event in events] == [TEST_TYPE]


@pytest.mark.parametrize("change", [{"source": ""}, {"time": "yesterday"}, {"Subject": "a"}])
def test_the_sdk_sees_what_is_wrong(change: dict[str, str]) -> None:
    """The checks above can fail."""
    event = {
        "specversion": "1.0",
        "id": "1",
        "source": "urn:a",
        "type": "a",
        "time": "2026-01-01T00:00:00Z",
    }
    message = HTTPMessage(
        headers={"Content-Type": "application/cloudevents+json"},
        body=json.dumps(event | change).encode(),
    )

    with pytest.raises((CloudEventValidationError, BaseCloudEventException, ValueError)):
        from_http_event(message)
