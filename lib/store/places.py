"""The places of passes in DynamoDB."""

from typing import TYPE_CHECKING

from lib.ports.passes import Place
from lib.store.documents import attributes, data_of
from lib.store.items import from_item, store_errors, to_item
from lib.store.rows import place_key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoPlaces:
    """See `lib.ports.passes.Places`."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def place(self, name: str) -> Place | None:
        """See `Places.place`."""
        with store_errors(f"reading the place of the {name} pass"):
            answer = self._client.get_item(
                TableName=self._table, Key=to_item(place_key(name)), ConsistentRead=True
            )
        return data_of(Place, from_item(answer["Item"])) if "Item" in answer else None

    def put_place(self, name: str, place: Place) -> None:
        """See `Places.put_place`."""
        item = to_item({**place_key(name), **attributes(place)})
        with store_errors(f"keeping the place of the {name} pass"):
            self._client.put_item(TableName=self._table, Item=item)
