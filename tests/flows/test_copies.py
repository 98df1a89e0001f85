"""Copies follow the rows of their streams."""

from datetime import timedelta

from cli.simulation.current import MemoryCopies
from cli.simulation.memory import MemoryStreams
from lib.flows.copies import CopyWriter
from lib.models.streams import StreamState, TagRow
from lib.ports.streams import StreamRow
from tests.support.builders import NOW, a_digest, a_finding
from tests.support.streams import STREAM, a_state, a_watched

TAGS = tuple(
    TagRow(tag, a_digest(number), NOW + timedelta(hours=number))
    for number, tag in enumerate(("main-1", "pr-1", "main-2", "pr-2"))
)


class World:
    """A stream in memory, and its copy."""

    def __init__(self) -> None:
        self.stores = MemoryStreams()
        self.copies = MemoryCopies()
        self.writer = CopyWriter(streams=self.stores, objects=self.stores, copies=self.copies)

    def save(self, state: StreamState, *, key: str | None = None) -> None:
        """Store a version of the stream's state, and the row that names it."""
        before = self.stores.read(STREAM).row
        key = key or self.stores.put_state(state)
        after = StreamRow(STREAM, before.revision, TAGS, state_key=key, state_version=state.version)
        self.stores.write(before, after, ())


def test_a_copy_that_is_behind_is_written() -> None:
    """Once: the next refresh finds it as it should be."""
    world = World()
    world.save(a_state(a_watched(a_finding())))
    assert world.writer.refresh(STREAM)
    world.save(a_state(a_watched(a_finding("CVE-2")), version=2))

    assert world.writer.refresh(STREAM)
    assert not world.writer.refresh(STREAM)

    copy = world.copies.get(STREAM)
    assert copy is not None
    assert copy.state.version == 2
    assert copy.alternating == ("main", "pr")


def test_a_copy_that_an_older_writer_wrote_last_is_written_again() -> None:
    """Readers do not go back in time for longer than a day."""
    world = World()
    world.save(a_state(a_watched(a_finding())))
    world.writer.refresh(STREAM)
    old = world.copies.get(STREAM)
    assert old is not None
    world.save(a_state(a_watched(), version=2))
    world.writer.refresh(STREAM)

    world.copies.put(old)

    assert world.writer.refresh(STREAM)
    assert world.copies.version(STREAM) == 2


def test_the_copy_of_a_stream_without_images_goes() -> None:
    """What was deleted is in no list."""
    world = World()
    world.save(a_state(a_watched(a_finding())))
    world.writer.refresh(STREAM)
    world.save(a_state(version=2))

    world.writer.refresh(STREAM)

    assert world.copies.get(STREAM) is None


def test_a_stream_without_a_state_has_no_copy() -> None:
    """Neither before its first image, nor where the state is not stored any more."""
    world = World()

    assert not world.writer.refresh(STREAM)
    world.save(a_state(a_watched()), key="expired")

    assert not world.writer.refresh(STREAM)
    assert world.copies.get(STREAM) is None
