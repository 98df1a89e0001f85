"""Passes scan events from the queue to the scan pipeline."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, NoReturn

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers.records import body_of, failures_logged
from lib.bootstrap.app import App
from lib.bootstrap.process import app
from lib.errors import EventError, OutOfTimeError, StoreError
from lib.flows.scans import ScanOutcome, ScanResult
from lib.models import (
    DeliveryState,
    FindingEvent,
    IgnoredEvent,
    Json,
    PushEvent,
    RemovalEvent,
    Report,
    RepositoryEvent,
    ScanEvent,
)
from lib.normalizer.events import parse_event
from lib.observability import Metric, logger, metrics
from lib.ports.sources import FETCH_RESERVE

_RESULT_METRICS = {
    ScanResult.EVALUATED: Metric.SCANS_EVALUATED,
    ScanResult.REPEATED: Metric.EVENTS_REPEATED,
    ScanResult.DEFERRED: Metric.SCANS_DEFERRED,
    ScanResult.ACKNOWLEDGED: Metric.PUSHES_ACKNOWLEDGED,
    ScanResult.IMAGE_DELETED: Metric.IMAGES_DELETED,
    ScanResult.IGNORED: Metric.EVENTS_IGNORED,
    ScanResult.CONTINUED: Metric.SCANS_CONTINUED,
}


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Process a batch of scan events."""
    return process_batch(app(), event, context)


def process_batch(
    application: App, event: dict[str, Any], context: LambdaContext
) -> PartialItemFailureResponse:
    """
    Process each record independently. Records with a temporary failure go back to the queue.

    The first record may use all the time. Later records go back if too little time is left.
    """
    seconds_left = partial(_seconds_left, context)
    first = next((record["messageId"] for record in event["Records"]), None)
    return process_partial_response(
        event=event,
        record_handler=partial(process_record, application, seconds_left, first),
        processor=BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False),
        context=context,
    )


def _seconds_left(context: LambdaContext) -> float:
    return context.get_remaining_time_in_millis() / 1000


def process_record(
    application: App, seconds_left: Callable[[], float], first: str | None, record: SQSRecord
) -> None:
    """
    Process a scan event. `first` is the id of the message that may use all the time.

    Temporary errors are raised, so that the record comes back. An event that can never be processed
    goes to the dead-letter queue immediately, with the reason in its attributes.
    """
    if record.message_id != first and seconds_left() < FETCH_RESERVE:
        _give_back(application, record)
    metrics.add_metric(Metric.EVENTS_RECEIVED, MetricUnit.Count, 1)
    with failures_logged(record, lambda: application.scan_returns):
        try:
            _process(application, body_of(record.body), seconds_left)
        except EventError as error:
            application.dead_letters.put(record.body, error)
            metrics.add_metric(Metric.EVENTS_REJECTED, MetricUnit.Count, 1)
            logger.error("event rejected", reason=error.reason, error=str(error))


def _give_back(application: App, record: SQSRecord) -> NoReturn:
    """Return an unprocessed record to the queue. Always raises `OutOfTimeError`."""
    with suppress(StoreError):
        application.scan_returns.at_once(record.receipt_handle)
    logger.info("record returned", message_id=record.message_id, reason="out-of-time")
    raise OutOfTimeError("There is no time left for another record")


def _process(application: App, body: dict[str, Json], seconds_left: Callable[[], float]) -> None:
    match parse_event(body):
        case ScanEvent() as event:
            _record(event, application.scans.process(event, body, seconds_left=seconds_left))
        case PushEvent() as event:
            moved = application.scans.moved(event, body)
            if moved is not None:
                _record(event, moved)
            _record(event, application.scans.pushed(event, body, seconds_left=seconds_left))
        case RepositoryEvent() as event:
            _record(event, application.scans.checked(event, body))
        case FindingEvent(event_id=event_id, report=report):
            metrics.add_metric(Metric.FINDING_EVENTS_ACKNOWLEDGED, MetricUnit.Count, 1)
            logger.info("finding event acknowledged", event=event_id, image=report.image.key)
        case RemovalEvent(event_id=event_id, removal=removal):
            metrics.add_metric(Metric.EVENTS_IGNORED, MetricUnit.Count, 1)
            logger.info("event ignored", event=event_id, reason=f"an image was {removal.value}")
        case IgnoredEvent(event_id=event_id, reason=reason):
            metrics.add_metric(Metric.EVENTS_IGNORED, MetricUnit.Count, 1)
            logger.info("event ignored", event=event_id, reason=reason)


def _record(event: ScanEvent | PushEvent | RepositoryEvent, outcome: ScanOutcome) -> None:
    metrics.add_metric(_RESULT_METRICS[outcome.result], MetricUnit.Count, 1)
    image = event.image
    details: dict[str, Any] = {}
    if outcome.evaluation is not None:
        report = outcome.evaluation.report
        if report.image.digest and report.image.key != image.key:
            # The event was about one image of an index, and the index was evaluated.
            details["part"] = image.digest
            image = report.image
        details["status"] = report.scan.status
        details["version"] = outcome.evaluation.version
        if isinstance(report, Report):
            details["findings"] = {
                severity.name: count for severity, count in report.counts.items() if count
            }
            metrics.add_metric(Metric.FINDINGS_LISTED, MetricUnit.Count, len(report.findings))
        else:
            metrics.add_metric(Metric.SCANS_UNUSABLE, MetricUnit.Count, 1)
        if report.scan.warnings:
            details["warnings"] = report.scan.warnings
    if outcome.without_provenance is not None:
        metrics.add_metric(Metric.PROVENANCE_UNREAD, MetricUnit.Count, 1)
        logger.warning("provenance not read", exc_info=outcome.without_provenance, image=image.key)
    if outcome.without_workloads is not None:
        metrics.add_metric(Metric.WORKLOADS_UNREAD, MetricUnit.Count, 1)
        logger.warning("workloads not read", exc_info=outcome.without_workloads, image=image.key)
    if outcome.decisions is not None:
        details["routes"] = {route.route: route.reason for route in outcome.decisions.outcomes}
        _count_deliveries(outcome)
    if outcome.deliveries:
        details["deliveries"] = {
            delivery.destination: delivery.id for delivery in outcome.deliveries
        }
    logger.info(
        "scan event processed",
        image=image.key,
        event=event.event_id,
        result=outcome.result,
        reason=outcome.reason,
        **details,
    )


def _count_deliveries(outcome: ScanOutcome) -> None:
    final = sum(delivery.state is DeliveryState.SUPPRESSED for delivery in outcome.deliveries)
    if final:
        metrics.add_metric(Metric.DELIVERIES_SUPPRESSED, MetricUnit.Count, final)
    metrics.add_metric(Metric.DELIVERIES_CREATED, MetricUnit.Count, len(outcome.deliveries) - final)
