"""
Tests of destinations: the message marked as TEST, the document test-1.0.0, and what checks share.

Notifiers implement `lib.ports.notifiers.Testable` with these. A notifier owns its request and its
remedies.
"""

from collections.abc import Callable, Mapping
from typing import Final

from lib.errors import ConfigError, DeliveryError
from lib.models import Destination, Json
from lib.models.diagnostics import Check, advice, failed, ok
from lib.ports.notifiers import DestinationTest, HttpClient
from lib.urls.addresses import AddressError, read_address
from lib.wire.values import time_to_json

SCHEMA: Final = "test-1.0.0"
TITLE: Final = "TEST: this is not an alert"
MESSAGE: Final = "message"
"""The subject of the check that sends something."""

_HTTP: Final = "http-"


def sentence(destination: Destination, test: DestinationTest) -> str:
    """Return what a person reads in a test message."""
    return (
        f"Messages of ecr-scan-alerts for the destination {destination} arrive here. "
        f"Sent from {test.origin}. No image was scanned, and there is nothing to do."
    )


def document(destination: Destination, test: DestinationTest) -> dict[str, Json]:
    """Return test-1.0.0, for programs."""
    return {
        "schema": SCHEMA,
        "test_id": test.id,
        "destination": destination,
        "sent_at": time_to_json(test.time),
        "sender": test.origin,
        "message": f"{TITLE}. {sentence(destination, test)}",
    }


def readable(*references: Mapping[str, str]) -> Check:
    """Return the check of secrets that were read; names as alerts.yml has them."""
    names = [name for reference in references for name in reference.values()]
    return ok("secret", f"{' and '.join(names)} can be read")


def attempt(subject: str, action: Callable[[], str], remedies: Mapping[str, str]) -> Check:
    """
    Run an action that returns what it achieved; a refusal becomes a failed check.

    `remedies`: what to do, by a word of the receiver's answer or by the reason of the error.
    """
    try:
        return ok(subject, action())
    except DeliveryError as error:
        return refusal(subject, error, remedies)


def refusal(subject: str, error: DeliveryError, remedies: Mapping[str, str]) -> Check:
    """Return the failed check of an error. See `attempt`."""
    text = str(error)
    found = (remedy for word, remedy in remedies.items() if word == error.reason or word in text)
    return failed(subject, text, next(found, "") or advice(error))


def reachable(http: HttpClient, url: str) -> Check:
    """
    Ask the host of a URL for its root, which is nobody's secret: any answer proves the way there.

    Raises `ConfigError` for a host that is not allowed.
    """
    try:
        address = read_address(url)
    except AddressError as error:
        raise ConfigError(f"The address {error}; check its secret") from None
    try:
        http.get(address.root, any_answer=True)
    except DeliveryError as error:
        # A refusal by HTTP is an answer, about a path that nobody uses.
        if not error.reason.startswith(_HTTP):
            return failed(
                "connection",
                str(error),
                "Check the host, and the way out of the network: DNS, proxy, firewall",
            )
    return ok("connection", f"{address.host} answers; no message was sent")
