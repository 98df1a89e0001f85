"""
The implementations of the stores under one name, and two AWS for them.

`embedded` is the embedded AWS, `moto` a second one that other people wrote. Where the two differ,
AWS's documentation decides.
"""

import uuid
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from lib.store.bookmarks import DynamoBookmarks
from lib.store.history import DynamoHistory
from lib.store.ledger import DynamoLedger
from lib.store.reports import S3EvaluationStore
from lib.store.state import DynamoStateStore
from lib.store.tags import DynamoTagStore
from tests.support.fakes import MemoryStore


class AwsStore:
    """The three AWS implementations behind one object, as `MemoryStore` is."""

    def __init__(self, boto: Any, table: str, bucket: str) -> None:
        states = DynamoStateStore(boto("dynamodb"), table)
        ledger = DynamoLedger(boto("dynamodb"), table)
        reports = S3EvaluationStore(boto("s3"), bucket)
        bookmarks = DynamoBookmarks(boto("dynamodb"), table)
        history = DynamoHistory(boto("dynamodb"), table)
        self.image, self.head, self.commit = states.image, states.head, states.commit
        self.images, self.installed_at = states.images, states.installed_at
        self.bookmark, self.save_bookmark = bookmarks.bookmark, bookmarks.save_bookmark
        self.clear_bookmark = bookmarks.clear_bookmark
        self.entries, self.heads = history.entries, history.heads
        self.look_up, self.record = states.look_up, states.record
        self.claim, self.sent, self.retry = ledger.claim, ledger.sent, ledger.retry
        self.dead, self.due, self.woken = ledger.dead, ledger.due, ledger.woken
        self.defer, self.add, self.redrive = ledger.defer, ledger.add, ledger.redrive
        self.open_thread = ledger.open_thread
        self.pause, self.paused, self.resume = ledger.pause, ledger.paused, ledger.resume
        tags = DynamoTagStore(boto("dynamodb"), table)
        self.tag, self.point = tags.tag, tags.point
        self.put, self.get, self.baseline = reports.put, reports.get, reports.baseline


CLOUDS: Final = {"embedded": "embedded_aws", "moto": "moto"}


def client_maker(request: pytest.FixtureRequest, cloud: str) -> Callable[[str], Any]:
    """Return what makes clients of an AWS."""
    client: Callable[[str], Any] = request.getfixturevalue(CLOUDS[cloud]).client
    return client


@pytest.fixture(params=CLOUDS)
def boto(request: pytest.FixtureRequest) -> Callable[[str], Any]:
    """Return clients of each AWS by service."""
    return client_maker(request, request.param)


@pytest.fixture(params=["memory", *CLOUDS])
def store(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "memory":
        yield MemoryStore()
        return
    boto = client_maker(request, request.param)
    name = f"contract-{uuid.uuid4().hex[:12]}"
    boto("s3").create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    create_table(boto("dynamodb"), name)
    yield AwsStore(boto, name, name)
    boto("dynamodb").delete_table(TableName=name)


def create_table(client: Any, name: str) -> None:
    """Create the table as serverless.yml does; tests/deploy compares the two."""
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": each, "AttributeType": "S"}
            for each in ("pk", "sk", "due_shard", "wake_at")
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "due",
                "KeySchema": [
                    {"AttributeName": "due_shard", "KeyType": "HASH"},
                    {"AttributeName": "wake_at", "KeyType": "RANGE"},
                ],
                "Projection": {
                    "ProjectionType": "INCLUDE",
                    "NonKeyAttributes": ["destination", "attempts"],
                },
            }
        ],
    )
