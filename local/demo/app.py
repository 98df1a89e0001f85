"""
This repository, deployed on this machine: embedded AWS, package, receivers. For demo and tests.

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
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from boto3.dynamodb.types import TypeDeserializer

from cli.alerts_file import load_file, read
from lib.bootstrap import App as Process
from lib.bootstrap import Clients, Settings
from lib.config.secret_names import stage_name
from lib.models import DeliveryState
from local.aws.process import ROOT, EmbeddedAws
from local.demo.deploy import Stack, deploy
from local.standins.server import Receivers

STAGE: Final = "local"
QUIET_SECONDS: Final = 150.0
"""At most. A scan that is not ready is looked at again after 30 s, and then after a minute."""
POLL_SECONDS: Final = 0.05

_SITE: Final = re.compile(r"http://127\.0\.0\.1:\d+")
_OPEN: Final = (DeliveryState.PENDING, DeliveryState.CLAIMED, DeliveryState.RETRY)
_WAITING: Final = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
)

Json = Any


class AppError(Exception):
    """The app could not be packaged, or did not finish its work; the text says what is left."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the ledger, as far as people ask for it."""

    id: str
    destination: str
    image: str
    state: DeliveryState
    reason: str | None


@dataclass(frozen=True, slots=True)
class App:
    """The deployed app and what surrounds it."""

    aws: EmbeddedAws
    receivers: Receivers
    stack: Stack
    topics: tuple[str, ...]
    """Destinations that are SNS topics."""

    def rows(self) -> tuple[Row, ...]:
        """Return the ledger."""
        pages = self.aws.client("dynamodb").get_paginator("scan")
        found = pages.paginate(
            TableName=self.stack.outputs["TableName"],
            FilterExpression="begins_with(pk, :delivery)",
            ExpressionAttributeValues={":delivery": {"S": "DELIVERY#"}},
            ConsistentRead=True,
        )
        return tuple(_row(item) for page in found for item in page["Items"])

    def wait_until_quiet(self, seconds: float = QUIET_SECONDS) -> tuple[Row, ...]:
        """
        Return the ledger when every event is processed, every delivery done, every message there.

        Raises `AppError` when that takes too long.
        """
        deadline = time.monotonic() + seconds
        while True:
            # In the order of the flow: no event is left, so no row can come any more.
            events = self._waiting("ScanEventsQueueUrl")
            rows = self.rows()
            left = [row for row in rows if row.state in _OPEN]
            if not events and not left and self._arrived(rows):
                return rows
            if time.monotonic() > deadline:
                raise AppError(f"Not done after {seconds:.0f} s: {_left(events, left)}")
            time.sleep(POLL_SECONDS)

    def _waiting(self, queue: str) -> int:
        answer = self.aws.client("sqs").get_queue_attributes(
            QueueUrl=self.stack.outputs[queue], AttributeNames=list(_WAITING)
        )
        return sum(int(count) for count in answer["Attributes"].values())

    def _arrived(self, rows: tuple[Row, ...]) -> bool:
        """SNS takes a message before its subscribers have it."""
        sent = [row for row in rows if row.state is DeliveryState.SENT]
        published = sum(row.destination in self.topics for row in sent)
        return len(self.receivers.messages("sns")) >= published

    def send_digests(self, config: Path) -> int:
        """Have the digests of a configuration delivered now; return how many there are."""
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
        pipeline = Process(settings, clients=_Clients(self.aws), config=rules).digest_pipeline
        now = datetime.now(UTC).replace(microsecond=0)
        made = pipeline.make(rules.digest, rules.digest.notify, until=now)
        pipeline.send(made)
        self.wait_until_quiet()
        return len(made)

    def log(self, function: str) -> list[dict[str, Json]]:
        """Return the structured lines that a function ("deliver") has logged."""
        group = f"/aws/lambda/{self.stack.name}-{function}"
        pages = self.aws.client("logs").get_paginator("filter_log_events")
        events = [
            event["message"]
            for page in pages.paginate(logGroupName=group)
            for event in page["events"]
        ]
        return [json.loads(event) for event in events if event.startswith("{")]


class _Clients(Clients):
    """Those of the embedded AWS."""

    def __init__(self, aws: EmbeddedAws) -> None:
        super().__init__()
        self._aws = aws

    def get(self, service: str, region: str | None = None) -> Any:  # noqa: ARG002  # it has one region
        return self._aws.client(service)


def write_config(source: Path, site: str, target: Path) -> Path:
    """Write alerts.yml with the address of the receivers in it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(_SITE.sub(site, source.read_text("utf-8")), "utf-8")
    return target


def install(aws: EmbeddedAws, receivers: Receivers, config: Path) -> App:
    """Package and deploy this repository with a configuration, and provide what that names."""
    topics = provide(aws, receivers, read(config).document)
    folder = ROOT / ".build" / STAGE
    # Others may package the same stage meanwhile, with another configuration.
    with _alone(folder):
        package(config, region=aws.region)
        stack = deploy(aws, folder, f"ecr-scan-alerts-{STAGE}")
    receivers.functions_url = f"{aws.endpoint}/_aws/lambda-url"
    return App(aws, receivers, stack, topics)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until no other process of this checkout uses a folder."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def package(config: Path, *, region: str) -> None:
    """Build zip and template of the local stage. Raises `AppError` with what the tools said."""
    command = [sys.executable, "-m", "deploy.package", "--stage", STAGE]
    command += ["--config", str(config), "--region", region]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise AppError(answer.stderr.strip() or answer.stdout.strip())


def provide(
    aws: EmbeddedAws, receivers: Receivers, document: Mapping[str, Json]
) -> tuple[str, ...]:
    """
    Create the secrets and topics that a configuration names, pointing at the receivers.

    Returns the destinations that are topics. Each topic has one subscriber with a confirmed
    subscription.
    """
    topics = {}
    for name, destination in document["destinations"].items():
        match destination:
            case {"type": "slack", "webhook": reference}:
                _keep(aws, reference, receivers.slack_url(name))
            case {"type": "slack", "token": reference}:
                _keep(aws, reference, receivers.slack_token)
            case {"type": "jira", "credentials": reference}:
                email, token = receivers.jira_credentials
                _keep(aws, reference, json.dumps({"email": email, "token": token}))
            case {"type": "pagerduty", "routing_key": reference}:
                _keep(aws, reference, receivers.pagerduty_key(name))
            case {"type": "webhook", "url": url, "secret": secret}:
                _keep(aws, url, receivers.webhook_url(name))
                _keep(aws, secret, receivers.webhook_secret)
            case {"type": "sns", "topic_arn": arn}:
                topics[name] = _subscribe(aws, arn, receivers.sns_url(name))
    _wait_until_confirmed(aws, topics)
    return tuple(topics)


def _keep(aws: EmbeddedAws, reference: Mapping[str, str], value: str) -> None:
    match reference:
        case {"secret": name}:
            full = stage_name("secret", name, STAGE)
            aws.client("secretsmanager").create_secret(Name=full, SecretString=value)
        case {"parameter": name}:
            full = stage_name("parameter", name, STAGE)
            aws.client("ssm").put_parameter(Name=full, Value=value, Type="SecureString")


def _subscribe(aws: EmbeddedAws, arn: str, endpoint: str) -> str:
    sns = aws.client("sns")
    made: str = sns.create_topic(Name=arn.rpartition(":")[2])["TopicArn"]
    if made != arn:
        raise AppError(f"Topics here are of {made.rpartition(':')[0]}, not {arn}")
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
    deserialize = TypeDeserializer().deserialize
    row = {name: deserialize(value) for name, value in item.items()}
    return Row(
        id=row["pk"].removeprefix("DELIVERY#"),
        destination=row["destination"],
        image=row["image_key"],
        state=DeliveryState(row["state"]),
        reason=row.get("reason"),
    )


def _left(events: int, rows: list[Row]) -> str:
    """Say what is not done, with the reasons that the ledger gives."""
    waiting = [f"{row.destination} is {row.state} ({row.reason or 'not tried'})" for row in rows]
    return "; ".join([f"{events} scan events wait", *waiting])
