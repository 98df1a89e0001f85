"""Wake-ups, revisits and dead letters on real queues of the embedded AWS."""

import json
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from lib.errors import EventError, StoreError
from lib.models import DeliveryId, Destination, FindingEvent, StreamId, WakeUp
from lib.store.queues import (
    SqsDeadLetters,
    SqsFindingQueue,
    SqsReturns,
    SqsScanEvents,
    SqsSyncQueue,
    SqsWaker,
    return_delay,
)
from tests.support.builders import NOW, a_report, an_image


@pytest.fixture
def sqs(boto: Callable[[str], Any]) -> Any:
    return boto("sqs")


@pytest.fixture
def queue(sqs: Any) -> Callable[..., str]:
    def make(*, fifo: bool = False) -> str:
        name = f"queue-{uuid.uuid4().hex[:8]}"
        if not fifo:
            return str(sqs.create_queue(QueueName=name)["QueueUrl"])
        attributes = {"FifoQueue": "true"}
        return str(sqs.create_queue(QueueName=f"{name}.fifo", Attributes=attributes)["QueueUrl"])

    return make


def a_wake_up(number: int, *, attempts: int = 0, turn: str = "") -> WakeUp:
    return WakeUp(DeliveryId(f"{number:032x}"), Destination("team-slack"), attempts, turn)


def received(sqs: Any, url: str) -> list[Any]:
    messages: list[Any] = []
    while True:
        answer = sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
            AttributeNames=["All"],
        )
        if not answer.get("Messages"):
            return messages
        for each in answer["Messages"]:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
        messages += answer["Messages"]


def test_every_delivery_is_woken_under_its_destination(sqs: Any, queue: Any) -> None:
    """More than one batch of ten; the destination is the message group."""
    url = queue(fifo=True)
    waker = SqsWaker(sqs, deliveries=url, scan_events=None)

    count = waker.wake(a_wake_up(number) for number in range(23))

    messages = received(sqs, url)
    assert count == len(messages) == 23
    assert {each["Attributes"]["MessageGroupId"] for each in messages} == {"team-slack"}
    assert json.loads(messages[22]["Body"]) == {
        "delivery": f"{22:032x}",
        "destination": "team-slack",
    }


def test_the_same_turn_is_woken_once_and_the_next_one_again(sqs: Any, queue: Any) -> None:
    """A repeated wake-up is dropped by the queue; another attempt or time is another message."""
    url = queue(fifo=True)
    waker = SqsWaker(sqs, deliveries=url, scan_events=None)

    for attempts, turn in ((0, ""), (0, ""), (1, ""), (1, "09:00"), (1, "09:05"), (1, "09:05")):
        waker.wake([a_wake_up(1, attempts=attempts, turn=turn)])

    assert len(received(sqs, url)) == 4


def test_a_scan_event_comes_back_unchanged(sqs: Any, queue: Any) -> None:
    """What is sent later is the event as it came."""
    url = queue()
    waker = SqsWaker(sqs, deliveries="", scan_events=url)
    event = {"detail-type": "ECR Image Scan", "id": "1", "detail": {"image-tags": ["1.4"]}}

    waker.revisit(event, delay_seconds=0)

    assert json.loads(received(sqs, url)[0]["Body"]) == event


def test_a_function_without_scan_events_says_so() -> None:
    """A wrong deployment is an error that names what is missing."""
    waker = SqsWaker(None, deliveries="", scan_events=None)  # type: ignore[arg-type]

    with pytest.raises(StoreError, match="no queue of scan events"):
        waker.revisit({}, delay_seconds=30)


def test_wake_ups_that_are_not_queued_are_an_error() -> None:
    """SQS may refuse some messages of a batch with a success status."""

    class Refusing:
        def send_message_batch(self, **_: Any) -> Any:
            return {"Failed": [{"Id": "0"}]}

    waker = SqsWaker(Refusing(), deliveries="", scan_events=None)  # type: ignore[arg-type]

    with pytest.raises(StoreError, match="1 wake-ups"):
        waker.wake([a_wake_up(1)])


def test_scan_events_are_queued_by_the_ten(sqs: Any, queue: Any) -> None:
    """More than one batch, each event a message of its own."""
    url = queue()

    SqsScanEvents(sqs, url).put([{"id": str(number)} for number in range(23)])

    ids = [json.loads(each["Body"])["id"] for each in received(sqs, url)]
    assert sorted(ids, key=int) == [str(number) for number in range(23)]


def test_scan_events_that_are_not_queued_are_an_error() -> None:
    """Who found them has to know that they are not on their way."""

    class Refusing:
        def send_message_batch(self, **_: Any) -> Any:
            return {"Failed": [{"Id": "0"}]}

    with pytest.raises(StoreError, match="1 scan events"):
        SqsScanEvents(Refusing(), "").put([{}])  # type: ignore[arg-type]


def next_message(sqs: Any, url: str) -> Any:
    """Return the next message, as soon as it is visible."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        # The embedded AWS may answer a long poll early.
        messages = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages")
        if messages:
            return messages[0]
    raise AssertionError("no message became visible")


def test_a_failed_message_comes_back_sooner_than_its_visibility_timeout(
    sqs: Any, queue: Any
) -> None:
    """After the delay, or at once; the queue itself would hide it for longer."""
    url = queue()
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "600"})
    sqs.send_message(QueueUrl=url, MessageBody="event")
    returns = SqsReturns(sqs, url, longest=1)

    first = next_message(sqs, url)
    assert returns.after_failure(first["ReceiptHandle"], receives=1) == 1
    second = next_message(sqs, url)
    returns.at_once(second["ReceiptHandle"])
    third = next_message(sqs, url)

    assert [message["Body"] for message in (first, second, third)] == ["event"] * 3


def test_a_pace_holds_up_the_destination_alone(sqs: Any, queue: Any) -> None:
    """Its next wake-up is received when the one before came back and was deleted."""
    url = queue(fifo=True)
    waker = SqsWaker(sqs, deliveries=url, scan_events=None)
    waker.wake([a_wake_up(1), a_wake_up(2)])
    first = next_message(sqs, url)

    SqsReturns(sqs, url, longest=1).after_pace(first["ReceiptHandle"], seconds=0.5)
    hidden = sqs.receive_message(QueueUrl=url).get("Messages", [])
    again = next_message(sqs, url)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=again["ReceiptHandle"])
    second = next_message(sqs, url)

    assert hidden == []
    assert (again["Body"], second["Body"] == first["Body"]) == (first["Body"], False)


def test_a_failed_message_comes_back_later_each_time() -> None:
    """Eight receives take about 48 minutes, or 23 where a destination waits."""
    scans = [return_delay(receives, longest=900) for receives in range(1, 8)]
    deliveries = [return_delay(receives, longest=300) for receives in range(1, 8)]

    assert scans == [5, 30, 120, 300, 600, 900, 900]
    assert deliveries == [5, 30, 120, 300, 300, 300, 300]
    assert return_delay(0, longest=900) == 5


def test_a_message_that_is_gone_is_a_store_error(sqs: Any, queue: Any) -> None:
    """Whoever asked falls back to the visibility timeout."""
    with pytest.raises(StoreError, match="bringing a message back"):
        SqsReturns(sqs, queue(), longest=1).at_once("no-such-receipt")


def test_a_rejected_event_is_kept_with_its_reason(sqs: Any, queue: Any) -> None:
    """The body stays as it was; reason and text are attributes."""
    url = queue()

    SqsDeadLetters(sqs, url).put("not json", EventError("The message is not JSON"))

    message = received(sqs, url)[0]
    assert message["Body"] == "not json"
    assert message["MessageAttributes"]["reason"]["StringValue"] == "bad-event"
    assert message["MessageAttributes"]["error"]["StringValue"] == "The message is not JSON"


def test_a_queue_that_is_gone_is_a_store_error(sqs: Any) -> None:
    """What AWS refuses is named, and may be tried again."""
    waker = SqsWaker(sqs, deliveries=f"{sqs.meta.endpoint_url}/0/no.fifo", scan_events=None)

    with pytest.raises(StoreError, match="queueing wake-ups"):
        waker.wake([a_wake_up(1)])


def a_finding_event(number: int, event_id: str = "1") -> tuple[FindingEvent, dict[str, str]]:
    report = a_report(image=an_image(number))
    return FindingEvent(event_id, NOW, report), {"id": event_id, "image": report.image.key}


def test_streams_are_queued_a_hundred_a_message(sqs: Any, queue: Any) -> None:
    """Each once, in messages that say why."""
    url = queue()
    streams = [StreamId(f"stream-{number}") for number in range(1_050)]

    count = SqsSyncQueue(sqs, url).put([*streams, streams[0]], "daily")

    bodies = [json.loads(message["Body"]) for message in received(sqs, url)]
    assert count == 1_050
    assert {body["cause"] for body in bodies} == {"daily"}
    assert sorted(len(body["streams"]) for body in bodies) == [50, *[100] * 10]
    assert {name for body in bodies for name in body["streams"]} == set(streams)


def test_findings_of_an_image_are_gathered_for_one_window(sqs: Any, queue: Any) -> None:
    """One message for each image and window: the first event, as it came."""
    url = queue(fifo=True)
    findings = SqsFindingQueue(sqs, url, window=timedelta(seconds=90))

    findings.put([a_finding_event(1), a_finding_event(2), a_finding_event(1, "2")], now=NOW)
    findings.put([a_finding_event(1, "3")], now=NOW + timedelta(seconds=1))
    findings.put([a_finding_event(1, "4")], now=NOW + timedelta(seconds=91))

    messages = [json.loads(message["Body"]) for message in received(sqs, url)]
    ids = [(message["id"], message["image"]) for message in messages]
    one, two = an_image(1).key, an_image(2).key
    assert sorted(ids) == [("1", one), ("1", two), ("4", one)]


def test_large_events_are_sent_in_batches_that_fit(sqs: Any, queue: Any) -> None:
    """A batch holds 1 MiB; five events of 300 kB do not fit into one."""
    url = queue()

    SqsScanEvents(sqs, url).put([{"id": str(number), "body": "x" * 300_000} for number in range(5)])

    assert {json.loads(message["Body"])["id"] for message in received(sqs, url)} == set("01234")
