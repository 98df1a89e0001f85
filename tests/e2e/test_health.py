"""`destinations test` and `doctor` against a deployed stage of their own, which is broken here."""

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli.__main__ import main
from cli.alerts_file import read
from cli.aws_errors import action_of
from lib.store.publications import KEY
from local.aws.process import ROOT, EmbeddedAws, cloud_python
from local.demo.app import STAGE, App, install, write_config
from local.standins.server import Receivers
from tests.support.cloud_fixtures import quick_aws, recording

CALL = re.compile(r"^aws: \S+ \d+", re.MULTILINE)
Run = Callable[..., tuple[int, str, str]]
NAMES = [
    "audit-topic",
    "inventory-webhook",
    "on-call",
    "payments-slack",
    "platform-slack",
    "platform-slack/C0STOREFRONT",
    "security-jira",
    "security-mail",
]


@dataclass(frozen=True)
class Deployed:
    """A stage, and the file that it was deployed from."""

    app: App
    config: Path

    def secret(self, name: str) -> str:
        return f"ecr-scan-alerts/{STAGE}/{name}"

    def replace(self, name: str, value: str) -> str:
        """Store another value and return the one before."""
        client, secret = self.app.aws.client("secretsmanager"), self.secret(name)
        before = client.get_secret_value(SecretId=secret)["SecretString"]
        client.put_secret_value(SecretId=secret, SecretString=value)
        return str(before)


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """Deploy the demo's configuration: one destination of each kind."""
    if not (ROOT / "node_modules" / ".bin" / "osls").exists():
        pytest.skip("osls is not installed; run `make test`, which does that")
    cloud_python()
    folder = tmp_path_factory.mktemp("health")
    with quick_aws(folder / "cloud.log") as aws, Receivers() as receivers:
        config = write_config(ROOT / "local" / "alerts.yml", receivers.url, folder / "alerts.yml")
        # With them doctor notes that there is no trail of CloudTrail.
        config.write_text(config.read_text().replace("repositories: {}\n", ""))
        yield Deployed(install(aws, receivers, config), config)


@pytest.fixture
def run(
    deployed: Deployed, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Run:
    """Return the command with the credentials of the embedded AWS."""
    for name, value in deployed.app.aws.environment().items():
        monkeypatch.setenv(name, value)

    def command(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return command


def test_every_destination_passes(deployed: Deployed, run: Run) -> None:
    """One TEST message each, through the function, and no row, thread or issue."""
    before = len(deployed.app.receivers.messages())

    code, out, _ = run("destinations", "test", "--all", "--stage", STAGE, "--format", "json")

    tested = json.loads(out)
    assert code == 0, out
    assert [each["destination"] for each in tested] == NAMES
    deployed.app.receivers.wait_for(before + len(NAMES) - 1, timeout=10)
    arrived = deployed.app.receivers.messages()[before:]
    assert all("TEST" in json.dumps(message.payload) for message in arrived)
    assert all(f"stage {STAGE}" in json.dumps(message.payload) for message in arrived)
    assert not deployed.app.rows()
    assert not deployed.app.receivers.messages("jira")
    assert not deployed.app.receivers.open_incidents


def test_wrong_secret_is_found(deployed: Deployed, run: Run) -> None:
    """The secret that is stored now counts, and not what the function has in its cache."""
    code, _, _ = run("destinations", "test", "on-call", "--stage", STAGE)
    assert code == 0
    right = deployed.replace("demo-pagerduty", "0" * 32)
    try:
        code, out, _ = run("destinations", "test", "on-call", "--stage", STAGE)
    finally:
        deployed.replace("demo-pagerduty", right)

    assert code == 1
    assert "FAILED" in out
    assert "Invalid routing key" in out
    assert "to do: The integration was removed" in out


def test_unknown_name_is_a_mistake(run: Run) -> None:
    """Nothing is sent, and the nearest name is offered."""
    code, _, err = run("destinations", "test", "on-cal", "--stage", STAGE)

    assert code == 2
    assert "did you mean on-call?" in err


def test_list_compares_file_and_stage(deployed: Deployed, run: Run, tmp_path: Path) -> None:
    """What is only in the file was not deployed yet, and the other way round."""
    other = tmp_path / "alerts.yml"
    other.write_text(deployed.config.read_text().replace("on-call", "nobody"))

    code, out, err = run("destinations", "list", "--stage", STAGE, "--config", str(other))

    assert code == 0
    assert "nobody" in out
    assert "nobody is not deployed" in err
    assert "on-call is deployed" in err


def test_jira_issue_of_a_test_is_deleted(run: Run) -> None:
    """`--create` goes all the way."""
    code, out, _ = run("destinations", "test", "security-jira", "--create", "--stage", STAGE)

    assert code == 0
    assert "was deleted again" in out


def test_tests_from_this_machine(deployed: Deployed, run: Run, monkeypatch: Any) -> None:
    """Without a stage secrets are read as they are written, with the operator's credentials."""
    monkeypatch.setenv("RECEIVER_HOSTS", "127.0.0.1")
    value = deployed.app.receivers.pagerduty_key("on-call")
    deployed.app.aws.client("secretsmanager").create_secret(
        Name="ecr-scan-alerts/demo-pagerduty", SecretString=value
    )

    code, out, _ = run("destinations", "test", "on-call", "--config", str(deployed.config))
    missing, text, _ = run(
        "destinations", "test", "platform-slack", "--config", str(deployed.config)
    )

    assert code == 0, out
    assert "an operator's machine" in out
    assert missing == 1
    assert "ResourceNotFoundException" in text


@pytest.fixture(scope="module")
def healthy(deployed: Deployed) -> Deployed:
    """Do what the embedded AWS or the local stage leaves out, and what a person has to do."""
    app, aws = deployed.app, deployed.app.aws
    table, outputs = app.stack.outputs["TableName"], app.stack.outputs
    dynamodb = aws.client("dynamodb")
    dynamodb.update_table(TableName=table, DeletionProtectionEnabled=True)
    dynamodb.update_continuous_backups(
        TableName=table,
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
    )
    if expiry(dynamodb, table) != "ENABLED":
        dynamodb.update_time_to_live(
            TableName=table,
            TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"},
        )
    endpoint = app.receivers.sns_url("alarms")
    aws.client("sns").subscribe(
        TopicArn=outputs["AlarmTopicArn"], Protocol="http", Endpoint=endpoint
    )
    store(deployed, read(deployed.config).document)
    aws.client("s3").create_bucket(
        Bucket="trails", CreateBucketConfiguration={"LocationConstraint": aws.region}
    )
    aws.client("cloudtrail").create_trail(Name="main", S3BucketName="trails")
    aws.client("cloudtrail").start_logging(Name="main")
    aws.client("ecr").create_repository(
        repositoryName="scanned", imageScanningConfiguration={"scanOnPush": True}
    )
    return deployed


def store(deployed: Deployed, document: Any) -> None:
    """Store a configuration as `make deploy` does."""
    bucket = deployed.app.stack.outputs["ReportsBucketName"]
    deployed.app.aws.client("s3").put_object(Bucket=bucket, Key=KEY, Body=json.dumps(document))


def expiry(dynamodb: Any, table: str) -> str:
    described = dynamodb.describe_time_to_live(TableName=table)
    return str(described["TimeToLiveDescription"]["TimeToLiveStatus"])


@pytest.fixture
def doctor(healthy: Deployed, run: Run) -> Callable[[], tuple[int, list[Any]]]:
    def examine() -> tuple[int, list[Any]]:
        config = str(healthy.config)
        code, out, _ = run("doctor", "--stage", STAGE, "--config", config, "--format", "json")
        return code, [check for check in json.loads(out)["checks"] if check["status"] != "ok"]

    return examine


def test_all_is_ok(deployed: Deployed, run: Run, doctor: Any) -> None:
    """Nothing to say, and nothing was sent or written to find out."""
    before = len(deployed.app.receivers.messages())

    assert wait_for(lambda: doctor() == (0, [])), doctor()
    assert len(deployed.app.receivers.messages()) == before
    code, out, _ = run("doctor", "--stage", STAGE, "--config", str(deployed.config))
    assert code == 0
    assert "FAILED" not in out
    assert out.splitlines()[-1].startswith(f"stage {STAGE}: ")


POLICY = ROOT / "docs" / "iam" / "operator.json"
BEYOND: frozenset[str] = frozenset(
    {
        # Rows that wait for a paused destination, and digests that were given up, are woken so.
        "dynamodb:UpdateItem",
        # Only registries with enhanced scanning are asked this way; the embedded AWS has none.
        "inspector2:ListFindings",
    }
)
"""Actions of the policy that no command here needs, with the reason."""


def operator_policy(aws: EmbeddedAws) -> str:
    """Return docs/iam/operator.json as its reader fills it in."""
    text = POLICY.read_text("utf-8")
    for placeholder, value in (("ACCOUNT", aws.account), ("REGION", aws.region), ("STAGE", STAGE)):
        text = text.replace(placeholder, value)
    return text


DEVIATIONS = [
    # The embedded AWS takes reading one mapping for listing them.
    {"Effect": "Allow", "Action": "lambda:ListEventSourceMappings", "Resource": "*"},
]
"""Where the embedded AWS checks another resource or action than AWS's service authorization
reference has: https://docs.aws.amazon.com/service-authorization/latest/reference/"""


@pytest.fixture
def operator(healthy: Deployed, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Become a user who has that policy and nothing else."""
    aws, iam = healthy.app.aws, healthy.app.aws.client("iam")
    iam.create_user(UserName="operator")
    iam.put_user_policy(
        UserName="operator", PolicyName="operator", PolicyDocument=operator_policy(aws)
    )
    deviations = json.dumps({"Version": "2012-10-17", "Statement": DEVIATIONS})
    iam.put_user_policy(UserName="operator", PolicyName="deviations", PolicyDocument=deviations)
    key = iam.create_access_key(UserName="operator")["AccessKey"]
    for name, value in aws.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    yield
    iam.delete_access_key(UserName="operator", AccessKeyId=key["AccessKeyId"])
    for name in ("operator", "deviations"):
        iam.delete_user_policy(UserName="operator", PolicyName=name)
    iam.delete_user(UserName="operator")


def commands(healthy: Deployed, delivery: str) -> list[tuple[str, ...]]:
    """Return the commands about a stage, each in the ways that call AWS differently."""
    stage, config = ("--stage", STAGE), ("--config", str(healthy.config))
    return [
        ("check-config", str(healthy.config), "--against", STAGE),
        ("config", "push", *stage, *config),
        ("config", "diff", *stage, *config),
        ("config", "history", *stage),
        ("config", "show", *stage, "--revision", "1"),
        ("config", "rollback", "1", "--force", *stage),
        ("doctor", *stage, *config),
        ("destinations", "list", *stage, *config),
        ("destinations", "test", "--all", *stage),
        ("deliveries", "list", *stage),
        ("deliveries", "show", delivery, *stage),
        ("deliveries", "verify", *stage),
        ("deliveries", "redrive", "--all", *stage),
        ("dead-letters", "list", *stage),
        ("dead-letters", "redrive", "--all", *stage),
        ("pauses", "list", *stage),
        ("pauses", "add", "payments-slack", "--for", "30m", *stage),
        ("pauses", "remove", "payments-slack", *stage),
        ("reconcile", "--since", "24h", *stage),
        ("scan", "payments/policy:1.1.0", "--send", *stage),
        ("scan", "payments/policy:1.0.0", "--send", *stage, *config),
        ("digest", "show", *stage, *config),
        ("digest", "send", "--to", "payments-slack", *stage, *config),
    ]


@pytest.mark.usefixtures("operator")
def test_operator_policy_is_what_the_commands_need(
    healthy: Deployed, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every command runs with it, no call is denied, and nothing in it is left over."""
    app, aws = healthy.app, healthy.app.aws
    aws.client("ecr").create_repository(
        repositoryName="payments/policy", imageScanningConfiguration={"scanOnPush": True}
    )
    aws.push("payments/policy", "1.0.0", recording("payments-api-1.4.1"))
    document = recording("edge-gateway-1.0.0-amd64")
    member = aws.push("payments/policy", None, document, content="amd64")
    aws.push_index("payments/policy", "1.1.0", {member: "linux/amd64"})
    rows = app.wait_until_quiet()
    outputs = app.stack.outputs
    document = read(healthy.config).document
    spare = {"type": "slack", "webhook": {"parameter": "/ecr-scan-alerts/spare"}}
    destinations = document["destinations"] | {"spare": spare}
    store(healthy, document | {"repositories": {}, "destinations": destinations})
    aws.client("sqs").send_message(QueueUrl=outputs["UndeliveredEventsDlqUrl"], MessageBody="{}")
    aws.client("dynamodb").update_item(
        TableName=outputs["TableName"],
        Key={"pk": {"S": f"DELIVERY#{rows[0].id}"}, "sk": {"S": "ROW"}},
        UpdateExpression="SET #state = :dead",
        ExpressionAttributeNames={"#state": "state"},
        ExpressionAttributeValues={":dead": {"S": "DEAD"}},
    )

    called: set[str] = set()
    denied: set[tuple[str, str]] = set()
    for command in commands(healthy, rows[0].id):
        code = main([*command, "--verbose"])
        captured = capsys.readouterr()
        assert code in (0, 1), f"{command}: {captured.err}"
        calls = [line.split() for line in CALL.findall(captured.err)]
        called |= {action_of(operation) for _, operation, _ in calls}
        denied |= {(command[0], operation) for _, operation, status in calls if status == "403"}
    store(healthy, document)

    assert denied == set()
    statements = json.loads(POLICY.read_text("utf-8"))["Statement"]
    granted = {
        action
        for statement in statements
        for action in (
            [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        )
    }
    assert called - granted == set(), "docs/iam/operator.json lacks these"
    assert granted - called == BEYOND, "nothing needs these (any more)"


def test_what_is_broken_is_found(deployed: Deployed, doctor: Any) -> None:
    """Rule, schedule, reader, secret, subscription, dead letter, scanning: with commands."""
    app, client = deployed.app, deployed.app.aws.client
    outputs = app.stack.outputs
    resources = client("cloudformation").describe_stack_resources(StackName=app.stack.name)
    ids = {
        each["LogicalResourceId"]: each["PhysicalResourceId"]
        for each in resources["StackResources"]
    }
    client("events").disable_rule(Name=ids["EcrImageScan"])
    client("secretsmanager").delete_secret(
        SecretId=deployed.secret("demo-bot"), ForceDeleteWithoutRecovery=True
    )
    topic = outputs["AlarmTopicArn"]
    for subscription in client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]:
        client("sns").unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
    client("sqs").send_message(QueueUrl=outputs["ScanEventsDlqUrl"], MessageBody="x")
    alarm = f"{app.stack.name}-scan-events-dlq"
    client("cloudwatch").set_alarm_state(
        AlarmName=alarm, StateValue="ALARM", StateReason="one message"
    )
    mappings = client("lambda").list_event_source_mappings(
        FunctionName=f"{app.stack.name}-processScan"
    )["EventSourceMappings"]
    (reader,) = (
        each["UUID"] for each in mappings if each["EventSourceArn"].endswith("-scan-events")
    )
    client("lambda").update_event_source_mapping(UUID=reader, Enabled=False)
    for repository in client("ecr").describe_repositories()["repositories"]:
        client("ecr").put_image_scanning_configuration(
            repositoryName=repository["repositoryName"],
            imageScanningConfiguration={"scanOnPush": False},
        )
    client("s3").delete_public_access_block(Bucket=outputs["ReportsBucketName"])

    code, troubles = doctor()

    assert code == 1
    assert {check["subject"] for check in troubles if check["status"] == "failed"} == {
        "rule EcrImageScan",
        f"alarm {alarm}",
        f"secret {deployed.secret('demo-bot')}",
        "alarms",
        "dead letters of scan-events",
        f"reader of {app.stack.name}-scan-events",
        "scanning",
        "bucket",
    }
    assert {check["subject"] for check in troubles if check["status"] == "unknown"} == {
        "destination platform-slack",
        "destination platform-slack/C0STOREFRONT",
    }
    assert all(check["remedy"] for check in troubles if check["status"] == "failed")


def test_unknown_stage_is_a_mistake(deployed: Deployed, run: Run) -> None:
    """A stage that is not there is a mistake, not a finding."""
    code, _, err = run("doctor", "--stage", "nowhere", "--config", str(deployed.config))

    assert code == 2
    assert "nowhere" in err


def wait_for(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Ask until it holds: the embedded AWS confirms a subscription in the background."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
    return condition()
