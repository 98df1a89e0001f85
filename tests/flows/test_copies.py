"""Copies follow the rows of their streams."""

from dataclasses import replace
from datetime import timedelta

import pytest

from lib.flows.copies import CopyWriter
from lib.flows.syncs import SyncOutcome
from lib.models import StreamId
from lib.models.current import CurrentCopy
from lib.models.streams import Arrival, StreamState, TagRow, Watch
from tests.support.builders import NOW, a_digest, a_finding
from tests.support.current import MemoryCopies
from tests.support.streams import STREAM, a_state, a_watched

TAGS = tuple(
    TagRow(tag, a_digest(number), NOW + timedelta(hours=number))
    for number, tag in enumerate(("main-1", "pr-1", "main-2", "pr-2"))
)
FIRST = a_state(a_watched(a_finding()))
SECOND = a_state(a_watched(a_finding("CVE-2")), version=2)
EMPTY = a_state(version=2)


def synced(state: StreamState, *, advanced: bool = True) -> SyncOutcome:
    """Return the outcome of a sync of the stream."""
    return SyncOutcome(
        STREAM,
        state,
        TAGS,
        Watch(None, (), current_runs=False, arrival=Arrival.SCAN, reason=""),
        (),
        (),
        advanced=advanced,
    )


@pytest.fixture
def copies() -> MemoryCopies:
    return MemoryCopies()


@pytest.fixture
def writer(copies: MemoryCopies) -> CopyWriter:
    return CopyWriter(copies)


def the_copy(copies: MemoryCopies) -> CurrentCopy:
    """Return the copy of the stream."""
    copy = copies.get(STREAM)
    assert copy is not None
    return copy


def test_each_new_state_is_copied(writer: CopyWriter, copies: MemoryCopies) -> None:
    """With what its tags say about it."""
    assert writer.follow(synced(FIRST))
    assert writer.follow(synced(SECOND))

    copy = the_copy(copies)
    assert copy.state.version == 2
    assert copy.alternating == ("main", "pr")


@pytest.fixture
def asked(copies: MemoryCopies, monkeypatch: pytest.MonkeyPatch) -> list[StreamId]:
    """Return the streams whose copies are asked for their version, as they are asked."""
    asked: list[StreamId] = []
    version = copies.version
    monkeypatch.setattr(copies, "version", lambda stream: asked.append(stream) or version(stream))
    return asked


def test_a_sync_that_changed_nothing_writes_nothing(
    writer: CopyWriter, asked: list[StreamId]
) -> None:
    """Nor does it ask for a version; the daily pass does."""
    writer.follow(synced(FIRST))

    assert not writer.follow(synced(FIRST, advanced=False))
    assert asked == []
    assert not writer.follow(synced(FIRST, advanced=False), compares=True)
    assert asked == [STREAM]


def test_a_copy_whose_write_was_lost_is_made_up_for(
    writer: CopyWriter, copies: MemoryCopies
) -> None:
    """By the next call that compares."""
    writer.follow(synced(FIRST))

    assert not writer.follow(synced(SECOND, advanced=False))
    assert writer.follow(synced(SECOND, advanced=False), compares=True)

    assert the_copy(copies).state.version == 2


def test_a_copy_that_an_older_writer_wrote_last_is_written_again(
    writer: CopyWriter, copies: MemoryCopies
) -> None:
    """Readers do not go back in time for longer than a day."""
    writer.follow(synced(SECOND))
    writer.follow(synced(FIRST))

    assert writer.follow(synced(SECOND, advanced=False), compares=True)

    assert the_copy(copies).state.version == 2


def test_the_copy_of_a_stream_without_images_goes(writer: CopyWriter, copies: MemoryCopies) -> None:
    """What was deleted is in no list, also where the first deletion was lost."""
    writer.follow(synced(FIRST))

    assert writer.follow(synced(EMPTY))
    assert copies.get(STREAM) is None
    copies.put(CurrentCopy(replace(FIRST, version=1)))

    assert writer.follow(synced(EMPTY, advanced=False), compares=True)
    assert not writer.follow(synced(EMPTY, advanced=False), compares=True)

    assert copies.get(STREAM) is None
