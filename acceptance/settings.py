"""Settings of one run: its names and its waits. Pure."""

import re
from dataclasses import dataclass
from typing import Final

from deploy.package import LONGEST_STAGE

SERVICE: Final = "ecr-scan-alerts"
TAG: Final = "ecr-scan-alerts-acceptance"
"""The key of the tag on everything that a run makes beside its stacks; the value is the stage."""
FAILING: Final = "-f"
"""What the stage of the deployment that fails ends with."""
_STAGE: Final = re.compile(
    rf"[A-Za-z][A-Za-z0-9-]{{0,{LONGEST_STAGE - len(FAILING) - 1}}}", re.ASCII
)


class SettingsError(Exception):
    """The run cannot begin; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Names:
    """The names of everything that a run makes; all of them follow from the stage."""

    stage: str

    @property
    def stack(self) -> str:
        """The stack of the stage."""
        return f"{SERVICE}-{self.stage}"

    @property
    def failing_stage(self) -> str:
        """The stage of the deployment that fails."""
        return f"{self.stage}{FAILING}"

    @property
    def stages(self) -> tuple[str, ...]:
        """All stages of the run."""
        return self.stage, self.failing_stage

    @property
    def prefix(self) -> str:
        """What the names of all other resources begin with."""
        return f"{TAG}-{self.stage}"

    @property
    def topic(self) -> str:
        """The topic that alerts are sent to; also the queue that is subscribed to the topic."""
        return f"{self.prefix}-alerts"

    @property
    def probe(self) -> str:
        """The rule that copies push events; also the queue that the rule sends to."""
        return f"{self.prefix}-groups"

    @property
    def function(self) -> str:
        """The function that looks at the runtime."""
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
    """Return the names of a run. Raises `SettingsError` for a stage that cannot be one."""
    if not _STAGE.fullmatch(stage):
        raise SettingsError(
            "STAGE must be letters, digits and hyphens, a letter first, at most"
            f" {LONGEST_STAGE - len(FAILING)}"
        )
    return Names(stage)


@dataclass(frozen=True, slots=True)
class Waits:
    """How long a run waits, in seconds. The defaults are those for AWS."""

    poll: float = 5.0
    """Between two looks at the same thing."""
    receive: int = 10
    """Of one ReceiveMessage."""
    settle: float = 60.0
    """From a deployment to the first push: rules of EventBridge need a while."""
    alert: float = 900.0
    """From a push to an alert. ECR does not say how long a scan takes at most."""
    large_alert: float = 1800.0
    """The same, with thousands of findings."""
    group: float = 300.0
    """From a new rule of EventBridge to the first event in the queue."""
    logs: float = 300.0
    """From the end of a function to its REPORT line in CloudWatch Logs."""
    runtime: float = 120.0
    """From the creation of a function to an answer."""
    new_bucket: float = 600.0
    """How soon after the first deployment a report has to be opened."""
    recursion: float = 3900.0
    """From the push of an index that nothing scans until every revisit is over."""
    metrics: float = 600.0
    """From an invocation to the metric in CloudWatch."""
    stack: float = 1800.0
    """Until a stack that changes is at rest."""
