"""Calls of an account that are repeated until they have an answer."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from botocore.exceptions import ClientError

ClientOf = Callable[[str], Any]
T = TypeVar("T")


@dataclass(slots=True)
class Clock:
    """Current time and sleeping."""

    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep


@dataclass(slots=True)
class Poll:
    """Repeats a call at intervals, because many answers of AWS are some seconds late."""

    interval: float
    clock: Clock = field(default_factory=Clock)

    def until(self, look: Callable[[], T | None], seconds: float) -> T | None:
        """Return the first answer that is not None; None after `seconds`."""
        deadline = self.clock.now() + seconds
        while True:
            answer = look()
            if answer is not None or self.clock.now() >= deadline:
                return answer
            self.clock.sleep(self.interval)


def code_of(error: ClientError) -> str:
    """Return the code of an AWS error."""
    return str(error.response.get("Error", {}).get("Code", ""))


MISSING = frozenset(
    {
        "AWS.SimpleQueueService.NonExistentQueue",
        "NoSuchBucket",
        "NoSuchEntity",
        "NotFound",
        "QueueDoesNotExist",
        "RepositoryNotFoundException",
        "ResourceNotFoundException",
    }
)
"""Codes of errors about missing resources."""


def unless_missing(call: Callable[[], T]) -> T | None:
    """Return the answer of a call; None if AWS reports that the resource does not exist."""
    try:
        return call()
    except ClientError as error:
        # CloudFormation has no code of its own for a missing stack.
        text = str(error.response.get("Error", {}).get("Message", ""))
        if code_of(error) in MISSING or "does not exist" in text:
            return None
        raise
