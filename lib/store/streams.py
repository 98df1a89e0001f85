"""
Streams and views in DynamoDB, in one partition for each stream.

A stream stands in the index `streams` unless it is at rest, and in the index `due` where time alone
can change which images count.
"""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from lib.models import Destination, StreamId
from lib.models.streams import HistoryPoint
from lib.models.views import Notification, View
from lib.ports.streams import StreamPartition, StreamRow, ViewWrite, WatchedDigests
from lib.store.batches import read_batch
from lib.store.documents import attributes, data_of, put, unchanged
from lib.store.history import point_write
from lib.store.items import from_item, store_errors, to_item, to_time
from lib.store.notifications import notification_row, notification_update, view_row
from lib.store.rows import STREAM, STREAM_ROW, notification_key, stream_key, view_key
from lib.store.turns import Turn, postpone

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

VIEWS: Final = 25
"""Of a transaction, beside the stream: a view and its notification are two actions of 100."""
SHARDS: Final = 4
"""Partitions of the index `streams`. Each can take 1,000 writes a second."""
AGAIN_AFTER: Final = timedelta(minutes=15)
"""When a stream counts as due again that was due, and was not synced."""
_TAKEN: Final = 1000
"""Streams that are taken at a time."""
_DUE: Final = "S0"
"""The partition of the index `due` that has streams: a push or the end of an hour writes there."""


class DynamoStreamStore:
    """See `lib.ports.streams.StreamStore`."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def read(self, stream: StreamId, *, only: Destination | None = None) -> StreamPartition:
        """
        See `StreamStore.read`: one query, and one call for the notifications it names.

        Of one view, one call: a stream may have views of a hundred destinations.
        """
        row, views = StreamRow(stream), {}
        for item in self._rows(stream) if only is None else self._two_rows(stream, only):
            if item["sk"] == STREAM_ROW:
                row = data_of(StreamRow, item)
            else:
                view = data_of(View, item)
                views[view.destination] = view
        return StreamPartition(row, views, self._notifications(views) if only is None else {})

    def _two_rows(self, stream: StreamId, only: Destination) -> Iterator[Mapping[str, Any]]:
        keys = (stream_key(stream), view_key(stream, only))
        return read_batch(self._client, self._table, keys)

    def _rows(self, stream: StreamId) -> list[Mapping[str, Any]]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            # STREAM and VIEW#, not the history before them.
            KeyConditionExpression="pk = :pk AND sk >= :sk",
            ExpressionAttributeValues=to_item({":pk": stream_key(stream)["pk"], ":sk": STREAM_ROW}),
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
            return put(self._table, _stream_item(after), stored)
        check = {"TableName": self._table, "Key": to_item(stream_key(after.stream))}
        return {"ConditionCheck": {**check, **unchanged(stored).as_request()}}

    def _view(self, write: ViewWrite) -> Iterator[Any]:
        yield put(self._table, view_row(write.view), write.view_before)
        if write.row is None:
            return
        if write.row_before is not None and write.row_before.id == write.row.id:
            yield notification_update(self._table, write.row_before, write.row)
        else:
            yield put(self._table, notification_row(write.row), None)

    def streams(self, *, after: StreamId | None = None) -> Iterator[StreamId]:
        """See `StreamStore.streams`: by the index `streams`, one of its partitions at a time."""
        start = 0 if after is None else _shard_of(after)
        for shard in range(start, SHARDS):
            first = stream_key(after)["pk"] if after is not None and shard == start else STREAM_ROW
            for item in self._listed(shard, first):
                yield StreamId(item["pk"].removeprefix(STREAM))

    def watched(self) -> Iterator[WatchedDigests]:
        """See `StreamListing.watched`: the digests stand in the index."""
        for shard in range(SHARDS):
            for item in self._listed(shard, STREAM_ROW):
                digests = tuple(filter(None, item.get("watched", ())))
                if digests:
                    yield WatchedDigests(StreamId(item["pk"].removeprefix(STREAM)), digests)

    def _listed(self, shard: int, after: str) -> Iterator[Mapping[str, Any]]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            IndexName="streams",
            KeyConditionExpression="listing = :shard AND pk > :after",
            ExpressionAttributeValues=to_item({":shard": str(shard), ":after": after}),
        )
        with store_errors("listing the streams"):
            for page in pages:
                yield from map(from_item, page["Items"])

    def take_due(self, *, now: datetime) -> Sequence[StreamId]:
        """See `StreamListing.take_due`: by the index `due`. A sync sets another turn."""
        with store_errors("reading which streams are due"):
            answer = self._client.query(
                TableName=self._table,
                IndexName="due",
                KeyConditionExpression="due_shard = :shard AND wake_at <= :now",
                ExpressionAttributeValues=to_item({":shard": _DUE, ":now": to_time(now)}),
                Limit=_TAKEN,
            )
        again_at = now + AGAIN_AFTER
        turns = [
            Turn({name: item[name] for name in ("pk", "sk")}, item["wake_at"], again_at)
            for item in map(from_item, answer["Items"])
        ]
        taken = postpone(self._client, self._table, turns)
        return tuple([StreamId(turn.key["pk"].removeprefix(STREAM)) for turn in taken])


def _stream_item(row: StreamRow) -> dict[str, Any]:
    """Return the row of a stream, with what its indexes hold."""
    shard = _shard_of(row.stream)
    item = {**stream_key(row.stream), **attributes(row)}
    if not row.at_rest:
        item |= {"listing": str(shard), "watched": list(row.watched)}
    if row.due_at is not None:
        item |= {"due_shard": _DUE, "wake_at": to_time(row.due_at)}
    return item


def _shard_of(stream: StreamId) -> int:
    return zlib.crc32(stream.encode()) % SHARDS


def _chunks(views: Sequence[ViewWrite]) -> Iterator[Sequence[ViewWrite]]:
    """Yield the views of each transaction; the first one writes the stream, also without views."""
    yield views[:VIEWS]
    rest = iter(views[VIEWS:])
    while chunk := tuple(islice(rest, VIEWS)):
        yield chunk
