"""
An attempt at a notification: what is read for it, and how its row is written.

A sync may write the row meanwhile. Then the same change is made to the row as it is now; only where
another worker has it, nothing is written.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from lib.errors import ConflictError
from lib.flows.couriers import Courier
from lib.models import Content, DeliveryCheck, Destination, Receipt
from lib.models.views import Notification, PinnedMessage, RowState, View
from lib.ports.streams import NotificationStore, StreamObjects, StreamPartition, StreamStore

TRIES: Final = 8
"""How often a write is made again that a sync got ahead of."""
Change = Callable[[Notification], Notification]


class NotificationResult(StrEnum):
    """How an attempt ended."""

    SENT = "sent"
    OBSOLETE = "obsolete"
    RETRY = "retry"
    UNKNOWN = "unknown"
    DEAD = "dead"
    PAUSED = "paused"
    NOT_CLAIMED = "not-claimed"


@dataclass(frozen=True, slots=True)
class NotificationOutcome:
    """How an attempt ended, and why."""

    result: NotificationResult
    reason: str
    row: Notification | None = None
    """As it is stored afterwards; None where it could not be claimed."""
    message: Content | None = None
    receipt: Receipt | None = None
    following: Notification | None = None
    """Opened with the receipt: it is to be sent now."""
    misconfigured: bool = False
    """A secret or an address is wrong: a person has to fix it before the horizon."""
    error: Exception | None = None
    """What nobody expected, for the log."""
    without_page: Exception | None = None
    """Why it was sent without its report page."""
    pace: float = 0.0
    """Seconds in which its destination gets no other message."""


class RowEnd(NamedTuple):
    """The end of a row: as it is written, with its view and the row that follows."""

    row: Notification
    view: View
    following: Notification | None = None


class Attempt:
    """An attempt: the row as it is stored, and what was read for it."""

    def __init__(
        self,
        row: Notification,
        courier: Courier,
        *,
        streams: StreamStore,
        objects: StreamObjects,
        rows: NotificationStore,
    ) -> None:
        self.row = row
        self.courier = courier
        self._message: Content | None = None
        self._partition: StreamPartition | None = None
        self._streams = streams
        self._objects = objects
        self._rows = rows

    def read(self) -> StreamPartition:
        """Read the stream, the row's view and the pinned message. Raises `StoreError`."""
        self._partition = self._streams.read(self.row.stream, only=self.row.destination)
        pin = self.row.pin
        self._message = self._objects.pinned(pin.key) if pin is not None else None
        return self._partition

    @property
    def partition(self) -> StreamPartition:
        """The stream with its views."""
        return self._partition or self.read()

    @property
    def message(self) -> Content | None:
        """The pinned message; None where none is pinned, or its retention is over."""
        if self._partition is None:
            self.read()
        return self._message

    @property
    def view(self) -> View:
        """The view that the row is about. Few one-shot rows have one that is stored."""
        return self._stored_view or View(self.row.destination, self.row.stream)

    @property
    def _stored_view(self) -> View | None:
        return self.partition.views.get(self.row.destination)

    @property
    def thread(self) -> str | None:
        """Where the message belongs."""
        own = self.message.view if isinstance(self.message, PinnedMessage) else self.view
        return own.thread

    def thread_of(self, destination: Destination) -> str | None:
        """Return where messages about the stream belong at another destination."""
        views = self._streams.read(self.row.stream, only=destination).views
        return views[destination].thread if destination in views else None

    def possibly_shown(self, row: Notification) -> PinnedMessage | None:
        """Return the message that an attempt may have brought; None: none did."""
        shown = self.message if row.unsure else None
        return shown if isinstance(shown, PinnedMessage) else None

    def unpin(self) -> None:
        """Forget the message, as the row does."""
        self._message = None

    def pin(self, row: Notification, message: PinnedMessage) -> None:
        """Write a row with the message that it is about to send. Raises `ConflictError`."""
        self._rows.update(self.row, row)
        self.row, self._message = row, message

    def update(self, change: Change) -> None:
        """Change the row. Raises `ConflictError` where another worker has it."""
        for _ in range(TRIES):
            after = change(self.row)
            try:
                self._rows.update(self.row, after)
            except ConflictError:
                self.take_again()
                continue
            self.row = after
            return
        raise ConflictError(f"{self.row.id} changes all the time")

    def ask(self) -> DeliveryCheck:
        """Ask for the message, which may have arrived."""
        assert self.message is not None  # noqa: S101  # for the type checker
        return self.courier.ask(self.row, self.message, self.thread)

    def send(self) -> Receipt:
        """Send the message."""
        assert self.message is not None  # noqa: S101  # for the type checker
        return self.courier.send(self.row, self.message, self.thread)

    def close_unchanged(self, closing: RowEnd) -> None:
        """End the row as it was read. Raises `ConflictError` where a sync has changed it."""
        self._rows.close(
            self.row,
            closing.row,
            view_before=self._stored_view,
            view=closing.view,
            following=closing.following,
        )
        self.row = closing.row

    def close(self, change: Callable[[Notification], RowEnd]) -> RowEnd:
        """End the row together with its view. Raises `ConflictError` as `update` does."""
        for _ in range(TRIES):
            closing = change(self.row)
            try:
                self.close_unchanged(closing)
            except ConflictError:
                self.take_again()
                continue
            return closing
        raise ConflictError(f"{self.row.id} changes all the time")

    def take_again(self) -> None:
        """Read the row again that a sync has changed. Raises `ConflictError` as `update` does."""
        stored = self._rows.notification(self.row.id)
        if stored is None or stored.state is not RowState.CLAIMED or stored.token != self.row.token:
            raise ConflictError(f"another worker has {self.row.id}")
        self.row = stored

    def outcome(self, result: NotificationResult, reason: str) -> NotificationOutcome:
        """Return how it ended."""
        return NotificationOutcome(result, reason, self.row, self.message)
