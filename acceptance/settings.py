"""Settings of a run: names and waits. Pure."""

import re
from dataclasses import dataclass
from typing import Final

from deploy.package import LONGEST_STAGE

SERVICE: Final = "ecr-scan-alerts"
TAG: Final = "ecr-scan-alerts-acceptance"
"""Tag key of all resources of a run outside of its stacks. The value is the stage."""
FAILING: Final = "-f"
"""Suffix of the stage whose deployment fails."""
_STAGE: Final = re.compile(
    rf"[A-Za-z][A-Za-z0-9-]{{0,{LONGEST_STAGE - len(FAILING) - 1}}}", re.ASCII
)


class SettingsError(Exception):
    """The run cannot begin. The text names the remedy."""


@dataclass(frozen=True, slots=True)
class Names:
    """The names of all resources of a run, derived from the stage."""

    stage: str

    @property
    def stack(self) -> str:
        """The stack of the stage."""
        return f"{SERVICE}-{self.stage}"

    @property
    def failing_stage(self) -> str:
        """The stage whose deployment fails."""
        return f"{self.stage}{FAILING}"

    @property
    def stages(self) -> tuple[str, ...]:
        """All stages of the run."""
        return self.stage, self.failing_stage

    @property
    def prefix(self) -> str:
        """Prefix of the names of all other resources."""
        return f"{TAG}-{self.stage}"

    @property
    def topic(self) -> str:
        """The topic for alerts, and the queue that is subscribed to it."""
        return f"{self.prefix}-alerts"

    @property
    def probe(self) -> str:
        """The rule that copies push events, and its queue."""
        return f"{self.prefix}-groups"

    @property
    def function(self) -> str:
        """The function that reports the runtime's boto3."""
        return f"{self.prefix}-py"

    @property
    def scanned(self) -> str:
        """The repository whose images are scanned on push."""
        return f"{self.prefix.lower()}/scanned"

    @property
    def unscanned(self) -> str:
        """The repository whose images are not scanned."""
        return f"{self.prefix.lower()}/unscanned"

    @property
    def repositories(self) -> tuple[str, ...]:
        """All repositories of the run."""
        return self.scanned, self.unscanned


def names_of(stage: str) -> Names:
    """Return the names of a run. Raises `SettingsError` for an unusable stage name."""
    if not _STAGE.fullmatch(stage):
        raise SettingsError(
            "STAGE must be letters, digits and hyphens, a letter first, at most"
            f" {LONGEST_STAGE - len(FAILING)}"
        )
    return Names(stage)


@dataclass(frozen=True, slots=True)
class Waits:
    """Waiting times of a run in seconds. The defaults are for AWS."""

    poll: float = 5.0
    """Between two polls."""
    receive: int = 10
    """For one ReceiveMessage."""
    settle: float = 60.0
    """From a deployment to the first push: new rules of EventBridge take a while."""
    alert: float = 900.0
    """From a push to its alert. ECR documents no maximum for scans."""
    large_alert: float = 1800.0
    """From a push to its alert, with thousands of findings."""
    group: float = 300.0
    """From a new rule of EventBridge to the first event in the queue."""
    logs: float = 300.0
    """From the end of an invocation to its REPORT line in CloudWatch Logs."""
    runtime: float = 120.0
    """From the creation of a function to its first answer."""
    new_bucket: float = 600.0
    """From the first deployment to the opening of a report, at most."""
    recursion: float = 3900.0
    """From the push of an index without scans to the end of its revisits."""
    metrics: float = 600.0
    """From an invocation to its metric in CloudWatch."""
    stack: float = 1800.0
    """For the end of a stack's change."""
