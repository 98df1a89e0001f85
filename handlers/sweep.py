"""Every minute: wakes what is due, and notices a changed alerts.yml."""

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lib.bootstrap.app import App
from lib.bootstrap.garbage import collected_afterwards
from lib.bootstrap.process import app
from lib.core.causes import RULES, TIME
from lib.flows.rules import RulesStep, turn_of
from lib.flows.waking import wake_due
from lib.observability import Metric, logger, metrics


@collected_afterwards
@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:  # noqa: ARG001  # fixed by Lambda
    """Wake due deliveries, and return their number."""
    return sweep(app())


def sweep(application: App) -> dict[str, int]:
    """Queue the streams that are due, and wake due notifications. Count both."""
    streams, stores, now = application.streams, application.stores, application.now()
    rules = streams.rules_book.follow(
        lambda record: streams.passes.run(RULES, turn_of(record)).complete
    )
    if rules is RulesStep.OUTDATED:
        metrics.add_metric(Metric.CONFIG_UNREAD, MetricUnit.Count, 1)
        logger.error("configuration not read", reason="a newer alerts.yml is recorded")
    synced = stores.sync_queue.put(stores.streams.take_due(now=now), TIME)
    folded = streams.summaries.run()
    queued = wake_due(stores.notifications, stores.waker, now=now, has_pace=streams.has_pace)
    metrics.add_metric(Metric.DELIVERIES_QUEUED, MetricUnit.Count, queued)
    metrics.add_metric(Metric.DELIVERIES_FOLDED, MetricUnit.Count, folded)
    logger.info("sweep finished", queued=queued, folded=folded, streams=synced, rules=rules)
    if rules is not RulesStep.OUTDATED:
        application.keep_config()
    return {"queued": queued, "streams": synced}
