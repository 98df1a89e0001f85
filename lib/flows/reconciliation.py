"""
Reconciliation: a pass over all images finds scans whose events never arrived.

    repositories -> images pushed lately -> their last scan, against what was evaluated -> events

EventBridge delivers events at best effort. Missed scans go into the queue of scan events, like any
other. A pass stops when its time is over or AWS throttles it; the next one continues there.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Final

from lib.core.missed import Baselines, MissedScan, Outcome, PendingScan, image_of, look, together
from lib.errors import ImageGoneError, SourceError, SourceThrottledError
from lib.models import Bookmark, Image, ImageIndex, ImageState, LastScan
from lib.ports.sources import ImageRegistry
from lib.ports.store import Bookmarks, ScanEvents, StateStore
from lib.wire.own_events import scan_found

BATCH: Final = 100
"""Images whose states are read together. The bookmark is saved after each batch."""
RESERVE: Final = 90.0
"""Seconds before the end in which no image is begun: the retries of a call may take a minute."""

_NEVER: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Scope:
    """The images of a pass, and its effects."""

    since: datetime
    """Images pushed earlier are left out."""
    repositories: str = "*"
    notify: bool = False
    """Whether first evaluations of images older than the installation are notified, too."""
    dry_run: bool = False


@dataclass(slots=True)
class PassResult:
    """The counts and missed scans of a pass, so far."""

    images: int = 0
    pending: int = 0
    deleted: int = 0
    missed: list[MissedScan] = field(default_factory=list)
    unread_repositories: dict[str, str] = field(default_factory=dict)
    """Repositories that could not be read completely, with the reason."""
    stop_reason: str | None = None
    """Why the pass ended early; None for a complete one."""

    @property
    def baselines(self) -> int:
        """The number of missed scans that only set a baseline."""
        return sum(scan.event.quiet for scan in self.missed)


@dataclass(frozen=True, slots=True)
class Watch:
    """Callbacks of a pass: its remaining time, and its progress."""

    seconds_left: Callable[[], float] = lambda: float("inf")
    repository: Callable[[str, int], None] = lambda _name, _images: None
    """Called for each repository, with the number of its images to check."""
    image: Callable[[], None] = lambda: None
    """Called for each of these images."""


@dataclass(frozen=True, slots=True)
class _Pass:
    scope: Scope
    baselines: Baselines
    watch: Watch
    result: PassResult = field(default_factory=PassResult)


class _OutOfTimeError(Exception):
    """No time is left for another image."""


class Reconciliation:
    """Compares the scans in ECR with the evaluated ones, and queues missed scans."""

    def __init__(
        self,
        *,
        registry: ImageRegistry,
        states: StateStore,
        events: ScanEvents,
        now: Callable[[], datetime],
        bookmarks: Bookmarks | None = None,
    ) -> None:
        self._registry = registry
        self._states = states
        self._events = events
        self._now = now
        self._bookmarks = bookmarks

    def run(self, scope: Scope, watch: Watch | None = None) -> PassResult:
        """
        Check every image in scope, from the bookmark on, and return the result.

        A repository that cannot be read is counted and does not stop the pass. Without `bookmarks`
        it starts at the beginning. Raises `StoreError`, and `SourceError` if the repositories
        cannot be listed. No scan is lost then: a bookmark is saved only after all missed scans
        before it are queued.
        """
        baselines = Baselines(self._states.installed_at(), scope.notify)
        current = _Pass(scope, baselines, watch or Watch())
        bookmark = self._bookmarks.bookmark() if self._bookmarks else None
        try:
            for start in self._starts(scope, bookmark):
                self._repository(current, start)
        except (SourceThrottledError, _OutOfTimeError) as stop:
            current.result.stop_reason = str(stop)
            return current.result
        if self._bookmarks is not None:
            self._bookmarks.clear_bookmark()
        return current.result

    def recheck(self, unit: Image | ImageIndex) -> Outcome | None:
        """
        Check an image on request, and queue its scan if it was missed.

        Returns None for a deleted image. Raises `SourceError` and `StoreError`.
        """
        scan = self._last_scan(unit)
        if scan is None:
            return None
        image = image_of(unit)
        state = self._states.images([image]).get(image.key)
        baselines = Baselines(self._states.installed_at(), notify=True)
        outcome = look(unit, scan, state, baselines=baselines, now=self._now())
        if isinstance(outcome, MissedScan):
            self._events.put([scan_found(outcome)])
        return outcome

    def _starts(self, scope: Scope, bookmark: Bookmark | None) -> Iterator[Bookmark]:
        """Yield a starting point for each remaining repository."""
        for name in sorted(self._registry.repositories()):
            if not fnmatchcase(name, scope.repositories) or (
                bookmark and name < bookmark.repository
            ):
                continue
            yield bookmark if bookmark and name == bookmark.repository else Bookmark(name)

    def _repository(self, current: _Pass, start: Bookmark) -> None:
        try:
            self._look_through(current, start)
        except SourceThrottledError:
            raise
        except SourceError as error:
            current.result.unread_repositories[start.repository] = str(error)

    def _look_through(self, current: _Pass, start: Bookmark) -> None:
        try:
            _check_time(current.watch)
            units = self._registry.images(start.repository, since=current.scope.since)
        except (SourceThrottledError, _OutOfTimeError):
            self._save(start)
            raise
        remaining = sorted((unit for unit in units if _order(unit) > _after(start)), key=_order)
        current.watch.repository(start.repository, len(remaining))
        for first in range(0, len(remaining), BATCH):
            self._batch(current, remaining[first : first + BATCH])

    def _batch(self, current: _Pass, units: Sequence[Image | ImageIndex]) -> None:
        """Check a batch. In any case, queue its missed scans and save a bookmark at the end."""
        states = self._states.images([image_of(unit) for unit in units])
        missed: list[MissedScan] = []
        last: Image | None = None
        try:
            for unit in units:
                _check_time(current.watch)
                outcome = self._look(current, unit, states.get(image_of(unit).key))
                if isinstance(outcome, MissedScan):
                    missed.append(outcome)
                last = image_of(unit)
                current.watch.image()
        finally:
            current.result.missed += missed
            if missed and not current.scope.dry_run:
                self._events.put([scan_found(scan) for scan in missed])
            if last is not None:
                self._save(Bookmark(last.repository, last.pushed_at, last.digest))

    def _look(
        self, current: _Pass, unit: Image | ImageIndex, state: ImageState | None
    ) -> Outcome | None:
        """Fetch and judge the last scan of an image; None for an image deleted meanwhile."""
        current.result.images += 1
        scan = self._last_scan(unit)
        if scan is None:
            current.result.deleted += 1
            return None
        outcome = look(unit, scan, state, baselines=current.baselines, now=self._now())
        current.result.pending += isinstance(outcome, PendingScan)
        return outcome

    def _last_scan(self, unit: Image | ImageIndex) -> LastScan | None:
        if isinstance(unit, Image):
            try:
                return self._registry.last_scan(unit)
            except ImageGoneError:
                return None
        members = [replace(unit.image, digest=member.digest, tags=()) for member in unit.members]
        return together(scan for member in members if (scan := self._last_scan(member)) is not None)

    def _save(self, bookmark: Bookmark) -> None:
        if self._bookmarks is not None:
            self._bookmarks.save_bookmark(bookmark)


def _check_time(watch: Watch) -> None:
    if watch.seconds_left() < RESERVE:
        raise _OutOfTimeError("the time is over")


def _order(unit: Image | ImageIndex) -> tuple[datetime, str]:
    image = image_of(unit)
    return (image.pushed_at or _NEVER, image.digest)


def _after(bookmark: Bookmark) -> tuple[datetime, str]:
    return (bookmark.pushed_at or _NEVER, bookmark.digest)
