"""What the queue handlers share: a record's body, and the boundary where errors are logged."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from lib.errors import EventError, ScanAlertError, StoreError
from lib.models import Json
from lib.observability import Metric, logger, metrics


class Returns(Protocol):
    """Decides when a message that failed is received again."""

    def after_failure(self, receipt: str, *, receives: int) -> int:
        """Return the seconds until the message comes back. Raises `StoreError`."""


def body_of(text: str) -> dict[str, Json]:
    """
    Parse the body of a queue message.

    Raises `EventError` for a body that is not a JSON object, or whose nesting is too deep to parse:
    such a body fails at every attempt.
    """
    try:
        body: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise EventError("The message is not JSON", reason="not-json") from error
    if not isinstance(body, dict):
        raise EventError("The message is not a JSON object", reason="not-json")
    return body


@contextmanager
def failures_logged(record: SQSRecord, returns: Callable[[], Returns]) -> Iterator[None]:
    """
    Log why a record goes back to its queue, and let the error pass.

    A failure that may pass brings the record back within seconds, later the more often it was
    received. Any other record waits for the visibility timeout of the queue.
    """
    try:
        yield
    except ScanAlertError as error:
        metrics.add_metric(Metric.RECORDS_FAILED, MetricUnit.Count, 1)
        logger.warning(
            "record failed",
            message_id=record.message_id,
            reason=error.reason,
            error=str(error),
            retry_after=_come_back(record, returns) if error.retryable else None,
        )
        raise
    except Exception:
        metrics.add_metric(Metric.RECORDS_FAILED, MetricUnit.Count, 1)
        logger.exception("record failed", message_id=record.message_id, reason="unexpected")
        raise


def _come_back(record: SQSRecord, returns: Callable[[], Returns]) -> int | None:
    """Return the seconds until a record comes back; None: when its visibility timeout ends."""
    receives = int(record.attributes.approximate_receive_count)
    try:
        return returns().after_failure(record.receipt_handle, receives=receives)
    except StoreError as error:
        logger.warning("record returns late", message_id=record.message_id, error=str(error))
        return None
