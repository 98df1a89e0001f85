"""The bodies of queue records, and the boundary that logs their errors."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from aws_lambda_powertools.metrics import MetricUnit

from handlers.batches import QueueRecord
from lib.errors import EventError, ScanAlertError, StoreError
from lib.models import Json
from lib.observability import Metric, logger, metrics


class Returns(Protocol):
    """Sets the delay until a failed message is received again."""

    def after_failure(self, receipt: str, *, receives: int) -> int:
        """Return the delay of a message in seconds. Raises `StoreError`."""


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
def failures_logged(record: QueueRecord, returns: Callable[[str], Returns]) -> Iterator[None]:
    """
    Log why a record returns to its queue, and raise the error again.

    `returns` takes the ARN of a queue.

    After a temporary failure the record comes back within seconds; the delay grows with the number
    of receives. Other records wait for the visibility timeout of the queue.
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
            retry_after=_shorten_delay(record, returns) if error.retryable else None,
        )
        raise
    except Exception:
        metrics.add_metric(Metric.RECORDS_FAILED, MetricUnit.Count, 1)
        logger.exception("record failed", message_id=record.message_id, reason="unexpected")
        raise


def _shorten_delay(record: QueueRecord, returns: Callable[[str], Returns]) -> int | None:
    """Return the delay of a record in seconds; None for the visibility timeout of the queue."""
    try:
        return returns(record.event_source_arn).after_failure(
            record.receipt_handle, receives=record.receives
        )
    except StoreError as error:
        logger.warning("record returns late", message_id=record.message_id, error=str(error))
        return None
