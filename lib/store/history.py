"""The history of streams in DynamoDB: one small row for each version of a state."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from lib.models import StreamId
from lib.models.streams import HistoryPoint
from lib.store.documents import attributes, data_of
from lib.store.items import from_item, store_errors, to_item
from lib.store.rows import HISTORY, history_key, stream_key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_KEPT: Final = timedelta(days=400)


def point_write(table: str, stream: StreamId, point: HistoryPoint) -> dict[str, Any]:
    """Return the action of a transaction that writes a point; its stream has the condition."""
    row = {
        **history_key(stream, point.version),
        "expires_at": int((point.at + _KEPT).timestamp()),
        **attributes(point),
    }
    return {"Put": {"TableName": table, "Item": to_item(row)}}


class DynamoStreamHistory:
    """See `lib.ports.streams.StreamHistory`."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def points(self, stream: StreamId, *, since: datetime, limit: int) -> Sequence[HistoryPoint]:
        """See `StreamHistory.points`."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
            ExpressionAttributeValues=to_item(
                {":pk": stream_key(stream)["pk"], ":prefix": HISTORY}
            ),
            ScanIndexForward=False,
            PaginationConfig={"MaxItems": limit},
        )
        with store_errors(f"reading the history of {stream}"):
            rows = [from_item(item) for page in pages for item in page["Items"]]
        points = [data_of(HistoryPoint, row) for row in reversed(rows)]
        return [point for point in points if point.at >= since]
