"""The time from the end of a scan to the alert about it. Pure."""

from datetime import datetime, timedelta
from typing import Final

from lib.models import Content
from lib.models.streams import StreamState
from lib.models.views import Notification, PinnedMessage, RowState

SCANNED: Final = ("scan", "finding")
"""The causes of syncs that a result of a scanner has."""


def time_to_alert(row: Notification, message: Content | None) -> timedelta | None:
    """Return the time from a scan's end to its acceptance; None: no scan caused it, or not sent."""
    sent = row.state is RowState.SENT and row.cause in SCANNED and not row.quiet
    if not sent or row.tried_at is None or not isinstance(message, PinnedMessage):
        return None
    completed_at = _completed_at(message.state)
    return None if completed_at is None else max(row.tried_at - completed_at, timedelta())


def _completed_at(state: StreamState) -> datetime | None:
    """Return when the last usable scan of the current image was completed."""
    parts = state.current.parts if state.current is not None else ()
    usable = [part.evidence[0].at for part in parts if part.reason is None and part.evidence]
    return max(usable, default=None)
