"""The record of alerts.yml in DynamoDB: a single row."""

from datetime import datetime
from typing import TYPE_CHECKING

from lib.ports.rules import RulesRecord
from lib.store.documents import attributes, data_of, put
from lib.store.items import from_item, store_errors, to_item
from lib.store.rows import rules_key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoRulesStore:
    """See `lib.ports.rules.RulesStore`."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def installed_at(self) -> datetime:
        """See `RulesStore.installed_at`."""
        with store_errors("reading when the table was made"):
            return self._client.describe_table(TableName=self._table)["Table"]["CreationDateTime"]

    def record(self) -> RulesRecord | None:
        """See `RulesStore.record`."""
        with store_errors("reading the record of alerts.yml"):
            answer = self._client.get_item(
                TableName=self._table, Key=to_item(rules_key()), ConsistentRead=True
            )
        return data_of(RulesRecord, from_item(answer["Item"])) if "Item" in answer else None

    def put(self, before: RulesRecord | None, after: RulesRecord) -> None:
        """See `RulesStore.put`."""
        action = put(self._table, {**rules_key(), **attributes(after)}, before)
        with store_errors("recording alerts.yml"):
            self._client.put_item(**action["Put"])
