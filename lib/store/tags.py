"""Targets of tags in DynamoDB: a small row for each tag that was pushed."""

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from lib.errors import ConflictError
from lib.models import Image, TagTarget
from lib.store.items import from_item, from_time, store_errors, to_item, to_time
from lib.store.rows import tag_key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_KEPT: Final = timedelta(days=365)
"""How long a row is kept after the last push of its tag."""


class DynamoTagStore:
    """See `lib.ports.store.TagStore`."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def tag(self, image: Image) -> TagTarget | None:
        """See `TagStore.tag`."""
        with store_errors(f"reading where {image.key} points to"):
            answer = self._client.get_item(
                TableName=self._table, Key=to_item(tag_key(image)), ConsistentRead=True
            )
        if "Item" not in answer:
            return None
        row = from_item(answer["Item"])
        return TagTarget(row["digest"], from_time(row["pushed_at"]), row.get("before"))

    def point(self, image: Image, target: TagTarget) -> None:
        """See `TagStore.point`."""
        row = {
            **tag_key(image),
            "digest": target.digest,
            "pushed_at": to_time(target.pushed_at),
            "before": target.before,
            "expires_at": int((target.pushed_at + _KEPT).timestamp()),
        }
        with suppress(ConflictError), store_errors(f"saving where {image.key} points to"):
            self._client.put_item(
                TableName=self._table,
                Item=to_item(row),
                ConditionExpression="attribute_not_exists(pk) OR pushed_at <= :pushed_at",
                ExpressionAttributeValues=to_item({":pushed_at": row["pushed_at"]}),
            )
