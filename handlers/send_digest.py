"""Every hour: creates the digests that are due."""

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lib.bootstrap.app import App
from lib.bootstrap.garbage import collected_afterwards
from lib.bootstrap.process import app
from lib.observability import Metric, logger, metrics

DIGEST_RESERVE = 120.0
"""Seconds in which the digests of 5,000 streams are made, stored and queued."""


@collected_afterwards
@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001  # fixed by Lambda
    """Create the digests that are due. The function `deliver` sends them."""
    return send_digests(app(), context)


def send_digests(application: App, context: LambdaContext) -> dict[str, Any]:
    """
    Create the digests that are due, for as long as there is time. Log and count them.

    A destination that was added gets a summary of its own.
    """

    def has_time() -> bool:
        return context.get_remaining_time_in_millis() / 1000 > DIGEST_RESERVE

    welcomes = application.streams.welcomes.run()
    for summary in welcomes:
        logger.info(
            "summary created", delivery=summary.delivery_id, destination=summary.destination
        )
    schedule = application.config.digest
    if schedule is None:
        logger.info("digest skipped", reason="alerts.yml asks for none")
        metrics.add_metric(Metric.DIGESTS_CREATED, MetricUnit.Count, 0)
        return {"created": 0, "summaries": len(welcomes)}
    run = application.streams.digests.run(schedule, has_time=has_time)
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
    return {"created": len(run.digests), "summaries": len(welcomes)}
