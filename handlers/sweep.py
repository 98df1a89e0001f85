"""Every minute: wake the deliveries that are due."""

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lib.bootstrap import App, app
from lib.flows.deliveries import wake_due
from lib.observability import Metric, logger, metrics


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:  # noqa: ARG001  # fixed by Lambda
    """Wake what is due; returns how many."""
    return sweep(app())


def sweep(application: App) -> dict[str, int]:
    """Wake what is due, and count it."""
    woken = wake_due(application.ledger, application.waker, now=application.now())
    metrics.add_metric(Metric.DELIVERIES_WOKEN, MetricUnit.Count, woken)
    logger.info("swept", woken=woken)
    return {"woken": woken}
