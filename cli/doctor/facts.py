"""Facts about a deployed stage, as they were read."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from lib.models import Json


@dataclass(frozen=True, slots=True)
class Place:
    """Which stage is looked at, and where: part of every command that mends something."""

    stage: str
    region: str

    @property
    def deploy(self) -> str:
        """The command that deploys the stage again."""
        return f"make deploy STAGE={self.stage} REGION={self.region}"


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource of the stack."""

    name: str
    """In the template: "EcrImageScan"."""
    id: str
    """At its service."""
    type: str


@dataclass(frozen=True, slots=True)
class StackFacts:
    """The stack: how its last deployment ended."""

    name: str
    status: str


@dataclass(frozen=True, slots=True)
class RuleTarget:
    """Where a rule sends events, and what it could not send; empty: nowhere."""

    arn: str
    dead_letters: str = ""


@dataclass(frozen=True, slots=True)
class RuleFacts:
    """A rule of EventBridge."""

    name: str
    """In the template."""
    id: str
    arn: str
    enabled: bool
    targets: tuple[RuleTarget, ...]


@dataclass(frozen=True, slots=True)
class QueueFacts:
    """A queue."""

    name: str
    """As the commands call it: "scan-events"."""
    arn: str
    waiting: int
    in_flight: int
    policy: Json
    """The document; None: there is none."""
    dead_letters: bool


@dataclass(frozen=True, slots=True)
class FunctionFacts:
    """A function."""

    name: str
    state: str
    update: str
    """How its last update ended: Successful, Failed, InProgress."""
    reason: str = ""
    """Why it is in this state."""


@dataclass(frozen=True, slots=True)
class MappingFacts:
    """An event source mapping: what makes a function read its queue."""

    id: str
    queue: str
    state: str
    result: str = ""
    """Of the last poll; "PROBLEM: …" when the queue cannot be read."""


@dataclass(frozen=True, slots=True)
class ScheduleFacts:
    """A schedule, with everything that an update has to repeat."""

    name: str
    enabled: bool
    expression: str
    window: Mapping[str, Json] = field(default_factory=dict)
    target: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SecretFacts:
    """A secret or parameter that a destination names."""

    kind: str
    """secret, parameter"""
    name: str
    """Full, of the stage."""
    written: str
    """As alerts.yml has it."""
    found: bool
    deleted: bool = False
    """It is scheduled for deletion, and cannot be read any more."""
    older: bool = False
    """There is one under the name as it is written, which earlier versions read."""


@dataclass(frozen=True, slots=True)
class TopicFacts:
    """A topic that a destination publishes to."""

    arn: str
    confirmed: int
    """Subscriptions that get messages."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription of the topic of alarms."""

    protocol: str
    endpoint: str
    confirmed: bool


@dataclass(frozen=True, slots=True)
class AlarmFacts:
    """An alarm of CloudWatch."""

    name: str
    description: str
    rings: bool
    notifies: bool
    """Its actions are on."""


@dataclass(frozen=True, slots=True)
class TableFacts:
    """The table of states and deliveries."""

    name: str
    status: str
    protected: bool
    restorable: bool
    """Point-in-time recovery is on."""
    expires: bool
    """Rows end by themselves."""


@dataclass(frozen=True, slots=True)
class BucketFacts:
    """The bucket of reports."""

    name: str
    private: bool
    """All four settings of its public access block are on."""


@dataclass(frozen=True, slots=True)
class ScanningFacts:
    """What the registry scans."""

    scan_type: str
    repositories: int
    unscanned: tuple[str, ...]
    """Repositories whose pushes nobody scans."""
    rules: bool = False
    """The registry has rules about scanning, which a new set would replace."""


@dataclass(frozen=True, slots=True)
class TrailFacts:
    """A trail of CloudTrail that covers the region."""

    name: str
    logging: bool
    writes: bool
    """It records management events that change something."""


@dataclass(frozen=True, slots=True)
class ConfigFacts:
    """The configuration that was deployed last, and the file; documents."""

    deployed: Json
    """None: the stage stores none; an older version deployed it."""
    file: Json
    path: str
