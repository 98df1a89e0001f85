"""
The one open notification of a view: when it is opened, what it sends, what follows. Pure.

    sync    compares reported and desired      -> `after_sync`: a row is opened, or none is needed
    claim   desired is computed anew           -> `after_claim`: what is sent, or OBSOLETE
    send    the receiver took the message      -> `after_sent`: reported is what was pinned
    death   the row is given up                -> `after_death`: reported stands still

A row says that there is something to say; what, is computed when it is claimed. So it speaks of
the present, whatever happened since it was opened. How a row gets there is in `lib.core.attempts`;
what is worth one, in `lib.core.worth_notifying`; who gets it, in `lib.core.verdicts`.
"""

import hashlib
from collections.abc import Container, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from lib.core.attempts import GATHERED, TAKEN_OVER, final, is_open
from lib.models import DeliveryId, Receipt
from lib.models.immutable import immutable
from lib.models.views import (
    Agreement,
    Basis,
    Delta,
    Kind,
    Notification,
    ReportedItem,
    RowState,
    View,
)

REOPENED: Final = timedelta(days=1)
"""How often at most a sync opens a notification in the place of a dead one."""


class Step(StrEnum):
    """The ways in which a sync changes a view."""

    UNTOUCHED = "untouched"
    CREATED = "created"
    ADVANCED = "advanced"
    OPENED = "opened"
    SEEN = "seen"
    MADE_LOUD = "made-loud"
    REPLACED = "replaced"
    CLEARED = "cleared"


@immutable(frozen=True, slots=True)
class ViewStep:
    """The change of one view by a sync, and the reason."""

    step: Step
    reason: str
    view: View
    """As it stands afterwards."""
    row: Notification | None = None
    """A row that is written: a new one, or the open one with what differs; None: no row is."""
    wakes: bool = False
    """Whether the row is to be sent now."""

    @property
    def writes(self) -> bool:
        """Whether anything is written."""
        return self.step is not Step.UNTOUCHED


@immutable(frozen=True, slots=True)
class SyncContext:
    """The facts that all views of one sync share."""

    basis: Basis
    cause: str
    now: datetime
    has_evidence: bool
    """Whether the stream ever had a usable report."""
    redrive: bool = False
    """A dead row is replaced whatever its age."""
    folds: bool = False
    """What alerts.yml alone brings about waits for that of other streams."""


def effective(view: View, desired: Container[str]) -> View:
    """
    Return the view that a delta is computed from.

    What a dead notification may have shown and is not desired any more counts as reported, so that
    its end is notified. What is desired is notified again.
    """
    possibly = {name: item for name, item in view.possibly_reported.items() if name not in desired}
    return replace(view, reported={**possibly, **view.reported}) if possibly else view


def after_sync(
    view: View,
    row: Notification | None,
    delta: Delta,
    context: SyncContext,
    *,
    keeps_current: bool,
    silent: str | None = None,
) -> ViewStep:
    """
    Return what a sync does with a view whose newest row is `row`.

    `keeps_current`: the receiver shows something that a delta without news changes. `silent`: why
    the first agreement comes without a message; None: it is notified.
    """
    if row is not None and is_open(row):
        return _with_open_row(view, row, delta, context)
    if delta.is_empty:
        return _agreed(view, row, delta, context)
    if silent is not None and view.agreement is None:
        return ViewStep(Step.CREATED, silent, _advanced(view, delta, context))
    if not delta.is_worth_a_message and not keeps_current:
        reason = "nothing of it is worth a message, and the receiver keeps nothing current"
        return ViewStep(Step.ADVANCED, reason, _advanced(view, delta, context))
    if row is not None and not context.redrive and context.now - row.created_at < REOPENED:
        reason = f"{row.id} is dead, and is replaced once a day at most"
        return ViewStep(Step.UNTOUCHED, reason, view)
    return _opened(view, row, delta, context)


def _with_open_row(view: View, row: Notification, delta: Delta, context: SyncContext) -> ViewStep:
    seen = replace(row, seen=context.basis)
    if row.gathers and not _is_by_rules(delta):
        alone = replace(seen, gathers=False, quiet=not delta.is_worth_a_message)
        reason = "more than alerts.yml has changed: it waits for no other stream"
        return ViewStep(Step.MADE_LOUD, reason, view, alone, wakes=True)
    if row.quiet and delta.is_worth_a_message:
        reason = "the open notification is worth a message now"
        return ViewStep(Step.MADE_LOUD, reason, view, replace(seen, quiet=False), wakes=True)
    if row.seen == context.basis:
        return ViewStep(Step.UNTOUCHED, f"{row.id} is open, and nothing differs since", view)
    return ViewStep(Step.SEEN, f"{row.id} is open, and will speak of it", view, seen)


def _agreed(view: View, row: Notification | None, delta: Delta, context: SyncContext) -> ViewStep:
    """Return what follows where reported is desired."""
    after = _advanced(view, delta, context)
    if row is not None:
        return ViewStep(Step.CLEARED, f"{row.id} is dead, and nothing is left to say", after)
    if view.agreement is None and context.has_evidence:
        return ViewStep(Step.CREATED, "the first usable report has nothing for it", after)
    if same_agreement(view.agreement, after.agreement):
        return ViewStep(Step.UNTOUCHED, "nothing differs", view)
    return ViewStep(Step.ADVANCED, "nothing differs for it", after)


def same_agreement(before: Agreement | None, after: Agreement | None) -> bool:
    """Whether two agreements stand for the same, at whatever time they were made."""
    if before is None or after is None:
        return before is after
    return replace(before, at=after.at) == after


def _advanced(view: View, delta: Delta, context: SyncContext) -> View:
    """Return the view with desired as reported, as no message brings it about."""
    return replace(
        view,
        reported=delta.after,
        agreement=delta.agreement if context.has_evidence else view.agreement,
        row=None,
        possibly_reported={},
        quietly_ended=_ended(view, delta),
    )


def _ended(view: View, delta: Delta) -> tuple[ReportedItem, ...]:
    """Return what ended without a message since the last one, without what is back."""
    ended = {item.id: item for item in view.quietly_ended}
    ended |= {change.item.id: change.item for change in delta.items if change.desired is None}
    return tuple([item for name, item in ended.items() if name not in delta.after])


def _is_by_rules(delta: Delta) -> bool:
    """Whether alerts.yml alone brings about everything that is worth a message."""
    kinds = {item.kind for item in delta.items if item.worth}
    return kinds == {Kind.RULES_CHANGED}


def _opened(view: View, dead: Notification | None, delta: Delta, context: SyncContext) -> ViewStep:
    row = new_row(
        view,
        basis=context.basis,
        cause=context.cause,
        now=context.now,
        quiet=not delta.is_worth_a_message,
    )
    after = replace(view, row=row.id, rows=view.rows + 1)
    if dead is None and context.folds and _is_by_rules(delta):
        gathering = replace(row, gathers=True, due_at=context.now + GATHERED)
        return ViewStep(Step.OPENED, "alerts.yml changed: others may follow", after, gathering)
    if dead is None:
        reason = "the receiver is brought up to date" if row.quiet else "there is news"
        return ViewStep(Step.OPENED, reason, after, row, wakes=not row.quiet)
    replacing = replace(row, replaces=dead.id)
    return ViewStep(Step.REPLACED, f"in the place of {dead.id}", after, replacing, wakes=True)


def new_row(
    view: View, *, basis: Basis | None, cause: str, now: datetime, quiet: bool
) -> Notification:
    """
    Return the next notification of a view, PENDING.

    The sweep takes a quiet one at once, as nothing else wakes it.
    """
    version = view.version + 1
    return Notification(
        id=notification_id(view, version, now),
        destination=view.destination,
        stream=view.stream,
        version=version,
        quiet=quiet,
        state=RowState.PENDING,
        seen=basis,
        cause=cause,
        created_at=now,
        due_at=now if quiet else now + TAKEN_OVER,
    )


def notification_id(view: View, version: int, now: datetime) -> DeliveryId:
    """
    Return the id of a view's next row, which no row of the view ever had.

    The time is a part of it: after its table was lost or restored, or beside a second stage, a view
    counts the same versions again, and receivers would take its messages for known ones.
    """
    subject = (view.destination, view.stream, str(version), str(view.rows), now.isoformat())
    return DeliveryId(
        hashlib.sha256("\n".join(subject).encode("utf-8", "replace")).hexdigest()[:32]
    )


class Claim(StrEnum):
    """The ways to go on with a claimed notification."""

    OBSOLETE = "obsolete"
    SEND = "send"
    REPEAT = "repeat"


@immutable(frozen=True, slots=True)
class ClaimStep:
    """The way to go on with a claimed notification, and the reason."""

    claim: Claim
    reason: str
    view: View
    """OBSOLETE: as it is stored now. SEND: as it will be stored once the message is sent."""
    quiet: bool = False
    """SEND: the receiver is brought up to date without a message."""


def after_claim(
    view: View, row: Notification, delta: Delta, context: SyncContext, *, keeps_current: bool
) -> ClaimStep:
    """
    Return what a claimed notification sends: today's delta, or what was pinned before.

    A pinned message may have arrived: it is asked for, or sent again unchanged; it is never
    obsolete.
    """
    if row.pin is not None:
        return ClaimStep(Claim.REPEAT, "an earlier attempt may have arrived", view)
    worth = delta.is_worth_a_message
    advanced = _advanced(view, delta, context)
    if delta.is_empty:
        return ClaimStep(Claim.OBSOLETE, "reverted before it was sent", advanced)
    if not worth and not keeps_current:
        return ClaimStep(Claim.OBSOLETE, "not worth a message any more", advanced)
    sent = replace(
        advanced,
        version=row.version,
        rows=0,
        quietly_ended=() if worth else advanced.quietly_ended,
    )
    return ClaimStep(Claim.SEND, "there is news" if worth else "kept current", sent, not worth)


@immutable(frozen=True, slots=True)
class SentStep:
    """The rows to write once a receiver took a message."""

    view: View
    row: Notification
    next: Notification | None
    """Opened with it where a sync saw something newer than what was sent."""


def after_sent(
    row: Notification,
    pinned: View,
    basis: Basis,
    *,
    now: datetime,
    receipt: Receipt | None = None,
) -> SentStep:
    """
    Return what follows from a receipt for the pinned message of a row.

    `pinned`: the view that the message brings about, `basis` what it spoke of.
    """
    thread = receipt.thread if receipt is not None else None
    message = row.pin.key if row.pin is not None else pinned.last_message
    view = replace(pinned, thread=thread or pinned.thread, last_message=message)
    sent = final(row, RowState.SENT, now, receipt=receipt, reason="")
    if row.seen == basis:
        return SentStep(view, sent, None)
    following = new_row(view, basis=row.seen, cause=row.cause, now=now, quiet=False)
    return SentStep(replace(view, row=following.id, rows=view.rows + 1), sent, following)


def after_death(
    view: View,
    row: Notification,
    pinned: Mapping[str, ReportedItem] | None,
    *,
    now: datetime,
    reason: str = "",
) -> tuple[View, Notification]:
    """
    Return view and row of a notification that is given up.

    `pinned`: what a message that may have arrived would have made the view report; None: nothing
    arrived. Then what is in only one of both may be shown, or not: if it is desired it is notified
    again, else its end is.
    """
    dead = replace(final(row, RowState.DEAD, now, reason=reason), pin=None)
    if pinned is None:
        return view, dead
    certain = {name: item for name, item in view.reported.items() if name in pinned}
    either = {**view.possibly_reported, **pinned, **view.reported}
    possibly = {name: item for name, item in either.items() if name not in certain}
    return replace(view, reported=certain, possibly_reported=possibly), dead
