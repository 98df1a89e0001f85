"""
Subscribers of SNS topics over HTTP, which confirm their subscription and accept notifications.

https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
"""

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Final
from urllib.parse import unquote, urlsplit
from urllib.request import urlopen

from local.standins.wire import NOT_FOUND, Answer, Call, Draft, Json, Kind, Note, Outcome, size

PREFIX: Final = "/sns/"
BODY: Final = 262_144
SUBJECT: Final = 99

_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
_TAKEN: Final = Answer(HTTPStatus.OK)


def visit(url: str) -> None:
    """Confirm a subscription. Raises `OSError` if nothing answers at the address."""
    with urlopen(url, timeout=5) as answer:  # noqa: S310  # the caller checked the address
        answer.read()


class SnsStandIn:
    """Any number of subscribers with names."""

    def __init__(self, visit: Callable[[str], None] = visit) -> None:
        self._visit = visit

    def destination(self, call: Call) -> str:
        """Return the subscriber of a call."""
        return unquote(call.path.removeprefix(PREFIX))

    def handle(self, call: Call) -> Outcome:
        """Answer as a subscriber would."""
        if call.method != "POST" or not self.destination(call):
            return NOT_FOUND
        try:
            message = json.loads(call.body)
        except ValueError:
            message = None
        match message:
            case {"Type": "SubscriptionConfirmation", "SubscribeURL": str(url)}:
                return self._confirm(url)
            case {"Type": "Notification", "Message": str(), "TopicArn": str()}:
                return Outcome(_TAKEN, self.draft(self.destination(call), message))
            case _:
                return Outcome(Answer(HTTPStatus.BAD_REQUEST), reason="not a message of SNS")

    def draft(self, subscriber: str, message: Json) -> Draft:
        """Return the message of a notification to a subscriber."""
        return Draft(subscriber, Kind.NOTIFIED, message, _notes(message))

    def _confirm(self, url: str) -> Outcome:
        if urlsplit(url).hostname not in _LOOPBACK:
            return Outcome(
                Answer(HTTPStatus.FORBIDDEN), reason="a SubscribeURL outside of this machine"
            )
        try:
            self._visit(url)
        except OSError:
            return Outcome(
                Answer(HTTPStatus.BAD_GATEWAY), reason="nobody answered at the SubscribeURL"
            )
        return Outcome(_TAKEN)


def _notes(message: Json) -> tuple[Note, ...]:
    notes = [size(len(message["Message"].encode()), BODY, "bytes")]
    if message.get("Subject"):
        notes.append(size(len(message["Subject"]), SUBJECT, "characters of subject"))
    return tuple(notes)
