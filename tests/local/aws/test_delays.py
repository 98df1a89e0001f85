"""Delays of SQS in the embedded AWS: as long as those of AWS, or shorter where tests ask for it."""

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import pytest

from local.aws.process import EmbeddedAws
from tests.support.cloud_fixtures import LONGEST_DELAY

SHORT: Final = 2
LONG: Final = 20
"""Seconds. What is cut is told from the whole even where the machine is slow."""


@pytest.fixture(scope="module")
def real_time(
    tmp_path_factory: pytest.TempPathFactory,
    embedded_aws: EmbeddedAws,  # noqa: ARG001  # skips where there is none
) -> Iterator[EmbeddedAws]:
    """Yield an embedded AWS with the delays of AWS, as `make demo` has them."""
    with EmbeddedAws(log=tmp_path_factory.mktemp("cloud") / "cloud.log") as aws:
        yield aws


class Queue:
    """A queue of its own on an embedded AWS."""

    def __init__(self, aws: EmbeddedAws) -> None:
        self.sqs = aws.client("sqs")
        name = f"delays-{uuid.uuid4().hex[:8]}"
        self.url: str = self.sqs.create_queue(QueueName=name)["QueueUrl"]

    def send(self, **more: Any) -> None:
        self.sqs.send_message(QueueUrl=self.url, MessageBody="x", **more)

    def receive(self, wait: int = 0) -> str | None:
        """Return the handle of the next message; None: no message came."""
        answer = self.sqs.receive_message(QueueUrl=self.url, WaitTimeSeconds=wait)
        handles = (message["ReceiptHandle"] for message in answer.get("Messages", ()))
        return next(handles, None)

    def wait(self) -> float:
        """Return when a message came."""
        deadline = time.monotonic() + LONG
        while self.receive() is None:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return time.monotonic()


def send(queue: Queue, seconds: int) -> None:
    queue.send(DelaySeconds=seconds)


def send_batch(queue: Queue, seconds: int) -> None:
    entry = {"Id": "1", "MessageBody": "x", "DelaySeconds": seconds}
    queue.sqs.send_message_batch(QueueUrl=queue.url, Entries=[entry])


def return_later(queue: Queue, seconds: int) -> None:
    queue.send()
    queue.sqs.change_message_visibility(
        QueueUrl=queue.url, ReceiptHandle=queue.receive(), VisibilityTimeout=seconds
    )


def return_batch_later(queue: Queue, seconds: int) -> None:
    queue.send()
    entry = {"Id": "1", "ReceiptHandle": queue.receive(), "VisibilityTimeout": seconds}
    queue.sqs.change_message_visibility_batch(QueueUrl=queue.url, Entries=[entry])


WAYS: Mapping[str, Callable[[Queue, int], None]] = {
    "send": send,
    "send a batch": send_batch,
    "return": return_later,
    "return a batch": return_batch_later,
}


def delays(aws: EmbeddedAws, seconds: int) -> dict[str, float]:
    """Return the delay of a message by the way in which it was asked for; all run side by side."""
    queues = {name: Queue(aws) for name in WAYS}
    started = {}
    for name, queue in queues.items():
        started[name] = time.monotonic()
        WAYS[name](queue, seconds)
    return {name: queue.wait() - started[name] for name, queue in queues.items()}


def test_a_delay_is_as_long_as_it_says(real_time: EmbeddedAws) -> None:
    """Nothing is cut unless somebody asks for it: a second is a second."""
    found = delays(real_time, SHORT)

    assert [name for name, seconds in found.items() if seconds < SHORT] == []


def test_a_delay_is_cut_where_tests_wait(embedded_aws: EmbeddedAws) -> None:
    """The longest one passes, neither less nor the whole."""
    found = delays(embedded_aws, LONG)

    assert [name for name, seconds in found.items() if not LONGEST_DELAY <= seconds < LONG] == []


def test_a_long_poll_is_cut_and_the_visibility_timeout_of_a_queue_is_not(
    embedded_aws: EmbeddedAws,
) -> None:
    """A function that has a message holds it for as long as the queue says."""
    queue = Queue(embedded_aws)
    timeout = {"VisibilityTimeout": str(SHORT)}
    queue.sqs.set_queue_attributes(QueueUrl=queue.url, Attributes=timeout)
    queue.send()

    started = time.monotonic()
    held, empty = queue.receive(wait=LONG), queue.receive(wait=LONG)
    polled = time.monotonic() - started
    back = queue.wait() - started

    assert (held is None, empty is None) == (False, True)
    assert polled < LONG
    assert back >= SHORT
