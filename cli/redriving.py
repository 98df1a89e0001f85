"""Dead notifications sent again: queued, what holds them back, and how they end."""

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from cli.delivery_rows import SHORT_ID, find_by_id, hold_text
from cli.deployment import Deployment
from cli.durations import clock
from cli.pacing import Pause
from cli.terminal import complain, remark, say, working
from lib.core.attempts import redriven, wake_up_of
from lib.core.causes import redrive_of
from lib.errors import ConflictError
from lib.models import DeliveryId, Destination, WakeUp
from lib.models.views import Notification, RowState
from lib.text import counted

ID_LENGTH: Final = 32
NOTHING_LEFT: Final = "nothing is left to say"


@dataclass(frozen=True, slots=True)
class Resend:
    """A dead row that is sent again."""

    dead: Notification
    version: int = 0
    """Of its view before that."""


def redrive(stage: Deployment, options: argparse.Namespace, pause: Pause) -> int:
    """
    Give dead notifications another day, and wake them.

    What a view has to say is computed anew by a sync. Effects: says what holds them back; with
    --wait, how they ended. Returns 1 when one was not dead or, with --wait, was not sent.
    """
    ids = _redriven_ids(stage, options)
    queued: list[Resend] = []
    with working("queueing", total=len(ids)) as advance:
        for row_id in ids:
            again = queue_again(stage, row_id)
            if again is None:
                complain(f"{row_id} is not dead, or does not count any more; nothing was changed")
            else:
                queued.append(again)
                pause(1 / options.rate)
            advance()
    say(f"queued {len(queued)} of {counted(len(ids), 'delivery', 'deliveries')} for resend")
    _remark_holds(stage, {again.dead.destination for again in queued}, options)
    failed = len(queued) < len(ids)
    if options.wait is not None:
        return int(not _await_outcome(stage, queued, options.wait, pause) or failed)
    if queued:
        remark("--wait reports the outcome, and `deliveries list` does later")
    return int(failed)


def dead_rows(stage: Deployment) -> list[Notification]:
    """Return the dead rows that count: of a view the newest one."""
    with working("reading dead deliveries"):
        rows = stage.rows.dead()
    return [row for row in rows if row.is_one_shot or _is_newest(stage, row)]


def _is_newest(stage: Deployment, row: Notification) -> bool:
    view = stage.streams.read(row.stream).views.get(row.destination)
    return view is not None and view.row == row.id


def _redriven_ids(stage: Deployment, options: argparse.Namespace) -> list[DeliveryId]:
    if options.all:
        return [row.id for row in dead_rows(stage)]
    short = [beginning for beginning in options.ids if len(beginning) < ID_LENGTH]
    rows = stage.rows.dead() if short else []
    ids = []
    for beginning in options.ids:
        matching = find_by_id(rows, beginning) if beginning in short else ()
        ids.append(matching[0].id if len(matching) == 1 else DeliveryId(beginning))
    return list(dict.fromkeys(ids))


def queue_again(stage: Deployment, row_id: DeliveryId) -> Resend | None:
    """Open a dead row again and wake it; or have its stream synced, which opens the next one."""
    row = stage.rows.notification(row_id)
    if row is None or row.state is not RowState.DEAD:
        return None
    if row.is_one_shot:
        return _opened_again(stage, row)
    view = stage.streams.read(row.stream).views.get(row.destination)
    if view is None or view.row != row.id:
        return None
    stage.sync_queue.put([row.stream], redrive_of(row.destination))
    return Resend(row, view.version)


def _opened_again(stage: Deployment, row: Notification) -> Resend | None:
    now = datetime.now(UTC)
    again = redriven(row, now=now)
    if again is None:
        return None
    try:
        stage.rows.update(row, again)
    except ConflictError:
        return None
    turn = now.isoformat()
    stage.waker.wake([WakeUp(row.id, row.destination, wake_up_of(row).attempts, turn)])
    return Resend(row)


def _remark_holds(
    stage: Deployment, destinations: Iterable[Destination], options: argparse.Namespace
) -> None:
    now = datetime.now(UTC)
    for destination in sorted(destinations):
        hold = stage.pauses.paused(destination, now=now)
        if hold is not None:
            remark(hold_text(destination, hold, options.stage, now))


def _await_outcome(stage: Deployment, queued: Sequence[Resend], seconds: int, pause: Pause) -> bool:
    """Print how each one ended, or how far it is; return whether all were sent."""
    waits = [_Wait(stage, resend) for resend in queued]
    with working("waiting for the outcome"):
        for second in range(seconds + 1):
            pause(float(second > 0))
            open_ = [wait for wait in waits if not wait.is_over()]
            if not open_:
                break
    for wait in waits:
        say(f"{wait.name}: {wait.outcome}")
    return all(wait.is_fine for wait in waits)


class _Wait:
    """The wait for the outcome of one that is sent again."""

    def __init__(self, stage: Deployment, resend: Resend) -> None:
        self.name = resend.dead.id[:SHORT_ID]
        self.outcome = "not tried yet"
        self.is_fine = False
        self._stage = stage
        self._resend = resend
        self._id = resend.dead.id
        """Of the row that speaks for it now: of a view, soon the next one."""

    def is_over(self) -> bool:
        """Whether there is an outcome. It stays."""
        if self.outcome != "not tried yet":
            return True
        dead = self._resend.dead
        if not dead.is_one_shot and self._id == dead.id:
            view = self._stage.streams.read(dead.stream).views[dead.destination]
            if view.row is None:
                self.outcome = "SENT" if view.version > self._resend.version else NOTHING_LEFT
                self.is_fine = True
                return True
            self._id = view.row
        row = self._stage.rows.notification(self._id)
        if row is None or not self._has_outcome(row):
            return False
        self.outcome = _outcome_text(row, datetime.now(UTC))
        self.is_fine = row.state in (RowState.SENT, RowState.OBSOLETE)
        return True

    def _has_outcome(self, row: Notification) -> bool:
        dead = self._resend.dead
        if row.id != dead.id:
            return row.state not in (RowState.PENDING, RowState.CLAIMED)
        if not dead.is_one_shot:
            return False
        deferred = row.state is RowState.RETRY
        tried = row.attempts > dead.attempts and row.state is not RowState.CLAIMED
        return deferred or tried


def _outcome_text(row: Notification, now: datetime) -> str:
    receipt = row.receipt.url or row.receipt.reference if row.receipt else ""
    next_ = f", next try at {clock(row.due_at, now)}" if row.due_at else ""
    return f"{row.state}{next_}: {row.reason or receipt}".rstrip(": ")
