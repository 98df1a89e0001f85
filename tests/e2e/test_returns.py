"""A failure that may pass, as deployed: the message comes back in seconds, under its role."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from lib.flows.fetching import Allowance
from lib.flows.image_outcomes import ImageResult
from lib.models import ScanEvent
from lib.models.views import RowState
from lib.normalizer.events import ECR_IMAGE_SCAN, parse_event
from local.demo.app import App
from tests.e2e.test_alerts import basic, rows_about
from tests.e2e.test_digest import under_its_role

SOON = 60.0
"""Seconds: far less than any visibility timeout, and more than two delays."""


@contextmanager
def denied(app: App, role: str, action: str) -> Iterator[None]:
    """Deny one action to the role of a function for a while, as if the service failed."""
    iam, name = app.aws.client("iam"), _role(app, role)
    statement = {"Effect": "Deny", "Action": action, "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName=name, PolicyName="outage", PolicyDocument=policy)
    try:
        yield
    finally:
        iam.delete_role_policy(RoleName=name, PolicyName="outage")


def _role(app: App, logical: str) -> str:
    answer = app.aws.client("cloudformation").describe_stack_resource(
        StackName=app.stack.name, LogicalResourceId=logical
    )
    name: str = answer["StackResourceDetail"]["PhysicalResourceId"]
    return name


def failures(app: App, function: str, since: int) -> list[int | None]:
    """Return after how many seconds each record that failed comes back."""
    lines = app.log(function)[since:]
    return [each.get("retry_after") for each in lines if each.get("message") == "record failed"]


def wait(happened: Callable[[], object]) -> None:
    deadline = time.monotonic() + SOON
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_a_scan_is_evaluated_soon_after_a_failure(app: App, repository: Callable[..., str]) -> None:
    """The store refuses once or twice, then the alert is sent without anybody's help."""
    name = repository()
    seen = len(app.log("processScan"))

    with denied(app, "ProcessScanRole", "s3:PutObject"):
        app.aws.push(name, "1.4.1", basic("CVE-2026-0001"))
        wait(lambda: failures(app, "processScan", seen))

    wait(lambda: [each.state for each in rows_about(app, name)] == [RowState.SENT])
    assert failures(app, "processScan", seen)[0] == 5


def test_a_destination_goes_on_soon_after_a_failure(
    app: App, repository: Callable[..., str]
) -> None:
    """Its message group waits for the message that failed, and not for six minutes."""
    name = repository()
    seen = len(app.log("deliver"))

    with denied(app, "DeliverRole", "dynamodb:UpdateItem"):
        app.aws.push(name, "1.4.1", basic("CVE-2026-0001"))
        wait(lambda: failures(app, "deliver", seen))

    wait(lambda: [each.state for each in rows_about(app, name)] == [RowState.SENT])
    assert failures(app, "deliver", seen)[0] == 5


def test_a_long_scan_goes_on_under_the_role_of_its_function(
    app: App, repository: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first page is fetched here, the rest by the deployed function, which evaluates both."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", app.aws.endpoint)
    name = repository()
    rows = [{"title": f"CVE-2026-{n:04}", "severity": "HIGH"} for n in range(250)]
    findings = {"imageScanFindings": {"enhancedFindings": rows}}
    digest = app.aws.push(name, "1.4.1", findings)
    app.wait_until_quiet()
    process = under_its_role(app, "processScan", datetime.now(UTC))
    raw = {
        "id": f"scan of {name}",
        "detail-type": ECR_IMAGE_SCAN,
        "source": "aws.ecr",
        "account": app.aws.account,
        "time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "region": app.aws.region,
        "detail": {
            "scan-status": "COMPLETE",
            "repository-name": name,
            "image-digest": digest,
            "image-tags": ["1.4.1"],
        },
    }
    event = parse_event(raw)
    assert isinstance(event, ScanEvent)

    outcome = process.streams.images.scanned(event, Allowance(lambda: 0.0))
    comeback = outcome.comeback(raw)

    assert outcome.result is ImageResult.CONTINUED
    assert comeback is not None
    process.stores.waker.revisit(comeback, delay_seconds=0)
    wait(lambda: _stored(app, digest) == 2)


def _stored(app: App, digest: str) -> int:
    lines = [line for line in app.log("processScan") if line.get("result") == "stored"]
    return sum(digest in line["image"] for line in lines)
