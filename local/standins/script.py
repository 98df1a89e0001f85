"""
Faults to play, in order: each request to a receiver takes one step, then everything is normal.

    Answer(429, headers={"Retry-After": "2"})   refuse (with `accepts=True`: take it, then say this)
    Accept()                                    behave normally once
    TimeoutAfterAccept()                        take the message and say nothing
    Disconnect()                                hang up (with `accepts=True`: after taking it)
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from threading import Lock

from local.standins.wire import Answer


@dataclass(frozen=True, slots=True)
class Accept:
    """Behave normally for one request."""


@dataclass(frozen=True, slots=True)
class TimeoutAfterAccept:
    """Take the message, then stay silent until the caller has given up."""

    seconds: float = 30.0
    """When to hang up at last; closing the receivers hangs up at once."""


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Close the connection without an answer."""

    accepts: bool = False


Step = Accept | Answer | Disconnect | TimeoutAfterAccept


class Scripts:
    """The steps still to be played, by name. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._steps: dict[str, deque[Step]] = {}

    def add(self, name: str, steps: Iterable[Step]) -> None:
        """Play these after what was asked for before."""
        with self._lock:
            self._steps.setdefault(name, deque()).extend(steps)

    def next(self, *names: str) -> Step:
        """Take the next step of the first of these names that has one left."""
        with self._lock:
            for name in names:
                if self._steps.get(name):
                    return self._steps[name].popleft()
        return Accept()

    def left(self) -> int:
        """Return how many steps nobody has played yet."""
        with self._lock:
            return sum(map(len, self._steps.values()))
