"""The log lines and metrics of syncs."""

from collections.abc import Iterable
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit

from lib.core.notification_rows import Step
from lib.flows.rounds import SyncFailure, first_error
from lib.flows.syncs import SyncOutcome
from lib.observability import Metric, logger, metrics


def log_syncs(outcomes: Iterable[SyncOutcome | SyncFailure], cause: str) -> None:
    """Log and count each sync as it is made. Raises the error of one that failed, at the end."""
    failures = []
    for outcome in outcomes:
        if isinstance(outcome, SyncFailure):
            failures.append(outcome)
            logger.warning("stream not synced", stream=outcome.stream, error=str(outcome.error))
        else:
            _log_sync(outcome, cause)
    metrics.add_metric(Metric.STREAMS_FAILED, MetricUnit.Count, len(failures))
    error = first_error(failures)
    if error is not None:
        raise error


def _log_sync(outcome: SyncOutcome, cause: str) -> None:
    steps = {view.step.view.destination: view.step for view in outcome.views}
    opened = {
        name: step.row.id
        for name, step in steps.items()
        if step.row is not None and step.step in (Step.OPENED, Step.REPLACED)
    }
    metrics.add_metric(Metric.STREAMS_SYNCED, MetricUnit.Count, 1)
    metrics.add_metric(Metric.DELIVERIES_CREATED, MetricUnit.Count, len(opened))
    if not (outcome.advanced or steps or outcome.stale or outcome.concerned):
        # Most syncs of a daily pass: thousands of lines that say nothing.
        logger.debug("stream synced", stream=outcome.stream, cause=cause)
        return
    details: dict[str, Any] = {
        "state": outcome.state.version if outcome.state is not None else None,
        "current": outcome.watch.current.key if outcome.watch.current is not None else None,
        "current_because": outcome.watch.reason,
        "running": len(outcome.watch.running),
        "views": {name: f"{step.step.value}: {step.reason}" for name, step in steps.items()},
        "deliveries": opened,
        "stale": [image.key for image in outcome.stale],
        "concerned": list(outcome.concerned),
    }
    given = {name: value for name, value in details.items() if value}
    logger.info("stream synced", stream=outcome.stream, cause=cause, **given)
