"""
What one scan event comes to: whether it is news, what it is compared with, what its rows say. Pure.

Only tests of the old texts use what is left.
"""

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from lib.checks.settings import Expectations
from lib.core.changes import compare
from lib.core.problems import problem_of
from lib.core.routing import Decision, Decisions, Route
from lib.core.suppressions import Suppression, matcher
from lib.models import (
    AnyReport,
    Baseline,
    Basis,
    BasisKind,
    ChangeKind,
    Comparison,
    Delivery,
    DeliveryId,
    DeliveryState,
    Deployments,
    Destination,
    Evaluation,
    HistoryEntry,
    Image,
    ImageIndex,
    ImageRecord,
    ImageState,
    Report,
    Scan,
    ScanEvent,
    ScanSource,
    Severity,
    StreamHead,
    StreamId,
    Tally,
    UnusableReport,
)

INDEX_WAIT: Final = timedelta(minutes=2)
"""How long the scan of an untagged image waits for the push of an index that it is part of."""
FIRST_WAKE: Final = timedelta(seconds=90)
"""When the sweep takes over a new delivery whose own wake-up was lost."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What alerts.yml says about who hears of what, and about the images."""

    routes: Sequence[Route]
    streams: Sequence[str] = ()
    suppressions: Sequence[Suppression] = ()
    sources: Sequence[tuple[str, str]] = ()
    """Which images, by a glob of their repository, are made from which repository of code."""
    repositories: Expectations | None = None
    """How repositories should be set up; None: nobody looks."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What an event is about: its own image, or the index that this is part of."""

    image: Image
    known: ImageState | None
    index: ImageIndex | None = None


def evaluate(
    report: AnyReport,
    *,
    stream: StreamId,
    version: int,
    now: datetime,
    rules: Rules,
    before: tuple[BasisKind, Baseline] | None = None,
    repeated_problem: bool = False,
) -> Evaluation:
    """
    Compare a scan result with an earlier one and apply suppressions. Pure.

    A scan that failed in the same way as the last time has neither comparison nor problem.
    """
    evaluation = Evaluation(report, stream, version, now)
    if isinstance(report, UnusableReport):
        return evaluation if repeated_problem else replace(evaluation, problem=problem_of(report))
    return replace(evaluation, comparison=_comparison(report, rules, now, before))


def _comparison(
    report: Report, rules: Rules, now: datetime, before: tuple[BasisKind, Baseline] | None
) -> Comparison:
    basis, old = Basis(BasisKind.NONE), None
    if before is not None:
        kind, old = before
        basis = Basis(kind, old.image, old.scan.completed_at, old.provenance)
    suppress = matcher(rules.suppressions, report.image, now.date())
    return compare(old, report, basis=basis, suppress=suppress, now=now)


def waits_for_index(
    event: ScanEvent, stored: ImageRecord, age: timedelta, patience: timedelta
) -> int:
    """
    Return the seconds for which an event waits: its image may be part of an index yet to come.

    Only untagged images that nobody knows wait, and not for longer than `patience` after the scan.
    """
    if event.image.tags or event.quiet or stored != ImageRecord():
        return 0
    return max(math.ceil((patience - age).total_seconds()), 0)


def member_events(event: ScanEvent, index: ImageIndex) -> list[ScanEvent]:
    """Return what is asked about each member; what the event says holds for its own image alone."""
    events = []
    for image in index.images:
        if image.digest == event.image.digest:
            events.append(replace(event, image=image))
        else:
            scan = Scan(event.scan.source, "UNKNOWN")
            events.append(
                ScanEvent(event.event_id, event.time, image, scan, found_at=event.found_at)
            )
    return events


def with_tags(index: ImageIndex, event: ScanEvent, described: Image) -> ImageIndex:
    """Return an index as its registry describes it; the tag that was pushed comes first."""
    said = event.image.tags if event.index else ()
    tags = sorted(described.tags or said, key=lambda tag: tag not in said)
    return replace(index, image=replace(described, tags=tuple(tags)))


def already_evaluated(event: ScanEvent, known: ImageState | None, *, index: bool) -> str | None:
    """
    Return why an event needs no evaluation; None when it does.

    ECR and Inspector deliver at least once and in any order. Findings are fetched as they are now,
    so whatever an older event stands for was part of a newer event's evaluation; not so where the
    newer one told of a failure.
    """
    if known is None or event.time > known.event_time:
        return None
    if event.event_id == known.event_id:
        return "this event was evaluated before"
    if not known.usable:
        return None
    if event.time < known.event_time:
        return "a newer scan of this image was evaluated before"
    if index or event.scan.source is ScanSource.REPOSITORY:
        # Two images of it: the other one's scan may have ended after this evaluation. And two
        # settings of a repository are changed within the same second.
        return None
    return "another event of the same moment was evaluated before"


def has_place(image: Image) -> bool:
    """
    Say whether an image belongs into a stream.

    An untagged one of unknown platform can be the same release as its neighbour, for another
    processor: the parts of a multi-platform image have no tags of their own. A repository is none.
    """
    return not image.is_repository and (bool(image.tags) or image.platform is not None)


def follows(image: Image, order: datetime, head: StreamHead) -> bool:
    """Say whether an image comes after the newest one of its stream, and so is compared with it."""
    return has_place(image) and head.image_key != image.key and head.order <= order


def same_problem(report: AnyReport, known: ImageState | None) -> bool:
    """Say whether a scan failed in the way that was told before."""
    return (
        isinstance(report, UnusableReport)
        and known is not None
        and known.status == report.scan.status
    )


def never_scanned(report: AnyReport) -> bool:
    """Say whether no image of an index has a scan, as where scanning is turned off."""
    return bool(report.parts) and all(each.status == "SCAN_NOT_FOUND" for each in report.parts)


def moved_head(
    head: StreamHead | None, image: Image, order: datetime, key: str
) -> StreamHead | None:
    """Return the new head: moved forward in time, or refreshed by a re-scan of its own image."""
    if head is None:
        return StreamHead(1, image.key, order, key)
    if head.image_key == image.key:
        return replace(head, version=head.version + 1, report_key=key)
    if order < head.order:
        return None
    return StreamHead(head.version + 1, image.key, order, key)


def unheard(decisions: Decisions) -> Decisions:
    """Return what the routes said of an evaluation that only sets a baseline: nobody is told."""
    return replace(decisions, deliveries=())


def new_delivery(decision: Decision, evaluation: Evaluation, key: str, now: datetime) -> Delivery:
    """Return the row that a decision becomes; a suppressed one is final from the start."""
    is_open = decision.state is DeliveryState.PENDING
    return Delivery(
        id=delivery_id(decision.destination, evaluation, key),
        destination=decision.destination,
        filters=decision.filters,
        image_key=evaluation.report.image.key,
        stream=evaluation.stream,
        evaluation_key=key,
        state=decision.state,
        created_at=now,
        due_at=now + FIRST_WAKE if is_open else None,
        reason=None if is_open else decision.reason,
    )


def in_use(evaluation: Evaluation, running: Deployments) -> Evaluation:
    """
    Return it with what runs its image, and by how many tasks where the source counts none.

    Found by none it may still be in use: by what is not asked here, such as Kubernetes.
    """
    report = evaluation.report
    image = report.image
    if image.in_use_count is None:
        tasks = sum(each.tasks for each in running.image)
        image = replace(image, in_use_count=tasks or None)
    return replace(evaluation, report=replace(report, image=image), running=running)


def history_entry(evaluation: Evaluation, key: str) -> HistoryEntry:
    """Return what the history of its stream keeps of an evaluation stored under `key`."""
    comparison = evaluation.comparison
    changes = comparison.changes if comparison is not None else ()
    new: Counter[Severity] = Counter()
    resolved: Counter[Severity] = Counter()
    kinds: defaultdict[Severity, Counter[tuple[bool, bool]]] = defaultdict(Counter)
    for change in changes:
        finding = change.finding
        if change.kind is ChangeKind.RESOLVED:
            resolved[finding.severity] += 1
            continue
        if change.kind in (ChangeKind.NEW, ChangeKind.BASELINE):
            new[finding.severity] += 1
        kinds[finding.severity][finding.fixable, finding.exploitable] += 1
    return HistoryEntry(
        at=evaluation.evaluated_at,
        image=evaluation.report.image,
        version=evaluation.version,
        usable=isinstance(evaluation.report, Report),
        open={severity: _tally(numbers) for severity, numbers in kinds.items()},
        new=dict(new),
        resolved=dict(resolved),
        suppressed=len(comparison.suppressed) if comparison is not None else 0,
        report_key=key,
    )


def _tally(numbers: Counter[tuple[bool, bool]]) -> Tally:
    both = numbers[True, True]
    return Tally(numbers.total(), both + numbers[True, False], both + numbers[False, True], both)


def delivery_id(destination: Destination, evaluation: Evaluation, key: str) -> DeliveryId:
    """Return the same id for the same destination, image, evaluation and content, on every try."""
    kind = evaluation.problem.kind if evaluation.problem else "findings"
    subject = (destination, evaluation.report.image.key, str(evaluation.version), key, kind)
    return DeliveryId(hashlib.sha256("\n".join(subject).encode()).hexdigest()[:32])
