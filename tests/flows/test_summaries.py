"""Summaries: of what a changed alerts.yml brings about, and for destinations that were added."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from cli.simulation.memory import MemoryStreams
from lib.core.attempts import GATHERED
from lib.core.causes import RULES_OF_MANY
from lib.core.current import current_copy
from lib.core.states import next_state
from lib.core.sync import SyncRules, ViewPlan, plan_view, sync_view
from lib.core.verdicts import RuleSet
from lib.core.worth_notifying import Profile, profile_of
from lib.errors import ConflictError
from lib.flows.digests import DigestFlow
from lib.flows.outbox import Outbox
from lib.flows.summaries import SETTLED, Summaries, Welcomes
from lib.models import Destination, Digest, Image, Severity, StreamId
from lib.models.streams import Arrival, ScanRecord, StreamState, Watch
from lib.models.views import Notification, Purpose, RowState, View
from lib.ports.streams import StreamPartition, ViewWrite
from tests.support.builders import NOW, a_finding, a_report, an_image
from tests.support.current import MemoryBases, MemoryCopies
from tests.support.fakes import Clock, RecordingWaker
from tests.support.streams import TEAM, a_route

OTHER = Destination("other")
HIGH, LOW = a_finding("CVE-1", severity="HIGH"), a_finding("CVE-2", severity="LOW")
INSTALLED = NOW - timedelta(days=30)


def stream(number: int) -> StreamId:
    """Return one of many streams."""
    return StreamId(f"000474600478/eu-central-1/app-{number}")


def image_of(number: int) -> Image:
    """Return the image of one of many streams."""
    return replace(an_image(number + 1, platform="linux/amd64"), repository=f"app-{number}")


class World:
    """Many streams, each with a HIGH and a LOW vulnerability, and rules that change."""

    def __init__(self, count: int, profile: Profile | None = None) -> None:
        self.count = count
        self.clock = Clock(NOW)
        self.store = MemoryStreams()
        self.waker = RecordingWaker()
        self.states: dict[StreamId, StreamState] = {}
        self.profile = profile or Profile()
        self.rules = self.of(Severity.HIGH, "first")
        self.outbox = Outbox(objects=self.store, rows=self.store, waker=self.waker, now=self.clock)
        self.summing = Summaries(
            streams=self.store,
            rows=self.store,
            outbox=self.outbox,
            plan=self.plan,
            rules=lambda: self.rules,
            now=self.clock,
        )
        for number in range(count):
            self.sync(number, "scan")
        self.settle()

    def of(self, severity: Severity, hash_: str) -> SyncRules:
        """Return rules that ask for this severity."""
        rules = RuleSet((a_route(severity=severity),), (), hash_)
        return SyncRules(rules, (), {TEAM: self.profile}, INSTALLED)

    def plan(self, partition: StreamPartition, view: View) -> ViewPlan | None:
        """Return what a view should become."""
        state = self.states.get(partition.row.stream)
        if state is None:
            return None
        return plan_view(view, state, self.rules, cause="claim", now=self.clock())

    def sync(self, number: int, cause: str, *more: Any) -> Notification | None:
        """Sync the team's view of a stream, and return the row that is written."""
        name, now = stream(number), self.clock()
        report = a_report(HIGH, LOW, *more, image=image_of(number))
        record = ScanRecord(report, now, usable=report, usable_at=now)
        watch = Watch(report.image, (), current_runs=False, arrival=Arrival.SCAN, reason="")
        before = self.states.get(name)
        records = {report.image.digest: record}
        state = self.states[name] = next_state(name, before, watch, records, now=now)
        partition = self.store.read(name)
        stored, row = partition.views.get(TEAM), partition.notifications.get(TEAM)
        view = stored or View(TEAM, name)
        plan = plan_view(view, state, self.rules, cause=cause, now=now)
        synced = sync_view(stored, row, plan, self.rules)
        if synced is None:
            return None
        after = replace(partition.row, state_version=state.version)
        step = synced.step
        self.store.write(partition.row, after, [ViewWrite(step.view, stored, step.row, row)])
        return step.row

    def settle(self) -> None:
        """Let every open row be sent."""
        for row in self.store.unsent():
            view = self.store.read(row.stream).views[TEAM]
            plan = plan_view(
                view, self.states[row.stream], self.rules, cause="claim", now=self.clock()
            )
            sent = replace(
                view, row=None, version=1, reported=plan.delta.after,
                agreement=plan.delta.agreement,
            )  # fmt: skip
            after = replace(row, state=RowState.SENT, due_at=None)
            self.store.close(row, after, view_before=view, view=sent)

    def lower(self, cause: str = RULES_OF_MANY) -> None:
        """Let the rules ask for LOW, too, and sync every stream."""
        self.clock.forward(hours=1)
        self.rules = self.of(Severity.LOW, "second")
        for number in range(self.count):
            self.sync(number, cause)

    @property
    def waiting(self) -> int:
        """How many rows wait for others."""
        return len(self.store.gathering())

    @property
    def summaries(self) -> list[Notification]:
        """The rows of summaries."""
        rows = self.store._notifications.values()  # noqa: SLF001  # for tests alone
        return [row for row in rows if row.purpose is Purpose.SUMMARY]

    def digest(self) -> Digest:
        """Return the only summary."""
        (row,) = self.summaries
        assert row.pin is not None
        message = self.store.pinned(row.pin.key)
        assert isinstance(message, Digest)
        return message


def test_a_change_of_alerts_yml_in_many_streams_is_one_summary() -> None:
    """Their rows are folded into it, and what they would have said is reported."""
    world = World(12)
    world.lower()
    assert world.waiting == 12
    assert world.summing.run() == 0

    world.clock.forward(seconds=GATHERED.total_seconds())
    assert world.summing.run() == 12
    assert world.summing.run() == 0

    digest = world.digest()
    assert (digest.images, digest.counts) == (12, {Severity.HIGH: 12, Severity.LOW: 12})
    assert digest.occasion.startswith("alerts.yml changed what is reported here of 12 streams")
    assert [wake_up.id for wake_up in world.waker.woken] == [digest.delivery_id]
    partition = world.store.read(stream(0))
    assert set(partition.views[TEAM].reported) == {"CVE-1", "CVE-2"}
    assert partition.views[TEAM].row is None
    rows = world.store._notifications.values()  # noqa: SLF001  # for tests alone
    folded = [row for row in rows if row.state is RowState.FOLDED]
    assert {row.folded_into for row in folded} == {digest.delivery_id}
    assert len(folded) == 12


def test_a_change_in_few_streams_is_a_message_for_each() -> None:
    """They are woken when their time has come."""
    world = World(10)
    world.lower()

    world.clock.forward(seconds=GATHERED.total_seconds())

    assert world.summing.run() == 0
    assert len(list(world.store.due(now=world.clock()))) == 10


def test_a_stage_with_few_streams_waits_for_nothing() -> None:
    """The cause of its syncs says so."""
    world = World(2)

    world.lower("rules")

    assert world.waiting == 0


@pytest.mark.parametrize(
    "profile",
    [profile_of("pagerduty", {}), profile_of("webhook", {}), Profile(announces=True)],
    ids=["incidents", "program", "announced"],
)
def test_who_needs_every_stream_gets_no_summary(profile: Profile) -> None:
    """An incident is one of its stream, and a program keeps a state of its own."""
    world = World(1, profile)

    world.lower()

    assert world.waiting == 0


def test_what_a_scan_brings_waits_for_nothing() -> None:
    """A row that waited is woken at once, and says both."""
    world = World(12)
    world.lower()

    row = world.sync(0, "scan", a_finding("CVE-3", severity="CRITICAL"))

    assert row is not None
    assert not row.gathers
    assert world.waiting == 11


def test_a_row_that_a_sync_changes_meanwhile_is_not_folded() -> None:
    """The next run looks at it again."""
    world = World(12)
    world.lower()
    world.clock.forward(seconds=GATHERED.total_seconds())
    close, calls = world.store.close, iter(range(100))

    def contested(*arguments: Any, **options: Any) -> None:
        if next(calls) == 0:
            raise ConflictError("a sync was faster")
        close(*arguments, **options)

    world.store.close = contested  # type: ignore[method-assign]

    assert world.summing.run() == 11
    assert world.waiting == 1


def test_what_is_reverted_or_gone_is_left_to_its_own_attempt() -> None:
    """Nothing is left to say of it; without any other there is no summary."""
    world = World(12)
    world.lower()
    world.clock.forward(seconds=GATHERED.total_seconds())
    world.rules = world.of(Severity.HIGH, "third")
    del world.states[stream(0)]

    assert world.summing.run() == 0
    assert world.summaries == []


class Newcomer:
    """A destination that was added, and copies of what is open."""

    def __init__(self, since: datetime, profile: Profile | None = None) -> None:
        self.world = World(3)
        self.copies = MemoryCopies()
        for state in self.world.states.values():
            self.copies.put(current_copy(state, ()))
        route = a_route(to=(TEAM, OTHER), severity=Severity.LOW)
        self.rules = SyncRules(
            RuleSet((route,), (), "rules"),
            (),
            {TEAM: Profile(), OTHER: profile or Profile()},
            INSTALLED,
            {TEAM: INSTALLED, OTHER: since},
        )

    def run(self) -> tuple[Digest, ...]:
        """Queue what is missing."""
        world = self.world
        digests = DigestFlow(
            copies=self.copies,
            bases=MemoryBases(),
            outbox=world.outbox,
            rules=lambda: self.rules.rules,
            installed_at=lambda: INSTALLED,
            now=world.clock,
        )
        return Welcomes(
            digests=digests,
            outbox=world.outbox,
            rules=lambda: self.rules,
            now=world.clock,
        ).run()


def test_a_destination_that_was_added_gets_one_summary() -> None:
    """Of what its routes find open, once every stream was synced for it."""
    newcomer = Newcomer(NOW)
    early = newcomer.run()
    newcomer.world.clock.forward(seconds=SETTLED.total_seconds())

    (digest,) = newcomer.run()
    again = newcomer.run()

    assert (early, again) == ((), ())
    assert digest.destination == OTHER
    assert digest.counts == {Severity.HIGH: 3, Severity.LOW: 3}
    assert digest.occasion.startswith("This destination is new")
    assert newcomer.world.digest() == digest


@pytest.mark.parametrize(
    ("since", "profile"),
    [
        (NOW - timedelta(days=8), Profile()),
        (NOW - timedelta(days=1), Profile(announces=True)),
        (NOW - timedelta(days=1), profile_of("webhook", {})),
        (NOW - timedelta(days=1), profile_of("pagerduty", {})),
        (NOW - timedelta(days=1), profile_of("sns", {"format": "ocsf"})),
    ],
    ids=["long ago", "announced", "program", "incidents", "ocsf"],
)
def test_other_destinations_get_none(since: datetime, profile: Profile) -> None:
    """Those that are there since the installation do not, either."""
    newcomer = Newcomer(since, profile)

    assert newcomer.run() == ()
