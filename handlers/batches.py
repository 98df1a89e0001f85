"""
The records of a batch of SQS, and the answer that names those which come back.

Written here and not taken from Powertools: its batches import asyncio and the classes of twenty
kinds of events, 23 to 40 ms of processor time in each fresh process.
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypedDict


class ItemFailure(TypedDict):
    """A record that comes back."""

    itemIdentifier: str


class BatchAnswer(TypedDict):
    """The answer to a batch: all records that it does not name are deleted from the queue."""

    batchItemFailures: list[ItemFailure]


@dataclass(frozen=True, slots=True)
class QueueRecord:
    """A message of SQS, as Lambda receives it."""

    message_id: str
    body: str
    receipt_handle: str
    event_source_arn: str
    receives: int
    """How often the message was received, with this time."""
    group: str | None
    """The message group; None in a queue without order."""


class ComeBackError(Exception):
    """A record comes back, though nothing failed."""


def records_of(event: Mapping[str, Any]) -> list[QueueRecord]:
    """Return the records of an event."""
    return [_record(record) for record in event["Records"]]


def _record(record: Mapping[str, Any]) -> QueueRecord:
    attributes = record["attributes"]
    return QueueRecord(
        message_id=record["messageId"],
        body=record["body"],
        receipt_handle=record["receiptHandle"],
        event_source_arn=record["eventSourceARN"],
        receives=int(attributes["ApproximateReceiveCount"]),
        group=attributes.get("MessageGroupId"),
    )


def process_each(
    event: Mapping[str, Any], process: Callable[[QueueRecord], None], *, in_order: bool = False
) -> BatchAnswer:
    """
    Process each record of a batch. One that raises comes back; `in_order`, with its group's rest.

    `process` logs why it raises.
    """
    failed: list[QueueRecord] = []
    for record in records_of(event):
        if in_order and any(other.group == record.group for other in failed):
            failed.append(record)
            continue
        try:
            process(record)
        except Exception:  # noqa: BLE001  # the boundary of a record, logged by `failures_logged`
            failed.append(record)
    return come_back(failed)


def come_back(records: list[QueueRecord]) -> BatchAnswer:
    """Return the answer after which these records come back, and no others."""
    return {"batchItemFailures": [{"itemIdentifier": record.message_id} for record in records]}
