"""
This repository, deployed on this machine with embedded AWS and receivers, for demo and tests.

    with EmbeddedAws() as aws, Receivers() as receivers:
        config = write_config(ROOT / "local/alerts.yml", receivers.url, folder / "alerts.yml")
        app = install(aws, receivers, config)
        aws.push("payments/api", "1.4.2", document)
        app.wait_until_quiet()
        receivers.messages("slack")
"""

import fcntl
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cli.alerts_file import load_file, read
from lib.bootstrap.app import App as Process
from lib.bootstrap.clients import Clients
from lib.bootstrap.settings import Settings
from lib.config.secret_names import stage_name
from lib.models.views import Notification, RowState
from lib.store.documents import data_of
from lib.store.items import from_item
from local.aws.process import ROOT, EmbeddedAws
from local.demo.deploy import Stack, deploy
from local.standins.server import Receivers

STAGE: Final = "local"
QUIET_SECONDS: Final = 150.0
"""Maximum waiting time. A scan that is not ready is fetched again after 30 s, then after a
minute."""
POLL_SECONDS: Final = 0.05

_SITE: Final = re.compile(r"http://127\.0\.0\.1:\d+")
_EXPIRES: Final = re.compile(r"(?<=expires: )2099-12-31")
_ACCEPTED: Final = timedelta(days=90)
"""An accepted risk ends within a quarter; a date in a file would be past one day."""
_OPEN: Final = (RowState.PENDING, RowState.CLAIMED, RowState.RETRY)
_QUEUES: Final = (
    "ScanEventsQueueUrl",
    "FindingEventsQueueUrl",
    "ChangedImagesQueueUrl",
    "SyncQueueUrl",
    # A row is final before its wake-up is deleted, and a worker that is replaced in between leaves
    # the group of its destination locked until the visibility timeout ends.
    "DeliveriesQueueUrl",
)
"""Their messages are work. Those of the queue for dead letters are not."""

Json = Any


class AppError(Exception):
    """Packaging failed, or the app did not finish its work. The text names what is left."""


@dataclass(frozen=True, slots=True)
class Row:
    """A notification, with the fields that tests and the demo need."""

    id: str
    destination: str
    stream: str
    state: RowState
    reason: str
    quiet: bool
    created_at: datetime
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class App:
    """The deployed app, with its AWS and its receivers."""

    aws: EmbeddedAws
    receivers: Receivers
    stack: Stack
    topics: tuple[str, ...]
    """Destinations that are SNS topics."""

    def rows(self) -> tuple[Row, ...]:
        """Return all notifications."""
        pages = self.aws.client("dynamodb").get_paginator("scan")
        scan_pages = pages.paginate(
            TableName=self.stack.outputs["TableName"],
            FilterExpression="begins_with(pk, :notification)",
            ExpressionAttributeValues={":notification": {"S": "NOTIFICATION#"}},
            ConsistentRead=True,
        )
        return tuple(_row(item) for page in scan_pages for item in page["Items"])

    def wait_until_quiet(self, seconds: float = QUIET_SECONDS) -> tuple[Row, ...]:
        """
        Wait until all events, deliveries and messages are processed, and return the ledger.

        Raises `AppError` after `seconds`.
        """
        deadline = time.monotonic() + seconds
        while True:
            # The ledger is long: it is read when the queues are empty.
            left = max(deadline - time.monotonic(), 0.0)
            events = self.aws.wait_until_empty(self._queues(_QUEUES), left)
            rows = () if events else self.rows()
            if not events and not any(map(_is_open, rows)) and self._arrived(rows):
                return rows
            if time.monotonic() > deadline:
                raise AppError(f"Not done after {seconds:.0f} s: {_left(events, self.rows())}")
            time.sleep(POLL_SECONDS)

    def message_count(self, *queues: str) -> int:
        """Return how many messages queues have at one moment; they are named by their outputs."""
        counts = self.aws.message_counts()
        return sum(counts[name] for name in self._queues(queues))

    def _queues(self, outputs: Iterable[str]) -> Iterator[str]:
        return (self.stack.outputs[output].rpartition("/")[2] for output in outputs)

    def _arrived(self, rows: tuple[Row, ...]) -> bool:
        """Whether SNS has delivered its messages, which takes some time after their acceptance."""
        sent_rows = [row for row in rows if row.state is RowState.SENT]
        published_count = sum(row.destination in self.topics for row in sent_rows)
        return len(self.receivers.messages("sns")) >= published_count

    def sweep(self) -> None:
        """Run `sweep` once, as its schedule would: the embedded AWS has no clock of its own."""
        self.aws.client("lambda").invoke(FunctionName=f"{self.stack.name}-sweep")

    def run_digests(self) -> None:
        """Run `send_digest` once, as its schedule would."""
        self.aws.client("lambda").invoke(FunctionName=f"{self.stack.name}-sendDigest")

    def send_digests(self, config: Path) -> int:
        """Deliver the digests of a configuration now, and return their number."""
        rules = load_file(config, today=datetime.now(UTC).date())
        if rules.digest is None:
            return 0
        outputs = self.stack.outputs
        settings = Settings(
            {
                "TABLE_NAME": outputs["TableName"],
                "REPORTS_BUCKET": outputs["ReportsBucketName"],
                "DELIVERIES_QUEUE_URL": outputs["DeliveriesQueueUrl"],
            }
        )
        flow = Process(settings, clients=_Clients(self.aws), config=rules).streams.digests
        now = datetime.now(UTC).replace(microsecond=0)
        digests = flow.create(rules.digest, rules.digest.notify, until=now)
        flow.send(digests)
        self.wait_until_quiet()
        return len(digests)

    def log(self, function: str) -> list[dict[str, Json]]:
        """Return the structured log lines of a function ("deliver")."""
        group = f"/aws/lambda/{self.stack.name}-{function}"
        pages = self.aws.client("logs").get_paginator("filter_log_events")
        events = [
            event["message"]
            for page in pages.paginate(logGroupName=group)
            for event in page["events"]
        ]
        return [json.loads(event) for event in events if event.startswith("{")]


class _Clients(Clients):
    """Clients of the embedded AWS."""

    def __init__(self, aws: EmbeddedAws) -> None:
        super().__init__()
        self._aws = aws

    def get(self, service: str, region: str | None = None) -> Any:  # noqa: ARG002  # it has one region
        return self._aws.client(service)


def write_config(source: Path, site: str, target: Path) -> Path:
    """Write alerts.yml with the address of the receivers, and its far dates within 90 days."""
    target.parent.mkdir(parents=True, exist_ok=True)
    ends = f"{datetime.now(UTC).date() + _ACCEPTED}"
    text = _EXPIRES.sub(ends, _SITE.sub(site, source.read_text("utf-8")))
    target.write_text(text, "utf-8")
    return target


def install(aws: EmbeddedAws, receivers: Receivers, config: Path) -> App:
    """Package and deploy this repository, with the secrets and topics of a configuration."""
    topics = provide(aws, receivers, read(config).document)
    folder = ROOT / ".build" / STAGE
    # Other processes may package the same stage with another configuration.
    with _alone(folder):
        package(config, region=aws.region)
        stack = deploy(aws, folder, STAGE, quick=True)
    receivers.functions_url = f"{aws.endpoint}/_aws/lambda-url"
    return App(aws, receivers, stack, topics)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder, against other processes of this checkout."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def package(config: Path, *, region: str) -> None:
    """Build zip and template of the local stage. Raises `AppError` with the output of the tools."""
    command = [sys.executable, "-m", "deploy.package", "--stage", STAGE]
    command += ["--config", str(config), "--region", region]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise AppError(answer.stderr.strip() or answer.stdout.strip())


def provide(
    aws: EmbeddedAws, receivers: Receivers, document: Mapping[str, Json]
) -> tuple[str, ...]:
    """
    Create the secrets and topics in a configuration, with the receivers as targets.

    Returns the destinations that are topics. Each topic has one subscriber with a confirmed
    subscription.
    """
    topics = {}
    for name, destination in document["destinations"].items():
        match destination:
            case {"type": "slack", "webhook": reference}:
                _store(aws, reference, receivers.slack_url(name))
            case {"type": "slack", "token": reference}:
                _store(aws, reference, receivers.slack_token)
            case {"type": "jira", "credentials": reference}:
                email, token = receivers.jira_credentials
                _store(aws, reference, json.dumps({"email": email, "token": token}))
            case {"type": "pagerduty", "routing_key": reference}:
                _store(aws, reference, receivers.pagerduty_key(name))
            case {"type": "webhook", "url": url, "secret": secret}:
                _store(aws, url, receivers.webhook_url(name))
                _store(aws, secret, receivers.webhook_secret)
            case {"type": "sns", "topic_arn": arn}:
                topics[name] = _subscribe(aws, arn, receivers.sns_url(name))
    _wait_until_confirmed(aws, topics)
    return tuple(topics)


def _store(aws: EmbeddedAws, reference: Mapping[str, str], value: str) -> None:
    match reference:
        case {"secret": name}:
            full = stage_name("secret", name, STAGE)
            aws.client("secretsmanager").create_secret(Name=full, SecretString=value)
        case {"parameter": name}:
            full = stage_name("parameter", name, STAGE)
            aws.client("ssm").put_parameter(Name=full, Value=value, Type="SecureString")


def _subscribe(aws: EmbeddedAws, arn: str, endpoint: str) -> str:
    sns = aws.client("sns")
    created_arn: str = sns.create_topic(Name=arn.rpartition(":")[2])["TopicArn"]
    if created_arn != arn:
        raise AppError(f"Topics here are of {created_arn.rpartition(':')[0]}, not {arn}")
    sns.subscribe(TopicArn=arn, Protocol="http", Endpoint=endpoint)
    return arn


def _wait_until_confirmed(aws: EmbeddedAws, topics: Mapping[str, str]) -> None:
    deadline = time.monotonic() + QUIET_SECONDS
    for name, arn in topics.items():
        while not _confirmed(aws, arn):
            if time.monotonic() > deadline:
                raise AppError(f"The subscription of {name} was not confirmed")
            time.sleep(POLL_SECONDS)


def _confirmed(aws: EmbeddedAws, arn: str) -> bool:
    attributes = aws.client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]
    return int(attributes["SubscriptionsConfirmed"]) > 0


def _row(item: Mapping[str, Json]) -> Row:
    row = data_of(Notification, from_item(item))
    return Row(
        id=row.id,
        destination=row.destination,
        stream=row.stream,
        state=row.state,
        reason=row.reason,
        quiet=row.quiet,
        created_at=row.created_at,
        due_at=row.due_at,
    )


def _is_open(row: Row) -> bool:
    return row.state in _OPEN and not row.quiet


def _left(events: int, rows: Iterable[Row]) -> str:
    """Describe the unfinished work, with the reasons in the ledger."""
    waiting = [
        f"{row.destination} is {row.state} ({row.reason or 'not tried'})"
        for row in filter(_is_open, rows)
    ]
    return "; ".join([f"{events} messages wait", *waiting])
