"""
The flow. Read this first.

    a scan event    -> ScanPipeline      fetch, compare, route, store        -> deliveries to make
    a wake-up       -> DeliveryPipeline  claim, render, send, record         -> a receipt, or a time
    every minute    -> wake_due          rows that are due                   -> wake-ups
    every hour      -> Reconciliation    scans without an event              -> scan events

Nothing here knows DynamoDB, Slack or Lambda: it speaks to the ports of `lib.interfaces`. Every call
ends in an outcome that says what happened and why; whoever called logs and counts it.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import chain, islice, zip_longest
from typing import Final

from lib.errors import (
    AmbiguousDeliveryError,
    ConfigError,
    ConflictError,
    DeliveryError,
    FindingsNotReadyError,
    ImageGoneError,
    NotAnImageError,
    PermanentDeliveryError,
    StoreError,
    TemporaryDeliveryError,
    ThrottledError,
)
from lib.evaluation import (
    INDEX_WAIT,
    NOT_READY_HORIZON,
    PARTIAL_HORIZON,
    Rules,
    Subject,
    already_evaluated,
    evaluate,
    follows,
    has_place,
    member_events,
    moved_head,
    never_ready,
    never_scanned,
    new_delivery,
    revisit_delay,
    same_problem,
    unheard,
    waits_for_index,
    with_tags,
)
from lib.interfaces import (
    Commit,
    FindingSource,
    ImageState,
    Json,
    Ledger,
    NotClaimed,
    Notifier,
    ReportStore,
    SecretReader,
    StateStore,
    StreamHead,
    Waker,
    WakeUp,
)
from lib.merging import merged
from lib.models import (
    Alert,
    AnyReport,
    AskLater,
    BasisKind,
    Delivery,
    DeliveryId,
    DeliveryState,
    Destination,
    Evaluation,
    ImageIndex,
    Known,
    NotThere,
    Pause,
    PauseKind,
    PushEvent,
    Receipt,
    Report,
    Scan,
    ScanEvent,
    ScanSource,
    UnusableReport,
)
from lib.report import alert as build_alert
from lib.retries import BEHIND, BROKEN, HORIZON, UNEXPECTED_LIMIT, Refusal, wait, wake_again
from lib.routing import Decisions, decide, stream_of

_CONFLICT_TRIES: Final = 8
_CONFLICT_PAUSE: Final = 0.05
"""Seconds, growing with each try: all in all less than two."""
_DUE_READ: Final = 2500
"""Rows read of each part of the index, of 200 bytes each: so that whoever else waits is seen."""


class ScanResult(StrEnum):
    """How a scan event ended."""

    EVALUATED = "evaluated"
    REPEATED = "repeated"
    REVISIT = "revisit"
    ACKNOWLEDGED = "acknowledged"
    IMAGE_GONE = "image-gone"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class ScanOutcome:
    """What became of one scan event."""

    result: ScanResult
    reason: str
    evaluation: Evaluation | None = None
    decisions: Decisions | None = None
    deliveries: tuple[Delivery, ...] = ()


_NO_INDEX: Final = ScanOutcome(
    ScanResult.ACKNOWLEDGED, "not an index: its scan has an event of its own"
)


class ScanPipeline:
    """One scan event in; its evaluation stored, its deliveries in the ledger and woken."""

    def __init__(
        self,
        *,
        source: FindingSource,
        states: StateStore,
        reports: ReportStore,
        waker: Waker,
        rules: Rules,
        now: Callable[[], datetime],
        pause: Callable[[float], None],
        index_wait: timedelta = INDEX_WAIT,
    ) -> None:
        self._source = source
        self._states = states
        self._reports = reports
        self._waker = waker
        self._rules = rules
        self._now = now
        self._pause = pause
        self._index_wait = index_wait

    def pushed(self, event: PushEvent, raw: Mapping[str, Json]) -> ScanOutcome:
        """Evaluate an index; another image is announced by its scan. Raises as `process` does."""
        if event.index is False:
            return _NO_INDEX
        scan = Scan(ScanSource.ECR_BASIC, "UNKNOWN")
        return self.process(
            ScanEvent(event.event_id, event.time, event.image, scan, index=True), raw
        )

    def process(self, event: ScanEvent, raw: Mapping[str, Json]) -> ScanOutcome:
        """
        Evaluate what the scanner has for this image, unless that was done already.

        `raw` is the event as it came, in case it has to come back. Raises `SourceError` and
        `StoreError`: then nothing was decided, and the same event may be processed again.
        """
        try:
            subject = self._subject(event, raw)
            if isinstance(subject, ScanOutcome):
                return subject
            report = self._report(event, subject)
        except ImageGoneError as error:
            return ScanOutcome(ScanResult.IMAGE_GONE, str(error))
        except NotAnImageError as error:
            return ScanOutcome(ScanResult.IGNORED, str(error))
        except FindingsNotReadyError as error:
            return self._later(raw, str(error), revisit_delay(self._now() - event.announced_at))
        if event.index and never_scanned(report):
            return ScanOutcome(ScanResult.IGNORED, "none of the images in it is scanned")
        return self._evaluate(event, raw, subject, report)

    def _subject(self, event: ScanEvent, raw: Mapping[str, Json]) -> Subject | ScanOutcome:
        """Return what to evaluate, the image or its index; or why there is nothing to do (yet)."""
        if event.index:
            index = self._source.index(event.image)
            return _NO_INDEX if index is None else self._index(event, index)
        stored = self._states.look_up(event.image)
        part_of = None if event.image.tags else stored.membership
        if part_of is not None and part_of.attached:
            return ScanOutcome(ScanResult.IGNORED, "no image, but attached to those of an index")
        if part_of is not None:
            index = self._source.index(replace(event.image, digest=part_of.index))
            if index is not None:
                return self._index(event, index)
        seconds = waits_for_index(event, stored, self._now() - event.time, self._index_wait)
        if seconds:
            return self._later(raw, "untagged: it may be part of an index", seconds)
        repeated = already_evaluated(event, stored.state, index=False)
        if repeated:
            return ScanOutcome(ScanResult.REPEATED, repeated)
        return Subject(event.image, stored.state)

    def _index(self, event: ScanEvent, index: ImageIndex) -> Subject | ScanOutcome:
        known = self._states.image(index.image)
        repeated = already_evaluated(event, known, index=True)
        if repeated:
            return ScanOutcome(ScanResult.REPEATED, repeated)
        # The tags of an index can move at any time, and events of its members do not name them.
        described = self._source.describe(replace(index.image, tags=()))
        index = with_tags(index, event, described)
        if event.index:
            self._states.record(index, pushed_at=described.pushed_at or event.time)
        if not index.members:
            return ScanOutcome(ScanResult.IGNORED, f"{index.image.name} has no image in it")
        return Subject(index.image, known, index)

    def _later(self, raw: Mapping[str, Json], reason: str, seconds: int) -> ScanOutcome:
        self._waker.revisit(raw, delay_seconds=seconds)
        return ScanOutcome(ScanResult.REVISIT, reason)

    def _report(self, event: ScanEvent, subject: Subject) -> AnyReport:
        """Return the result of an image, or that of all images of an index together."""
        if subject.index is not None:
            events = member_events(event, subject.index)
            return merged(subject.index, [self._scanned(each) for each in events])
        report = self._scanned(event)
        if subject.known is None and report.image.pushed_at is None:
            # Once for each image: without its age a re-scan of an old one would pass for new.
            return replace(report, image=self._source.describe(report.image))
        return report

    def _scanned(self, event: ScanEvent) -> AnyReport:
        """Return the scan's result; when patience is at its end, whatever there is of it."""
        announced = sum(event.counts.values()) if event.counts is not None else None
        try:
            return self._source.report(event.image, event.scan, announced=announced)
        except FindingsNotReadyError as error:
            age = self._now() - event.announced_at
            if age < (NOT_READY_HORIZON if error.partial is None else PARTIAL_HORIZON):
                raise
            match error.partial:
                case Report() | UnusableReport() as partial:
                    return partial
                case _:
                    return never_ready(event, error)

    def _evaluate(
        self,
        event: ScanEvent,
        raw: Mapping[str, Json],
        subject: Subject,
        report: AnyReport,
    ) -> ScanOutcome:
        """Decide and save; look again at what is stored when somebody else was faster."""
        known = subject.known
        for attempt in range(_CONFLICT_TRIES):
            try:
                return self._save(event, report, known)
            except ConflictError:
                self._pause(_CONFLICT_PAUSE * (1 + attempt))
                before, known = known, self._states.image(subject.image)
                repeated = already_evaluated(event, known, index=subject.index is not None)
                if repeated:
                    return ScanOutcome(ScanResult.REPEATED, repeated)
                if subject.index is not None and known != before:
                    # Of another image in it, somebody may have had newer findings than these.
                    break
        return self._later(raw, "others save the same at the same time", revisit_delay(timedelta()))

    def _save(self, event: ScanEvent, report: AnyReport, known: ImageState | None) -> ScanOutcome:
        now = self._now()
        stream = stream_of(report.image, self._rules.streams)
        known_head = self._states.head(stream)
        order = known.order if known else report.image.pushed_at or event.time
        version = known.version + 1 if known else 1
        evaluation = evaluate(
            report,
            stream=stream,
            version=version,
            now=now,
            repeated_problem=same_problem(report, known),
            rules=self._rules,
            before=self._before(report, order, known, known_head),
        )
        decisions = decide(evaluation, self._rules.routes)
        quiet = event.quiet and known is None
        if quiet:
            decisions = unheard(decisions)
        key = self._reports.put(evaluation)
        deliveries = tuple(
            new_delivery(each, evaluation, key, now) for each in decisions.deliveries
        )
        usable = isinstance(report, Report)
        state = ImageState(
            version=version,
            order=order,
            event_time=max(event.time, known.event_time) if known else event.time,
            event_id=event.event_id,
            status=report.scan.status,
            usable=usable,
            completed_at=report.scan.completed_at,
            report_key=key if usable else known.report_key if known else None,
        )
        moves = usable and has_place(report.image)
        head = moved_head(known_head, report.image, order, key) if moves else None
        self._states.commit(
            Commit(report.image, stream, state, known, head, known_head, deliveries)
        )
        self._waker.wake(_wake_up(each) for each in deliveries if each.due_at is not None)
        return ScanOutcome(
            ScanResult.EVALUATED,
            _summary(evaluation, quiet=quiet),
            evaluation,
            decisions,
            deliveries,
        )

    def _before(
        self,
        report: AnyReport,
        order: datetime,
        known: ImageState | None,
        head: StreamHead | None,
    ) -> tuple[BasisKind, Known] | None:
        """Return what to compare with: the last usable scan of this image, or the one before."""
        if isinstance(report, UnusableReport):
            return None
        if known is not None and known.report_key is not None:
            kind, key = BasisKind.RESCAN, known.report_key
        elif head is not None and follows(report.image, order, head):
            kind, key = BasisKind.PREVIOUS_IMAGE, head.report_key
        else:
            return None
        before = self._reports.known(key)
        return (kind, before) if before is not None else None


def _wake_up(delivery: Delivery) -> WakeUp:
    return WakeUp(delivery.id, delivery.destination, delivery.attempts)


def _summary(evaluation: Evaluation, *, quiet: bool) -> str:
    if quiet:
        return "the baseline of an image older than this installation: nobody is told"
    if evaluation.problem is not None:
        return evaluation.problem.reason
    if evaluation.comparison is None:
        return "the scan failed in the same way as before"
    return f"compared with: {evaluation.comparison.basis.kind.value}"


# --- deliveries -------------------------------------------------------------------------------


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
    """A secret or an address is wrong: somebody has to mend it before the horizon."""
    error: Exception | None = None
    """What nobody expected, for the log."""


@dataclass(frozen=True, slots=True)
class Behind:
    """Another delivery of the stream may have begun its thread; its outcome is awaited."""

    other: DeliveryId


class DeliveryPipeline:
    """One wake-up in; the alert sent and its receipt recorded, or the row rescheduled, or dead."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        reports: ReportStore,
        notifiers: Callable[[Destination], Notifier],
        now: Callable[[], datetime],
        new_token: Callable[[], str],
        pause: Callable[[float], None],
        secrets: SecretReader,
        fallback: Destination | None = None,
    ) -> None:
        self._ledger = ledger
        self._reports = reports
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
            evaluation = self._reports.get(delivery.evaluation_key)
            if evaluation is None:
                return self._dead(delivery, "its report is not stored any more")
            verdict = self._attempt(delivery, build_alert(evaluation, delivery))
        except (DeliveryError, ConfigError, StoreError) as error:
            return self._failed(delivery, error)
        except Exception as error:  # noqa: BLE001  # one odd alert must not block its destination
            return self._unexpected(delivery, error)
        if isinstance(verdict, Behind):
            return self._stays_behind(delivery, verdict)
        if isinstance(verdict, AskLater):
            return self._asked_later(delivery, verdict)
        self._ledger.sent(delivery, verdict, now=self._now(), told_at=evaluation.evaluated_at)
        return DeliveryOutcome(DeliveryResult.SENT, "accepted", delivery, verdict)

    def _attempt(self, delivery: Delivery, alert: Alert) -> Receipt | AskLater | Behind:
        """
        Send, but ask the receiver first when it may have the alert already.

        Where the messages of a stream belong together, nobody else begins a thread meanwhile.
        """
        notifier = self._notifiers(delivery.destination)
        if notifier.threaded and delivery.thread is None:
            other = self._ledger.open_thread(delivery, now=self._now())
            if other is not None:
                return Behind(other)
        if delivery.unsure:
            verdict = notifier.verify(
                alert,
                since=delivery.first_at or delivery.created_at,
                now=self._now(),
                thread=delivery.thread,
            )
            if not isinstance(verdict, NotThere):
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

    def _asked_later(self, delivery: Delivery, later: AskLater) -> DeliveryOutcome:
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
        due_at = now + timedelta(seconds=wait(delivery, error))
        if isinstance(error, ThrottledError) and not error.alone:
            self._ledger.pause(delivery.destination, Pause(PauseKind.THROTTLED, due_at, reason))
        unsure = delivery.unsure or isinstance(error, AmbiguousDeliveryError)
        if due_at - delivery.created_at > HORIZON:
            return self._expired(replace(delivery, unsure=unsure), reason)
        self._ledger.retry(
            delivery,
            due_at=due_at,
            reason=reason,
            counts=not isinstance(error, ThrottledError),
            unsure=unsure,
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
        Give up; when the receiver refuses everything, let the others wait and tell the fallback.

        The pause is written first: who fails to record the death tries again, and finds it.
        """
        if error.broken:
            pause = Pause(PauseKind.BROKEN, self._now() + BROKEN, reason)
            if self._ledger.pause(delivery.destination, pause):
                why = f"refuses everything ({error.reason})"
                self._tell_fallback(delivery, why, once=delivery.id)
        return self._dead(delivery, reason)

    def _expired(self, delivery: Delivery, reason: str) -> DeliveryOutcome:
        """Give up after a day. The fallback is told of one such alert a day and destination."""
        once = f"{delivery.destination}\n{self._now().date()}"
        self._tell_fallback(delivery, "did not accept it within 24 h", once=once)
        return self._dead(delivery, f"not accepted within 24 h: {reason}")

    def _tell_fallback(self, delivery: Delivery, why: str, *, once: str) -> None:
        """Send this alert to the fallback, too, unless it was told `once` already."""
        if self._fallback in (None, delivery.destination) or delivery.note is not None:
            return
        notice = replace(
            delivery,
            id=DeliveryId(hashlib.sha256(f"notice\n{once}".encode()).hexdigest()[:32]),
            destination=self._fallback,
            state=DeliveryState.PENDING,
            created_at=self._now(),
            due_at=self._now(),
            attempts=0,
            failures=0,
            token=None,
            unsure=False,
            note=f"Instead of {delivery.destination}, which {why}",
        )
        self._ledger.add(notice)

    def _dead(self, delivery: Delivery, reason: str) -> DeliveryOutcome:
        self._ledger.dead(delivery, reason=reason, now=self._now())
        return DeliveryOutcome(DeliveryResult.DEAD, reason, delivery)


def send(notifier: Notifier, alert: Alert, *, thread: str | None = None) -> Receipt:
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
