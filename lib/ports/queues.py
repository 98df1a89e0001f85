"""The ports of queues between the functions. Every message may come twice, and in any order."""

from collections.abc import Iterable
from typing import Protocol

from lib.models import StreamId


class SyncQueue(Protocol):
    """Streams that are to be synced: many at once, and none in a hurry."""

    def put(self, streams: Iterable[StreamId], cause: str) -> int:
        """Queue streams, a hundred a message; return their number. Raises `StoreError`."""
