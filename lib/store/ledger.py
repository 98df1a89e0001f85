"""
The delivery ledger in DynamoDB: conditional updates of single rows.

    PENDING -> CLAIMED(lease, token) -> SENT | RETRY(due) | UNKNOWN(due) | DEAD

A row is open while it has `due_at`. It cannot be claimed before that time; only a new row can be
claimed immediately. A claim sets `due_at` to the end of its lease, so the row of a dead worker
becomes due again. `wake_at` is the row's position in the index `due`: the same time, postponed each
time the row is woken.

Long because the conditions between the states of a row must be read together.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from lib.errors import ConflictError
from lib.models import (
    Delivery,
    DeliveryId,
    DeliveryState,
    Destination,
    Filter,
    NotClaimed,
    Pause,
    PauseKind,
    Receipt,
    Severity,
    StreamId,
    WakeUp,
)
from lib.models.views import Kind
from lib.store.items import from_item, from_time, store_errors, to_item, to_time

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LEASE: Final = timedelta(seconds=90)
"""Longer than the deliver function may run, so a lease never ends under a running worker."""
RETENTION: Final = timedelta(days=365)
NOT_BEGUN: Final = (DeliveryState.PENDING, DeliveryState.RETRY, DeliveryState.DEAD)
"""States of a delivery after which another one may open the thread."""
DOUBT: Final = timedelta(minutes=10)
"""Longer than receivers need to index a message: Jira's index is minutes late."""
_EXCLUDED: Final = 100
"""
Maximum number of operands of IN.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html
"""
_DESTINATION: Final = "DESTINATION#"
_MOMENTS: Final = ("created_at", "first_at", "tried_at", "sent_at", "due_at")
SHARDS: Final = 4
"""Partitions of the index `due`. Each can take 1,000 writes a second."""


class DynamoLedger:
    """See `lib.ports.store.Ledger`."""

    def __init__(self, client: "DynamoDBClient", table: str, *, lease: timedelta = LEASE) -> None:
        self._client = client
        self._table = table
        self._lease = lease

    def claim(self, delivery_id: DeliveryId, *, now: datetime, token: str) -> Delivery | NotClaimed:
        """See `Ledger.claim`."""
        with store_errors(f"claiming {delivery_id}"):
            try:
                answer = self._client.update_item(
                    TableName=self._table,
                    Key=to_item(_key(delivery_id)),
                    UpdateExpression=(
                        "SET #state = :claimed, #token = :token, due_at = :lease, wake_at = :lease"
                        " ADD attempts :one"
                    ),
                    # Claimable rows are new, due, or claimed with an expired lease. A row that
                    # waits for its time stays unclaimed, whatever wakes it.
                    ConditionExpression=(
                        "#state = :pending"
                        " OR (#state IN (:retry, :unknown, :claimed) AND due_at <= :now)"
                    ),
                    ExpressionAttributeNames={"#state": "state", "#token": "token"},
                    ExpressionAttributeValues=to_item(
                        {
                            ":claimed": DeliveryState.CLAIMED.value,
                            ":pending": DeliveryState.PENDING.value,
                            ":retry": DeliveryState.RETRY.value,
                            ":unknown": DeliveryState.UNKNOWN.value,
                            ":token": token,
                            ":now": to_time(now),
                            ":lease": to_time(now + self._lease),
                            ":one": 1,
                        }
                    ),
                    ReturnValues="ALL_OLD",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            except ClientError as error:
                if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                    raise
                return NotClaimed(_refusal(error.response.get("Item")))  # type: ignore[arg-type]
            before = _delivery(from_item(answer["Attributes"]))
            return self._with_thread(claimed(before, token=token, until=now + self._lease))

    def open_thread(self, delivery: Delivery, *, now: datetime) -> DeliveryId | None:
        """See `Ledger.open_thread`."""
        if self._reserve(delivery, None, now):
            return None
        opener = self._opener(delivery)
        if opener in (None, delivery.id):
            return None
        free = leaves_thread(self.delivery(opener), now=now)
        return None if free and self._reserve(delivery, opener, now) else opener

    def _reserve(self, delivery: Delivery, before: DeliveryId | None, now: datetime) -> bool:
        """Reserve the thread for a delivery. Return False if another delivery has it."""
        row = {
            **_thread_key(delivery.destination, delivery.stream),
            "opener": delivery.id,
            "expires_at": _expires(now),
        }
        # Nobody began it yet, or the one who tried did not get anywhere.
        condition = "attribute_not_exists(pk)"
        values: Mapping[str, Any] = {}
        if before is not None:
            condition = "opener = :before AND attribute_not_exists(#thread)"
            values = {
                "ExpressionAttributeNames": {"#thread": "thread"},
                "ExpressionAttributeValues": to_item({":before": before}),
            }
        try:
            with store_errors(f"reserving the thread of {delivery.id}"):
                self._client.put_item(
                    TableName=self._table,
                    Item=to_item(row),
                    ConditionExpression=condition,
                    **values,
                )
        except ConflictError:
            return False
        return True

    def _opener(self, delivery: Delivery) -> DeliveryId | None:
        opener: DeliveryId | None = self._thread(delivery).get("opener")
        return opener

    def sent(
        self,
        delivery: Delivery,
        receipt: Receipt,
        *,
        now: datetime,
        told_at: datetime | None = None,
    ) -> None:
        """See `Ledger.sent`."""
        row = self._final(
            delivery,
            "SET #state = :state, receipt = :receipt, sent_at = :now, expires_at = :expires"
            " REMOVE due_at, wake_at, due_shard, #token, reason",
            {
                ":state": DeliveryState.SENT.value,
                ":receipt": _receipt_row(receipt),
                ":now": to_time(now),
                ":expires": _expires(now),
            },
        )
        with store_errors(f"recording {delivery.id}"):
            if receipt.thread is None:
                self._client.update_item(**row)
                return
            as_of = told_at or now
            thread = {
                **_thread_key(delivery.destination, delivery.stream),
                "opener": delivery.id,
                "thread": receipt.thread,
                "told_at": to_time(max(as_of, delivery.told_at or as_of)),
                "expires_at": _expires(now),
            }
            put: Any = {"TableName": self._table, "Item": to_item(thread)}
            self._client.transact_write_items(TransactItems=[{"Update": row}, {"Put": put}])

    def retry(
        self,
        delivery: Delivery,
        *,
        due_at: datetime,
        reason: str,
        counts: bool,
        unsure: bool,
        now: datetime,
    ) -> None:
        """See `Ledger.retry`."""
        state = DeliveryState.UNKNOWN if unsure else DeliveryState.RETRY
        self._update(
            delivery,
            "SET #state = :state, due_at = :due, wake_at = :due, reason = :reason, tried_at = :now,"
            " unsure_at = :unsure_at REMOVE #token ADD failures :counts",
            {
                ":state": state.value,
                ":unsure_at": _optional(delivery.unsure_at),
                ":due": to_time(due_at),
                ":reason": reason,
                ":now": to_time(now),
                ":counts": int(counts),
            },
        )

    def dead(self, delivery: Delivery, *, reason: str, now: datetime) -> None:
        """See `Ledger.dead`. Dead rows expire after a year."""
        self._update(
            delivery,
            "SET #state = :state, reason = :reason, tried_at = :now, expires_at = :expires,"
            " unsure = :unsure, unsure_at = :unsure_at REMOVE due_at, wake_at, due_shard, #token",
            {
                ":unsure_at": _optional(delivery.unsure_at),
                ":state": DeliveryState.DEAD.value,
                ":reason": reason,
                ":now": to_time(now),
                ":expires": _expires(now),
                ":unsure": delivery.unsure,
            },
        )

    def defer(self, delivery_id: DeliveryId, *, until: datetime, reason: str) -> None:
        """See `Ledger.defer`. A new row becomes RETRY, so that nobody claims it before its time."""
        with suppress(ConflictError), store_errors(f"deferring {delivery_id}"):
            self._client.update_item(
                TableName=self._table,
                Key=to_item(_key(delivery_id)),
                UpdateExpression=(
                    "SET #state = :retry, due_at = :until, wake_at = :until, reason = :reason"
                ),
                ConditionExpression="#state IN (:pending, :retry)",
                ExpressionAttributeNames={"#state": "state"},
                ExpressionAttributeValues=to_item(
                    {
                        ":pending": DeliveryState.PENDING.value,
                        ":retry": DeliveryState.RETRY.value,
                        ":until": to_time(until),
                        ":reason": reason,
                    }
                ),
            )

    def add(self, delivery: Delivery) -> bool:
        """See `Ledger.add`."""
        try:
            with store_errors(f"adding {delivery.id}"):
                self._client.put_item(
                    TableName=self._table,
                    Item=to_item(delivery_row(delivery)),
                    ConditionExpression="attribute_not_exists(pk)",
                )
        except ConflictError:
            return False
        return True

    def pause(self, destination: Destination, pause: Pause) -> bool:
        """See `Ledger.pause`."""
        row = {
            **_pause_key(destination),
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
        """See `Ledger.paused`. Rows outlive their pause until DynamoDB deletes them."""
        with store_errors(f"reading the pause of {destination}"):
            answer = self._client.get_item(
                TableName=self._table, Key=to_item(_pause_key(destination)), ConsistentRead=True
            )
        row = from_item(answer.get("Item", {}))
        if not row or from_time(row["until"]) <= now:
            return None
        return _pause(row)

    def resume(self, destination: Destination) -> None:
        """See `Ledger.resume`."""
        with store_errors(f"resuming {destination}"):
            self._client.delete_item(TableName=self._table, Key=to_item(_pause_key(destination)))

    def due(self, *, now: datetime, limit: int) -> Iterable[WakeUp]:
        """See `Ledger.due`."""
        for shard in range(SHARDS):
            yield from self._due_of(str(shard), now, limit)

    def _due_of(self, shard: str, now: datetime, limit: int) -> Iterator[WakeUp]:
        """
        Yield the oldest due rows of a shard, then rows of destinations that are not among them.

        If one destination has thousands of rows, the query continues without them: DynamoDB filters
        about 5,000 rows in a call. Each sweep reaches every destination, with at most one call for
        each destination and for each 5,000 rows.
        """
        query: dict[str, Any] = {
            "TableName": self._table,
            "IndexName": "due",
            "KeyConditionExpression": "due_shard = :shard AND wake_at <= :now",
        }
        values = {":shard": shard, ":now": to_time(now)}
        counts: Counter[str] = Counter()
        answer = self._query(query | {"Limit": limit}, values)
        while True:
            for wake_up in map(_wake_up, map(from_item, answer["Items"])):
                counts[wake_up.destination] += 1
                if counts[wake_up.destination] <= limit:
                    yield wake_up
            if "LastEvaluatedKey" not in answer:
                return
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
            others = _exclusion([name for name, _ in counts.most_common(_EXCLUDED)])
            answer = self._query(query | start | others.expression, values | others.values)

    def _query(self, query: Mapping[str, Any], values: Mapping[str, str]) -> Mapping[str, Any]:
        with store_errors("reading due deliveries"):
            return self._client.query(**query, ExpressionAttributeValues=to_item(values))

    def woken(self, wake_ups: Iterable[WakeUp], *, again_at: datetime) -> None:
        """See `Ledger.woken`."""
        for wake_up in wake_ups:
            with suppress(ConflictError):
                self._postpone(wake_up, again_at)

    def _postpone(self, wake_up: WakeUp, again_at: datetime) -> None:
        with store_errors(f"postponing {wake_up.id}"):
            self._client.update_item(
                TableName=self._table,
                Key=to_item(_key(wake_up.id)),
                UpdateExpression="SET wake_at = :again",
                # A claim or a deferral in the meantime has set another time.
                ConditionExpression="wake_at = :turn",
                ExpressionAttributeValues=to_item(
                    {":again": to_time(again_at), ":turn": wake_up.turn}
                ),
            )

    def delivery(self, delivery_id: DeliveryId) -> Delivery | None:
        """See `Ledger.delivery`."""
        with store_errors(f"reading {delivery_id}"):
            answer = self._client.get_item(
                TableName=self._table, Key=to_item(_key(delivery_id)), ConsistentRead=True
            )
        return _delivery(from_item(answer["Item"])) if "Item" in answer else None

    def rows(self, state: DeliveryState | None = None) -> Iterator[Delivery]:
        """Yield every row, or those of a state. For people: it scans the whole table."""
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table,
            FilterExpression="begins_with(pk, :row) AND (:any = :yes OR #state = :state)",
            ExpressionAttributeNames={"#state": "state"},
            ExpressionAttributeValues=to_item(
                {
                    ":row": "DELIVERY#",
                    ":any": "yes" if state is None else "no",
                    ":yes": "yes",
                    ":state": state.value if state is not None else "",
                }
            ),
        )
        with store_errors("reading the ledger"):
            for page in pages:
                yield from (_delivery(from_item(item)) for item in page["Items"])

    def moments(self, delivery_id: DeliveryId) -> Mapping[str, datetime]:
        """Return the times of a row: created_at, first_at, tried_at, sent_at, due_at."""
        with store_errors(f"reading {delivery_id}"):
            answer = self._client.get_item(
                TableName=self._table, Key=to_item(_key(delivery_id)), ConsistentRead=True
            )
        row = from_item(answer.get("Item", {}))
        return {name: from_time(row[name]) for name in _MOMENTS if name in row}

    def pauses(self, *, now: datetime) -> Mapping[Destination, Pause]:
        """Return the pauses that are in effect. For people: it scans the whole table."""
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table,
            FilterExpression="sk = :pause AND begins_with(pk, :destination)",
            ExpressionAttributeValues=to_item({":pause": "PAUSE", ":destination": _DESTINATION}),
        )
        with store_errors("reading the pauses"):
            rows = [from_item(item) for page in pages for item in page["Items"]]
        pauses = {Destination(row["pk"].removeprefix(_DESTINATION)): _pause(row) for row in rows}
        return {name: pause for name, pause in sorted(pauses.items()) if pause.until > now}

    def redrive(self, delivery_id: DeliveryId, *, now: datetime) -> Delivery | None:
        """
        Make a dead delivery pending for another day, and return it; None if it is not dead.

        The reason of its failure stays, so that the next failure can be compared. If the receiver
        may have accepted the delivery, it is asked first.
        """
        row = self.delivery(delivery_id)
        if row is None:
            return None
        state = DeliveryState.UNKNOWN if row.unsure else DeliveryState.PENDING
        try:
            with store_errors(f"redriving {delivery_id}"):
                answer = self._client.update_item(
                    TableName=self._table,
                    Key=to_item(_key(delivery_id)),
                    UpdateExpression=(
                        "SET #state = :again, first_at = if_not_exists(first_at, created_at),"
                        " created_at = :now, due_at = :now, wake_at = :now, due_shard = :shard,"
                        " failures = :zero REMOVE expires_at, unsure"
                    ),
                    ConditionExpression="#state = :dead",
                    ExpressionAttributeNames={"#state": "state"},
                    ExpressionAttributeValues=to_item(
                        {
                            ":again": state.value,
                            ":dead": DeliveryState.DEAD.value,
                            ":now": to_time(now),
                            ":shard": _shard(delivery_id),
                            ":zero": 0,
                        }
                    ),
                    ReturnValues="ALL_NEW",
                )
        except ConflictError:
            return None
        return _delivery(from_item(answer["Attributes"]))

    def _with_thread(self, delivery: Delivery) -> Delivery:
        row = self._thread(delivery)
        told_at = from_time(row["told_at"]) if "told_at" in row else None
        return replace(delivery, thread=row.get("thread"), told_at=told_at)

    def _thread(self, delivery: Delivery) -> Mapping[str, Any]:
        with store_errors(f"reading the thread of {delivery.id}"):
            answer = self._client.get_item(
                TableName=self._table,
                Key=to_item(_thread_key(delivery.destination, delivery.stream)),
                ConsistentRead=True,
            )
        return from_item(answer.get("Item", {}))

    def _update(self, delivery: Delivery, update: str, values: Mapping[str, Any]) -> None:
        with store_errors(f"recording {delivery.id}"):
            self._client.update_item(**self._final(delivery, update, values))

    def _final(self, delivery: Delivery, update: str, values: Mapping[str, Any]) -> Any:
        """Return an update that only succeeds for the holder of the claim."""
        return {
            "TableName": self._table,
            "Key": to_item(_key(delivery.id)),
            "UpdateExpression": update,
            "ConditionExpression": "#token = :mine",
            "ExpressionAttributeNames": {"#state": "state", "#token": "token"},
            "ExpressionAttributeValues": to_item({**values, ":mine": delivery.token}),
        }


def claimed(before: Delivery, *, token: str, until: datetime) -> Delivery:
    """
    Return a delivery as it is after a claim.

    If the previous worker died, it is unknown whether that worker sent the message.
    """
    died = before.state is DeliveryState.CLAIMED
    return replace(
        before,
        state=DeliveryState.CLAIMED,
        token=token,
        due_at=until,
        attempts=before.attempts + 1,
        unsure=died or before.state is DeliveryState.UNKNOWN,
        # The end of the lease. The dead worker sent nothing after that time.
        unsure_at=before.due_at if died else before.unsure_at,
    )


def leaves_thread(opener: Delivery | None, *, now: datetime) -> bool:
    """
    Whether another delivery may open the thread instead of its first opener.

    The message of a dead opener may have arrived. The receiver is asked before another thread
    begins, and knows the message after some time.
    """
    if opener is None:
        return True
    doubtful = opener.unsure and opener.unsure_at is not None and now - opener.unsure_at < DOUBT
    return opener.state in NOT_BEGUN and not doubtful


def delivery_row(delivery: Delivery) -> dict[str, Any]:
    """Return the row of a new delivery. Final ones (SUPPRESSED) are not in the index."""
    is_open = delivery.due_at is not None
    return {
        **_key(delivery.id),
        "destination": delivery.destination,
        "state": delivery.state.value,
        "filters": [_filter_row(filter_) for filter_ in delivery.filters],
        "image_key": delivery.image_key,
        "stream": delivery.stream,
        "evaluation_key": delivery.evaluation_key,
        "created_at": to_time(delivery.created_at),
        "due_at": to_time(delivery.due_at) if delivery.due_at else None,
        "wake_at": to_time(delivery.due_at) if delivery.due_at else None,
        "due_shard": _shard(delivery.id) if is_open else None,
        "attempts": delivery.attempts,
        "failures": delivery.failures,
        "reason": delivery.reason,
        "note": delivery.note,
        "expires_at": None if is_open else _expires(delivery.created_at),
    }


def _delivery(row: Mapping[str, Any]) -> Delivery:
    return Delivery(
        id=DeliveryId(row["pk"].removeprefix("DELIVERY#")),
        destination=Destination(row["destination"]),
        filters=tuple(_filter(filter_row) for filter_row in row["filters"]),
        image_key=row["image_key"],
        stream=StreamId(row["stream"]),
        evaluation_key=row["evaluation_key"],
        state=DeliveryState(row["state"]),
        created_at=from_time(row["created_at"]),
        due_at=from_time(row["due_at"]) if "due_at" in row else None,
        attempts=int(row["attempts"]),
        failures=int(row["failures"]),
        token=row.get("token"),
        reason=row.get("reason"),
        receipt=Receipt(**row["receipt"]) if "receipt" in row else None,
        unsure=row["state"] == DeliveryState.UNKNOWN or row.get("unsure", False),
        unsure_at=from_time(row["unsure_at"]) if row.get("unsure_at") else None,
        first_at=from_time(row["first_at"]) if "first_at" in row else None,
        note=row.get("note"),
    )


def _pause(row: Mapping[str, Any]) -> Pause:
    return Pause(PauseKind(row["kind"]), from_time(row["until"]), row["reason"])


def _filter_row(filter_: Filter) -> dict[str, Any]:
    return {
        "route": filter_.route,
        "severity": filter_.severity.name,
        "only": list(filter_.only),
        "kinds": [kind.value for kind in filter_.kinds],
        "unknown_severity": filter_.unknown_severity,
    }


def _filter(row: Mapping[str, Any]) -> Filter:
    return Filter(
        route=row["route"],
        severity=Severity[row["severity"]],
        only=tuple(row["only"]),
        kinds=tuple(Kind(kind) for kind in row["kinds"]),
        unknown_severity=row["unknown_severity"],
    )


def _receipt_row(receipt: Receipt) -> dict[str, str | None]:
    return {"reference": receipt.reference, "url": receipt.url, "thread": receipt.thread}


@dataclass(frozen=True, slots=True)
class _Exclusion:
    """A filter expression of a query, and its values."""

    expression: dict[str, Any]
    values: dict[str, str]


def _exclusion(destinations: Sequence[str]) -> _Exclusion:
    """Return a filter that excludes the rows of some destinations."""
    if not destinations:
        return _Exclusion({}, {})
    values = {f":d{index}": name for index, name in enumerate(destinations)}
    return _Exclusion(
        {
            "FilterExpression": f"NOT #destination IN ({', '.join(values)})",
            "ExpressionAttributeNames": {"#destination": "destination"},
        },
        values,
    )


def _wake_up(row: Mapping[str, Any]) -> WakeUp:
    return WakeUp(
        id=DeliveryId(row["pk"].removeprefix("DELIVERY#")),
        destination=Destination(row["destination"]),
        attempts=int(row["attempts"]),
        turn=row["wake_at"],
    )


def _refusal(item: Mapping[str, Any] | None) -> str:
    if not item:
        return "no such delivery"
    row = from_item(item)
    if row["state"] in (DeliveryState.RETRY, DeliveryState.UNKNOWN, DeliveryState.CLAIMED):
        return f"{row['state']} until {row['due_at']}"
    return str(row["state"])


def _key(delivery_id: DeliveryId) -> dict[str, str]:
    return {"pk": f"DELIVERY#{delivery_id}", "sk": "ROW"}


def _thread_key(destination: Destination, stream: StreamId) -> dict[str, str]:
    return {"pk": f"THREAD#{destination}#{stream}", "sk": "ROW"}


def _pause_key(destination: Destination) -> dict[str, str]:
    return {"pk": f"{_DESTINATION}{destination}", "sk": "PAUSE"}


def _shard(delivery_id: DeliveryId) -> str:
    return str(int(delivery_id[0], 16) % SHARDS)


def _optional(moment: datetime | None) -> str:
    """Return a time as text, or "" for None: DynamoDB expressions need a value."""
    return "" if moment is None else to_time(moment)


def _expires(moment: datetime) -> int:
    return int((moment + RETENTION).timestamp())
