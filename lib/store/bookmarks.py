"""The bookmark of a pass over all images, in DynamoDB."""

from typing import TYPE_CHECKING, Final

from lib.models import Place
from lib.store.items import from_item, from_time, store_errors, to_item, to_time

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_KEY: Final = {"pk": "RECONCILIATION", "sk": "PLACE"}


class DynamoPlaces:
    """See `lib.ports.store.Places`. Where passes overlap, the last bookmark counts."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def place(self) -> Place | None:
        """See `Places.place`."""
        with store_errors("reading the place"):
            answer = self._client.get_item(
                TableName=self._table, Key=to_item(_KEY), ConsistentRead=True
            )
        if "Item" not in answer:
            return None
        row = from_item(answer["Item"])
        pushed_at = from_time(row["pushed_at"]) if "pushed_at" in row else None
        return Place(row["repository"], pushed_at, row["digest"])

    def keep(self, place: Place) -> None:
        """See `Places.keep`."""
        row = {
            **_KEY,
            "repository": place.repository,
            "pushed_at": to_time(place.pushed_at) if place.pushed_at else None,
            "digest": place.digest,
        }
        with store_errors("keeping the place"):
            self._client.put_item(TableName=self._table, Item=to_item(row))

    def forget(self) -> None:
        """See `Places.forget`."""
        with store_errors("forgetting the place"):
            self._client.delete_item(TableName=self._table, Key=to_item(_KEY))
