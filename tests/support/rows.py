"""Notifications as rows, with defaults."""

from dataclasses import replace
from typing import Any

from lib.core.attempts import one_shot
from lib.models import DeliveryId, Destination, StreamId
from lib.models.views import Notification, Pin, Purpose, RowState
from tests.support.builders import NOW

SLACK = Destination("team-slack")


def a_row(number: int = 1, **fields: Any) -> Notification:
    """Return a row; a dead one, or another final one, is due no more."""
    row = one_shot(
        DeliveryId(f"{number:032x}"),
        Purpose.SUMMARY,
        SLACK,
        StreamId("summary"),
        Pin("pinned/summary/one"),
        cause="rules",
        now=fields.get("created_at", NOW),
    )
    if fields.get("state") in (
        RowState.DEAD, RowState.SENT, RowState.OBSOLETE, RowState.FOLDED,
    ):  # fmt: skip
        fields = {"due_at": None} | fields
    return replace(row, **fields)
