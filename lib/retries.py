"""
What follows from a receiver's refusal: when to try again, and when to give up. Pure.

`lib.http_client` decides the class of each answer; this decides what a class means.
"""

import hashlib
from datetime import timedelta
from typing import Final

from lib.errors import ConfigError, DeliveryError, StoreError, ThrottledError
from lib.models import Delivery, DeliveryId

HORIZON: Final = timedelta(hours=24)
"""A delivery that was not accepted by then is dead."""
BROKEN: Final = timedelta(minutes=10)
"""How long a destination that refuses everything is left alone."""
BEHIND: Final = 30.0
"""Seconds between two looks at whether another delivery has begun the thread."""
UNEXPECTED_LIMIT: Final = 5
"""Attempts that end in an error nobody foresaw; a bug does not heal."""
WAKE_AGAIN: Final = timedelta(minutes=5)
"""How long the queue drops repeats of a wake-up: earlier ones would be in vain."""
_SLOWEST: Final = timedelta(seconds=10)
"""What one delivery of a destination that hardly answers takes."""
_WAKE_AGAIN_AT_LAST: Final = timedelta(hours=1)
DEFAULT_PAUSE: Final = 30.0
"""Seconds to wait after a 429 that does not say how long."""
_FIRST_BACKOFF: Final = 15.0
_MAX_BACKOFF: Final = 900.0

Refusal = DeliveryError | ConfigError | StoreError


def wait(delivery: Delivery, error: Refusal) -> float:
    """Return the seconds until the next attempt: what the receiver asked for, else the backoff."""
    if not isinstance(error, ThrottledError):
        return backoff(delivery.id, delivery.failures + 1)
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


def backoff(delivery_id: DeliveryId, failures: int) -> float:
    """
    Return the seconds before the next attempt: 15 s doubling to 15 min, with jitter.

    The jitter (half of it) comes from the id, so that many rows of one outage spread out while the
    same row always gets the same time.
    """
    full = min(_FIRST_BACKOFF * 2.0 ** min(failures - 1, 10), _MAX_BACKOFF)
    spread = hashlib.sha256(f"{delivery_id}-{failures}".encode()).digest()[0] / 255
    return float(full * (0.5 + spread / 2))
