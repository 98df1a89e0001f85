"""Common types of the stand-ins: calls, outcomes, messages."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

Json = Any
"""Parsed JSON from a sender."""

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Receiver(StrEnum):
    """The receivers that have a stand-in."""

    SLACK = "slack"
    JIRA = "jira"
    PAGERDUTY = "pagerduty"
    SNS = "sns"
    WEBHOOK = "webhook"


class Kind(StrEnum):
    """The effect of a message at its receiver."""

    POSTED = "posted"
    CREATED = "created"
    UPDATED = "updated"
    COMMENTED = "commented"
    MOVED = "moved"
    ATTACHED = "attached"
    RESOLVED = "resolved"
    NOTIFIED = "notified"


@dataclass(frozen=True, slots=True)
class Call:
    """An HTTP request with its complete body."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A fact about a message for its reader, such as its size, or a warning."""

    text: str
    warning: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer."""

    status: int
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=lambda: _NO_HEADERS)
    accepts: bool = False
    """In a script: accept the message although the answer refuses it."""


@dataclass(frozen=True, slots=True)
class Draft:
    """An accepted message, before it has a number in the journal."""

    destination: str
    """Slack channel (name, or id for a bot), issue, incident, subscriber or webhook."""
    kind: Kind
    payload: Json
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """An answer, the accepted message, and the reason of a refusal in more detail."""

    answer: Answer
    accepted: Draft | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """A message that a receiver accepted. Ids begin at 1, in order."""

    id: int
    receiver: Receiver
    destination: str
    kind: Kind
    received_at: datetime
    payload: Json
    raw: str
    """The unchanged body."""
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """A request to a receiver, accepted or not."""

    receiver: Receiver
    destination: str
    method: str
    path: str
    at: datetime
    status: int | None
    """None for a call without an answer."""
    message: int | None
    """The id of the message that was accepted."""
    reason: str = ""


def size(count: int, limit: int, unit: str) -> Note:
    """Return a note such as "1,234 of 10,000 characters"; a warning above the limit."""
    return Note(f"{count:,} of {limit:,} {unit}", warning=count > limit)


NOT_FOUND = Outcome(
    Answer(HTTPStatus.NOT_FOUND, "Not found\n", {"Content-Type": "text/plain"}),
    reason="nothing lives at this address",
)
