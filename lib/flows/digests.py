"""
The third flow: what is stored about all streams becomes a digest, which the ledger has sent.

    every hour      -> DigestPipeline    due?  streams, images -> a digest for each destination

A digest is made once: its id comes from the destination and the time that it was due. Then it is a
delivery like any other.
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
from lib.ports.store import DigestStore, History, Ledger, ReportStore, StateStore, Waker

LATE: Final = timedelta(hours=24)
"""A digest that was due longer ago is not made any more."""
_EARLIER: Final = timedelta(days=180)
"""How long before the trend the scan may be that its first moment is told from."""
_ENTRIES: Final = 2000
_SETTLED: Final = timedelta(hours=6)
"""A younger image of which nothing was heard may still be scanned."""


@dataclass(frozen=True, slots=True)
class Made:
    """Which digests a run made, or why it made none."""

    digests: tuple[Digest, ...] = ()
    reason: str = ""


class DigestPipeline:
    """One tick of the clock in; a delivery for each digest that is due."""

    def __init__(
        self,
        *,
        history: History,
        reports: ReportStore,
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

    def run(self, schedule: Schedule) -> Made:
        """Make what is due and was not made yet. Raises `StoreError`; a repeat makes the rest."""
        now = self._now()
        until = schedule.last_due(now)
        if now - until > LATE:
            return Made(reason="nothing is due")
        if until < self._states.installed_at():
            return Made(reason="the first one is due after the installation")
        missing = [each for each in schedule.notify if not self._made(each, until)]
        if not missing:
            return Made(reason="all that is due was made before")
        made = self.make(schedule, missing, until=until)
        self.send(made)
        return Made(made)

    def make(
        self, schedule: Schedule, destinations: Sequence[Destination], *, until: datetime
    ) -> tuple[Digest, ...]:
        """Return the digests of these destinations as of `until`, without sending them."""
        streams: dict[Destination, list[StreamDigest]] = {each: [] for each in destinations}
        routes: dict[Destination, set[str]] = defaultdict(set)
        lost = 0
        moments = schedule.moments(until)
        for stream, head in self._history.heads():
            facts = self._facts(stream, head, moments)
            if facts is None:
                lost += 1
                continue
            for each in destinations:
                source = facts.now.scan.source
                image, parts = facts.now.image, facts.now.parts
                filters = filters_for(each, image, parts, self._routes, source=source)
                if filters:
                    routes[each] |= {filter_.route for filter_ in filters}
                    streams[each].append(stream_digest(facts, filters, moments=moments))
        unscanned, unread = self._unscanned(moments[0], until)
        warnings = [
            *([f"last reports that are not stored any more: {lost:,}"] if lost else []),
            *([f"repositories that could not be looked at: {unread:,}"] if unread else []),
        ]
        return tuple(
            digest(
                streams[each],
                stage=self._stage,
                destination=each,
                routes=sorted(routes[each]),
                schedule=schedule,
                until=until,
                unscanned=[
                    image for image in unscanned if filters_for(each, image.image, (), self._routes)
                ],
                warnings=warnings,
            )
            for each in destinations
        )

    def send(self, digests: Sequence[Digest]) -> None:
        """Store digests and have them delivered; what is in the ledger already is left alone."""
        now = self._now()
        for each in digests:
            row = Delivery(
                id=each.delivery_id,
                destination=each.destination,
                filters=(),
                image_key=f"digest of {each.until:%Y-%m-%d %H:%M}",
                stream=STREAM,
                evaluation_key=self._digests.put(each),
                state=DeliveryState.PENDING,
                created_at=now,
                due_at=now,
            )
            if self._ledger.add(row):
                self._waker.wake([WakeUp(row.id, row.destination, attempts=0)])

    def _made(self, destination: Destination, until: datetime) -> bool:
        return self._ledger.delivery(digest_id(self._stage, destination, until)) is not None

    def _facts(
        self, stream: StreamId, head: StreamHead, moments: Sequence[datetime]
    ) -> StreamFacts | None:
        now = self._reports.known(head.report_key)
        if now is None:
            return None
        history = self._history.entries(stream, since=moments[0] - _EARLIER, limit=_ENTRIES)
        past = [each for each in history if each.usable and each.at <= moments[-2]]
        if not past:
            return StreamFacts(now, None, history)
        key = past[-1].report_key
        before = now if key == head.report_key else self._reports.known(key)
        return StreamFacts(now, before, history, comparable=before is not None)

    def _unscanned(self, since: datetime, until: datetime) -> tuple[list[UnscannedImage], int]:
        """Return images of the trend's time without any result, and how many could not be read."""
        found: list[UnscannedImage] = []
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
            found += self._without_result(images, until)
        return found, unread

    def _without_result(
        self, images: Sequence[Image | ImageIndex], until: datetime
    ) -> Iterator[UnscannedImage]:
        wanted = [image for each in images for image in _all_of(each)]
        states = self._states.images(wanted)
        for each in images:
            known = [states[image.key] for image in _all_of(each) if image.key in states]
            if any(state.report_key is not None for state in known):
                continue
            if known or _settled(each, until):
                yield UnscannedImage(_all_of(each)[0], _why(known, _all_of(each)[0]))


def _all_of(each: Image | ImageIndex) -> tuple[Image, ...]:
    return (each.image, *each.images) if isinstance(each, ImageIndex) else (each,)


def _settled(each: Image | ImageIndex, until: datetime) -> bool:
    pushed_at = _all_of(each)[0].pushed_at
    return pushed_at is not None and pushed_at <= until - _SETTLED


def _why(known: Sequence[ImageState], image: Image) -> str:
    if known:
        return f"no result: {known[0].status}"
    return "; ".join(("never scanned", *(f"not known {doubt}" for doubt in image.doubts)))
