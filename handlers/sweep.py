"""Every minute: wakes the deliveries that are due."""

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lib.bootstrap.app import App
from lib.bootstrap.process import app
from lib.flows.deliveries import wake_due
from lib.observability import Metric, logger, metrics


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:  # noqa: ARG001  # fixed by Lambda
    """Wake due deliveries, and return their number."""
    return sweep(app())


def sweep(application: App) -> dict[str, int]:
    """Wake due deliveries, and count them."""
    queued = wake_due(application.ledger, application.waker, now=application.now())
    metrics.add_metric(Metric.DELIVERIES_QUEUED, MetricUnit.Count, queued)
    logger.info("sweep finished", queued=queued)
    return {"queued": queued}
