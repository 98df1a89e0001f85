"""Facts about a deployed stage."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from cli.parser import called_as
from lib.models import Json, StreamId


@dataclass(frozen=True, slots=True)
class Place:
    """A stage and its region, for the commands in remedies."""

    stage: str
    region: str

    @property
    def deploy(self) -> str:
        """The command that deploys the stage again."""
        return f"make deploy STAGE={self.stage} REGION={self.region}"

    @property
    def push(self) -> str:
        """The command that publishes the configuration of the stage."""
        return f"{called_as()} config push --stage {self.stage} --region {self.region}"


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource of the stack."""

    name: str
    """The logical id in the template: "EcrImageScan"."""
    id: str
    """The id or name at its service."""
    type: str


@dataclass(frozen=True, slots=True)
class StackFacts:
    """The stack, and the outcome of its last deployment."""

    name: str
    status: str


@dataclass(frozen=True, slots=True)
class RuleTarget:
    """A target of a rule, and events that it did not accept."""

    arn: str
    dead_letters: str = ""


@dataclass(frozen=True, slots=True)
class RuleFacts:
    """A rule of EventBridge."""

    name: str
    """The logical id in the template."""
    id: str
    arn: str
    enabled: bool
    targets: tuple[RuleTarget, ...]


@dataclass(frozen=True, slots=True)
class QueueFacts:
    """A queue."""

    name: str
    """The name in commands: "scan-events"."""
    arn: str
    waiting: int
    in_flight: int
    policy: Json
    """The policy document; None without one."""
    dead_letters: bool


@dataclass(frozen=True, slots=True)
class FunctionFacts:
    """A function."""

    name: str
    state: str
    update: str
    """The status of the last update: Successful, Failed, InProgress."""
    reason: str = ""
    """The reason of the state."""


@dataclass(frozen=True, slots=True)
class MappingFacts:
    """An event source mapping, by which a function reads its queue."""

    id: str
    queue: str
    state: str
    result: str = ""
    """The result of the last poll; "PROBLEM: …" if the queue cannot be read."""


@dataclass(frozen=True, slots=True)
class ScheduleFacts:
    """A schedule, with all values that an update has to repeat."""

    name: str
    enabled: bool
    expression: str
    window: Mapping[str, Json] = field(default_factory=dict)
    target: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SecretFacts:
    """A secret or parameter of a destination."""

    kind: str
    """secret, parameter"""
    name: str
    """The full name in the stage."""
    written: str
    """The name in alerts.yml."""
    exists: bool
    deleted: bool = False
    """Whether it is scheduled for deletion, and cannot be read."""
    older: bool = False
    """Whether a secret exists under the unprefixed name, which earlier versions read."""


@dataclass(frozen=True, slots=True)
class TopicFacts:
    """The topic of a destination."""

    arn: str
    confirmed: int
    """The number of confirmed subscriptions."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription to the topic of alarms."""

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
    """Whether its actions are enabled."""


@dataclass(frozen=True, slots=True)
class TableFacts:
    """The table of states and deliveries."""

    name: str
    status: str
    protected: bool
    restorable: bool
    """Whether point-in-time recovery is enabled."""
    expires: bool
    """Whether rows expire."""


@dataclass(frozen=True, slots=True)
class BucketFacts:
    """The bucket of reports."""

    name: str
    private: bool
    """Whether all four settings of the public access block are on."""


@dataclass(frozen=True, slots=True)
class ScanningFacts:
    """The scanning of the registry."""

    scan_type: str
    repositories: int
    unscanned: tuple[str, ...]
    """Repositories whose pushed images are not scanned."""
    rules: bool = False
    """Whether the registry has scanning rules, which a new set would replace."""


class AlternatingTags(NamedTuple):
    """A stream that goes back and forth between two kinds of tags."""

    stream: StreamId
    first: str
    """ "main" of "main-17"."""
    second: str


@dataclass(frozen=True, slots=True)
class StreamsFacts:
    """The streams of the stage."""

    examined: int
    more: bool
    """Whether there are further streams, which were not looked at."""
    alternating: tuple[AlternatingTags, ...]


@dataclass(frozen=True, slots=True)
class TrailFacts:
    """A trail of CloudTrail that covers the region."""

    name: str
    logging: bool
    writes: bool
    """Whether it records management events of writes."""


@dataclass(frozen=True, slots=True)
class ConfigFacts:
    """The last deployed configuration, and the file, as documents."""

    deployed: Json
    """None if an older version deployed the stage and stored none."""
    file: Json
    path: str
    named: bool = True
    """False: it is the file of the folder, and perhaps not that of the stage."""
