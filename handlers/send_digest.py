"""Every hour: creates the digests that are due."""

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lib.bootstrap.app import App
from lib.bootstrap.process import app
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
    run = application.digest_flow.run(schedule)
    metrics.add_metric(Metric.DIGESTS_CREATED, MetricUnit.Count, len(run.digests))
    for digest in run.digests:
        logger.info(
            "digest created",
            delivery=digest.delivery_id,
            destination=digest.destination,
            images=digest.images,
            open=digest.total,
            unscanned=len(digest.unscanned),
            warnings=digest.warnings,
        )
    if not run.digests:
        logger.info("digest skipped", reason=run.reason)
    return {"created": len(run.digests)}
