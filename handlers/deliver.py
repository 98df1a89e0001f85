"""Passes wake-ups from the deliveries queue to the flow of notifications."""

from collections import Counter, defaultdict
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers.batches import BatchAnswer, ComeBackError, QueueRecord, process_each
from handlers.records import body_of, failures_logged
from lib.bootstrap.app import App
from lib.bootstrap.garbage import collected_afterwards
from lib.bootstrap.process import app
from lib.core.alert_time import time_to_alert
from lib.core.attempts import wake_up_of
from lib.errors import EventError, ScanAlertError, StoreError
from lib.flows import destination_test
from lib.flows.attempt import NotificationOutcome, NotificationResult
from lib.models import DeliveryId, Destination, Json, WakeUp
from lib.models.diagnostics import check_to_json, has_failed
from lib.models.views import PinnedMessage
from lib.observability import Metric, count_items, logger, measure_alert, metrics

MOST_REASONS = 3
"""Of each kind, in a line of the log."""
_RESULT_METRICS = {
    NotificationResult.SENT: Metric.DELIVERIES_SENT,
    NotificationResult.OBSOLETE: Metric.DELIVERIES_OBSOLETE,
    NotificationResult.RETRY: Metric.DELIVERIES_RETRIED,
    NotificationResult.UNKNOWN: Metric.DELIVERIES_RETRIED,
    NotificationResult.DEAD: Metric.DELIVERIES_DEAD,
    NotificationResult.PAUSED: Metric.DELIVERIES_PAUSED,
    NotificationResult.NOT_CLAIMED: Metric.DELIVERIES_SKIPPED,
}


@collected_afterwards
@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> BatchAnswer | dict[str, Any]:
    """Attempt a batch of deliveries, or test a destination for an operator."""
    if destination_test.EVENT in event:
        return answer_test(app(), event)
    response: BatchAnswer = _deliver(event, context)
    return response


@metrics.log_metrics
def _deliver(event: dict[str, Any], context: LambdaContext) -> BatchAnswer:
    return process_batch(app(), event, context)


def answer_test(application: App, event: dict[str, Any]) -> dict[str, Any]:
    """
    Return {"checks": […]} of a destination, {"destinations": […]}, or {"error": text}.

    A failed test is not retried, and no metric or alarm counts it.
    """
    try:
        request = destination_test.requested(event, now=application.now())
        # Whoever tests has often published a moment ago.
        application.refresh_config(at_once=True)
        if request.destination is None:
            names = sorted(application.config.destinations)
            return {"destinations": names}
        checks = application.test_destination(request.destination, request.test)
    except ScanAlertError as error:
        return {"error": str(error)}
    failed = has_failed(checks)
    logger.info("destination tested", destination=request.destination, failed=failed)
    return {"checks": [check_to_json(check) for check in checks]}


def process_batch(application: App, event: dict[str, Any], context: LambdaContext) -> BatchAnswer:  # noqa: ARG001  # as of the other queues
    """
    Attempt each notification independently.

    A refused one needs no retry of its record: its row has a due time. Records return to the queue
    only if rows cannot be reached, together with later ones of the same destination.
    """
    return process_each(event, partial(process_record, application), in_order=True)


def process_record(application: App, record: QueueRecord) -> None:
    """
    Attempt one notification and log its outcome; wake the one that follows.

    Returns no sooner than the destination may get its next message. Raises `ComeBackError`.
    """
    with failures_logged(record, application.stores.returns):
        wake_up = _wake_up(body_of(record.body))
        outcome = application.streams.notifications.deliver(wake_up)
        _record(wake_up.id, outcome, now=application.now())
        if outcome.following is not None:
            application.stores.waker.wake([wake_up_of(outcome.following)])
    if outcome.pace:
        _keep_pace(application, record, outcome.pace)


def _keep_pace(application: App, record: QueueRecord, seconds: float) -> None:
    """
    Keep the distance between two messages that a receiver asks for. Raises `ComeBackError`.

    The record comes back after that time and finds its row done. Until then no other record of its
    message group is received, and that is the destination. To wait here would be paid for; it is
    left for a record that came back before, which must not become a dead letter.
    """
    if record.receives == 1:
        with suppress(StoreError):
            application.stores.returns(record.event_source_arn).after_pace(
                record.receipt_handle, seconds=seconds
            )
            raise ComeBackError
    application.hold(seconds)


def _wake_up(body: dict[str, Json]) -> WakeUp:
    match body:
        case {"delivery": str(delivery_id), "destination": str(destination)}:
            return WakeUp(DeliveryId(delivery_id), Destination(destination), attempts=0)
    raise EventError("The message names no delivery and destination", reason="bad-wake-up")


def _record(delivery_id: str, outcome: NotificationOutcome, *, now: datetime) -> None:
    metrics.add_metric(_RESULT_METRICS[outcome.result], MetricUnit.Count, 1)
    if outcome.misconfigured:
        metrics.add_metric(Metric.DELIVERIES_MISCONFIGURED, MetricUnit.Count, 1)
    if outcome.without_page is not None:
        metrics.add_metric(Metric.PAGES_FAILED, MetricUnit.Count, 1)
        logger.error("report page failed", exc_info=outcome.without_page, delivery=delivery_id)
    if outcome.result is NotificationResult.SENT and outcome.row is not None:
        latency = (now - outcome.row.created_at).total_seconds() * 1000
        metrics.add_metric(Metric.DELIVERY_LATENCY, MetricUnit.Milliseconds, latency)
        alert_time = time_to_alert(outcome.row, outcome.message)
        if alert_time is not None:
            measure_alert(outcome.row.destination, alert_time)
        if isinstance(outcome.message, PinnedMessage):
            for kind, number in _numbers(outcome.message).items():
                count_items(kind, number)
    needs_a_person = outcome.result is NotificationResult.DEAD or outcome.misconfigured
    log = logger.error if needs_a_person or outcome.error else logger.info
    log(
        "delivery attempted",
        exc_info=outcome.error,
        delivery=delivery_id,
        result=outcome.result,
        reason=outcome.reason,
        **_details(outcome),
    )


def _details(outcome: NotificationOutcome) -> dict[str, Any]:
    """Return what is logged about a row and its message."""
    details: dict[str, Any] = {}
    row, message = outcome.row, outcome.message
    if row is not None:
        details |= {"destination": row.destination, "stream": row.stream, "cause": row.cause}
        details |= {"attempt": row.attempts, "quiet": row.quiet}
        if row.due_at is not None:
            details["due_at"] = row.due_at.isoformat()
    if isinstance(message, PinnedMessage):
        details |= _content(message)
    if outcome.receipt is not None:
        details["receipt"] = outcome.receipt.reference
        if outcome.receipt.remark is not None:
            details["remark"] = outcome.receipt.remark
    return details


def _numbers(message: PinnedMessage) -> Counter[str]:
    return Counter(item.kind.value for item in message.delta.items)


def _content(message: PinnedMessage) -> dict[str, Any]:
    """Return what is logged about the content of a message: numbers and reasons by kind."""
    reasons: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for item in message.delta.items:
        reasons[item.kind.value][item.reason] += 1
    current = message.state.current
    return {
        "image": current.image.key if current is not None else None,
        "version": message.view.version,
        "kinds": dict(_numbers(message)),
        "reasons": {
            kind: [reason for reason, _ in own.most_common(MOST_REASONS)]
            for kind, own in reasons.items()
        },
    }
