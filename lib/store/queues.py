"""The SQS queues. Delivery messages only wake a worker; rows hold their content."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from math import ceil
from typing import TYPE_CHECKING, Any, Final

from lib.errors import ScanAlertError, StoreError
from lib.models import FindingEvent, StreamId, WakeUp
from lib.store.items import store_errors

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_RETURN_DELAYS: Final = (5, 30, 120, 300, 600, 900)
"""Seconds after the first, second, third … receive, and after every further one."""
BATCH: Final = 10
"""https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html"""
BATCH_BYTES: Final = 900_000
"""Of the bodies in a batch, which may have 1 MiB with everything else in it."""
STREAMS: Final = 100
"""Of one message."""


class SqsWaker:
    """See `lib.ports.store.Waker`."""

    def __init__(self, client: "SQSClient", *, deliveries: str, scan_events: str | None) -> None:
        self._client = client
        self._deliveries = deliveries
        self._scan_events = scan_events

    def wake(self, wake_ups: Iterable[WakeUp]) -> int:
        """
        See `Waker.wake`.

        The destination is the message group, so each destination has one sender at a time. The
        queue drops a repeated message of the same turn for five minutes.
        """
        entries = [_entry(wake_up) for wake_up in wake_ups]
        _send(self._client, self._deliveries, entries, "wake-ups")
        return len(entries)

    def revisit(self, event: Mapping[str, Any], *, delay_seconds: int) -> None:
        """See `Waker.revisit`."""
        if self._scan_events is None:
            raise StoreError("this function has no queue of scan events")
        with store_errors("bringing a scan event back"):
            self._client.send_message(
                QueueUrl=self._scan_events,
                MessageBody=json.dumps(event),
                DelaySeconds=delay_seconds,
            )


class SqsScanEvents:
    """See `lib.ports.store.ScanEvents`."""

    def __init__(self, client: "SQSClient", queue: str) -> None:
        self._client = client
        self._queue = queue

    def put(self, events: Sequence[Mapping[str, Any]]) -> None:
        """See `ScanEvents.put`."""
        entries = [{"MessageBody": json.dumps(event)} for event in events]
        _send(self._client, self._queue, entries, "scan events")


class SqsSyncQueue:
    """See `lib.ports.queues.SyncQueue`."""

    def __init__(self, client: "SQSClient", queue: str) -> None:
        self._client = client
        self._queue = queue

    def put(self, streams: Iterable[StreamId], cause: str) -> int:
        """See `SyncQueue.put`."""
        names, count = iter(dict.fromkeys(streams)), 0
        while chunk := list(islice(names, STREAMS * BATCH)):
            messages = [chunk[first : first + STREAMS] for first in range(0, len(chunk), STREAMS)]
            entries = [
                {"MessageBody": json.dumps({"cause": cause, "streams": own})} for own in messages
            ]
            _send(self._client, self._queue, entries, "messages about streams")
            count += len(chunk)
        return count


class SqsFindingQueue:
    """
    Events about findings, gathered for each image before its report is fetched.

    The queue delays every message by `window`, and drops what it has seen within five minutes. So
    the window has to be shorter.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagededuplicationid-property.html
    """

    def __init__(self, client: "SQSClient", queue: str, *, window: timedelta) -> None:
        self._client = client
        self._queue = queue
        self._window = window

    def put(
        self, events: Sequence[tuple[FindingEvent, Mapping[str, Any]]], *, now: datetime
    ) -> int:
        """
        Queue events, as they came; return how many were sent. Raises `StoreError`.

        Of one image and one window, the first is kept. It is received after the end of the window,
        so that what is fetched then holds what every event of the window says.
        """
        first = {event.report.image.key: raw for event, raw in reversed(events)}
        window = int(now.timestamp() // self._window.total_seconds())
        entries = [
            {
                "MessageBody": json.dumps(raw),
                "MessageGroupId": hashlib.sha256(key.encode()).hexdigest()[:32],
                "MessageDeduplicationId": hashlib.sha256(f"{window}\n{key}".encode()).hexdigest(),
            }
            for key, raw in first.items()
        ]
        _send(self._client, self._queue, entries, "events about findings")
        return len(entries)


def _send(client: "SQSClient", queue: str, entries: Sequence[Mapping[str, str]], what: str) -> None:
    """Send messages, as many at once as fit. Raises `StoreError` where some are not queued."""
    for batch in _batches(entries):
        numbered: list[Any] = [{"Id": str(place), **entry} for place, entry in enumerate(batch)]
        with store_errors(f"queueing {what}"):
            answer = client.send_message_batch(QueueUrl=queue, Entries=numbered)
        if answer.get("Failed"):
            raise StoreError(f"{len(answer['Failed'])} {what} were not queued")


def _batches(entries: Sequence[Mapping[str, str]]) -> Iterator[Sequence[Mapping[str, str]]]:
    batch: list[Mapping[str, str]] = []
    size = 0
    for entry in entries:
        own = len(entry["MessageBody"])  # of ASCII, as `json.dumps` writes it
        if batch and (len(batch) == BATCH or size + own > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += own
    if batch:
        yield batch


class SqsDeadLetters:
    """The dead-letter queue for scan events that cannot be processed."""

    def __init__(self, client: "SQSClient", queue: str) -> None:
        self._client = client
        self._queue = queue

    def put(self, body: str, error: ScanAlertError) -> None:
        """Send a message body unchanged, with the reason of its failure as attributes."""
        with store_errors("keeping a rejected message"):
            self._client.send_message(
                QueueUrl=self._queue,
                MessageBody=body,
                MessageAttributes={
                    "reason": {"DataType": "String", "StringValue": error.reason},
                    "error": {"DataType": "String", "StringValue": str(error)[:500]},
                },
            )


class SqsReturns:
    """
    Sets the delay until a failed message is received again.

    `longest` limits the delay, in seconds. Lambda leaves a failed message in the queue until its
    visibility timeout ends. A shorter timeout brings the message back sooner:
    timeout ends, so a function that shortens the timeout gets the message back sooner:
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """

    def __init__(self, client: "SQSClient", queue: str, *, longest: int) -> None:
        self._client = client
        self._queue = queue
        self._longest = longest

    def after_failure(self, receipt: str, *, receives: int) -> int:
        """
        Set the delay of a failed message, and return it in seconds.

        `receives` is the number of receives so far. After a `StoreError`, the message comes back
        when its visibility timeout ends.
        """
        delay = return_delay(receives, longest=self._longest)
        self._hide(receipt, delay)
        return delay

    def at_once(self, receipt: str) -> None:
        """Make a message visible immediately. Raises `StoreError` as `after_failure` does."""
        self._hide(receipt, 0)

    def after_pace(self, receipt: str, *, seconds: float) -> None:
        """
        Bring a message back after a time, in whole seconds, though it did not fail.

        Until then its message group gets no other message. Raises as `after_failure` does.
        """
        self._hide(receipt, ceil(seconds))

    def _hide(self, receipt: str, seconds: int) -> None:
        with store_errors("bringing a message back"):
            self._client.change_message_visibility(
                QueueUrl=self._queue, ReceiptHandle=receipt, VisibilityTimeout=seconds
            )


def return_delay(receives: int, *, longest: int) -> int:
    """Return the delay of a failed message in seconds. It grows with the number of receives."""
    receive = min(max(receives, 1), len(_RETURN_DELAYS))
    return min(_RETURN_DELAYS[receive - 1], longest)


def _entry(wake_up: WakeUp) -> Mapping[str, str]:
    return {
        "MessageBody": json.dumps({"delivery": wake_up.id, "destination": wake_up.destination}),
        "MessageGroupId": wake_up.destination,
        "MessageDeduplicationId": f"{wake_up.id}-{wake_up.attempts}-{wake_up.turn}",
    }
