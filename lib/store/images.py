"""Images in DynamoDB, and the streams that each is in."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from lib.models import Image, StreamId
from lib.ports.streams import ImageRecord, StoredImage
from lib.store.batches import read_batch
from lib.store.documents import attributes, data_of
from lib.store.items import from_item, store_errors, to_item
from lib.store.rows import IMAGE, RECORD, STREAM, image_key, membership_key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_MAX_ACTIONS: Final = 100
"""https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html"""
_KEPT: Final = timedelta(days=365)
"""How long a record is kept after its image was deleted."""


class DynamoImageStore:
    """See `lib.ports.streams.ImageStore`."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def records(self, images: Sequence[Image]) -> Mapping[str, ImageRecord]:
        """See `ImageStore.records`: a call for each hundred images."""
        keys = {image.key: image_key(image) for image in images}
        rows = read_batch(self._client, self._table, keys.values())
        return {row["pk"].removeprefix(IMAGE): data_of(ImageRecord, row) for row in rows}

    def put(self, record: ImageRecord, *, streams: Sequence[StreamId] = ()) -> None:
        """
        See `ImageStore.put`: one transaction, which costs twice as much as a write alone.

        Of more streams than fit, some are written first: without the record they mean nothing.
        """
        image = record.row.image
        stored = replace(record, revision=record.revision + 1)
        row = {
            **image_key(image),
            **attributes(stored),
            "revision": stored.revision,
            "expires_at": _expires_at(record),
        }
        actions: list[Any] = [
            {"Put": {"TableName": self._table, "Item": to_item(membership_key(image, stream))}}
            for stream in streams
        ]
        own = {"TableName": self._table, "Item": to_item(row), **_as_read(record)}
        actions.append({"Put": own})
        with store_errors(f"writing {image.key}"):
            if not streams:
                self._client.put_item(**own)
                return
            for first in range(0, len(actions), _MAX_ACTIONS):
                chunk = actions[first : first + _MAX_ACTIONS]
                self._client.transact_write_items(TransactItems=chunk)

    def stored(self, image: Image) -> StoredImage:
        """See `ImageStore.stored`: one query of the image's partition."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=to_item({":pk": image_key(image)["pk"]}),
            ConsistentRead=True,
        )
        with store_errors(f"reading {image.key}"):
            rows = {row["sk"]: row for page in pages for row in map(from_item, page["Items"])}
        record = data_of(ImageRecord, rows[RECORD]) if RECORD in rows else None
        names = [name.removeprefix(STREAM) for name in rows if name.startswith(STREAM)]
        return StoredImage(record, tuple(map(StreamId, sorted(names))))


def _expires_at(record: ImageRecord) -> int | None:
    """Return when a record may go; never while its image may exist."""
    gone_at = record.row.gone_at
    return None if gone_at is None else int((gone_at + _KEPT).timestamp())


def _as_read(record: ImageRecord) -> dict[str, Any]:
    """Return the condition that the stored record is of the revision that was read."""
    if not record.revision:
        return {"ConditionExpression": "attribute_not_exists(pk)"}
    return {
        "ConditionExpression": "revision = :revision",
        "ExpressionAttributeValues": to_item({":revision": record.revision}),
    }
