"""What destinations show is kept true, through the deployed template, whatever changed."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lib.models import Destination, StreamId, WakeUp
from lib.models.views import RowState
from lib.store.pauses import DynamoPauses
from local.aws.process import ROOT, EmbeddedAws
from local.demo.app import App, install, write_config
from local.standins.script import Answer
from local.standins.server import Receivers
from local.standins.wire import Kind
from tests.e2e.test_alerts import PATIENCE, basic, make_due, messages_about, rows_about
from tests.e2e.test_digest import under_its_role
from tests.support.cloud_fixtures import quick_aws

ALERTS = Path(__file__).parent / "streams.yml"
FINDING = ROOT / "tests" / "events" / "inspector2-finding" / "ecr-2024-format.json"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, embedded_aws: EmbeddedAws) -> Iterator[App]:  # noqa: ARG001  # skips where there is none
    """Deploy into an account of its own."""
    if not (ROOT / "node_modules" / ".bin" / "osls").exists():
        pytest.skip("osls is not installed; run `make test`, which does that")
    folder = tmp_path_factory.mktemp("streams")
    with quick_aws(folder / "cloud.log") as aws, Receivers() as receivers:
        config = write_config(ALERTS, receivers.url, folder / "alerts.yml")
        yield install(aws, receivers, config)


@pytest.fixture
def repository(app: App) -> Callable[[str], str]:
    """Return a maker of repositories, whose names choose the route."""

    def create(name: str) -> str:
        app.aws.client("ecr").create_repository(
            repositoryName=name, imageScanningConfiguration={"scanOnPush": True}
        )
        return name

    return create


def enhanced(*names: str, version: str = "3.0.11-1") -> dict[str, Any]:
    """Return a result of enhanced scanning."""
    rows = [
        {
            "title": f"{name} - openssl",
            "severity": "HIGH",
            "status": "ACTIVE",
            "type": "PACKAGE_VULNERABILITY",
            "packageVulnerabilityDetails": {
                "vulnerabilityId": name,
                "vulnerablePackages": [{"name": "openssl", "version": version}],
            },
        }
        for name in names
    ]
    return {"imageScanFindings": {"enhancedFindings": rows}}


def sweep(app: App) -> None:
    app.aws.client("lambda").invoke(FunctionName=f"{app.stack.name}-sweep")


def until(happened: Callable[[], object], step: Callable[[], object] = lambda: None) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline
        step()
        time.sleep(0.1)


def finding_event(app: App, repository: str, digest: str, number: int) -> str:
    """Return an event of Inspector about a finding of an image."""
    event = json.loads(FINDING.read_text("utf-8"))
    event |= {"id": f"{repository}-{number}", "account": app.aws.account, "region": app.aws.region}
    event["time"] = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    (resource,) = event["detail"]["resources"]
    resource["details"]["awsEcrContainerImage"] |= {
        "repositoryName": repository,
        "imageHash": digest,
        "registry": app.aws.account,
    }
    resource["id"] = (
        f"arn:aws:ecr:{app.aws.region}:{app.aws.account}:repository/{repository}/{digest}"
    )
    return json.dumps(event)


def send_finding_events(app: App, repository: str, digest: str, count: int) -> None:
    """Put events of a moment into their queue, as EventBridge does."""
    for number in range(count):
        app.aws.client("sqs").send_message(
            QueueUrl=app.stack.outputs["FindingEventsQueueUrl"],
            MessageBody=finding_event(app, repository, digest, number),
        )


def test_a_new_vulnerability_of_an_old_image_is_notified(app: App, repository: Any) -> None:
    """By events about its findings, however long ago it was pushed; one look for all of them."""
    name = repository("slack/old")
    digest = app.aws.push(name, "1.4.1", enhanced("CVE-2026-0001"), scanner="enhanced")
    app.wait_until_quiet()
    app.aws.date(name, digest, datetime.now(UTC) - timedelta(days=60))
    # Inspector adds a finding without a scan of its own: only the event says so.
    later = enhanced("CVE-2026-0001", "CVE-2026-0002")
    app.aws.rescan(name, digest, later, scanner="enhanced", announced=False)
    app.aws.forget_calls()

    send_finding_events(app, name, digest, 20)
    app.wait_until_quiet()

    (_, message) = messages_about(app, name)
    assert "1 HIGH newly reported" in message.raw
    assert "CVE-2026-0002" in message.raw
    # The window ends a second after it began; what comes after that has a second look.
    assert 1 <= len(app.aws.calls("DescribeImageScanFindings")) <= 4


def test_findings_of_an_image_that_nobody_watches_are_fetched_when_it_counts(
    app: App, repository: Any
) -> None:
    """A rollback by tag to an image whose findings changed meanwhile."""
    name = repository("slack/stale")
    old = app.aws.push(name, "1.0.0", enhanced("CVE-2026-0001"), scanner="enhanced")
    app.wait_until_quiet()
    app.aws.push(name, "1.1.0", enhanced("CVE-2026-0001"), scanner="enhanced")
    app.wait_until_quiet()
    later = enhanced("CVE-2026-0001", "CVE-2026-0009")
    app.aws.rescan(name, old, later, scanner="enhanced", announced=False)
    send_finding_events(app, name, old, 1)
    app.wait_until_quiet()
    before = len(messages_about(app, name))

    tag(app, name, old, "1.2.0")
    app.wait_until_quiet()

    assert before == 1
    assert "CVE-2026-0009" in messages_about(app, name)[-1].raw


def end_pause(app: App, destination: str) -> None:
    """End the pause after a refusal, as its time does."""
    pauses = DynamoPauses(app.aws.client("dynamodb"), app.stack.outputs["TableName"])
    pauses.resume(Destination(destination))


def tag(app: App, repository: str, digest: str, name: str) -> None:
    """Give an image one more tag, as a promotion does."""
    ecr = app.aws.client("ecr")
    answer = ecr.batch_get_image(repositoryName=repository, imageIds=[{"imageDigest": digest}])
    image, *_ = answer["images"]
    ecr.put_image(
        repositoryName=repository,
        imageManifest=image["imageManifest"],
        imageManifestMediaType=image["imageManifestMediaType"],
        imageTag=name,
    )


def test_a_promotion_and_a_rollback_by_tag_are_notified(app: App, repository: Any) -> None:
    """prod-* is a stream of its own; nothing is fetched for it, and nothing is pushed."""
    name = repository("slack/promoted")
    first = app.aws.push(name, "1.0.0", basic("CVE-2026-0001"))
    app.wait_until_quiet()
    second = app.aws.push(name, "1.1.0", basic("CVE-2026-0002", version="3.0.12-1"))
    app.wait_until_quiet()
    seen = len(messages_about(app, name))
    app.aws.forget_calls()

    tag(app, name, first, "prod-1")
    app.wait_until_quiet()
    tag(app, name, second, "prod-2")
    app.wait_until_quiet()
    tag(app, name, first, "prod-3")
    app.wait_until_quiet()

    promoted, next_, rolled_back = messages_about(app, name)[seen:]
    assert "CVE-2026-0001" in promoted.raw
    assert "1 new HIGH" in next_.raw
    assert "1 fixed (" in next_.raw
    assert "CVE-2026-0001" in rolled_back.raw
    assert app.aws.calls("DescribeImageScanFindings") == []


def test_a_deleted_tag_has_the_image_before_count_again(app: App, repository: Any) -> None:
    """The event of the deletion says so, and what comes back is notified."""
    name = repository("slack/deleted")
    app.aws.push(name, "1.0.0", basic("CVE-2026-0001"))
    app.wait_until_quiet()
    second = app.aws.push(name, "1.1.0", basic("CVE-2026-0002", version="3.0.12-1"))
    app.wait_until_quiet()

    event = deletion(app, name, second, "1.1.0")
    app.aws.client("ecr").batch_delete_image(
        repositoryName=name, imageIds=[{"imageDigest": second}]
    )
    app.aws.client("sqs").send_message(
        QueueUrl=app.stack.outputs["ScanEventsQueueUrl"], MessageBody=json.dumps(event)
    )
    app.wait_until_quiet()

    last = messages_about(app, name)[-1]
    assert len(messages_about(app, name)) == 3
    assert f"{name}:1.0.0" in json.loads(last.raw)["text"]
    assert "CVE-2026-0001" in last.raw


def deletion(app: App, repository: str, digest: str, name: str) -> dict[str, Any]:
    """Return the event of ECR about a deleted image."""
    path = ROOT / "tests" / "events" / "other" / "ecr-image-action-delete.json"
    event: dict[str, Any] = json.loads(path.read_text("utf-8"))
    arn = f"arn:aws:ecr:{app.aws.region}:{app.aws.account}:repository/{repository}"
    event |= {"account": app.aws.account, "region": app.aws.region, "resources": [arn]}
    event["time"] = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    event["detail"] |= {"repository-name": repository, "image-digest": digest, "image-tag": name}
    return event


def test_a_suppression_that_ends_is_notified(
    app: App, repository: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daily pass of the day after finds it; the message says why it comes."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", app.aws.endpoint)
    name = repository("slack/suppressed")
    app.aws.push(name, "1.4.1", basic("CVE-2026-9999", "CVE-2026-0001"))
    app.wait_until_quiet()
    day_after = datetime(2100, 1, 1, 0, 15, tzinfo=UTC)
    stream = StreamId(rows_about(app, name)[0].stream)

    outcome = under_its_role(app, "syncStreams", day_after, ALERTS).streams.syncs.sync(
        stream, "daily"
    )
    (row,) = outcome.woken
    deliver = under_its_role(app, "deliver", day_after, ALERTS)
    delivered = deliver.streams.notifications.deliver(WakeUp(row.id, row.destination, 0))

    assert delivered.result.value == "sent", delivered.reason
    message = messages_about(app, name)[-1]
    assert "CVE-2026-9999" in message.raw
    assert "suppression" in message.raw


def test_an_incident_and_an_issue_are_brought_up_to_date_quietly(app: App, repository: Any) -> None:
    """The scanner withdraws the last finding: a resolve and a description, and no new message."""
    name = repository("quiet/withdrawn")
    app.aws.push(name, "1.4.0", basic())
    app.wait_until_quiet()
    digest = app.aws.push(name, "1.4.1", basic("CVE-2026-0001"))
    app.wait_until_quiet()
    assert len(app.receivers.open_incidents) == 1

    app.aws.rescan(name, digest, basic())
    until(lambda: len(rows_about(app, name)) == 4, lambda: sweep(app))
    until(
        lambda: all(row.state is RowState.SENT for row in rows_about(app, name)),
        lambda: sweep(app),
    )

    assert len(app.receivers.open_incidents) == 0
    assert [row.quiet for row in rows_about(app, name)] == [False, False, True, True]
    calls = [(request.method, request.path) for request in app.receivers.requests("jira")]
    assert [path for _, path in calls if path.endswith("/comment")] == []
    assert calls.count(("POST", "/rest/api/3/issue")) == 1
    assert any(method == "PUT" for method, _ in calls)


def test_an_outage_ends_in_one_message_for_each_stream(app: App, repository: Any) -> None:
    """Three releases while the receiver is down: the message is about the last one alone."""
    name = repository("faulty/outage")
    app.receivers.script("slack/faulty-slack", [Answer(503)] * 3)
    for number in range(3):
        document = basic(f"CVE-2026-000{number}", version=f"3.0.1{number}-1")
        app.aws.push(name, f"1.{number}.0", document)
        until(lambda: not app.message_count("ScanEventsQueueUrl"))

    until(
        lambda: [row.state for row in rows_about(app, name)] == [RowState.SENT],
        lambda: (end_pause(app, "faulty-slack"), make_due(app, rows_about(app, name)), sweep(app)),
    )

    (message,) = messages_about(app, name)
    assert message.kind is Kind.POSTED
    assert f"{name}:1.2.0" in json.loads(message.raw)["text"]
    assert "CVE-2026-0002" in message.raw
    assert "CVE-2026-0001" not in message.raw
