"""
Notifications in DynamoDB: the rows that say that a view must be brought up to date.

    NOTIFICATION#<id> / NOTIFICATION    the row; while it is open it stands in the index `due`
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from lib.core.notifications import after_lease, first_due, is_open
from lib.errors import ConflictError
from lib.models import DeliveryId
from lib.models.views import Notification, RowState, View
from lib.ports.streams import DUE
from lib.store.batches import read_batch
from lib.store.due import due_rows
from lib.store.items import from_item, from_time, store_errors, to_item, to_time
from lib.store.rows import attributes, data_of, put, update

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LEASE: Final = timedelta(minutes=5)
SHARDS: Final = 4
"""Partitions of the index `due`. Each can take 1,000 writes a second."""
_TRIES: Final = 8
_KEPT: Final = timedelta(days=90)
"""How long final rows are kept."""
_DEAD: Final = timedelta(days=365)
"""How long rows are kept that were given up: people may want to send them again."""


def notification_key(row_id: DeliveryId) -> dict[str, str]:
    """Return the key of a notification."""
    return {"pk": f"NOTIFICATION#{row_id}", "sk": "NOTIFICATION"}


def view_key(view: View) -> dict[str, str]:
    """Return the key of a view, in the partition of its stream."""
    return {"pk": f"STREAM#{view.stream}", "sk": f"VIEW#{view.destination}"}


def notification_row(row: Notification) -> dict[str, Any]:
    """Return a new open row."""
    due_at = first_due(row)
    return {
        **notification_key(row.id),
        **attributes(row),
        **_facts(row),
        "due_at": to_time(due_at),
        "wake_at": to_time(due_at),
        "due_shard": _shard(row),
    }


def _facts(row: Notification) -> dict[str, Any]:
    """Return what people and indexes ask about a row."""
    return {"destination": row.destination, "stream": row.stream, "state": row.state.value}


def _shard(row: Notification) -> str:
    return f"N{int(row.id[:8], 16) % SHARDS}"


def notification_update(
    table: str, before: Notification, after: Notification, *, due_at: datetime | None
) -> Any:
    """Return the action that writes a row over the one that was read."""
    changes: dict[str, Any] = {**attributes(after), **_facts(after)}
    if not is_open(after):
        kept = _DEAD if after.state is RowState.DEAD else _KEPT
        changes["expires_at"] = int((after.created_at + kept).timestamp())
        gone = ("due_at", "wake_at", "due_shard")
        return update(table, notification_key(after.id), changes, before, remove=gone)
    if due_at is not None:
        changes |= {"due_at": to_time(due_at), "wake_at": to_time(due_at)}
    return update(table, notification_key(after.id), changes, before)


class DynamoNotificationStore:
    """See `lib.ports.streams.NotificationStore`."""

    def __init__(self, client: "DynamoDBClient", table: str, *, lease: timedelta = LEASE) -> None:
        self._client = client
        self._table = table
        self._lease = lease

    def notification(self, row_id: DeliveryId) -> Notification | None:
        """See `NotificationStore.notification`."""
        row = self._read(row_id)
        return data_of(Notification, row) if row else None

    def claim(self, row_id: DeliveryId, *, now: datetime, token: str) -> Notification | str:
        """See `NotificationStore.claim`: a read and a write, repeated where a sync writes, too."""
        for _ in range(_TRIES):
            with suppress(ConflictError):
                return self._claim(row_id, now=now, token=token)
        raise ConflictError(f"claiming {row_id}: others write it all the time")

    def _claim(self, row_id: DeliveryId, *, now: datetime, token: str) -> Notification | str:
        stored = self._read(row_id)
        if not stored:
            return "there is no such notification"
        row = data_of(Notification, stored)
        if not is_open(row):
            return f"it is {row.state.value}"
        if row.state is not RowState.PENDING and from_time(stored["due_at"]) > now:
            return "another worker has it" if row.state is RowState.CLAIMED else "it is not due"
        left = after_lease(row) if row.state is RowState.CLAIMED else row
        claimed = replace(left, state=RowState.CLAIMED, token=token)
        self.update(row, claimed, due_at=now + self._lease)
        return claimed

    def update(self, before: Notification, after: Notification, *, due_at: datetime | None) -> None:
        """See `NotificationStore.update`."""
        action = notification_update(self._table, before, after, due_at=due_at)
        with store_errors(f"writing {before.id}"):
            self._client.update_item(**action["Update"])

    def close(
        self,
        before: Notification,
        after: Notification,
        *,
        view_before: View,
        view: View,
        following: Notification | None = None,
    ) -> None:
        """See `NotificationStore.close`: one transaction."""
        actions: list[Any] = [
            notification_update(self._table, before, after, due_at=None),
            put(self._table, {**view_key(view), **attributes(view)}, view_before),
        ]
        if following is not None:
            actions.append(put(self._table, notification_row(following), None))
        with store_errors(f"recording {before.id}"):
            self._client.transact_write_items(TransactItems=actions)

    def due(self, *, now: datetime, limit: int = DUE) -> Sequence[Notification]:
        """See `NotificationStore.due`: the index, then the rows as they are by now."""
        # A row that is written between two pages may stand in both, and a batch takes it once.
        keys = {
            entry["pk"]: {name: entry[name] for name in ("pk", "sk")}
            for shard in range(SHARDS)
            for entry in due_rows(
                self._client, self._table, shard=f"N{shard}", until=to_time(now), limit=limit
            )
        }
        stored = read_batch(self._client, self._table, keys.values())
        rows = {row["pk"]: row for row in stored if "due_at" in row}
        return tuple([data_of(Notification, rows[key]) for key in keys if key in rows])

    def dead(self) -> Sequence[Notification]:
        """See `NotificationStore.dead`. For people: it scans the whole table."""
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table,
            FilterExpression="sk = :row AND #state = :dead",
            ExpressionAttributeNames={"#state": "state"},
            ExpressionAttributeValues=to_item(
                {":row": "NOTIFICATION", ":dead": RowState.DEAD.value}
            ),
        )
        with store_errors("reading dead notifications"):
            rows = [from_item(item) for page in pages for item in page["Items"]]
        return tuple([data_of(Notification, row) for row in rows])

    def _read(self, row_id: DeliveryId) -> Mapping[str, Any]:
        with store_errors(f"reading {row_id}"):
            answer = self._client.get_item(
                TableName=self._table,
                Key=to_item(notification_key(row_id)),
                ConsistentRead=True,
            )
        return from_item(answer.get("Item", {}))
