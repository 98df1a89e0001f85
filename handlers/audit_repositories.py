"""Queues checks of all repositories: daily, and after a change of the registry's scan rules."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from lib.bootstrap.app import App
from lib.bootstrap.process import app
from lib.observability import logger


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001  # fixed by Lambda
    """Put a check of each repository on the queue of scan events."""
    return audit_repositories(app())


def audit_repositories(application: App) -> dict[str, Any]:
    """Queue the checks if alerts.yml asks for them."""
    if application.config.repositories is None:
        logger.info("audit skipped", reason="alerts.yml has no `repositories`")
        return {"queued": 0}
    queued = application.audit.run()
    logger.info("checks queued", repositories=queued)
    return {"queued": queued}
