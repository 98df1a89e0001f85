"""
From an image push to what the receivers got, through the deployed template.

Each test has a repository of its own; the app, its queues and its receivers are shared.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from cli.__main__ import main
from lib.errors import ConflictError
from lib.models import DeliveryId, Destination
from lib.models.views import RowState
from lib.store.notifications import DynamoNotificationStore
from lib.store.pauses import DynamoPauses
from local.aws.process import ATTESTATION
from local.demo.app import App, Row
from local.standins.script import TimeoutAfterAccept
from local.standins.server import Answer
from local.standins.wire import Kind

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0


def basic(*names: str, severity: str = "HIGH", version: str = "3.0.11-1") -> dict[str, Any]:
    rows = [
        {
            "name": name,
            "severity": severity,
            "uri": f"https://security-tracker.debian.org/tracker/{name}",
            "attributes": [
                {"key": "package_name", "value": "openssl"},
                {"key": "package_version", "value": version},
            ],
        }
        for name in names
    ]
    return {
        "imageScanStatus": {"status": "COMPLETE"},
        "imageScanFindings": {
            "findings": rows,
            "findingSeverityCounts": {severity: len(rows)} if rows else {},
        },
    }


def messages_about(app: App, repository: str, receiver: str | None = None) -> list[Any]:
    """Return what was said; a file beside it is no message of its own."""
    said = [each for each in app.receivers.messages(receiver) if each.kind is not Kind.ATTACHED]
    return [each for each in said if repository in each.raw]


def rows_about(app: App, repository: str) -> list[Row]:
    rows = [row for row in app.rows() if row.stream.partition("|")[0].endswith(f"/{repository}")]
    return sorted(rows, key=lambda row: row.created_at)


def is_about(line: dict[str, Any], repository: str, destination: str) -> bool:
    """Say whether a line of deliver's log is about a repository and a kind of destination."""
    return repository in line.get("image", "") and destination in line.get("destination", "")


def is_repeat(message: Any) -> bool:
    return "may be a repeat" in message.raw


def opened_locally(app: App, link: str) -> str:
    """Return where the inbox opens what on AWS is the address of a function."""
    host, _, path = link.removeprefix("https://").partition("/")
    return f"{app.receivers.url}/functions/{host.split('.')[0]}/{path}"


def wait_until(happened: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def sweep_until(app: App, repository: str, state: RowState, *, patient: bool = True) -> Row:
    """
    Let the sweep run, as it does every minute, until the last row has reached a state.

    A row that waits for its next attempt is due at once where the test is not `patient`.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        rows = rows_about(app, repository)
        if rows and rows[-1].state is state:
            return rows[-1]
        assert time.monotonic() < deadline, rows
        if not patient:
            make_due(app, rows)
        app.aws.client("lambda").invoke(FunctionName=f"{app.stack.name}-sweep")
        time.sleep(0.2)


def make_due(app: App, rows: list[Row]) -> None:
    """End the wait of notifications: the backoff and the doubt about a lost answer."""
    store = notifications(app)
    for row in rows:
        stored = store.notification(DeliveryId(row.id))
        if stored is not None and stored.state in (RowState.RETRY, RowState.UNKNOWN):
            with suppress(ConflictError):
                store.update(stored, replace(stored, due_at=datetime.now(UTC)))


def notifications(app: App) -> DynamoNotificationStore:
    table = app.stack.outputs["TableName"]
    return DynamoNotificationStore(app.aws.client("dynamodb"), table)


class TestAlerts:
    def test_every_destination_of_a_route_hears_of_a_push(self, app: App, repository: Any) -> None:
        """One message each at Slack, Jira and both topics; each names the vulnerability."""
        name = repository("everywhere")

        app.aws.push(name, "1.4.1", basic("CVE-2026-0001"))
        app.wait_until_quiet()

        found = messages_about(app, name)
        assert sorted(each.receiver for each in found) == ["jira", "slack", "sns", "sns"]
        assert all("CVE-2026-0001" in each.raw for each in found)

    def test_a_message_links_to_its_report_page(self, app: App, repository: Any) -> None:
        """The signed link opens for whoever has it; changed by a letter, it does not."""
        name = repository()
        app.aws.push(name, "1.0.0", basic("CVE-2026-7777"))
        app.wait_until_quiet()
        (message,) = messages_about(app, name)
        found = re.search(
            r"https://[a-z0-9-]+[.]lambda-url[^|]+", json.dumps(json.loads(message.raw))
        )
        assert found is not None, message.raw
        link = opened_locally(app, found[0].replace("&amp;", "&"))

        answer = requests.get(link, timeout=30)
        refused = requests.get(link[:-1] + ("A" if link[-1] != "A" else "B"), timeout=30)

        assert answer.status_code == 200, (link, answer.text)
        assert (answer.status_code, answer.headers["Content-Type"]) == (
            200,
            "text/html; charset=utf-8",
        )
        assert f"{name}:1.0.0" in answer.text
        assert "CVE-2026-7777" in answer.text
        assert "Open now" in answer.text
        assert refused.status_code == 403
        assert "This link is not valid" in refused.text

    def test_the_next_image_says_what_is_new_and_resolved(self, app: App, repository: Any) -> None:
        """The second tag of a stream is compared with the first."""
        name = repository()
        app.aws.push(name, "1.4.1", basic("CVE-2026-0001", "CVE-2026-0002"))
        app.wait_until_quiet()

        later = basic("CVE-2026-0002", "CVE-2026-0003", severity="CRITICAL", version="3.0.12-1")
        app.aws.push(name, "1.4.2", later)
        app.wait_until_quiet()

        text = json.loads(messages_about(app, name)[-1].raw)["text"]
        assert "1 new CRITICAL" in text
        assert "since 1.4.1" in text
        assert "1 fixed (" in messages_about(app, name)[-1].raw

    def test_jira_keeps_one_issue_for_a_stream(self, app: App, repository: Any) -> None:
        """The second image updates the issue and comments on it."""
        name = repository("everywhere")
        app.aws.push(name, "1.4.1", basic("CVE-2026-0001"))
        app.wait_until_quiet()

        app.aws.push(name, "1.4.2", basic("CVE-2026-0003"))
        app.wait_until_quiet()

        key = next(line["receipt"] for line in app.log("deliver") if is_about(line, name, "jira"))
        paths = [(each.method, each.path) for each in app.receivers.requests("jira")]
        assert [row.state for row in rows_about(app, name)] == [RowState.SENT] * 8
        assert paths.count(("PUT", f"/rest/api/3/issue/{key}")) == 1
        assert paths.count(("POST", f"/rest/api/3/issue/{key}/comment")) == 1

    def test_an_event_delivered_twice_alerts_once(self, app: App, repository: Any) -> None:
        """The same scan event again changes nothing."""
        name = repository()
        digest = app.aws.push(name, "1.4.1", basic("CVE-2026-0001"))
        app.wait_until_quiet()

        app.aws.repeat_event(name, digest)
        app.wait_until_quiet()

        assert len(messages_about(app, name)) == 1
        assert [row.state for row in rows_about(app, name)] == [RowState.SENT]

    def test_a_wake_up_delivered_twice_sends_once(self, app: App, repository: Any) -> None:
        """A redelivered batch finds the row sent, and leaves it."""
        name = repository()
        app.aws.push(name, "1.4.1", basic("CVE-2026-0001"))
        app.wait_until_quiet()
        row = rows_about(app, name)[0]

        app.aws.client("sqs").send_message(
            QueueUrl=app.stack.outputs["DeliveriesQueueUrl"],
            MessageBody=json.dumps({"delivery": row.id, "destination": row.destination}),
            MessageGroupId=row.destination,
            MessageDeduplicationId=f"{row.id}-again",
        )
        wait_for_log(app, "deliver", delivery=row.id, result="not-claimed")

        assert len(messages_about(app, name)) == 1

    def test_an_image_without_findings_is_silent(self, app: App, repository: Any) -> None:
        """A clean first scan is stored, and nobody is notified."""
        name = repository()

        digest = app.aws.push(name, "1.4.1", basic())
        wait_for_log(app, "processScan", result="stored", digest=digest)

        assert rows_about(app, name) == []

    def test_a_failed_scan_is_told_with_its_remedy(self, app: App, repository: Any) -> None:
        """FAILED is its own message and never "0 findings"."""
        name = repository()
        failed = {"imageScanStatus": {"status": "FAILED", "description": "The scan failed."}}

        app.aws.push(name, "1.4.1", failed)
        app.wait_until_quiet()

        text = messages_about(app, name)[0].raw
        assert "Scan failed" in text
        assert "start-image-scan" in text
        assert "0 findings" not in text

    def test_enhanced_findings_are_all_fetched(self, app: App, repository: Any) -> None:
        """Every page of 100, and packages, paths and fixes in the message."""
        name = repository()
        document = json.loads(
            (ROOT / "tests/findings/derived/tensorflow-2.6-gpu.enhanced.json").read_text()
        )
        app.aws.forget_calls()

        app.aws.push(name, "1.4.1", document, scanner="enhanced")
        app.wait_until_quiet()

        assert len(app.aws.calls("DescribeImageScanFindings")) == 2
        assert "9 CRITICAL, 132 HIGH open" in json.loads(messages_about(app, name)[0].raw)["text"]

    def test_a_suppressed_finding_is_counted_where_it_is_left_out(
        self, app: App, repository: Any
    ) -> None:
        """The entry, its end and its reason stand in the message."""
        name = repository()

        app.aws.push(name, "1.4.1", basic("CVE-2026-9999", "CVE-2026-0001"))
        app.wait_until_quiet()

        assert "Accepted, not counted: 1 HIGH until " in messages_about(app, name)[0].raw

    def test_a_scan_that_is_not_there_yet_comes_back(self, app: App, repository: Any) -> None:
        """ScanNotFound after a push delays the event instead of failing it."""
        name = repository()

        digest = app.aws.push(name, "1.4.1", basic("CVE-2026-0001"), not_found_calls=1)
        wait_for_log(app, "processScan", result="deferred", digest=digest)
        app.wait_until_quiet()

        assert len(messages_about(app, name)) == 1


class TestSlackBot:
    def test_a_stream_is_one_thread_that_is_kept_current(self, app: App, repository: Any) -> None:
        """News is a reply; what the scanner withdraws only edits the first message."""
        name = repository("elsewhere")
        digest = app.aws.push(name, "1.4.1", basic("CVE-2026-0001", "CVE-2026-0002"))
        app.wait_until_quiet()
        app.aws.rescan(name, digest, basic("CVE-2026-0001", "CVE-2026-0002", "CVE-2026-0003"))
        app.wait_until_quiet()

        app.aws.rescan(name, digest, basic("CVE-2026-0002"))
        wait_for_rows(app, name, 3)
        quiet = sweep_until(app, name, RowState.SENT)

        first, edit, reply, quiet_edit = messages_about(app, name)
        root = first.payload["ts"]
        rows = rows_about(app, name)
        assert [row.destination for row in rows] == ["team-bot/C0ELSEWHERE"] * 3
        assert quiet.quiet
        assert {message.destination for message in (first, edit, reply)} == {"C0ELSEWHERE"}
        assert (edit.kind, edit.payload["ts"]) == ("updated", root)
        assert "3 HIGH" in edit.payload["text"]
        assert reply.payload["thread_ts"] == root
        assert "1 HIGH newly reported" in reply.payload["text"]
        assert (quiet_edit.kind, quiet_edit.payload["ts"]) == ("updated", root)
        assert "1 HIGH" in quiet_edit.payload["text"]

    def test_a_lost_answer_is_looked_up_and_not_repeated(self, app: App, repository: Any) -> None:
        """Slack took the message and said 500: its history has it, so it is not sent again."""
        name = repository("bot")
        app.receivers.script("slack/C0TEAMBOT", [Answer(500, accepts=True)])

        digest = app.aws.push(name, "1.4.1", basic("CVE-2026-0001"))
        sweep_until(app, name, RowState.SENT, patient=False)
        app.aws.rescan(name, digest, basic("CVE-2026-0001", "CVE-2026-0003"))
        app.wait_until_quiet()

        first, _, reply = messages_about(app, name)
        paths = [each.path for each in app.receivers.requests("slack")]
        assert paths.count("/api/conversations.history") == 1
        assert reply.payload["thread_ts"] == first.payload["ts"]
        assert reply.payload["reply_broadcast"] is True


class TestIndex:
    """Multi-platform images: the index has the tags, the images in it have the findings."""

    @pytest.fixture(autouse=True)
    def _warm(self, app: App, repository: Any) -> None:
        """Start the functions first: scans of untagged images wait for seconds only here."""
        app.aws.push(repository(), "1.0.0", basic())
        app.wait_until_quiet()

    def push_members(self, app: App, name: str, **options: Any) -> dict[str, str]:
        """Push an image for each of two platforms and an attestation."""
        documents = {
            "linux/amd64": basic("CVE-2026-0001"),
            "linux/arm64": basic("CVE-2026-0001", "CVE-2026-0002"),
            ATTESTATION: {"imageScanStatus": {"status": "UNSUPPORTED_IMAGE"}},
        }
        return {
            app.aws.push(name, None, document, content=platform, **options): platform
            for platform, document in documents.items()
        }

    def test_an_index_is_one_message(self, app: App, repository: Any) -> None:
        """Scanned before the index is pushed: one message, under its tag, a line per platform."""
        name = repository()
        members = self.push_members(app, name)

        app.aws.push_index(name, "1.4.1", members)
        app.wait_until_quiet()
        app.aws.push_index(name, "1.4", members)
        app.wait_until_quiet()

        (message,) = messages_about(app, name)
        assert "1 on both" in message.raw
        assert "1 only on linux/arm64" in message.raw
        assert f"{name}:1.4.1" in json.loads(message.raw)["text"]
        assert len(rows_about(app, name)) == 1

    def test_scans_after_the_push_of_the_index_are_one_message(
        self, app: App, repository: Any
    ) -> None:
        """Nothing is told before the last platform is scanned; then at once."""
        name = repository(scan_on_push=False)
        members = self.push_members(app, name)
        index = app.aws.push_index(name, "1.4.1", members)
        wait_for_log(app, "processScan", result="deferred", digest=index)

        for digest in members:
            app.aws.rescan(name, digest)
        sweep_until(app, name, RowState.SENT)
        app.wait_until_quiet()

        (message,) = messages_about(app, name)
        assert "1 on both" in message.raw
        assert "1 only on linux/arm64" in message.raw

    def test_an_index_is_shown_by_the_command(self, app: App, repository: Any) -> None:
        """`scan` fetches the findings of all its images."""
        name = repository("local")
        app.aws.push_index(name, "1.4.1", self.push_members(app, name))
        app.wait_until_quiet()

        answer = command(app, "scan", f"{name}:1.4.1")

        assert answer.returncode == 0, answer.stderr
        assert "linux/arm64: 2 HIGH" in answer.stdout


class TestReceivers:
    @pytest.mark.parametrize(
        ("answer", "patient"),
        [
            (Answer(429, headers={"Retry-After": "1"}), True),
            (Answer(500, "rollup_error"), False),
            (Answer(200, '{"ok":false,"error":"rate_limited","retry_after":1}'), True),
        ],
        ids=["429-seconds", "500", "200-with-error"],
    )
    def test_a_refusal_that_may_pass_is_sent_later(
        self, app: App, repository: Any, answer: Answer, request: Any, *, patient: bool
    ) -> None:
        """The row waits, the sweep wakes it, and one message arrives."""
        name = repository(f"faulty/{request.node.callspec.id}")
        app.receivers.script("slack/faulty-slack", [answer])

        app.aws.push(name, "1.4.1", basic("CVE-2026-0001"))
        sweep_until(app, name, RowState.SENT, patient=patient)

        assert len(messages_about(app, name)) == 1
        assert app.receivers.unplayed() == 0

    def test_a_receiver_that_is_silent_keeps_no_other_waiting(
        self, app: App, repository: Any
    ) -> None:
        """While one alert waits for its answer, that of another destination arrives."""
        slow, other = repository("faulty"), repository()
        app.receivers.script("slack/faulty-slack", [TimeoutAfterAccept()])
        app.aws.push(slow, "1.4.1", basic("CVE-2026-0001"))
        wait_until(lambda: messages_about(app, slow))

        app.aws.push(other, "1.4.1", basic("CVE-2026-0001"))
        wait_until(lambda: messages_about(app, other))

        assert [row.state for row in rows_about(app, slow)] == [RowState.CLAIMED]
        app.receivers.hang_up()
        sweep_until(app, slow, RowState.SENT, patient=False)
        assert [is_repeat(each) for each in messages_about(app, slow)] == [False, True]

    def test_a_date_to_come_back_is_honoured(self, app: App, repository: Any) -> None:
        """Retry-After as an HTTP date: not called before, sent after."""
        name = repository("faulty")
        until = datetime.now(UTC) + timedelta(seconds=3)
        date = format_datetime(until, usegmt=True)
        app.receivers.script("slack/faulty-slack", [Answer(429, headers={"Retry-After": date})])

        app.aws.push(name, "1.4.1", basic("CVE-2026-0001"))
        sweep_until(app, name, RowState.SENT)

        message = messages_about(app, name)[0]
        assert message.received_at >= until.replace(microsecond=0)

    def test_a_revoked_webhook_is_dead_at_once(self, app: App, repository: Any) -> None:
        """403 invalid_token: one call, a dead row with the reason; other alerts wait."""
        name, other = repository("revoked"), repository("revoked")
        app.receivers.script("slack/revoked-slack", [Answer(403, "invalid_token")])

        app.aws.push(name, "1.4.1", basic("CVE-2026-0001"))
        dead = sweep_until(app, name, RowState.DEAD)
        wait_for_log(app, "deliver", DeliveriesDead=[1.0])
        app.aws.push(other, "1.4.1", basic("CVE-2026-0001"))
        waiting = sweep_until(app, other, RowState.RETRY)

        assert "invalid_token" in str(dead.reason)
        assert "broken" in str(waiting.reason)
        assert messages_about(app, name) == messages_about(app, other) == []

        table = app.stack.outputs["TableName"]
        DynamoPauses(app.aws.client("dynamodb"), table).resume(Destination("revoked-slack"))
        sweep_until(app, other, RowState.SENT, patient=False)

    def test_a_payload_that_slack_refuses_is_sent_plain(self, app: App, repository: Any) -> None:
        """invalid_blocks: one more attempt with text only."""
        name = repository("faulty")
        app.receivers.script("slack/faulty-slack", [Answer(400, "invalid_blocks")])

        app.aws.push(name, "1.4.1", basic("CVE-2026-0001"))
        sweep_until(app, name, RowState.SENT)

        assert "blocks" not in json.loads(messages_about(app, name)[0].raw)


class TestBadInput:
    @pytest.mark.parametrize("body", ["not json", '{"detail-type": "ECR Image Scan"}'])
    def test_a_malformed_event_is_kept_with_its_reason(self, app: App, body: str) -> None:
        """It goes to the dead letters, and says why."""
        sqs = app.aws.client("sqs")
        sqs.send_message(QueueUrl=app.stack.outputs["ScanEventsQueueUrl"], MessageBody=body)

        message = receive(app, "ScanEventsDlqUrl")

        assert message["Body"] == body
        assert message["MessageAttributes"]["reason"]["StringValue"] in ("not-json", "bad-event")

    def test_no_secret_is_logged(self, app: App, repository: Any) -> None:
        """Neither the path of a webhook nor a token stands in any line of any function."""
        name = repository("everywhere")
        app.aws.push(name, "1.4.1", basic("CVE-2026-0001"))
        app.wait_until_quiet()

        lines = json.dumps([app.log("processScan"), app.log("deliver")])
        secrets = [app.receivers.slack_url("team-slack").rpartition("/")[2]]
        secrets += [app.receivers.slack_url("faulty-slack").rpartition("/")[2]]
        secrets += [app.receivers.jira_credentials[1]]
        assert lines.count("delivery attempted") > 0
        assert [each for each in secrets if each in lines] == []


class TestCommand:
    def test_an_image_is_scanned_and_sent_without_the_deployment(
        self, app: App, repository: Any
    ) -> None:
        """`scan --send` fetches, routes, shows and delivers; secrets are read as written."""
        name = repository("local")
        app.aws.client("secretsmanager").create_secret(
            Name="ecr-scan-alerts/team", SecretString=app.receivers.slack_url("team-slack")
        )
        app.aws.push(name, "1.4.1", basic("CVE-2026-0001"))
        app.wait_until_quiet()

        answer = command(app, "scan", f"{name}:1.4.1", "--send", "--yes")

        alert, by_hand = messages_about(app, name)
        assert answer.returncode == 0, answer.stderr
        assert "CVE-2026-0001" in answer.stdout
        assert "team-slack: sent, marked TEST" in answer.stdout
        assert "TEST sent by hand" in by_hand.raw
        assert "TEST sent by hand" not in alert.raw

    def test_an_image_that_is_not_there_is_one_sentence(self, app: App, repository: Any) -> None:
        """What to check stands in the error, without a trace."""
        answer = command(app, "scan", f"{repository()}:nothing")

        assert answer.returncode == 2
        assert "Check the name" in answer.stderr
        assert "Traceback" not in answer.stderr


def command(app: App, *arguments: str) -> subprocess.CompletedProcess[str]:
    config = ROOT / "tests/e2e/alerts.yml"
    return subprocess.run(
        [sys.executable, "-m", "cli", *arguments, "--config", str(config)],
        cwd=ROOT,
        env={**os.environ, **app.aws.environment(), "RECEIVER_HOSTS": "127.0.0.1", "STAGE": "any"},
        capture_output=True,
        text=True,
        check=False,
    )


def wait_for_rows(app: App, repository: str, number: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while len(rows_about(app, repository)) < number:
        assert time.monotonic() < deadline, rows_about(app, repository)
        time.sleep(0.1)


def wait_for_log(app: App, function: str, *, digest: str = "", **fields: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while not any(
        all(line.get(name) == value for name, value in fields.items())
        and line.get("image", "").endswith(digest)
        for line in app.log(function)
    ):
        assert time.monotonic() < deadline, fields
        time.sleep(0.1)


def receive(app: App, queue: str) -> dict[str, Any]:
    sqs = app.aws.client("sqs")
    url = app.stack.outputs[queue]
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        answer = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1, MessageAttributeNames=["All"])
        for message in answer.get("Messages", []):
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            return dict(message)
    raise AssertionError(queue)


def reconcile(app: App, repository: str) -> dict[str, str]:
    """Let reconcile run once, as it does every hour; return reasons by digest of what it queued."""
    before = len(app.log("reconcile"))
    answer = app.aws.client("lambda").invoke(FunctionName=f"{app.stack.name}-reconcile")
    said = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, said
    app.wait_until_quiet()
    lines = [
        line
        for line in app.log("reconcile")[before:]
        if line.get("message") == "missed scan queued" and f"/{repository}@" in line["image"]
    ]
    return {line["image"].partition("@")[2]: line["reason"] for line in lines}


class TestReconciliation:
    def test_scans_whose_events_were_lost_are_found_and_no_others(
        self, app: App, repository: Any
    ) -> None:
        """The last release is notified once; what had its events is not fetched again."""
        name = repository("mailed")
        app.aws.push(name, "1.0", basic("CVE-2026-1000"))
        app.wait_until_quiet()
        lost = app.aws.push(name, "2.0", basic("CVE-2026-2000"), announced=False)
        app.wait_until_quiet()

        first = reconcile(app, name)
        seen = len(messages_about(app, name))
        again = reconcile(app, name)

        assert set(first) == {lost}
        assert seen == 2
        assert again == {}
        assert len(messages_about(app, name)) == seen

    def test_a_newer_scan_and_a_failed_one_are_found(self, app: App, repository: Any) -> None:
        """What is stored is not what ECR has now."""
        rescanned_in, failed_in = repository(), repository()
        rescanned = app.aws.push(rescanned_in, "1.1", basic("CVE-2026-3001"))
        failed = app.aws.push(failed_in, "1.2", basic("CVE-2026-3001"))
        app.wait_until_quiet()
        later = basic("CVE-2026-3001", "CVE-2026-3002")
        app.aws.rescan(rescanned_in, rescanned, later, announced=False)
        problem = {"imageScanStatus": {"status": "FAILED", "description": "The scan failed."}}
        app.aws.rescan(failed_in, failed, problem, announced=False)

        first = reconcile(app, rescanned_in)
        again = {**reconcile(app, rescanned_in), **reconcile(app, failed_in)}

        assert set(first) == {rescanned}
        assert again == {}
        assert "CVE-2026-3002" in messages_about(app, rescanned_in)[-1].raw
        assert "Scan failed" in messages_about(app, failed_in)[-1].raw

    def test_a_scan_of_one_platform_is_found_as_one_of_the_index(
        self, app: App, repository: Any
    ) -> None:
        """Its image has no tag of its own: the index is fetched again, and what is new notified."""
        name = repository()
        amd64 = app.aws.push(name, None, basic("CVE-2026-5001"), content="linux/amd64")
        arm64 = app.aws.push(name, None, basic("CVE-2026-5001"), content="linux/arm64")
        app.aws.push_index(name, "1.1", {amd64: "linux/amd64", arm64: "linux/arm64"})
        app.wait_until_quiet()
        later = basic("CVE-2026-5001", "CVE-2026-5002")
        app.aws.rescan(name, arm64, later, announced=False)

        reconcile(app, name)

        before, after = messages_about(app, name)
        assert "CVE-2026-5002" not in before.raw
        assert "CVE-2026-5002" in after.raw
        assert "1 only on linux/arm64" in after.raw
        assert reconcile(app, name) == {}

    def test_an_event_that_comes_after_all_changes_nothing(self, app: App, repository: Any) -> None:
        """AWS delivers late what reconciliation has found already."""
        name = repository()
        digest = app.aws.push(name, "1.1", basic("CVE-2026-4001"), announced=False)
        reconcile(app, name)

        app.aws.repeat_event(name, digest)
        app.wait_until_quiet()

        assert len(messages_about(app, name)) == 1
        assert reconcile(app, name) == {}

    def test_what_belongs_to_an_image_is_not_asked_for(self, app: App, repository: Any) -> None:
        """A signature beside an image has no scan, and needs none."""
        name = repository()
        app.aws.client("ecr").put_image(
            repositoryName=name,
            imageManifest=json.dumps({"config": {"mediaType": "application/vnd.in-toto+json"}}),
            imageManifestMediaType="application/vnd.oci.image.manifest.v1+json",
        )
        app.wait_until_quiet()
        app.aws.forget_calls()

        reconcile(app, name)

        calls = [call["action"] for call in app.aws.calls() if call["repository"] == name]
        assert "DescribeImageScanFindings" not in calls


@contextmanager
def without_rights(app: App, role: str) -> Iterator[None]:
    """Take the rights of a function away for a while."""
    resource = app.aws.client("cloudformation").describe_stack_resource(
        StackName=app.stack.name, LogicalResourceId=role
    )
    iam, name = app.aws.client("iam"), resource["StackResourceDetail"]["PhysicalResourceId"]
    documents = {
        each: iam.get_role_policy(RoleName=name, PolicyName=each)["PolicyDocument"]
        for each in iam.list_role_policies(RoleName=name)["PolicyNames"]
    }
    for policy in documents:
        iam.delete_role_policy(RoleName=name, PolicyName=policy)
    try:
        yield
    finally:
        for policy, document in documents.items():
            text = json.dumps(document)
            iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=text)


@contextmanager
def impatient(app: App, queue: str) -> Iterator[None]:
    """Let failed messages of a queue come back at once, and give them up the second time."""
    sqs, url = app.aws.client("sqs"), app.stack.outputs[queue]
    names = ["VisibilityTimeout", "RedrivePolicy"]
    usual = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    policy = json.dumps({**json.loads(usual["RedrivePolicy"]), "maxReceiveCount": 2})
    sqs.set_queue_attributes(
        QueueUrl=url, Attributes={"VisibilityTimeout": "1", "RedrivePolicy": policy}
    )
    try:
        yield
    finally:
        sqs.set_queue_attributes(QueueUrl=url, Attributes=usual)


def wait_for_letter(run: Any, repository: str) -> Any:
    """Return the dead letter of a repository's scan; that of the push is one, too."""
    scan = f"ECR Image Scan: {repository}"
    deadline = time.monotonic() + PATIENCE
    while True:
        answer = run("dead-letters", "list", "--queue", "scan-events", "--format", "json")
        letters = [each for each in json.loads(answer.stdout) if scan in each["about"]]
        if letters:
            return letters[0]
        assert time.monotonic() < deadline, answer


class TestOperations:
    def test_dead_deliveries_are_listed_and_sent_again(
        self, app: App, repository: Any, run: Any
    ) -> None:
        """
        `list` finds one, `verify` says no, `redrive` sends what the stream has to say now.

        The dead row stays as it is: the next one speaks for it, and it cannot be redriven again.
        """
        name = repository("revoked")
        app.receivers.script("slack/revoked-slack", [Answer(403, "invalid_token")])
        app.aws.push(name, "1.4.1", basic("CVE-2026-0001"))
        dead = sweep_until(app, name, RowState.DEAD)

        listed = json.loads(run("deliveries", "list", "--state", "DEAD", "--format", "json").stdout)
        table = run("deliveries", "list").stdout
        verified = run("deliveries", "verify")
        counts = json.loads(run("deliveries", "verify", "--format", "json").stdout)
        # The end of a pause sends dead ones again, too: it comes second.
        redriven = run("deliveries", "redrive", dead.id)
        resumed = run("pauses", "remove", "revoked-slack")
        sent = sweep_until(app, name, RowState.SENT)
        again = run("deliveries", "redrive", dead.id)

        assert dead.id in [row["id"] for row in listed]
        assert dead.id in table
        assert verified.returncode == 1
        assert counts["views"]["given-up"] >= 1
        assert (resumed.returncode, redriven.returncode, again.returncode) == (0, 0, 1)
        assert len(messages_about(app, name)) == 1
        shown = json.loads(run("deliveries", "show", sent.id, "--format", "json").stdout)
        assert shown[0]["state"] == "SENT"
        explained = run("deliveries", "explain", sent.stream, "--to", "revoked-slack")
        assert "what was reported is what the rules ask for" in explained.stdout

    def test_what_was_given_up_is_redriven_once_its_cause_is_mended(
        self, app: App, repository: Any, run: Any
    ) -> None:
        """Tried without its rights; `list` and `show` say what it is; redriven, one alert."""
        name = repository()
        queue = ("--queue", "scan-events", "--format", "json")

        with without_rights(app, "ProcessScanRole"), impatient(app, "ScanEventsQueueUrl"):
            app.aws.push(name, "1.4.1", basic("CVE-2026-0001"))
            letter = wait_for_letter(run, name)
        shown = json.loads(run("dead-letters", "show", letter["id"], *queue).stdout)
        before = messages_about(app, name)
        redriven = run("dead-letters", "redrive", letter["id"])
        sweep_until(app, name, RowState.SENT)
        again = run("dead-letters", "redrive", letter["id"])

        assert letter["reason"] == "tried too often"
        assert letter["about"].startswith(f"ECR Image Scan: {name}@sha256:")
        assert shown[0]["body"]["detail"]["repository-name"] == name
        assert (before, len(messages_about(app, name))) == ([], 1)
        assert (redriven.returncode, again.returncode) == (0, 1)

    def test_what_eventbridge_could_not_put_is_redriven(
        self, app: App, repository: Any, run: Any
    ) -> None:
        """The event as its dead-letter queue keeps it, with the reason, is processed."""
        name = repository()
        digest = app.aws.push(name, "1.4.1", basic("CVE-2026-0001"), announced=False)
        event = json.loads((ROOT / "tests/events/ecr-image-scan/lambda-go.json").read_text())
        (found,) = app.aws.client("ecr").describe_repositories(repositoryNames=[name])[
            "repositories"
        ]
        event |= {"id": digest, "account": found["registryId"], "region": "eu-central-1"}
        event |= {"resources": [found["repositoryArn"]]}
        event["detail"] |= {"repository-name": name, "image-digest": digest}
        event["detail"] |= {"finding-severity-counts": {"HIGH": 1}}
        message = app.aws.client("sqs").send_message(
            QueueUrl=app.stack.outputs["UndeliveredEventsDlqUrl"],
            MessageBody=json.dumps(event),
            MessageAttributes={
                "ERROR_CODE": {"DataType": "String", "StringValue": "NO_PERMISSIONS"}
            },
        )

        listed = json.loads(run("dead-letters", "list", "--format", "json").stdout)
        redriven = run("dead-letters", "redrive", "--all", "--queue", "undelivered-events")
        sweep_until(app, name, RowState.SENT)

        (letter,) = [each for each in listed if each["id"] == message["MessageId"]]
        assert (letter["queue"], letter["reason"]) == ("undelivered-events", "NO_PERMISSIONS")
        assert redriven.returncode == 0
        assert len(messages_about(app, name)) == 1

    def test_a_destination_is_paused_and_resumed_by_hand(
        self, app: App, repository: Any, run: Any
    ) -> None:
        """While it is paused nothing is sent; afterwards everything is."""
        name = repository("revoked")
        paused = run("pauses", "add", "revoked-slack", "--for", "30m")
        longer = run("pauses", "add", "revoked-slack", "--for", "5m")
        app.aws.push(name, "1.4.1", basic("CVE-2026-0001"))
        sweep_until(app, name, RowState.RETRY)

        resumed = run("pauses", "remove", "revoked-slack")
        sweep_until(app, name, RowState.SENT)

        assert paused.returncode == 0
        assert (longer.returncode, "paused for longer" in longer.stderr) == (2, True)
        assert re.search(r"[1-9]\d* alerts? (is|are) due now", resumed.stdout)
        assert len(messages_about(app, name)) == 1

    def test_missed_scans_are_found_by_command(self, app: App, repository: Any, run: Any) -> None:
        """A dry run says what would be sent, the real one has it sent, and the next finds none."""
        name = repository()
        app.aws.push(name, "1.1", basic("CVE-2026-5001"), announced=False)
        app.wait_until_quiet()
        only = ("reconcile", "--repository", name)

        tried = run(*only, "--dry-run", "--format", "json")
        queued = run(*only, "--format", "json")
        app.wait_until_quiet()
        again = run(*only)

        assert (tried.returncode, queued.returncode, again.returncode) == (0, 0, 0)
        assert json.loads(tried.stdout)["messages"] == {"team-slack": 1}
        assert len(json.loads(queued.stdout)["missed_scans"]) == 1
        assert "queued 0 of 1 image" in again.stdout
        assert len(messages_about(app, name)) == 1

    def test_a_scan_is_put_on_the_queue(self, app: App, repository: Any, run: Any) -> None:
        """`scan --send` lets the deployment decide, and a second time there is nothing to do."""
        name = repository()
        app.aws.push(name, "1.2", basic("CVE-2026-5002"), announced=False)
        app.wait_until_quiet()
        config = ("--config", str(ROOT / "tests/e2e/alerts.yml"))

        queued = run("scan", f"{name}:1.2", "--send", *config)
        app.wait_until_quiet()
        again = run("scan", f"{name}:1.2", "--send", *config)

        assert (queued.returncode, again.returncode) == (0, 0)
        assert "queued for stage local (" in queued.stdout
        assert "nothing to queue for stage local: " in again.stdout
        assert len(messages_about(app, name)) == 1

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (("deliveries", "redrive"), "redrive takes ids"),
            (("deliveries", "show", "abc"), "no delivery abc"),
            (("pauses", "add", "x", "--for", "2d"), "minutes or hours"),
            (("pauses", "add", "x", "--for", "21h"), "at most 20h"),
        ],
    )
    def test_mistakes_are_answered_in_one_sentence(
        self, run: Any, arguments: tuple[str, ...], said: str
    ) -> None:
        """Exit code 2 and what is wrong."""
        answer = run(*arguments)

        assert answer.returncode == 2
        assert said in answer.stderr

    def test_a_stage_that_does_not_exist_is_named(self, run: Any) -> None:
        """What to check stands in the error."""
        answer = run("deliveries", "list", stage="nothing")

        assert answer.returncode == 2
        assert "no stage nothing in eu-central-1" in answer.stderr
        assert re.search(r"there are: (\w+, )*local\b", answer.stderr)


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def run(
    app: App, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Said]:
    """Run a command in this process, as an operator of the stage."""
    for name, value in app.aws.environment().items():
        monkeypatch.setenv(name, value)

    def command(*arguments: str, stage: str = "local") -> Said:
        code = main((*arguments, "--stage", stage))
        captured = capsys.readouterr()
        return Said(code, captured.out, captured.err)

    return command
