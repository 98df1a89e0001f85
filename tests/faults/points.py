"""
Where something may go wrong inside, and what does: ports by name, faults that count themselves.

    fault = PointFault(("before rows.close", "after rows.*"), 0.1, lose)

A fault that speaks of a port nobody has, or that never comes to pass, breaks its row: what did not
happen proves nothing.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final

from lib.ports.current import CurrentCopies
from lib.ports.queues import Waker
from lib.ports.sources import FindingSource, ImageRegistry
from lib.ports.streams import (
    ImageStore,
    NotificationStore,
    Pauses,
    StreamHistory,
    StreamListing,
    StreamObjects,
    StreamStore,
)

PORTS: Final[Mapping[str, Sequence[type]]] = {
    "copies": (CurrentCopies,),
    "images": (ImageStore,),
    "objects": (StreamObjects,),
    "pauses": (Pauses,),
    "registry": (ImageRegistry,),
    "rows": (NotificationStore,),
    "source": (FindingSource,),
    "streams": (StreamStore, StreamListing, StreamHistory),
    "waker": (Waker,),
}
"""The ports of a world, and what they are called with."""


def _operations() -> Iterator[str]:
    yield "receiver.send"
    for port, protocols in PORTS.items():
        for protocol in protocols:
            yield from (f"{port}.{name}" for name in vars(protocol) if not name.startswith("_"))


POINTS: Final = frozenset(
    f"{when} {operation}" for operation in _operations() for when in ("before", "after")
)
CERTAIN: Final = 10
"""Times that a fault is expected to happen, from which on it cannot be chance that none did."""


class PointFault:
    """What a share of those who pass some points meets there: an error, a pause, their end."""

    def __init__(
        self,
        points: Sequence[str],
        share: float,
        strike: Callable[[], None],
        *,
        until: float = float("inf"),
        kills: bool = False,
    ) -> None:
        """
        Take the points, of which `before rows.*` stands for several.

        `until`: the second of the run at which it ends. `kills`: it strikes outside of the time
        that a call takes.
        """
        self.kills = kills
        self._points, self._share, self._strike, self._until = points, share, strike, until
        self._expected = dict.fromkeys(points, 0.0)
        self._strikes: Counter[str] = Counter()

    def passed(self, point: str, seconds: float, roll: Callable[[], float]) -> None:
        """Strike who passes a point, if it is one of ours and the dice say so."""
        if seconds >= self._until:
            return
        name = next((name for name in self._points if fnmatchcase(point, name)), None)
        if name is None:
            return
        self._expected[name] += self._share
        if roll() < self._share:
            self._strikes[name] += 1
            self._strike()

    def problems(self) -> Iterator[str]:
        """Yield the points that do not exist, that nobody passed, or where nothing happened."""
        for name, expected in self._expected.items():
            if not any(fnmatchcase(point, name) for point in POINTS):
                yield f"there is no point `{name}`"
            elif not expected:
                yield f"nobody comes by `{name}`"
            elif expected >= CERTAIN and not self._strikes[name]:
                yield f"nothing happened at `{name}`"
