"""Passes events about images from their queues to the flow of images, and syncs their streams."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, NoReturn

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers.batches import BatchAnswer, QueueRecord, process_each
from handlers.records import body_of, failures_logged
from handlers.sync_log import log_syncs
from lib.bootstrap.app import App
from lib.bootstrap.garbage import collected_afterwards
from lib.bootstrap.process import app
from lib.core.causes import FINDING, PUSH, SCAN, SETTINGS
from lib.errors import EventError, OutOfTimeError, StoreError
from lib.flows.fetching import Allowance
from lib.flows.image_outcomes import PROGRESS, ImageOutcome, ImageResult
from lib.flows.moved_tags import MoveOutcome
from lib.models import (
    FindingEvent,
    IgnoredEvent,
    Json,
    PushEvent,
    RemovalEvent,
    RepositoryEvent,
    ScanEvent,
)
from lib.normalizer.events import parse_event
from lib.observability import Metric, logger, metrics
from lib.ports.sources import FETCH_RESERVE

ImageEvent = ScanEvent | PushEvent | RemovalEvent | RepositoryEvent | FindingEvent
_RESULT_METRICS = {
    ImageResult.STORED: Metric.REPORTS_STORED,
    ImageResult.TAGGED: Metric.TAGS_CHANGED,
    ImageResult.STALE: Metric.REPORTS_STALE,
    ImageResult.REPEATED: Metric.EVENTS_REPEATED,
    ImageResult.DEFERRED: Metric.SCANS_DEFERRED,
    ImageResult.IMAGE_DELETED: Metric.IMAGES_DELETED,
    ImageResult.IGNORED: Metric.EVENTS_IGNORED,
    ImageResult.NO_IMAGE: Metric.ARTIFACTS_IGNORED,
    ImageResult.CONTINUED: Metric.SCANS_CONTINUED,
}
SYNC_RESERVE = 20.0
"""Seconds that one sync and its writes may take."""


@collected_afterwards
@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> BatchAnswer:
    """Process a batch of scan events."""
    return process_batch(app(), event, context)


def process_batch(application: App, event: dict[str, Any], context: LambdaContext) -> BatchAnswer:
    """
    Process each record independently. Records with a temporary failure go back to the queue.

    The first record may use all the time. Later records go back if too little time is left.
    """
    seconds_left = partial(_seconds_left, context)
    first = next((record["messageId"] for record in event["Records"]), None)
    return process_each(event, partial(process_record, application, seconds_left, first))


def _seconds_left(context: LambdaContext) -> float:
    return context.get_remaining_time_in_millis() / 1000


def process_record(
    application: App, seconds_left: Callable[[], float], first: str | None, record: QueueRecord
) -> None:
    """
    Process a scan event. `first` is the id of the message that may use all the time.

    Temporary errors are raised, so that the record comes back. An event that can never be processed
    goes to the dead-letter queue immediately, with the reason in its attributes.
    """
    if record.message_id != first and seconds_left() < FETCH_RESERVE:
        _give_back(application, record)
    metrics.add_metric(Metric.EVENTS_RECEIVED, MetricUnit.Count, 1)
    with failures_logged(record, application.stores.returns):
        try:
            _process(application, body_of(record.body), seconds_left)
        except EventError as error:
            application.stores.dead_letters.put(record.body, error)
            metrics.add_metric(Metric.EVENTS_REJECTED, MetricUnit.Count, 1)
            logger.error("event rejected", reason=error.reason, error=str(error))


def _give_back(application: App, record: QueueRecord) -> NoReturn:
    """Return an unprocessed record to the queue. Always raises `OutOfTimeError`."""
    with suppress(StoreError):
        application.stores.returns(record.event_source_arn).at_once(record.receipt_handle)
    logger.info("record returned", message_id=record.message_id, reason="out-of-time")
    raise OutOfTimeError("There is no time left for another record")


def _process(application: App, body: dict[str, Json], seconds_left: Callable[[], float]) -> None:
    event = parse_event(body)
    if isinstance(event, IgnoredEvent):
        metrics.add_metric(Metric.EVENTS_IGNORED, MetricUnit.Count, 1)
        logger.info("event ignored", event=event.event_id, reason=event.reason)
        return
    allowance = Allowance(seconds_left, _progress(body))
    outcome, cause = _outcome(application, event, allowance)
    _record(event, outcome)
    comeback = outcome.comeback(body)
    if comeback is not None and outcome.revisit is not None:
        delay = round(outcome.revisit.total_seconds())
        application.stores.waker.revisit(comeback, delay_seconds=delay)
    outcomes = application.streams.rounds.run(
        outcome.streams, cause, outcome.news, has_time=lambda: seconds_left() > SYNC_RESERVE
    )
    log_syncs(outcomes, cause)


def _progress(body: dict[str, Json]) -> str | None:
    """Return the key of what an earlier invocation fetched for an event; None: nothing."""
    key = body.get(PROGRESS)
    return key if isinstance(key, str) else None


def _outcome(application: App, event: ImageEvent, allowance: Allowance) -> tuple[ImageOutcome, str]:
    """Return the outcome of an event, and its name as the cause of syncs."""
    streams = application.streams
    match event:
        case ScanEvent():
            return streams.images.scanned(event, allowance), SCAN
        case PushEvent():
            _record_move(event, streams.moved_tags.pushed(event))
            return streams.images.pushed(event, allowance), PUSH
        case RemovalEvent():
            return streams.images.removed(event, allowance), event.removal.value
        case FindingEvent():
            return streams.images.finding(event, allowance), FINDING
        case RepositoryEvent():
            return streams.repository_checks.checked(event), SETTINGS


def _record_move(event: PushEvent, outcome: MoveOutcome | None) -> None:
    """Log that a tag moved which should not."""
    if outcome is None:
        return
    metrics.add_metric(Metric.DELIVERIES_CREATED, MetricUnit.Count, len(outcome.messages))
    logger.info(
        "tag moved",
        image=event.image.key,
        event=event.event_id,
        deliveries=dict(outcome.messages),
    )


def _record(event: ImageEvent, outcome: ImageOutcome) -> None:
    metrics.add_metric(_RESULT_METRICS[outcome.result], MetricUnit.Count, 1)
    image = event.report.image if isinstance(event, FindingEvent) else event.image
    if outcome.without_provenance is not None:
        metrics.add_metric(Metric.PROVENANCE_UNREAD, MetricUnit.Count, 1)
        logger.warning("provenance not read", exc_info=outcome.without_provenance, image=image.key)
    if outcome.unknown_checks:
        unknown = outcome.unknown_checks
        metrics.add_metric(Metric.CHECKS_UNKNOWN, MetricUnit.Count, len(unknown))
        logger.warning(
            "checks not known", image=image.key, checks=list(unknown), reason=outcome.reason
        )
    logger.info(
        "event processed",
        image=image.key,
        event=event.event_id,
        result=outcome.result,
        reason=outcome.reason,
        streams=list(outcome.streams),
    )
