"""
The flow of rules: the packaged alerts.yml is recorded, so that its parts have an age.

    the first function that asks    -> the installation is recorded
    the sweep, where it differs     -> the change is recorded, then every stream is queued

Between a deployment and the next sweep, functions take what is new in their file as of now. So two
deployments within a minute, or functions of two deployments at once, do not write in turns.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import TypeVar

from lib.errors import ConflictError
from lib.models import Destination
from lib.ports.rules import RulesRecord, RulesStore

_Name = TypeVar("_Name", bound=str)


@dataclass(frozen=True, slots=True)
class PackagedRules:
    """The names in the packaged alerts.yml, and its hash."""

    hash: str
    destinations: tuple[Destination, ...]
    routes: tuple[str, ...]


class RulesBook:
    """Keeps since when the parts of alerts.yml are in force."""

    def __init__(
        self, *, store: RulesStore, packaged: PackagedRules, now: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._packaged = packaged
        self._now = now

    def record(self) -> RulesRecord:
        """Return the record of the packaged file; a first one is stored. Raises `StoreError`."""
        stored = self._store.record()
        if stored is not None:
            return self._following(stored)
        first = self._installed()
        with suppress(ConflictError):
            self._store.put(None, first)
        return first

    def deployed(self, queue: Callable[[RulesRecord], bool]) -> bool:
        """
        Record a changed file, and have every stream queued for a sync by it.

        `queue` returns whether it queued all of them; if not, the next call goes on. Returns
        whether there was anything to queue. Raises `StoreError`.
        """
        stored = self._store.record()
        if stored is None:
            stored = self.record()
        after = self._following(stored)
        if after != stored:
            self._store.put(stored, after)
        if after.queued:
            return False
        if queue(after):
            self._store.put(after, replace(after, queued=True))
        return True

    def _installed(self) -> RulesRecord:
        at, packaged = self._store.installed_at(), self._packaged
        return RulesRecord(
            packaged.hash,
            at,
            _since({}, packaged.destinations, at),
            _since({}, packaged.routes, at),
        )

    def _following(self, stored: RulesRecord) -> RulesRecord:
        packaged, now = self._packaged, self._now()
        if stored.hash == packaged.hash:
            return stored
        return replace(
            stored,
            hash=packaged.hash,
            destinations_since=_since(stored.destinations_since, packaged.destinations, now),
            routes_since=_since(stored.routes_since, packaged.routes, now),
            queued=False,
        )


def _since(
    before: Mapping[_Name, datetime], names: Iterable[_Name], now: datetime
) -> Mapping[_Name, datetime]:
    """Return since when each name is there; one that left and comes back is new."""
    return MappingProxyType({name: before.get(name, now) for name in names})
