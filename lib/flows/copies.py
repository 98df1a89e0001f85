"""
The flow of copies for readers: the copy of a stream is written where it is behind its rows.

    a sync            -> that stream
    the daily pass    -> every stream, so that a lost write is made up for
"""

from lib.core.current import current_copy
from lib.models import StreamId
from lib.ports.current import CurrentCopies
from lib.ports.streams import StreamObjects, StreamStore


class CopyWriter:
    """Keeps the copies of streams up to date."""

    def __init__(
        self, *, streams: StreamStore, objects: StreamObjects, copies: CurrentCopies
    ) -> None:
        self._streams = streams
        self._objects = objects
        self._copies = copies

    def refresh(self, stream: StreamId) -> bool:
        """
        Write the copy of a stream if it is of another version than the row names.

        Returns whether it was written. Of two writers at once the older can be the last: the next
        refresh finds that. Raises `StoreError`.
        """
        row = self._streams.read(stream).row
        if row.state_key is None or self._copies.version(stream) == row.state_version:
            return False
        state = self._objects.state(row.state_key)
        if state is None:
            return False
        self._copies.put(current_copy(state, row.tags))
        return True
