"""Queues checks of all repositories: daily, and after a change of the registry's scan rules."""

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lib.bootstrap.app import App
from lib.bootstrap.garbage import collected_afterwards
from lib.bootstrap.process import app
from lib.observability import Metric, logger, metrics


@collected_afterwards
@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001  # fixed by Lambda
    """Put a check of each repository on the queue of scan events."""
    return audit_repositories(app())


def audit_repositories(application: App) -> dict[str, Any]:
    """Queue the checks if alerts.yml asks for them."""
    if application.config.repositories is None:
        logger.info("audit skipped", reason="alerts.yml has no `repositories`")
        return {"queued": 0}
    queued = application.audit.run()
    if queued.without_templates is not None:
        metrics.add_metric(Metric.CHECKS_UNKNOWN, MetricUnit.Count, 1)
        logger.warning("creation templates not checked", reason=queued.without_templates)
    logger.info("checks queued", repositories=queued.checks)
    return {"queued": queued.checks}
