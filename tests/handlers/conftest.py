"""What the handlers' tests share: records as SQS sends them, and a process's objects as fakes."""

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from lib.errors import ScanAlertError
from lib.observability import logger, metrics


@dataclass
class DeadLetters:
    """Remembers what was rejected, and why."""

    kept: list[tuple[str, str]] = field(default_factory=list)

    def put(self, body: str, error: ScanAlertError) -> None:
        self.kept.append((body, error.reason))


@dataclass
class Returns:
    """Remembers which messages come back, and how often each was received."""

    error: Exception | None = None
    returned: list[tuple[str, int]] = field(default_factory=list)
    at_once_returned: list[str] = field(default_factory=list)
    paced: list[tuple[str, float]] = field(default_factory=list)

    def at_once(self, receipt: str) -> None:
        if self.error is not None:
            raise self.error
        self.at_once_returned.append(receipt)

    def after_pace(self, receipt: str, *, seconds: float) -> None:
        if self.error is not None:
            raise self.error
        self.paced.append((receipt, seconds))

    def after_failure(self, receipt: str, *, receives: int) -> int:
        if self.error is not None:
            raise self.error
        self.returned.append((receipt, receives))
        return 5


@pytest.fixture
def batch() -> Callable[..., dict[str, Any]]:
    def make(*bodies: Any, group: str = "team-slack", receives: int = 1) -> dict[str, Any]:
        return {
            "Records": [
                {
                    "messageId": f"message-{index}",
                    "receiptHandle": f"receipt-{index}",
                    "body": body if isinstance(body, str) else json.dumps(body),
                    "attributes": {
                        "MessageGroupId": group,
                        "ApproximateReceiveCount": str(receives),
                    },
                    "messageAttributes": {},
                    "eventSource": "aws:sqs",
                    "eventSourceARN": "arn:aws:sqs:eu-central-1:000474600478:queue",
                    "awsRegion": "eu-central-1",
                }
                for index, body in enumerate(bodies)
            ]
        }

    return make


@pytest.fixture
def context() -> Any:
    return SimpleNamespace(
        function_name="test",
        memory_limit_in_mb=512,
        invoked_function_arn="arn:aws:lambda:eu-central-1:000474600478:function:test",
        aws_request_id="request-1",
        get_remaining_time_in_millis=lambda: 60_000,
    )


@pytest.fixture
def counted() -> Iterator[Callable[[], dict[str, float]]]:
    """Return what was counted so far, by metric name."""
    metrics.clear_metrics()
    yield lambda: {name: sum(each["Value"]) for name, each in metrics.provider.metric_set.items()}
    metrics.clear_metrics()


@pytest.fixture
def logged() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Return the structured lines logged so far."""
    stream = io.StringIO()
    handler = logger.registered_handler
    old = handler.setStream(stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    handler.setStream(old)
