"""Every hour: finds scans whose events never arrived, and queues them."""

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lib.bootstrap.app import App
from lib.bootstrap.process import app
from lib.flows.reconciliation import PassResult, Watch
from lib.observability import Metric, logger, metrics


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001  # fixed by Lambda
    """Run a pass for as long as there is time. The next run continues from its bookmark."""
    return reconcile(app(), context)


def reconcile(application: App, context: LambdaContext) -> dict[str, Any]:
    """Run a pass; log and count its results."""
    watch = Watch(seconds_left=lambda: context.get_remaining_time_in_millis() / 1000)
    return _record(application.reconciliation().run(application.reconcile_scope, watch))


def _record(result: PassResult) -> dict[str, Any]:
    recovered = len(result.missed) - result.baselines
    metrics.add_metric(Metric.SCANS_RECOVERED, MetricUnit.Count, recovered)
    metrics.add_metric(Metric.BASELINES_QUEUED, MetricUnit.Count, result.baselines)
    metrics.add_metric(
        Metric.REPOSITORIES_UNREAD, MetricUnit.Count, len(result.unread_repositories)
    )
    for missed_scan in result.missed:
        logger.info(
            "missed scan queued", image=missed_scan.event.image.key, reason=missed_scan.reason
        )
    for repository, reason in result.unread_repositories.items():
        logger.warning("repository not read", repository=repository, reason=reason)
    totals: dict[str, Any] = {
        "images": result.images,
        "recovered": recovered,
        "baselines": result.baselines,
        "pending": result.pending,
        "deleted": result.deleted,
        "unread_repositories": len(result.unread_repositories),
        "stop_reason": result.stop_reason,
    }
    logger.info("reconciliation finished", **totals)
    return totals
