"""The bookmark of a pass over all images, in DynamoDB."""

from typing import TYPE_CHECKING, Final

from lib.models import Bookmark
from lib.store.items import from_item, from_time, store_errors, to_item, to_time

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_KEY: Final = {"pk": "RECONCILIATION", "sk": "PLACE"}


class DynamoBookmarks:
    """See `lib.ports.store.Bookmarks`. Where passes overlap, the last bookmark counts."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def bookmark(self) -> Bookmark | None:
        """See `Bookmarks.bookmark`."""
        with store_errors("reading the bookmark"):
            answer = self._client.get_item(
                TableName=self._table, Key=to_item(_KEY), ConsistentRead=True
            )
        if "Item" not in answer:
            return None
        row = from_item(answer["Item"])
        pushed_at = from_time(row["pushed_at"]) if "pushed_at" in row else None
        return Bookmark(row["repository"], pushed_at, row["digest"])

    def save_bookmark(self, bookmark: Bookmark) -> None:
        """See `Bookmarks.save_bookmark`."""
        row = {
            **_KEY,
            "repository": bookmark.repository,
            "pushed_at": to_time(bookmark.pushed_at) if bookmark.pushed_at else None,
            "digest": bookmark.digest,
        }
        with store_errors("saving the bookmark"):
            self._client.put_item(TableName=self._table, Item=to_item(row))

    def clear_bookmark(self) -> None:
        """See `Bookmarks.clear_bookmark`."""
        with store_errors("clearing the bookmark"):
            self._client.delete_item(TableName=self._table, Key=to_item(_KEY))
