"""Messages that are one-shot: digests, summaries, moved tags. Each has the id of what it says."""

from collections.abc import Callable
from datetime import datetime

from lib.core.attempts import one_shot, wake_up_of
from lib.models import Content, DeliveryId, Destination, StreamId
from lib.models.views import Pin, Purpose
from lib.ports.queues import Waker
from lib.ports.streams import NotificationStore, StreamObjects


class Outbox:
    """Queues messages that never change."""

    def __init__(
        self,
        *,
        objects: StreamObjects,
        rows: NotificationStore,
        waker: Waker,
        now: Callable[[], datetime],
    ) -> None:
        self._objects = objects
        self._rows = rows
        self._waker = waker
        self._now = now

    def has(self, row_id: DeliveryId) -> bool:
        """Whether a message was queued. Raises `StoreError`."""
        return self._rows.notification(row_id) is not None

    def put(
        self,
        row_id: DeliveryId,
        message: Content,
        *,
        purpose: Purpose,
        destination: Destination,
        stream: StreamId,
        cause: str,
    ) -> bool:
        """
        Queue a message; False: it was queued before, and is left alone.

        `row_id`: the same for the same message. `stream`: whose thread it belongs to, if the
        receiver has threads. Raises `StoreError`; then it may be queued again.
        """
        pin = Pin(self._objects.put_pinned(message))
        row = one_shot(row_id, purpose, destination, stream, pin, cause=cause, now=self._now())
        if not self._rows.add(row):
            return False
        self._waker.wake([wake_up_of(row)])
        return True
