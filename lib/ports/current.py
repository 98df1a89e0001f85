"""The port of the copies that readers use: digests, the overview page, the command `findings`."""

from collections.abc import Iterator
from typing import Protocol

from lib.models import StreamId
from lib.models.current import CurrentCopy


class CurrentCopies(Protocol):
    """
    Copies of what is open in the streams now, one for each stream.

    A copy is written after the rows of its stream, so that it can be behind for a moment.
    Decisions about what is sent read the rows instead.
    """

    def put(self, copy: CurrentCopy) -> None:
        """Write the copy of a stream; without a watched image, delete it. Raises `StoreError`."""

    def version(self, stream: StreamId) -> int | None:
        """Return which version of the state a copy is of; None: there is none."""

    def get(self, stream: StreamId) -> CurrentCopy | None:
        """Return the copy of a stream; None: there is none. Raises `StoreError`."""

    def streams(self, after: StreamId | None = None) -> Iterator[StreamId]:
        """
        Yield the streams that have a copy, in an order that stays the same.

        `after`: only those behind this one, whether it still has a copy or not. Raises
        `StoreError`.
        """
