"""
A notification on its way: claimed, compared anew, pinned, sent, recorded.

Its row says that there is something to say. What, is computed here, so it is the present. A message
is pinned before it is sent: if its answer is lost it is asked for, or sent again unchanged.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol, runtime_checkable

from lib.core.notifications import (
    Claim,
    ClaimStep,
    after_absence,
    after_claim,
    after_death,
    after_lost_answer,
    after_refusal,
    after_sent,
)
from lib.core.retries import HORIZON, backoff
from lib.core.sync import ViewPlan
from lib.errors import (
    AmbiguousDeliveryError,
    ConflictError,
    DeliveryError,
    PermanentDeliveryError,
)
from lib.models import DeliveryId, Receipt
from lib.models.views import Notification, Pin, PinnedMessage, RowState, View
from lib.ports.streams import (
    NotificationStore,
    StreamObjects,
    StreamPartition,
    StreamStore,
)

_TRIES: Final = 8


class Courier(Protocol):
    """Brings a pinned message to a destination."""

    def send(self, row: Notification, message: PinnedMessage) -> Receipt:
        """Send a message and return the receipt. Raises a `DeliveryError`."""


@runtime_checkable
class Verifier(Protocol):
    """A courier whose receivers can be asked whether a message arrived."""

    def arrived(self, row: Notification, message: PinnedMessage) -> Receipt | None:
        """Return the receipt of a message that arrived; None: it did not, for certain."""


class NotificationResult(StrEnum):
    """How an attempt ended."""

    SENT = "sent"
    OBSOLETE = "obsolete"
    RETRY = "retry"
    UNKNOWN = "unknown"
    DEAD = "dead"
    NOT_CLAIMED = "not-claimed"


@dataclass(frozen=True, slots=True)
class NotificationOutcome:
    """How an attempt ended, and why."""

    result: NotificationResult
    reason: str
    message: PinnedMessage | None = None
    following: Notification | None = None
    """Opened with the receipt: it is to be sent now."""


class NotificationFlow:
    """Takes a wake-up; sends and records the notification, or keeps a time for the next attempt."""

    def __init__(
        self,
        *,
        streams: StreamStore,
        objects: StreamObjects,
        rows: NotificationStore,
        courier: Courier,
        plan: Callable[[StreamPartition, View], ViewPlan | None],
        now: Callable[[], datetime],
    ) -> None:
        self._streams = streams
        self._objects = objects
        self._rows = rows
        self._courier = courier
        self._plan = plan
        self._now = now

    def deliver(self, row_id: DeliveryId, *, token: str) -> NotificationOutcome:
        """Attempt a notification. Raises `StoreError`; then its lease runs out."""
        row = self._rows.claim(row_id, now=self._now(), token=token)
        if isinstance(row, str):
            return NotificationOutcome(NotificationResult.NOT_CLAIMED, row)
        for _ in range(_TRIES):
            try:
                return self._attempt(row)
            except ConflictError:
                stored = self._rows.notification(row_id)
                if stored is None or stored.state is not RowState.CLAIMED:
                    break
                row = stored
        return NotificationOutcome(NotificationResult.NOT_CLAIMED, "others change it meanwhile")

    def _attempt(self, row: Notification) -> NotificationOutcome:
        partition = self._streams.read(row.stream)
        view = partition.views[row.destination]
        pinned = self._objects.pinned(row.pin.key) if row.pin is not None else None
        if pinned is not None and isinstance(self._courier, Verifier):
            receipt = self._courier.arrived(row, pinned)
            if receipt is not None:
                return self._sent(row, view, pinned, receipt)
            row = self._updated(row, replace(after_absence(row), state=RowState.CLAIMED))
            pinned = None
        if pinned is None:
            prepared = self._prepared(row, partition, view)
            if isinstance(prepared, NotificationOutcome):
                return prepared
            row, pinned = prepared
        try:
            receipt = self._courier.send(row, pinned)
        except DeliveryError as error:
            return self._failed(row, view, pinned, error)
        return self._sent(row, view, pinned, receipt)

    def _prepared(
        self, row: Notification, partition: StreamPartition, view: View
    ) -> tuple[Notification, PinnedMessage] | NotificationOutcome:
        """Pin what is desired now; or end the row, as nothing of it is left to say."""
        plan = self._plan(partition, view)
        if plan is None:
            after = replace(view, row=None)
            self._rows.close(
                row, replace(row, state=RowState.OBSOLETE), view_before=view, view=after
            )
            return NotificationOutcome(
                NotificationResult.OBSOLETE, "its stream is not known any more"
            )
        step = after_claim(view, row, plan.delta, plan.context, keeps_current=plan.keeps_current)
        if step.claim is Claim.OBSOLETE:
            obsolete = replace(row, state=RowState.OBSOLETE)
            self._rows.close(row, obsolete, view_before=view, view=step.view)
            return NotificationOutcome(NotificationResult.OBSOLETE, step.reason)
        message = _message(plan, step, view)
        pin = Pin(self._objects.put_pinned(message), plan.context.basis)
        pinned = replace(row, pin=pin, seen=plan.context.basis, quiet=step.quiet)
        return self._updated(row, pinned), message

    def _updated(self, before: Notification, after: Notification) -> Notification:
        self._rows.update(before, after, due_at=None)
        return after

    def _sent(
        self, row: Notification, view: View, message: PinnedMessage, receipt: Receipt
    ) -> NotificationOutcome:
        """Record the receipt and what is reported now; a sync may have seen something newer."""
        for _ in range(_TRIES):
            step = after_sent(
                row, message.view, message.basis, now=self._now(), thread=receipt.thread
            )
            try:
                self._rows.close(
                    row, step.row, view_before=view, view=step.view, following=step.next
                )
            except ConflictError:
                row = self._rows.notification(row.id) or row
                continue
            return NotificationOutcome(
                NotificationResult.SENT, receipt.reference, message, step.next
            )
        raise ConflictError(f"{row.id} changes all the time")

    def _failed(
        self, row: Notification, view: View, message: PinnedMessage, error: DeliveryError
    ) -> NotificationOutcome:
        now, reason = self._now(), f"{error.reason}: {error}"
        failed = after_refusal(row)
        if isinstance(error, AmbiguousDeliveryError):
            failed = after_lost_answer(row)
        failed = replace(failed, failures=row.failures + 1)
        due_at = now + timedelta(seconds=backoff(row.id, failed.failures))
        expired = due_at - row.created_at > HORIZON
        if expired or isinstance(error, PermanentDeliveryError):
            reported = message.view.reported if failed.unsure else None
            after, dead = after_death(view, failed, reported)
            self._rows.close(row, dead, view_before=view, view=after)
            return NotificationOutcome(NotificationResult.DEAD, reason, message)
        self._rows.update(row, failed, due_at=due_at)
        unsure = failed.state is RowState.UNKNOWN
        result = NotificationResult.UNKNOWN if unsure else NotificationResult.RETRY
        return NotificationOutcome(result, reason, message)


def _message(plan: ViewPlan, step: ClaimStep, view: View) -> PinnedMessage:
    """Return what is pinned: the delta, and everything that its text needs."""
    after = plan.delta.after
    return PinnedMessage(
        plan.delta,
        step.view,
        plan.context.basis,
        step.quiet,
        plan.state,
        before=view.agreement,
        refused=plan.desired.refused,
        quietly_ended=tuple([item for item in view.quietly_ended if item.id not in after]),
    )
