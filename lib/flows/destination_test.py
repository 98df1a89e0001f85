"""
`destinations test`: one destination is tested by its own notifier, here or inside of `deliver`.

    run                      the checks of one test
    request, requested       what the command sends to the function, and what the function reads

A test writes no ledger row and belongs to no stream, so nothing is retried and no alert waits.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from lib.errors import EventError, ScanAlertError
from lib.models import Destination, Json
from lib.models.diagnostics import Check, advice, failed
from lib.ports.notifiers import DestinationTest, Notifier, Testable

EVENT: Final = "destination_test"
"""The key by which `deliver` knows a test from a batch of its queue."""


@dataclass(frozen=True, slots=True)
class Request:
    """A test that somebody asks for; without a destination, the names of all of them."""

    destination: Destination | None
    test: DestinationTest


def run(notifier: Notifier, test: DestinationTest) -> tuple[Check, ...]:
    """Return what a test found; what ended it is the last check."""
    if not isinstance(notifier, Testable):
        return (failed("test", f"{type(notifier).__name__} has no test"),)
    checks: list[Check] = []
    try:
        checks.extend(notifier.test(test))
    except ScanAlertError as error:
        checks.append(_failure(error))
    return tuple(checks)


def _failure(error: ScanAlertError) -> Check:
    if error.reason == "secret":
        # Of `lib.store.secrets`: what is wrong, a semicolon, and the command that creates it.
        text, _, remedy = str(error).partition("; ")
        return failed("secret", text, remedy[:1].upper() + remedy[1:])
    return failed("destination", str(error), advice(error))


def request(destination: Destination | None, test: DestinationTest) -> dict[str, Json]:
    """Return the event for `deliver`."""
    return {
        EVENT: {
            "destination": destination,
            "id": test.id,
            "origin": test.origin,
            "send": test.send,
            "create": test.create,
            "page": test.page,
        }
    }


def requested(event: Mapping[str, Any], *, now: datetime) -> Request:
    """Understand `request`. Raises `EventError`."""
    match event[EVENT]:
        case {
            "destination": str() | None as destination,
            "id": str(id_),
            "origin": str(origin),
            "send": bool(send),
            "create": bool(create),
            "page": bool(page),
        }:
            test = DestinationTest(id_, now, origin, send=send, create=create, page=page)
            return Request(None if destination is None else Destination(destination), test)
    raise EventError("The event is no test of a destination", reason="bad-test")
