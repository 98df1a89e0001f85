"""
The flow of rules: the alerts.yml in force is recorded, so that its parts have an age.

    the first function that asks    -> the installation is recorded
    the sweep, where it differs     -> the change is recorded
    the sweep, when it is settled   -> every stream is queued

Another file comes by a deployment, or is published. Until the next sweep, functions take what is
new in their file as of now. So two files within a minute, or functions with two files at once, do
not write in turns. A file that is older than the recorded one is never recorded: a function that
cannot read the newest one changes nothing for the others.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeVar

from lib.errors import ConflictError
from lib.models import Destination
from lib.ports.rules import RulesRecord, RulesStore

_Name = TypeVar("_Name", bound=str)
_PACKAGED: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class RulesInForce:
    """The parts of the alerts.yml in force, its hash, and the time of its publication."""

    hash: str
    destinations: tuple[Destination, ...]
    routes: Mapping[str, str]
    """By name, the hashes of `lib.core.routing.reaches`: one that leads elsewhere is a new one."""
    published_at: datetime | None = None
    """None for the file in the package."""


class RulesStep(StrEnum):
    """The step of the sweep about the file in force."""

    UNCHANGED = "unchanged"
    OUTDATED = "outdated"
    """A newer file is recorded than the one that this function could read."""
    WAITING = "waiting"
    """Functions may still use the file before."""
    QUEUED = "queued"
    """Streams were put on the sync queue."""


class RulesBook:
    """Keeps since when the parts of alerts.yml are in force."""

    def __init__(
        self,
        *,
        store: RulesStore,
        own: RulesInForce,
        now: Callable[[], datetime],
        settled: timedelta = timedelta(),
    ) -> None:
        """`settled` is the age at which every function uses a published file."""
        self._store = store
        self._own = own
        self._now = now
        self._settled = settled

    def record(self) -> RulesRecord:
        """Return the record of the file in force; a first one is stored. Raises `StoreError`."""
        stored = self._store.record()
        if stored is not None:
            return self._following(stored)
        first = self._installed()
        with suppress(ConflictError):
            self._store.put(None, first)
        return first

    def look(self) -> RulesRecord:
        """Return the record of the file in force; nothing is stored. Raises `StoreError`."""
        stored = self._store.record()
        return self._installed() if stored is None else self._following(stored)

    def follow(self, queue: Callable[[RulesRecord], bool]) -> RulesStep:
        """
        Record a changed file, and have every stream queued for a sync by it.

        `queue` returns whether it queued all of them; if not, the next call goes on. Streams wait
        until every function uses the file: a sync by the one before would stay until the daily
        pass. Raises `StoreError`.
        """
        stored = self._store.record()
        if stored is None:
            stored = self.record()
        if _order(stored.published_at) > _order(self._own.published_at):
            return RulesStep.OUTDATED
        after = self._following(stored)
        if after != stored:
            self._store.put(stored, after)
        if after.queued:
            return RulesStep.UNCHANGED
        if not self._is_settled(after):
            return RulesStep.WAITING
        if queue(after):
            self._store.put(after, replace(after, queued=True))
        return RulesStep.QUEUED

    def _is_settled(self, record: RulesRecord) -> bool:
        published = record.published_at
        return published is None or self._now() - published >= self._settled

    def _installed(self) -> RulesRecord:
        at, own = self._store.installed_at(), self._own
        return RulesRecord(
            own.hash,
            at,
            _since({}, own.destinations, at),
            _routes_since({}, own.routes, at),
            published_at=own.published_at,
        )

    def _following(self, stored: RulesRecord) -> RulesRecord:
        own, now = self._own, self._now()
        if (stored.hash, stored.published_at) == (own.hash, own.published_at):
            return stored
        # A file that came back may have been another one in between. The packaged file that is
        # published is the same one.
        same = stored.hash == own.hash and stored.published_at is None
        return replace(
            stored,
            hash=own.hash,
            destinations_since=_since(stored.destinations_since, own.destinations, now),
            routes_since=_routes_since(stored.routes_since, own.routes, now),
            queued=stored.queued if same else False,
            published_at=own.published_at,
        )


def turn_of(record: RulesRecord) -> str:
    """Return the name of the pass over all streams by a record: another one for each file."""
    published = record.published_at
    return record.hash if published is None else f"{record.hash}@{published.isoformat()}"


def _order(published_at: datetime | None) -> datetime:
    """Return the place of a file among others: a packaged one is older than all published ones."""
    return _PACKAGED if published_at is None else published_at


def _since(
    before: Mapping[_Name, datetime], names: Iterable[_Name], now: datetime
) -> Mapping[_Name, datetime]:
    """Return since when each name is there; one that left and comes back is new."""
    return MappingProxyType({name: before.get(name, now) for name in names})


def _routes_since(
    before: Mapping[str, datetime], reaches: Mapping[str, str], now: datetime
) -> Mapping[str, datetime]:
    """Return since when each route leads where it does. Older versions recorded its name."""
    return MappingProxyType(
        {reach: before.get(reach, before.get(name, now)) for name, reach in reaches.items()}
    )
