"""The time from the end of a scan to the alert about it. Pure."""

from datetime import datetime, timedelta
from typing import Final

from lib.models import Content
from lib.models.views import Notification, PinnedMessage, RowState

SCANNED: Final = ("scan", "finding")
"""The causes of syncs that a result of a scanner has."""


def time_to_alert(row: Notification, message: Content | None) -> timedelta | None:
    """Return the time from a scan's end to its acceptance; None: no scan caused it, or not sent."""
    sent = row.state is RowState.SENT and row.cause in SCANNED and not row.quiet
    if not sent or row.tried_at is None or not isinstance(message, PinnedMessage):
        return None
    completed_at = _completed_at(message)
    return None if completed_at is None else max(row.tried_at - completed_at, timedelta())


def _completed_at(message: PinnedMessage) -> datetime | None:
    """
    Return when the last usable scan of the images that a message is about was completed.

    What ended is in no image any more: a message about nothing else is about all watched ones.
    """
    open_items = [item.desired for item in message.delta.items if item.desired is not None]
    images = {image.key for item in open_items for image in item.images}
    parts = [
        part
        for watched in message.state.images
        if not open_items or watched.image.key in images
        for part in watched.parts
    ]
    usable = [part.evidence[0].at for part in parts if part.reason is None and part.evidence]
    return max(usable, default=None)
