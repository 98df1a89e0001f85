"""
Streams and views in DynamoDB, in one partition for each stream.

    STREAM#<stream> / STREAM                the tags of the stream, and where its state is
    STREAM#<stream> / VIEW#<destination>    what the destination was notified of
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from lib.models import Destination, StreamId
from lib.models.streams import HistoryPoint
from lib.models.views import Notification, View
from lib.ports.streams import StreamPartition, StreamRow, ViewWrite
from lib.store.batches import read_batch
from lib.store.items import from_item, store_errors, to_item
from lib.store.notifications import (
    notification_key,
    notification_row,
    notification_update,
    view_key,
)
from lib.store.points import point_write
from lib.store.rows import attributes, data_of, put, unchanged

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

VIEWS: Final = 25
"""Of a transaction, beside the stream: a view and its notification are two actions of 100."""
_STREAM: Final = "STREAM"


def stream_key(stream: StreamId) -> dict[str, str]:
    """Return the key of a stream."""
    return {"pk": f"STREAM#{stream}", "sk": _STREAM}


class DynamoStreamStore:
    """See `lib.ports.streams.StreamStore`."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def read(self, stream: StreamId) -> StreamPartition:
        """See `StreamStore.read`: one query, and one call for the notifications it names."""
        row, views = StreamRow(stream), {}
        for item in self._rows(stream):
            if item["sk"] == _STREAM:
                row = data_of(StreamRow, item)
            else:
                view = data_of(View, item)
                views[view.destination] = view
        return StreamPartition(row, views, self._notifications(views))

    def _rows(self, stream: StreamId) -> list[Mapping[str, Any]]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            # STREAM and VIEW#, not the history before them.
            KeyConditionExpression="pk = :pk AND sk >= :sk",
            ExpressionAttributeValues=to_item({":pk": stream_key(stream)["pk"], ":sk": _STREAM}),
            ConsistentRead=True,
        )
        with store_errors(f"reading {stream}"):
            return [from_item(item) for page in pages for item in page["Items"]]

    def _notifications(
        self, views: Mapping[Destination, View]
    ) -> Mapping[Destination, Notification]:
        named = {view.row: name for name, view in views.items() if view.row is not None}
        keys = map(notification_key, named)
        rows = [data_of(Notification, row) for row in read_batch(self._client, self._table, keys)]
        return {named[row.id]: row for row in rows}

    def write(
        self,
        before: StreamRow,
        after: StreamRow,
        views: Sequence[ViewWrite],
        *,
        point: HistoryPoint | None = None,
    ) -> None:
        """See `StreamStore.write`."""
        stored, changed = before, after != before
        following = replace(after, revision=before.revision + 1) if changed else before
        for chunk in _chunks(views):
            actions = [self._stream(stored, following)]
            if point is not None and stored is before:
                actions.append(point_write(self._table, before.stream, point))
            for write in chunk:
                actions += self._view(write)
            with store_errors(f"writing {before.stream}"):
                self._client.transact_write_items(TransactItems=actions)
            stored = following

    def _stream(self, before: StreamRow, after: StreamRow) -> Any:
        """Return the write of a stream's row; where it stays the same, the check that it is so."""
        stored = before if before.revision else None
        if after != before:
            return put(self._table, {**stream_key(after.stream), **attributes(after)}, stored)
        check = {"TableName": self._table, "Key": to_item(stream_key(after.stream))}
        return {"ConditionCheck": {**check, **unchanged(stored).as_request()}}

    def _view(self, write: ViewWrite) -> Iterator[Any]:
        row = {**view_key(write.view), **attributes(write.view)}
        yield put(self._table, row, write.view_before)
        if write.row is None:
            return
        if write.row_before is not None and write.row_before.id == write.row.id:
            yield notification_update(self._table, write.row_before, write.row, due_at=None)
        else:
            yield put(self._table, notification_row(write.row), None)

    def streams(self) -> Iterable[StreamId]:
        """See `StreamStore.streams`. It scans the whole table."""
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table,
            FilterExpression="sk = :stream AND begins_with(pk, :prefix)",
            ExpressionAttributeValues=to_item({":stream": _STREAM, ":prefix": "STREAM#"}),
            ProjectionExpression="pk",
        )
        with store_errors("reading the streams"):
            for page in pages:
                for item in page["Items"]:
                    yield StreamId(from_item(item)["pk"].removeprefix("STREAM#"))


def _chunks(views: Sequence[ViewWrite]) -> Iterator[Sequence[ViewWrite]]:
    """Yield the views of each transaction; the first one writes the stream, also without views."""
    yield views[:VIEWS]
    rest = iter(views[VIEWS:])
    while chunk := tuple(islice(rest, VIEWS)):
        yield chunk
