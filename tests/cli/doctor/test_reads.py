"""Reads: answers of AWS in their many forms. tests/e2e/test_health.py reads a deployed stage."""

import io
import json
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cli.doctor.facts import (
    AlarmFacts,
    AlternatingTags,
    MappingFacts,
    Resource,
    StreamsFacts,
    TrailFacts,
)
from cli.doctor.reads import Reads, streams_facts
from cli.simulation.memory import MemoryStreams
from lib.errors import ConfigError, DocumentError
from lib.models import StreamId
from lib.models.streams import TagRow
from lib.ports.streams import StreamRow
from lib.store.publications import KEY
from tests.support.builders import NOW
from tests.support.every import every

MANAGEMENT = {"IncludeManagementEvents": True}
DATA = {"IncludeManagementEvents": False}
RESOURCE = Resource("Name", "id-1", "AWS::X")


class Service:
    """Clients of every service: each operation has one answer."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def get(self, _service: str, region: str | None = None) -> Any:
        self.asked.append(("region", {"region": region}))
        return self

    def get_paginator(self, operation: str) -> Any:
        return SimpleNamespace(paginate=lambda **_: self.answers[operation])

    def __getattr__(self, operation: str) -> Any:
        def call(**parameters: Any) -> Any:
            self.asked.append((operation, parameters))
            answer = self.answers[operation]
            found = answer(**parameters) if callable(answer) else answer
            if isinstance(found, Exception):
                raise found
            return found

        return call


def reads(**answers: Any) -> Reads:
    return Reads(Service(**answers))  # type: ignore[arg-type]  # as much of it as is used


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code}}, "Operation")


class TestSecrets:
    """Whether they are there; their values are never asked for."""

    def read(self, kind: str, names: dict[str, Any]) -> Any:
        def described(SecretId: str) -> Any:  # noqa: N803  # boto3's name
            return names.get(SecretId, refused("ResourceNotFoundException"))

        def listed(ParameterFilters: Any) -> Any:  # noqa: N803  # boto3's name
            (wanted,) = ParameterFilters[0]["Values"]
            return {"Parameters": [{}] if wanted in names else []}

        read = reads(describe_secret=described, describe_parameters=listed)
        name = "/ecr-scan-alerts/a" if kind == "parameter" else "ecr-scan-alerts/a"
        return read.secret(kind, name, "prod")

    def test_there(self) -> None:
        """Under the name of the stage."""
        facts = self.read("secret", {"ecr-scan-alerts/prod/a": {}})

        assert (facts.name, facts.exists, facts.older) == ("ecr-scan-alerts/prod/a", True, False)

    def test_deleted(self) -> None:
        """It is listed for some days."""
        assert self.read("secret", {"ecr-scan-alerts/prod/a": {"DeletedDate": NOW}}).deleted

    def test_older(self) -> None:
        """Only under the name as it is written."""
        facts = self.read("secret", {"ecr-scan-alerts/a": {}})

        assert (facts.exists, facts.older) == (False, True)

    def test_missing(self) -> None:
        """Nowhere."""
        facts = self.read("secret", {})

        assert (facts.exists, facts.older) == (False, False)

    def test_parameter(self) -> None:
        """Listed by its name."""
        assert self.read("parameter", {"/ecr-scan-alerts/prod/a": {}}).exists
        assert self.read("parameter", {"/ecr-scan-alerts/a": {}}).older

    def test_denied(self) -> None:
        """That is not missing."""
        read = reads(describe_secret=refused("AccessDeniedException"))

        with pytest.raises(ClientError):
            read.secret("secret", "ecr-scan-alerts/a", "prod")

    def test_foreign_name(self) -> None:
        """No role may read it."""
        with pytest.raises(ConfigError):
            reads().secret("secret", "elsewhere", "prod")


def stored(body: bytes) -> dict[str, Any]:
    return {"Body": io.BytesIO(body), "ETag": "1", "LastModified": NOW}


class TestBucket:
    @pytest.mark.parametrize("private", [True, False])
    def test_block(self, private: bool) -> None:  # noqa: FBT001  # the case
        """All four settings count."""
        names = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy")
        block = dict.fromkeys(names, True) | {"RestrictPublicBuckets": private}
        read = reads(get_public_access_block={"PublicAccessBlockConfiguration": block})

        assert read.bucket("b").private is private

    def test_no_block(self) -> None:
        """It was taken away."""
        read = reads(get_public_access_block=refused("NoSuchPublicAccessBlockConfiguration"))

        assert not read.bucket("b").private

    def test_no_bucket(self) -> None:
        """Another matter."""
        with pytest.raises(ClientError):
            reads(get_public_access_block=refused("NoSuchBucket")).bucket("b")

    @pytest.mark.parametrize(
        "body", [b"", b"[]", b"null", b'{"version": 1}', b'{"destinations": {"a": 1}}']
    )
    def test_config_that_is_none(self, body: bytes) -> None:
        """Somebody wrote something else there."""
        with pytest.raises(DocumentError, match="is no configuration"):
            reads(get_object=stored(body)).deployed_config({"ReportsBucketName": "b"})

    def test_config(self) -> None:
        """The published document."""
        document: Any = {"version": 1, "destinations": {}, "routes": []}
        service = Service(get_object=stored(json.dumps(document).encode()))

        assert Reads(service).deployed_config({"ReportsBucketName": "b"}) == document  # type: ignore[arg-type]
        assert service.asked[-1] == ("get_object", {"Bucket": "b", "Key": KEY})

    def test_no_config(self) -> None:
        """An older version stored none; what is denied is not known."""
        assert (
            reads(get_object=refused("NoSuchKey")).deployed_config({"ReportsBucketName": "b"})
            is None
        )
        with pytest.raises(ClientError):
            reads(get_object=refused("AccessDenied")).deployed_config({"ReportsBucketName": "b"})


@every(
    ("selectors", "writes"),
    [
        ({}, False),
        ({"EventSelectors": [{"IncludeManagementEvents": True, "ReadWriteType": "All"}]}, True),
        ({"EventSelectors": [{"IncludeManagementEvents": False, "ReadWriteType": "All"}]}, False),
        (
            {"EventSelectors": [{"IncludeManagementEvents": True, "ReadWriteType": "ReadOnly"}]},
            False,
        ),
        (
            {
                "EventSelectors": [
                    {
                        "IncludeManagementEvents": True,
                        "ReadWriteType": "WriteOnly",
                        "ExcludeManagementEventSources": ["ecr.amazonaws.com"],
                    }
                ]
            },
            False,
        ),
        (
            {
                "AdvancedEventSelectors": [
                    {"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]}
                ]
            },
            True,
        ),
        (
            {
                "AdvancedEventSelectors": [
                    {
                        "FieldSelectors": [
                            {"Field": "eventCategory", "Equals": ["Management"]},
                            {"Field": "readOnly", "Equals": ["true"]},
                        ]
                    }
                ]
            },
            False,
        ),
        (
            {
                "AdvancedEventSelectors": [
                    {"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Data"]}]}
                ]
            },
            False,
        ),
    ],
)
def test_trail(selectors: Any, writes: bool) -> None:  # noqa: FBT001  # the case
    """What it selects: calls that change something, and those of ECR."""
    read = reads(
        describe_trails={"trailList": [{"Name": "main", "TrailARN": "arn"}]},
        get_trail_status={"IsLogging": True},
        get_event_selectors=selectors,
    )

    assert read.trails() == (TrailFacts("main", logging=True, writes=writes),)


@pytest.mark.parametrize(
    ("scanning", "unscanned"),
    [
        ({}, ("b",)),
        ({"scanType": "ENHANCED"}, ("a", "b")),
        (
            {
                "scanType": "ENHANCED",
                "rules": [
                    {
                        "scanFrequency": "CONTINUOUS_SCAN",
                        "repositoryFilters": [{"filter": "b*", "filterType": "WILDCARD"}],
                    }
                ],
            },
            ("a",),
        ),
    ],
)
def test_scanning(scanning: Any, unscanned: tuple[str, ...]) -> None:
    """The registry's rules decide where it has any, else the repository."""
    listed = [
        {
            "registryId": "000474600478",
            "repositoryName": name,
            "imageScanningConfiguration": {"scanOnPush": on},
        }
        for name, on in (("a", True), ("b", False))
    ]
    read = reads(
        get_registry_scanning_configuration={"scanningConfiguration": scanning},
        describe_repositories=[{"repositories": listed}],
    )

    facts = read.scanning()

    assert facts.unscanned == unscanned
    assert facts.repositories == 2
    assert facts.rules is bool(scanning.get("rules"))


def test_errors() -> None:
    """One question for all functions; what has no datapoint has no error."""
    service = Service(get_metric_data={"MetricDataResults": [{"Id": "m1", "Values": [2.0, 1.0]}]})

    counts = Reads(service).errors(["a", "b"], now=NOW)  # type: ignore[arg-type]

    assert counts == {"a": 0, "b": 3}
    (_, asked) = service.asked[-1]
    assert [each["Id"] for each in asked["MetricDataQueries"]] == ["m0", "m1"]


def test_mapping() -> None:
    """By the name of its queue."""
    answer = {"EventSourceArn": "arn:aws:sqs:r:1:scan-events", "State": "Enabled"}

    facts = reads(get_event_source_mapping=answer).mapping(RESOURCE)

    assert facts == MappingFacts("id-1", "scan-events", "Enabled", "")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"State": "Active", "LastUpdateStatus": "Successful"}, ("Active", "Successful", "")),
        ({"State": "Failed", "StateReason": "no image"}, ("Failed", "", "no image")),
        (
            {"State": "Active", "LastUpdateStatus": "Failed", "LastUpdateStatusReason": "size"},
            ("Active", "Failed", "size"),
        ),
    ],
)
def test_function(answer: Any, expected: tuple[str, str, str]) -> None:
    """State, last update, and why."""
    facts = reads(get_function_configuration=answer).function("deliver")

    assert (facts.state, facts.update, facts.reason) == expected


def test_queue() -> None:
    """Delayed messages wait, too."""
    attributes = {
        "QueueArn": "arn",
        "ApproximateNumberOfMessages": "1",
        "ApproximateNumberOfMessagesDelayed": "2",
        "ApproximateNumberOfMessagesNotVisible": "3",
        "Policy": json.dumps({"Statement": []}),
    }

    facts = reads(get_queue_attributes={"Attributes": attributes}).queue(
        "q", "url", dead_letters=True
    )

    assert (facts.waiting, facts.in_flight, facts.policy) == (3, 3, {"Statement": []})


def test_topic_of_another_region() -> None:
    """It is asked where it is."""
    service = Service(get_topic_attributes={"Attributes": {"SubscriptionsConfirmed": "2"}})

    facts = Reads(service).topic("arn:aws:sns:us-east-1:1:x")  # type: ignore[arg-type]

    assert facts.confirmed == 2
    assert service.asked[0] == ("region", {"region": "us-east-1"})


@pytest.mark.parametrize("protection", [{"DeletionProtectionEnabled": True}, {}])
def test_table(protection: dict[str, bool]) -> None:
    """Protection, recovery, expiry."""
    recovery = {"PointInTimeRecoveryStatus": "ENABLED"}
    read = reads(
        describe_table={"Table": {"TableStatus": "ACTIVE", **protection}},
        describe_continuous_backups={
            "ContinuousBackupsDescription": {"PointInTimeRecoveryDescription": recovery}
        },
        describe_time_to_live={"TimeToLiveDescription": {"TimeToLiveStatus": "ENABLED"}},
    )

    facts = read.table("t")

    assert (facts.protected, facts.restorable, facts.expires) == (bool(protection), True, True)


def test_alarms() -> None:
    """State, and whether it would be heard."""
    quiet = {"AlarmName": "s-a", "StateValue": "OK"}
    loud = {"AlarmName": "s-b", "StateValue": "ALARM", "AlarmDescription": "old"}
    page = {"MetricAlarms": [quiet, loud | {"ActionsEnabled": False}]}

    found = reads(describe_alarms=[page]).alarms("s")

    assert found == (
        AlarmFacts("s-a", "", rings=False, notifies=True),
        AlarmFacts("s-b", "old", rings=True, notifies=False),
    )


def test_stack_and_its_resources() -> None:
    """One that is being made has no id yet."""
    summary = {"LogicalResourceId": "A", "ResourceType": "AWS::X"}
    read = reads(
        describe_stacks={"Stacks": [{"StackStatus": "UPDATE_COMPLETE"}]},
        list_stack_resources=[
            {"StackResourceSummaries": [summary]},
            {"StackResourceSummaries": [summary | {"PhysicalResourceId": "a-1"}]},
        ],
    )

    assert read.stack("s").status == "UPDATE_COMPLETE"
    assert read.resources("s") == (Resource("A", "", "AWS::X"), Resource("A", "a-1", "AWS::X"))


def test_rule() -> None:
    """Managed rules are enabled, too; a target may have a queue for what it could not get."""
    targets = [{"Arn": "a"}, {"Arn": "b", "DeadLetterConfig": {"Arn": "dlq"}}]
    read = reads(
        describe_rule={"Arn": "arn", "State": "ENABLED"},
        list_targets_by_rule={"Targets": targets},
    )

    facts = read.rule(RESOURCE)

    assert facts.enabled
    assert [(each.arn, each.dead_letters) for each in facts.targets] == [("a", ""), ("b", "dlq")]


def test_schedule() -> None:
    """With all that an update repeats."""
    answer = {
        "Name": "sweep",
        "State": "DISABLED",
        "ScheduleExpression": "rate(1 minute)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": "a"},
    }

    facts = reads(get_schedule=answer).schedule(RESOURCE)

    assert (facts.enabled, facts.window, facts.target) == (False, {"Mode": "OFF"}, {"Arn": "a"})


def test_subscriptions() -> None:
    """Until it is confirmed, a subscription has no ARN."""
    listed = [
        {"Protocol": "email", "Endpoint": "a", "SubscriptionArn": "PendingConfirmation"},
        {"Protocol": "email", "Endpoint": "b", "SubscriptionArn": "arn:aws:sns:r:1:t:u"},
    ]

    found = reads(list_subscriptions_by_topic=[{"Subscriptions": listed}]).subscriptions("t")

    assert [(each.endpoint, each.confirmed) for each in found] == [("a", False), ("b", True)]


def test_streams() -> None:
    """Tags in the order in which they were pushed; streams beyond the limit are not looked at."""
    builds, releases = ("main-1", "pr-1", "main-2", "pr-2"), ("1.0", "1.1")
    store = MemoryStreams()
    for name, tags in (("a", builds), ("b", releases), ("c", builds)):
        rows = [TagRow(tag, "sha256:a", NOW + timedelta(days=day)) for day, tag in enumerate(tags)]
        empty = StreamRow(StreamId(f"1/eu/shop/{name}"))
        store.write(empty, replace(empty, tags=tuple(reversed(rows))), ())

    facts = streams_facts(store, most=2)

    assert (facts.examined, facts.more) == (2, True)
    assert facts.alternating == (AlternatingTags(StreamId("1/eu/shop/a"), "main", "pr"),)
    assert reads(query=[{"Items": []}]).streams("t") == StreamsFacts(0, False, ())
