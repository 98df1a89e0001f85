"""What `scan --send` sends: an event to the queue of a stage, or messages marked TEST by hand."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from cli.aws_errors import Caller
from cli.deployment import Deployment
from cli.evaluating import Judged, delivery_of
from cli.failures import sentences
from cli.terminal import complain, say, working
from lib.bootstrap.app import App
from lib.config.model import DestinationConfig
from lib.core.missed import MissedScan, PendingScan, UpToDate, image_of
from lib.core.routing import Decision
from lib.errors import DocumentError, ScanAlertError
from lib.flows.deliveries import send
from lib.messages.alert import alert
from lib.models import DeliveryState, Image, ImageIndex, Receipt
from lib.models.diagnostics import Check, check_to_json, has_failed
from lib.ports.notifiers import DestinationTest

MARK: Final = "TEST sent by hand, not an alert"
"""What stands before the verdict of an alert that is sent by hand."""
_ORIGIN: Final = "an operator's machine (scan --send)"
_READ_BY_PEOPLE: Final = ("text", "amazon-q")
"""Formats of SNS that open nothing by themselves."""


# --- to a stage ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Queued:
    """What a stage was asked to do with a scan."""

    stage: str
    queued: bool
    reason: str

    def print(self, name: str) -> None:
        """Print it, with the command that shows the rest."""
        listed = f"`ecr-scan-alerts deliveries list --image {name} --stage {self.stage}`"
        if self.queued:
            say(f"queued for stage {self.stage} ({self.reason}); {listed} shows what it sends")
        else:
            say(
                f"nothing to queue for stage {self.stage}: {self.reason}; {listed} shows its alerts"
            )

    def to_json(self) -> dict[str, Any]:
        """Return it for scripts."""
        return asdict(self)


def queue_scan(stage: Deployment, name: str, unit: Image | ImageIndex) -> Queued:
    """
    Put our own event about the last scan on the queue of a stage, which decides what follows.

    Effects: none where the stage has evaluated this scan, or there is none. Raises `DocumentError`
    for an image that is gone.
    """
    match stage.reconciliation().recheck(unit):
        case MissedScan(reason=reason):
            return Queued(name, queued=True, reason=reason)
        case PendingScan(reason=reason) | UpToDate(reason=reason):
            return Queued(name, queued=False, reason=reason)
        case None:
            raise DocumentError(f"{image_of(unit).name} does not exist any more")


# --- by hand ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sent:
    """How one delivery ended: with a receipt, with checks, or with the reason why not."""

    decision: Decision
    receipt: Receipt | None = None
    checks: Sequence[Check] = ()
    error: str | None = None

    @property
    def failed(self) -> bool:
        """Whether the destination did not take it."""
        return self.error is not None or has_failed(self.checks)

    def to_json(self) -> dict[str, Any]:
        """Return it for scripts."""
        document: dict[str, Any] = {"test": True, "sent": not self.failed}
        if self.receipt is not None:
            document["receipt"] = asdict(self.receipt)
        if self.checks:
            document["checks"] = [check_to_json(check) for check in self.checks]
        if self.error is not None:
            document["error"] = self.error
        return document


def pending(judged: Judged) -> list[Decision]:
    """Return what the routes ask to send."""
    decisions = judged.decisions.deliveries
    return [decision for decision in decisions if decision.state is DeliveryState.PENDING]


def send_tests(application: App, judged: Judged) -> list[Sent]:
    """
    Send what the routes ask for, each message marked TEST. All are tried.

    Effects: people read the alert itself. Where an alert would open something (an issue, a thread,
    an incident, whatever a program does with it), the test of the destination goes instead.
    """
    decisions = pending(judged)
    sent = []
    with working("sending", total=len(decisions)) as advance:
        for decision in decisions:
            sent.append(_send(application, judged, decision))
            advance()
    return sent


def _send(application: App, judged: Judged, decision: Decision) -> Sent:
    name = decision.destination
    try:
        if not opens_nothing(application.config.destinations[name]):
            return Sent(decision, checks=application.test_destination(name, _test()))
        delivery = replace(delivery_of(decision, judged.evaluation), note=MARK)
        message = alert(judged.evaluation, delivery)
        return Sent(decision, send(application.notifier(name), message))
    except (ScanAlertError, BotoCoreError, ClientError) as error:
        return Sent(decision, error=" ".join(sentences(error, Caller())))


def opens_nothing(destination: DestinationConfig) -> bool:
    """Return whether an alert is a message for people here, and nothing else."""
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


def print_sent(sent: Sequence[Sent]) -> None:
    """Print what was taken; what was not goes to stderr."""
    if not sent:
        say("nothing to send: no route asks for it")
    for one in sent:
        name = one.decision.destination
        if one.receipt is not None:
            say(f"{name}: sent, marked TEST ({one.receipt.url or one.receipt.reference})")
        elif not one.failed:
            say(f"{name}: tested; {'; '.join(check.text for check in one.checks)}")


def complain_of(sent: Sequence[Sent]) -> None:
    """Say on stderr what was not taken, and why."""
    for one in sent:
        name = one.decision.destination
        if one.error is not None:
            complain(f"{name}: not sent: {one.error}")
        for check in one.checks:
            if has_failed((check,)):
                remedy = f". {check.remedy}" if check.remedy else ""
                complain(f"{name}: {check.subject}: {check.text}{remedy}")
