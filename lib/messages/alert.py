"""The alert of a delivery: what of an evaluation its filters let through, in numbers. Pure."""

from types import MappingProxyType

from lib.core.routing import selection
from lib.core.upgrades import upgrades
from lib.messages.checks import is_check
from lib.messages.verdict import basis_of, verdict_of, with_note
from lib.models import (
    Alert,
    Change,
    ChangeKind,
    Delivery,
    Evaluation,
    Omission,
    Page,
    Report,
)
from lib.urls.console import console_url


def alert(evaluation: Evaluation, delivery: Delivery, *, page: Page | None = None) -> Alert:
    """
    Return the alert of a destination about an evaluation. `page`: its report page.

    Its numbers add up as `Alert` says, whatever the filters of the delivery leave out.
    """
    report = evaluation.report
    chosen = selection(evaluation, delivery.filters)
    listed = sorted(
        (change for change in chosen.changes if not _resolved(change)), key=_worst_first
    )
    resolved = sorted((change for change in chosen.changes if _resolved(change)), key=_worst_first)
    standing = sorted(chosen.standing, key=_worst_first)
    return Alert(
        delivery_id=delivery.id,
        destination=delivery.destination,
        routes=tuple(dict.fromkeys(filter_.route for filter_ in delivery.filters)),
        image=report.image,
        scan=report.scan,
        stream=evaluation.stream,
        basis=basis_of(evaluation),
        verdict=with_note(delivery, verdict_of(evaluation, listed, resolved, delivery.filters)),
        worst=max((change.finding.severity for change in listed), default=None),
        counts=report.counts if isinstance(report, Report) else MappingProxyType({}),
        total=len(report.findings) if isinstance(report, Report) else 0,
        changes=(*listed, *resolved),
        unchanged=chosen.unchanged,
        standing=tuple(standing),
        left_out=tuple(sorted(chosen.left_out, key=_most_first)),
        # An upgrade also removes what was there before and is not listed again.
        upgrades=() if is_check(report) else upgrades(change.finding for change in standing),
        console_url=console_url(report.image) or "",
        problem=evaluation.problem,
        parts=report.parts,
        provenance=report.provenance,
        running=evaluation.running,
        evaluated_at=evaluation.evaluated_at,
        report_url=page.url if page is not None else None,
        page_key=page.key if page is not None else None,
        attempt=max(delivery.attempts, 1),
        possible_repeat=delivery.unsure,
        outdated=delivery.told_at is not None and evaluation.evaluated_at < delivery.told_at,
    )


def _resolved(change: Change) -> bool:
    return change.kind is ChangeKind.RESOLVED


def _most_first(left_out: Omission) -> tuple[int, str]:
    return (-left_out.count, left_out.reason)


def _worst_first(change: Change) -> tuple[object, ...]:
    """Order by severity, then by what is likelier to hurt, then by name so that it is stable."""
    finding = change.finding
    return (
        -finding.severity,
        not finding.exploitable,
        -(finding.epss or 0.0),
        -(finding.score.value if finding.score else 0.0),
        finding.id,
    )
