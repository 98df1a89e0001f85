"""
Events are best effort: a pass over all images finds the scans that no event told of.

    repositories -> images pushed lately -> their last scan, against what was evaluated -> events

What is found goes into the queue of scan events, and is processed there as any other. A pass stops
when its time is over or AWS wants fewer calls; the next one goes on at the same place.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Final

from lib.core.missed import Baselines, Found, Outcome, Waiting, image_of, look, together
from lib.errors import ImageGoneError, SourceError, SourceThrottledError
from lib.models import Image, ImageIndex, ImageState, LastScan, Place
from lib.ports.sources import ImageRegistry
from lib.ports.store import Places, ScanEvents, StateStore
from lib.wire.own_events import scan_found

BATCH: Final = 100
"""Images whose states are read at once, and after which the place is kept."""
RESERVE: Final = 90.0
"""Seconds before the end in which no image is begun: the retries of one call can take a minute."""

_NEVER: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a pass looks at, and what it does about it."""

    since: datetime
    """Images pushed before are left out."""
    repositories: str = "*"
    announce: bool = False
    """Tell also of first evaluations of images older than the installation."""
    dry_run: bool = False


@dataclass(slots=True)
class Tally:
    """What came of a pass so far."""

    images: int = 0
    waiting: int = 0
    gone: int = 0
    found: list[Found] = field(default_factory=list)
    unread: dict[str, str] = field(default_factory=dict)
    """Why a repository could not be read (to its end)."""
    stopped: str | None = None
    """Why the pass ended before its end."""

    @property
    def baselines(self) -> int:
        """How many of those found nobody is told of."""
        return sum(each.event.quiet for each in self.found)


@dataclass(frozen=True, slots=True)
class Watch:
    """What a pass asks of whoever started it, and tells; by default nothing."""

    seconds_left: Callable[[], float] = lambda: float("inf")
    repository: Callable[[str, int], None] = lambda _name, _images: None
    """Called for each repository, with how many of its images are going to be looked at."""
    image: Callable[[], None] = lambda: None
    """Called for each of these images."""


@dataclass(frozen=True, slots=True)
class _Pass:
    scope: Scope
    baselines: Baselines
    watch: Watch
    tally: Tally = field(default_factory=Tally)


class _OutOfTimeError(Exception):
    """There is no time left for one more image."""


class Reconciliation:
    """Compares what ECR holds with what was evaluated; what was missed goes on the queue."""

    def __init__(
        self,
        *,
        registry: ImageRegistry,
        states: StateStore,
        events: ScanEvents,
        now: Callable[[], datetime],
        places: Places | None = None,
    ) -> None:
        self._registry = registry
        self._states = states
        self._events = events
        self._now = now
        self._places = places

    def run(self, scope: Scope, watch: Watch | None = None) -> Tally:
        """
        Look at every image in scope, from where the last pass stopped; return what came of it.

        A repository that cannot be read is counted and does not stop the others. Without `places`
        a pass starts at the beginning. Raises `SourceError` when not even the repositories can be
        listed, and `StoreError`; nothing is lost then, as a place is kept only when all that was
        found before it is on the queue.
        """
        baselines = Baselines(self._states.installed_at(), scope.announce)
        one = _Pass(scope, baselines, watch or Watch())
        place = self._places.place() if self._places else None
        try:
            for start in self._starts(scope, place):
                self._repository(one, start)
        except (SourceThrottledError, _OutOfTimeError) as stop:
            one.tally.stopped = str(stop)
            return one.tally
        if self._places is not None:
            self._places.forget()
        return one.tally

    def look_again(self, unit: Image | ImageIndex) -> Outcome | None:
        """
        Look at one image because a person asks, and queue its scan if it was not evaluated.

        Returns None for an image that is gone. Raises `SourceError` and `StoreError`.
        """
        scan = self._last_scan(unit)
        if scan is None:
            return None
        image = image_of(unit)
        known = self._states.images([image]).get(image.key)
        baselines = Baselines(self._states.installed_at(), announce=True)
        outcome = look(unit, scan, known, baselines=baselines, now=self._now())
        if isinstance(outcome, Found):
            self._events.put([scan_found(outcome)])
        return outcome

    def _starts(self, scope: Scope, place: Place | None) -> Iterator[Place]:
        """Yield where to begin in each repository that is left."""
        for name in sorted(self._registry.repositories()):
            if not fnmatchcase(name, scope.repositories) or (place and name < place.repository):
                continue
            yield place if place and name == place.repository else Place(name)

    def _repository(self, one: _Pass, start: Place) -> None:
        try:
            self._look_through(one, start)
        except SourceThrottledError:
            raise
        except SourceError as error:
            one.tally.unread[start.repository] = str(error)

    def _look_through(self, one: _Pass, start: Place) -> None:
        try:
            _check_time(one.watch)
            found = self._registry.images(start.repository, since=one.scope.since)
        except (SourceThrottledError, _OutOfTimeError):
            self._keep(start)
            raise
        left = sorted((unit for unit in found if _order(unit) > _after(start)), key=_order)
        one.watch.repository(start.repository, len(left))
        for first in range(0, len(left), BATCH):
            self._batch(one, left[first : first + BATCH])

    def _batch(self, one: _Pass, units: Sequence[Image | ImageIndex]) -> None:
        """Look at some images; whatever ends this, what was found is queued and the place kept."""
        known = self._states.images([image_of(unit) for unit in units])
        found: list[Found] = []
        last: Image | None = None
        try:
            for unit in units:
                _check_time(one.watch)
                outcome = self._look(one, unit, known.get(image_of(unit).key))
                if isinstance(outcome, Found):
                    found.append(outcome)
                last = image_of(unit)
                one.watch.image()
        finally:
            one.tally.found += found
            if found and not one.scope.dry_run:
                self._events.put([scan_found(each) for each in found])
            if last is not None:
                self._keep(Place(last.repository, last.pushed_at, last.digest))

    def _look(
        self, one: _Pass, unit: Image | ImageIndex, known: ImageState | None
    ) -> Outcome | None:
        """Ask how far a scan is, and compare; None for an image that is gone meanwhile."""
        one.tally.images += 1
        scan = self._last_scan(unit)
        if scan is None:
            one.tally.gone += 1
            return None
        outcome = look(unit, scan, known, baselines=one.baselines, now=self._now())
        one.tally.waiting += isinstance(outcome, Waiting)
        return outcome

    def _last_scan(self, unit: Image | ImageIndex) -> LastScan | None:
        if isinstance(unit, Image):
            try:
                return self._registry.last_scan(unit)
            except ImageGoneError:
                return None
        members = [replace(unit.image, digest=each.digest, tags=()) for each in unit.members]
        return together(scan for each in members if (scan := self._last_scan(each)) is not None)

    def _keep(self, place: Place) -> None:
        if self._places is not None:
            self._places.keep(place)


def _check_time(watch: Watch) -> None:
    if watch.seconds_left() < RESERVE:
        raise _OutOfTimeError("the time is over")


def _order(unit: Image | ImageIndex) -> tuple[datetime, str]:
    image = image_of(unit)
    return (image.pushed_at or _NEVER, image.digest)


def _after(place: Place) -> tuple[datetime, str]:
    return (place.pushed_at or _NEVER, place.digest)
