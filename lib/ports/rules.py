"""The port of the record of alerts.yml: which one is in force, and since when its parts are."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from lib.models import Destination
from lib.models.immutable import immutable


@immutable(frozen=True, slots=True)
class RulesRecord:
    """The alerts.yml in force. What is older than a part of it begins silently there."""

    hash: str
    """Of the alerts.yml in force."""
    installed_at: datetime
    destinations_since: Mapping[Destination, datetime]
    routes_since: Mapping[str, datetime]
    """By what decides which images a route leads where; see `lib.core.routing.reaches`."""
    queued: bool = True
    """Whether every stream was queued for a sync by these rules."""
    published_at: datetime | None = None
    """The time at which the file was published; None for the file in the package."""


class RulesStore(Protocol):
    """Keeps the record of the alerts.yml in force."""

    def installed_at(self) -> datetime:
        """Return when the table was made, before the first event. Raises `StoreError`."""

    def record(self) -> RulesRecord | None:
        """Return the record; None before the first one. Raises `StoreError`."""

    def put(self, before: RulesRecord | None, after: RulesRecord) -> None:
        """
        Write a record over the one that was read.

        Raises `ConflictError` where another one is stored, and `StoreError`.
        """
