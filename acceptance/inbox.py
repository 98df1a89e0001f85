"""The queue that receives the alerts of the topic."""

import json
from typing import Any

from acceptance.account import Poll
from acceptance.outcome import StepError

Alert = dict[str, Any]
"""A document of a topic with `format: json`."""


class Inbox:
    """Reads alerts from the queue, and keeps them."""

    def __init__(self, sqs: Any, url: str, poll: Poll, *, receive: int) -> None:
        self._sqs = sqs
        self._url = url
        self._poll = poll
        self._receive = receive
        self.alerts: list[Alert] = []

    def wait_for(self, digest: str, seconds: float) -> Alert:
        """Return the alert about an image. Raises `StepError` if it does not arrive in time."""
        alert = self._poll.until(lambda: self._find(digest), seconds)
        if alert is None:
            raise StepError(f"no alert within {seconds:.0f} s")
        return alert

    def _find(self, digest: str) -> Alert | None:
        self._read()
        return next((alert for alert in self.alerts if _is_about(alert, digest)), None)

    def _read(self) -> None:
        answer = self._sqs.receive_message(
            QueueUrl=self._url, MaxNumberOfMessages=10, WaitTimeSeconds=self._receive
        )
        for message in answer.get("Messages", ()):
            self.alerts.append(json.loads(message["Body"]))
            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])


def _is_about(alert: Alert, digest: str) -> bool:
    # Other messages of the stage have no image.
    return bool((alert.get("image") or {}).get("digest") == digest)
