"""Links from a digest to report pages: of the last alert, while they can be opened."""

from dataclasses import replace
from typing import Any, cast

from cli.simulation.memory import MemoryStreams
from lib.core.owners import Owners, with_owners
from lib.errors import StoreError
from lib.flows.couriers import NotifierCourier
from lib.flows.digest_reports import DigestReports
from lib.flows.pages import ReportPages, page_key, pinned_key
from lib.models import Destination, Digest, Owner, StreamId
from lib.models.views import View
from lib.ports.streams import StreamPartition, StreamRow, ViewWrite
from tests.flows.test_pages import MESSAGE, MemoryPages
from tests.support.builders import NOW
from tests.support.digests import SHOP, SLACK, a_digest_of
from tests.support.fakes import ScriptedNotifier
from tests.support.rows import a_row
from tests.support.streams import STREAM

ROW = replace(a_digest_of().repositories[1], stream=STREAM)
OWNERS: Owners = (("*", Owner("anybody")),)


class World:
    """A stream with one view, and the pages of its messages."""

    def __init__(self, *, has_links: bool = True) -> None:
        self.streams, self.kept = MemoryStreams(), MemoryPages()
        self.pages = ReportPages(
            pages=self.kept,
            objects=self.streams,
            history=self.streams,
            render=cast("Any", None),
            link=lambda key: f"https://links.example/{key}" if has_links else None,
        )
        self.reports = DigestReports(streams=self.streams, pages=self.pages)

    def sent(self, key: str | None) -> None:
        """Let a message be the last one of the stream."""
        before = self.streams.read(STREAM).views.get(SLACK)
        view = View(SLACK, STREAM, last_message=key)
        self.streams.write(StreamRow(STREAM), StreamRow(STREAM), [ViewWrite(view, before)])

    def keep(self) -> str:
        """Let a message be kept; return its key."""
        key = self.streams.put_pinned(MESSAGE)
        self.kept.kept[pinned_key(page_key(key))] = b""
        return key

    def links(self, digest: Digest | None = None) -> dict[str, str]:
        """Return the links of a digest of the stream."""
        return dict(self.reports.linked(digest or a_digest_of(repositories=(ROW,))).reports)


def test_the_link_opens_the_page_of_the_last_alert() -> None:
    """It is signed when the digest is sent."""
    world = World()
    key = world.keep()
    world.sent(key)

    assert world.links() == {SHOP.key: f"https://links.example/{page_key(key)}"}


def test_an_image_without_a_scan_has_the_page_of_its_last_alert() -> None:
    """It says why there is no result."""
    world = World()
    key = world.keep()
    world.sent(key)
    unscanned = replace(a_digest_of().unscanned[0], streams=(STREAM,))

    links = world.links(a_digest_of(repositories=(), unscanned=(unscanned,)))

    assert links == {unscanned.image.key: f"https://links.example/{page_key(key)}"}


def test_only_the_view_of_the_destination_is_read() -> None:
    """The others, and all notifications of the stream, are no part of its link."""
    world, asked = World(), []
    read = world.streams.read

    def noted(stream: StreamId, *, only: Destination | None = None) -> StreamPartition:
        asked.append(only)
        return read(stream, only=only)

    world.sent(world.keep())
    world.streams.read = noted  # type: ignore[method-assign]  # as DynamoDB is asked

    assert len(world.links()) == 1
    assert asked == [SLACK]


def test_the_threads_of_a_repository_are_those_of_its_streams() -> None:
    """An image of two streams has two, and one that was never reported has none."""
    world, other = World(), StreamId(f"{STREAM}|production")
    for stream, thread in ((STREAM, "site|SEC|SEC-1"), (other, "site|SEC|SEC-2")):
        view = View(SLACK, stream, thread=thread)
        world.streams.write(StreamRow(stream), StreamRow(stream), [ViewWrite(view, None)])
    rows = (
        replace(ROW, images=2, streams=(STREAM, other)),
        replace(ROW, streams=(StreamId("1/eu/unknown"),)),
    )

    first, second = world.reports.linked(a_digest_of(repositories=rows)).repositories

    assert first.threads == ("site|SEC|SEC-1", "site|SEC|SEC-2")
    assert second.threads == ()


def test_an_image_without_a_scan_has_the_threads_of_its_streams() -> None:
    """Of a few such images, whatever the repositories ask for."""
    world = World()
    for stream in [StreamId(f"{STREAM}|{n}") for n in range(9)]:
        view = View(SLACK, stream, thread=f"thread {stream}")
        world.streams.write(StreamRow(stream), StreamRow(stream), [ViewWrite(view, None)])
    (unscanned, *_) = a_digest_of().unscanned
    rows = [replace(unscanned, streams=(StreamId(f"{STREAM}|{n}"),)) for n in range(9)]

    linked = world.reports.linked(a_digest_of(unscanned=tuple(rows))).unscanned

    assert linked[0].threads == (f"thread {STREAM}|0",)
    assert [len(row.threads) for row in linked] == [1] * 5 + [0] * 4


def test_the_reads_of_a_digest_are_bounded() -> None:
    """However many repositories it lists; each stream is read once."""
    world, asked = World(), []
    read = world.streams.read

    def noted(stream: StreamId, *, only: Destination | None = None) -> StreamPartition:
        asked.append(stream)
        return read(stream, only=only)

    world.streams.read = noted  # type: ignore[method-assign]  # as DynamoDB is asked
    streams = [StreamId(f"{STREAM}|{n}") for n in range(40)]
    rows = [replace(ROW, stream=stream, streams=(stream,)) for stream in streams]

    world.reports.linked(a_digest_of(repositories=(*rows, *rows)))

    assert asked == streams[:10]


def test_what_cannot_be_opened_has_no_link() -> None:
    """No alert was sent, its message is not kept any more, there are no links, or many images."""
    world, unlinked = World(), World(has_links=False)

    assert world.links() == {}
    world.sent(None)
    assert world.links() == {}
    world.sent("pinned/gone")
    assert world.links() == {}
    world.sent(world.keep())
    unlinked.sent(unlinked.keep())
    assert unlinked.links() == {}
    for row in (replace(ROW, images=2), replace(ROW, image=None), replace(ROW, stream=None)):
        assert world.links(a_digest_of(repositories=(row,))) == {}


def test_a_digest_goes_out_whatever_is_wrong_with_its_links() -> None:
    """The reason is kept for the log."""
    world, notifier = World(), ScriptedNotifier()
    world.sent(world.keep())
    digest = a_digest_of(repositories=(ROW,))

    def courier(reports: DigestReports) -> NotifierCourier:
        return NotifierCourier(
            notifier,
            secrets=cast("Any", None),
            now=lambda: NOW,
            digest_completions=(reports.linked, lambda digest: with_owners(digest, OWNERS)),
        )

    class Unreachable(MemoryStreams):
        def read(self, stream: object, *, only: object = None) -> StreamPartition:
            raise StoreError(f"reading {only} of {stream}")

    courier(world.reports).send(a_row(), digest, None)
    broken = courier(DigestReports(streams=Unreachable(), pages=world.pages))
    broken.send(a_row(), digest, None)

    linked, plain = notifier.accepted
    for sent in (linked, plain):
        assert sent["alert"].repositories[0].owner == Owner("anybody")
    assert linked["alert"].reports == world.links()
    assert plain["alert"].reports == {}
    assert isinstance(broken.without_page, StoreError)
