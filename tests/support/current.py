"""The copies of streams, and what digests are made of, in memory. See `lib.ports.current`."""

from collections.abc import Iterator
from datetime import datetime

from lib.models import StreamId
from lib.models.current import CurrentCopy, DigestBasis


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


class MemoryBases:
    """See `lib.ports.digests.DigestBases`."""

    def __init__(self) -> None:
        self._complete: dict[datetime, DigestBasis] = {}
        self._begun: DigestBasis | None = None

    def put(self, basis: DigestBasis) -> None:
        """See `DigestBases.put`."""
        if basis.complete:
            self._complete[basis.until] = basis
        else:
            self._begun = basis

    def get(self, until: datetime) -> DigestBasis | None:
        """See `DigestBases.get`."""
        begun = self._begun if self._begun is not None and self._begun.until == until else None
        return self._complete.get(until, begun)

    def before(self, until: datetime) -> DigestBasis | None:
        """See `DigestBases.before`."""
        last = max((time for time in self._complete if time < until), default=None)
        return None if last is None else self._complete[last]
