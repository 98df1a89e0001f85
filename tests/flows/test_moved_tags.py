"""Tags that move: noticed when they are pushed, and reported once each."""

from datetime import timedelta

import pytest

from cli.simulation.memory import MemoryStreams
from lib.checks.expectations import Expectations, MutableTags
from lib.core.sync import SyncRules
from lib.core.verdicts import RuleSet
from lib.core.worth_notifying import Profile
from lib.errors import NotAllowedError
from lib.flows.moved_tags import MovedTags, MoveOutcome
from lib.flows.outbox import Outbox
from lib.models import PullThroughCache, PushEvent, TagTarget
from lib.models.views import PinnedMessage, Purpose
from tests.support.builders import NOW, a_digest, an_image
from tests.support.fakes import RecordingWaker
from tests.support.streams import TEAM, a_route

KEY = "000474600478/eu-central-1/payments/api:1.4.2"


class Tags:
    """Where tags point to, by the keys of their images."""

    def __init__(self) -> None:
        self.targets: dict[str, TagTarget] = {}

    def tag(self, image: object) -> TagTarget | None:
        return self.targets.get(image.key)  # type: ignore[attr-defined]  # an image

    def point(self, image: object, target: TagTarget) -> None:
        self.targets[image.key] = target  # type: ignore[attr-defined]  # an image


def raised(answer: PullThroughCache | Exception | None) -> PullThroughCache | None:
    if isinstance(answer, Exception):
        raise answer
    return answer


class World:
    """Pushes of one tag, and the messages that are queued about it."""

    def __init__(
        self,
        expected: Expectations | None = None,
        cache: PullThroughCache | Exception | None = None,
    ) -> None:
        self.tags, self.store, self.waker = Tags(), MemoryStreams(), RecordingWaker()
        rules = SyncRules(
            RuleSet((a_route(),), (), "rules"), (), {TEAM: Profile()}, NOW - timedelta(days=9)
        )
        self.flow = MovedTags(
            tags=self.tags,
            outbox=Outbox(objects=self.store, rows=self.store, waker=self.waker, now=lambda: NOW),
            rules=lambda: rules,
            expected=lambda: expected,
            cache=lambda _: raised(cache),
            now=lambda: NOW,
        )

    def push(self, number: int, digest: int, *, tag: str = "1.4.2") -> MoveOutcome | None:
        image = an_image(digest, tags=(tag,))
        time = NOW + timedelta(minutes=number)
        return self.flow.pushed(PushEvent(f"push-{number}", time, image, index=False))


def a_world() -> World:
    return World(Expectations())


def test_a_tag_that_moves_is_reported_each_time() -> None:
    """There and back are two moves, and nothing of them is ever resolved."""
    world = a_world()

    outcomes = [world.push(number, digest) for number, digest in enumerate((1, 2, 1, 2))]

    assert outcomes[0] is None
    moves = [outcome.move for outcome in outcomes if outcome is not None]
    assert [(move.before, move.after) for move in moves] == [
        (a_digest(1), a_digest(2)),
        (a_digest(2), a_digest(1)),
        (a_digest(1), a_digest(2)),
    ]
    assert len({wake.id for wake in world.waker.woken}) == 3
    assert world.tags.targets[KEY].digest == a_digest(2)


def test_a_message_is_queued_with_what_it_says() -> None:
    """In the stream of the tag, for each destination that asks for it."""
    world = a_world()
    world.push(1, 1)

    outcome = world.push(2, 2)

    assert outcome is not None
    row = world.store.notification(outcome.messages[TEAM])
    assert row is not None
    assert (row.purpose, row.stream) == (
        Purpose.TAG_MOVED,
        "000474600478/eu-central-1/payments/api|settings|1.4.2",
    )
    assert row.pin is not None
    assert isinstance(world.store.pinned(row.pin.key), PinnedMessage)


def test_the_same_push_is_reported_once() -> None:
    """Neither a repeated nor a late event is a move."""
    world = a_world()
    world.push(1, 1)
    world.push(2, 2)

    assert world.push(2, 2) is None
    assert world.push(1, 1) is None
    assert len(world.waker.woken) == 1


def test_a_push_that_was_reported_and_not_remembered_is_known() -> None:
    """The function died in between."""
    world = a_world()
    world.push(1, 1)
    before = dict(world.tags.targets)
    first = world.push(2, 2)
    world.tags.targets = before

    assert world.push(2, 2) == first
    assert len(world.waker.woken) == 1


@pytest.mark.parametrize(
    ("cache", "is_reported"),
    [
        (None, True),
        (PullThroughCache("payments", "registry-1.docker.io"), False),
        # Nobody knows whether it was a refresh.
        (NotAllowedError("AWS denies ecr:DescribePullThroughCacheRules"), True),
    ],
)
def test_a_pull_through_cache_moves_its_tags(
    cache: PullThroughCache | Exception | None, *, is_reported: bool
) -> None:
    world = World(Expectations(), cache)

    world.push(1, 1)

    assert (world.push(2, 2) is not None) is is_reported
    assert world.tags.targets[KEY].digest == a_digest(2)


def test_tags_that_may_move_are_left_alone() -> None:
    """Nothing is remembered of them."""
    world = World(Expectations(allow_mutable=(MutableTags(("latest",)),)))

    assert [world.push(number, number, tag="latest") for number in (1, 2)] == [None, None]
    assert world.tags.targets == {}


def test_no_tag_is_watched_where_nobody_asked() -> None:
    """alerts.yml has no `repositories`."""
    world = World()

    assert [world.push(number, number) for number in (1, 2)] == [None, None]
    assert world.tags.targets == {}
