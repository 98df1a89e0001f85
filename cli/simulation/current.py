"""The copies of streams in memory. See `lib.ports.current`."""

from collections.abc import Iterator

from lib.models import StreamId
from lib.models.current import CurrentCopy


class MemoryCopies:
    """See `CurrentCopies`."""

    def __init__(self) -> None:
        self._copies: dict[StreamId, CurrentCopy] = {}

    def put(self, copy: CurrentCopy) -> None:
        """See `CurrentCopies.put`."""
        if copy.state.images:
            self._copies[copy.state.stream] = copy
        else:
            self._copies.pop(copy.state.stream, None)

    def version(self, stream: StreamId) -> int | None:
        """See `CurrentCopies.version`."""
        copy = self._copies.get(stream)
        return None if copy is None else copy.state.version

    def get(self, stream: StreamId) -> CurrentCopy | None:
        """See `CurrentCopies.get`."""
        return self._copies.get(stream)

    def streams(self, after: StreamId | None = None) -> Iterator[StreamId]:
        """See `CurrentCopies.streams`."""
        for stream in sorted(self._copies):
            if after is None or stream > after:
                yield stream
