"""
Dead letters: listed without deleting them, and sent back to their source queue.

SQS shows a message only by receiving it, which hides it from other readers. The reader here holds
the letters for a while, and releases those that it did not redrive.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from lib.store.items import store_errors
from lib.store.queues import BATCH

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

HOLD: Final = 60
"""Seconds until letters are visible again if their reader dies before it releases them."""
_WAIT: Final = 1
"""
Seconds. Without waiting, SQS asks only some of its servers, which may not have the message:
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html
"""
_SYSTEM: Final = ("ApproximateReceiveCount", "MessageGroupId", "SentTimestamp")
_SIZES: Final = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message of a dead-letter queue."""

    id: str
    queue: str
    body: str
    sent_at: datetime
    """The first time it was sent; for a FIFO queue, the time it arrived in the dead-letter
    queue."""
    receives: int
    """The number of receives, in the source queue and in the dead-letter queue."""
    group: str | None
    attributes: Mapping[str, str]
    """Message attributes from the sender, such as the reason."""


class DeadLetterQueue:
    """A dead-letter queue and its source queue."""

    def __init__(self, client: "SQSClient", *, name: str, url: str, source: str) -> None:
        self.name = name
        self._client = client
        self._url = url
        self._source = source
        self._held: dict[str, str] = {}

    def size(self) -> int:
        """Return the approximate number of letters, including those that a reader holds."""
        with store_errors(f"counting the dead letters of {self.name}"):
            answer = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=_SIZES)
        return sum(int(answer["Attributes"][attribute]) for attribute in _SIZES)

    @contextmanager
    def reading(self) -> Iterator[Iterator[DeadLetter]]:
        """
        Yield each letter once. At the end, letters that were not redriven are released.

        A FIFO queue shows no further letters of a group while some of the group are held: at most
        ten, until those are redriven.
        """
        try:
            yield self._letters()
        finally:
            self._give_back()

    def redrive(self, letter: DeadLetter) -> None:
        """Send a letter to its source queue, then delete it. A crash in between repeats it."""
        with store_errors(f"redriving {letter.id}"):
            self._client.send_message(
                QueueUrl=self._source, MessageBody=letter.body, **self._group(letter)
            )
            receipt = self._held[letter.id]
            self._client.delete_message(QueueUrl=self._url, ReceiptHandle=receipt)
            del self._held[letter.id]

    def _group(self, letter: DeadLetter) -> Any:
        if not self._source.endswith(".fifo"):
            return {}
        # Not the original id: the queue may still drop a repeat of that. A crash repeats the same
        # id, so that the queue drops the second message.
        return {
            "MessageGroupId": letter.group,
            "MessageDeduplicationId": f"redrive-{letter.id}",
        }

    def _letters(self) -> Iterator[DeadLetter]:
        seen_ids: set[str] = set()
        repeats = 0
        while page := self._receive():
            self._held |= {message["MessageId"]: message["ReceiptHandle"] for message in page}
            new = [message for message in page if message["MessageId"] not in seen_ids]
            repeats = 0 if new else repeats + len(page)
            # In a long queue, the first letters are visible again before the last ones were read.
            if repeats > len(seen_ids):
                return
            seen_ids |= {message["MessageId"] for message in new}
            yield from map(self._letter, new)

    def _receive(self) -> "list[MessageTypeDef]":
        with store_errors(f"reading the dead letters of {self.name}"):
            answer = self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=BATCH,
                VisibilityTimeout=HOLD,
                WaitTimeSeconds=_WAIT,
                MessageSystemAttributeNames=_SYSTEM,
                MessageAttributeNames=["All"],
            )
        return answer.get("Messages", [])

    def _letter(self, message: "MessageTypeDef") -> DeadLetter:
        system = message["Attributes"]
        attributes = message.get("MessageAttributes", {})
        return DeadLetter(
            id=message["MessageId"],
            queue=self.name,
            body=message["Body"],
            sent_at=datetime.fromtimestamp(int(system["SentTimestamp"]) / 1000, UTC),
            receives=int(system["ApproximateReceiveCount"]),
            group=system.get("MessageGroupId"),
            attributes={
                name: str(attribute.get("StringValue", ""))
                for name, attribute in attributes.items()
            },
        )

    def _give_back(self) -> None:
        """Release the letters that are still held. Expired ones are visible already."""
        receipts = list(self._held.values())
        for start in range(0, len(receipts), BATCH):
            with store_errors(f"giving back the dead letters of {self.name}"):
                self._client.change_message_visibility_batch(
                    QueueUrl=self._url,
                    Entries=[
                        {"Id": str(index), "ReceiptHandle": receipt, "VisibilityTimeout": 0}
                        for index, receipt in enumerate(receipts[start : start + BATCH])
                    ],
                )
        self._held.clear()
