"""
The hourly pass over all images: what no event says is found by looking.

    repositories -> coverage and list of each -> records
        tags that changed, images that run    -> are kept as facts -> streams to be synced
        reports that are behind               -> events in the queue of scan events

Images are asked about one by one only where coverage says nothing of them. A pass stops when its
time is over or AWS throttles it; the next one goes on there.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from itertools import islice
from typing import Final, NamedTuple, cast

from lib.core.causes import HOURLY
from lib.core.overdue import RECENT, PresentImage, must_ask, new_result, reason_to_fetch, together
from lib.core.streams import StreamRule, repository_image
from lib.errors import ImageGoneError, RepositoryGoneError, SourceError, SourceThrottledError
from lib.flows.image_records import with_coverage
from lib.flows.images import ImageFlow
from lib.flows.looks import Candidate, Lookout, RepositoryFacts, RepositoryLook
from lib.models import Image, ImageIndex, LastScan, ScanProgress, StreamId
from lib.models.streams import CoveredImage
from lib.ports.passes import Place, Places
from lib.ports.queues import ScanEvents, SyncQueue
from lib.ports.sources import Coverage, ImageRegistry, RepositorySource
from lib.ports.streams import ImageStore, StreamListing, StreamStore
from lib.wire.own_events import image_check

GROUP: Final = 10
"""Repositories whose coverage is asked for at once."""
_END: Final = "~"
"""Comes after all digests of a repository."""

HasTime = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Scope:
    """The images that a pass looks at."""

    since: timedelta = RECENT
    """Images that were pushed since are looked at, whether they are watched or not."""
    repositories: str = "*"


class ToFetch(NamedTuple):
    """An image whose report has to be fetched, and the reason."""

    image: Image
    reason: str


@dataclass(slots=True)
class PassResult:
    """The counts of a pass, and what it found."""

    repositories: int = 0
    images: int = 0
    asked: int = 0
    """Images that were asked about one by one."""
    to_fetch: list[ToFetch] = field(default_factory=list)
    streams: dict[StreamId, None] = field(default_factory=dict)
    """Streams whose watched images may be others now."""
    unread: dict[str, str] = field(default_factory=dict)
    """Images and repositories that could not be read, with the reason: they hide no other."""
    without_coverage: str | None = None
    """Why Inspector's coverage was not read."""
    stop_reason: str | None = None
    """Why the pass ended early; None: it is complete."""


@dataclass(slots=True)
class _WatchedRepository:
    """The watched images of a repository."""

    image: Image
    """The repository."""
    digests: set[str] = field(default_factory=set)
    streams: list[StreamId] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class CheckedImage:
    """An image that was looked at on request."""

    behind: bool
    """Its last scan is not stored yet, so its report was queued to be fetched."""
    reason: str


class _OutOfTimeError(Exception):
    """No time is left for another question."""


class ImagePass:
    """Looks at all images of the registry."""

    def __init__(
        self,
        *,
        registry: ImageRegistry,
        repositories: RepositorySource,
        coverage: Coverage,
        images: ImageFlow,
        records: ImageStore,
        streams: StreamStore,
        listing: StreamListing,
        rules: Callable[[], Sequence[StreamRule]],
        events: ScanEvents,
        queue: SyncQueue,
        now: Callable[[], datetime],
        places: Places | None = None,
    ) -> None:
        self._registry = registry
        self._repositories = repositories
        self._coverage = coverage
        self._images = images
        self._records = records
        self._streams = streams
        self._listing = listing
        self._events = events
        self._queue = queue
        self._now = now
        self._places = places
        self._lookout = Lookout(registry=registry, records=records, rules=rules, now=now)

    def run(self, scope: Scope | None = None, *, has_time: HasTime = lambda: True) -> PassResult:
        """
        Look at every repository in scope, from the place on where the last run stopped.

        Without `places` it begins at the first one. Raises `StoreError`, and `SourceError` where
        the repositories cannot be listed. Nothing is lost then: a place is kept only after
        everything before it is queued.
        """
        scope, result, after = scope or Scope(), PassResult(), self._after()
        watched = self._watched()
        try:
            for group in self._groups(scope, watched, after):
                covered = self._covered(group, result)
                for repository in group:
                    _check(has_time)
                    own = watched.get(repository.key) or _WatchedRepository(repository)
                    facts = RepositoryFacts(frozenset(own.digests), covered.get(repository.key, {}))
                    result.repositories += 1
                    self._look_at(own, facts, scope, result, after=after, has_time=has_time)
        except (_OutOfTimeError, SourceThrottledError) as stop:
            result.stop_reason = str(stop)
        else:
            self._keep_place(None)
        return result

    def check(self, unit: Image | ImageIndex) -> CheckedImage | None:
        """
        Look at one image, and queue its report where it is behind.

        Returns None for a deleted image. Raises `SourceError` and `StoreError`.
        """
        index = unit if isinstance(unit, ImageIndex) else None
        image = index.image if index is not None else cast("Image", unit)
        record = self._records.records([image]).get(image.key)
        try:
            scan = self._last_scan(Candidate(PresentImage(image), record, index))
        except ImageGoneError:
            return None
        if scan is None or scan.progress in (ScanProgress.NONE, ScanProgress.RUNNING):
            status = scan.status if scan is not None else "no part of it"
            return CheckedImage(behind=False, reason=f"no result yet: {status}")
        reason = "nothing is known of it" if record is None else new_result(scan, record)
        if reason is None:
            return CheckedImage(behind=False, reason=f"stored: {scan.status}")
        self._queue_found([ToFetch(image, reason)], ())
        return CheckedImage(behind=True, reason=reason)

    # --- repositories --------------------------------------------------------------------------

    def _watched(self) -> Mapping[str, _WatchedRepository]:
        """Return what is watched, by the keys of repositories."""
        watched: dict[str, _WatchedRepository] = {}
        for stream, digests in self._listing.watched():
            repository = repository_image(stream)
            own = watched.setdefault(repository.key, _WatchedRepository(repository))
            own.digests.update(digests)
            own.streams.append(stream)
        return watched

    def _groups(
        self, scope: Scope, watched: Mapping[str, _WatchedRepository], after: str
    ) -> Iterator[Sequence[Image]]:
        """Yield the repositories that are left: those that are there, and those of streams."""
        there = {key: own.image for key, own in watched.items()}
        there |= {image.key: image for image in self._repositories.repositories()}
        left = iter(
            [
                image
                for image in sorted(there.values(), key=_end_of)
                if _end_of(image) > after and fnmatchcase(image.repository, scope.repositories)
            ]
        )
        while group := tuple(islice(left, GROUP)):
            yield group

    def _covered(
        self, group: Sequence[Image], result: PassResult
    ) -> Mapping[str, Mapping[str, CoveredImage]]:
        """Return what Inspector says of the images of some repositories, by their keys."""
        covered: defaultdict[str, dict[str, CoveredImage]] = defaultdict(dict)
        try:
            for row in self._coverage.covered_in([image.repository for image in group]):
                covered[_repository(row.image).key][row.image.digest] = row
        except SourceError as error:
            result.without_coverage = str(error)
        return covered

    def _look_at(
        self,
        own: _WatchedRepository,
        facts: RepositoryFacts,
        scope: Scope,
        result: PassResult,
        *,
        after: str,
        has_time: HasTime,
    ) -> None:
        """Look at a repository. Whatever was found is queued, also where the look is cut short."""
        fetched, place = len(result.to_fetch), max(after, f"{own.image.key}@")
        before = dict(result.streams)
        try:
            look = self._lookout.look(own.image, facts, since=scope.since)
            result.images += look.listed
            result.to_fetch += [ToFetch(image, "watched, and not listed") for image in look.missing]
            for candidate in look.candidates:
                if candidate.present.image.key > after:
                    self._judge(candidate, look, result, has_time)
                    place = candidate.present.image.key
            place = _end_of(own.image)
        except RepositoryGoneError:
            self._gone(own, result)
            place = _end_of(own.image)
        except SourceThrottledError:
            raise
        except SourceError as error:
            result.unread[own.image.repository] = str(error)
            place = _end_of(own.image)
        finally:
            self._queue_found(result.to_fetch[fetched:], result.streams.keys() - before.keys())
            self._keep_place(place)

    def _gone(self, own: _WatchedRepository, result: PassResult) -> None:
        """
        Keep that all images of a repository are gone.

        Else an older one, which nobody looks at, would become current and prove that all is fixed.
        """
        for stream in own.streams:
            digests = {tag.digest for tag in self._streams.read(stream).row.tags}
            images = [replace(own.image, digest=digest) for digest in sorted(digests)]
            for record in self._records.records(images).values():
                if record.row.gone_at is None:
                    result.streams |= dict.fromkeys(self._images.gone(record.row.image).streams)

    # --- one image -----------------------------------------------------------------------------

    def _judge(
        self, candidate: Candidate, look: RepositoryLook, result: PassResult, has_time: HasTime
    ) -> None:
        present, record = candidate.present, candidate.record
        image, now = present.image, self._now()
        reason = reason_to_fetch(present, record, now)
        if reason is None and record is not None and must_ask(present, record):
            _check(has_time)
            result.asked += 1
            try:
                scan = self._last_scan(candidate)
            except ImageGoneError as error:
                reason = str(error)
            except SourceThrottledError:
                raise
            except SourceError as error:
                result.unread[image.name] = str(error)
            else:
                reason = new_result(scan, record) if scan is not None else None
        if reason is not None:
            result.to_fetch.append(ToFetch(image, reason))
        # What begins to run counts from then on: with the report that it has, if that is fetched.
        if reason is None or present.watched:
            result.streams |= dict.fromkeys(self._facts(candidate, look))

    def _last_scan(self, candidate: Candidate) -> LastScan | None:
        """
        Return the last scan of an image, or of the parts of an index; None: there is none.

        Raises `ImageGoneError`, for an index only where none of its parts exists.
        """
        if candidate.index is None:
            return self._registry.last_scan(candidate.present.image)
        scans: list[LastScan] = []
        missing: ImageGoneError | None = None
        for part in candidate.index.images:
            try:
                scans.append(self._registry.last_scan(part))
            except ImageGoneError as error:
                missing = error
        if missing is not None and not scans:
            raise missing
        return together(scans)

    def _facts(self, candidate: Candidate, look: RepositoryLook) -> Iterator[StreamId]:
        """Keep what list and coverage say of a known image; yield the streams that it concerns."""
        present, record = candidate.present, candidate.record
        if record is None:
            return
        if set(present.image.tags) != set(record.row.image.tags):
            yield from self._images.listed(present.image, look.at).streams
        if with_coverage(record, present.covered, look.at) != record:
            yield from self._images.covered(present.image, present.covered).streams

    # --- what follows --------------------------------------------------------------------------

    def _queue_found(self, to_fetch: Sequence[ToFetch], streams: Iterable[StreamId]) -> None:
        now = self._now()
        if to_fetch:
            self._events.put([image_check(image, now, reason) for image, reason in to_fetch])
        if streams:
            self._queue.put(sorted(streams), HOURLY)

    def _after(self) -> str:
        place = self._places.place(HOURLY) if self._places is not None else None
        return (place.after or "") if place is not None else ""

    def _keep_place(self, after: str | None) -> None:
        if self._places is not None:
            self._places.put_place(HOURLY, Place(HOURLY, after, complete=after is None))


def _check(has_time: HasTime) -> None:
    if not has_time():
        raise _OutOfTimeError("the time is over")


def _repository(image: Image) -> Image:
    return replace(image, digest="", tags=())


def _end_of(repository: Image) -> str:
    """Return what comes after the keys of a repository's images, and before the next one's."""
    return f"{repository.key}@{_END}"
