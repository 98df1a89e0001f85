"""
The message that a tag moved which should not: one for each destination that asks for it. Pure.

A move is an event and no condition: nothing of it is open afterwards, so it belongs to no view.
"""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from lib.checks.moved_tags import MOVED, Move, finding_of
from lib.core.delta import later_view
from lib.core.lifecycles import course
from lib.core.streams import settings_stream
from lib.core.sync import SyncRules, plan_view
from lib.models import DeliveryId, Destination, ScanSource, StreamId
from lib.models.streams import (
    Arrival,
    Evidence,
    PartState,
    Role,
    Stamp,
    StreamState,
    WatchedImage,
)
from lib.models.views import PinnedMessage

_BEFORE: Final = 1
_AFTER: Final = 2
"""Versions of the state: before the move, and with it."""


def messages_about(
    move: Move, rules: SyncRules, now: datetime
) -> Iterator[tuple[Destination, PinnedMessage]]:
    """Yield the message for each destination to which a route leads that asks for a move."""
    before = StreamState(stream_of(move), _BEFORE, move.at, move.at)
    after = _after(before, move)
    for destination in rules.destinations:
        view = later_view(destination, before.stream, before)
        plan = plan_view(view, after, rules, cause=MOVED, now=now)
        if plan.delta.is_worth_a_message:
            yield (
                destination,
                PinnedMessage(
                    plan.delta,
                    view,
                    plan.context.basis,
                    quiet=False,
                    state=after,
                    refused=plan.desired.refused,
                ),
            )


def stream_of(move: Move) -> StreamId:
    """Return the stream of a tag's moves, to which their messages belong."""
    return settings_stream(move.tag).id


def message_id(move: Move, destination: Destination, stage: str) -> DeliveryId:
    """
    Return the id of the message about a move: the same on every try.

    Two stages may notify one receiver, which drops what has the same id.
    """
    subject = (stage, destination, move.tag.key, move.before, move.after, move.at.isoformat())
    return DeliveryId(hashlib.sha256("\n".join(subject).encode()).hexdigest()[:32])


def _after(before: StreamState, move: Move) -> StreamState:
    """Return the state in which the move is all that is open."""
    source, tag = ScanSource.REPOSITORY, move.tag
    evidence = Evidence(tag, "", source, move.at, complete=True, findings=(finding_of(move),))
    part = PartState("", MOVED, source=source, evidence=(evidence,))
    images = (WatchedImage(tag, Role.CURRENT, running=False, parts=(part,)),)
    stamp = Stamp(_AFTER, move.at)
    opened = course(before, images, arrival=Arrival.TAG, stamp=stamp)
    return StreamState(
        before.stream, _AFTER, move.at, before.created_at, images, lifecycles=opened.lifecycles
    )
