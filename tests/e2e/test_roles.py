"""
Roles as they are used: every call of a run under IAM, compared with what the template grants.

What no run can cause, such as a refusal of DynamoDB, stands in `UNUSED` with its reason.
"""

import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from datetime import time as dt_time
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import requests

from cli.alerts_file import read
from deploy.package import TEMPLATE
from lib.core.schedule import Schedule
from lib.models import Destination
from lib.store.publications import KEY
from local.aws.process import ROOT, EmbeddedAws
from local.demo.app import App, install, write_config
from local.standins.script import Answer
from local.standins.server import Receivers
from tests.e2e.test_alerts import basic, messages_about, opened_locally
from tests.e2e.test_digest import under_its_role
from tests.e2e.test_source import COMMIT, labelled
from tests.e2e.test_streams import send_finding_events
from tests.support.cloud_fixtures import quick_aws

ALERTS = Path(__file__).parent / "roles.yml"
FUNCTIONS = (
    "auditRepositories",
    "deliver",
    "gatherFindings",
    "openReport",
    "processScan",
    "reconcile",
    "sendDigest",
    "sweep",
    "syncStreams",
)
BY_LAMBDA = {
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}
"""Lambda itself calls these for the function."""
CLUSTERS = "only in a stage that asks Inspector what runs"
INSPECTOR = "ECR asks Inspector in the caller's name, and only where scanning is enhanced"
FAILURE = "only after a failure of AWS, as in tests/e2e/test_returns.py"
FIRST = "only by the first function that asks for the record of alerts.yml"
MANY = "only where a stream has more than 25 views"
FOLDED = "only after a change of alerts.yml that concerns more than ten streams"
EXPIRED = "only where an object has expired at the moment that it is asked for"
UNUSED = {
    ("deliver", "s3:ListBucket"): EXPIRED,
    ("processScan", "s3:ListBucket"): EXPIRED,
    ("sendDigest", "s3:ListBucket"): EXPIRED,
    ("syncStreams", "s3:ListBucket"): EXPIRED,
    ("processScan", "inspector2:GetClustersForImage"): CLUSTERS,
    ("deliver", "inspector2:GetClustersForImage"): CLUSTERS,
    ("reconcile", "inspector2:GetClustersForImage"): CLUSTERS,
    ("processScan", "inspector2:ListCoverage"): INSPECTOR,
    ("processScan", "inspector2:ListFindings"): INSPECTOR,
    ("processScan", "sqs:ChangeMessageVisibility"): FAILURE,
    ("processScan", "dynamodb:DescribeTable"): FIRST,
    ("processScan", "dynamodb:ConditionCheckItem"): MANY,
    ("processScan", "dynamodb:UpdateItem"): "only where a notification is on its way",
    ("gatherFindings", "sqs:ChangeMessageVisibility"): FAILURE,
    ("syncStreams", "sqs:ChangeMessageVisibility"): FAILURE,
    ("syncStreams", "sqs:SendMessage"): "only where a notification is opened or time is over",
    ("syncStreams", "dynamodb:DescribeTable"): FIRST,
    ("syncStreams", "dynamodb:ConditionCheckItem"): MANY,
    ("syncStreams", "s3:DeleteObject"): "only where a stream that is synced has ended",
    ("syncStreams", "dynamodb:UpdateItem"): "only where a notification is on its way",
    ("deliver", "sqs:ChangeMessageVisibility"): FAILURE,
    ("deliver", "sqs:SendMessage"): "only where a sync saw something newer during a send",
    (
        "deliver",
        "dynamodb:Query",
    ): "only for the history in a report page, which Jira takes as a file",
    ("deliver", "dynamodb:DescribeTable"): FIRST,
    ("reconcile", "inspector2:ListCoverage"): INSPECTOR,
    ("reconcile", "inspector2:ListFindings"): INSPECTOR,
    ("reconcile", "dynamodb:DescribeTable"): FIRST,
    ("sendDigest", "dynamodb:DescribeTable"): FIRST,
    ("sweep", "dynamodb:DescribeTable"): FIRST,
    ("sweep", "dynamodb:UpdateItem"): "only where a delivery or a stream is due when it runs",
    ("sweep", "dynamodb:BatchGetItem"): FOLDED,
    ("sweep", "dynamodb:PutItem"): FOLDED,
    ("sweep", "s3:GetObject"): FOLDED,
    ("sweep", "s3:PutObject"): FOLDED,
    ("sweep", "s3:ListBucket"): FOLDED,
}
"""Granted, and used by no run here: why."""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, embedded_aws: EmbeddedAws) -> Iterator[App]:  # noqa: ARG001  # skips where there is none
    """Deploy into an account of its own and use everything once."""
    if not (ROOT / "node_modules" / ".bin" / "osls").exists():
        pytest.skip("osls is not installed; run `make test`, which does that")
    folder = tmp_path_factory.mktemp("roles")
    text = ALERTS.read_text("utf-8").replace("HOUR", f"{datetime.now(UTC):%H}")
    (folder / "roles.yml").write_text(text, "utf-8")
    with quick_aws(folder / "cloud.log") as aws, Receivers() as receivers:
        config = write_config(folder / "roles.yml", receivers.url, folder / "alerts.yml")
        app = install(aws, receivers, config)
        use_everything(app)
        change_the_rules(app, read(config).document)
        yield app


def use_everything(app: App) -> None:
    """Push, scan, fail, wait, look after it, and open what was sent."""
    for name in ("team/app", "faulty/app"):
        app.aws.client("ecr").create_repository(
            repositoryName=name, imageScanningConfiguration={"scanOnPush": True}
        )
    app.aws.client("ecr").create_repository_creation_template(
        prefix="made", appliedFor=["CREATE_ON_PUSH"]
    )
    run_a_task(app)
    first = app.aws.push("team/app", "1.4.1", basic("CVE-2026-0001"), labels=labelled(COMMIT))
    parts = {
        app.aws.push("team/app", None, basic(f"CVE-2026-1{n}"), content=platform): platform
        for n, platform in enumerate(("linux/amd64", "linux/arm64"))
    }
    app.aws.push_index("team/app", "1.5.0", parts)
    app.receivers.script("slack/faulty-slack", [Answer(429, headers={"Retry-After": "1"})])
    app.aws.push("faulty/app", "1.4.1", basic("CVE-2026-0001"))
    malformed(app)
    send_finding_events(app, "team/app", first, 2)
    app.aws.client("sqs").send_message(
        QueueUrl=app.stack.outputs["SyncQueueUrl"],
        MessageBody=json.dumps({"cause": "daily", "streams": [stream_of(app, "team/app")]}),
    )
    until(app, lambda: invoke(app, "sweep") and app.receivers.messages("slack"))
    app.aws.rescan("team/app", first, basic("CVE-2026-0003"), announced=False)
    for function in ("auditRepositories", "reconcile"):
        invoke(app, function)
    app.wait_until_quiet()
    open_a_report(app)
    open_a_report(app)
    # What is asked for from here on has expired.
    delete(app, "pages/")
    delete(app, "pinned/")
    # Not the last one, which the function may have in memory.
    open_a_report(app, number=0, status=404)
    delete(app, "reports/")
    app.aws.rescan("team/app", first, basic("CVE-2026-0004"))
    # The digest has one stream whose last report is stored, and one whose report has expired.
    app.aws.push("team/app", "1.6.0", basic("CVE-2026-0004"))
    app.wait_until_quiet()
    make_a_digest(app)


def change_the_rules(app: App, document: dict[str, Any]) -> None:
    """Publish other rules, and sweep until they are settled: all streams are synced then."""
    entry = {"id": "CVE-1999-0001", "expires": "2099-12-31", "reason": "not here"}
    changed = {**document, "suppressions": [*document.get("suppressions", []), entry]}
    bucket = app.stack.outputs["ReportsBucketName"]
    app.aws.client("s3").put_object(Bucket=bucket, Key=KEY, Body=json.dumps(changed))
    until(app, lambda: invoke(app, "sweep") and swept(app))


def swept(app: App) -> bool:
    """Whether `sweep` has queued the streams."""
    return "sqs:SendMessage" in {each["action"] for each in asked(app, "sweep")}


def stream_of(app: App, repository: str) -> str:
    return f"{app.aws.account}/{app.aws.region}/{repository}|[0-9]*"


def run_a_task(app: App) -> None:
    ecs = app.aws.client("ecs")
    ecs.create_cluster(clusterName="prod")
    image = f"{app.aws.account}.dkr.ecr.{app.aws.region}.amazonaws.com/team/app:1.4.1"
    containers = [{"name": "app", "image": image, "memory": 64}]
    ecs.register_task_definition(family="shop", containerDefinitions=containers)
    ecs.create_service(cluster="prod", serviceName="shop", taskDefinition="shop", desiredCount=1)


def malformed(app: App) -> None:
    app.aws.client("sqs").send_message(
        QueueUrl=app.stack.outputs["ScanEventsQueueUrl"], MessageBody="not json"
    )


def invoke(app: App, function: str) -> Any:
    answer = app.aws.client("lambda").invoke(FunctionName=f"{app.stack.name}-{function}")
    payload = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, payload
    return payload


def until(app: App, done: Any) -> None:
    deadline = time.monotonic() + 60
    while not done() or any(row.state in ("PENDING", "RETRY") for row in app.rows()):
        assert time.monotonic() < deadline, app.rows()
        time.sleep(0.2)


def delete(app: App, prefix: str) -> None:
    """Delete objects as the rules of the bucket do."""
    s3, bucket = app.aws.client("s3"), app.stack.outputs["ReportsBucketName"]
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]
    for entry in listed:
        s3.delete_object(Bucket=bucket, Key=entry["Key"])


def make_a_digest(app: App) -> None:
    """Make tomorrow's digest under the role of the function: the first one of a stage is late."""
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    schedule = Schedule((Destination("mail"),), weekday=None, at=dt_time(tomorrow.hour))
    invoke(app, "sendDigest")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", app.aws.endpoint)
        process = under_its_role(app, "sendDigest", tomorrow)
        made = process.streams.digests.run(schedule).digests
    app.wait_until_quiet()
    assert [digest.destination for digest in made] == ["mail"]


def open_a_report(app: App, *, number: int = -1, status: int = 200) -> None:
    message = messages_about(app, "team/app", "slack")[number]
    (link, *_) = re.findall(r"https://[^|\s\"<>]*lambda-url[^|\s\"<>]*", message.raw)
    answer = requests.get(opened_locally(app, link.replace("&amp;", "&")), timeout=30)
    assert answer.status_code == status, answer.text


def grants(role: str) -> set[str]:
    """Return the actions that the template grants to a role."""
    template = json.loads((ROOT / ".build" / "local" / TEMPLATE).read_text("utf-8"))
    documents = [
        policy["PolicyDocument"] for policy in template["Resources"][role]["Properties"]["Policies"]
    ]
    documents += [
        each["Properties"]["PolicyDocument"]
        for each in template["Resources"].values()
        if each["Type"] == "AWS::IAM::Policy" and {"Ref": role} in each["Properties"]["Roles"]
    ]
    statements = chain.from_iterable(document["Statement"] for document in documents)
    actions = (each["Action"] for each in statements)
    return set(chain.from_iterable([each] if isinstance(each, str) else each for each in actions))


def logical(function: str) -> str:
    return f"{function[0].upper()}{function[1:]}Role"


def asked(app: App, function: str) -> list[dict[str, Any]]:
    """Return what the role of a function asked for."""
    answer = app.aws.client("cloudformation").describe_stack_resource(
        StackName=app.stack.name, LogicalResourceId=logical(function)
    )
    role = answer["StackResourceDetail"]["PhysicalResourceId"]
    return [each for each in app.aws.authorizations() if each["role"] == role]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_nothing_that_a_function_asks_for_is_denied(app: App, function: str) -> None:
    """Also what would be swallowed, such as the labels of an image."""
    denied = [each for each in asked(app, function) if not each["allowed"]]

    assert denied == []


@pytest.mark.parametrize("function", FUNCTIONS)
def test_everything_that_is_granted_is_used(app: App, function: str) -> None:
    """A permission that no run used is one to take away, or has a reason to stay."""
    used = {each["action"] for each in asked(app, function)}
    reasons = {action for name, action in UNUSED if name == function}

    assert used
    assert grants(logical(function)) - BY_LAMBDA - used - reasons == set()
