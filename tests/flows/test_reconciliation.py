"""A pass over all images: what it finds, where it stops, and where the next one goes on."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from lib.core.evaluation import Rules
from lib.core.routing import Route
from lib.errors import ImageGoneError, SourceError, SourceThrottledError, StoreError
from lib.flows.reconciliation import BATCH, PassResult, Reconciliation, Scope, Watch
from lib.flows.scans import ScanPipeline, ScanResult
from lib.models import (
    Bookmark,
    ChangeKind,
    Destination,
    Filter,
    Image,
    ImageIndex,
    ImageState,
    LastScan,
    Member,
    ScanEvent,
    ScanProgress,
    Severity,
)
from lib.normalizer.events import parse_event
from tests.support.builders import NOW, a_digest, a_finding, a_last_scan, a_report, an_image
from tests.support.fakes import (
    Clock,
    MemoryProgress,
    MemoryStore,
    RecordingScanEvents,
    RecordingWaker,
    ScriptedRegistry,
    ScriptedRepositories,
    ScriptedSource,
)

SCOPE = Scope(since=NOW - timedelta(days=30))
FIRST, SECOND = "payments/api", "payments/web"


def pushed(number: int, repository: str = FIRST, **fields: Any) -> Image:
    pushed_at = NOW - timedelta(days=1) + timedelta(minutes=number)
    return an_image(number, **{"repository": repository, "pushed_at": pushed_at, **fields})


class World:
    """A registry of scanned images, and what a pass makes of it."""

    def __init__(self, *images: Image | ImageIndex) -> None:
        self.store = MemoryStore()
        self.events = RecordingScanEvents()
        self.registry = ScriptedRegistry({FIRST: [], SECOND: []})
        self.images = images
        for unit in images:
            image = unit.image if isinstance(unit, ImageIndex) else unit
            self.registry.held.setdefault(image.repository, []).append(unit)
            self.registry.scans[image.digest] = a_last_scan()
        self.passes = Reconciliation(
            registry=self.registry,
            states=self.store,
            events=self.events,
            bookmarks=self.store,
            now=lambda: NOW,
        )

    def run(self, scope: Scope = SCOPE, **watch: Any) -> PassResult:
        return self.passes.run(scope, Watch(**watch))

    def evaluated(self, image: Image, **fields: Any) -> None:
        state = ImageState(
            1, NOW, NOW, "event-1", "COMPLETE", usable=True, completed_at=NOW, report_key="one"
        )
        self.store.states[image.key] = replace(state, **fields)

    @property
    def queued(self) -> list[str]:
        return [each["detail"]["image-digest"] for each in self.events.queued]


def minutes(*left: float) -> Callable[[], float]:
    """Return a clock of seconds that are left, the last of which stays."""
    times = list(left)
    return lambda: 60 * (times.pop(0) if len(times) > 1 else times[0])


def test_exactly_the_difference_is_put_on_the_queue() -> None:
    """What was evaluated is left alone, what has no result waits, the rest is found."""
    old, new, running = pushed(1), pushed(2, SECOND), pushed(3)
    world = World(old, new, running)
    world.evaluated(old)
    world.registry.scans[running.digest] = a_last_scan("RUNNING", "IN_PROGRESS")

    tally = world.run()

    assert world.queued == [new.digest]
    assert (tally.images, len(tally.missed), tally.pending) == (3, 1, 1)
    assert tally.stop_reason is None
    assert world.store.kept is None


def test_images_outside_the_scope_are_not_asked_for() -> None:
    """Neither those pushed before, nor those of other repositories."""
    old = pushed(1, pushed_at=NOW - timedelta(days=31))
    other = pushed(2, SECOND)
    world = World(old, other)

    world.run(replace(SCOPE, repositories="*/api"))

    assert world.registry.asked == [FIRST]
    assert world.queued == []


def test_a_dry_run_changes_nothing() -> None:
    """What is found is returned, and that is all."""
    world = World(pushed(1))

    tally = world.run(replace(SCOPE, dry_run=True))

    assert len(tally.missed) == 1
    assert world.events.queued == []


def test_an_old_image_sets_its_baseline_silently() -> None:
    """Counted apart, as nobody needs to hear of it."""
    world = World(pushed(1), pushed(2))
    world.store.installed = pushed(2).pushed_at or NOW

    tally = world.run()

    assert [each["detail"]["quiet"] for each in world.events.queued] == [True, False]
    assert tally.baselines == 1


def test_an_index_is_looked_at_as_one() -> None:
    """Each of its images is asked for, and one event is about all of them."""
    members = (Member(a_digest(2), "linux/amd64"), Member(a_digest(3), "linux/arm64"))
    world = World(ImageIndex(pushed(1), members))
    world.registry.scans |= {each.digest: a_last_scan() for each in members}

    world.run()

    assert world.registry.asked[1:3] == [each.digest for each in members]
    assert [each["detail"]["index"] for each in world.events.queued] == [True]


def test_an_index_waits_for_all_its_images() -> None:
    """One of them has no result yet."""
    members = (Member(a_digest(2), "linux/amd64"), Member(a_digest(3), "linux/arm64"))
    world = World(ImageIndex(pushed(1), members))
    world.registry.scans[a_digest(2)] = a_last_scan()

    assert world.run().pending == 1


def test_images_that_go_meanwhile_are_counted() -> None:
    """Deleted between listing and asking, alone or as the only one of an index."""
    alone, index = pushed(1), ImageIndex(pushed(2), (Member(a_digest(3), "linux/amd64"),))
    world = World(alone, index)
    world.registry.errors |= dict.fromkeys((alone.digest, a_digest(3)), ImageGoneError("gone"))

    tally = world.run()

    assert (tally.deleted, tally.missed, tally.unread_repositories) == (2, [], {})


def test_a_repository_that_cannot_be_read_does_not_stop_the_others() -> None:
    """It is said with the reason; what was found in it before is on the queue."""
    first, denied, other = pushed(1), pushed(2), pushed(3, SECOND)
    world = World(first, denied, other)
    world.registry.errors[denied.digest] = SourceError("AccessDeniedException")

    tally = world.run()

    assert world.queued == [first.digest, other.digest]
    assert tally.unread_repositories == {FIRST: "AccessDeniedException"}
    assert tally.stop_reason is None


@pytest.mark.parametrize("stops_at", range(6))
def test_a_pass_goes_on_where_the_last_one_stopped(stops_at: int) -> None:
    """Wherever time runs out, two passes ask for each image once and find each once."""
    images = [pushed(1), pushed(2), pushed(3, SECOND), pushed(4, SECOND)]
    world = World(*reversed(images))
    enough = [10.0] * stops_at

    first = world.run(seconds_left=minutes(*enough, 0))
    second = world.run()

    assert first.stop_reason == "the time is over"
    assert second.stop_reason is None
    assert world.queued == [each.digest for each in images]
    assert [each for each in world.registry.asked if each.startswith("sha256:")] == world.queued


def test_a_throttled_pass_stops_and_goes_on_the_next_time() -> None:
    """The image that could not be asked for is the next one's first."""
    images = [pushed(1), pushed(2), pushed(3)]
    world = World(*images)
    world.registry.errors[images[1].digest] = SourceThrottledError("ThrottlingException")

    first = world.run()
    stopped_at = world.store.kept
    world.registry.errors.clear()
    world.run()

    assert first.stop_reason == "ThrottlingException"
    assert stopped_at == Bookmark(FIRST, images[0].pushed_at, images[0].digest)
    assert world.queued == [each.digest for each in images]


def test_a_pass_that_is_throttled_while_listing_goes_on_there() -> None:
    """The repository that could not be listed is the next one's first."""
    world = World(pushed(1), pushed(2, SECOND))
    world.registry.errors[SECOND] = SourceThrottledError("ThrottlingException")

    world.run()

    assert world.store.kept == Bookmark(SECOND)


def test_a_place_in_a_repository_that_is_gone_is_no_obstacle() -> None:
    """The pass goes on with the repository after it."""
    world = World(pushed(1), pushed(2, SECOND))
    world.store.kept = Bookmark("payments/deleted", NOW, a_digest(9))

    world.run()

    assert world.queued == [a_digest(2)]


def test_states_are_read_by_the_hundred_and_the_place_kept_as_often() -> None:
    """A function that dies in the middle repeats a batch at most."""
    world = World(*(pushed(number) for number in range(1, 251)))
    kept: list[int] = []

    def died() -> None:
        kept.append(len(world.queued))
        if len(kept) > 2 * BATCH:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        world.run(image=died)
    world.run()

    assert sorted(world.queued) == [a_digest(number) for number in range(1, 251)]
    assert set(kept) == {0, BATCH, 2 * BATCH}


def test_what_cannot_be_queued_is_found_again() -> None:
    """The place does not move past it."""
    world = World(pushed(1))
    queue, world.events.put = world.events.put, failing  # type: ignore[method-assign]

    with pytest.raises(StoreError):
        world.run()
    world.events.put = queue  # type: ignore[method-assign]
    world.run()

    assert world.queued == [a_digest(1)]


def failing(_: Any) -> None:
    raise StoreError("queueing scan events: ServiceUnavailable")


def test_progress_is_told() -> None:
    """How many images each repository has, and each of them."""
    world = World(pushed(1), pushed(2), pushed(3, SECOND))
    told: list[Any] = []

    world.run(repository=lambda *args: told.append(args), image=lambda: told.append("image"))

    assert told == [(FIRST, 2), "image", "image", (SECOND, 1), "image"]


class TestPipeline:
    """What is found, as the scan pipeline processes it."""

    @pytest.fixture
    def world(self) -> World:
        return World(pushed(1))

    def process(self, world: World) -> list[Any]:
        route = Route("all", Filter("all", Severity.LOW), notify=(Destination("team"),))
        pipeline = ScanPipeline(
            source=ScriptedSource([a_report(a_finding(), image=pushed(1))]),
            states=world.store,
            reports=world.store,
            waker=RecordingWaker(),
            rules=Rules((route,)),
            now=Clock(NOW),
            pause=lambda _: None,
            repositories=ScriptedRepositories(),
            tags=world.store,
            progress=MemoryProgress(),
        )
        queued, world.events.queued = world.events.queued, []
        return [pipeline.process(event_of(raw), raw) for raw in queued]

    def test_a_scan_that_was_found_is_evaluated_and_told(self, world: World) -> None:
        """A first scan after the installation is a baseline as any other."""
        world.run()

        (outcome,) = self.process(world)

        assert outcome.result is ScanResult.EVALUATED
        assert outcome.evaluation.comparison.changes[0].kind is ChangeKind.BASELINE
        assert len(outcome.deliveries) == 1
        assert world.run().missed == []

    def test_a_baseline_of_old_is_stored_and_told_to_nobody(self, world: World) -> None:
        """The reason says so, and the next scan is compared with it."""
        world.store.installed = NOW

        world.run()
        (outcome,) = self.process(world)

        assert outcome.result is ScanResult.EVALUATED
        assert "nobody is told" in outcome.reason
        assert outcome.deliveries == ()
        assert world.store.rows == {}
        assert world.store.images(world.images)[pushed(1).key].report_key  # type: ignore[arg-type]

    def test_found_twice_is_evaluated_once(self, world: World) -> None:
        """A second pass before the first one's events are processed does no harm."""
        world.run()
        world.run()

        results = [each.result for each in self.process(world)]

        assert results == [ScanResult.EVALUATED, ScanResult.REPEATED]

    def test_what_changed_in_a_known_image_is_told_however_old_it_is(self, world: World) -> None:
        """Quiet is only for what nobody knew: here somebody evaluated it meanwhile."""
        world.store.installed = NOW
        world.run()
        world.evaluated(pushed(1), completed_at=None, event_time=NOW - timedelta(hours=1))

        (outcome,) = self.process(world)

        assert len(outcome.deliveries) == 1


def event_of(raw: Any) -> ScanEvent:
    event = parse_event(raw)
    assert isinstance(event, ScanEvent)
    return event


def test_a_scan_of_a_scanner_that_is_new_here_is_found() -> None:
    """Whatever word it uses, an unusable status is told."""
    world = World(pushed(1))
    world.registry.scans[a_digest(1)] = LastScan(
        a_last_scan().source, "SOMETHING_NEW", ScanProgress.UNUSABLE
    )

    assert len(world.run().missed) == 1
