"""Every hour: make the digests that are due."""

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lib.bootstrap import App, app
from lib.observability import Metric, logger, metrics


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001  # fixed by Lambda
    """Make what alerts.yml asks for at this time; what is made is sent by deliver."""
    return send_digests(app())


def send_digests(application: App) -> dict[str, Any]:
    """Make what is due, and log and count it."""
    schedule = application.config.digest
    if schedule is None:
        logger.info("no digest", reason="alerts.yml asks for none")
        metrics.add_metric(Metric.DIGESTS_MADE, MetricUnit.Count, 0)
        return {"made": 0}
    made = application.digest_pipeline.run(schedule)
    metrics.add_metric(Metric.DIGESTS_MADE, MetricUnit.Count, len(made.digests))
    for each in made.digests:
        logger.info(
            "digest made",
            delivery=each.delivery_id,
            destination=each.destination,
            images=each.images,
            open=each.total,
            unscanned=len(each.unscanned),
            warnings=each.warnings,
        )
    if not made.digests:
        logger.info("no digest", reason=made.reason)
    return {"made": len(made.digests)}
