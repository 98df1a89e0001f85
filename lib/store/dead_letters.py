"""
Dead letters: read without being taken away, and sent back to where they came from.

SQS shows a message only to who receives it, which hides it from everybody else. So whoever reads
here holds the letters for a while, and gives back what was not redriven.
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
"""Seconds that letters stay hidden when their reader dies before it gives them back."""
_WAIT: Final = 1
"""
Seconds; without waiting SQS asks some of its servers only, and none may have what is there:
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html
"""
_SYSTEM: Final = ("ApproximateReceiveCount", "MessageGroupId", "SentTimestamp")
_SIZES: Final = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One message of a dead-letter queue."""

    id: str
    queue: str
    body: str
    sent_at: datetime
    """When it was sent first; a FIFO queue counts from when it got here."""
    receives: int
    """How often it was received, in its first queue and here."""
    group: str | None
    attributes: Mapping[str, str]
    """What whoever put it here says about it."""


class DeadLetterQueue:
    """One dead-letter queue and the queue that its letters belong to."""

    def __init__(self, client: "SQSClient", *, name: str, url: str, source: str) -> None:
        self.name = name
        self._client = client
        self._url = url
        self._source = source
        self._held: dict[str, str] = {}

    def size(self) -> int:
        """Return about how many letters there are, with those that somebody holds."""
        with store_errors(f"counting the dead letters of {self.name}"):
            answer = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=_SIZES)
        return sum(int(answer["Attributes"][each]) for each in _SIZES)

    @contextmanager
    def reading(self) -> Iterator[Iterator[DeadLetter]]:
        """
        Yield the letters, each once; afterwards the others can be received by everybody again.

        A FIFO queue shows no further letters of a group while some of it are held: at most ten,
        until those are redriven.
        """
        try:
            yield self._letters()
        finally:
            self._give_back()

    def redrive(self, letter: DeadLetter) -> None:
        """Send a letter back where it belongs, then take it away: a crash between repeats it."""
        with store_errors(f"redriving {letter.id}"):
            self._client.send_message(
                QueueUrl=self._source, MessageBody=letter.body, **self._place(letter)
            )
            receipt = self._held[letter.id]
            self._client.delete_message(QueueUrl=self._url, ReceiptHandle=receipt)
            del self._held[letter.id]

    def _place(self, letter: DeadLetter) -> Any:
        if not self._source.endswith(".fifo"):
            return {}
        # Not the id it had: the queue may still drop that. The same after a crash, so that the
        # queue drops the repeat.
        return {
            "MessageGroupId": letter.group,
            "MessageDeduplicationId": f"redrive-{letter.id}",
        }

    def _letters(self) -> Iterator[DeadLetter]:
        seen: set[str] = set()
        repeats = 0
        while page := self._receive():
            self._held |= {each["MessageId"]: each["ReceiptHandle"] for each in page}
            new = [each for each in page if each["MessageId"] not in seen]
            repeats = 0 if new else repeats + len(page)
            # In a queue of many thousands the first are visible again before the last were seen.
            if repeats > len(seen):
                return
            seen |= {each["MessageId"] for each in new}
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
        given = message.get("MessageAttributes", {})
        return DeadLetter(
            id=message["MessageId"],
            queue=self.name,
            body=message["Body"],
            sent_at=datetime.fromtimestamp(int(system["SentTimestamp"]) / 1000, UTC),
            receives=int(system["ApproximateReceiveCount"]),
            group=system.get("MessageGroupId"),
            attributes={name: str(each.get("StringValue", "")) for name, each in given.items()},
        )

    def _give_back(self) -> None:
        """Make visible what is still held. Those whose time was over are visible already."""
        receipts = list(self._held.values())
        for start in range(0, len(receipts), BATCH):
            with store_errors(f"giving back the dead letters of {self.name}"):
                self._client.change_message_visibility_batch(
                    QueueUrl=self._url,
                    Entries=[
                        {"Id": str(index), "ReceiptHandle": each, "VisibilityTimeout": 0}
                        for index, each in enumerate(receipts[start : start + BATCH])
                    ],
                )
        self._held.clear()
