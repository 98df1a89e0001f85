"""The ports of queues between the functions. Every message may come twice, and in any order."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from lib.models import StreamId
from lib.models.deliveries import WakeUp
from lib.models.names import Json


class SyncQueue(Protocol):
    """Streams that are to be synced: many at once, and none in a hurry."""

    def put(self, streams: Iterable[StreamId], cause: str) -> int:
        """Queue streams, a hundred a message; return their number. Raises `StoreError`."""


class Waker(Protocol):
    """The queues. Their messages only wake workers."""

    def wake(self, wake_ups: Iterable[WakeUp]) -> int:
        """Queue an attempt for each delivery, and return their number. Repeats are harmless."""

    def revisit(self, event: Mapping[str, Json], *, delay_seconds: int) -> None:
        """Return a scan event to its queue with a delay, unchanged."""


class ScanEvents(Protocol):
    """The entrance to the queue of scan events."""

    def put(self, events: Sequence[Mapping[str, Json]]) -> None:
        """Queue events as if they came from EventBridge. Repeats are harmless."""
