"""The whole program against the embedded AWS: so that it works when somebody needs it."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from acceptance.account import Poll
from acceptance.outcome import Status
from acceptance.resources import existing, make_shared, tagged
from acceptance.session import Ports, accept, check, tidy
from acceptance.settings import Names, SettingsError, names_of
from acceptance.steps import STEPS
from local.aws.process import ROOT, CloudError, EmbeddedAws, cloud_python
from tests.acceptance.embedded import WAITS, Browser, EmbeddedDeployment, Scanner
from tests.support.cloud_fixtures import quick_aws

POLICY = ROOT / "docs/iam/acceptance.json"
PREFIXES = {"monitoring": "cloudwatch", "tagging": "tag"}
NAMES = {
    "lambda:Invoke": "lambda:InvokeFunction",
    "s3:ListBuckets": "s3:ListAllMyBuckets",
}
"""Actions that IAM calls by other names than the API."""
ANYBODY = {"sts:GetCallerIdentity"}
UNSEEN = {
    # What a call with tags or a role needs beside itself.
    "ecr:TagResource",
    "events:TagResource",
    "iam:PassRole",
    "lambda:TagResource",
    "sns:TagResource",
    "sqs:TagQueue",
    # The step of 65 minutes.
    "cloudwatch:GetMetricStatistics",
    # What is said when an alert is missing; with enhanced scanning ECR asks Amazon Inspector.
    "ecr:DescribeImageScanFindings",
    "inspector2:ListCoverage",
    "inspector2:ListFindings",
}


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedAws]:
    """Yield an embedded AWS of its own: another deployed stage would see the pushes, too."""
    try:
        cloud_python()
    except CloudError as error:
        pytest.skip(str(error))
    with quick_aws(tmp_path_factory.mktemp("cloud") / "cloud.log") as running:
        yield running


@pytest.fixture
def names() -> Names:
    return names_of(f"Try-{uuid.uuid4().hex[:6]}")


class Person:
    """A user with the policy of docs/iam for this program, and the actions that were needed."""

    def __init__(self, aws: EmbeddedAws, stage: str) -> None:
        self.called: set[str] = set()
        self._aws = aws
        iam = aws.client("iam")
        iam.create_user(UserName=stage)
        policy = POLICY.read_text("utf-8").replace("STAGE", stage)
        policy = policy.replace("ACCOUNT", aws.account).replace("REGION", aws.region)
        iam.put_user_policy(UserName=stage, PolicyName="acceptance", PolicyDocument=policy)
        key = iam.create_access_key(UserName=stage)["AccessKey"]
        self._session = boto3.session.Session(
            key["AccessKeyId"], key["SecretAccessKey"], region_name=aws.region
        )
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        if service not in self._clients:
            client = self._session.client(service, endpoint_url=self._aws.endpoint)  # type: ignore[call-overload]
            client.meta.events.register("before-call", self._note)
            self._clients[service] = client
        return self._clients[service]

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def _note(self, model: Any, **_: Any) -> None:
        service = model.service_model.signing_name
        action = f"{PREFIXES.get(service, service)}:{model.name}"
        self.called.add(NAMES.get(action, action))


@pytest.fixture
def person(aws: EmbeddedAws, names: Names) -> Iterator[Person]:
    one = Person(aws, names.stage)
    yield one
    one.close()


@pytest.fixture
def ports(aws: EmbeddedAws, person: Person, tmp_path: Path) -> Ports:
    if not (ROOT / "node_modules/.bin/osls").exists():
        pytest.skip("osls is not installed; run `make test`, which does that")
    return Ports(
        client_of=person.client,
        deployment=EmbeddedDeployment(aws),
        folder=tmp_path,
        waits=WAITS,
        poll=Poll(WAITS.poll),
        before_push=Scanner(aws),
        open_page=Browser(aws),
    )


def test_every_step_sees_on_the_embedded_aws_what_is_expected(
    aws: EmbeddedAws, ports: Ports, names: Names, person: Person
) -> None:
    """
    Two are skipped with their reason; nothing is left, not even in the list of tags.

    It needs exactly the policy that the documentation gives, beside that of the deployer.
    """
    lines: list[str] = []
    check(ports, names)

    report = accept(STEPS, ports, names, region=aws.region, slow=False, say=lines.append)

    outcomes = {result.number: result.outcome for result in report.results}
    assert {
        number: outcome for number, outcome in outcomes.items() if outcome.status is Status.FAILED
    } == {}
    assert {number for number, outcome in outcomes.items() if outcome.status is Status.SKIPPED} == {
        4,
        6,
    }
    assert (report.left, report.stopped, report.exit_code) == ((), "", 0)
    assert existing(aws.client, names) == ()
    assert aws.client("logs").describe_log_groups()["logGroups"] == []
    assert aws.client("s3").list_buckets()["Buckets"] == []
    granted = {
        action
        for statement in json.loads(POLICY.read_text("utf-8"))["Statement"]
        for action in (
            [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        )
    }
    assert person.called - ANYBODY == granted - UNSEEN


def test_a_stage_that_is_there_is_refused(aws: EmbeddedAws, ports: Ports, names: Names) -> None:
    """Whatever has one of the names may belong to somebody."""
    check(ports, names)
    aws.client("cloudformation").create_stack(
        StackName=names.stack,
        TemplateBody='{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}',
    )

    with pytest.raises(SettingsError, match=f"stack {names.stack}"):
        check(ports, names)

    aws.client("cloudformation").delete_stack(StackName=names.stack)


def test_what_an_ended_run_left_is_found_by_its_tag(
    aws: EmbeddedAws, ports: Ports, names: Names
) -> None:
    """A run that was killed cleans up nothing; its stage cannot be used until somebody does."""
    make_shared(aws.client, names)

    left = tagged(aws.client)

    assert set(left) == {names.stage}
    assert len(left[names.stage]) == 4
    with pytest.raises(SettingsError, match="make acceptance-clean"):
        check(ports, names)
    assert tidy(ports, names, lambda _: None) == ()
    assert tidy(ports, names, lambda _: None) == ()
    assert tagged(aws.client) == {}
