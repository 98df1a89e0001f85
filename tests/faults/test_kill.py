"""kill -9 of a real worker process in the middle of a batch, over the embedded AWS."""

import json
import os
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lib.bootstrap.clients import Clients
from lib.core.attempts import LEASE
from lib.models import DeliveryId
from lib.models.views import RowState
from local.aws.process import EmbeddedAws
from local.standins.server import Accept, Receivers, TimeoutAfterAccept
from local.standins.wire import Kind
from tests.faults.receivers import delivery_of
from tests.faults.worker import an_app
from tests.faults.world import Registry
from tests.store.conftest import create_table
from tests.support.builders import a_finding, a_report, a_scan_event, an_image
from tests.support.thorough import THOROUGH

ROOT = Path(__file__).parents[2]
ALERTS = 100 if THOROUGH else 40
BEFORE = 13
"""Alerts of Slack that arrive before the worker is killed."""
SECONDS = 90.0
VISIBILITY = "3"


class Stage:
    """Table, bucket, queue and secrets of one test, and the alerts to deliver."""

    def __init__(self, aws: EmbeddedAws, receivers: Receivers, folder: Path) -> None:
        name = f"kill-{uuid.uuid4().hex[:12]}"
        create_table(aws.client("dynamodb"), name)
        aws.client("s3").create_bucket(
            Bucket=name, CreateBucketConfiguration={"LocationConstraint": aws.region}
        )
        queue = aws.client("sqs").create_queue(
            QueueName=f"{name}.fifo",
            Attributes={"FifoQueue": "true", "VisibilityTimeout": VISIBILITY},
        )
        user, token = receivers.jira_credentials
        secrets = {
            f"{name}/slack": receivers.slack_url("team"),
            f"{name}/jira": json.dumps({"email": user, "token": token}),
        }
        for key, value in secrets.items():
            aws.client("secretsmanager").create_secret(Name=key, SecretString=value)
        self.environment = aws.environment() | {
            "TABLE_NAME": name,
            "REPORTS_BUCKET": name,
            "DELIVERIES_QUEUE_URL": queue["QueueUrl"],
            "SCAN_EVENTS_QUEUE_URL": queue["QueueUrl"],
            "SYNC_QUEUE_URL": queue["QueueUrl"],
            "RECEIVER_HOSTS": "127.0.0.1",
        }
        self.config = folder / "alerts.json"
        self.document = _document(name, receivers.jira_url)
        self.config.write_text(json.dumps(self.document))
        self.app = an_app(self.document, self.environment, _Clients(aws))

    def alert(self) -> None:
        """Sync streams until there are so many alerts: one each at Slack and Jira."""
        registry = Registry()
        self.app.source = registry
        for number in range(ALERTS // 2):
            image = an_image(number, repository=f"any/app-{number}", pushed_at=self.app.now())
            report = a_report(a_finding(f"CVE-2026-{number}"), completed_at=self.app.now())
            registry.reports[image.digest] = report
            registry.held[image.repository] = [image]
            event = a_scan_event(number, image=image, time=self.app.now())
            outcome = self.app.streams.images.scanned(event)
            tuple(self.app.streams.rounds.run(outcome.streams, "scan", outcome.news))

    @contextmanager
    def worker(self, *, ahead: float = 0.0) -> Iterator[subprocess.Popen[bytes]]:
        """Run a worker whose clock is fast; it does not outlive the test."""
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.worker", self.config, str(ahead)],
            cwd=ROOT,
            env={"PATH": os.defpath, "LOG_LEVEL": "CRITICAL", **self.environment},
            stdout=subprocess.DEVNULL,
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def wait_until_finished(self) -> None:
        """Return once no notification is open."""
        deadline = time.monotonic() + SECONDS
        while rows := self.app.stores.notifications.unsent():
            assert time.monotonic() < deadline, Counter(row.state for row in rows)
            time.sleep(0.2)


class _Clients(Clients):
    """The clients of the embedded AWS."""

    def __init__(self, aws: EmbeddedAws) -> None:
        super().__init__()
        self.get = lambda service, _=None: aws.client(service)


def _document(name: str, site: str) -> Any:
    jira = {"type": "jira", "site": site, "project": "SEC"}
    return {
        "version": 1,
        "destinations": {
            "team": {"type": "slack", "webhook": {"secret": f"{name}/slack"}},
            "board": jira | {"credentials": {"secret": f"{name}/jira"}},
        },
        "routes": [{"name": "all", "severity": "HIGH", "notify": ["team", "board"]}],
    }


def test_a_killed_worker_loses_nothing(embedded_aws: EmbeddedAws, tmp_path: Path) -> None:
    """All arrive; only the one that it had in hand may come twice, and says so."""
    with Receivers() as receivers:
        stage = Stage(embedded_aws, receivers, tmp_path)
        stage.alert()
        # It hangs in a call that was accepted: the worst moment.
        receivers.script("slack", [*[Accept()] * BEFORE, TimeoutAfterAccept()])
        with stage.worker() as first:
            receivers.wait_for(BEFORE + 1, SECONDS, "slack")
            first.kill()
            assert first.wait() < 0
        with stage.worker(ahead=LEASE.total_seconds() + 1):
            stage.wait_until_finished()

        messages = [one for one in receivers.messages() if one.kind is not Kind.ATTACHED]
        accepted = Counter(delivery_of(one.payload) for one in messages)

    rows = [stage.app.stores.notifications.notification(DeliveryId(id_)) for id_ in accepted]
    assert Counter(row.state for row in rows if row) == {RowState.SENT: ALERTS}
    assert sum(accepted.values()) == ALERTS + 1
