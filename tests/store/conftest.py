"""
The implementations of the stores under one name, and two AWS for them.

`embedded` is the embedded AWS, `moto` a second one that other people wrote. Where the two differ,
AWS's documentation decides.
"""

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import pytest

from cli.simulation.memory import MemoryStreams
from lib.ports.store import TagStore
from lib.store.history import DynamoStreamHistory
from lib.store.images import DynamoImageStore
from lib.store.items import from_item, to_item
from lib.store.notifications import DynamoNotificationStore
from lib.store.pauses import DynamoPauses
from lib.store.stream_objects import S3StreamObjects
from lib.store.streams import DynamoStreamStore
from lib.store.tags import DynamoTagStore
from tests.support.fakes import MemoryTags


class AwsStreams:
    """The stores of streams behind one object, as `MemoryStreams` is."""

    def __init__(self, boto: Any, table: str, bucket: str) -> None:
        self.client, self._table = boto("dynamodb"), table
        streams = DynamoStreamStore(self.client, table)
        images = DynamoImageStore(self.client, table)
        objects = S3StreamObjects(boto("s3"), bucket)
        rows = DynamoNotificationStore(self.client, table)
        self.read, self.write, self.streams = streams.read, streams.write, streams.streams
        self.watched, self.take_due = streams.watched, streams.take_due
        self.points = DynamoStreamHistory(self.client, table).points
        self.records, self.put = images.records, images.put
        self.stored = images.stored
        self.put_report, self.report = objects.put_report, objects.report
        self.put_state, self.state = objects.put_state, objects.state
        self.put_pinned, self.pinned = objects.put_pinned, objects.pinned
        self.notification, self.look_up, self.update = rows.notification, rows.look_up, rows.update
        self.add, self.close, self.due, self.woken = rows.add, rows.close, rows.due, rows.woken
        self.dead, self.unsent, self.gathering = rows.dead, rows.unsent, rows.gathering
        pauses = DynamoPauses(self.client, table)
        self.pause, self.paused, self.resume = pauses.pause, pauses.paused, pauses.resume
        self.pauses = pauses.pauses

    def item(self, key: Mapping[str, str]) -> Mapping[str, Any]:
        """Return a row with all its attributes."""
        answer = self.client.get_item(TableName=self._table, Key=to_item(key))
        return from_item(answer["Item"])


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
def tags(request: pytest.FixtureRequest) -> Iterator[TagStore]:
    """Return the store of tags: in memory, and in each AWS."""
    if request.param == "memory":
        yield MemoryTags()
        return
    with table_and_bucket(client_maker(request, request.param)) as (boto, name):
        yield DynamoTagStore(boto("dynamodb"), name)


@pytest.fixture(params=["memory", *CLOUDS])
def streams(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Return the stores of streams: in memory, and in each AWS."""
    if request.param == "memory":
        yield MemoryStreams()
        return
    with table_and_bucket(client_maker(request, request.param)) as (boto, name):
        yield AwsStreams(boto, name, name)


@pytest.fixture
def aws_streams(embedded_aws: Any) -> Iterator[AwsStreams]:
    """Return the stores of streams in the embedded AWS."""
    with table_and_bucket(embedded_aws.client) as (boto, name):
        yield AwsStreams(boto, name, name)


@contextmanager
def table_and_bucket(boto: Callable[[str], Any]) -> Iterator[tuple[Callable[[str], Any], str]]:
    """Yield clients, and the name of a new table and a new bucket."""
    name = f"contract-{uuid.uuid4().hex[:12]}"
    boto("s3").create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    create_table(boto("dynamodb"), name)
    yield boto, name
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
            for each in ("pk", "sk", "due_shard", "wake_at", "listing")
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
            },
            {
                "IndexName": "streams",
                "KeySchema": [
                    {"AttributeName": "listing", "KeyType": "HASH"},
                    {"AttributeName": "pk", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["watched"]},
            },
        ],
    )
