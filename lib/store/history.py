"""The history of streams in DynamoDB: one small row for each evaluation, beside the head."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from lib.models import Counts, HistoryEntry, Severity, StreamHead, StreamId, Tally
from lib.store.items import from_item, from_time, store_errors, to_item, to_time
from lib.wire.report import image_from_json, image_to_json

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_STREAM: Final = "STREAM#"
_HEAD: Final = "HEAD"
_ENTRY: Final = "HISTORY#"


class DynamoHistory:
    """See `lib.ports.store.History`."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def entries(self, stream: StreamId, *, since: datetime, limit: int) -> Sequence[HistoryEntry]:
        """See `History.entries`."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :last",
            ExpressionAttributeValues=to_item(
                {
                    ":pk": f"{_STREAM}{stream}",
                    ":first": f"{_ENTRY}{to_time(since)}",
                    ":last": f"{_ENTRY}~",
                }
            ),
            ScanIndexForward=False,
            PaginationConfig={"MaxItems": limit},
        )
        with store_errors(f"reading the history of {stream}"):
            rows = [from_item(item) for page in pages for item in page["Items"]]
        return [_entry(row) for row in reversed(rows)]

    def heads(self) -> Iterator[tuple[StreamId, StreamHead]]:
        """See `History.heads`."""
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table,
            FilterExpression="sk = :head",
            ExpressionAttributeValues=to_item({":head": _HEAD}),
        )
        with store_errors("reading the streams"):
            for page in pages:
                for row in map(from_item, page["Items"]):
                    yield StreamId(row["pk"].removeprefix(_STREAM)), stream_head(row)


def head_key(stream: StreamId) -> dict[str, str]:
    """Return the key of a stream's head row."""
    return {"pk": f"{_STREAM}{stream}", "sk": _HEAD}


def stream_head(row: Mapping[str, Any]) -> StreamHead:
    """Return the head in a row."""
    return StreamHead(
        version=int(row["version"]),
        image_key=row["image_key"],
        order=from_time(row["order"]),
        report_key=row["report_key"],
    )


def history_row(stream: StreamId, entry: HistoryEntry) -> dict[str, Any]:
    """Return the row of a history entry. Rows of a stream are ordered by time."""
    image = entry.image
    return {
        "pk": f"{_STREAM}{stream}",
        "sk": f"{_ENTRY}{to_time(entry.at)}#{image.digest[-12:]}#{entry.version}",
        "image": {
            name: value for name, value in image_to_json(image).items() if value not in (None, [])
        },
        "version": entry.version,
        "usable": entry.usable,
        "open": {severity.name: list(tally) for severity, tally in entry.open.items()},
        "new": _counts_row(entry.new),
        "resolved": _counts_row(entry.resolved),
        "suppressed": entry.suppressed,
        "report_key": entry.report_key,
    }


def _entry(row: Mapping[str, Any]) -> HistoryEntry:
    in_use = row["image"].get("in_use_count")
    image = _NO_IMAGE | row["image"] | {"in_use_count": None if in_use is None else int(in_use)}
    return HistoryEntry(
        at=from_time(row["sk"].split("#")[1]),
        image=image_from_json(image),
        version=int(row["version"]),
        usable=row["usable"],
        open={Severity[name]: Tally(*map(int, tally)) for name, tally in row["open"].items()},
        new=_counts(row["new"]),
        resolved=_counts(row["resolved"]),
        suppressed=int(row["suppressed"]),
        report_key=row["report_key"],
    )


_NO_IMAGE: Final = {
    "tags": (),
    "platform": None,
    "os": None,
    "pushed_at": None,
    "in_use_count": None,
}


def _counts_row(counts: Counts) -> dict[str, int]:
    return {severity.name: number for severity, number in counts.items()}


def _counts(row: Mapping[str, Any]) -> Counts:
    return {Severity[name]: int(number) for name, number in row.items()}
