"""A stage for the operator's commands: a made-up stack with queues and a table of its own."""

import json
import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any

from cli.alerts_file import understand
from lib.bootstrap.clients import Clients
from lib.errors import EventError
from lib.store.notifications import DynamoNotificationStore
from lib.store.pauses import DynamoPauses
from lib.store.publications import KEY
from lib.store.queues import SqsDeadLetters
from lib.store.stream_objects import S3StreamObjects
from lib.store.streams import DynamoStreamStore
from tests.store.conftest import create_table


class Stage:
    """A session that knows one stack; its queues are real."""

    def __init__(self, boto: Callable[[str], Any], own: Callable[[str], Any]) -> None:
        self.boto, self.own = boto, own
        self.sqs = boto("sqs")
        self.table = f"stage-{uuid.uuid4().hex[:8]}"
        self.bucket = "none"
        self.rejected: list[str] = []
        self.pauses: list[float] = []
        self.meanwhile: Callable[[], None] = lambda: None
        """What happens while a command waits."""
        names = ("ScanEventsQueue", "ScanEventsDlq", "UndeliveredEventsDlq", "SyncQueue", "SyncDlq")
        self.urls = {f"{name}Url": self.queue() for name in names}
        for name in ("DeliveriesQueue", "DeliveriesDlq", "ChangedImagesQueue", "ChangedImagesDlq"):
            self.urls[f"{name}Url"] = self.queue(fifo=True)

    def make_table(self) -> None:
        """Create the table of the stage."""
        create_table(self.boto("dynamodb"), self.table)

    def rows(self) -> DynamoNotificationStore:
        """Return the notifications in the table that `make_table` created."""
        return DynamoNotificationStore(self.boto("dynamodb"), self.table)

    def held_back(self) -> DynamoPauses:
        """Return the pauses in the table that `make_table` created."""
        return DynamoPauses(self.boto("dynamodb"), self.table)

    def streams(self) -> DynamoStreamStore:
        """Return the streams in the table that `make_table` created."""
        return DynamoStreamStore(self.boto("dynamodb"), self.table)

    def objects(self) -> S3StreamObjects:
        """Return the objects in the bucket of the stage, which is made first."""
        self.make_bucket()
        return S3StreamObjects(self.boto("s3"), self.bucket)

    def deploy(self, alerts: str) -> None:
        """Store a configuration as the deployed one."""
        document = understand(alerts, "alerts.yml").document
        self.deploy_text(json.dumps(document))

    def deploy_text(self, text: str) -> None:
        """Store a text as the deployed configuration."""
        self.store(KEY, text)

    def store(self, key: str, text: str) -> None:
        """Put an object into the bucket, which is made first."""
        self.make_bucket()
        self.boto("s3").put_object(Bucket=self.bucket, Key=key, Body=text.encode())

    def make_bucket(self) -> None:
        """Create the bucket of the stage, unless it is there."""
        if self.bucket == "none":
            self.bucket = f"stage-{uuid.uuid4().hex[:8]}"
            place = {"LocationConstraint": "eu-central-1"}
            self.boto("s3").create_bucket(Bucket=self.bucket, CreateBucketConfiguration=place)

    def queue(self, *, fifo: bool = False) -> str:
        name = f"stage-{uuid.uuid4().hex[:8]}"
        if not fifo:
            return str(self.sqs.create_queue(QueueName=name)["QueueUrl"])
        answer = self.sqs.create_queue(QueueName=f"{name}.fifo", Attributes={"FifoQueue": "true"})
        return str(answer["QueueUrl"])

    def client(self, service: str, **_: Any) -> Any:
        if service == "cloudformation":
            return self
        # The command changes how the clients of scanners read answers.
        return (self.own if service == "inspector2" else self.boto)(service)

    def describe_stacks(self, **_: Any) -> Any:
        outputs = {
            **self.urls,
            "TableName": self.table,
            "ReportsBucketName": self.bucket,
            "TopicArns": "arn:aws:sns:eu-central-1:000474600478:mail",
            "ReceiverHosts": "jira.acme.io,",
        }
        return {
            "Stacks": [
                {
                    "Outputs": [
                        {"OutputKey": name, "OutputValue": value} for name, value in outputs.items()
                    ]
                }
            ]
        }

    def connect(self, *, region: str | None, **_: Any) -> Clients:
        return Clients(self, region=region)  # type: ignore[arg-type]  # as much of it as is used

    def put(self, body: Any, *, queue: str = "ScanEventsDlqUrl", **fields: Any) -> str:
        text = body if isinstance(body, str) else json.dumps(body)
        answer = self.sqs.send_message(QueueUrl=self.urls[queue], MessageBody=text, **fields)
        return str(answer["MessageId"])

    def taken(self, queue: str) -> Counter[str]:
        found: Counter[str] = Counter()
        url = self.urls[queue]
        while page := self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for each in page:
                found[each["Body"]] += 1
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
        return found

    def pause(self, seconds: float) -> None:
        """Let process_scan be fast: it rejects again what came back meanwhile."""
        self.pauses.append(seconds)
        self.meanwhile()
        letters = SqsDeadLetters(self.sqs, self.urls["ScanEventsDlqUrl"])
        for body in self.rejected:
            letters.put(body, EventError("The message is not JSON", reason="not-json"))
