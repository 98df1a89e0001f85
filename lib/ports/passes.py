"""The ports of scheduled passes: where one stopped, so that the next run goes on there."""

from typing import Protocol

from lib.models.immutable import immutable


@immutable(frozen=True, slots=True)
class Place:
    """The place where a pass stopped."""

    turn: str
    """Which pass it was: the day of a daily one, the hash of the rules."""
    after: str | None = None
    """The last name that was done; None: none was."""
    complete: bool = False
    """Everything was done."""


class Places(Protocol):
    """Keeps the places of passes by their names. Where runs overlap, the last one counts."""

    def place(self, name: str) -> Place | None:
        """Return the place of a pass; None before the first one. Raises `StoreError`."""

    def put_place(self, name: str, place: Place) -> None:
        """Keep the place of a pass. Raises `StoreError`."""
