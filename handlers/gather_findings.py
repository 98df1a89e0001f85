"""Gathers events about findings: of an image and a window, one goes on, after the window."""

from contextlib import suppress
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers.batches import BatchAnswer, QueueRecord, come_back, records_of
from handlers.records import body_of, failures_logged
from lib.bootstrap.app import App
from lib.bootstrap.garbage import collected_afterwards
from lib.bootstrap.process import app
from lib.errors import EventError, StoreError
from lib.models import FindingEvent, Json
from lib.normalizer.events import parse_event
from lib.observability import Metric, logger, metrics

Gathered = tuple[FindingEvent, dict[str, Json]]


@collected_afterwards
@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> BatchAnswer:  # noqa: ARG001  # fixed by Lambda
    """Gather a batch of events about findings."""
    return process_batch(app(), event)


def process_batch(application: App, event: dict[str, Any]) -> BatchAnswer:
    """
    Queue one event for each image of a batch. All come back where the queue cannot be reached.

    An event that can never be read goes to the dead-letter queue of scan events, with the reason.
    """
    records = records_of(event)
    metrics.add_metric(Metric.EVENTS_RECEIVED, MetricUnit.Count, len(records))
    try:
        gathered = [read for record in records if (read := _read(application, record)) is not None]
        sent = application.stores.finding_queue.put(gathered, now=application.now())
    except StoreError as error:
        return _all_back(application, records, error)
    metrics.add_metric(Metric.FINDING_EVENTS_GATHERED, MetricUnit.Count, len(gathered))
    logger.info("findings gathered", events=len(gathered), images=sent)
    return come_back([])


def _read(application: App, record: QueueRecord) -> Gathered | None:
    """Return the event of a record; None where there is nothing to gather."""
    try:
        body = body_of(record.body)
        event = parse_event(body)
    except EventError as error:
        application.stores.dead_letters.put(record.body, error)
        metrics.add_metric(Metric.EVENTS_REJECTED, MetricUnit.Count, 1)
        logger.error("event rejected", reason=error.reason, error=str(error))
        return None
    if isinstance(event, FindingEvent):
        return event, body
    metrics.add_metric(Metric.EVENTS_IGNORED, MetricUnit.Count, 1)
    logger.info("event ignored", event=event.event_id, reason="not an event about a finding")
    return None


def _all_back(application: App, records: list[QueueRecord], error: StoreError) -> BatchAnswer:
    for record in records:
        with suppress(StoreError), failures_logged(record, application.stores.returns):
            raise error
    return come_back(records)
