"""What becomes of a row on its way."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from lib.core.attempts import (
    LEASE,
    after_absence,
    after_refusal,
    claimed,
    deferred,
    expires,
    one_shot,
    one_shot_dead,
    redriven,
)
from lib.models import DeliveryId, Destination, StreamId
from lib.models.views import Notification, Pin, Purpose, RowState
from tests.support.builders import NOW

PIN = Pin("pinned/digest/one")
LATER = NOW + timedelta(minutes=5)


def a_row(**fields: Any) -> Notification:
    """Return a one-shot row."""
    row = one_shot(
        DeliveryId("0" * 32), Purpose.DIGEST, Destination("team"), StreamId("digest"), PIN,
        cause="digest", now=NOW,
    )  # fmt: skip
    return replace(row, **fields)


def test_a_claim_is_a_lease_and_counts_an_attempt() -> None:
    """A new row can be taken at once."""
    row = claimed(a_row(), now=NOW, token="a")

    assert row == a_row(state=RowState.CLAIMED, token="a", due_at=NOW + LEASE, attempts=1)


@pytest.mark.parametrize("state", [RowState.RETRY, RowState.UNKNOWN, RowState.CLAIMED])
def test_what_waits_for_its_time_is_not_taken(state: RowState) -> None:
    """Whatever wakes it; the reason says how long."""
    row = a_row(state=state, due_at=LATER)

    assert claimed(row, now=NOW, token="b") == f"{state.value} until {LATER.isoformat()}"
    assert isinstance(claimed(row, now=LATER, token="b"), Notification)


@pytest.mark.parametrize(
    "state", [RowState.SENT, RowState.OBSOLETE, RowState.FOLDED, RowState.DEAD]
)
def test_what_is_final_is_not_taken_nor_put_off(state: RowState) -> None:
    """The reason is its state."""
    row = a_row(state=state, due_at=None)

    assert claimed(row, now=NOW, token="b") == state.value
    assert deferred(row, until=LATER, reason="paused") is None


def test_the_row_of_a_dead_worker_may_have_been_sent() -> None:
    """It sent nothing after the end of its lease."""
    row = claimed(a_row(state=RowState.CLAIMED, due_at=NOW), now=LATER, token="b")

    assert isinstance(row, Notification)
    assert (row.unsure, row.unsure_at) == (True, NOW)


def test_a_message_that_is_one_shot_keeps_its_pin() -> None:
    """When it was refused, and when it did not arrive."""
    assert after_refusal(a_row()).pin == PIN
    assert after_absence(a_row(unsure=True)).pin == PIN


def test_a_dead_one_shot_row_gets_another_day() -> None:
    """If the receiver may have it, it is asked first."""
    certain = redriven(one_shot_dead(a_row(), now=LATER, reason="403"), now=LATER)
    doubtful = redriven(one_shot_dead(a_row(unsure=True), now=LATER, reason="403"), now=LATER)

    assert certain is not None
    assert doubtful is not None
    assert (certain.state, doubtful.state) == (RowState.PENDING, RowState.UNKNOWN)
    assert (certain.redriven_at, certain.reason) == (LATER, "403")
    day = timedelta(hours=24)
    assert [expires(certain, at=at) for at in (NOW + day, LATER + day)] == [False, False]
    assert expires(certain, at=LATER + day + timedelta(seconds=1))


def test_nothing_else_is_redriven() -> None:
    """What a view has to say is computed anew by a sync."""
    dead = one_shot_dead(a_row(), now=NOW, reason="403")

    assert redriven(a_row(), now=NOW) is None
    assert redriven(replace(dead, purpose=Purpose.VIEW), now=NOW) is None
