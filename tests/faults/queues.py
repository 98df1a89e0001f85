"""
SQS as it is documented: visibility, receive counts, dead letters, message groups, deduplication.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from tests.faults.simulation import Simulation

MAX_RECEIVES = 8
DEDUPLICATION_SECONDS = 300


@dataclass
class Message:
    """One message and how often it was received."""

    id: str
    group: str
    body: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    receives: int = 0
    returns_at: float = 0.0
    """When it is visible again, unless it is deleted before."""


class Queue:
    """
    Both kinds: in a FIFO queue senders name a group, in a standard queue every message is its own.

    Of each group there is one message in flight, and the others wait for it in order.
    """

    def __init__(self, simulation: Simulation, name: str, *, visibility: float) -> None:
        self.name = name
        self.dead_letters: list[Message] = []
        self.arrived: Callable[[], object] = lambda: None
        """Called when there may be something to receive."""
        self.repeats: Callable[[], Iterable[float]] = tuple
        """Fault: the message just sent is there again after so many seconds each."""
        self.loses: Callable[[str | None], bool] = _loses_nothing
        """Fault: the message of this deduplication id is acknowledged and never seen."""
        self._faults: Counter[str] = Counter()
        self.sent = 0
        """Messages taken, repeats not counted."""
        self._simulation = simulation
        self._visibility = visibility
        self._numbers = count(1)
        self._coming = 0
        self._groups: dict[str, deque[Message]] = {}
        self._in_flight: dict[int, Message] = {}
        self._busy: set[str] = set()
        self._seen: dict[tuple[str, str], float] = {}

    @property
    def empty(self) -> bool:
        """Nothing is waiting, delayed or being worked on."""
        return not (self._groups or self._in_flight or self._coming)

    def send(
        self,
        body: str,
        *,
        group: str | None = None,
        deduplication_id: str | None = None,
        delay: float = 0.0,
        attributes: Mapping[str, Any] | None = None,
    ) -> None:
        """Take a message, unless its group had one of this id in the last five minutes."""
        if group is not None and deduplication_id is not None:
            now, never = self._simulation.seconds, float("-inf")
            if now < self._seen.get((group, deduplication_id), never) + DEDUPLICATION_SECONDS:
                return
            self._seen[group, deduplication_id] = now
        if self.loses(deduplication_id):
            self._faults["lost"] += 1
            return
        self.sent += 1
        number = f"message-{next(self._numbers)}"
        for copy, later in enumerate((0.0, *self.repeats())):
            # A repeat does not wait for the first: that is what makes it one.
            self._faults["repeated"] += copy > 0
            place = (group or number) if copy == 0 else f"{group or number} again {copy}"
            self._coming += 1
            message = Message(number, place, body, attributes or {})
            self._simulation.after(delay + later, lambda it=message: self._arrive(it))

    def receive(self, most: int) -> dict[int, Message]:
        """Return messages by receipt; they come back unless they are deleted in time."""
        received: dict[int, Message] = {}
        for group in [*self._groups]:
            if len(received) == most:
                break
            if group not in self._busy:
                receipt, message = next(self._numbers), self._take(group)
                message.receives += 1
                self._in_flight[receipt] = received[receipt] = message
                self.hide(receipt, self._visibility)
        return received

    def hide(self, receipt: int, seconds: float) -> None:
        """Let a message in flight come back after so many seconds, whatever was said before."""
        message = self._in_flight.get(receipt)
        if message is not None:
            message.returns_at = self._simulation.seconds + seconds
            self._simulation.after(seconds, lambda: self._return(receipt))

    def delete(self, receipt: int) -> None:
        """Forget a message that was worked on."""
        message = self._in_flight.pop(receipt, None)
        if message is not None:
            self._busy.discard(message.group)
            self.arrived()

    def missing_faults(self) -> Iterator[str]:
        """Yield the faults that are set and never happened."""
        if self.loses is not _loses_nothing and not self._faults["lost"]:
            yield f"{self.name} lost nothing"
        if self.repeats is not tuple and not self._faults["repeated"]:
            yield f"{self.name} repeated nothing"

    def _arrive(self, message: Message) -> None:
        self._coming -= 1
        self._groups.setdefault(message.group, deque()).append(message)
        self.arrived()

    def _take(self, group: str) -> Message:
        """Take the next message, and put its group behind the others."""
        waiting = self._groups.pop(group)
        message = waiting.popleft()
        if waiting:
            self._groups[group] = waiting
        self._busy.add(group)
        return message

    def _return(self, receipt: int) -> None:
        message = self._in_flight.get(receipt)
        if message is None or self._simulation.seconds < message.returns_at:
            return
        del self._in_flight[receipt]
        self._busy.discard(message.group)
        if message.receives >= MAX_RECEIVES:
            self.dead_letters.append(message)
        else:
            self._groups.setdefault(message.group, deque()).appendleft(message)
        self.arrived()


def _loses_nothing(_: str | None) -> bool:
    return False
