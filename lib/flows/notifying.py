"""
A notification on its way: claimed, compared anew, pinned, sent, recorded.

    a wake-up       -> NotificationFlow       a receipt, a time for the next attempt, or an end
    every minute    -> lib.flows.waking       rows that are due -> wake-ups

Its row says that there is something to say. What, is computed here, so it is the present. A message
is pinned before it is sent: if its answer is lost it is asked for, or sent again unchanged.
`lib.core.attempts` decides what becomes of a row; `lib.flows.refusals` what follows a refusal.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from lib.core.attempts import after_absence, claimed, deferred, expires, obsolete, one_shot_sent
from lib.core.notification_rows import Claim, ClaimStep, after_claim, after_sent
from lib.core.sync import ViewPlan
from lib.errors import ConfigError, ConflictError, DeliveryError, StoreError
from lib.flows.attempt import TRIES, Attempt, NotificationOutcome, NotificationResult, RowEnd
from lib.flows.couriers import Courier, Unreachable
from lib.flows.refusals import Fallback, Refusals
from lib.models import AskAgain, CannotTell, Destination, Pause, Receipt, WakeUp
from lib.models.views import Notification, Pin, PinnedMessage, Purpose, RowState, View
from lib.ports.streams import (
    NotificationStore,
    Pauses,
    StreamObjects,
    StreamPartition,
    StreamStore,
)

_THREADED: Final = (Purpose.DIGEST, Purpose.SUMMARY)
"""One-shot messages that form a thread of their own."""


class NotificationFlow:
    """Takes a wake-up; sends and records the notification, or keeps a time for the next attempt."""

    def __init__(
        self,
        *,
        streams: StreamStore,
        objects: StreamObjects,
        rows: NotificationStore,
        pauses: Pauses,
        couriers: Callable[[Destination], Courier],
        plan: Callable[[StreamPartition, View], ViewPlan | None],
        now: Callable[[], datetime],
        new_token: Callable[[], str],
        fallback: Destination | None = None,
        stage: str = "",
    ) -> None:
        """`couriers` raises `ConfigError` for a destination that is not in alerts.yml."""
        self._streams = streams
        self._objects = objects
        self._rows = rows
        self._couriers = couriers
        self._plan = plan
        self._now = now
        self._new_token = new_token
        self._refusals = Refusals(
            objects=objects,
            rows=rows,
            pauses=pauses,
            present=self._present,
            now=now,
            fallback=Fallback(fallback, stage),
        )

    def deliver(self, wake_up: WakeUp) -> NotificationOutcome:
        """
        Attempt a notification if its row says that it is time.

        A receiver's refusal is an outcome, not an error: the row says what comes next. Raises
        `StoreError` when rows cannot be reached. The outcome has the seconds until the receiver's
        next message may go out: who calls is the one sender of this destination.
        """
        row = self._claim(wake_up)
        if isinstance(row, NotificationOutcome):
            return row
        attempt = Attempt(
            row,
            self._courier(row.destination),
            streams=self._streams,
            objects=self._objects,
            rows=self._rows,
        )
        try:
            outcome = self._attempt(attempt)
        except ConflictError:
            return _not_claimed("another worker has it")
        pace = 0.0 if outcome.result is NotificationResult.OBSOLETE else attempt.courier.interval
        return replace(outcome, without_page=attempt.courier.without_page, pace=pace)

    def _claim(self, wake_up: WakeUp) -> Notification | NotificationOutcome:
        """Take a row, or put it off while its destination is paused. A sync may write it, too."""
        for _ in range(TRIES):
            now = self._now()
            row, pause = self._rows.look_up(wake_up.id, wake_up.destination, now=now)
            if row is None:
                return _not_claimed("there is no such notification")
            with suppress(ConflictError):
                if pause is not None:
                    return self._put_off(row, pause)
                taken = claimed(row, now=now, token=self._new_token())
                if isinstance(taken, str):
                    return _not_claimed(taken)
                self._rows.update(row, taken)
                return taken
        raise ConflictError(f"claiming {wake_up.id}: others write it all the time")

    def _put_off(self, row: Notification, pause: Pause) -> NotificationOutcome:
        reason = f"{pause.kind.value}: {pause.reason}"
        after = deferred(row, until=pause.until, reason=reason)
        if after is None:
            return _not_claimed(f"{row.state.value}, and its destination is paused")
        if after != row:
            self._rows.update(row, after)
        return NotificationOutcome(NotificationResult.PAUSED, reason, after)

    def _courier(self, destination: Destination) -> Courier:
        """Make a courier. Its time begins: what is read meanwhile is not left for the receiver."""
        try:
            return self._couriers(destination)
        except ConfigError as error:
            return Unreachable(error)

    def _attempt(self, attempt: Attempt) -> NotificationOutcome:
        if expires(attempt.row, at=self._now()):
            return self._refusals.expired(attempt, attempt.row.reason)
        try:
            outcome = self._prepared(attempt)
            if outcome is not None:
                return outcome
            receipt = attempt.send()
        except ConflictError:
            raise
        except (DeliveryError, ConfigError, StoreError) as error:
            return self._refusals.failed(attempt, error)
        except Exception as error:  # noqa: BLE001  # one odd message must not block its destination
            return self._refusals.unexpected(attempt, error)
        return self._sent(attempt, receipt)

    # --- before it is sent -----------------------------------------------------------------------

    def _prepared(self, attempt: Attempt) -> NotificationOutcome | None:
        """Pin the message; else return how the attempt ended. A sync may write the row, too."""
        for _ in range(TRIES):
            try:
                return self._pinned(attempt)
            except ConflictError:
                attempt.take_again()
        raise ConflictError(f"pinning {attempt.row.id}: others write it all the time")

    def _pinned(self, attempt: Attempt) -> NotificationOutcome | None:
        attempt.read()
        if attempt.message is not None and attempt.row.unsure:
            outcome = self._asked(attempt)
            if outcome is not None:
                return outcome
        if attempt.message is not None:
            self._complete(attempt)
            return None
        if attempt.row.is_one_shot:
            return self._refusals.dead(attempt, "its message is not stored any more")
        return self._pin(attempt)

    def _asked(self, attempt: Attempt) -> NotificationOutcome | None:
        """Ask for a message that may have arrived; None: something is to be sent (again)."""
        answer = attempt.ask()
        match answer:
            case Receipt():
                return self._sent(attempt, answer)
            case AskAgain(seconds=seconds):
                return self._asked_later(attempt, seconds)
            case CannotTell():
                return None
        attempt.update(lambda row: replace(after_absence(row), state=RowState.CLAIMED))
        if attempt.row.pin is None:
            attempt.unpin()
        return None

    def _asked_later(self, attempt: Attempt, seconds: float) -> NotificationOutcome:
        due_at = self._now() + timedelta(seconds=seconds)
        reason = "the receiver cannot say yet whether it has it"
        attempt.update(
            lambda row: replace(row, state=RowState.UNKNOWN, due_at=due_at, reason=reason)
        )
        return attempt.outcome(NotificationResult.UNKNOWN, reason)

    def _pin(self, attempt: Attempt) -> NotificationOutcome | None:
        """Pin what is desired now; or end the row, as nothing of it is left to say."""
        row, view, plan = attempt.row, attempt.view, self._plan(attempt.partition, attempt.view)
        if plan is None:
            gone = replace(view, row=None)
            return self._obsolete(attempt, gone, "its stream is not known any more")
        step = after_claim(view, row, plan.delta, plan.context, keeps_current=plan.keeps_current)
        if step.claim is Claim.OBSOLETE:
            return self._obsolete(attempt, step.view, step.reason)
        message = attempt.courier.dispatched(row, _message(plan, step, view))
        pin = Pin(self._objects.put_pinned(message), plan.context.basis)
        attempt.pin(replace(row, pin=pin, seen=plan.context.basis, quiet=step.quiet), message)
        return None

    def _complete(self, attempt: Attempt) -> None:
        """Pin a message anew that was pinned before its first attempt, as one-shot ones are."""
        row, message = attempt.row, attempt.message
        if row.pin is None or not isinstance(message, PinnedMessage) or message.dispatch:
            return
        completed = attempt.courier.dispatched(row, message)
        if completed.dispatch is not None:
            pin = replace(row.pin, key=self._objects.put_pinned(completed))
            attempt.pin(replace(row, pin=pin), completed)

    def _obsolete(self, attempt: Attempt, view: View, reason: str) -> NotificationOutcome:
        """End a row. Raises `ConflictError` where a sync saw something since it was claimed."""
        attempt.close_unchanged(RowEnd(obsolete(attempt.row, reason, now=self._now()), view))
        return attempt.outcome(NotificationResult.OBSOLETE, reason)

    def _present(self, attempt: Attempt) -> PinnedMessage | None:
        """Return what a row would say now; None: nothing."""
        if attempt.row.is_one_shot:
            return None
        view, plan = attempt.view, self._plan(attempt.partition, attempt.view)
        if plan is None:
            return None
        row = replace(attempt.row, pin=None)
        step = after_claim(view, row, plan.delta, plan.context, keeps_current=plan.keeps_current)
        return _message(plan, step, view) if step.claim is Claim.SEND else None

    # --- sent ------------------------------------------------------------------------------------

    def _sent(self, attempt: Attempt, receipt: Receipt) -> NotificationOutcome:
        """Record the receipt and what is reported now; a sync may have seen something newer."""
        message, following = attempt.message, None
        if attempt.row.is_one_shot or not isinstance(message, PinnedMessage):
            self._one_shot_sent(attempt, receipt)
        else:
            following = attempt.close(self._recording(message, receipt)).following
        outcome = attempt.outcome(NotificationResult.SENT, "accepted")
        return replace(outcome, receipt=receipt, following=following)

    def _recording(
        self, message: PinnedMessage, receipt: Receipt
    ) -> Callable[[Notification], RowEnd]:
        now = self._now()

        def recorded(row: Notification) -> RowEnd:
            step = after_sent(row, message.view, message.basis, now=now, receipt=receipt)
            return RowEnd(step.row, step.view, step.next)

        return recorded

    def _one_shot_sent(self, attempt: Attempt, receipt: Receipt) -> None:
        """Record the receipt alone; the thread of digests is kept like that of a view."""
        now, view = self._now(), attempt.view
        thread = receipt.thread if attempt.row.purpose in _THREADED else None
        if thread in (None, view.thread):
            attempt.update(lambda row: one_shot_sent(row, receipt, now=now))
        else:
            threaded = replace(view, thread=thread)
            attempt.close(lambda row: RowEnd(one_shot_sent(row, receipt, now=now), threaded))


def _not_claimed(reason: str) -> NotificationOutcome:
    return NotificationOutcome(NotificationResult.NOT_CLAIMED, reason)


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
        entries=plan.desired.entries,
        quietly_ended=tuple([item for item in view.quietly_ended if item.id not in after]),
    )
