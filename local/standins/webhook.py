"""
Receivers of webhooks, which verify signature and age of messages by Standard Webhooks.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
"""

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Final
from urllib.parse import quote, unquote

from local.standins.wire import NOT_FOUND, Answer, Call, Draft, Json, Kind, Note, Outcome, size

PREFIX: Final = "/webhooks/"
BODY: Final = 262_144
TOLERANCE: Final = 300.0
"""Seconds that a timestamp may differ from the current time."""
REQUIRED: Final = ("specversion", "id", "source", "type")

_TYPE: Final = "application/cloudevents+json"


class WebhookStandIn:
    """Any number of receivers with names, which share a secret."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._key = secrets.token_bytes(32)
        self._token = secrets.token_hex(12)
        self._now = now
        self._seen: set[tuple[str, str]] = set()

    @property
    def secret(self) -> str:
        """The secret that signs messages, as users get it."""
        return f"whsec_{base64.b64encode(self._key).decode('ascii')}"

    def path(self, name: str) -> str:
        """Return the secret path of a receiver."""
        return f"{PREFIX}{quote(name, safe='')}/{self._token}"

    def destination(self, call: Call) -> str:
        """Return the receiver of a call."""
        return unquote(call.path.removeprefix(PREFIX).partition("/")[0])

    def handle(self, call: Call) -> Outcome:
        """Accept a signed and recent event, and note a repeated one."""
        name = self.destination(call)
        if call.method != "POST" or not name or call.path != self.path(name):
            return NOT_FOUND
        problem = self._forged(call)
        if problem:
            return Outcome(Answer(HTTPStatus.UNAUTHORIZED), reason=problem)
        event = _event(call)
        if isinstance(event, str):
            return Outcome(Answer(HTTPStatus.BAD_REQUEST), reason=event)
        notes = [size(len(call.body), BODY, "bytes"), Note("signature verified")]
        message = (name, call.headers["webhook-id"])
        if message in self._seen:
            notes.append(Note("a repeat: its webhook-id was here before"))
        self._seen.add(message)
        return Outcome(
            Answer(HTTPStatus.NO_CONTENT), Draft(name, Kind.NOTIFIED, event, tuple(notes))
        )

    def _forged(self, call: Call) -> str:
        """Return why a signature is invalid; empty for a valid one."""
        timestamp = call.headers.get("webhook-timestamp", "")
        if not timestamp.isdecimal() or abs(self._now() - int(timestamp)) > TOLERANCE:
            return "no timestamp, or one that is not of now"
        signed_content = b".".join(
            (call.headers.get("webhook-id", "").encode(), timestamp.encode(), call.body)
        )
        digest = hmac.new(self._key, signed_content, hashlib.sha256).digest()
        expected = b"v1," + base64.b64encode(digest)
        signatures = call.headers.get("webhook-signature", "").encode().split()
        if not any(hmac.compare_digest(expected, signature) for signature in signatures):
            return "no signature that fits"
        return ""


def _event(call: Call) -> Json:
    """Return the event; for an invalid one, the reason as text."""
    if call.headers.get("content-type") != _TYPE:
        return f"not {_TYPE}"
    if len(call.body) > BODY:
        return f"more than {BODY:,} bytes"
    try:
        event = json.loads(call.body)
    except ValueError:
        return "the body is not JSON"
    if not isinstance(event, dict) or not all(event.get(name) for name in REQUIRED):
        return f"an event has {', '.join(REQUIRED)}"
    if event["id"] != call.headers["webhook-id"]:
        return "the event has another id than its message"
    return event
