"""Evaluations of one scan without history, for `route`, `preview` and `scan`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from cli.terminal import working
from lib.bootstrap.app import rules_of
from lib.config.model import Config
from lib.core.evaluation import evaluate, new_delivery
from lib.core.provenance import NOT_ASKED, completed
from lib.core.routing import Decision, Decisions, decide, stream_of
from lib.errors import DocumentError
from lib.models import AnyReport, Delivery, Evaluation, UnusableReport


@dataclass(frozen=True, slots=True)
class RoutedEvaluation:
    """An evaluation and the decisions of the routes about it."""

    evaluation: Evaluation
    decisions: Decisions


def judge(report: AnyReport, config: Config) -> RoutedEvaluation:
    """Evaluate a report as a first scan, and route it."""
    now = datetime.now(UTC)
    provenance = completed(report.provenance or NOT_ASKED, report.image, config.sources)
    evaluation = evaluate(
        replace(report, provenance=provenance),
        stream=stream_of(report.image, config.stream_patterns),
        version=1,
        now=now,
        rules=rules_of(config),
    )
    return RoutedEvaluation(evaluation, decide(evaluation, config.routes))


def judge_all(reports: Sequence[AnyReport], config: Config) -> list[RoutedEvaluation]:
    """Evaluate each report. Raises an error for an event that only announces findings."""
    judged = []
    with working("evaluating", total=len(reports)) as advance:
        for report in reports:
            judged.append(judge(require_findings(report), config))
            advance()
    return judged


def require_findings(report: AnyReport) -> AnyReport:
    """Refuse a scan event that only announces findings."""
    announced = isinstance(report, UnusableReport) and report.scan.status in (
        "COMPLETE",
        "INITIAL_SCAN_COMPLETE",
    )
    if announced:
        raise DocumentError(
            f"{report.image.name}: the event carries no findings; add --fetch to get them from ECR"
        )
    return report


def delivery_of(decision: Decision, evaluation: Evaluation) -> Delivery:
    """Return the delivery that the pipeline would write, without a row in the ledger."""
    return new_delivery(decision, evaluation, "local", evaluation.evaluated_at)
