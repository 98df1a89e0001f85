"""Every minute: wakes what is due, and notices a changed alerts.yml."""

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lib.bootstrap.app import App
from lib.bootstrap.process import app
from lib.flows.stream_passes import RULES
from lib.flows.waking import wake_due
from lib.observability import Metric, logger, metrics


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:  # noqa: ARG001  # fixed by Lambda
    """Wake due deliveries, and return their number."""
    return sweep(app())


def sweep(application: App) -> dict[str, int]:
    """Queue the streams that are due, and wake due notifications. Count both."""
    streams, now = application.streams, application.now()
    deployed = streams.rules_book.deployed(
        lambda record: streams.passes.run(RULES, record.hash).complete
    )
    synced = streams.sync_queue.put(streams.stream_store.take_due(now=now), "time")
    folded = streams.summaries.run()
    queued = wake_due(
        streams.notification_store, application.waker, now=now, has_pace=streams.has_pace
    )
    metrics.add_metric(Metric.DELIVERIES_QUEUED, MetricUnit.Count, queued)
    metrics.add_metric(Metric.DELIVERIES_FOLDED, MetricUnit.Count, folded)
    logger.info(
        "sweep finished", queued=queued, folded=folded, streams=synced, rules_deployed=deployed
    )
    return {"queued": queued, "streams": synced}
