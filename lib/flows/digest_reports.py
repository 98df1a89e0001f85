"""
Links from a digest to the report pages of its images: those of the last alerts of their streams.

They are signed when the digest is sent, like the link of an alert, and for as long.
"""

from dataclasses import replace
from typing import Final

from lib.flows.pages import ReportPages
from lib.models import Destination, Digest, RepositoryDigest, StreamId
from lib.ports.streams import StreamStore

_LINKED: Final = 10
"""Images that have a link: each costs a read of its stream, and a look for its page."""


class DigestReports:
    """Adds links to digests, where the deployment has links."""

    def __init__(self, *, streams: StreamStore, pages: ReportPages) -> None:
        self._streams = streams
        self._pages = pages

    def linked(self, digest: Digest) -> Digest:
        """Return a digest with its links. Raises `StoreError` and `ConfigError`."""
        single = [row for row in digest.repositories if row.images == 1][:_LINKED]
        links = {
            row.image.key: url
            for row in single
            if row.image is not None and (url := self._url(row, digest.destination)) is not None
        }
        return replace(digest, reports=links)

    def _url(self, row: RepositoryDigest, destination: Destination) -> str | None:
        """Return the link to the report of the last alert; None where it cannot be opened."""
        key = None if row.stream is None else self._last_message(row.stream, destination)
        page = None if key is None else self._pages.page(key)
        return page.url if page is not None and page.url and self._pages.exists(page.key) else None

    def _last_message(self, stream: StreamId, destination: Destination) -> str | None:
        view = self._streams.read(stream, only=destination).views.get(destination)
        return None if view is None else view.last_message
