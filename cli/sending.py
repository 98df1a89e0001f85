"""The sending of `scan --send`: an event to the queue of a stage, or messages marked TEST."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from cli.aws_errors import Caller
from cli.deployment import Deployment
from cli.failures import sentences
from cli.judging import Case, JudgedStream, JudgedView, notice_of
from cli.parser import called_as
from cli.terminal import complain, say, working
from lib.bootstrap.app import App
from lib.config.model import DestinationConfig
from lib.errors import DocumentError, ScanAlertError
from lib.flows.couriers import send
from lib.models import Destination, Image, ImageIndex, Notice, Receipt
from lib.models.diagnostics import Check, check_to_json, has_failed
from lib.ports.notifiers import DestinationTest

MARK: Final = "TEST sent by hand, not an alert"
"""The text before the verdict of a message that is sent by hand."""
_ORIGIN: Final = "an operator's machine (scan --send)"
_NEW_RULES: Final = (
    "What new rules ask for is sent within five minutes, or in the summary for a new destination"
)
_READ_BY_PEOPLE: Final = ("text", "amazon-q")
"""Formats of SNS that open nothing by themselves."""


# --- to a stage ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class QueuedScan:
    """The answer of a stage to a scan that was queued, or did not have to be."""

    stage: str
    queued: bool
    reason: str

    def print(self, name: str) -> None:
        """Print the answer, with the command that shows the deliveries."""
        command = f"deliveries list --image {name} --stage {self.stage}"
        listed = f"`{called_as()} {command}`"
        if self.queued:
            say(f"queued for stage {self.stage} ({self.reason}); {listed} shows what it sends")
        else:
            reason = self.reason
            if reason.startswith("stored: "):
                reason = f"it already has this scan ({reason}). {_NEW_RULES}"
            say(f"nothing to queue for stage {self.stage}: {reason}; {listed} shows what was sent")

    def to_json(self) -> dict[str, Any]:
        """Return the answer for scripts."""
        return asdict(self)


def queue_scan(stage: Deployment, name: str, unit: Image | ImageIndex) -> QueuedScan:
    """
    Put our own event about the last scan on the queue of a stage, which fetches it.

    Nothing is queued if the stage has stored this scan, or there is no scan. Raises
    `DocumentError` for a deleted image.
    """
    checked = stage.image_pass().check(unit)
    if checked is None:
        image = unit.image if isinstance(unit, ImageIndex) else unit
        raise DocumentError(f"{image.name} does not exist any more")
    return QueuedScan(name, queued=checked.behind, reason=checked.reason)


# --- by hand ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SendResult:
    """The result of a delivery: a receipt, checks, or an error."""

    destination: Destination
    receipt: Receipt | None = None
    checks: Sequence[Check] = ()
    error: str | None = None

    @property
    def failed(self) -> bool:
        """Whether the destination did not accept the delivery."""
        return self.error is not None or has_failed(self.checks)

    def to_json(self) -> dict[str, Any]:
        """Return the result for scripts."""
        document: dict[str, Any] = {
            "destination": self.destination,
            "test": True,
            "sent": not self.failed,
        }
        if self.receipt is not None:
            document["receipt"] = asdict(self.receipt)
        if self.checks:
            document["checks"] = [check_to_json(check) for check in self.checks]
        if self.error is not None:
            document["error"] = self.error
        return document


def notified(judged: Sequence[JudgedStream]) -> list[tuple[Destination, JudgedView]]:
    """Return the destinations that get a message, with the message; once for each stream."""
    return [
        (name, view) for stream in judged for name, view in stream.views.items() if view.notified
    ]


def send_tests(application: App, case: Case, judged: Sequence[JudgedStream]) -> list[SendResult]:
    """
    Send the messages of the routes, each marked TEST. An error does not stop the others.

    People read the message itself. Where it would open something (an issue, a thread, an incident,
    or unknown effects of a program), the test of the destination is sent instead.
    """
    messages = notified(judged)
    sent = []
    with working("sending", total=len(messages)) as advance:
        for name, view in messages:
            notice = notice_of(case, view, application.config.owners)
            sent.append(_send(application, name, replace(notice, note=MARK)))
            advance()
    return sent


def _send(application: App, name: Destination, notice: Notice) -> SendResult:
    try:
        if not opens_nothing(application.config.destinations[name]):
            return SendResult(name, checks=application.test_destination(name, _test()))
        return SendResult(name, send(application.notifier(name), notice))
    except (ScanAlertError, BotoCoreError, ClientError) as error:
        return SendResult(name, error=" ".join(sentences(error, Caller())))


def opens_nothing(destination: DestinationConfig) -> bool:
    """Whether an alert is only a message for people."""
    options: Mapping[str, Any] = destination.options
    match destination.type:
        case "slack":
            return "webhook" in options
        case "sns":
            return options.get("format", "text") in _READ_BY_PEOPLE
        case _:
            return False


def _test() -> DestinationTest:
    return DestinationTest(id=uuid.uuid4().hex, time=datetime.now(UTC), origin=_ORIGIN)


def print_sent(sent: Sequence[SendResult]) -> None:
    """Print the accepted deliveries. The others go to stderr."""
    if not sent:
        say("nothing to send: no route asks for it")
    for result in sent:
        name = result.destination
        if result.receipt is not None:
            say(f"{name}: sent, marked TEST ({result.receipt.url or result.receipt.reference})")
        elif not result.failed:
            say(f"{name}: tested; {'; '.join(check.text for check in result.checks)}")


def complain_of(sent: Sequence[SendResult]) -> None:
    """Print the refused deliveries to stderr, with the reasons."""
    for result in sent:
        name = result.destination
        if result.error is not None:
            complain(f"{name}: not sent: {result.error}")
        for check in result.checks:
            if has_failed((check,)):
                remedy = f". {check.remedy}" if check.remedy else ""
                complain(f"{name}: {check.subject}: {check.text}{remedy}")
