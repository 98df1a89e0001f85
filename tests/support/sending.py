"""The flow of notifications over stores in memory, with a stream whose findings a test sets."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from cli.simulation.memory import MemoryStreams
from lib.core.attempts import wake_up_of
from lib.core.causes import redrive_of
from lib.core.states import next_state
from lib.core.sync import SyncRules, ViewPlan, plan_view, sync_view, wakes
from lib.core.worth_notifying import Profile
from lib.errors import ConfigError, PermanentDeliveryError
from lib.flows.attempt import NotificationOutcome
from lib.flows.couriers import Courier, NotifierCourier
from lib.flows.notifying import NotificationFlow
from lib.flows.outbox import Outbox
from lib.flows.waking import wake_due
from lib.models import Destination, Finding, Notice, Page, WakeUp
from lib.models.streams import Arrival, ScanRecord, StreamState, Watch
from lib.models.views import Notification, PinnedMessage, RowState, View
from lib.ports.streams import StreamPartition, StreamRow, ViewWrite
from tests.support.builders import NOW, a_finding, a_report, an_image
from tests.support.fakes import Clock, RecordingWaker, RotatedSecrets, ScriptedNotifier
from tests.support.streams import STREAM, TEAM, a_route, some_rules

REVOKED = PermanentDeliveryError("403 invalid_token", broken=True)
FALLBACK = Destination("operators")
OLD, NEW = a_finding("CVE-2024-0001"), a_finding("CVE-2024-0002", severity="CRITICAL")
IMAGE = an_image(platform="linux/amd64")


@dataclass
class ScriptedLinks:
    """Addresses of report pages; raises the error, when there is one."""

    error: Exception | None = None

    def page(self, pinned_key: str) -> Page:
        """See `lib.ports.store.PageLinks`."""
        if self.error is not None:
            raise self.error
        return Page(f"pages/{pinned_key}", f"https://links.example/pages/{pinned_key}")


class Sending:
    """A stream, its destinations, and the flow that notifies them."""

    def __init__(
        self, *names: Destination, profile: Profile | None = None, stage: str = ""
    ) -> None:
        self.clock = Clock(NOW)
        self.store = MemoryStreams()
        self.waker = RecordingWaker()
        self.notifier: Any = ScriptedNotifier()
        self.secrets = RotatedSecrets()
        self.pages: Any = ScriptedLinks()
        self.completions: tuple[Callable[[Notice], Notice], ...] = ()
        self.tokens = iter(range(10_000))
        self.state: StreamState | None = None
        names = names or (TEAM,)
        self.destinations = dict.fromkeys((*names, FALLBACK), profile or Profile())
        self.rules = SyncRules(
            some_rules(a_route(to=names)), (), self.destinations, NOW.replace(year=2020)
        )
        self.flow = NotificationFlow(
            streams=self.store,
            objects=self.store,
            rows=self.store,
            pauses=self.store,
            couriers=self.courier,
            plan=self.plan,
            now=self.clock,
            new_token=lambda: f"token-{next(self.tokens)}",
            fallback=FALLBACK,
            stage=stage,
        )
        self.outbox = Outbox(objects=self.store, rows=self.store, waker=self.waker, now=self.clock)

    def courier(self, destination: Destination) -> Courier:
        """Return a courier of the scripted notifier."""
        if destination not in self.destinations:
            raise ConfigError(f"Destination {destination!r} is not in alerts.yml (any more)")
        return NotifierCourier(
            self.notifier,
            secrets=self.secrets,
            now=self.clock,
            pages=self.pages,
            completions=self.completions,
        )

    def plan(self, partition: StreamPartition, view: View) -> ViewPlan | None:
        """Return what a view should become by the stream's state; None: it has none."""
        key = partition.row.state_key
        state = self.store.state(key) if key is not None else None
        if state is None:
            return None
        return plan_view(view, state, self.rules, cause="claim", now=self.clock())

    def find(self, *findings: Finding, redrive: bool = False) -> None:
        """Let the stream's image have these findings, sync its views, and wake what is loud."""
        now = self.clock()
        record = ScanRecord(a_report(*findings, image=IMAGE), now)
        watch = Watch(IMAGE, (), current_runs=False, arrival=Arrival.SCAN, reason="")
        records = {IMAGE.digest: replace(record, usable=record.last, usable_at=now)}
        self.state = next_state(STREAM, self.state, watch, records, now=now)
        partition = self.store.read(STREAM)
        synced = []
        for name in self.destinations:
            stored = partition.views.get(name)
            cause = redrive_of(name) if redrive else "scan"
            plan = plan_view(
                stored or View(name, STREAM), self.state, self.rules, cause=cause, now=now
            )
            view = sync_view(stored, partition.notifications.get(name), plan, self.rules)
            synced += [view] if view is not None else []
        after = replace(
            partition.row, state_key=self.store.put_state(self.state),
            state_version=self.state.version,
        )  # fmt: skip
        self.store.write(
            partition.row,
            after,
            [ViewWrite(v.step.view, v.before, v.step.row, v.row_before) for v in synced],
        )
        self.waker.wake(map(wake_up_of, wakes(synced)))

    def forget(self) -> None:
        """Let nothing be known about the stream any more."""
        row = self.store.read(STREAM).row
        self.store.write(row, StreamRow(STREAM), ())

    def see(self) -> None:
        """Let a sync see something newer while the team's row is open."""
        row = self.row
        assert row.seen is not None
        newer = replace(row, seen=row.seen._replace(version=row.seen.version + 1))
        self.store._notifications[row.id] = newer  # noqa: SLF001  # whatever its state

    def steal(self) -> None:
        """Let another worker take the team's row."""
        stolen = replace(self.row, token="thief")
        self.store._notifications[stolen.id] = stolen  # noqa: SLF001  # whatever its state

    def interrupt(self, method: str, *actions: Callable[[], Any]) -> None:
        """Do something before each of the next calls of a store's method."""
        real, left = getattr(self.store, method), iter(actions)

        def interrupted(*args: Any, **options: Any) -> Any:
            next(left, lambda: None)()
            return real(*args, **options)

        setattr(self.store, method, interrupted)

    def lose_objects(self) -> None:
        """Let the retention of all objects be over."""
        self.store._objects.clear()  # noqa: SLF001  # for tests alone

    def deliver(self) -> list[NotificationOutcome]:
        """Attempt what was woken, and what follows."""
        outcomes = []
        while self.waker.woken:
            outcome = self.flow.deliver(self.waker.woken.pop(0))
            outcomes.append(outcome)
            if outcome.following is not None:
                self.waker.wake([wake_up_of(outcome.following)])
        return outcomes

    def later(self, **delta: float) -> list[NotificationOutcome]:
        """Let time pass, and the sweep wake what is due."""
        self.clock.forward(**delta)
        self.sweep()
        return self.deliver()

    def sweep(self) -> int:
        """Wake what is due."""
        return wake_due(self.store, self.waker, now=self.clock(), has_pace=lambda _: False)

    @property
    def row(self) -> Notification:
        """The team's newest notification."""
        return self.rows[TEAM]

    @property
    def rows(self) -> Mapping[Destination, Notification]:
        """The newest notification of each view."""
        return self.store.read(STREAM).notifications

    @property
    def view(self) -> View:
        """The team's view."""
        return self.store.read(STREAM).views[TEAM]

    @property
    def all_rows(self) -> list[Notification]:
        """Every row."""
        return list(self.store._notifications.values())  # noqa: SLF001  # for tests alone

    @property
    def states(self) -> list[RowState]:
        """The states of all rows."""
        return [row.state for row in self.all_rows]

    @property
    def notices(self) -> list[Notification]:
        """The rows for the fallback."""
        return [row for row in self.all_rows if row.note is not None]

    def kinds(self, number: int = -1) -> dict[str, list[str]]:
        """Return what a message that was accepted says, by kind."""
        payload = self.notifier.accepted[number]
        message = (payload.get("alert") or payload["plain"]).message
        assert isinstance(message, PinnedMessage)
        kinds: dict[str, list[str]] = {}
        for item in message.delta.items:
            kinds.setdefault(item.kind.value, []).append(item.item.id)
        return kinds


def wake(row: Notification, *, at: datetime | None = None) -> WakeUp:
    """Return a wake-up for a row."""
    return replace(wake_up_of(row), turn=str(at or ""))


def attempt(*errors: Exception, names: tuple[Destination, ...] = ()) -> tuple[Sending, Any]:
    """Return a world after the first attempt, which failed with the first error."""
    world = Sending(*names)
    world.notifier.errors = list(errors)
    world.find(OLD)
    return world, world.deliver()[0]
