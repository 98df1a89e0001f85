"""
A row on its way: taken, put off, refused, given up. Pure.

    PENDING -> CLAIMED(lease, token) -> SENT | RETRY(due) | UNKNOWN(due) | DEAD

What a row says of a view is in `lib.core.notification_rows`. A one-shot row (a digest, a summary)
is born with its message, and keeps it whatever happens.
"""

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from lib.core.retries import HORIZON
from lib.models import DeliveryId, Destination, Receipt, StreamId, WakeUp
from lib.models.views import Notification, Pin, Purpose, RowState

TAKEN_OVER: Final = timedelta(seconds=90)
"""When the sweep takes over a new row whose own wake-up was lost."""
GATHERED: Final = timedelta(minutes=5)
"""How long what a change of alerts.yml brings about waits for that of other streams."""
LEASE: Final = timedelta(seconds=90)
"""Longer than the deliver function may run, so a lease never ends under a running worker."""
_OPEN: Final = (RowState.PENDING, RowState.CLAIMED, RowState.RETRY, RowState.UNKNOWN)


def is_open(row: Notification | None) -> bool:
    """Whether a row may still be sent."""
    return row is not None and row.state in _OPEN


def wake_up_of(row: Notification) -> WakeUp:
    """Return what wakes a worker for a row that is to be sent now."""
    return WakeUp(row.id, row.destination, row.attempts, quiet=row.quiet)


def claimed(row: Notification, *, now: datetime, token: str) -> Notification | str:
    """
    Return a row that a worker took for the length of a lease; else why it cannot.

    A row that waits for its time stays, whatever wakes it; a new one can be taken at once.
    """
    if not is_open(row):
        return row.state.value
    if row.state is not RowState.PENDING and row.due_at is not None and row.due_at > now:
        return f"{row.state.value} until {row.due_at.isoformat()}"
    left = after_lease(row) if row.state is RowState.CLAIMED else row
    return replace(
        left, state=RowState.CLAIMED, token=token, due_at=now + LEASE, attempts=row.attempts + 1
    )


def deferred(row: Notification, *, until: datetime, reason: str) -> Notification | None:
    """Return a row that waits until a time; None for one that is final, or held by a worker."""
    if not is_open(row) or row.state is RowState.CLAIMED:
        return None
    state = RowState.RETRY if row.state is RowState.PENDING else row.state
    return replace(row, state=state, due_at=until, reason=reason)


def one_shot(
    row_id: DeliveryId,
    purpose: Purpose,
    destination: Destination,
    stream: StreamId,
    pin: Pin,
    *,
    cause: str,
    now: datetime,
) -> Notification:
    """Return the notification of a message that never changes, PENDING."""
    return Notification(
        id=row_id,
        destination=destination,
        stream=stream,
        version=0,
        quiet=False,
        state=RowState.PENDING,
        seen=None,
        cause=cause,
        created_at=now,
        due_at=now + TAKEN_OVER,
        purpose=purpose,
        pin=pin,
    )


def notice_to_fallback(
    row: Notification,
    fallback: Destination,
    pin: Pin,
    *,
    note: str,
    subject: str,
    now: datetime,
) -> Notification:
    """
    Return the notice to the fallback about a message that another destination does not take.

    It is sent once for each `subject`. The sweep wakes it.
    """
    digest = hashlib.sha256(f"notice\n{subject}".encode("utf-8", "replace")).hexdigest()
    notice = one_shot(
        DeliveryId(digest[:32]),
        Purpose.FALLBACK,
        fallback,
        row.stream,
        pin,
        cause=row.cause,
        now=now,
    )
    return replace(notice, due_at=now, note=note)


def expires(row: Notification, *, at: datetime) -> bool:
    """Whether a row is given up by a time: a day after it was opened, or redriven."""
    return at - (row.redriven_at or row.created_at) > HORIZON


def one_shot_sent(row: Notification, receipt: Receipt, *, now: datetime) -> Notification:
    """Return a one-shot row whose message a receiver took."""
    return final(row, RowState.SENT, now, receipt=receipt, reason="")


def obsolete(row: Notification, reason: str, *, now: datetime) -> Notification:
    """Return a row that has nothing left to say."""
    return final(row, RowState.OBSOLETE, now, reason=reason)


def folded(row: Notification, summary: DeliveryId, *, now: datetime) -> Notification:
    """Return a row that a summary speaks for."""
    return replace(
        final(row, RowState.FOLDED, now, reason="part of a summary"), folded_into=summary
    )


def final(
    row: Notification,
    state: RowState,
    now: datetime,
    *,
    reason: str,
    receipt: Receipt | None = None,
) -> Notification:
    """Return a row in a final state."""
    return replace(
        row, state=state, due_at=None, tried_at=now, reason=reason, receipt=receipt, unsure=False
    )


def after_refusal(row: Notification) -> Notification:
    """
    Return a row whose receiver refused the message for certain.

    The next attempt sends what is desired then. Not so where an earlier attempt may have arrived:
    that message stays pinned until its outcome is known.
    """
    if row.unsure:
        return replace(row, state=RowState.UNKNOWN)
    return replace(row, state=RowState.RETRY, pin=_lasting(row))


def after_lost_answer(row: Notification, *, at: datetime | None = None) -> Notification:
    """Return a row whose message may have arrived, when it was sent last."""
    return replace(row, state=RowState.UNKNOWN, unsure=True, unsure_at=at or row.unsure_at)


def after_absence(row: Notification) -> Notification:
    """Return a row whose receiver was asked, and does not have the message."""
    return replace(row, state=RowState.RETRY, pin=_lasting(row), unsure=False, unsure_at=None)


def _lasting(row: Notification) -> Pin | None:
    """Return the pin that a row keeps when nothing of it arrived: that of a one-shot message."""
    return row.pin if row.is_one_shot else None


def after_lease(row: Notification) -> Notification:
    """
    Return a row whose worker died: without a pin, nothing was sent for certain.

    The dead worker sent nothing after the end of its lease.
    """
    if row.pin is None:
        return replace(row, state=RowState.RETRY)
    return after_lost_answer(row, at=row.due_at)


def one_shot_dead(row: Notification, *, now: datetime, reason: str) -> Notification:
    """Return a one-shot row that is given up. What it may have shown is not forgotten."""
    return replace(final(row, RowState.DEAD, now, reason=reason), unsure=row.unsure)


def redriven(row: Notification, *, now: datetime) -> Notification | None:
    """Return a dead one-shot row with another day; None for any other row."""
    if row.state is not RowState.DEAD or not row.is_one_shot:
        return None
    state = RowState.UNKNOWN if row.unsure else RowState.PENDING
    return replace(row, state=state, due_at=now, redriven_at=now, failures=0)
