"""
The flow of digests: stored data about all streams becomes digests, which are deliveries.

    every hour      -> DigestPipeline    due?  streams, images -> a digest for each destination

The id of a digest is derived from its destination and due time, so it is created once. The ledger
sends it like any other delivery.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from lib.core.digest import (
    STREAM,
    Schedule,
    StreamDigest,
    StreamFacts,
    digest,
    digest_id,
    stream_digest,
)
from lib.core.routing import Route, filters_for
from lib.errors import SourceError
from lib.models import (
    Delivery,
    DeliveryState,
    Destination,
    Digest,
    Image,
    ImageIndex,
    ImageState,
    StreamHead,
    StreamId,
    UnscannedImage,
    WakeUp,
)
from lib.ports.sources import ImageRegistry
from lib.ports.store import DigestStore, EvaluationStore, History, Ledger, StateStore, Waker

LATE: Final = timedelta(hours=24)
"""A digest that is overdue for longer is skipped."""
_EARLIER: Final = timedelta(days=180)
"""Maximum age, before the trend, of the evaluation that the trend starts from."""
_ENTRIES: Final = 2000
_SETTLED: Final = timedelta(hours=6)
"""Younger images without an event may still be scanned."""


@dataclass(frozen=True, slots=True)
class DigestRun:
    """The digests that a run created, or the reason why it created none."""

    digests: tuple[Digest, ...] = ()
    reason: str = ""


class DigestPipeline:
    """Creates the digests that are due, and a delivery for each."""

    def __init__(
        self,
        *,
        history: History,
        reports: EvaluationStore,
        states: StateStore,
        registry: ImageRegistry,
        digests: DigestStore,
        ledger: Ledger,
        waker: Waker,
        routes: Sequence[Route],
        now: Callable[[], datetime],
        stage: str = "",
    ) -> None:
        self._stage = stage
        self._history = history
        self._reports = reports
        self._states = states
        self._registry = registry
        self._digests = digests
        self._ledger = ledger
        self._waker = waker
        self._routes = routes
        self._now = now

    def run(self, schedule: Schedule) -> DigestRun:
        """Create the due digests that are missing, and queue them. Raises `StoreError`."""
        now = self._now()
        until = schedule.last_due(now)
        if now - until > LATE:
            return DigestRun(reason="nothing is due")
        if until < self._states.installed_at():
            return DigestRun(reason="the first one is due after the installation")
        missing = [
            destination for destination in schedule.notify if not self._exists(destination, until)
        ]
        if not missing:
            return DigestRun(reason="all due digests exist")
        digests = self.create(schedule, missing, until=until)
        self.send(digests)
        return DigestRun(digests)

    def create(
        self, schedule: Schedule, destinations: Sequence[Destination], *, until: datetime
    ) -> tuple[Digest, ...]:
        """Return the digests of these destinations as of `until`, without sending them."""
        streams: dict[Destination, list[StreamDigest]] = {
            destination: [] for destination in destinations
        }
        routes: dict[Destination, set[str]] = defaultdict(set)
        missing_reports = 0
        moments = schedule.moments(until)
        for stream, head in self._history.heads():
            facts = self._facts(stream, head, moments)
            if facts is None:
                missing_reports += 1
                continue
            for destination in destinations:
                source = facts.now.scan.source
                image, parts = facts.now.image, facts.now.parts
                filters = filters_for(destination, image, parts, self._routes, source=source)
                if filters:
                    routes[destination] |= {filter_.route for filter_ in filters}
                    streams[destination].append(stream_digest(facts, filters, moments=moments))
        unscanned, unread_repositories = self._unscanned(moments[0], until)
        warnings = [
            *(
                [f"last reports that are not stored any more: {missing_reports:,}"]
                if missing_reports
                else []
            ),
            *(
                [f"repositories that could not be looked at: {unread_repositories:,}"]
                if unread_repositories
                else []
            ),
        ]
        return tuple(
            digest(
                streams[destination],
                stage=self._stage,
                destination=destination,
                routes=sorted(routes[destination]),
                schedule=schedule,
                until=until,
                unscanned=[
                    image
                    for image in unscanned
                    if filters_for(destination, image.image, (), self._routes)
                ],
                warnings=warnings,
            )
            for destination in destinations
        )

    def send(self, digests: Sequence[Digest]) -> None:
        """Store digests and queue their deliveries. Existing deliveries are left alone."""
        now = self._now()
        for digest_ in digests:
            row = Delivery(
                id=digest_.delivery_id,
                destination=digest_.destination,
                filters=(),
                image_key=f"digest of {digest_.until:%Y-%m-%d %H:%M}",
                stream=STREAM,
                evaluation_key=self._digests.put(digest_),
                state=DeliveryState.PENDING,
                created_at=now,
                due_at=now,
            )
            if self._ledger.add(row):
                self._waker.wake([WakeUp(row.id, row.destination, attempts=0)])

    def _exists(self, destination: Destination, until: datetime) -> bool:
        return self._ledger.delivery(digest_id(self._stage, destination, until)) is not None

    def _facts(
        self, stream: StreamId, head: StreamHead, moments: Sequence[datetime]
    ) -> StreamFacts | None:
        now = self._reports.baseline(head.report_key)
        if now is None:
            return None
        history = self._history.entries(stream, since=moments[0] - _EARLIER, limit=_ENTRIES)
        past = [entry for entry in history if entry.usable and entry.at <= moments[-2]]
        if not past:
            return StreamFacts(now, None, history)
        key = past[-1].report_key
        before = now if key == head.report_key else self._reports.baseline(key)
        return StreamFacts(now, before, history, comparable=before is not None)

    def _unscanned(self, since: datetime, until: datetime) -> tuple[list[UnscannedImage], int]:
        """Return the trend's images without a result, and the number of unread repositories."""
        images_without_result: list[UnscannedImage] = []
        unread = 0
        try:
            repositories = self._registry.repositories()
        except SourceError:
            return [], 1
        for repository in repositories:
            try:
                images = self._registry.images(repository, since=since)
            except SourceError:
                unread += 1
                continue
            images_without_result += self._without_result(images, until)
        return images_without_result, unread

    def _without_result(
        self, images: Sequence[Image | ImageIndex], until: datetime
    ) -> Iterator[UnscannedImage]:
        all_images = [image for unit in images for image in _all_of(unit)]
        states = self._states.images(all_images)
        for unit in images:
            states_of_unit = [states[image.key] for image in _all_of(unit) if image.key in states]
            if any(state.report_key is not None for state in states_of_unit):
                continue
            if states_of_unit or _settled(unit, until):
                yield UnscannedImage(_all_of(unit)[0], _why(states_of_unit, _all_of(unit)[0]))


def _all_of(unit: Image | ImageIndex) -> tuple[Image, ...]:
    return (unit.image, *unit.images) if isinstance(unit, ImageIndex) else (unit,)


def _settled(unit: Image | ImageIndex, until: datetime) -> bool:
    pushed_at = _all_of(unit)[0].pushed_at
    return pushed_at is not None and pushed_at <= until - _SETTLED


def _why(states: Sequence[ImageState], image: Image) -> str:
    if states:
        return f"no result: {states[0].status}"
    return "; ".join(("never scanned", *(f"not known {doubt}" for doubt in image.doubts)))
