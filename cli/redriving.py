"""Dead deliveries sent again: queued, what holds them back, and how they end."""

import argparse
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from cli.delivery_rows import SHORT_ID, find_by_id, hold_text
from cli.deployment import Deployment
from cli.durations import clock
from cli.pacing import Pause
from cli.terminal import complain, remark, say, working
from lib.models import Delivery, DeliveryId, DeliveryState, Destination, WakeUp
from lib.text import counted

ID_LENGTH: Final = 32
_FINAL: Final = (DeliveryState.SENT, DeliveryState.DEAD, DeliveryState.FOLDED)


def read_rows(stage: Deployment, state: DeliveryState | None = None) -> list[Delivery]:
    """Return the deliveries of a state, or all. Reads the whole table."""
    with working("reading the ledger"):
        return list(stage.ledger.rows(state))


def redrive(stage: Deployment, options: argparse.Namespace, pause: Pause) -> int:
    """
    Give dead deliveries another day, and wake them.

    Effects: says what holds them back; with --wait, how they ended. Returns 1 when one was not dead
    or, with --wait, was not sent.
    """
    ids = _redriven_ids(stage, options)
    queued: list[Delivery] = []
    with working("queueing", total=len(ids)) as advance:
        for delivery_id in ids:
            row = _queued_again(stage, delivery_id)
            if row is None:
                complain(f"{delivery_id} is not dead, or does not exist; nothing was changed")
            else:
                queued.append(row)
                pause(1 / options.rate)
            advance()
    say(f"queued {len(queued)} of {counted(len(ids), 'delivery', 'deliveries')} for resend")
    _remark_holds(stage, {row.destination for row in queued}, options)
    failed = len(queued) < len(ids)
    if options.wait is not None:
        return int(not _await_outcome(stage, queued, options.wait, pause) or failed)
    if queued:
        remark("--wait reports the outcome, and `deliveries show ID` does later")
    return int(failed)


def _redriven_ids(stage: Deployment, options: argparse.Namespace) -> list[DeliveryId]:
    if options.all:
        return [row.id for row in read_rows(stage, DeliveryState.DEAD)]
    short = [beginning for beginning in options.ids if len(beginning) < ID_LENGTH]
    rows = read_rows(stage, DeliveryState.DEAD) if short else []
    ids = []
    for beginning in options.ids:
        matching = find_by_id(rows, beginning) if beginning in short else ()
        ids.append(matching[0].id if len(matching) == 1 else DeliveryId(beginning))
    return list(dict.fromkeys(ids))


def _queued_again(stage: Deployment, delivery_id: DeliveryId) -> Delivery | None:
    """Open a dead row and wake it. When only the first is done, the sweep does the second."""
    now = datetime.now(UTC)
    row = stage.ledger.redrive(delivery_id, now=now)
    if row is not None:
        stage.waker.wake([WakeUp(row.id, row.destination, row.attempts, now.isoformat())])
    return row


def _remark_holds(
    stage: Deployment, destinations: Iterable[Destination], options: argparse.Namespace
) -> None:
    now = datetime.now(UTC)
    for destination in sorted(destinations):
        hold = stage.ledger.paused(destination, now=now)
        if hold is not None:
            remark(hold_text(destination, hold, options.stage, now))


def _await_outcome(
    stage: Deployment, queued: Sequence[Delivery], seconds: int, pause: Pause
) -> bool:
    """Print how each delivery ended, or how far it is; return whether all were sent."""
    waiting = {row.id: row for row in queued}
    ended: dict[DeliveryId, Delivery] = {}
    with working("waiting for the outcome"):
        for second in range(seconds + 1):
            pause(float(second > 0))
            for delivery_id, before in list(waiting.items()):
                row = stage.ledger.delivery(delivery_id)
                if row is not None and _has_outcome(before, row):
                    ended[delivery_id] = row
                    del waiting[delivery_id]
            if not waiting:
                break
    now = datetime.now(UTC)
    for row in queued:
        say(_outcome_text(ended.get(row.id), row.id, now))
    return all(row.state is DeliveryState.SENT for row in ended.values()) and not waiting


def _has_outcome(before: Delivery, row: Delivery) -> bool:
    deferred = row.state is DeliveryState.RETRY
    tried = row.attempts > before.attempts and row.state is not DeliveryState.CLAIMED
    return row.state in _FINAL or deferred or tried


def _outcome_text(row: Delivery | None, delivery_id: DeliveryId, now: datetime) -> str:
    name = delivery_id[:SHORT_ID]
    if row is None:
        return f"{name}: not tried yet"
    receipt = row.receipt.url or row.receipt.reference if row.receipt else ""
    next_ = f", next try at {clock(row.due_at, now)}" if row.due_at else ""
    return f"{name}: {row.state}{next_}: {row.reason or receipt}".rstrip(": ")
