"""A stage for the operator's commands: a made-up stack with queues and a table of its own."""

import json
import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any

from lib.bootstrap import Clients
from lib.errors import EventError
from lib.store.ledger import DynamoLedger
from lib.store.queues import SqsDeadLetters
from tests.store.conftest import create_table


class Stage:
    """A session that knows one stack; its queues are real."""

    def __init__(self, boto: Callable[[str], Any]) -> None:
        self.boto = boto
        self.sqs = boto("sqs")
        self.table = f"stage-{uuid.uuid4().hex[:8]}"
        self.rejected: list[str] = []
        self.pauses: list[float] = []
        names = ("ScanEventsQueue", "ScanEventsDlq", "UndeliveredEventsDlq")
        self.urls = {f"{name}Url": self.queue() for name in names}
        for name in ("DeliveriesQueue", "DeliveriesDlq"):
            self.urls[f"{name}Url"] = self.queue(fifo=True)

    def ledger(self) -> DynamoLedger:
        """Create the table, and return what it holds."""
        create_table(self.boto("dynamodb"), self.table)
        return DynamoLedger(self.boto("dynamodb"), self.table)

    def queue(self, *, fifo: bool = False) -> str:
        name = f"stage-{uuid.uuid4().hex[:8]}"
        if not fifo:
            return str(self.sqs.create_queue(QueueName=name)["QueueUrl"])
        answer = self.sqs.create_queue(QueueName=f"{name}.fifo", Attributes={"FifoQueue": "true"})
        return str(answer["QueueUrl"])

    def client(self, service: str, **_: Any) -> Any:
        return self if service == "cloudformation" else self.boto(service)

    def describe_stacks(self, **_: Any) -> Any:
        outputs = {**self.urls, "TableName": self.table, "ReportsBucketName": "none"}
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
        letters = SqsDeadLetters(self.sqs, self.urls["ScanEventsDlqUrl"])
        for body in self.rejected:
            letters.put(body, EventError("The message is not JSON", reason="not-json"))
