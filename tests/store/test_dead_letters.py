"""Dead letters on real queues of the embedded AWS: read, given back, sent back."""

import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lib.errors import EventError, StoreError
from lib.store.dead_letters import DeadLetter, DeadLetterQueue
from lib.store.queues import SqsDeadLetters


@pytest.fixture
def sqs(boto: Callable[[str], Any]) -> Any:
    return boto("sqs")


@pytest.fixture
def queues(sqs: Any) -> Callable[..., tuple[DeadLetterQueue, str, str]]:
    """Return a maker of dead-letter queues, with the addresses of the queue and its source."""

    def make(*, fifo: bool = False) -> tuple[DeadLetterQueue, str, str]:
        attributes = {"FifoQueue": "true"} if fifo else {}
        suffix = ".fifo" if fifo else ""
        urls = [
            sqs.create_queue(QueueName=f"q-{uuid.uuid4().hex[:8]}{suffix}", Attributes=attributes)[
                "QueueUrl"
            ]
            for _ in range(2)
        ]
        return DeadLetterQueue(sqs, name="tested", url=urls[0], source=urls[1]), *urls

    return make


def fill(sqs: Any, url: str, count: int, *, groups: int = 0) -> None:
    for number in range(count):
        place = {
            "MessageGroupId": f"destination-{number % (groups or 1)}",
            "MessageDeduplicationId": f"message-{number}",
        }
        sqs.send_message(QueueUrl=url, MessageBody=f"message {number}", **(place if groups else {}))


def bodies(sqs: Any, url: str) -> Counter[str]:
    """Take everything out of a queue."""
    found: Counter[str] = Counter()
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for each in messages:
            found[each["Body"]] += 1
            sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
    return found


def test_every_letter_is_read_once_and_stays(sqs: Any, queues: Any) -> None:
    """More than one page; whoever comes next sees all of them at once."""
    queue, url, _ = queues()
    fill(sqs, url, 23)

    with queue.reading() as letters:
        read = [each.body for each in letters]

    assert sorted(read) == sorted(f"message {number}" for number in range(23))
    assert queue.size() == 23
    assert len(bodies(sqs, url)) == 23


def test_letters_are_given_back_when_a_reader_fails(sqs: Any, queues: Any) -> None:
    """Ctrl-C in the middle hides nothing from the next command."""
    queue, url, _ = queues()
    fill(sqs, url, 3)

    def interrupted(letters: Iterator[DeadLetter]) -> None:
        next(letters)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), queue.reading() as letters:
        interrupted(letters)

    assert len(bodies(sqs, url)) == 3


def test_a_letter_says_why_it_is_here(sqs: Any, queues: Any) -> None:
    """Body, attributes, time and receives, as SQS knows them."""
    queue, url, _ = queues()
    SqsDeadLetters(sqs, url).put("not json", EventError("The message is not JSON"))

    with queue.reading() as letters:
        (letter,) = letters

    assert (letter.queue, letter.body, letter.receives) == ("tested", "not json", 1)
    assert letter.attributes == {"reason": "bad-event", "error": "The message is not JSON"}
    assert datetime.now(UTC) - letter.sent_at < timedelta(minutes=1)
    assert letter.group is None


def test_a_redriven_letter_is_in_its_source_only(sqs: Any, queues: Any) -> None:
    """The others stay where they are."""
    queue, url, source = queues()
    fill(sqs, url, 3)

    with queue.reading() as letters:
        queue.redrive(next(each for each in letters if each.body == "message 1"))

    assert bodies(sqs, source) == {"message 1": 1}
    assert bodies(sqs, url) == {"message 0": 1, "message 2": 1}


def test_a_fifo_queue_is_redriven_group_by_group(sqs: Any, queues: Any) -> None:
    """Thirty letters of three destinations: none lost, none twice, each group in its order."""
    queue, url, source = queues(fifo=True)
    fill(sqs, url, 30, groups=3)

    with queue.reading() as letters:
        for letter in letters:
            queue.redrive(letter)

    with DeadLetterQueue(sqs, name="source", url=source, source=url).reading() as letters:
        heads = {each.group: each.body for each in reversed(list(letters))}
    assert heads == {f"destination-{each}": f"message {each}" for each in range(3)}
    assert bodies(sqs, source) == {f"message {number}": 1 for number in range(30)}
    assert queue.size() == 0


def test_a_crash_before_the_deletion_repeats_a_letter(sqs: Any, queues: Any) -> None:
    """It is never lost; a FIFO queue drops the repeat."""
    queue, url, source = queues(fifo=True)
    fill(sqs, url, 1, groups=1)
    crashing = DeadLetterQueue(Undeleting(sqs), name="tested", url=url, source=source)  # type: ignore[arg-type]

    with pytest.raises(SystemExit), crashing.reading() as letters:
        crashing.redrive(next(letters))
    assert queue.size() == 1
    with queue.reading() as letters:
        queue.redrive(next(letters))

    assert bodies(sqs, source) == {"message 0": 1}
    assert queue.size() == 0


class Undeleting:
    """A client that dies when it should delete."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def delete_message(self, **_: Any) -> None:
        raise SystemExit


class Endless:
    """A queue so long that its first letters are visible again before the last one was read."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.calls = 0

    def receive_message(self, **_: Any) -> Any:
        number = self.calls % self.count
        self.calls += 1
        system = {"SentTimestamp": "0", "ApproximateReceiveCount": "1"}
        message = {"MessageId": str(number), "ReceiptHandle": str(self.calls), "Body": "x"}
        return {"Messages": [message | {"Attributes": system}]}

    def change_message_visibility_batch(self, **_: Any) -> None:
        pass


def test_reading_a_very_long_queue_ends() -> None:
    """After a whole round of letters that were read before, nothing new is expected."""
    client = Endless(25)
    queue = DeadLetterQueue(client, name="tested", url="", source="")  # type: ignore[arg-type]

    with queue.reading() as letters:
        read = [each.id for each in letters]

    assert read == [str(number) for number in range(25)]
    assert client.calls == 51


def test_a_queue_that_is_gone_is_a_store_error(sqs: Any) -> None:
    """What was attempted is named."""
    url = f"{sqs.meta.endpoint_url}/0/nothing"
    queue = DeadLetterQueue(sqs, name="tested", url=url, source=url)

    with pytest.raises(StoreError, match="dead letters of tested"):
        queue.size()
