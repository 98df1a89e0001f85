"""The ports of queues between the functions. Every message may come twice, and in any order."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from lib.models import FindingEvent, Json, StreamId


class SyncQueue(Protocol):
    """Streams that are to be synced: many at once, and none in a hurry."""

    def put(self, streams: Iterable[StreamId], cause: str) -> int:
        """Queue streams, a hundred a message; return their number. Raises `StoreError`."""


class FindingQueue(Protocol):
    """Events about findings, gathered for each image before its report is fetched."""

    def put(
        self, events: Sequence[tuple[FindingEvent, Mapping[str, Json]]], *, now: datetime
    ) -> int:
        """
        Queue events, as they came. Raises `StoreError`.

        Of one image and one window, the first is kept. It is received after the end of the window,
        so that what is fetched then holds what every event of the window says. Returns how many
        were sent.
        """
