"""The examination of a stage, part by part. An unreadable fact does not stop the others."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from cli.aws_errors import Caller, Refusal, explain, iam_action, kind_of
from cli.doctor import judgements
from cli.doctor.facts import (
    ConfigFacts,
    Place,
    QueueFacts,
    Resource,
    RuleFacts,
)
from cli.doctor.reads import Reads, functions_of
from lib.config import secret_references
from lib.config.model import Config, DestinationConfig
from lib.config.parsing import parse
from lib.errors import ScanAlertError
from lib.models import Destination, Json
from lib.models.diagnostics import Check, CheckStatus, failed, has_failed, note, unknown
from lib.ports.notifiers import DestinationTest

_OF_ALL: Final = (Refusal.CLOCK, Refusal.EXPIRED, Refusal.NOT_VALID)
"""Errors about the credentials, which all later calls would repeat."""
_GONE: Final = ("NotFoundException", "TrailNotFoundException")
"""Codes of single services, in addition to those of `kind_of`."""
_POLICY: Final = "docs/iam/operator.json has all that the commands need"
_QUEUES: Final = (
    ("scan-events", "ScanEventsQueueUrl", False),
    ("finding-events", "FindingEventsQueueUrl", False),
    ("changed-images", "ChangedImagesQueueUrl", False),
    ("syncs", "SyncQueueUrl", False),
    ("deliveries", "DeliveriesQueueUrl", False),
    ("scan-events", "ScanEventsDlqUrl", True),
    ("changed-images", "ChangedImagesDlqUrl", True),
    ("syncs", "SyncDlqUrl", True),
    ("deliveries", "DeliveriesDlqUrl", True),
    ("undelivered-events", "UndeliveredEventsDlqUrl", True),
)
"""Name, output, and whether the queue is a dead-letter queue."""


class Tester(Protocol):
    """The function `deliver`, which can tell whether it reaches the receivers."""

    def test(self, destination: Destination, test: DestinationTest) -> Sequence[Check]:
        """Return the checks of the function."""


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """The operator's configuration file; without one, the deployed configuration is checked."""

    path: str
    document: Json
    """None without a file."""
    named: bool = True
    """False: nobody named it, by an option, the environment or a stage file."""


@dataclass(frozen=True, slots=True)
class Group:
    """Checks of one subject."""

    title: str
    checks: tuple[Check, ...]


class Examination:
    """The checks of a stage."""

    def __init__(
        self,
        reads: Reads,
        tester: Tester,
        *,
        place: Place,
        stack: str,
        outputs: Mapping[str, str],
        file: ConfigFile,
        test: DestinationTest,
        caller: Caller,
    ) -> None:
        self._reads = reads
        self._tester = tester
        self._place = place
        self._stack = stack
        self._outputs = outputs
        self._file = file
        self._test = test
        self._caller = caller

    def groups(self) -> Iterator[Group]:
        """Yield the checks, part by part."""
        yield Group("stack", tuple(self._examine("stack", self._stack_checks)))
        resources, unread = self._resources()
        yield from self._flow(resources, unread)
        deployed, troubles = self._deployed()
        document = self._file.document if deployed is None else deployed
        yield Group("configuration", (*troubles, *self._config(deployed)))
        if document is None:
            missing = unknown("receivers", "not known without a configuration", "Name --config")
            yield Group("receivers", (missing,))
        else:
            yield from self._receivers(parse(document))
        yield Group("data", tuple(self._data()))
        states = self._examine("alarms", self._alarm_states)
        yield Group("alarms", (*self._examine("alarms", self._alarms), *states))
        yield Group("scanning", tuple(self._scanning(document)))

    # --- the flow -----------------------------------------------------------------------------

    def _stack_checks(self) -> Iterable[Check]:
        return judgements.stack(self._reads.stack(self._stack), self._place)

    def _resources(self) -> tuple[Sequence[Resource], list[Check]]:
        resources: list[Resource] = []

        def look() -> Iterable[Check]:
            resources.extend(self._reads.resources(self._stack))
            return ()

        return resources, self._examine("resources", look)

    def _flow(self, resources: Sequence[Resource], unread: list[Check]) -> Iterator[Group]:
        rules: list[RuleFacts] = []
        queues: list[QueueFacts] = []

        def rule(resource: Resource) -> Iterable[Check]:
            facts = self._reads.rule(resource)
            rules.append(facts)
            return judgements.rule(facts, self._place)

        def queue(name: str, output: str, dead_letters: object) -> Iterable[Check]:
            url = self._outputs.get(output, "")
            facts = self._reads.queue(name, url, dead_letters=bool(dead_letters))
            queues.append(facts)
            return judgements.queue(facts, self._place)

        yield Group("rules", (*unread, *self._checks_of(resources, "AWS::Events::Rule", rule)))
        checks = [
            check for line in _QUEUES for check in self._examine(f"queue {line[0]}", queue, *line)
        ]
        yield Group("queues", (*checks, *judgements.policies(rules, queues, self._place)))
        yield Group("functions", (*unread, *self._functions(resources)))
        schedules = self._checks_of(resources, "AWS::Scheduler::Schedule", self._schedule)
        yield Group("schedules", (*unread, *schedules))

    def _schedule(self, resource: Resource) -> Iterable[Check]:
        return judgements.schedule(self._reads.schedule(resource), self._place)

    def _checks_of(
        self, resources: Sequence[Resource], kind: str, look: Callable[[Resource], Iterable[Check]]
    ) -> Iterator[Check]:
        for resource in resources:
            if resource.type == kind:
                yield from self._examine(resource.name, look, resource)

    def _functions(self, resources: Sequence[Resource]) -> Iterator[Check]:
        names = list(functions_of(self._outputs))
        for name in names:
            yield from self._examine(f"function {name}", self._function, name)
        yield from self._checks_of(resources, "AWS::Lambda::EventSourceMapping", self._mapping)
        yield from self._examine("errors", self._errors, names)

    def _function(self, name: str) -> Iterable[Check]:
        return judgements.function(self._reads.function(name), self._place)

    def _mapping(self, resource: Resource) -> Iterable[Check]:
        return judgements.mapping(self._reads.mapping(resource), self._place)

    def _errors(self, names: Sequence[str]) -> Iterable[Check]:
        counts = self._reads.errors(names, now=self._test.time)
        return judgements.errors(counts, self._place)

    # --- the configuration and its receivers --------------------------------------------------

    def _deployed(self) -> tuple[Json, list[Check]]:
        documents: list[Json] = []

        def look() -> Iterable[Check]:
            documents.append(self._reads.deployed_config(self._outputs))
            return ()

        troubles = self._examine("configuration", look)
        return (documents[0] if documents else None), troubles

    def _config(self, deployed: Json) -> Iterable[Check]:
        if self._file.document is None:
            text = f"there is no file {self._file.path} here to compare with"
            return (note("configuration", text, "Name it with --config"),)
        facts = ConfigFacts(deployed, self._file.document, self._file.path, self._file.named)
        return judgements.config(facts, self._place)

    def _receivers(self, config: Config) -> Iterator[Group]:
        secrets = {name: self._secrets(entry) for name, entry in config.destinations.items()}
        # Several destinations may share a secret.
        secret_checks = dict.fromkeys(check for checks in secrets.values() for check in checks)
        yield Group("secrets", tuple(secret_checks))
        options = [entry.options for entry in config.destinations.values()]
        arns = sorted({str(option["topic_arn"]) for option in options if "topic_arn" in option})
        topics = [
            check for arn in arns for check in self._examine(f"topic {arn}", self._topic, arn)
        ]
        yield Group("topics", tuple(topics))
        receivers = [
            check for name in config.destinations for check in self._receiver(name, secrets[name])
        ]
        yield Group("receivers", tuple(receivers))

    def _secrets(self, entry: DestinationConfig) -> list[Check]:
        return [
            check
            for kind, written in secret_references(entry)
            for check in self._examine(f"{kind} {written}", self._secret, kind, written)
        ]

    def _secret(self, kind: str, written: str) -> Iterable[Check]:
        facts = self._reads.secret(kind, written, self._place.stage)
        return judgements.secret(facts, self._place)

    def _topic(self, arn: str) -> Iterable[Check]:
        return judgements.topic(self._reads.topic(arn))

    def _receiver(self, name: Destination, secrets: Sequence[Check]) -> Iterable[Check]:
        subject = f"destination {name}"
        if has_failed(secrets):
            return (unknown(subject, "not tried without its secret"),)
        return self._examine(subject, self._tested, name)

    def _tested(self, name: Destination) -> Iterable[Check]:
        return judgements.receiver(name, self._tester.test(name, self._test))

    # --- data, alarms, scans ------------------------------------------------------------------

    def _data(self) -> Iterator[Check]:
        yield from self._examine("table", self._table)
        yield from self._examine("bucket", self._bucket)
        yield from self._examine("streams", self._streams)

    def _table(self) -> Iterable[Check]:
        return judgements.table(self._reads.table(self._outputs["TableName"]), self._place)

    def _streams(self) -> Iterable[Check]:
        return judgements.streams(self._reads.streams(self._outputs["TableName"]))

    def _bucket(self) -> Iterable[Check]:
        facts = self._reads.bucket(self._outputs["ReportsBucketName"])
        return judgements.bucket(facts, self._place)

    def _alarms(self) -> Iterable[Check]:
        arn = self._outputs.get("AlarmTopicArn", "")
        subscriptions = self._reads.subscriptions(arn)
        return judgements.alarms(arn, subscriptions, self._place)

    def _alarm_states(self) -> Iterable[Check]:
        return judgements.alarm_states(self._reads.alarms(self._stack), self._place)

    def _scanning(self, document: Json) -> Iterator[Check]:
        yield from self._examine("scanning", self._scanned)
        if document is not None and "repositories" in document:
            yield from self._examine("trail", self._trailed)

    def _scanned(self) -> Iterable[Check]:
        return judgements.scanning(self._reads.scanning(), self._place)

    def _trailed(self) -> Iterable[Check]:
        return judgements.trail(self._reads.trails())

    # --- errors -------------------------------------------------------------------------------

    def _examine(
        self, subject: str, look: Callable[..., Iterable[Check]], *arguments: object
    ) -> list[Check]:
        """Run a check. An error becomes a check of its own."""
        try:
            return list(look(*arguments))
        except ClientError as error:
            return [self._refusal(subject, error)]
        except (BotoCoreError, ResponseParserError) as error:
            return [unknown(subject, explain(error, self._caller) or str(error))]
        except ScanAlertError as error:
            return [failed(subject, str(error))]

    def _refusal(self, subject: str, error: ClientError) -> Check:
        kind = kind_of(error)
        if kind in _OF_ALL:
            # Later calls would fail in the same way.
            raise error
        if kind in (Refusal.DENIED, Refusal.BANNED):
            return unknown(subject, f"not known: needs {iam_action(error)}", _POLICY)
        if kind is Refusal.GONE or error.response.get("Error", {}).get("Code") in _GONE:
            return failed(subject, "it does not exist (any more)", self._place.deploy)
        return unknown(subject, explain(error, self._caller) or str(error))


def is_sound(groups: Iterable[Group]) -> bool:
    """Whether everything could be checked, and nothing is broken."""
    bad = (CheckStatus.FAILED, CheckStatus.UNKNOWN)
    return not any(check.status in bad for group in groups for check in group.checks)
