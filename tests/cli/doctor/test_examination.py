"""Examination: what cannot be read is said with its permission, and hides nothing else."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.parsers import ResponseParserError

from cli.aws_errors import Caller
from cli.doctor.examination import ConfigFile, Examination, Group, is_sound
from cli.doctor.facts import (
    AlarmFacts,
    BucketFacts,
    FunctionFacts,
    MappingFacts,
    Place,
    QueueFacts,
    Resource,
    RuleFacts,
    RuleTarget,
    ScanningFacts,
    ScheduleFacts,
    SecretFacts,
    StackFacts,
    StreamsFacts,
    Subscription,
    TableFacts,
    TopicFacts,
    TrailFacts,
)
from lib.errors import DocumentError
from lib.models.diagnostics import Check, CheckStatus, note, ok, unknown
from lib.ports.notifiers import DestinationTest
from tests.support.builders import NOW

TOPIC = "arn:aws:sns:eu-central-1:000474600478:mail"
DOCUMENT: Any = {
    "version": 1,
    "destinations": {
        "slack": {"type": "slack", "webhook": {"secret": "ecr-scan-alerts/a"}},
        "mail": {"type": "sns", "topic_arn": TOPIC},
    },
    "routes": [{"name": "everything", "notify": ["slack", "mail"]}],
    "repositories": {},
}
OUTPUTS = {
    "ScanEventsQueueUrl": "scan-events",
    "ScanEventsDlqUrl": "scan-events-dlq",
    "FindingEventsQueueUrl": "finding-events",
    "ChangedImagesQueueUrl": "changed-images",
    "ChangedImagesDlqUrl": "changed-images-dlq",
    "SyncQueueUrl": "syncs",
    "SyncDlqUrl": "syncs-dlq",
    "DeliveriesQueueUrl": "deliveries",
    "DeliveriesDlqUrl": "deliveries-dlq",
    "UndeliveredEventsDlqUrl": "undelivered",
    "DeliverFunctionName": "deliver",
    "TableName": "table",
    "ReportsBucketName": "bucket",
    "AlarmTopicArn": "alarms",
}
POLICY = {
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Condition": {"ArnEquals": {"aws:SourceArn": "rule"}},
        }
    ]
}


class HealthyReads:
    """A stage where all is well."""

    def __init__(self) -> None:
        self.errors_of: dict[str, Exception] = {}
        self.current: Any = DOCUMENT

    def __getattribute__(self, name: str) -> Any:
        found = object.__getattribute__(self, name)
        broken = object.__getattribute__(self, "__dict__").get("errors_of", {})
        if name in broken:

            def fail(*_: Any, **__: Any) -> Any:
                raise broken[name]

            return fail
        return found

    def stack(self, name: str) -> StackFacts:
        return StackFacts(name, "UPDATE_COMPLETE")

    def resources(self, _stack: str) -> tuple[Resource, ...]:
        kinds = ("Events::Rule", "Lambda::EventSourceMapping", "Scheduler::Schedule", "IAM::Role")
        return tuple(Resource(kind, kind, f"AWS::{kind}") for kind in kinds)

    def rule(self, resource: Resource) -> RuleFacts:
        return RuleFacts(
            resource.name, resource.id, "rule", enabled=True, targets=(RuleTarget("scan-events"),)
        )

    def queue(self, name: str, url: str, *, dead_letters: bool) -> QueueFacts:
        return QueueFacts(name, url, 0, 0, POLICY, dead_letters)

    def function(self, name: str) -> FunctionFacts:
        return FunctionFacts(name, "Active", "Successful")

    def errors(self, functions: Any, *, now: Any) -> dict[str, int]:
        assert now == NOW
        return dict.fromkeys(functions, 0)

    def mapping(self, resource: Resource) -> MappingFacts:
        return MappingFacts(resource.id, "scan-events", "Enabled")

    def schedule(self, resource: Resource) -> ScheduleFacts:
        return ScheduleFacts(resource.name, enabled=True, expression="rate(1 minute)")

    def secret(self, kind: str, written: str, stage: str) -> SecretFacts:
        return SecretFacts(kind, f"{stage}/{written}", written, exists=True)

    def topic(self, arn: str) -> TopicFacts:
        return TopicFacts(arn, 1)

    def subscriptions(self, _topic: str) -> tuple[Subscription, ...]:
        return (Subscription("email", "ops@example.com", confirmed=True),)

    def alarms(self, stack: str) -> tuple[AlarmFacts, ...]:
        return (AlarmFacts(f"{stack}-age", "old", rings=False, notifies=True),)

    def table(self, name: str) -> TableFacts:
        return TableFacts(name, "ACTIVE", protected=True, restorable=True, expires=True)

    def bucket(self, name: str) -> BucketFacts:
        return BucketFacts(name, private=True)

    def streams(self, _table: str) -> StreamsFacts:
        return StreamsFacts(3, more=False, alternating=())

    def deployed_config(self, _bucket: str) -> Any:
        return self.current

    def scanning(self) -> ScanningFacts:
        return ScanningFacts("BASIC", 1, ())

    def trails(self) -> tuple[TrailFacts, ...]:
        return (TrailFacts("main", logging=True, writes=True),)


class Function:
    """The function, which finds everything in order unless told otherwise."""

    def __init__(self) -> None:
        self.tested: list[str] = []
        self.error: Exception | None = None

    def test(self, destination: str, test: DestinationTest) -> list[Check]:
        assert not test.send
        self.tested.append(destination)
        if self.error is not None:
            raise self.error
        return [ok("secret", "can be read")]


READS = sorted(name for name in vars(HealthyReads) if not name.startswith("_"))


@pytest.fixture
def reads() -> HealthyReads:
    return HealthyReads()


@pytest.fixture
def tester() -> Function:
    return Function()


@pytest.fixture
def examine(reads: HealthyReads, tester: Function) -> Callable[..., list[Group]]:
    def run(document: Any = DOCUMENT, outputs: Any = OUTPUTS) -> list[Group]:
        examination = Examination(
            reads,  # type: ignore[arg-type]  # the same methods
            tester,
            place=Place("prod", "eu-central-1"),
            stack="ecr-scan-alerts-prod",
            outputs=outputs,
            file=ConfigFile("alerts.yml", document),
            test=DestinationTest("test-1", NOW, "stage prod", send=False),
            caller=Caller(stage="prod"),
        )
        return list(examination.groups())

    return run


def checks_of(groups: list[Group]) -> Iterator[Check]:
    for group in groups:
        yield from group.checks


def bad(groups: list[Group]) -> list[Check]:
    return [check for check in checks_of(groups) if check.status is not CheckStatus.OK]


def denied(operation: str, message: str = "") -> ClientError:
    return ClientError({"Error": {"Code": "AccessDeniedException", "Message": message}}, operation)


def test_healthy_stage(examine: Any, tester: Function) -> None:
    """Every part is there, and all is ok."""
    groups = examine()

    assert not bad(groups)
    assert is_sound(groups)
    assert tester.tested == ["slack", "mail"]
    assert [group.title for group in groups] == [
        "stack",
        "rules",
        "queues",
        "functions",
        "schedules",
        "configuration",
        "secrets",
        "topics",
        "receivers",
        "data",
        "alarms",
        "scanning",
    ]


@pytest.mark.parametrize("name", READS)
def test_denied_read_hides_no_other(examine: Any, reads: HealthyReads, name: str) -> None:
    """Whatever may not be read: one thing is not known, with its action; all else is looked at."""
    titles = [group.title for group in examine()]
    text = "User: x is not authorized to perform: some:Action on resource: y"
    reads.errors_of[name] = denied("Operation", text)

    groups = examine()

    troubles = bad(groups)
    assert troubles
    assert all(check.status is not CheckStatus.FAILED for check in troubles)
    assert "not known: needs some:Action" in {check.text for check in troubles}
    assert not is_sound(groups)
    assert [group.title for group in groups] == titles
    assert sum(check.status is CheckStatus.OK for check in checks_of(groups)) > 10


def test_denial_without_action_names_the_operation(examine: Any, reads: HealthyReads) -> None:
    """Some services do not say what was missing."""
    reads.errors_of["table"] = denied("DescribeTable")

    (check,) = bad(examine())

    assert check.text == "not known: needs DescribeTable"


@pytest.mark.parametrize(
    "code",
    [
        "ResourceNotFoundException",
        "NotFound",
        "NotFoundException",
        "QueueDoesNotExist",
        "NoSuchBucket",
        "404",
    ],
)
def test_what_is_gone_is_deployed_again(examine: Any, reads: HealthyReads, code: str) -> None:
    """Somebody deleted it by hand."""
    reads.errors_of["bucket"] = ClientError({"Error": {"Code": code}}, "Operation")

    (check,) = bad(examine())

    assert check.status is CheckStatus.FAILED
    assert check.remedy.startswith("make deploy")


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "Throttling", "Message": "slow"}}, "Operation"),
        ClientError({}, "Operation"),
        EndpointConnectionError(endpoint_url="https://x"),
        ResponseParserError("no XML"),
    ],
)
def test_other_errors_are_not_known(examine: Any, reads: HealthyReads, error: Exception) -> None:
    """Neither right nor wrong."""
    reads.errors_of["scanning"] = error

    (check,) = bad(examine())

    assert check.status is CheckStatus.UNKNOWN


@pytest.mark.parametrize("code", ["ExpiredToken", "InvalidClientTokenId"])
def test_credentials_end_the_examination(examine: Any, reads: HealthyReads, code: str) -> None:
    """Whatever is asked next gets the same answer: one sentence says it."""
    reads.errors_of["rule"] = ClientError({"Error": {"Code": code}}, "DescribeRule")

    with pytest.raises(ClientError):
        examine()


def test_silent_function_is_wrong(examine: Any, tester: Function) -> None:
    """`deliver` has to answer."""
    tester.error = DocumentError("The function deliver did not answer")

    troubles = bad(examine())

    assert [check.status for check in troubles] == [CheckStatus.FAILED] * 2


def test_receiver_without_secret_is_not_tried(
    examine: Any, tester: Function, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is missing is said once."""

    def missing(self: Any, kind: str, written: str, stage: str) -> SecretFacts:  # noqa: ARG001  # the method's
        return SecretFacts(kind, f"{stage}/{written}", written, exists=False)

    monkeypatch.setattr(HealthyReads, "secret", missing)

    groups = examine()

    assert tester.tested == ["mail"]
    assert unknown("destination slack", "not tried without its secret") in checks_of(groups)


def test_without_a_file_the_deployed_one_counts(examine: Any, tester: Function) -> None:
    """An operator has not always the repository at hand."""
    (check,) = bad(examine(None))

    assert check == note(
        "configuration",
        "there is no file alerts.yml here to compare with",
        "Name it with --config",
    )
    assert tester.tested == ["slack", "mail"]


def test_without_any_configuration(examine: Any, reads: HealthyReads, tester: Function) -> None:
    """Then nothing is known of receivers, and that is said."""
    reads.current = None

    groups = examine(None)

    assert not tester.tested
    assert "not known without a configuration" in {check.text for check in bad(groups)}
    assert not is_sound(groups)


def test_trail_only_where_repositories_are_checked(examine: Any, reads: HealthyReads) -> None:
    """It is read for nothing else."""
    document = {name: value for name, value in DOCUMENT.items() if name != "repositories"}
    reads.current = document

    assert "trail" not in {check.subject for check in checks_of(examine(document))}
