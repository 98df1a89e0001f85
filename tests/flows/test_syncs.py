"""A sync of one stream."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from cli.simulation.memory import MemoryStreams
from lib.core.stream_plan import TAGS_KEPT
from lib.core.sync import SyncRules
from lib.core.verdicts import RuleSet
from lib.flows.syncs import StreamSync
from lib.models import Destination, Removal, StreamId
from lib.models.streams import ConfirmedTags, ImageRow, TagFact, TagNews, Use
from lib.ports.streams import ImageRecord, StreamPartition, StreamRow, ViewWrite
from tests.support.builders import NOW, a_digest, a_finding, a_report, an_image
from tests.support.streams import STREAM, a_reported, a_view, an_agreement

LONG_AGO = NOW - timedelta(days=9)


def a_sync(store: MemoryStreams) -> StreamSync:
    rules = SyncRules(RuleSet(()), (), {}, LONG_AGO)
    return StreamSync(
        streams=store, images=store, objects=store, rules=lambda: rules, now=lambda: NOW
    )


def a_store(*rows: ImageRow) -> MemoryStreams:
    """Return a store that holds these images."""
    store = MemoryStreams()
    for row in rows:
        store.put(ImageRecord(row), streams=[STREAM])
    return store


def test_a_stream_keeps_its_newest_tags_and_those_of_what_runs() -> None:
    """However many releases there are."""
    uses = {"ecs": Use(NOW)}
    store = a_store(ImageRow(an_image(1), LONG_AGO, uses=uses), ImageRow(an_image(200), LONG_AGO))
    sync = a_sync(store)
    for number in range(1, 201):
        at = LONG_AGO + timedelta(minutes=number)
        sync.keep(TagNews((TagFact(STREAM, f"1.{number}", a_digest(number), at),)), [STREAM])

    outcome = sync.sync(STREAM, "push")

    tags = store.read(STREAM).row.tags
    assert len(tags) == TAGS_KEPT + 1
    assert [tags[0].tag, tags[1].tag, tags[-1].tag] == ["1.1", "1.101", "1.200"]
    assert [image.digest for image in outcome.watch.running] == [a_digest(1)]


def test_a_tag_that_ecr_does_not_name_any_more_is_gone() -> None:
    """In each stream of the image; others are not looked at."""
    store = a_store(ImageRow(an_image(1), LONG_AGO, LONG_AGO))
    sync = a_sync(store)
    sync.keep(TagNews((TagFact(STREAM, "1.4.1", a_digest(1), LONG_AGO),)), [STREAM])
    assert sync.sync(STREAM, "push").watch.current is not None

    sync.keep(TagNews((), ConfirmedTags(an_image(1, tags=()), NOW, (STREAM,))), [STREAM])

    assert sync.sync(STREAM, "daily").watch.current is None


def test_an_image_is_compared_with_what_is_current_in_its_streams() -> None:
    """Never with itself, and with nothing before the first state."""
    store = a_store(ImageRow(an_image(1), LONG_AGO, LONG_AGO), ImageRow(an_image(2), LONG_AGO))
    sync = a_sync(store)
    assert list(sync.findings_before(an_image(2), [STREAM])) == []

    sync.keep(TagNews((TagFact(STREAM, "1.4.1", a_digest(1), LONG_AGO),)), [STREAM])
    sync.sync(STREAM, "push")

    assert list(sync.findings_before(an_image(2), [STREAM])) == [()]
    assert list(sync.findings_before(an_image(1), [STREAM])) == []


def test_a_watched_image_that_changed_unwatched_is_named() -> None:
    """So that its report is fetched; an image that does not count stays as it is."""
    store = MemoryStreams()
    for number in (1, 2):
        row = ImageRow(an_image(number), LONG_AGO, LONG_AGO)
        store.put(ImageRecord(row, stale=True), streams=[STREAM])
    sync = a_sync(store)
    for number in (1, 2):
        at = LONG_AGO + timedelta(minutes=number)
        sync.keep(TagNews((TagFact(STREAM, f"1.{number}", a_digest(number), at),)), [STREAM])

    assert [image.digest for image in sync.sync(STREAM, "tag").stale] == [a_digest(2)]


def test_a_stream_names_its_watched_images_for_the_passes() -> None:
    """The current image first."""
    uses = {"ecs": Use(NOW)}
    store = a_store(
        ImageRow(an_image(1), LONG_AGO, LONG_AGO, uses=uses),
        ImageRow(an_image(2), LONG_AGO, LONG_AGO),
    )
    sync = a_sync(store)
    for number in (1, 2):
        at = LONG_AGO + timedelta(minutes=number)
        sync.keep(TagNews((TagFact(STREAM, f"1.{number}", a_digest(number), at),)), [STREAM])

    sync.sync(STREAM, "tag")

    assert store.read(STREAM).row.watched == (a_digest(2), a_digest(1))
    assert list(store.watched()) == [(STREAM, (a_digest(2), a_digest(1)))]


def test_a_stream_whose_images_are_gone_is_at_rest_until_the_next_event() -> None:
    """The daily pass does not grow with every branch that ever was."""
    store = a_store(ImageRow(an_image(1), LONG_AGO, LONG_AGO))
    sync = a_sync(store)
    pushed = TagFact(STREAM, "pr-7", a_digest(1), LONG_AGO)
    sync.keep(TagNews((pushed,)), [STREAM])
    sync.sync(STREAM, "push")
    assert list(store.streams()) == [STREAM]

    sync.keep(TagNews((replace(pushed, at=NOW, removal=Removal.DELETED),)), [STREAM])
    sync.sync(STREAM, "deleted")
    assert list(store.streams()) == []

    sync.keep(TagNews((replace(pushed, at=NOW + timedelta(hours=1)),)), [STREAM])
    assert list(store.streams()) == [STREAM]


def test_a_stream_of_which_something_is_reported_is_not_at_rest() -> None:
    """Its views must be brought to an end first."""
    store = a_store(ImageRow(an_image(1), LONG_AGO, LONG_AGO))
    view = a_view(a_reported(), agreed=an_agreement())
    store.write(StreamRow(STREAM), StreamRow(STREAM), [ViewWrite(view, None)])
    sync = a_sync(store)

    sync.sync(STREAM, "daily")

    assert list(store.streams()) == [STREAM]


def test_a_report_whose_retention_is_over_is_fetched_again() -> None:
    """It is no first scan; what the stream knew stays until then."""
    store = a_store(ImageRow(an_image(1), LONG_AGO, LONG_AGO))
    record = store.records([an_image(1)])[an_image(1).key]
    key = store.put_report(a_report(a_finding()))
    store.put(replace(record, report_key=key, fetched_at=LONG_AGO))
    sync = a_sync(store)
    sync.keep(TagNews((TagFact(STREAM, "1.4.1", a_digest(1), LONG_AGO),)), [STREAM])
    first = sync.sync(STREAM, "push")
    record = store.records([an_image(1)])[an_image(1).key]
    store.put(replace(record, report_key="report/gone"))

    second = sync.sync(STREAM, "daily")

    assert (first.stale, [image.digest for image in second.stale]) == ((), [a_digest(1)])
    assert second.state == first.state


class Raced(MemoryStreams):
    """A store in which somebody else writes a stream after it was read for the first time."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0
        self.meanwhile: Callable[[], object] | None = None

    def read(self, stream: StreamId, *, only: Destination | None = None) -> StreamPartition:
        self.reads += 1
        partition = super().read(stream, only=only)
        if self.meanwhile is not None:
            act, self.meanwhile = self.meanwhile, None
            act()
        return partition


PUSHED = TagNews((TagFact(STREAM, "1.1", a_digest(1), LONG_AGO),))


def test_a_sync_goes_on_with_what_was_read_for_its_event() -> None:
    """A first report is compared with the stream; what was read for that is not read again."""
    store = Raced()
    store.put(ImageRecord(ImageRow(an_image(1), LONG_AGO, LONG_AGO)), streams=[STREAM])
    sync = a_sync(store)

    tuple(sync.findings_before(an_image(1), [STREAM]))
    outcome = sync.sync(STREAM, "scan", PUSHED)

    assert (store.reads, [image.digest for image in outcome.watch.images]) == (1, [a_digest(1)])


def test_a_sync_without_a_write_does_not_trust_what_was_read_before() -> None:
    """Rows that are written are compared with what was read; where none is, they are read anew."""
    store = Raced()
    for number in (1, 2):
        row = ImageRow(an_image(number), LONG_AGO, LONG_AGO)
        store.put(ImageRecord(row), streams=[STREAM])
    sync, other = a_sync(store), a_sync(store)
    sync.sync(STREAM, "push", PUSHED)
    later = TagFact(STREAM, "1.2", a_digest(2), LONG_AGO + timedelta(hours=1))
    store.meanwhile = lambda: other.keep(TagNews((later,)), [STREAM])

    assert sync.watches(an_image(1), [STREAM])
    outcome = sync.sync(STREAM, "finding")

    assert [image.digest for image in outcome.watch.images] == [a_digest(2)]


def test_a_sync_that_loses_a_race_reads_again_and_keeps_its_news() -> None:
    """Both pushes are there."""
    store = Raced()
    for number in (1, 2):
        row = ImageRow(an_image(number), LONG_AGO, LONG_AGO)
        store.put(ImageRecord(row), streams=[STREAM])
    sync, other = a_sync(store), a_sync(store)
    later = TagFact(STREAM, "1.2", a_digest(2), LONG_AGO + timedelta(hours=1))
    store.meanwhile = lambda: other.keep(TagNews((later,)), [STREAM])

    outcome = sync.sync(STREAM, "push", PUSHED)

    assert {tag.tag for tag in outcome.tags} == {"1.1", "1.2"}
    assert [image.digest for image in outcome.watch.images] == [a_digest(2)]
