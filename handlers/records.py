"""What the queue handlers share: a record's body, and the boundary where errors are logged."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit

from lib.errors import EventError, ScanAlertError
from lib.interfaces import Json
from lib.observability import Metric, logger, metrics


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
def failures_logged(message_id: str) -> Iterator[None]:
    """Log why a record goes back to its queue, and let the error pass."""
    try:
        yield
    except ScanAlertError as error:
        metrics.add_metric(Metric.RECORDS_FAILED, MetricUnit.Count, 1)
        logger.warning(
            "record failed", message_id=message_id, reason=error.reason, error=str(error)
        )
        raise
    except Exception:
        metrics.add_metric(Metric.RECORDS_FAILED, MetricUnit.Count, 1)
        logger.exception("record failed", message_id=message_id, reason="unexpected")
        raise
