"""
Refusals of a receiver, and what follows: another attempt, a pause, an end.

A 429 pauses the destination, and is no failure of the message. What a refusal for good means, and
when the next attempt is, `lib.core.retries` decides. Of a destination that takes nothing the
fallback is notified.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from lib.core.attempts import (
    after_lost_answer,
    after_refusal,
    expires,
    notice_to_fallback,
    one_shot_dead,
)
from lib.core.notification_rows import after_death
from lib.core.retries import BROKEN, UNEXPECTED_LIMIT, Refusal, consequence_of, wait
from lib.errors import (
    AmbiguousDeliveryError,
    ConfigError,
    PermanentDeliveryError,
    TemporaryDeliveryError,
    ThrottledError,
)
from lib.flows.attempt import Attempt, Change, NotificationOutcome, NotificationResult, RowEnd
from lib.models import Destination, Pause, PauseKind
from lib.models.views import Notification, Pin, PinnedMessage, Purpose, RowState
from lib.ports.streams import NotificationStore, Pauses, StreamObjects


@dataclass(frozen=True, slots=True)
class Fallback:
    """The destination that is notified when another one takes nothing."""

    destination: Destination | None
    stage: str
    """Two stages may notify one topic, which drops what has the same id."""


class Refusals:
    """Records attempts that failed, and what follows from them."""

    def __init__(
        self,
        *,
        objects: StreamObjects,
        rows: NotificationStore,
        pauses: Pauses,
        present: Callable[[Attempt], PinnedMessage | None],
        now: Callable[[], datetime],
        fallback: Fallback,
    ) -> None:
        """`present`: what the row would say now; None: nothing."""
        self._objects = objects
        self._rows = rows
        self._pauses = pauses
        self._present = present
        self._now = now
        self._fallback = fallback

    def unexpected(self, attempt: Attempt, error: Exception) -> NotificationOutcome:
        """Try again some times, as the cause may be outside; then give it up, with a trace."""
        refusal = TemporaryDeliveryError(f"{type(error).__name__}: {error}", reason="unexpected")
        if attempt.row.failures + 1 < UNEXPECTED_LIMIT:
            return replace(self.failed(attempt, refusal), error=error)
        return replace(self.dead(attempt, f"unexpected: {refusal}"), error=error)

    def failed(self, attempt: Attempt, error: Refusal) -> NotificationOutcome:
        """Record a refusal, with the time of the next attempt. Raises `StoreError`."""
        now, reason = self._now(), f"{error.reason}: {error}"
        if isinstance(error, PermanentDeliveryError):
            return self._refused(attempt, error, reason)
        if isinstance(error, ThrottledError) and not error.alone:
            until = now + timedelta(seconds=wait(attempt.row, error))
            pause = Pause(PauseKind.THROTTLED, until, reason)
            self._pauses.pause(attempt.row.destination, pause)
        change = _lost_answer(now) if isinstance(error, AmbiguousDeliveryError) else after_refusal
        outcome = self._tried_again(attempt, error, reason, change)
        return replace(outcome, misconfigured=isinstance(error, ConfigError))

    def _tried_again(
        self, attempt: Attempt, error: Refusal, reason: str, change: Change
    ) -> NotificationOutcome:
        now = self._now()
        due_at = now + timedelta(seconds=wait(attempt.row, error))
        if expires(attempt.row, at=due_at):
            return self.expired(attempt, reason, change)
        counted = int(not isinstance(error, ThrottledError))
        attempt.update(
            lambda row: replace(
                change(row),
                due_at=due_at,
                tried_at=now,
                reason=reason,
                failures=row.failures + counted,
            )
        )
        unsure = attempt.row.state is RowState.UNKNOWN
        result = NotificationResult.UNKNOWN if unsure else NotificationResult.RETRY
        return attempt.outcome(result, reason)

    def _refused(
        self, attempt: Attempt, error: PermanentDeliveryError, reason: str
    ) -> NotificationOutcome:
        """
        Give up or try again; of a broken destination the others wait, and the fallback is notified.

        The pause is written first: if the outcome cannot be recorded, the next attempt finds it.
        """
        row, consequence = attempt.row, consequence_of(attempt.row, error)
        if consequence.is_broken:
            pause = Pause(PauseKind.BROKEN, self._now() + BROKEN, reason)
            if self._pauses.pause(row.destination, pause):
                why = f"refuses {'everything' if error.broken else 'it'} ({error.reason})"
                self._notify_fallback(attempt, why, once=row.id)
        if consequence.dies:
            return self.dead(attempt, reason)
        words = f"{reason}; {consequence.value}"
        outcome = self._tried_again(attempt, error, words, after_refusal)
        return replace(outcome, misconfigured=consequence.is_broken)

    def expired(
        self, attempt: Attempt, reason: str, change: Change = replace
    ) -> NotificationOutcome:
        """Give up after a day. The fallback is notified once a day and destination."""
        once = f"{attempt.row.destination}\n{self._now().date()}"
        self._notify_fallback(attempt, "did not accept it within 24 h", once=once)
        return self.dead(attempt, f"not accepted within 24 h: {reason}", change)

    def dead(self, attempt: Attempt, reason: str, change: Change = replace) -> NotificationOutcome:
        """Give a row up. What its message may have shown is remembered with the view."""
        now = self._now()

        def died(row: Notification) -> RowEnd:
            shown = attempt.possibly_shown(row)
            reported = shown.view.reported if shown is not None else None
            view, dead = after_death(attempt.view, row, reported, now=now, reason=reason)
            return RowEnd(dead, view)

        if attempt.row.is_one_shot:
            attempt.update(lambda row: one_shot_dead(change(row), now=now, reason=reason))
        else:
            attempt.close(lambda row: died(change(row)))
        return attempt.outcome(NotificationResult.DEAD, reason)

    def _notify_fallback(self, attempt: Attempt, why: str, *, once: str) -> None:
        """
        Send the message to the fallback, too, unless it was notified `once` already.

        Only of what is news about an image: a digest says nothing about its destination, nor does
        a quiet update.
        """
        fallback, row = self._fallback.destination, attempt.row
        if fallback in (None, row.destination) or row.purpose is Purpose.FALLBACK:
            return
        message = attempt.message or self._present(attempt)
        if not isinstance(message, PinnedMessage) or message.quiet:
            return
        view = replace(message.view, destination=fallback, thread=attempt.thread_of(fallback))
        own = replace(message, view=view, dispatch=None)
        notice = notice_to_fallback(
            row,
            fallback,
            Pin(self._objects.put_pinned(own)),
            note=f"Instead of {row.destination}, which {why}",
            subject=f"{self._fallback.stage}\n{once}",
            now=self._now(),
        )
        self._rows.add(notice)


def _lost_answer(at: datetime) -> Change:
    return lambda row: after_lost_answer(row, at=at)
