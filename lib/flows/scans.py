"""
The flow. Read this first, then `lib.flows.deliveries`, its second half.

    a scan event    -> ScanPipeline      fetch, compare, route, store        -> deliveries to make
    a wake-up       -> DeliveryPipeline  claim, render, send, record         -> a receipt, or a time
    every minute    -> wake_due          rows that are due                   -> wake-ups
    every hour      -> Reconciliation    scans without an event              -> scan events
    every day       -> Audit             all repositories                    -> checks, as events

Nothing in it knows DynamoDB, Slack or Lambda: it speaks to the ports of `lib.ports`. Each call
ends in an outcome that says what happened and why; whoever called logs and counts it.

Long because events, pushes and checks are recorded in one way, by the same methods.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from lib.checks.settings import Expectations, check
from lib.checks.tags import empty_baseline, move_of, next_target, protected_tag, report_of
from lib.core.evaluation import (
    INDEX_WAIT,
    Rules,
    Subject,
    already_evaluated,
    evaluate,
    follows,
    has_place,
    history_entry,
    in_use,
    member_events,
    moved_head,
    never_scanned,
    new_delivery,
    same_problem,
    unheard,
    waits_for_index,
    with_tags,
)
from lib.core.merging import merged
from lib.core.patience import NOT_READY_HORIZON, PARTIAL_HORIZON, never_ready, revisit_delay
from lib.core.provenance import kept
from lib.core.routing import Decisions, decide, stream_of
from lib.errors import (
    ConflictError,
    FindingsNotReadyError,
    ImageGoneError,
    NotAllowedError,
    NotAnImageError,
    OutOfTimeError,
    SourceError,
)
from lib.flows.provenances import traced
from lib.models import (
    AnyReport,
    Baseline,
    Basis,
    BasisKind,
    Commit,
    Delivery,
    Deployments,
    Evaluation,
    ImageIndex,
    ImageState,
    Json,
    PushEvent,
    Report,
    RepositoryEvent,
    Scan,
    ScanEvent,
    ScanSource,
    StreamHead,
    UnusableReport,
    WakeUp,
    Workload,
)
from lib.ports.sources import Fetching, FindingSource, ProvenanceSource, RepositorySource, Workloads
from lib.ports.store import EvaluationStore, Progress, ProgressStore, StateStore, TagStore, Waker

_CONFLICT_TRIES: Final = 8
_CONFLICT_PAUSE: Final = 0.05
"""Seconds, growing with each try: all in all less than two."""


class ScanResult(StrEnum):
    """How a scan event ended."""

    EVALUATED = "evaluated"
    REPEATED = "repeated"
    DEFERRED = "deferred"
    ACKNOWLEDGED = "acknowledged"
    IMAGE_DELETED = "image-deleted"
    IGNORED = "ignored"
    CONTINUED = "continued"


@dataclass(frozen=True, slots=True)
class ScanOutcome:
    """What became of one scan event."""

    result: ScanResult
    reason: str
    evaluation: Evaluation | None = None
    decisions: Decisions | None = None
    deliveries: tuple[Delivery, ...] = ()
    without_provenance: Exception | None = None
    """Why it does not say where the image was made from."""
    without_workloads: Exception | None = None
    """Why it does not say what runs the image."""


PROGRESS: Final = "progress"
"""Where an event that comes back says what was fetched for it: the key of `ProgressStore`."""
_NOTHING_FETCHED: Final = Progress()

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
        reports: EvaluationStore,
        waker: Waker,
        rules: Rules,
        now: Callable[[], datetime],
        pause: Callable[[float], None],
        repositories: RepositorySource,
        tags: TagStore,
        progress: ProgressStore,
        index_wait: timedelta = INDEX_WAIT,
        provenances: ProvenanceSource | None = None,
        workloads: Workloads | None = None,
    ) -> None:
        self._source = source
        self._states = states
        self._reports = reports
        self._waker = waker
        self._rules = rules
        self._now = now
        self._pause = pause
        self._repositories = repositories
        self._tags = tags
        self._progress = progress
        self._index_wait = index_wait
        self._provenances = provenances
        self._workloads = workloads

    def pushed(
        self,
        event: PushEvent,
        raw: Mapping[str, Json],
        *,
        seconds_left: Callable[[], float] = lambda: float("inf"),
    ) -> ScanOutcome:
        """Evaluate an index; another image is announced by its scan. Raises as `process` does."""
        if event.index is False:
            return _NO_INDEX
        scan = Scan(ScanSource.ECR_BASIC, "UNKNOWN")
        index = ScanEvent(event.event_id, event.time, event.image, scan, index=True)
        return self.process(index, raw, seconds_left=seconds_left)

    def moved(self, event: PushEvent, raw: Mapping[str, Json]) -> ScanOutcome | None:
        """
        Tell of a tag that points to another image now; None where there is nothing to tell.

        Told before it is remembered: a failure in between tells it again, and that is known then.
        Raises as `process` does.
        """
        expected = self._rules.repositories
        tag = None if expected is None else protected_tag(event, expected)
        if tag is None:
            return None
        known = self._tags.tag(tag)
        move, outcome = move_of(tag, event, known), None
        if move is not None:
            outcome = self._told(event, raw, report_of(move))
        target = next_target(event, known)
        if target is not None:
            self._tags.point(tag, target)
        return outcome

    def checked(self, event: RepositoryEvent, raw: Mapping[str, Json]) -> ScanOutcome:
        """Evaluate how a repository is set up, unless nobody asked. Raises as `process` does."""
        expected = self._rules.repositories
        if expected is None:
            return ScanOutcome(ScanResult.IGNORED, "alerts.yml has no `repositories`")
        try:
            return self._told(event, raw, self._settings(event, expected))
        except ImageGoneError as error:
            return ScanOutcome(ScanResult.IMAGE_DELETED, str(error))

    def _settings(self, event: RepositoryEvent, expected: Expectations) -> AnyReport:
        now = self._now()
        scan = Scan(ScanSource.REPOSITORY, "CHECKED", completed_at=now)
        try:
            settings = self._repositories.settings(event.image)
        except NotAllowedError as error:
            return UnusableReport(
                event.image, replace(scan, status="ACCESS_DENIED", reason=str(error))
            )
        return Report(event.image, scan, check(settings, expected, now=now))

    def _told(
        self, event: PushEvent | RepositoryEvent, raw: Mapping[str, Json], report: AnyReport
    ) -> ScanOutcome:
        """Evaluate what was found out about a repository, or a tag of it."""
        same = ScanEvent(event.event_id, event.time, report.image, report.scan)
        known = self._states.image(report.image)
        repeated = already_evaluated(same, known, index=False)
        if repeated:
            return ScanOutcome(ScanResult.REPEATED, repeated)
        return self._evaluate(same, raw, Subject(report.image, known), report)

    def process(
        self,
        event: ScanEvent,
        raw: Mapping[str, Json],
        *,
        seconds_left: Callable[[], float] = lambda: float("inf"),
    ) -> ScanOutcome:
        """
        Evaluate what the scanner has for this image, unless that was done already.

        `raw` is the event as it came, in case it has to come back. `seconds_left` says how long
        the function may still run: when there are more findings than can be fetched, the event
        comes back and goes on where this call stopped. Raises `SourceError` and `StoreError`: then
        nothing was decided, and the same event may be processed again.
        """
        try:
            subject = self._subject(event, raw)
            if isinstance(subject, ScanOutcome):
                return subject
            report = self._report(event, subject, self._fetched(raw), seconds_left)
        except (ImageGoneError, NotAnImageError, FindingsNotReadyError) as error:
            return self._without_report(event, raw, error)
        if isinstance(report, Progress):
            return self._continued(raw, report)
        if event.index and never_scanned(report):
            return ScanOutcome(ScanResult.IGNORED, "none of the images in it is scanned")
        said = subject.known.provenance if subject.known else None
        report, unread = traced(report, self._provenances, self._rules.sources, stated=said)
        return replace(self._evaluate(event, raw, subject, report), without_provenance=unread)

    def _without_report(
        self, event: ScanEvent, raw: Mapping[str, Json], error: SourceError
    ) -> ScanOutcome:
        match error:
            case ImageGoneError():
                return ScanOutcome(ScanResult.IMAGE_DELETED, str(error))
            case NotAnImageError():
                return ScanOutcome(ScanResult.IGNORED, str(error))
        return self._later(raw, str(error), revisit_delay(self._now() - event.announced_at))

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
        """Let an event come back; everything is fetched anew then."""
        anew = {name: value for name, value in raw.items() if name != PROGRESS}
        self._waker.revisit(anew, delay_seconds=seconds)
        return ScanOutcome(ScanResult.DEFERRED, reason)

    def _continued(self, raw: Mapping[str, Json], progress: Progress) -> ScanOutcome:
        """Let an event come back at once, with what was fetched for it so far."""
        key = self._progress.put(progress)
        self._waker.revisit({**raw, PROGRESS: key}, delay_seconds=0)
        complete, pages = len(progress.reports), len(progress.pages)
        return ScanOutcome(
            ScanResult.CONTINUED,
            f"out of time: {complete} images are complete, {pages} pages of the next one fetched",
        )

    def _fetched(self, raw: Mapping[str, Json]) -> Progress:
        """Return what was fetched for an event before it came back."""
        key = raw.get(PROGRESS)
        found = self._progress.get(key) if isinstance(key, str) else None
        return found or _NOTHING_FETCHED

    def _report(
        self,
        event: ScanEvent,
        subject: Subject,
        progress: Progress,
        seconds_left: Callable[[], float],
    ) -> AnyReport | Progress:
        """
        Return the result of an image, or that of all images of an index together.

        Returns the progress when the time is over first; it is always more than `progress` was.
        """
        members = (event,) if subject.index is None else member_events(event, subject.index)
        reports = dict(progress.reports)
        fetched_one = False
        for member in members:
            digest = member.image.digest
            if digest in reports:
                continue
            pages = progress.pages if digest == progress.digest else ()
            fetching = Fetching(seconds_left, pages)
            if fetched_one and fetching.is_over:
                return Progress(reports)
            try:
                reports[digest] = self._scanned(member, fetching)
            except OutOfTimeError as error:
                return Progress(reports, digest, error.pages)
            fetched_one = True
        if subject.index is not None:
            return merged(subject.index, [reports[member.image.digest] for member in members])
        report = reports[event.image.digest]
        if subject.known is None and report.image.pushed_at is None:
            # Once for each image: without its age a re-scan of an old one would pass for new.
            return replace(report, image=self._source.describe(report.image))
        return report

    def _scanned(self, event: ScanEvent, fetching: Fetching) -> AnyReport:
        """Return the scan's result; when patience is at its end, whatever there is of it."""
        announced = sum(event.counts.values()) if event.counts is not None else None
        try:
            return self._source.report(
                event.image, event.scan, announced=announced, fetching=fetching
            )
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
        evaluation, unasked = self._with_workloads(evaluation)
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
            provenance=kept(report.provenance, known.provenance if known else None),
        )
        moves = usable and has_place(report.image)
        head = moved_head(known_head, report.image, order, key) if moves else None
        # What is told of an image behind the newest one is no step of its stream.
        apart = report.image.is_repository
        told = head is not None or evaluation.problem is not None or apart
        entry = history_entry(evaluation, key) if told else None
        self._states.commit(
            Commit(report.image, stream, state, known, head, known_head, deliveries, entry)
        )
        self._waker.wake(_wake_up(each) for each in deliveries if each.due_at is not None)
        return ScanOutcome(
            ScanResult.EVALUATED,
            _summary(evaluation, quiet=quiet),
            evaluation,
            decisions,
            deliveries,
            without_workloads=unasked,
        )

    def _with_workloads(self, evaluation: Evaluation) -> tuple[Evaluation, Exception | None]:
        """Return it with what runs the image and the one before, or why that is not known."""
        if self._workloads is None or evaluation.report.image.is_repository:
            return evaluation, None
        report, comparison = evaluation.report, evaluation.comparison
        basis = comparison.basis if comparison is not None else Basis(BasisKind.NONE)
        try:
            now = self._workloads.running(
                report.image, members=[each.digest for each in report.parts]
            )
            before: tuple[Workload, ...] = ()
            if basis.kind is BasisKind.PREVIOUS_IMAGE and basis.image is not None:
                before = self._workloads.running(basis.image)
        except Exception as error:  # noqa: BLE001  # whatever is wrong, the alert goes out
            return evaluation, error
        return in_use(evaluation, Deployments(now, before)), None

    def _before(
        self,
        report: AnyReport,
        order: datetime,
        known: ImageState | None,
        head: StreamHead | None,
    ) -> tuple[BasisKind, Baseline] | None:
        """Return what to compare with: the last usable scan of this image, or the one before."""
        if isinstance(report, UnusableReport):
            return None
        if empty_baseline(report) is not None:
            return empty_baseline(report)
        if known is not None and known.report_key is not None:
            kind, key = BasisKind.RESCAN, known.report_key
        elif head is not None and follows(report.image, order, head):
            kind, key = BasisKind.PREVIOUS_IMAGE, head.report_key
        else:
            return None
        before = self._reports.baseline(key)
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
