"""
A process that delivers until it is killed: the real handlers over the embedded AWS.

    python -m tests.faults.worker CONFIG AHEAD     with the environment of the functions

`AHEAD`: how many seconds its clock is fast, so that it need not wait for the end of a lease.
"""

import json
import os
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from handlers.deliver import process_batch
from handlers.sweep import sweep
from lib.bootstrap.adapters import utc_now
from lib.bootstrap.app import App
from lib.bootstrap.clients import Clients
from lib.bootstrap.settings import Settings
from lib.config.parsing import parse
from lib.models import Destination
from lib.observability import metrics
from lib.ports.notifiers import Notifier
from local.aws.process import ACCOUNT, REGION
from tests.faults.world import CONTEXT

BATCH = 10


class _Unpaced(App):
    """A process whose receivers need no pace, as those on this machine."""

    def notifier(self, destination: Destination) -> Notifier:
        notifier = super().notifier(destination)
        vars(notifier)["interval"] = 0.0
        return notifier


def an_app(
    document: Any, environment: Mapping[str, str], clients: Any, *, ahead: float = 0.0
) -> App:
    """Return a process's objects."""
    return _Unpaced(
        Settings(environment),
        clients=clients,
        config=parse(document),
        now=lambda: utc_now() + timedelta(seconds=ahead),
    )


def work(app: App, sqs: Any, queue: str) -> None:
    """Take one batch as Lambda does, then look for what is due as the sweep does."""
    answer = sqs.receive_message(
        QueueUrl=queue,
        MaxNumberOfMessages=BATCH,
        WaitTimeSeconds=1,
        MessageSystemAttributeNames=["MessageGroupId", "ApproximateReceiveCount"],
    )
    received = {message["MessageId"]: message for message in answer.get("Messages", ())}
    records = [
        {
            "messageId": number,
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message["Attributes"],
            "eventSource": "aws:sqs",
            "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue.rpartition('/')[2]}",
        }
        for number, message in received.items()
    ]
    back = process_batch(app, {"Records": records}, CONTEXT) if records else None
    failed = {one["itemIdentifier"] for one in back["batchItemFailures"]} if back else set()
    for number in received.keys() - failed:
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=received[number]["ReceiptHandle"])
    sweep(app)
    metrics.clear_metrics()


def main() -> None:
    """Work for ever."""
    clients = Clients()
    document, ahead = json.loads(Path(sys.argv[1]).read_text()), float(sys.argv[2])
    app = an_app(document, os.environ, clients, ahead=ahead)
    while True:
        work(app, clients.get("sqs"), os.environ["DELIVERIES_QUEUE_URL"])


if __name__ == "__main__":
    main()
