"""The minute's sweep: what is due is woken, and a changed alerts.yml is noticed."""

from types import SimpleNamespace
from typing import Any

from handlers.sweep import sweep
from lib.flows.rules import RulesStep
from lib.flows.stream_passes import StreamPassOutcome
from lib.models import DeliveryId, WakeUp
from lib.ports.rules import RulesRecord
from tests.support.builders import NOW
from tests.support.streams import STREAM, TEAM

RECORD = RulesRecord("hash", NOW, {}, {}, queued=False)


class World:
    """Everything that a sweep asks, with one stream and one notification that are due."""

    def __init__(self) -> None:
        self.outdated = False
        self.woken: list[WakeUp] = []
        self.queued: list[Any] = []
        self.passes: list[tuple[str, str]] = []
        self.kept: list[str] = []
        self.app = SimpleNamespace(
            now=lambda: NOW,
            stores=SimpleNamespace(waker=self, sync_queue=self, streams=self, notifications=self),
            keep_config=lambda: self.kept.append("config"),
            streams=SimpleNamespace(
                rules_book=self,
                passes=self,
                has_pace=lambda _: False,
                summaries=SimpleNamespace(run=lambda: 3),
            ),
        )

    def follow(self, queue: Any) -> RulesStep:
        if self.outdated:
            return RulesStep.OUTDATED
        return RulesStep.QUEUED if queue(RECORD) else RulesStep.WAITING

    def run(self, cause: str, turn: str) -> StreamPassOutcome:
        self.passes.append((cause, turn))
        return StreamPassOutcome(3, complete=True)

    def take_due(self, *, now: Any) -> tuple[Any, ...]:
        assert now == NOW
        return (STREAM,)

    def put(self, streams: Any, cause: str) -> int:
        self.queued.append((list(streams), cause))
        return 1

    def due(self, *, now: Any) -> tuple[WakeUp, ...]:
        assert now == NOW
        return (WakeUp(DeliveryId("one"), TEAM, 1),)

    def woken_again(self, turns: Any) -> None:
        assert [wake_up for wake_up, _ in turns] == self.woken
        assert all(again_at > NOW for _, again_at in turns)

    def wake(self, wake_ups: Any) -> int:
        self.woken += wake_ups
        return len(self.woken)


def test_what_is_due_is_woken_and_counted(counted: Any, logged: Any) -> None:
    """A notification whose time has come, and a stream in which time alone changes something."""
    world = World()
    world.app.stores.notifications = SimpleNamespace(due=world.due, woken=world.woken_again)

    answer = sweep(world.app)  # type: ignore[arg-type]  # a fake

    assert answer == {"queued": 1, "streams": 1}
    assert [wake_up.id for wake_up in world.woken] == ["one"]
    assert world.queued == [([STREAM], "time")]
    assert counted() == {"DeliveriesQueued": 1, "DeliveriesFolded": 3}
    assert logged()[0]["rules"] == "queued"


def test_a_changed_file_has_every_stream_queued() -> None:
    """By the pass that goes on where it stopped; its turn is the hash of the file."""
    world = World()
    world.app.stores.notifications = SimpleNamespace(due=world.due, woken=world.woken_again)

    sweep(world.app)  # type: ignore[arg-type]  # a fake

    assert world.passes == [("rules", "hash")]
    assert world.kept == ["config"]


def test_a_sweep_with_an_older_file_says_so(counted: Any, logged: Any) -> None:
    """The published one could not be read; what is due is woken all the same."""
    world = World()
    world.outdated = True
    world.app.stores.notifications = SimpleNamespace(due=world.due, woken=world.woken_again)

    assert sweep(world.app) == {"queued": 1, "streams": 1}  # type: ignore[arg-type]  # a fake

    assert counted()["ConfigUnread"] == 1
    assert logged()[0]["level"] == "ERROR"
    assert world.passes == []
    assert world.kept == []
