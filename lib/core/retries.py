"""
Retries: the consequences of a receiver's refusal, and the time of the next attempt. Pure.

`lib.http_client` decides the class of each answer; this module decides what a refusal for good
means and how long to wait. `lib.flows.refusals` does it, and pauses a destination after a 429.
"""

import hashlib
from datetime import timedelta
from enum import Enum
from typing import Final, Protocol

from lib.errors import (
    ConfigError,
    DeliveryError,
    PermanentDeliveryError,
    StoreError,
    ThrottledError,
)
from lib.models import DeliveryId

HORIZON: Final = timedelta(hours=24)
"""A delivery that was not accepted by then is dead."""
BROKEN: Final = timedelta(minutes=10)
"""The pause of a destination that refuses everything."""
UNEXPECTED_LIMIT: Final = 5
"""Attempts that end in an unexpected error. A bug does not pass by itself."""
WAKE_AGAIN: Final = timedelta(minutes=5)
"""The time for which the queue drops repeats of a wake-up: earlier ones have no effect."""
_SLOWEST: Final = timedelta(seconds=10)
"""The time of one delivery to a destination that hardly answers."""
_WAKE_AGAIN_AT_LAST: Final = timedelta(hours=1)
DEFAULT_PAUSE: Final = 30.0
"""Seconds to wait after a 429 without a time."""
REFUSALS: Final = 6
"""Refusals in a row that may pass by themselves, within four to eight minutes."""
_FIRST_BACKOFF: Final = 15.0
_MAX_BACKOFF: Final = 900.0

Refusal = DeliveryError | ConfigError | StoreError


class TriedRow(Protocol):
    """A row whose message was tried."""

    @property
    def id(self) -> DeliveryId:
        """The id of the row."""

    @property
    def failures(self) -> int:
        """The number of failed attempts before, without throttling."""


class Consequence(Enum):
    """The consequence of a refusal for a delivery and for its destination."""

    DIES = "this message is refused for good"
    BROKEN_AND_DIES = "every message is refused for good"
    TRIED_AGAIN = "the refusal may pass by itself"
    BROKEN_AND_TRIED_AGAIN = "the refusal has lasted for minutes"

    @property
    def dies(self) -> bool:
        """Whether the delivery is given up now."""
        return self in (Consequence.DIES, Consequence.BROKEN_AND_DIES)

    @property
    def is_broken(self) -> bool:
        """Whether the other deliveries of the destination wait, and the fallback is notified."""
        return self in (Consequence.BROKEN_AND_DIES, Consequence.BROKEN_AND_TRIED_AGAIN)


def consequence_of(row: TriedRow, error: PermanentDeliveryError) -> Consequence:
    """
    Return the consequence of a refusal.

    A refusal that may pass is tried again until the horizon. From the sixth failure on it has
    lasted: then every refusal of all messages breaks the destination anew. A refusal that may be
    about one message only breaks it at the 6th, 12th, 24th … failure, so that others get through.
    """
    if not error.may_pass:
        return Consequence.BROKEN_AND_DIES if error.broken else Consequence.DIES
    turns, rest = divmod(row.failures + 1, REFUSALS)
    lasts = turns > 0 if error.broken else rest == 0 and turns.bit_count() == 1
    return Consequence.BROKEN_AND_TRIED_AGAIN if lasts else Consequence.TRIED_AGAIN


def wait(row: TriedRow, error: Refusal) -> float:
    """Return the seconds until the next attempt: what the receiver asked for, else the backoff."""
    if not isinstance(error, ThrottledError):
        return backoff(row.id, row.failures + 1)
    return DEFAULT_PAUSE if error.retry_after is None else max(error.retry_after, 1.0)


def wake_again(waiting: int) -> timedelta:
    """
    Return when to wake a delivery again that did not follow its wake-up: five minutes to an hour.

    The `waiting` of a destination are sent one after the other. Were they woken faster than a slow
    one takes them, its wake-ups would pile up in the queue, which looks for other destinations
    among its first 120,000 messages only:
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/avoid-backlog-with-the-same-message-group-id.html
    """
    return min(max(WAKE_AGAIN, waiting * _SLOWEST), _WAKE_AGAIN_AT_LAST)


def backoff(row_id: DeliveryId, failures: int) -> float:
    """
    Return the seconds before the next attempt: 15 s doubling to 15 min, with jitter.

    The jitter (half of it) comes from the id, so that many rows of one outage spread out while the
    same row always gets the same time.
    """
    full = min(_FIRST_BACKOFF * 2.0 ** min(failures - 1, 10), _MAX_BACKOFF)
    spread = hashlib.sha256(f"{row_id}-{failures}".encode()).digest()[0] / 255
    return float(full * (0.5 + spread / 2))
