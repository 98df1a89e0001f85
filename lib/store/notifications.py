"""
Notifications in DynamoDB: the rows of messages on their way.

A row stands in the index `due` unless it ended well.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from lib.core.attempts import is_open
from lib.errors import ConflictError
from lib.models import DeliveryId, Destination, WakeUp
from lib.models.views import Notification, RowState, View
from lib.ports.streams import DUE, LookUp
from lib.store.batches import read_batch
from lib.store.documents import attributes, data_of, put, update
from lib.store.due import due_rows
from lib.store.items import from_item, store_errors, to_item, to_time
from lib.store.pauses import pause_of
from lib.store.rows import (
    NOTIFICATION,
    NOTIFICATION_ROW,
    PAUSES,
    notification_key,
    pause_key,
    view_key,
)
from lib.store.turns import Turn, postpone

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LOUD: Final = "N"
GATHERING: Final = "G"
QUIET: Final = "Q"
DEAD: Final = "D"
SHARDS: Final = MappingProxyType({LOUD: 4, GATHERING: 1, QUIET: 1, DEAD: 4})
"""Partitions of the index `due`, of each kind of rows. Each can take 1,000 writes a second."""
_ALL: Final = 1_000_000
_ALWAYS: Final = "9999"
_KEPT: Final = timedelta(days=90)
"""How long rows are kept that ended well."""
_DEAD: Final = timedelta(days=365)
"""How long rows are kept that were given up: people may want to send them again."""


def notification_row(row: Notification) -> dict[str, Any]:
    """Return a new row, which stands in the index at the time when it is due, or was given up."""
    place = _place(row, row.due_at or _ended_at(row)) if is_open(row) or _is_dead(row) else {}
    return {**notification_key(row.id), **attributes(row), **_facts(row), **place}


def view_row(view: View) -> dict[str, Any]:
    """Return the row of a view."""
    return {**view_key(view.stream, view.destination), **attributes(view)}


def _is_dead(row: Notification) -> bool:
    return row.state is RowState.DEAD


def _ended_at(row: Notification) -> datetime:
    return row.tried_at or row.created_at


def _facts(row: Notification) -> dict[str, Any]:
    """Return what people and indexes ask about a row."""
    return {
        "destination": row.destination,
        "stream": row.stream,
        "state": row.state.value,
        "attempts": row.attempts,
    }


def _place(row: Notification, wake_at: datetime | None) -> dict[str, Any]:
    """Return the place of a row in the index `due`; None: it stays at its time."""
    place = {"due_shard": _shard(row)}
    return place if wake_at is None else place | {"wake_at": to_time(wake_at)}


def _shard(row: Notification) -> str:
    """
    Return the partition of the index. Loud rows, quiet rows and dead rows have their own.

    The sweep reads the first two; what people ask about the dead ones is a query, too.
    """
    kind = _kind(row)
    return f"{kind}{int(row.id[:8], 16) % SHARDS[kind]}"


def _kind(row: Notification) -> str:
    if _is_dead(row):
        return DEAD
    if row.gathers and row.state is RowState.PENDING:
        return GATHERING
    return QUIET if row.quiet else LOUD


def notification_update(table: str, before: Notification, after: Notification) -> Any:
    """Return the action that writes a row over the one that was read."""
    changes: dict[str, Any] = {**attributes(after), **_facts(after)}
    if is_open(after):
        moved = after.due_at if after.due_at != before.due_at else None
        # A row that expired once does so no longer when it was redriven.
        kept = {**changes, **_place(after, moved)}
        return update(table, notification_key(after.id), kept, before, remove=("expires_at",))
    ended_at = _ended_at(after)
    if _is_dead(after):
        changes |= _place(after, ended_at) | {"expires_at": int((ended_at + _DEAD).timestamp())}
        return update(table, notification_key(after.id), changes, before)
    changes["expires_at"] = int((ended_at + _KEPT).timestamp())
    return update(
        table, notification_key(after.id), changes, before, remove=("wake_at", "due_shard")
    )


class DynamoNotificationStore:
    """See `lib.ports.streams.NotificationStore`."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def notification(self, row_id: DeliveryId) -> Notification | None:
        """See `NotificationStore.notification`."""
        with store_errors(f"reading {row_id}"):
            answer = self._client.get_item(
                TableName=self._table,
                Key=to_item(notification_key(row_id)),
                ConsistentRead=True,
            )
        return data_of(Notification, from_item(answer["Item"])) if "Item" in answer else None

    def look_up(self, row_id: DeliveryId, destination: Destination, *, now: datetime) -> LookUp:
        """See `NotificationStore.look_up`: one call for both."""
        keys = (notification_key(row_id), pause_key(destination))
        rows = {row["pk"]: row for row in read_batch(self._client, self._table, keys)}
        row, pause = rows.get(keys[0]["pk"]), rows.get(PAUSES)
        return LookUp(
            data_of(Notification, row) if row is not None else None,
            pause_of(pause, now=now) if pause is not None else None,
        )

    def add(self, row: Notification) -> bool:
        """See `NotificationStore.add`."""
        try:
            with store_errors(f"adding {row.id}"):
                self._client.put_item(**put(self._table, notification_row(row), None)["Put"])
        except ConflictError:
            return False
        return True

    def update(self, before: Notification, after: Notification) -> None:
        """See `NotificationStore.update`."""
        with store_errors(f"writing {before.id}"):
            action = notification_update(self._table, before, after)
            self._client.update_item(**action["Update"])

    def close(
        self,
        before: Notification,
        after: Notification,
        *,
        view_before: View | None,
        view: View,
        following: Notification | None = None,
    ) -> None:
        """See `NotificationStore.close`: one transaction."""
        actions: list[Any] = [
            notification_update(self._table, before, after),
            put(self._table, view_row(view), view_before),
        ]
        if following is not None:
            actions.append(put(self._table, notification_row(following), None))
        with store_errors(f"recording {before.id}"):
            self._client.transact_write_items(TransactItems=actions)

    def due(self, *, now: datetime, limit: int = DUE) -> Iterator[WakeUp]:
        """See `NotificationStore.due`. The index may be behind: a claim decides."""
        for kind in (LOUD, GATHERING, QUIET):
            for entry in self._entries(kind, until=to_time(now), limit=limit):
                yield WakeUp(
                    DeliveryId(entry["pk"].removeprefix(NOTIFICATION)),
                    Destination(entry["destination"]),
                    int(entry["attempts"]),
                    entry["wake_at"],
                    quiet=kind == QUIET,
                )

    def woken(self, turns: Iterable[tuple[WakeUp, datetime]]) -> None:
        """See `NotificationStore.woken`: a hundred a call."""
        rows = [
            Turn(notification_key(wake_up.id), wake_up.turn, again_at)
            for wake_up, again_at in turns
        ]
        for _ in postpone(self._client, self._table, rows):
            pass

    def dead(self) -> Sequence[Notification]:
        """See `NotificationStore.dead`: by the index."""
        return self._rows(DEAD)

    def unsent(self) -> Sequence[Notification]:
        """See `NotificationStore.unsent`: by the index."""
        return self._rows(LOUD, GATHERING, QUIET)

    def gathering(self) -> Sequence[Notification]:
        """See `NotificationStore.gathering`: by the index."""
        return [row for row in self._rows(GATHERING) if _kind(row) == GATHERING]

    def rows(self) -> Iterator[Notification]:
        """Yield every row. For people: it scans the whole table."""
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table,
            FilterExpression="sk = :row",
            ExpressionAttributeValues=to_item({":row": NOTIFICATION_ROW}),
        )
        with store_errors("reading notifications"):
            for page in pages:
                yield from (data_of(Notification, from_item(item)) for item in page["Items"])

    def _rows(self, *kinds: str) -> Sequence[Notification]:
        # A row that is written between two pages may stand in both, and a batch takes it once.
        keys = {
            entry["pk"]: {name: entry[name] for name in ("pk", "sk")}
            for kind in kinds
            for entry in self._entries(kind, until=_ALWAYS, limit=_ALL)
        }
        rows = [data_of(Notification, row) for row in self._read(keys.values())]
        wanted = DEAD in kinds
        return sorted(
            [row for row in rows if (row.state is RowState.DEAD if wanted else is_open(row))],
            key=lambda row: (row.created_at, row.id),
        )

    def _entries(self, kind: str, *, until: str, limit: int) -> Iterator[Mapping[str, Any]]:
        for shard in range(SHARDS[kind]):
            yield from due_rows(
                self._client, self._table, shard=f"{kind}{shard}", until=until, limit=limit
            )

    def _read(self, keys: Iterable[Mapping[str, str]]) -> Iterator[Mapping[str, Any]]:
        return read_batch(self._client, self._table, keys)
