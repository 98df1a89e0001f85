"""
Scripted faults: each request to a receiver takes one step. After the last step it behaves normally.

    Answer(429, headers={"Retry-After": "2"})   refuse (with `accepts=True`: accept, then answer so)
    Accept()                                    behave normally once
    TimeoutAfterAccept()                        accept the message without an answer
    Disconnect()                                hang up (with `accepts=True`: accept before)
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from threading import Lock

from local.standins.wire import Answer


@dataclass(frozen=True, slots=True)
class Accept:
    """Behave normally for one request."""


@dataclass(frozen=True, slots=True)
class TimeoutAfterAccept:
    """Accept the message, then send nothing until the caller gives up."""

    seconds: float = 30.0
    """Seconds until the connection is closed. Closing the receivers closes it immediately."""


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Close the connection without an answer."""

    accepts: bool = False


Step = Accept | Answer | Disconnect | TimeoutAfterAccept


class Scripts:
    """The remaining steps by receiver. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._steps: dict[str, deque[Step]] = {}

    def add(self, name: str, steps: Iterable[Step]) -> None:
        """Append steps to the script of a receiver."""
        with self._lock:
            self._steps.setdefault(name, deque()).extend(steps)

    def next(self, *names: str) -> Step:
        """Take the next step of the first of these names that has steps."""
        with self._lock:
            for name in names:
                if self._steps.get(name):
                    return self._steps[name].popleft()
        return Accept()

    def left(self) -> int:
        """Return the number of remaining steps."""
        with self._lock:
            return sum(map(len, self._steps.values()))


def reason_of(step: Answer | Disconnect) -> str:
    """Return the reason for which the journal says that a step refused a message."""
    if isinstance(step, Disconnect):
        return "hung up on purpose"
    after = step.headers.get("Retry-After")
    wait = f", Retry-After: {after}" if after else ""
    return f"refused on purpose: {step.body or HTTPStatus(step.status).phrase}{wait}"
