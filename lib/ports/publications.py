"""The port of the published configuration: one object, and a copy of its last good version."""

from datetime import datetime
from enum import Enum
from typing import Protocol

from lib.models.immutable import immutable


@immutable(frozen=True, slots=True)
class StoredText:
    """An object as it was read."""

    text: bytes
    version: str
    """Names the content; a writer says by it what was read."""
    at: datetime
    """The time of its last change, by the clock of the store."""


class Absence(Enum):
    """The reason why a read returns no object."""

    UNCHANGED = "unchanged"
    """The object is the version that the caller has."""
    MISSING = "missing"
    """Nothing is published."""


class PublicationStore(Protocol):
    """Keeps what functions take their configuration from."""

    def read(self, having: str = "") -> StoredText | Absence:
        """Return the object, unless it is the version that the caller has. Raises `StoreError`."""

    def recall(self) -> StoredText | None:
        """
        Return the object that was in force last, with the time of its publication.

        None where there was none. Raises `StoreError`.
        """

    def remember(self, text: StoredText) -> None:
        """Keep an object that is in force, for `recall`. Raises `StoreError`."""
