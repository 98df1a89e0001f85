"""
The second half of the flow: what is in the ledger is sent, once, or its row says what comes next.

    a wake-up       -> DeliveryPipeline  claim, render, send, record         -> a receipt, or a time
    every minute    -> wake_due          rows that are due                   -> wake-ups

The ledger is the truth, the queues only wake. `lib.core.retries` decides what follows a refusal.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import chain, islice, zip_longest
from typing import Any, Final

from lib.core.retries import (
    BEHIND,
    BROKEN,
    HORIZON,
    UNEXPECTED_LIMIT,
    Refusal,
    after_refusal,
    wait,
    wake_again,
)
from lib.errors import (
    AmbiguousDeliveryError,
    ConfigError,
    DeliveryError,
    PermanentDeliveryError,
    StoreError,
    TemporaryDeliveryError,
    ThrottledError,
)
from lib.messages.alert import alert as build_alert
from lib.models import (
    DIGESTS,
    AskAgain,
    CannotTell,
    Delivery,
    DeliveryId,
    DeliveryState,
    Destination,
    Evaluation,
    Message,
    NotClaimed,
    NotReceived,
    Page,
    Pause,
    PauseKind,
    Receipt,
    WakeUp,
)
from lib.ports.notifiers import Notifier, Verifiable
from lib.ports.store import DigestStore, EvaluationStore, Ledger, Pages, SecretReader, Waker

_DUE_READ: Final = 2500
"""Rows read of each part of the index, of 200 bytes each: so that whoever else waits is seen."""


class DeliveryResult(StrEnum):
    """How one attempt at a delivery ended."""

    SENT = "sent"
    RETRY = "retry"
    DEAD = "dead"
    SKIPPED = "skipped"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class DeliveryOutcome:
    """What became of one attempt."""

    result: DeliveryResult
    reason: str
    delivery: Delivery | None = None
    receipt: Receipt | None = None
    due_at: datetime | None = None
    misconfigured: bool = False
    """A secret or an address is wrong: a person has to fix it before the horizon."""
    error: Exception | None = None
    """What nobody expected, for the log."""
    without_page: Exception | None = None
    """Why it was sent without its report page."""


@dataclass(frozen=True, slots=True)
class Behind:
    """Another delivery of the stream may have begun its thread; its outcome is awaited."""

    other: DeliveryId


@dataclass(frozen=True, slots=True)
class _Told:
    """What one delivery says, and how things stood when."""

    message: Message
    at: datetime
    without_page: Exception | None = None


class DeliveryPipeline:
    """One wake-up in; the alert sent and its receipt recorded, or the row rescheduled, or dead."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        reports: EvaluationStore,
        digests: DigestStore,
        notifiers: Callable[[Destination], Notifier],
        now: Callable[[], datetime],
        new_token: Callable[[], str],
        pause: Callable[[float], None],
        secrets: SecretReader,
        fallback: Destination | None = None,
        pages: Pages | None = None,
        stage: str = "",
    ) -> None:
        self._pages = pages
        self._stage = stage
        self._ledger = ledger
        self._reports = reports
        self._digests = digests
        self._notifiers = notifiers
        self._now = now
        self._new_token = new_token
        self._pause = pause
        self._secrets = secrets
        self._fallback = fallback

    def deliver(self, wake_up: WakeUp) -> DeliveryOutcome:
        """
        Send one delivery if its row says that it is time. Send, then record.

        A receiver's refusal is an outcome, not an error: the row says what comes next. Raises
        `StoreError` when the ledger itself cannot be reached. Returns no sooner than the receiver's
        next message may go out: who calls is the one sender of this destination.
        """
        now = self._now()
        pause = self._ledger.paused(wake_up.destination, now=now)
        if pause is not None:
            return self._deferred(wake_up, pause)
        delivery = self._ledger.claim(wake_up.id, now=now, token=self._new_token())
        if isinstance(delivery, NotClaimed):
            return DeliveryOutcome(DeliveryResult.SKIPPED, delivery.reason)
        if now - delivery.created_at > HORIZON:
            return self._expired(delivery, str(delivery.reason))
        outcome = self._claimed(delivery)
        self._keep_pace(delivery.destination)
        return outcome

    def _claimed(self, delivery: Delivery) -> DeliveryOutcome:
        try:
            # Its time begins here: what report and page take is not left for the receiver.
            notifier = self._notifiers(delivery.destination)
            told = self._told(delivery)
            if told is None:
                return self._dead(delivery, "its report is not stored any more")
            verdict = self._attempt(notifier, delivery, told.message)
        except (DeliveryError, ConfigError, StoreError) as error:
            return self._failed(delivery, error)
        except Exception as error:  # noqa: BLE001  # one odd alert must not block its destination
            return self._unexpected(delivery, error)
        if isinstance(verdict, Behind):
            return self._stays_behind(delivery, verdict)
        if isinstance(verdict, AskAgain):
            return self._asked_later(delivery, verdict)
        self._ledger.sent(delivery, verdict, now=self._now(), told_at=told.at)
        return DeliveryOutcome(
            DeliveryResult.SENT, "accepted", delivery, verdict, without_page=told.without_page
        )

    def _told(self, delivery: Delivery) -> "_Told | None":
        """Return what a delivery tells; None when that is not stored any more."""
        if _is_digest(delivery):
            digest = self._digests.get(delivery.evaluation_key)
            if digest is None:
                return None
            attempt = max(delivery.attempts, 1)
            again = replace(digest, attempt=attempt, possible_repeat=delivery.unsure)
            return _Told(again, digest.until)
        evaluation = self._reports.get(delivery.evaluation_key)
        if evaluation is None:
            return None
        page, without_page = self._page(delivery, evaluation)
        alert = build_alert(evaluation, delivery, page=page)
        told: Any = alert  # nobody calls this flow any more
        return _Told(told, evaluation.evaluated_at, without_page)

    def _page(
        self, delivery: Delivery, evaluation: Evaluation
    ) -> tuple[Page | None, Exception | None]:
        """Return the report page, or why there is none: an alert is not held up by its page."""
        if self._pages is None:
            return None, None
        try:
            return self._pages.publish(delivery.evaluation_key, evaluation), None
        except Exception as error:  # noqa: BLE001  # whatever is wrong with it, the alert goes out
            return None, error

    def _attempt(
        self, notifier: Notifier, delivery: Delivery, alert: Message
    ) -> Receipt | AskAgain | Behind:
        """
        Send, but ask the receiver first when it may have the alert already.

        Where the messages of a stream belong together, nobody else begins a thread meanwhile.
        """
        if notifier.threaded and delivery.thread is None:
            other = self._ledger.open_thread(delivery, now=self._now())
            if other is not None:
                return Behind(other)
        if delivery.unsure and isinstance(notifier, Verifiable):
            verdict = notifier.verify(
                alert,
                since=delivery.first_at or delivery.created_at,
                now=self._now(),
                thread=delivery.thread,
                tried_at=delivery.unsure_at,
            )
            if not isinstance(verdict, NotReceived | CannotTell):
                return verdict
        try:
            return send(notifier, alert, thread=delivery.thread)
        except PermanentDeliveryError as error:
            if not (error.broken and self._secrets.renew()):
                raise
        return send(notifier, alert, thread=delivery.thread)

    def _keep_pace(self, destination: Destination) -> None:
        """Hold the destination for as long as its receiver wants between two messages."""
        with suppress(ConfigError):
            self._pause(self._notifiers(destination).interval)

    def _deferred(self, wake_up: WakeUp, pause: Pause) -> DeliveryOutcome:
        reason = f"{pause.kind.value}: {pause.reason}"
        self._ledger.defer(wake_up.id, until=pause.until, reason=reason)
        return DeliveryOutcome(DeliveryResult.PAUSED, reason, due_at=pause.until)

    def _stays_behind(self, delivery: Delivery, behind: Behind) -> DeliveryOutcome:
        now = self._now()
        due_at = now + timedelta(seconds=BEHIND)
        reason = f"{behind.other} may be the first of this stream: it goes ahead"
        self._ledger.retry(
            delivery, due_at=due_at, reason=reason, counts=False, unsure=delivery.unsure, now=now
        )
        return DeliveryOutcome(DeliveryResult.RETRY, reason, delivery, due_at=due_at)

    def _asked_later(self, delivery: Delivery, later: AskAgain) -> DeliveryOutcome:
        now = self._now()
        due_at = now + timedelta(seconds=later.seconds)
        reason = "the receiver cannot say yet whether it has it"
        self._ledger.retry(
            delivery, due_at=due_at, reason=reason, counts=False, unsure=True, now=now
        )
        return DeliveryOutcome(DeliveryResult.RETRY, reason, delivery, due_at=due_at)

    def _unexpected(self, delivery: Delivery, error: Exception) -> DeliveryOutcome:
        """Try again some times, as the cause may be outside; then keep it as dead, with a trace."""
        said = TemporaryDeliveryError(f"{type(error).__name__}: {error}", reason="unexpected")
        if delivery.failures + 1 < UNEXPECTED_LIMIT:
            return replace(self._failed(delivery, said), error=error)
        return replace(self._dead(delivery, f"unexpected: {said}"), error=error)

    def _failed(self, delivery: Delivery, error: Refusal) -> DeliveryOutcome:
        now = self._now()
        reason = f"{error.reason}: {error}"
        if isinstance(error, PermanentDeliveryError):
            return self._refused(delivery, error, reason)
        if isinstance(error, ThrottledError) and not error.alone:
            until = now + timedelta(seconds=wait(delivery, error))
            self._ledger.pause(delivery.destination, Pause(PauseKind.THROTTLED, until, reason))
        if isinstance(error, AmbiguousDeliveryError):
            delivery = replace(delivery, unsure=True, unsure_at=now)
        return self._tried_again(delivery, error, reason, now)

    def _tried_again(
        self, delivery: Delivery, error: Refusal, reason: str, now: datetime
    ) -> DeliveryOutcome:
        due_at = now + timedelta(seconds=wait(delivery, error))
        if due_at - delivery.created_at > HORIZON:
            return self._expired(delivery, reason)
        self._ledger.retry(
            delivery,
            due_at=due_at,
            reason=reason,
            counts=not isinstance(error, ThrottledError),
            unsure=delivery.unsure,
            now=now,
        )
        return DeliveryOutcome(
            DeliveryResult.RETRY,
            reason,
            delivery,
            due_at=due_at,
            misconfigured=isinstance(error, ConfigError),
        )

    def _refused(
        self, delivery: Delivery, error: PermanentDeliveryError, reason: str
    ) -> DeliveryOutcome:
        """
        Give up or try again; of a broken destination the others wait, and the fallback is notified.

        The pause is written first: if the outcome cannot be recorded, the next attempt finds it.
        """
        now, consequence = self._now(), after_refusal(delivery, error)
        if consequence.is_broken:
            pause = Pause(PauseKind.BROKEN, now + BROKEN, reason)
            if self._ledger.pause(delivery.destination, pause):
                why = f"refuses {'everything' if error.broken else 'it'} ({error.reason})"
                self._tell_fallback(delivery, why, once=delivery.id)
        if consequence.dies:
            return self._dead(delivery, reason)
        outcome = self._tried_again(delivery, error, f"{reason}; {consequence.value}", now)
        return replace(outcome, misconfigured=consequence.is_broken)

    def _expired(self, delivery: Delivery, reason: str) -> DeliveryOutcome:
        """Give up after a day. The fallback is told of one such alert a day and destination."""
        once = f"{delivery.destination}\n{self._now().date()}"
        self._tell_fallback(delivery, "did not accept it within 24 h", once=once)
        return self._dead(delivery, f"not accepted within 24 h: {reason}")

    def _tell_fallback(self, delivery: Delivery, why: str, *, once: str) -> None:
        """
        Send this alert to the fallback, too, unless it was told `once` already.

        A digest says nothing about its destination; the next alert that is refused does.
        """
        if self._fallback in (None, delivery.destination) or delivery.note is not None:
            return
        if _is_digest(delivery):
            return
        notice = replace(
            delivery,
            id=notice_id(self._stage, once),
            destination=self._fallback,
            state=DeliveryState.PENDING,
            created_at=self._now(),
            due_at=self._now(),
            attempts=0,
            failures=0,
            token=None,
            unsure=False,
            unsure_at=None,
            note=f"Instead of {delivery.destination}, which {why}",
        )
        self._ledger.add(notice)

    def _dead(self, delivery: Delivery, reason: str) -> DeliveryOutcome:
        self._ledger.dead(delivery, reason=reason, now=self._now())
        return DeliveryOutcome(DeliveryResult.DEAD, reason, delivery)


def notice_id(stage: str, once: str) -> DeliveryId:
    """Return the id of a notice to the fallback, which is sent once for each stage and cause."""
    subject = f"notice\n{stage}\n{once}"
    return DeliveryId(hashlib.sha256(subject.encode("utf-8", "replace")).hexdigest()[:32])


def _is_digest(delivery: Delivery) -> bool:
    return delivery.evaluation_key.startswith(DIGESTS)


def send(notifier: Notifier, alert: Message, *, thread: str | None = None) -> Receipt:
    """Send an alert; once more and plainer when its size or form was refused."""
    try:
        return notifier.send(notifier.render(alert, thread=thread))
    except PermanentDeliveryError as error:
        if not error.degradable:
            raise
    return notifier.send(notifier.plain(alert, thread=thread))


def wake_due(ledger: Ledger, waker: Waker, *, now: datetime, limit: int = 1000) -> int:
    """
    Wake the deliveries that are due or whose worker died, `limit` at most; return how many.

    Each destination has its share, one in turn: the thousands that wait for one after its outage
    keep nobody else waiting. What was woken steps back behind the others.
    """
    waiting: dict[Destination, list[WakeUp]] = defaultdict(list)
    for each in ledger.due(now=now, limit=_DUE_READ):
        waiting[each.destination].append(each)
    turns = chain.from_iterable(zip_longest(*waiting.values()))
    chosen = tuple(islice((each for each in turns if each is not None), limit))
    waker.wake(chosen)
    for destination, due in waiting.items():
        ledger.woken(
            [each for each in chosen if each.destination == destination],
            again_at=now + wake_again(len(due)),
        )
    return len(chosen)
