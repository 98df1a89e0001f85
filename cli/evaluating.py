"""One scan result without history: how `route`, `preview` and `scan` see it."""

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
class Judged:
    """An evaluation and who hears of it."""

    evaluation: Evaluation
    decisions: Decisions


def judge(report: AnyReport, config: Config) -> Judged:
    """Evaluate as a first scan and decide."""
    now = datetime.now(UTC)
    provenance = completed(report.provenance or NOT_ASKED, report.image, config.sources)
    evaluation = evaluate(
        replace(report, provenance=provenance),
        stream=stream_of(report.image, config.stream_patterns),
        version=1,
        now=now,
        rules=rules_of(config),
    )
    return Judged(evaluation, decide(evaluation, config.routes))


def judge_all(reports: Sequence[AnyReport], config: Config) -> list[Judged]:
    """Judge each report. Raises an error for an event that only announces findings."""
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
    """Return a delivery as the pipeline would write it, without a ledger behind it."""
    return new_delivery(decision, evaluation, "local", evaluation.evaluated_at)
