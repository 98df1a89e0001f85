"""
Images in DynamoDB, and the streams that each is in.

    IMAGE#<image> / RECORD             what is stored of the image
    IMAGE#<image> / STREAM#<stream>    the image is, or was, in this stream
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from lib.models import Image, StreamId
from lib.ports.streams import ImageRecord, StoredImage
from lib.store.batches import read_batch
from lib.store.items import from_item, store_errors, to_item
from lib.store.rows import attributes, data_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_RECORD: Final = "RECORD"
_IMAGE: Final = "IMAGE#"
_STREAM: Final = "STREAM#"
_MAX_ACTIONS: Final = 100
"""https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html"""
_KEPT: Final = timedelta(days=365)
"""How long a record is kept after its image was deleted."""


def _key(image: Image) -> dict[str, str]:
    return {"pk": f"{_IMAGE}{image.key}", "sk": _RECORD}


def _membership(image: Image, stream: StreamId) -> dict[str, str]:
    return {**_key(image), "sk": f"{_STREAM}{stream}"}


class DynamoImageStore:
    """See `lib.ports.streams.ImageStore`."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def records(self, images: Sequence[Image]) -> Mapping[str, ImageRecord]:
        """See `ImageStore.records`: a call for each hundred images."""
        keys = {image.key: _key(image) for image in images}
        rows = read_batch(self._client, self._table, keys.values())
        return {row["pk"].removeprefix(_IMAGE): data_of(ImageRecord, row) for row in rows}

    def put(self, record: ImageRecord, *, streams: Sequence[StreamId] = ()) -> None:
        """
        See `ImageStore.put`: one transaction, which costs twice as much as a write alone.

        Of more streams than fit, some are written first: without the record they mean nothing.
        """
        image = record.row.image
        stored = replace(record, revision=record.revision + 1)
        row = {
            **_key(image),
            **attributes(stored),
            "revision": stored.revision,
            "expires_at": _expires_at(record),
        }
        actions: list[Any] = [
            {"Put": {"TableName": self._table, "Item": to_item(_membership(image, stream))}}
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
            ExpressionAttributeValues=to_item({":pk": _key(image)["pk"]}),
            ConsistentRead=True,
        )
        with store_errors(f"reading {image.key}"):
            rows = {row["sk"]: row for page in pages for row in map(from_item, page["Items"])}
        record = data_of(ImageRecord, rows[_RECORD]) if _RECORD in rows else None
        names = [name.removeprefix(_STREAM) for name in rows if name.startswith(_STREAM)]
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
