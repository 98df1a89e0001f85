"""Image states and stream heads in DynamoDB, and the transaction that updates them."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from lib.errors import ConflictError
from lib.models import (
    Commit,
    Image,
    ImageIndex,
    ImageRecord,
    ImageState,
    Membership,
    StreamHead,
    StreamId,
)
from lib.store.history import head_key, history_row, stream_head
from lib.store.items import from_item, from_time, store_errors, to_item, to_time
from lib.wire.report import provenance_from_json, provenance_to_json

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

RETENTION: Final = timedelta(days=365)
"""Time that rows are kept after their last evaluation; shorter than for the reports."""

_STATE: Final = "STATE"
_INDEX: Final = "INDEX"


MAX_KEYS: Final = 100
"""https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html"""


class DynamoStateStore:
    """See `lib.ports.store.StateStore`."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def image(self, image: Image) -> ImageState | None:
        """See `StateStore.image`."""
        row = self._read(_image_key(image))
        return None if row is None else _state(row)

    def images(self, images: Sequence[Image]) -> Mapping[str, ImageState]:
        """See `StateStore.images`. At half the price of `image`, but eventually consistent."""
        keys = {f"IMAGE#{image.key}": to_item(_image_key(image)) for image in images}
        remaining: list[Any] = list(keys.values())
        states = {}
        with store_errors("reading image states"):
            while remaining:
                answer = self._client.batch_get_item(
                    RequestItems={self._table: {"Keys": remaining[:MAX_KEYS]}}
                )
                for row in map(from_item, answer["Responses"].get(self._table, ())):
                    states[row["pk"].removeprefix("IMAGE#")] = _state(row)
                # Keys that DynamoDB did not process. If it processes none at all, it raises an
                # error.
                unprocessed = answer.get("UnprocessedKeys", {}).get(self._table)
                remaining = [*(unprocessed["Keys"] if unprocessed else ()), *remaining[MAX_KEYS:]]
        return states

    def installed_at(self) -> datetime:
        """See `StateStore.installed_at`: the first deployment creates the table."""
        with store_errors("describing the table"):
            table = self._client.describe_table(TableName=self._table)["Table"]
        return table["CreationDateTime"].astimezone(UTC)

    def look_up(self, image: Image) -> ImageRecord:
        """See `StateStore.look_up`. Both rows are in one partition."""
        with store_errors(f"reading {image.key}"):
            answer = self._client.query(
                TableName=self._table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues=to_item({":pk": _image_key(image)["pk"]}),
                ConsistentRead=True,
            )
        rows = {row["sk"]: row for row in map(from_item, answer["Items"])}
        state, index = rows.get(_STATE), rows.get(_INDEX)
        return ImageRecord(
            None if state is None else _state(state),
            None if index is None else Membership(index["index"], index["attached"]),
        )

    def record(self, index: ImageIndex, *, pushed_at: datetime) -> None:
        """See `StateStore.record`: one row for each image of the index."""
        images = {member.digest: False for member in index.members}
        for digest, attached in (images | dict.fromkeys(index.attachments, True)).items():
            image = replace(index.image, digest=digest)
            self._record(image, Membership(index.image.digest, attached), pushed_at)

    def _record(self, image: Image, membership: Membership, pushed_at: datetime) -> None:
        row = {
            **_image_key(image),
            "sk": _INDEX,
            "index": membership.index,
            "attached": membership.attached,
            "pushed_at": to_time(pushed_at),
            "expires_at": _expires(pushed_at),
        }
        with suppress(ConflictError), store_errors(f"saving the index of {image.key}"):
            self._client.put_item(
                TableName=self._table,
                Item=to_item(row),
                # The row of a newer index stays.
                ConditionExpression="attribute_not_exists(pk) OR pushed_at <= :pushed_at",
                ExpressionAttributeValues=to_item({":pushed_at": row["pushed_at"]}),
            )

    def head(self, stream: StreamId) -> StreamHead | None:
        """See `StateStore.head`."""
        row = self._read(head_key(stream))
        return None if row is None else stream_head(row)

    def commit(self, commit: Commit) -> None:
        """See `StateStore.commit`. Both versions are conditions, so a lost race changes nothing."""
        state, expires = commit.state, _expires(commit.state.event_time)
        writes = [
            self._put(
                {
                    **_image_key(commit.image),
                    "version": state.version,
                    "order": to_time(state.order),
                    "event_time": to_time(state.event_time),
                    "event_id": state.event_id,
                    "status": state.status,
                    "usable": state.usable,
                    "completed_at": to_time(state.completed_at) if state.completed_at else None,
                    "report_key": state.report_key,
                    "provenance": None
                    if state.provenance is None
                    else json.dumps(provenance_to_json(state.provenance)),
                    "expires_at": expires,
                },
                known_version=commit.known.version if commit.known else None,
            )
        ]
        if commit.head is not None:
            row = {
                **head_key(commit.stream),
                "version": commit.head.version,
                "image_key": commit.head.image_key,
                "order": to_time(commit.head.order),
                "report_key": commit.head.report_key,
                "expires_at": expires,
            }
            known_version = commit.known_head.version if commit.known_head else None
            writes.append(self._put(row, known_version=known_version))
        if commit.entry is not None:
            row = {**history_row(commit.stream, commit.entry), "expires_at": expires}
            writes.append(self._put(row, known_version=None))
        with store_errors(f"saving {commit.image.key}"):
            self._client.transact_write_items(TransactItems=writes)

    def _put(self, row: Mapping[str, Any], *, known_version: int | None) -> Any:
        put: dict[str, Any] = {"TableName": self._table, "Item": to_item(row)}
        if known_version is None:
            # There was no row when it was read, so there must be none now.
            put["ConditionExpression"] = "attribute_not_exists(pk)"
        else:
            put["ConditionExpression"] = "version = :known"
            put["ExpressionAttributeValues"] = to_item({":known": known_version})
        return {"Put": put}

    def _read(self, key: Mapping[str, str]) -> dict[str, Any] | None:
        with store_errors(f"reading {key['pk']}"):
            answer = self._client.get_item(
                TableName=self._table, Key=to_item(key), ConsistentRead=True
            )
        return from_item(answer["Item"]) if "Item" in answer else None


def _state(row: Mapping[str, Any]) -> ImageState:
    return ImageState(
        version=int(row["version"]),
        order=from_time(row["order"]),
        event_time=from_time(row["event_time"]),
        event_id=row["event_id"],
        status=row["status"],
        usable=row["usable"],
        completed_at=from_time(row["completed_at"]) if "completed_at" in row else None,
        report_key=row.get("report_key"),
        provenance=provenance_from_json(json.loads(row.get("provenance", "null"))),
    )


def _image_key(image: Image) -> dict[str, str]:
    return {"pk": f"IMAGE#{image.key}", "sk": _STATE}


def _expires(moment: datetime) -> int:
    return int((moment + RETENTION).timestamp())
