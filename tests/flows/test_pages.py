"""Report pages: made when they are opened first, of the message and of nothing later."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from threading import Barrier, Thread

import pytest

from cli.simulation.memory import MemoryStreams
from lib.core.history import history_point
from lib.errors import StoreError
from lib.flows.pages import GonePage, OpenedPage, ReportPages, page_key, pinned_key
from lib.models import Image, notice_of
from lib.models.streams import HistoryPoint
from lib.models.views import PinnedMessage
from lib.page import render
from lib.ports.streams import StreamRow
from tests.support.builders import NOW, a_finding
from tests.support.digests import a_digest_of
from tests.support.notices import a_message
from tests.support.streams import STREAM, a_state, a_watched

MESSAGE = a_message(a_state(a_watched(a_finding()), version=2))


@dataclass
class MemoryPages:
    """See `PageStore`. Each call raises the error that is set for it."""

    kept: dict[str, bytes] = field(default_factory=dict)
    errors: dict[str, Exception] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if name in self.errors:
            raise self.errors[name]

    def has(self, key: str) -> bool:
        self._called("has")
        return key in self.kept

    def put(self, key: str, content: bytes) -> None:
        self._called("put")
        self.kept[key] = content

    def read(self, key: str) -> bytes | None:
        self._called("read")
        return self.kept.get(key)

    def address(self, key: str) -> str:
        self._called("address")
        return f"https://s3.example/{key}?signed"


class World:
    """Pages in memory, and with which history each was made."""

    def __init__(self) -> None:
        self.store, self.pages = MemoryStreams(), MemoryPages()
        self.made: list[list[int]] = []
        self.together = Barrier(1)
        self.pin = self.store.put_pinned(MESSAGE)
        self.key = page_key(self.pin)
        self.flow = ReportPages(
            pages=self.pages,
            objects=self.store,
            history=self.store,
            render=self.render,
            link=lambda key: f"https://links.example/{key}",
        )

    def render(self, message: PinnedMessage, history: Sequence[HistoryPoint]) -> str:
        self.together.wait(10)
        self.made.append([point.version for point in history])
        return render(notice_of(message), history, now=NOW)

    def advance(self, *versions: int) -> None:
        """Let the stream of the message have versions."""
        for version in versions:
            point = replace(history_point(MESSAGE.state), version=version)
            before, after = StreamRow(STREAM, version - 1), StreamRow(STREAM, version)
            self.store.write(before, after, [], point=point)


@pytest.fixture
def world() -> World:
    return World()


class TestLinks:
    def test_a_page_that_nobody_opens_costs_nothing(self, world: World) -> None:
        """A message gets its link without a read, a write or a rendering."""
        page = world.flow.page(world.pin)

        assert (page.key, page.url) == (world.key, f"https://links.example/{world.key}")
        assert (world.pages.calls, world.made) == ([], [])

    def test_the_key_of_a_page_leads_back_to_its_message(self) -> None:
        """Also where a repository is named like a part of the key."""
        for name in ("000474600478/eu-central-1/payments/api/000002-0a.json.gz", "a/pinned/b"):
            pin = f"pinned/{name.removesuffix('.json.gz')}.json.gz"
            assert pinned_key(page_key(pin)) == pin


class TestOpening:
    def test_the_first_opening_makes_the_page_and_the_second_finds_it(self, world: World) -> None:
        """Rendered once; the second one asks S3 whether it is there, and no more."""
        first = world.flow.open(world.key)
        world.pages.calls.clear()
        second = world.flow.open(world.key)

        address = f"https://s3.example/{world.key}?signed"
        assert (first, second) == (OpenedPage(address, True), OpenedPage(address, False))
        assert (len(world.made), world.pages.calls) == (1, ["has", "address"])

    def test_the_page_is_that_of_its_message_whatever_came_later(self, world: World) -> None:
        """The same bytes as on the day of the message, after the stream went on."""
        world.advance(1, 2)
        world.flow.open(world.key)
        then = world.pages.kept.pop(world.key)
        world.advance(3, 4)
        world.store.put_pinned(a_message(a_state(a_watched(), version=4)))

        world.flow.open(world.key)

        assert world.pages.kept[world.key] == then
        assert world.made == [[1, 2], [1, 2]]

    def test_two_that_open_it_at_once_get_the_same_page(self, world: World) -> None:
        """Both make it, from the same message."""
        world.together, opened = Barrier(2), []

        def reader() -> None:
            opened.append(world.flow.open(world.key))

        readers = [Thread(target=reader) for _ in range(2)]
        for thread in readers:
            thread.start()
        for thread in readers:
            thread.join(10)

        assert opened[0] == opened[1]
        assert (list(world.pages.kept), len(world.made)) == ([world.key], 2)

    def test_a_page_of_an_earlier_release_opens_without_its_message(self, world: World) -> None:
        """It was stored with the alert, under the same name."""
        world.pages.kept["pages/old/000001-a.html"] = b"<p>then</p>"

        assert isinstance(world.flow.open("pages/old/000001-a.html"), OpenedPage)
        assert world.made == []

    @pytest.mark.parametrize(
        ("key", "repository"),
        [
            ("pages/000474600478/eu-central-1/payments/api/000002-0a.html", "payments/api"),
            ("pages/000474600478/eu-central-1/api/0123456789ab/000002-0a.html", "api"),
        ],
    )
    def test_what_is_not_kept_any_more_is_said_with_its_repository(
        self, world: World, key: str, repository: str
    ) -> None:
        """The key names it, with or without a pattern of tags."""
        place = Image("aws", "000474600478", "eu-central-1", repository, "")

        assert world.flow.open(key) == GonePage(place)
        assert world.pages.kept == {}

    @pytest.mark.parametrize("key", ["digests/one.html", "pages/one.html", "states/one.json.gz"])
    def test_other_objects_make_no_page(self, world: World, key: str) -> None:
        """Only a pinned message has one."""
        assert world.flow.open(key) == GonePage(None)

    def test_a_digest_has_no_page(self, world: World) -> None:
        """Its pinned message is of another kind."""
        digest_key = world.store.put_pinned(a_digest_of())

        assert world.flow.open(page_key(digest_key)) == GonePage(None)

    @pytest.mark.parametrize("call", ["has", "put", "address"])
    def test_a_store_that_does_not_answer_keeps_nothing_false(
        self, world: World, call: str
    ) -> None:
        """The error is the answer, and the next opening makes the page."""
        world.pages.errors[call] = StoreError(f"{call}: AccessDenied")
        with pytest.raises(StoreError):
            world.flow.open(world.key)
        world.pages.errors.clear()

        assert isinstance(world.flow.open(world.key), OpenedPage)
        assert b"CVE-2024-0001" in world.pages.kept[world.key]

    @pytest.mark.parametrize("method", ["pinned", "points"])
    def test_no_page_is_kept_that_lacks_what_could_not_be_read(
        self, world: World, monkeypatch: pytest.MonkeyPatch, method: str
    ) -> None:
        """Neither the message nor the history."""

        def down(*_: object, **__: object) -> None:
            raise StoreError("DynamoDB or S3 does not answer")

        monkeypatch.setattr(world.store, method, down)

        with pytest.raises(StoreError):
            world.flow.open(world.key)
        assert world.pages.kept == {}

    def test_a_look_makes_nothing(self, world: World) -> None:
        """Whether a link opens is known by its page or by its message."""
        unknown = world.flow.exists(world.key)
        world.pages.kept[world.pin] = b"{}"

        assert (unknown, world.flow.exists(world.key)) == (False, True)
        assert world.flow.exists(world.pin)
        assert (world.made, list(world.pages.kept)) == ([], [world.pin])


class TestFiles:
    def test_a_receiver_that_takes_files_gets_the_page_that_a_link_opens(
        self, world: World
    ) -> None:
        """Made at the send, and kept for those who open the link."""
        content = world.flow.read(world.key)

        assert content == world.pages.kept[world.key] == world.flow.read(world.key)
        assert world.flow.open(world.key) == OpenedPage(
            f"https://s3.example/{world.key}?signed", False
        )
        assert len(world.made) == 1

    def test_what_is_gone_is_no_file(self, world: World) -> None:
        """Neither page nor message."""
        assert world.flow.read("pages/gone.html") is None
