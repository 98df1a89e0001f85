"""What stores of streams ask of DynamoDB: how many calls, and how they are repeated."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lib.core.attempts import TAKEN_OVER, final
from lib.errors import StoreError
from lib.models.streams import ImageRow
from lib.models.views import RowState
from lib.ports.streams import ImageRecord, StreamRow, ViewWrite
from lib.store.batches import read_batch
from lib.store.due import due_rows
from lib.store.items import to_item
from lib.store.notifications import notification_row
from lib.store.rows import notification_key, stream_key, view_key
from lib.store.stream_objects import S3StreamObjects
from tests.store.test_stream_contracts import a_row, opened
from tests.support.builders import NOW, a_finding, a_report, an_image
from tests.support.streams import STREAM, a_state, a_watched

PAGE = 5_000
KEYS = [{"pk": str(number), "sk": "x"} for number in range(250)]


class Batches:
    """A table that answers some of the keys of a call."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.sizes: list[int] = []

    def batch_get_item(self, *, RequestItems: Any) -> Any:  # noqa: N803  # boto3's name
        keys = RequestItems["table"]["Keys"]
        self.sizes.append(len(keys))
        left = keys[self.most :]
        unprocessed = {"table": {"Keys": left}} if left else {}
        return {"Responses": {"table": keys[: self.most]}, "UnprocessedKeys": unprocessed}


def test_a_batch_is_a_hundred_keys_and_what_was_left_is_asked_again() -> None:
    """Every row comes once."""
    table: Any = Batches(60)

    rows = list(read_batch(table, "table", KEYS))

    assert sorted(rows, key=lambda row: int(row["pk"])) == KEYS
    assert max(table.sizes) == 100
    assert list(read_batch(table, "table", [])) == []


def test_a_table_that_answers_nothing_is_an_error() -> None:
    """Not an endless loop."""
    table: Any = Batches(0)

    with pytest.raises(StoreError, match="100 keys stay unprocessed"):
        list(read_batch(table, "table", KEYS))

    assert len(table.sizes) == 5


class Index:
    """The index `due`: in the order of time, by the page, filtered after reading."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        self.calls = 0

    def query(self, **request: Any) -> Mapping[str, Any]:
        self.calls += 1
        values = request["ExpressionAttributeValues"]
        start = request.get("ExclusiveStartKey", 0)
        end = start + min(request.get("Limit", PAGE), PAGE)
        dropped = {value["S"] for name, value in values.items() if name.startswith(":d")}
        items = [to_item({"destination": name}) for name in self.names[start:end]]
        shown = [item for item in items if item["destination"]["S"] not in dropped]
        return {"Items": shown} | ({"LastEvaluatedKey": end} if end < len(self.names) else {})


@pytest.mark.parametrize("rows", [0, 10, 2_500, 2_501, 20_000])
def test_a_sweep_reads_past_any_number_of_rows(rows: int) -> None:
    """A call for each 5,000 rows."""
    index: Any = Index(["slack"] * rows + ["jira"])

    due = due_rows(index, "table", shard="N0", until="2026", limit=2_500)

    counts = Counter(row["destination"] for row in due)
    assert counts == Counter({"slack": min(rows, 2_500), "jira": 1})
    assert index.calls <= 2 + rows // PAGE


def test_more_destinations_than_a_filter_names_are_all_seen() -> None:
    """Those that it does not name come again, and are left out by their number."""
    names = [f"team-{number}" for number in range(150)]
    index: Any = Index([name for name in names for _ in range(400)] + ["last"])

    due = list(due_rows(index, "table", shard="N0", until="2026", limit=100))

    counts = Counter(row["destination"] for row in due)
    assert counts.keys() == {*names, "last"}
    assert max(counts.values()) == 100


def test_a_sweep_goes_on_where_a_page_was_empty() -> None:
    """DynamoDB may answer a page without rows."""
    pages = [{"Items": [], "LastEvaluatedKey": 1}, {"Items": [to_item({"destination": "jira"})]}]
    client: Any = SimpleNamespace(query=lambda **_: pages.pop(0))

    rows = list(due_rows(client, "table", shard="N0", until="2026", limit=1))

    assert rows == [{"destination": "jira"}]


class Counted:
    """A client that counts its calls."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.calls: Counter[str] = Counter()
        client.meta.events.register("before-call", self._count)

    def _count(self, *, model: Any, **_: Any) -> None:
        self.calls[model.name] += 1


@pytest.fixture
def counted(aws_streams: Any) -> Counted:
    return Counted(aws_streams.client)


def test_a_sync_reads_in_two_calls_and_writes_in_one(aws_streams: Any, counted: Counted) -> None:
    """With one destination; the second call is for its open notification."""
    view, row = opened()
    aws_streams.write(StreamRow(STREAM), a_row(), [ViewWrite(view, None, row)])
    assert counted.calls == Counter(TransactWriteItems=1)
    counted.calls.clear()

    aws_streams.read(STREAM)

    assert counted.calls == Counter(Query=1, BatchGetItem=1)


def test_a_message_costs_three_reads_and_three_writes(aws_streams: Any, counted: Counted) -> None:
    """It is claimed, compared anew, pinned, and recorded; the pause comes with the row."""
    view, row = opened()
    aws_streams.write(StreamRow(STREAM), a_row(), [ViewWrite(view, None, row)])
    counted.calls.clear()

    aws_streams.look_up(row.id, view.destination, now=NOW)
    aws_streams.update(row, row)
    aws_streams.read(STREAM)
    aws_streams.update(row, row)
    aws_streams.close(row, row, view_before=view, view=view)

    assert counted.calls == Counter(Query=1, BatchGetItem=2, UpdateItem=2, TransactWriteItems=1)


def test_a_loud_row_waits_for_its_own_wake_up() -> None:
    """The sweep takes it over where that was lost; each row has its place in the index."""
    row = notification_row(opened()[1])

    quiet = notification_row(opened(quiet=True)[1])
    assert row["wake_at"] > quiet["wake_at"]
    assert row["due_shard"] in {"N0", "N1", "N2", "N3"}
    assert quiet["due_shard"] == "Q0"
    assert TAKEN_OVER.total_seconds() == 90


class Broken:
    """S3 that refuses."""

    def get_object(self, **_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "GetObject")


def test_an_object_that_cannot_be_read_is_not_taken_for_a_missing_one() -> None:
    """A missing one begins anew; this one is tried again."""
    client: Any = Broken()

    with pytest.raises(StoreError, match="AccessDenied"):
        S3StreamObjects(client, "bucket").state("states/one")


@pytest.mark.parametrize(("state", "days"), [(RowState.SENT, 90), (RowState.DEAD, 365)])
def test_final_notifications_expire(state: RowState, days: int, aws_streams: Any) -> None:
    """Dead ones later, for people may want to send them again; open ones and views never."""
    view, row = opened()
    aws_streams.write(StreamRow(STREAM), a_row(), [ViewWrite(view, None, row)])
    assert "expires_at" not in aws_streams.item(notification_key(row.id))

    aws_streams.update(row, final(row, state, NOW, reason=""))

    expires_at = aws_streams.item(notification_key(row.id))["expires_at"]
    assert expires_at == (NOW + timedelta(days=days)).timestamp()
    assert "expires_at" not in aws_streams.item(stream_key(STREAM))
    assert "expires_at" not in aws_streams.item(view_key(view.stream, view.destination))


def test_a_record_expires_a_year_after_its_image_was_deleted(aws_streams: Any) -> None:
    """It stays where the image is restored."""
    key = {"pk": f"IMAGE#{an_image().key}", "sk": "RECORD"}
    row = ImageRow(an_image(), NOW)

    aws_streams.put(ImageRecord(replace(row, gone_at=NOW)))
    gone = aws_streams.item(key)
    aws_streams.put(ImageRecord(row, revision=1))

    assert gone["expires_at"] == (NOW + timedelta(days=365)).timestamp()
    assert "expires_at" not in aws_streams.item(key)


def test_views_that_were_not_written_are_written_by_the_next_sync(
    aws_streams: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that dies between two transactions leaves some views as they were."""
    writes = [ViewWrite(view, None, row) for view, row in map(opened, map(str, range(60)))]
    write, calls = aws_streams.client.transact_write_items, count(1)

    def dies(**request: Any) -> None:
        if next(calls) == 2:
            raise ClientError({"Error": {"Code": "InternalServerError"}}, "TransactWriteItems")
        write(**request)

    monkeypatch.setattr(aws_streams.client, "transact_write_items", dies)
    with pytest.raises(StoreError, match="InternalServerError"):
        aws_streams.write(StreamRow(STREAM), a_row(), writes)

    partition = aws_streams.read(STREAM)
    assert len(partition.views) == len(partition.notifications) == 25
    left = [one for one in writes if one.view.destination not in partition.views]
    aws_streams.write(partition.row, partition.row, left)
    assert len(aws_streams.read(STREAM).views) == 60
    assert next(calls) == 5


class Bucket:
    """S3 in memory, which counts what it is asked for."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.reads = 0

    def put_object(self, *, Key: str, Body: bytes, **_: Any) -> None:  # noqa: N803  # boto3's name
        self.objects[Key] = Body

    def get_object(self, *, Key: str, **_: Any) -> Any:  # noqa: N803  # boto3's name
        self.reads += 1
        return {"Body": BytesIO(self.objects[Key])}


def test_an_object_is_read_once() -> None:
    """It never changes. What was just written is not read at all."""
    bucket: Any = Bucket()
    writer, reader = S3StreamObjects(bucket, "bucket"), S3StreamObjects(bucket, "bucket")
    key = writer.put_state(a_state(a_watched(a_finding())))

    assert writer.state(key) == reader.state(key) == reader.state(key)
    assert bucket.reads == 1


def test_few_objects_are_kept_in_memory() -> None:
    """A function has little of it; and none that is large."""
    bucket: Any = Bucket()
    objects = S3StreamObjects(bucket, "bucket")
    keys = [objects.put_state(a_state(version=number + 1)) for number in range(9)]
    large = objects.put_report(a_report(*[a_finding(f"CVE-{n}") for n in range(9_000)]))

    for key in reversed(keys):
        objects.state(key)
    assert bucket.reads == 1
    assert objects.report(large) == objects.report(large)
    assert bucket.reads == 2


def test_a_large_report_is_handed_to_the_sync_that_follows() -> None:
    """Once: then it is not kept."""
    bucket: Any = Bucket()
    objects = S3StreamObjects(bucket, "bucket")
    report = a_report(*[a_finding(f"CVE-{n}") for n in range(9_000)])

    assert objects.report(objects.put_report(report)) is report
    assert bucket.reads == 0
