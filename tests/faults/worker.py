"""
A process that delivers until it is killed: the real handlers over the embedded AWS.

    python -m tests.faults.worker CONFIG        with the environment of the functions
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
from lib.bootstrap.app import App
from lib.bootstrap.clients import Clients
from lib.bootstrap.settings import Settings
from lib.config.parsing import parse
from lib.observability import metrics
from lib.store.ledger import DynamoLedger
from tests.faults.world import CONTEXT

LEASE = timedelta(seconds=2)
BATCH = 10


def an_app(document: Any, environment: Mapping[str, str], clients: Any) -> App:
    """Return a process's objects with a short lease; channels on this machine need no pace."""
    settings = Settings(environment)
    app = App(settings, clients=clients, config=parse(document), pause=lambda _: None)
    app.ledger = DynamoLedger(clients.get("dynamodb"), settings.need("TABLE_NAME"), lease=LEASE)
    return app


def work(app: App, sqs: Any, queue: str) -> None:
    """Take one batch as Lambda does, then look for what is due as the sweep does."""
    answer = sqs.receive_message(
        QueueUrl=queue,
        MaxNumberOfMessages=BATCH,
        WaitTimeSeconds=1,
        MessageSystemAttributeNames=["MessageGroupId", "ApproximateReceiveCount"],
    )
    received = {each["MessageId"]: each for each in answer.get("Messages", ())}
    records = [
        {
            "messageId": number,
            "receiptHandle": each["ReceiptHandle"],
            "body": each["Body"],
            "attributes": each["Attributes"],
            "eventSource": "aws:sqs",
        }
        for number, each in received.items()
    ]
    back = process_batch(app, {"Records": records}, CONTEXT) if records else None
    failed = {each["itemIdentifier"] for each in back["batchItemFailures"]} if back else set()
    for number in received.keys() - failed:
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=received[number]["ReceiptHandle"])
    sweep(app)
    metrics.clear_metrics()


def main() -> None:
    """Work for ever."""
    clients = Clients()
    app = an_app(json.loads(Path(sys.argv[1]).read_text()), os.environ, clients)
    while True:
        work(app, clients.get("sqs"), os.environ["DELIVERIES_QUEUE_URL"])


if __name__ == "__main__":
    main()
