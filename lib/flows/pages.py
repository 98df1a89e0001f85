"""
Report pages: made when they are opened first, from the pinned message, and kept from then on.

    a message that is sent      -> `page`: its key and its link; nothing is read or written
    a link that is opened       -> `open`: the address of the page
    a receiver that takes files -> `read`: the page

A message never changes once it is pinned, so its page says the same whenever it is made.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from lib.models import Image, Page
from lib.models.streams import HistoryPoint, StreamState
from lib.models.views import PinnedMessage
from lib.ports.store import PageStore
from lib.ports.streams import StreamHistory, StreamObjects
from lib.urls.partitions import partition_of

_PINNED: Final = "pinned/"
_PAGES: Final = "pages/"
_HISTORY: Final = timedelta(days=180)
"""The age up to which a page shows the history of its stream."""
_ENTRIES: Final = 500
_PLACE: Final = re.compile(
    r"pages/(?P<account>\d+)/(?P<region>[^/]+)/(?P<repository>.+?)(?:/[0-9a-f]{12})?/[^/]+"
)
"""A stream by a pattern of tags has a hash of the pattern in its keys."""


@dataclass(frozen=True, slots=True)
class OpenedPage:
    """A page that can be read."""

    address: str
    """Opens it for some minutes."""
    is_new: bool
    """Whether it was made just now."""


@dataclass(frozen=True, slots=True)
class GonePage:
    """A page that is not kept any more, or whose message is not."""

    image: Image | None
    """The repository that it was about, as its key names it."""


class ReportPages:
    """See `lib.ports.store.PageLinks` and `PageReader`."""

    def __init__(
        self,
        *,
        pages: PageStore,
        objects: StreamObjects,
        history: StreamHistory,
        render: Callable[[PinnedMessage, Sequence[HistoryPoint]], str],
        link: Callable[[str], str | None],
    ) -> None:
        """`link` signs a key, or returns None where there are no links."""
        self._pages = pages
        self._objects = objects
        self._history = history
        self._render = render
        self._link = link

    def page(self, pinned_key: str) -> Page:
        """See `PageLinks.page`."""
        key = page_key(pinned_key)
        return Page(key, self._link(key))

    def open(self, key: str) -> OpenedPage | GonePage:
        """
        Return the address of a page, which is made if nobody has opened it yet.

        Two that open it at the same time make it twice, from the same message. Raises `StoreError`;
        then nothing is kept, and it may be opened again.
        """
        is_new = not self._pages.has(key)
        if is_new and self._made(key) is None:
            return GonePage(_repository(key))
        return OpenedPage(self._pages.address(key), is_new)

    def exists(self, key: str) -> bool:
        """Return whether a page can be opened. Makes nothing. Raises `StoreError`."""
        return self._pages.has(key) or self._pages.has(pinned_key(key))

    def read(self, key: str) -> bytes | None:
        """See `PageReader.read`."""
        content = self._pages.read(key)
        return self._made(key) if content is None else content

    def _made(self, key: str) -> bytes | None:
        """Make a page and keep it; None when its message is not kept any more."""
        message = self._objects.pinned(pinned_key(key)) if key.startswith(_PAGES) else None
        if not isinstance(message, PinnedMessage):
            return None
        html = self._render(message, self._points(message.state))
        content = html.encode("utf-8", "replace")
        self._pages.put(key, content)
        return content

    def _points(self, state: StreamState) -> Sequence[HistoryPoint]:
        """Return the history of a stream up to a state of it."""
        since = state.at - _HISTORY
        points = self._history.points(state.stream, since=since, limit=_ENTRIES)
        return [point for point in points if point.version <= state.version]


def page_key(pinned: str) -> str:
    """Return the key of the page of a pinned message."""
    name = pinned.removeprefix(_PINNED).removesuffix(".json.gz")
    return f"{_PAGES}{name}.html"


def pinned_key(page: str) -> str:
    """Return the key of the pinned message of a page."""
    name = page.removeprefix(_PAGES).removesuffix(".html")
    return f"{_PINNED}{name}.json.gz"


def _repository(key: str) -> Image | None:
    place = _PLACE.fullmatch(key)
    if place is None:
        return None
    partition = partition_of(place["region"]).name
    return Image(partition, place["account"], place["region"], place["repository"], "")
