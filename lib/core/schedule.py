"""The times at which digests are due, and their ids. Pure."""

import hashlib
from datetime import datetime, time, timedelta
from typing import Final

from lib.models import DeliveryId, Destination, StreamId
from lib.models.immutable import immutable

STREAM: Final = StreamId("digest")
"""The stream of all digests: those of a destination form one thread."""
PERIODS: Final = 8
"""The number of periods in the trend."""

_WEEK: Final = 7


@immutable(frozen=True, slots=True)
class Schedule:
    """Every day, or every week on `weekday` (Monday is 0), at a time of day in UTC."""

    notify: tuple[Destination, ...]
    weekday: int | None
    at: time

    @property
    def period(self) -> timedelta:
        """The time that one digest covers."""
        return timedelta(days=1 if self.weekday is None else _WEEK)

    def last_due(self, now: datetime) -> datetime:
        """Return the last time at or before `now` that a digest was due."""
        due = now.replace(
            hour=self.at.hour, minute=self.at.minute, second=0, microsecond=0, tzinfo=now.tzinfo
        )
        if self.weekday is not None:
            due -= timedelta(days=(due.weekday() - self.weekday) % _WEEK)
        return due if due <= now else due - self.period


def digest_id(stage: str, destination: Destination, until: datetime) -> DeliveryId:
    """
    Return the id of a digest, which is the same each time the digest is created.

    Two stages create their digests at the same times, and a receiver may drop a repeated id: so the
    stage is a part of it.
    """
    subject = f"digest\n{stage}\n{destination}\n{until.isoformat()}"
    return DeliveryId(hashlib.sha256(subject.encode("utf-8", "replace")).hexdigest()[:32])
