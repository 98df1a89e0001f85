"""The urgency of what is news: a level, or what to check where it depends on something. Pure."""

from typing import NamedTuple

from lib.messages.titles import (
    NOW,
    SOON,
    URGENCY,
    WORKING_HOURS,
)

HIGH, MEDIUM, LOW = "high", "medium", "low"


class Urgency(NamedTuple):
    """The urgency of what is news, with its reason."""

    level: str
    """high, medium or low; medium where nothing was scanned or rated."""
    reason: str
    condition: str = ""
    """Where the level holds, if that is not everywhere."""
    exploits: str = ""
    """What is known of exploits: one of the words of alert-1.0.0."""
    otherwise: str = ""
    """The level where the condition does not hold."""
    waits: bool = False
    """Whether the risk is unknown, which waits for working hours whatever its level."""
    check: str = ""
    """What to do first, and {when}: it tells whether the condition holds."""
    cases: tuple[str, ...] = ()
    """What that can show: where the condition holds, and where it does not."""

    @property
    def title(self) -> str:
        """The level with its reason, and when to look where that is not known from it."""
        return f"{URGENCY}: {self._first} ({self.reason}){self._levels}"

    @property
    def _first(self) -> str:
        """The level; where it depends on something, what to check and when."""
        if self.condition:
            return self.check.format(when=NOW if self.level == HIGH else SOON)
        return f"{self.level}, {WORKING_HOURS}" if self.waits else self.level

    @property
    def _levels(self) -> str:
        """The level in each case, as a sentence; empty where there is one."""
        if not self.condition:
            return ""
        holds, holds_not = self.cases
        return f". {holds}: {self.level}; {holds_not}: {self.otherwise}"
