"""The pass over what runs."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from cli.simulation.memory import MemoryStreams
from lib.errors import SourceError
from lib.flows.running import CLUSTERS, TASKS, RunningPass
from lib.models import Image, StreamId, Workload
from lib.models.streams import ImageRow
from lib.ports.streams import ImageRecord, StreamRow
from tests.support.builders import NOW, an_image
from tests.support.streams import STREAM


class Tasks:
    """Says that these images run."""

    def __init__(self, *images: Image) -> None:
        self.running_images = images
        self.error: SourceError | None = None

    def running(self, image: Image, *, members: object = ()) -> tuple[Workload, ...]:
        raise NotImplementedError

    def images(self) -> tuple[Image, ...]:
        if self.error is not None:
            raise self.error
        return self.running_images


class World:
    """A stream that watches one image, and knows three."""

    def __init__(self, *running: Image) -> None:
        self.store, self.tasks, self.now = MemoryStreams(), Tasks(*running), NOW
        for number in (1, 2, 3):
            indexes = (an_image(1).digest,) if number == 3 else ()
            row = ImageRow(an_image(number), NOW, indexes=indexes)
            self.store.put(ImageRecord(row), streams=[STREAM])
        watched = (an_image(2).digest,)
        self.store.write(StreamRow(STREAM), StreamRow(STREAM, watched=watched), ())

    def run(self) -> tuple[StreamId, ...]:
        return RunningPass(
            workloads=self.tasks,
            images=self.store,
            listing=self.store,
            rules=tuple,
            now=lambda: self.now,
        ).run()

    def runs(self, number: int) -> bool | None:
        """Return what is kept of an image; None: it was never seen running."""
        record = self.store.records([an_image(number)])[an_image(number).key]
        use = record.row.uses.get(TASKS)
        return None if use is None else use.stopped_at is None


def pulled(number: int) -> Image:
    return replace(an_image(number), tags=())


def test_an_image_that_runs_is_kept_and_its_streams_are_named() -> None:
    """Watched before or not; that it still runs an hour later is no news."""
    world = World(pulled(1))

    first, second = world.run(), world.run()

    assert STREAM in first
    assert second == ()
    assert (world.runs(1), world.runs(2)) == (True, None)


def test_a_part_that_runs_is_its_index() -> None:
    """A host pulls the image of its platform."""
    world = World(pulled(3))

    world.run()

    assert (world.runs(1), world.runs(3)) == (True, None)


def test_without_a_digest_the_tag_decides() -> None:
    """As ECS does not report digests of every task."""
    tag = an_image(2).tags[0]
    world = World(replace(an_image(2), digest="", tags=(tag,)))

    assert STREAM in world.run()
    assert world.runs(2) is True


def test_what_nothing_runs_any_more_has_stopped() -> None:
    """Only where this source saw it running, and the image is watched."""
    world = World(pulled(2))
    world.run()
    world.tasks.running_images, world.now = (), NOW + timedelta(hours=1)

    assert STREAM in world.run()
    assert (world.runs(2), world.runs(1)) == (False, None)


def test_a_refusal_changes_nothing() -> None:
    world = World(pulled(2))
    world.run()
    world.tasks.error = SourceError("ECS cannot be asked what runs: AccessDenied")

    with pytest.raises(SourceError):
        world.run()

    assert world.runs(2) is True


def test_an_image_that_nothing_is_known_of_is_left_alone() -> None:
    """It was never scanned here."""
    world = World(pulled(9))

    assert world.run() == ()
    assert isinstance(world.now, datetime)


def test_each_source_keeps_its_own_answer() -> None:
    """One that no longer sees an image ends only what it said itself."""
    world = World(an_image(2))
    world.run()
    world.tasks.running_images = ()

    RunningPass(
        workloads=world.tasks,
        images=world.store,
        listing=world.store,
        rules=tuple,
        now=lambda: NOW + timedelta(hours=1),
        source=CLUSTERS,
    ).run()

    assert world.runs(2)
