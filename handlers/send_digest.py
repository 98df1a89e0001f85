"""Every hour: create the digests that are due."""

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lib.bootstrap import App, app
from lib.observability import Metric, logger, metrics


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001  # fixed by Lambda
    """Create the digests that are due. The function `deliver` sends them."""
    return send_digests(app())


def send_digests(application: App) -> dict[str, Any]:
    """Create the digests that are due. Log and count them."""
    schedule = application.config.digest
    if schedule is None:
        logger.info("digest skipped", reason="alerts.yml asks for none")
        metrics.add_metric(Metric.DIGESTS_CREATED, MetricUnit.Count, 0)
        return {"created": 0}
    made = application.digest_pipeline.run(schedule)
    metrics.add_metric(Metric.DIGESTS_CREATED, MetricUnit.Count, len(made.digests))
    for each in made.digests:
        logger.info(
            "digest created",
            delivery=each.delivery_id,
            destination=each.destination,
            images=each.images,
            open=each.total,
            unscanned=len(each.unscanned),
            warnings=each.warnings,
        )
    if not made.digests:
        logger.info("digest skipped", reason=made.reason)
    return {"created": len(made.digests)}
