"""How an event about an image ended, and what follows from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from lib.models import Json, ScanEvent, StreamId
from lib.models.streams import NO_NEWS, TagNews
from lib.wire.own_events import fetch_again

PROGRESS: Final = "progress"
"""The field of an event that comes back which names what was fetched for it."""


class ImageResult(StrEnum):
    """How an event about an image ended."""

    STORED = "stored"
    TAGGED = "tagged"
    STALE = "stale"
    REPEATED = "repeated"
    DEFERRED = "deferred"
    CONTINUED = "continued"
    IMAGE_DELETED = "image-deleted"
    NO_IMAGE = "no-image"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class ImageOutcome:
    """How an event about an image ended, and the streams that it concerns."""

    result: ImageResult
    reason: str
    streams: tuple[StreamId, ...] = ()
    news: TagNews = NO_NEWS
    """The facts about tags that the syncs of these streams are to keep."""
    revisit: timedelta | None = None
    """DEFERRED and CONTINUED: when the event comes back."""
    event: ScanEvent | None = None
    """The same: the event for which a report is fetched."""
    progress: str | None = None
    """CONTINUED: the key of what is fetched already."""
    without_provenance: Exception | None = None
    """Why it is not known what the image was made from."""
    unknown_checks: tuple[str, ...] = ()
    """The checks of a repository that have no result, because AWS denied an answer."""

    def comeback(self, raw: Mapping[str, Json] | None = None) -> Mapping[str, Json] | None:
        """
        Return the event that is put on the queue again, for after `revisit`; None: none is.

        `raw`: the event as it came. Without it, as where a pass fetches, the event is our own.
        """
        if self.event is None:
            return None
        origin = fetch_again(self.event, self.reason) if raw is None else raw
        anew = {name: value for name, value in origin.items() if name != PROGRESS}
        return anew if self.progress is None else {**anew, PROGRESS: self.progress}
