"""The urgency of what is news: a level, and what to find out where it depends on that. Pure."""

from typing import NamedTuple

from lib.messages.titles import URGENCY, WORKING_HOURS

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
    """What to find out: whether the condition holds."""
    once: str = ""
    """When it does not hold, behind `otherwise`; empty where that says more than a level."""
    code: str = ""
    """The condition for programs: one of the words of alert-1.0.0."""

    @property
    def title(self) -> str:
        """The level with its reason, and when to look or what to find out where that differs."""
        if self.condition:
            end = f"{self.otherwise} {self.once}" if self.once else f"then {self.otherwise}"
            return f"{URGENCY}: {self.level}, {self.check} ({self.reason}); {end}"
        level = f"{self.level}, {WORKING_HOURS}" if self.waits else self.level
        return f"{URGENCY}: {level} ({self.reason})"
