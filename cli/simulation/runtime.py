"""The deployed program of a story: the real flows over stores in memory, and its schedules."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from itertools import count
from typing import Any, Final, Protocol

from cli.simulation.clients import RememberingSource
from cli.simulation.deployments import OwnCoverage, OwnStreams, Sources
from cli.simulation.images import Place
from cli.simulation.memory import MemoryProgress, MemoryRules, MemoryStreams
from cli.simulation.receivers import Receivers
from cli.simulation.registry import Registry
from cli.simulation.rules import understood
from lib.core.attempts import GATHERED as RULES_GATHERED
from lib.core.attempts import wake_up_of
from lib.core.causes import TIME, redrive_of
from lib.core.routing import reaches
from lib.core.sync import SyncRules
from lib.core.worth_notifying import Profile
from lib.flows.image_outcomes import ImageOutcome, ImageResult
from lib.flows.images import ImageFlow
from lib.flows.notifying import NotificationFlow
from lib.flows.outbox import Outbox
from lib.flows.passes import ImagePass
from lib.flows.rules import RulesBook, RulesInForce
from lib.flows.stream_passes import cause_of_rules
from lib.flows.summaries import Summaries
from lib.flows.sync_rules import sync_rules
from lib.flows.syncs import StreamSync
from lib.models import (
    CannotTell,
    Content,
    Destination,
    Digest,
    FindingEvent,
    PushEvent,
    Receipt,
    RemovalEvent,
    ScanEvent,
    StreamId,
    WakeUp,
)
from lib.models.streams import NO_NEWS, TagNews
from lib.models.views import Notification, PinnedMessage, View
from lib.normalizer.events import parse_event
from lib.ports.rules import RulesRecord
from lib.ports.streams import (
    ImageStore,
    NotificationStore,
    Pauses,
    StreamObjects,
    StreamStore,
    WatchedDigests,
)
from lib.sources.registry import EcrRegistry
from lib.sources.repositories import EcrRepositories

Json = Any
GATHERED: Final = timedelta(seconds=90)
"""How long the events about findings of an image are gathered before its report is fetched."""


class StoryCourier:
    """Brings notifications to the receivers of a story, which cannot be asked for one."""

    interval = 0.0
    without_page: Exception | None = None

    def __init__(
        self, receivers: Receivers, now: Callable[[], datetime], *, incidents: bool
    ) -> None:
        self._receivers = receivers
        self._now = now
        self._incidents = incidents

    def dispatched(self, row: Notification, message: PinnedMessage) -> PinnedMessage:  # noqa: ARG002  # the port's
        """Return the message as it is: nothing is asked in a story."""
        return message

    def send(self, row: Notification, message: Content, thread: str | None) -> Receipt:  # noqa: ARG002  # the port's
        """See `Courier.send`."""
        if isinstance(message, Digest):
            return Receipt(str(row.id))
        return self._receivers.send(row, message, self._now(), incidents=self._incidents)

    def ask(self, *_: object) -> CannotTell:
        """See `Courier.ask`."""
        return CannotTell()


class Wakes:
    """Delivers what is woken at once."""

    def __init__(self, deliver: Callable[[WakeUp], None]) -> None:
        self._deliver = deliver

    def wake(self, wake_ups: Iterable[WakeUp]) -> int:
        """See `Waker.wake`."""
        return len([self._deliver(wake_up) for wake_up in wake_ups])

    def revisit(self, event: Mapping[str, Json], *, delay_seconds: int) -> None:
        """See `Waker.revisit`: no message of a story comes back."""


class Events:
    """Handles what a pass queues at once, as if it came from the bus."""

    def __init__(self, handle: Callable[[Mapping[str, Json]], None]) -> None:
        self._handle = handle

    def put(self, events: Iterable[Mapping[str, Json]]) -> None:
        """See `ScanEvents.put`."""
        for event in events:
            self._handle(event)


class Syncs:
    """Syncs what a pass queues at once."""

    def __init__(self, sync: Callable[[Iterable[StreamId], str], None]) -> None:
        self._sync = sync

    def put(self, streams: Iterable[StreamId], cause: str) -> int:
        """See `SyncQueue.put`."""
        queued = tuple(streams)
        self._sync(queued, cause)
        return len(queued)


class Stores(StreamStore, ImageStore, StreamObjects, NotificationStore, Pauses, Protocol):
    """All stores behind one object, and what its schedules ask."""

    def watched(self) -> Iterable[WatchedDigests]:
        """See `StreamListing.watched`."""

    def take_due(self, *, now: datetime) -> Sequence[StreamId]:
        """See `StreamListing.take_due`."""


class Runtime:
    """The deployed program: an event in, syncs and notifications out."""

    def __init__(
        self,
        registry: Registry,
        receivers: Receivers,
        *,
        home: Place,
        now: Callable[[], datetime],
        later: Callable[[timedelta, Callable[[], None]], None],
        store: Stores | None = None,
    ) -> None:
        self._registry = registry
        self._receivers = receivers
        self._home = home
        self._now = now
        self._later = later
        self._record = MemoryRules(now())
        self._rules: SyncRules | None = None
        self._tokens = count(1)
        self._gathering: set[str] = set()
        self._passes: dict[Place, ImagePass] = {}
        self.store: Stores = store or MemoryStreams()
        self._syncs = StreamSync(
            streams=self.store,
            images=self.store,
            objects=self.store,
            rules=lambda: self.rules,
            now=now,
        )
        self._notifications = NotificationFlow(
            streams=self.store,
            objects=self.store,
            rows=self.store,
            pauses=self.store,
            couriers=self._courier,
            plan=self._syncs.plan,
            now=now,
            new_token=lambda: str(next(self._tokens)),
        )

    def _courier(self, destination: Destination) -> StoryCourier:
        profile = self.rules.destinations.get(destination, Profile())
        incidents = not profile.conditions_beside_results
        return StoryCourier(self._receivers, self._now, incidents=incidents)

    @cached_property
    def _images(self) -> ImageFlow:
        return ImageFlow(
            source=Sources(self._registry, self._home),
            images=self.store,
            objects=self.store,
            progress=MemoryProgress(),
            syncs=self._syncs,
            coverage=lambda: OwnCoverage(self._registry, self._home),
            rules=lambda: self.rules.streams,
            now=self._now,
        )

    def _pass_of(self, place: Place) -> ImagePass:
        ecr, answers = self._registry.client_of("ecr", place), self._registry.answers

        def remembering(source: object) -> Any:
            return RememberingSource(source, place, answers)

        return ImagePass(
            registry=remembering(EcrRegistry(ecr)),
            repositories=remembering(EcrRepositories(ecr)),
            coverage=remembering(OwnCoverage(self._registry, place)),
            images=self._images,
            records=self.store,
            streams=self.store,
            listing=OwnStreams(self.store, place),
            rules=lambda: self.rules.streams,
            events=Events(self.event),
            queue=Syncs(self._sync),
            now=self._now,
        )

    @property
    def rules(self) -> SyncRules:
        """The rules in force."""
        if self._rules is None:
            raise LookupError("no rules are deployed")
        return self._rules

    @cached_property
    def _folding(self) -> Summaries:
        return Summaries(
            streams=self.store,
            rows=self.store,
            outbox=Outbox(
                objects=self.store, rows=self.store, waker=Wakes(self._deliver), now=self._now
            ),
            plan=self._syncs.plan,
            rules=lambda: self.rules,
            now=self._now,
        )

    # --- what reaches it -----------------------------------------------------------------------

    def deploy(self, text: str) -> None:
        """Deploy an alerts.yml, and sync every stream. Raises `ConfigError`."""
        config = understood(text, self._now().date())
        own = RulesInForce(_hash(text), tuple(config.destinations), reaches(config.routes))
        book = RulesBook(store=self._record, own=own, now=self._now)
        self._rules = sync_rules(config, book.record())
        book.follow(self._queue_all)

    def _queue_all(self, _: RulesRecord) -> bool:
        self._sync_all(cause_of_rules(self.store.streams()))
        self._later(RULES_GATHERED, self._fold)
        return True

    def event(self, raw: Mapping[str, Json]) -> None:
        """Handle an event of the bus."""
        event = parse_event(raw)
        match event:
            case ScanEvent():
                self._follow(self._images.scanned(event), "scan", raw)
            case PushEvent():
                self._follow(self._images.pushed(event), "push", raw)
            case RemovalEvent():
                self._follow(self._images.removed(event), event.removal.value, raw)
            case FindingEvent():
                self._gather(event)
            case _:
                pass

    def hourly(self) -> None:
        """Look at every watched image, and at those of the last day, in each deployment."""
        for place in self._registry.deployments:
            if place not in self._passes:
                self._passes[place] = self._pass_of(place)
            self._passes[place].run()

    def daily(self) -> None:
        """Sync every stream."""
        self._sync_all("daily")

    def redrive(self) -> None:
        """Send dead notifications again, as they are now."""
        for row in self.store.dead():
            self._sync((row.stream,), redrive_of(row.destination))

    # --- what it does --------------------------------------------------------------------------

    def _gather(self, event: FindingEvent) -> None:
        key = event.report.image.key
        if key in self._gathering:
            return
        self._gathering.add(key)

        def refetch() -> None:
            self._gathering.discard(key)
            self._follow(self._images.finding(event), "finding", None)

        self._later(GATHERED, refetch)

    def _follow(self, outcome: ImageOutcome, cause: str, raw: Mapping[str, Json] | None) -> None:
        if outcome.result is ImageResult.DEFERRED and raw is not None and outcome.revisit:
            self._later(outcome.revisit, lambda: self.event(raw))
        self._sync(outcome.streams, cause, outcome.news)

    def _sync_all(self, cause: str) -> None:
        self._sync(self.store.streams(), cause)

    def _sync(self, streams: Iterable[StreamId], cause: str, news: TagNews = NO_NEWS) -> None:
        for stream in streams:
            outcome = self._syncs.sync(stream, cause, news)
            self._sync(outcome.concerned, cause)
            for image in outcome.stale:
                self._follow(
                    self._images.refetch(image, f"stale-{cause}", self._now()), cause, None
                )
            self._sync_at(stream, outcome.watch.due_at)
            for row in outcome.woken:
                self._deliver(wake_up_of(row))
        self._deliver_due()

    def _fold(self) -> None:
        """Let one summary speak for many streams that alerts.yml changed."""
        self._folding.run()
        self._deliver_due()

    def _sync_at(self, stream: StreamId, due_at: datetime | None) -> None:
        """Sync a stream again when time alone changes which images count."""
        if due_at is not None:
            self._later(due_at - self._now(), lambda: self._sync((stream,), TIME))

    def _deliver_due(self) -> None:
        """Send what nothing else wakes: quiet updates."""
        for wake_up in tuple(self.store.due(now=self._now())):
            self._deliver(wake_up)

    def _deliver(self, wake_up: WakeUp) -> None:
        outcome = self._notifications.deliver(wake_up)
        if outcome.following is not None:
            self._deliver(wake_up_of(outcome.following))
        row = self.store.notification(wake_up.id)
        due_at = row.due_at if row is not None else None
        if due_at is not None and due_at > self._now():
            self._later(due_at - self._now(), lambda: self._deliver(wake_up))

    # --- what it shows -------------------------------------------------------------------------

    def views(self) -> Mapping[Destination, Mapping[StreamId, View]]:
        """Return all views, by destination and stream."""
        views: dict[Destination, dict[StreamId, View]] = {}
        for stream in self.store.streams():
            for name, view in self.store.read(stream).views.items():
                views.setdefault(name, {})[stream] = view
        return views


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
