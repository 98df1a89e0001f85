"""
One view, walked through every order of what can happen to it.

Two syncs race, a worker dies anywhere, answers are lost, receivers refuse. Wherever it comes to
rest, what was reported is what is desired, and what the receiver shows; or a row is dead.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

import pytest

from lib.core.attempts import after_absence, after_lease, after_lost_answer, after_refusal, is_open
from lib.core.notification_rows import (
    Claim,
    Step,
    SyncContext,
    ViewStep,
    after_claim,
    after_death,
    after_sent,
    after_sync,
    effective,
    new_row,
)
from lib.models import Destination, Severity, StreamId
from lib.models.views import (
    Agreement,
    Basis,
    Delta,
    DeltaItem,
    DesiredItem,
    Kind,
    Notification,
    Pin,
    ReportedItem,
    RowState,
    View,
)

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
DAY = date(2026, 11, 2)
STREAM = StreamId("111122223333/eu-central-1/shop/api")
TEAM = Destination("team")
EMPTY = View(TEAM, STREAM)
Ids = frozenset[str]
CHOICES: tuple[Ids, ...] = (frozenset(), frozenset("a"), frozenset("ab"))


def an_item(name: str) -> ReportedItem:
    """Return an item as it is reported."""
    return ReportedItem(name, Severity.HIGH)


def a_delta(view: View, wanted: Ids, basis: Basis, *, ended_is_news: bool = True) -> Delta:
    """Return the difference between what a view reports and what is wanted."""
    reported = effective(view, wanted).reported
    came = [
        DeltaItem(Kind.NEW, "came", an_item(name), DesiredItem(an_item(name)), worth=True)
        for name in sorted(wanted - set(reported))
    ]
    ended = [
        DeltaItem(Kind.RESOLVED, "ended", reported[name], worth=ended_is_news)
        for name in sorted(set(reported) - wanted)
    ]
    after = {name: an_item(name) for name in sorted(wanted)}
    return Delta(
        (*came, *ended), len(after) - len(came), after, Agreement(basis.version, NOW, basis.rules)
    )


def a_context(version: int = 1, **changes: object) -> SyncContext:
    """Return the context of a sync of this version of the stream's state."""
    context = SyncContext(Basis(version, "rules", DAY), "scan", NOW, has_evidence=True)
    return replace(context, **changes)  # type: ignore[arg-type]


# --- the walk ----------------------------------------------------------------------------------


class Snapshot(NamedTuple):
    """What a sync or a worker has read."""

    version: int
    wanted: Ids
    view: View
    row: Notification | None
    redrive: bool = False


class Message(NamedTuple):
    """What is on its way to the receiver, and what it makes of the view."""

    key: str
    """That of its pin."""
    id: str
    shows: Ids
    hides: Ids
    view: View
    quiet: bool


class World(NamedTuple):
    """
    Everything that is stored, shown and under way.

    Named tuples are changed in a fifth of the time that data classes take, and here it counts.
    """

    version: int = 1
    wanted: Ids = frozenset()
    view: View = EMPTY
    row: Notification | None = None
    """The newest one of the view."""
    pinned: Message | None = None
    shown: Ids = frozenset()
    known: Ids = frozenset()
    """The ids of messages that the receiver has taken."""
    due: int = 0
    """Syncs that were caused and have not begun."""
    redrives: int = 1
    syncs: tuple[Snapshot, ...] = ()
    worker: str = "idle"
    """idle, claimed, loaded, pinned, sent."""
    loaded: Snapshot | None = None
    changes: int = 3
    faults: int = 2


Key = tuple[Any, ...]
VIEW, ROW, PINNED, SYNCS, LOADED = map(
    World._fields.index, ("view", "row", "pinned", "syncs", "loaded")
)
"""Where a world refers to what it shares with the worlds around it."""


class Numbers:
    """Numbers of objects: the same for equal ones. Writing out an object takes long."""

    def __init__(self) -> None:
        self._by_identity: dict[int, tuple[object, int]] = {}
        """With the object itself, so that its identity stays its own."""
        self._by_text: dict[str, int] = {}

    def of(self, value: object) -> int:
        """Return the number of an object."""
        seen = self._by_identity.get(id(value))
        if seen is not None:
            return seen[1]
        number = self._by_text.setdefault(repr(value), len(self._by_text))
        self._by_identity[id(value)] = (value, number)
        return number


class Walk:
    """All worlds that can be reached, each with the step that led there first."""

    def __init__(
        self, *, askable: bool, ended_is_news: bool = True, changes: int = 2, faults: int = 2
    ) -> None:
        self.askable = askable
        self.ended_is_news = ended_is_news
        """False: the receiver keeps something current, and is brought up to date quietly."""
        self._numbers = Numbers()
        self._synced: dict[Key, ViewStep] = {}
        self._deltas: dict[Key, Delta] = {}
        start = World(changes=changes, faults=faults)
        self.seen: dict[Key, tuple[Key | None, str]] = {self.key_of(start): (None, "start")}
        self.worlds: list[World] = []
        queue = deque([(self.key_of(start), start)])
        while queue:
            came_from, world = queue.popleft()
            self.worlds.append(world)
            for step, successor in self.steps(world):
                following = forgetful(successor)
                key = self.key_of(following)
                if key not in self.seen:
                    self.seen[key] = (came_from, step)
                    queue.append((key, following))

    def key_of(self, world: World) -> Key:
        """Return what is the same for worlds that are equal."""
        number = self._numbers.of
        key: list[Any] = [*world]
        key[VIEW], key[ROW] = number(world.view), number(world.row)
        if world.pinned is not None:
            key[PINNED] = number(world.pinned)
        if world.syncs:
            key[SYNCS] = tuple(map(self._read, world.syncs))
        if world.loaded is not None:
            key[LOADED] = self._read(world.loaded)
        return tuple(key)

    def _read(self, snapshot: Snapshot) -> Key:
        """Return what is the same for snapshots that are equal."""
        number = self._numbers.of
        version, wanted, view, row, redrive = snapshot
        return version, wanted, number(view), number(row), redrive

    def path(self, world: World) -> str:
        """Return the steps that led to a world."""
        steps: list[str] = []
        key: Key | None = self.key_of(world)
        while key is not None:
            key, step = self.seen[key]
            steps.append(step)
        return " -> ".join(reversed(steps))

    def steps(self, world: World) -> Iterator[tuple[str, World]]:
        """Yield everything that can happen next."""
        yield from self._changes(world)
        yield from self._syncs(world)
        yield from self._worker(world)

    def _changes(self, world: World) -> Iterator[tuple[str, World]]:
        if world.changes and world.due < 2:
            for wanted in CHOICES:
                if wanted != world.wanted:
                    yield (
                        f"change to {sorted(wanted)}",
                        world._replace(
                            version=world.version + 1,
                            wanted=wanted,
                            due=world.due + 1,
                            changes=world.changes - 1,
                        ),
                    )

    def _delta(self, read: Snapshot) -> Delta:
        """Return the delta of a snapshot; the same one is read on many ways."""
        key = self._read(read)
        if key not in self._deltas:
            self._deltas[key] = a_delta(
                read.view,
                read.wanted,
                Basis(read.version, "rules", DAY),
                ended_is_news=self.ended_is_news,
            )
        return self._deltas[key]

    def _sync(self, read: Snapshot) -> ViewStep:
        """Return what a sync makes of a snapshot."""
        key = self._read(read)
        if key not in self._synced:
            self._synced[key] = after_sync(
                read.view,
                read.row,
                self._delta(read),
                a_context(read.version, redrive=read.redrive),
                keeps_current=not self.ended_is_news,
            )
        return self._synced[key]

    def _syncs(self, world: World) -> Iterator[tuple[str, World]]:
        read = Snapshot(world.version, world.wanted, world.view, world.row)
        if world.due and len(world.syncs) < 2:
            yield (
                "sync reads",
                world._replace(due=world.due - 1, syncs=(*world.syncs, read)),
            )
        if world.row and world.row.state is RowState.DEAD and world.redrives and not world.syncs:
            again = read._replace(redrive=True)
            yield "redrive reads", world._replace(redrives=0, syncs=(again,))
        for index, snapshot in enumerate(world.syncs):
            rest = world.syncs[:index] + world.syncs[index + 1 :]
            yield self._written(world._replace(syncs=rest), snapshot)

    def _written(self, world: World, read: Snapshot) -> tuple[str, World]:
        step = self._sync(read)
        if not step.writes:
            return f"sync: {step.step}", world
        now = Snapshot(world.version, world.wanted, world.view, world.row)
        if now != read._replace(redrive=False):
            return "sync begins anew", world._replace(due=world.due + 1)
        row = step.row if step.row is not None else (world.row if step.view.row else None)
        return f"sync: {step.step}", world._replace(view=step.view, row=row)

    def _worker(self, world: World) -> Iterator[tuple[str, World]]:
        row = world.row
        if world.worker == "idle":
            if row is not None and is_open(row):
                claimed = replace(row, state=RowState.CLAIMED)
                yield "claim", world._replace(worker="claimed", row=claimed)
            return
        assert row is not None
        if world.faults and world.worker != "idle":
            yield (
                f"worker dies ({world.worker})",
                world._replace(
                    worker="idle",
                    loaded=None,
                    row=after_lease(row),
                    faults=world.faults - 1,
                ),
            )
        if world.worker == "claimed" and row.unsure and self.askable:
            yield from self._asked(world, row)
        elif world.worker == "claimed":
            read = Snapshot(world.version, world.wanted, world.view, row)
            yield "load", world._replace(worker="loaded", loaded=read)
        elif world.worker == "loaded":
            yield self._pinned(world, row)
        elif world.worker == "pinned":
            yield from self._sent(world, row)
        elif world.worker == "sent":
            yield "record", self._recorded(world, row)

    def _asked(self, world: World, row: Notification) -> Iterator[tuple[str, World]]:
        if str(row.id) in world.known:
            yield "asked: there", self._recorded(world, row)
        else:
            absent = replace(after_absence(row), state=RowState.CLAIMED)
            yield "asked: not there", world._replace(row=absent)

    def _pinned(self, world: World, row: Notification) -> tuple[str, World]:
        read = world.loaded
        assert read is not None
        context = a_context(read.version)
        delta = self._delta(read)
        step = after_claim(read.view, row, delta, context, keeps_current=not self.ended_is_news)
        if step.claim is Claim.REPEAT:
            return "repeat", world._replace(worker="pinned", loaded=None)
        if read.row != row or read.view != world.view:
            return "load anew", world._replace(worker="claimed", loaded=None)
        if step.claim is Claim.OBSOLETE:
            return "obsolete", world._replace(worker="idle", loaded=None, view=step.view, row=None)
        came = frozenset(item.item.id for item in delta.items if item.desired)
        ended = frozenset(item.item.id for item in delta.items if not item.desired)
        key = f"{row.id}-{read.version}-{sorted(came)}-{sorted(ended)}"
        message = Message(key, str(row.id), came, ended, step.view, step.quiet)
        pinned = replace(row, pin=Pin(key, context.basis), seen=context.basis)
        return f"pin +{sorted(came)} -{sorted(ended)}", world._replace(
            worker="pinned", loaded=None, row=pinned, pinned=message
        )

    def _sent(self, world: World, row: Notification) -> Iterator[tuple[str, World]]:
        message = pinned_by(row, world)
        arrived = world
        if message.id not in world.known:
            arrived = world._replace(
                shown=(world.shown | message.shows) - message.hides,
                known=world.known | {message.id},
            )
        yield "send", arrived._replace(worker="sent")
        if world.faults:
            fewer = world.faults - 1
            lost = after_lost_answer(row)
            for how, after in (("accepted", arrived), ("not accepted", world)):
                yield (
                    f"send, {how}, answer lost",
                    after._replace(worker="idle", row=lost, faults=fewer),
                )
            yield (
                "send, refused",
                world._replace(worker="idle", row=after_refusal(row), faults=fewer),
            )
            pinned = message.view.reported if row.unsure else None
            view, dead = after_death(world.view, row, pinned, now=NOW)
            yield (
                "send, refused for good",
                world._replace(worker="idle", view=view, row=dead, faults=fewer),
            )

    def _recorded(self, world: World, row: Notification) -> World:
        assert row.pin is not None
        basis = row.pin.basis
        assert basis is not None
        message = pinned_by(row, world)
        step = after_sent(row, message.view, basis, now=NOW)
        return world._replace(worker="idle", view=step.view, row=step.next)


def pinned_by(row: Notification, world: World) -> Message:
    """Return the message that a row has pinned."""
    assert row.pin is not None
    assert world.pinned is not None
    assert world.pinned.key == row.pin.key
    return world.pinned


def forgetful(world: World) -> World:
    """Return a world without what nothing asks for any more: pins and ids of earlier rows."""
    row, view, pinned = world.row, world.view, world.pinned
    key = row.pin.key if row is not None and row.pin is not None else None
    return world._replace(
        view=view if view.last_message is None else replace(view, last_message=None),
        pinned=pinned if pinned is not None and pinned.key == key else None,
        known=world.known & {str(row.id)} if row is not None else frozenset(),
    )


def at_rest(world: World) -> bool:
    """Whether nothing is under way any more."""
    return not (world.due or world.syncs or world.worker != "idle" or is_open(world.row))


def check(walk: Walk) -> None:
    """Assert what must hold wherever the walk comes to rest."""
    resting = [world for world in walk.worlds if at_rest(world)]
    true = [world for world in resting if world.row is None]
    dead = [world for world in resting if world.row is not None]
    assert true
    assert dead
    for world in true:
        assert set(world.view.reported) == world.wanted == world.shown, walk.path(world)
        assert not world.view.possibly_reported, walk.path(world)
    for world in dead:
        certain = set(world.view.reported)
        assert certain <= world.shown, walk.path(world)
        assert world.shown <= certain | set(world.view.possibly_reported), walk.path(world)


@pytest.mark.parametrize(
    ("askable", "ended_is_news"),
    [
        pytest.param(False, False, id="cannot be asked, ends are quiet"),
        *(
            pytest.param(askable, ended_is_news, id=name, marks=pytest.mark.untraced)
            for askable, ended_is_news, name in (
                (False, True, "cannot be asked, ends are news"),
                (True, False, "can be asked, ends are quiet"),
                (True, True, "can be asked, ends are news"),
            )
        ),
    ],
)
def test_a_view_at_rest_is_true_or_has_a_dead_row(*, askable: bool, ended_is_news: bool) -> None:
    """Whatever the order of changes, syncs, claims, sends, deaths of workers and lost answers."""
    walk = Walk(askable=askable, ended_is_news=ended_is_news)

    assert len(walk.worlds) > 2_000
    check(walk)


@pytest.mark.slow
@pytest.mark.untraced
@pytest.mark.parametrize("askable", [True, False], ids=["can be asked", "cannot be asked"])
def test_a_view_at_rest_is_true_after_three_changes(*, askable: bool) -> None:
    """The same with one change more and one fault less."""
    walk = Walk(askable=askable, changes=3, faults=1)

    assert len(walk.worlds) > 20_000
    check(walk)


# --- step by step ------------------------------------------------------------------------------


def a_row(**changes: object) -> Notification:
    """Return the open row of a view that wants to show "a"."""
    step = after_sync(
        EMPTY,
        None,
        a_delta(EMPTY, frozenset("a"), Basis(1, "rules", DAY)),
        a_context(),
        keeps_current=False,
    )
    assert step.row is not None
    return replace(step.row, **changes)  # type: ignore[arg-type]


def test_a_first_report_without_anything_for_a_destination_creates_its_view() -> None:
    """What comes after it is new."""
    delta = a_delta(EMPTY, frozenset(), Basis(1, "rules", DAY))

    step = after_sync(EMPTY, None, delta, a_context(), keeps_current=False)

    assert (step.step, step.row) == (Step.CREATED, None)
    assert step.view.agreement == delta.agreement


def test_a_stream_without_a_usable_report_creates_no_view() -> None:
    """Its first usable report is the baseline."""
    delta = a_delta(EMPTY, frozenset(), Basis(1, "rules", DAY))

    step = after_sync(EMPTY, None, delta, a_context(has_evidence=False), keeps_current=False)

    assert step.step is Step.UNTOUCHED
    assert not step.writes


def test_a_condition_is_notified_without_an_agreement() -> None:
    """A first image that cannot be scanned is news, and the next one is still the baseline."""
    delta = a_delta(EMPTY, frozenset("a"), Basis(1, "rules", DAY))
    context = a_context(has_evidence=False)

    opened = after_sync(EMPTY, None, delta, context, keeps_current=False)
    assert opened.row is not None
    claimed = after_claim(opened.view, opened.row, delta, context, keeps_current=False)

    assert claimed.claim is Claim.SEND
    assert set(claimed.view.reported) == {"a"}
    assert claimed.view.agreement is None


def test_an_image_older_than_the_installation_is_no_news() -> None:
    """Its view begins with what is desired, and says why."""
    delta = a_delta(EMPTY, frozenset("a"), Basis(1, "rules", DAY))

    step = after_sync(
        EMPTY, None, delta, a_context(), keeps_current=False, silent="older than the installation"
    )

    assert (step.step, step.reason) == (Step.CREATED, "older than the installation")
    assert set(step.view.reported) == {"a"}
    assert step.row is None


def test_what_ended_quietly_is_listed_by_the_next_message() -> None:
    """Until it is back, or the message is sent."""
    view = replace(EMPTY, reported={"a": an_item("a")}, agreement=Agreement(1, NOW, "rules"))
    quiet = a_delta(view, frozenset(), Basis(2, "rules", DAY), ended_is_news=False)

    advanced = after_sync(view, None, quiet, a_context(2), keeps_current=False)
    news = a_delta(advanced.view, frozenset("b"), Basis(3, "rules", DAY))
    opened = after_sync(advanced.view, None, news, a_context(3), keeps_current=False)
    assert opened.row is not None
    claimed = after_claim(opened.view, opened.row, news, a_context(3), keeps_current=False)

    assert advanced.step is Step.ADVANCED
    assert [item.id for item in opened.view.quietly_ended] == ["a"]
    assert claimed.view.quietly_ended == ()
    back = a_delta(advanced.view, frozenset("a"), Basis(3, "rules", DAY), ended_is_news=False)
    again = after_claim(advanced.view, opened.row, back, a_context(3), keeps_current=True)
    assert again.view.quietly_ended == ()


def test_a_quiet_row_that_is_worth_a_message_is_woken() -> None:
    """It becomes loud in its place: there is one open row."""
    view = replace(EMPTY, reported={"a": an_item("a")}, agreement=Agreement(1, NOW, "rules"))
    quiet = a_delta(view, frozenset(), Basis(2, "rules", DAY), ended_is_news=False)
    opened = after_sync(view, None, quiet, a_context(2), keeps_current=True)
    news = a_delta(view, frozenset("ab"), Basis(3, "rules", DAY))

    loud = after_sync(opened.view, opened.row, news, a_context(3), keeps_current=True)

    assert opened.row is not None
    assert opened.row.quiet
    assert not opened.wakes
    assert loud.step is Step.MADE_LOUD
    assert loud.row is not None
    assert (loud.row.id, loud.row.quiet, loud.wakes) == (opened.row.id, False, True)


@pytest.mark.parametrize(
    ("age", "redrive", "step"),
    [
        (timedelta(hours=23), False, Step.UNTOUCHED),
        (timedelta(hours=24), False, Step.REPLACED),
        (timedelta(minutes=1), True, Step.REPLACED),
    ],
)
def test_a_dead_row_is_replaced_once_a_day_or_by_hand(
    age: timedelta, step: Step, *, redrive: bool
) -> None:
    """A deleted channel gets one call a day, not one a scan."""
    dead = a_row(state=RowState.DEAD)
    view = replace(EMPTY, row=dead.id, rows=1)
    delta = a_delta(view, frozenset("a"), Basis(2, "rules", DAY))
    context = a_context(2, now=NOW + age, redrive=redrive)

    result = after_sync(view, dead, delta, context, keeps_current=False)

    assert result.step is step
    if result.row is not None:
        assert result.row.replaces == dead.id
        assert result.row.id != dead.id


def test_a_dead_row_counts_no_more_when_nothing_is_left_to_say() -> None:
    """The world came back to what was reported."""
    dead = a_row(state=RowState.DEAD)
    view = replace(EMPTY, row=dead.id, rows=1)
    delta = a_delta(view, frozenset(), Basis(2, "rules", DAY))

    result = after_sync(view, dead, delta, a_context(2), keeps_current=False)

    assert (result.step, result.view.row) == (Step.CLEARED, None)


def test_a_refusal_unpins_only_what_cannot_have_arrived() -> None:
    """A refused repeat proves nothing about the first attempt."""
    pin = Pin("key", Basis(1, "rules", DAY))

    certain = after_refusal(a_row(pin=pin))
    doubtful = after_refusal(a_row(pin=pin, unsure=True))

    assert certain.pin is None
    assert doubtful.pin == pin


def test_a_worker_that_died_before_its_pin_sent_nothing() -> None:
    """Its row is tried again as one that was never sent."""
    pin = Pin("key", Basis(1, "rules", DAY))

    assert after_lease(a_row()).state is RowState.RETRY
    assert after_lease(a_row(pin=pin)).state is RowState.UNKNOWN
    assert after_lease(a_row(pin=pin)).unsure


def test_a_message_that_is_no_longer_worth_one_is_obsolete() -> None:
    """A receiver that keeps something current is brought up to date instead."""
    view = replace(EMPTY, reported={"a": an_item("a")}, agreement=Agreement(1, NOW, "rules"))
    quiet = a_delta(view, frozenset(), Basis(2, "rules", DAY), ended_is_news=False)

    dropped = after_claim(view, a_row(), quiet, a_context(2), keeps_current=False)
    kept = after_claim(view, a_row(), quiet, a_context(2), keeps_current=True)

    assert (dropped.claim, dict(dropped.view.reported)) == (Claim.OBSOLETE, {})
    assert [item.id for item in dropped.view.quietly_ended] == ["a"]
    assert (kept.claim, kept.quiet) == (Claim.SEND, True)


def test_a_row_without_anything_new_is_left_alone() -> None:
    """A sync that finds the row as the last one left it writes nothing."""
    row = a_row()
    view = replace(EMPTY, row=row.id, rows=1)
    delta = a_delta(view, frozenset("a"), Basis(1, "rules", DAY))

    assert not after_sync(view, row, delta, a_context(1), keeps_current=False).writes
    assert after_sync(view, row, delta, a_context(2), keeps_current=False).step is Step.SEEN


def test_a_view_that_counts_again_has_other_ids() -> None:
    """Its table was lost: a receiver that has the first message must not take it for the second."""
    basis = Basis(1, "rules", DAY)
    first = new_row(EMPTY, basis=basis, cause="scan", now=NOW, quiet=False)
    again = new_row(EMPTY, basis=basis, cause="scan", now=NOW + timedelta(hours=1), quiet=False)

    assert first.version == again.version
    assert first.id != again.id
