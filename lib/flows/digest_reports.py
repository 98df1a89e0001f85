"""
Links from a digest to the alerts of its images: their threads, and the last report pages.

A link to a page is signed when the digest is sent, like the link of an alert, and for as long.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Final, TypeVar

from lib.flows.pages import ReportPages
from lib.models import Digest, RepositoryDigest, StreamId, UnscannedImage
from lib.models.views import View
from lib.ports.streams import StreamStore

_READ: Final = 10
"""Streams that are read for links. Each can cost a look for its page, too."""
_READ_UNSCANNED: Final = 5
"""Further streams, of images without a result."""


_Row = TypeVar("_Row", RepositoryDigest, UnscannedImage)


class DigestReports:
    """Adds links to digests, where the deployment has links."""

    def __init__(self, *, streams: StreamStore, pages: ReportPages) -> None:
        self._streams = streams
        self._pages = pages

    def linked(self, digest: Digest) -> Digest:
        """Return a digest with its links. Raises `StoreError` and `ConfigError`."""
        streams = dict.fromkeys(stream for row in digest.repositories for stream in _streams(row))
        troubled = dict.fromkeys(stream for row in digest.unscanned for stream in row.streams)
        read = dict.fromkeys([*islice(streams, _READ), *islice(troubled, _READ_UNSCANNED)])
        views = {
            stream: self._streams.read(stream, only=digest.destination).views.get(
                digest.destination
            )
            for stream in read
        }
        links = {
            row.image.key: url
            for row in digest.unscanned
            for stream in row.streams[:1]
            if (url := self._url(views.get(stream))) is not None
        }
        links |= {
            row.image.key: url
            for row in digest.repositories
            if row.images == 1
            and row.image is not None
            and row.stream is not None
            and (url := self._url(views.get(row.stream))) is not None
        }
        repositories = tuple([_threaded(row, views) for row in digest.repositories])
        unscanned = tuple([_threaded(row, views) for row in digest.unscanned])
        return replace(digest, reports=links, repositories=repositories, unscanned=unscanned)

    def _url(self, view: View | None) -> str | None:
        """Return the link to the report of the last alert; None where it cannot be opened."""
        key = None if view is None else view.last_message
        page = None if key is None else self._pages.page(key)
        return page.url if page is not None and page.url and self._pages.exists(page.key) else None


def _streams(row: RepositoryDigest) -> Iterator[StreamId]:
    """Yield the stream of the report, then those with something open."""
    if row.images == 1 and row.image is not None and row.stream is not None:
        yield row.stream
    yield from row.streams


def _threaded(row: _Row, views: Mapping[StreamId, View | None]) -> _Row:
    own = [view for stream in row.streams if (view := views.get(stream)) is not None]
    threads = dict.fromkeys(view.thread for view in own if view.thread is not None)
    return replace(row, threads=tuple(threads)) if threads else row
