"""Rounds of syncs, and everything that follows from them."""

from datetime import timedelta
from typing import Any

import pytest

from cli.simulation.memory import MemoryStreams
from lib.core.streams import StreamRule
from lib.core.sync import SyncRules
from lib.core.worth_notifying import Profile
from lib.errors import ConflictError, StoreError
from lib.flows.copies import CopyWriter
from lib.flows.rounds import SyncFailure, SyncRounds, first_error
from lib.flows.syncs import StreamSync
from lib.models import ScanEvent, StreamId
from lib.models.streams import ImageRow, TagFact, TagNews
from lib.normalizer.events import parse_event
from lib.ports.streams import ImageRecord
from tests.support.builders import NOW, a_finding, a_report, an_image
from tests.support.current import MemoryCopies
from tests.support.streams import STREAM, TEAM, some_rules

LONG_AGO = NOW - timedelta(days=9)
RELEASES = StreamId(f"{STREAM}|v*")


class World:
    """A stream with one current image, and everything that a round reaches."""

    def __init__(self, *streams: StreamRule) -> None:
        self.store, self.copies = MemoryStreams(), MemoryCopies()
        self.now = NOW
        self.woken: list[Any] = []
        self.events: list[Any] = []
        self.queued: list[tuple[list[StreamId], str]] = []
        rules = SyncRules(some_rules(), streams, {TEAM: Profile()}, LONG_AGO)
        self.syncs = StreamSync(
            streams=self.store,
            images=self.store,
            objects=self.store,
            rules=lambda: rules,
            now=lambda: self.now,
        )
        self.rounds = SyncRounds(
            syncs=self.syncs,
            waker=self,
            events=self,
            queue=self,  # type: ignore[arg-type]  # it has one `put` for both
            copies=CopyWriter(self.copies),
            now=lambda: NOW,
        )

    def scanned(self, tag: str, *, stale: bool = False) -> None:
        """Store an image of a tag with one finding."""
        image = an_image(1, tags=(tag,))
        key = self.store.put_report(a_report(a_finding(), image=image))
        row = ImageRow(image, LONG_AGO, LONG_AGO)
        record = ImageRecord(row, report_key=key, fetched_at=LONG_AGO, stale=stale)
        self.store.put(record, streams=[STREAM])
        self.syncs.keep(TagNews((TagFact(STREAM, tag, image.digest, LONG_AGO),)), [STREAM])

    def wake(self, wake_ups: Any) -> int:
        self.woken += wake_ups
        return 1

    def revisit(self, event: Any, *, delay_seconds: int) -> None:
        raise NotImplementedError

    def put(self, messages: Any, cause: str | None = None) -> int:
        if cause is None:
            self.events += messages
        else:
            self.queued.append((list(messages), cause))
        return 1


def test_what_a_sync_opens_is_woken_and_its_copy_is_written() -> None:
    """Once; a round without a difference does nothing."""
    world = World()
    world.scanned("1.4.2")

    (outcome,) = world.rounds.run([STREAM, STREAM], "scan")
    tuple(world.rounds.run([STREAM], "scan"))

    assert isinstance(outcome, type(world.syncs.sync(STREAM, "scan")))
    assert [(one.destination, one.attempts) for one in world.woken] == [(TEAM, 0)]
    assert world.copies.version(STREAM) == 1


def test_a_lost_copy_is_made_up_for_by_the_daily_pass() -> None:
    """Other rounds do not ask for it."""
    world = World()
    world.scanned("1.4.2")
    tuple(world.rounds.run([STREAM], "scan"))
    world.copies.__init__()  # type: ignore[misc]  # what was written is lost

    tuple(world.rounds.run([STREAM], "rules"))
    assert world.copies.version(STREAM) is None
    tuple(world.rounds.run([STREAM], "daily"))

    assert world.copies.version(STREAM) == 1


def test_a_stream_that_takes_over_tags_is_synced_in_the_same_round() -> None:
    """alerts.yml puts v* into a stream of its own."""
    world = World(StreamRule(("v*",)))
    world.scanned("v1")

    outcomes = tuple(world.rounds.run([STREAM], "rules"))

    assert [outcome.stream for outcome in outcomes] == [STREAM, RELEASES]


def test_a_stale_report_is_fetched_by_an_event_of_its_own() -> None:
    """It has its own retries and its own dead letter."""
    world = World()
    world.scanned("1.4.2", stale=True)

    tuple(world.rounds.run([STREAM], "push"))

    (event,) = map(parse_event, world.events)
    assert isinstance(event, ScanEvent)
    assert (event.image.key, event.scan.status) == (an_image(1).key, "UNKNOWN")


def test_what_there_is_no_time_for_goes_to_the_queue() -> None:
    """Together with what was not begun."""
    world, seconds = World(), iter([True, False])

    outcomes = tuple(world.rounds.run([STREAM, RELEASES], "daily", has_time=lambda: next(seconds)))

    assert [outcome.stream for outcome in outcomes] == [STREAM]
    assert world.queued == [([RELEASES], "daily")]


def test_what_an_event_says_of_tags_is_kept_for_streams_that_are_left() -> None:
    """The queue names streams alone."""
    world = World()
    news = TagNews((TagFact(RELEASES, "v1", "sha256:1", LONG_AGO),))

    tuple(world.rounds.run([RELEASES], "push", news, has_time=lambda: False))

    assert [tag.tag for tag in world.store.read(RELEASES).row.tags] == ["v1"]
    assert world.queued == [([RELEASES], "push")]


def test_what_an_event_says_of_tags_is_kept_where_the_sync_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its event may end among the dead letters; the next pass has the stream then."""
    world = World()
    news = TagNews((TagFact(STREAM, "1.4", "sha256:1", LONG_AGO),))

    def odd(*_: object) -> None:
        raise KeyError("a route")

    monkeypatch.setattr(world.syncs, "sync", odd)
    (failure,) = world.rounds.run([STREAM], "scan", news)

    assert isinstance(failure, SyncFailure)
    assert list(world.store.streams()) == [STREAM]


def test_a_stream_that_fails_hides_no_other() -> None:
    """Its error comes with its name."""
    world = World()
    world.scanned("1.4.2")
    read = world.store.read

    def refused(stream: StreamId) -> Any:
        if stream == RELEASES:
            raise StoreError("reading it: InternalServerError")
        return read(stream)

    world.store.read = refused  # type: ignore[method-assign]  # as DynamoDB now and then

    failure, outcome = world.rounds.run([RELEASES, STREAM], "daily")

    assert isinstance(failure, SyncFailure)
    assert (failure.stream, outcome.stream) == (RELEASES, STREAM)
    assert len(world.woken) == 1


@pytest.mark.parametrize(
    ("errors", "expected"),
    [((), None), ((ConflictError("a"), KeyError("b")), KeyError), ((StoreError("a"),), StoreError)],
)
def test_what_nobody_expected_is_the_error_of_a_round(errors: Any, expected: Any) -> None:
    """A repeat heals the others."""
    error = first_error([SyncFailure(STREAM, one) for one in errors])

    assert error is None if expected is None else isinstance(error, expected)


@pytest.mark.parametrize(
    ("days", "cause", "writes"),
    [(0, "daily", 0), (29, "daily", 0), (30, "daily", 1), (30, "scan", 0), (60, "daily", 1)],
)
def test_a_state_that_stays_is_written_again_each_month(days: int, cause: str, writes: int) -> None:
    """Objects expire after a year; the one that a row points to must not."""
    world = World()
    world.scanned("1.4.2")
    tuple(world.rounds.run([STREAM], "scan"))
    put, keys = world.store.put_state, []
    world.store.put_state = lambda state: keys.append(put(state)) or keys[-1]  # type: ignore[method-assign,func-returns-value]  # counted
    world.now = NOW + timedelta(days=days)

    tuple(world.rounds.run([STREAM], cause))

    assert len(keys) == writes
