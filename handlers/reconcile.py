"""Every hour: finds what no event said, and once a day has every stream synced."""

from typing import Any, Final

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lib.bootstrap.app import App
from lib.bootstrap.garbage import collected_afterwards
from lib.bootstrap.process import app
from lib.core.causes import DAILY, RUNNING
from lib.errors import SourceError
from lib.flows.passes import PassResult
from lib.observability import Metric, logger, metrics

RESERVE: Final = 90_000
"""Milliseconds before the end in which nothing is begun: the retries of a call take a minute."""


@collected_afterwards
@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001  # fixed by Lambda
    """Run the passes for as long as there is time. The next run goes on where they stopped."""
    return reconcile(app(), context)


def reconcile(application: App, context: LambdaContext) -> dict[str, Any]:
    """Run the daily pass over streams, then the hourly one over images; log and count both."""

    def has_time() -> bool:
        return context.get_remaining_time_in_millis() > RESERVE

    daily = application.streams.passes.daily(has_time=has_time)
    if daily.queued:
        logger.info("streams queued", cause=DAILY, streams=daily.queued, complete=daily.complete)
    _note_what_runs(application)
    scope = application.streams.reconcile_scope
    return _record(application.streams.image_pass().run(scope, has_time=has_time))


def _note_what_runs(application: App) -> None:
    """Keep which images run, where a service is asked for it; without an answer nothing changes."""
    running = application.streams.running_pass
    if running is None:
        return
    try:
        streams = running.run()
    except SourceError as error:
        metrics.add_metric(Metric.WORKLOADS_UNREAD, MetricUnit.Count, 1)
        logger.warning("workloads not read", exc_info=error)
        return
    queued = application.stores.sync_queue.put(streams, RUNNING)
    if queued:
        logger.info("streams queued", cause=RUNNING, streams=queued)


def _record(result: PassResult) -> dict[str, Any]:
    metrics.add_metric(Metric.SCANS_RECOVERED, MetricUnit.Count, len(result.to_fetch))
    metrics.add_metric(Metric.REPOSITORIES_UNREAD, MetricUnit.Count, len(result.unread))
    without_coverage = int(result.without_coverage is not None)
    metrics.add_metric(Metric.COVERAGE_UNREAD, MetricUnit.Count, without_coverage)
    for image, reason in result.to_fetch:
        logger.info("missed scan queued", image=image.key, reason=reason)
    for name, reason in result.unread.items():
        logger.warning("repository not read", repository=name, reason=reason)
    if result.without_coverage is not None:
        logger.warning("coverage not read", reason=result.without_coverage)
    totals: dict[str, Any] = {
        "repositories": result.repositories,
        "images": result.images,
        "asked": result.asked,
        "recovered": len(result.to_fetch),
        "streams": len(result.streams),
        "unread_repositories": len(result.unread),
        "stop_reason": result.stop_reason,
    }
    logger.info("reconciliation finished", **totals)
    return totals
