"""The words of the stand-ins: a call comes in, an outcome goes out, a message was accepted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

Json = Any
"""Parsed JSON as somebody sent it."""

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Receiver(StrEnum):
    """Who is played."""

    SLACK = "slack"
    JIRA = "jira"
    PAGERDUTY = "pagerduty"
    SNS = "sns"
    WEBHOOK = "webhook"


class Kind(StrEnum):
    """What a message did at its receiver."""

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
    """One HTTP request, read in full."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A fact about a message that its reader should know: a size, or something to worry about."""

    text: str
    warning: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back over the wire."""

    status: int
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=lambda: _NO_HEADERS)
    accepts: bool = False
    """In a script: take the message all the same. The caller cannot know."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A message that a receiver accepts, before the journal numbers it."""

    destination: str
    """Slack channel (name, or id for a bot), issue, incident, name of subscriber or webhook."""
    kind: Kind
    payload: Json
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """An answer, what was accepted with it, and why not: in more words than the vendor gives."""

    answer: Answer
    accepted: Draft | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """Something a receiver accepted. Numbered from 1, in order."""

    id: int
    receiver: Receiver
    destination: str
    kind: Kind
    received_at: datetime
    payload: Json
    raw: str
    """The body exactly as it came."""
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """One request to a receiver, whatever became of it."""

    receiver: Receiver
    destination: str
    method: str
    path: str
    at: datetime
    status: int | None
    """None: the caller got no answer."""
    message: int | None
    """The id of the message that was accepted with it."""
    reason: str = ""


def size(count: int, limit: int, unit: str) -> Note:
    """Say "1,234 of 10,000 characters"; a warning when it is more than the limit."""
    return Note(f"{count:,} of {limit:,} {unit}", warning=count > limit)


NOT_FOUND = Outcome(
    Answer(HTTPStatus.NOT_FOUND, "Not found\n", {"Content-Type": "text/plain"}),
    reason="nothing lives at this address",
)
