"""Pauses of destinations in DynamoDB, all in one partition, so that one query lists them."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from lib.errors import ConflictError
from lib.models import Destination, Pause, PauseKind
from lib.store.items import from_item, from_time, store_errors, to_item, to_time
from lib.store.rows import PAUSES, pause_key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def pause_of(row: Mapping[str, Any], *, now: datetime) -> Pause | None:
    """Return the pause of a row; None once it is over, and its row not deleted yet."""
    until = from_time(row["until"])
    return Pause(PauseKind(row["kind"]), until, row["reason"]) if until > now else None


class DynamoPauses:
    """See `lib.ports.streams.Pauses`."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def pause(self, destination: Destination, pause: Pause) -> bool:
        """See `Pauses.pause`."""
        row = {
            **pause_key(destination),
            "kind": pause.kind.value,
            "until": to_time(pause.until),
            "reason": pause.reason,
            "expires_at": int(pause.until.timestamp()),
        }
        try:
            with store_errors(f"pausing {destination}"):
                self._client.put_item(
                    TableName=self._table,
                    Item=to_item(row),
                    # A receiver's pause does not shorten one that a person set.
                    ConditionExpression="attribute_not_exists(pk) OR #until < :until",
                    ExpressionAttributeNames={"#until": "until"},
                    ExpressionAttributeValues=to_item({":until": to_time(pause.until)}),
                )
        except ConflictError:
            return False
        return True

    def paused(self, destination: Destination, *, now: datetime) -> Pause | None:
        """See `Pauses.paused`."""
        with store_errors(f"reading the pause of {destination}"):
            answer = self._client.get_item(
                TableName=self._table, Key=to_item(pause_key(destination)), ConsistentRead=True
            )
        row = from_item(answer.get("Item", {}))
        return pause_of(row, now=now) if row else None

    def pauses(self, *, now: datetime) -> Mapping[Destination, Pause]:
        """See `Pauses.pauses`."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pauses",
            ExpressionAttributeValues=to_item({":pauses": PAUSES}),
            ConsistentRead=True,
        )
        with store_errors("reading the pauses"):
            rows = [from_item(item) for page in pages for item in page["Items"]]
        pauses = {Destination(row["sk"]): pause_of(row, now=now) for row in rows}
        return {name: pause for name, pause in pauses.items() if pause is not None}

    def resume(self, destination: Destination) -> None:
        """See `Pauses.resume`."""
        with store_errors(f"resuming {destination}"):
            self._client.delete_item(TableName=self._table, Key=to_item(pause_key(destination)))
