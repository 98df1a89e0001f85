"""The page of one evaluation."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from lib.messages.alert import alert as build_alert
from lib.messages.inventory import outcome
from lib.messages.text import text_of
from lib.models import (
    Alert,
    Change,
    ChangeKind,
    Comparison,
    Counts,
    Delivery,
    DeliveryId,
    DeliveryState,
    Destination,
    Evaluation,
    Filter,
    Finding,
    HistoryEntry,
    Report,
    ScanProblem,
    Severity,
    Suppressed,
)
from lib.models.streams import HistoryPoint
from lib.page import sections
from lib.page.document import Sheet, page
from lib.page.findings import Row

_ALL: Final = Filter("report", Severity.UNKNOWN, unknown_severity=True)


def render_evaluation(
    evaluation: Evaluation, history: Sequence[HistoryEntry], *, now: datetime
) -> str:
    """
    Return the page of an evaluation as HTML.

    `history`: what was evaluated in its stream so far, oldest first. Every finding is in it,
    whatever the routes let through.
    """
    alert = whole(evaluation, now)
    text = text_of(alert, rows=sections.MOST)
    usable = isinstance(evaluation.report, Report)
    return page(
        Sheet(
            text,
            evaluation.evaluated_at,
            alert.stream,
            alert.counts,
            rows(evaluation),
            [_point(entry) for entry in history],
            noun=("finding", "findings"),
            has_result=usable and text.problem is None,
            has_table=usable,
        ),
        now=now,
    )


def _point(entry: HistoryEntry) -> HistoryPoint:
    counts: Counts = {
        severity: entry.open[severity].total
        for severity in reversed(Severity)
        if severity in entry.open
    }
    return HistoryPoint(
        entry.version, entry.at, entry.image, entry.usable, counts, entry.new, entry.resolved
    )


def whole(evaluation: Evaluation, now: datetime) -> Alert:
    """
    Return the alert of a destination that asks for everything.

    A scan that failed as the one before it asks for no message; on its page it is a problem.
    """
    delivery = Delivery(
        id=DeliveryId("report"),
        destination=Destination("report"),
        filters=(_ALL,),
        image_key=evaluation.report.image.key,
        stream=evaluation.stream,
        evaluation_key="",
        state=DeliveryState.PENDING,
        created_at=now,
        due_at=None,
    )
    alert, report = build_alert(evaluation, delivery), evaluation.report
    if isinstance(report, Report) or alert.problem is not None:
        return alert
    scan = report.scan
    reason = scan.reason or scan.status
    return replace(alert, problem=ScanProblem(ChangeKind.NOT_SCANNED, scan.status, reason, ""))


def rows(evaluation: Evaluation) -> list[Row]:
    """Return every finding of a report once, in its order; none of an unusable one."""
    report, comparison = evaluation.report, evaluation.comparison
    if not isinstance(report, Report):
        return []
    changes: dict[int, Change] = {}
    suppressed: dict[int, Suppressed] = {}
    if comparison is not None:
        changes = {id(change.finding): change for change in comparison.changes}
        suppressed = {id(entry.finding): entry for entry in comparison.suppressed}
    since = _since(comparison, len(report.findings))
    return [
        Row(
            finding.vulnerability_id,
            finding.aliases,
            finding.severity,
            (finding,),
            *outcome(finding, changes.get(id(finding)), suppressed.get(id(finding))),
            _oldest(first, finding),
        )
        for finding, first in zip(report.findings, since, strict=True)
    ]


def _since(comparison: Comparison | None, count: int) -> Sequence[datetime | None]:
    if comparison is None or len(comparison.since) != count:
        return [None] * count
    return comparison.since


def _oldest(first: datetime | None, finding: Finding) -> datetime | None:
    moments = (first, finding.first_observed_at)
    return min((moment for moment in moments if moment), default=None)
