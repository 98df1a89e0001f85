"""
The ports of `lib.store` about fetched reports, tags, report pages and secrets.

Tests use fakes, which pass the contract tests of the stores.
"""

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Protocol

from lib.models import AnyReport, Image, TagTarget
from lib.models.deliveries import Page
from lib.models.immutable import immutable
from lib.models.names import Json


@immutable(frozen=True, slots=True)
class Progress:
    """Findings fetched before the time was over, of an image or of an index's members."""

    reports: Mapping[str, AnyReport] = field(default_factory=dict)
    """Complete reports by digest."""
    digest: str = ""
    pages: Sequence[Json] = ()
    """The first pages of the incomplete image `digest`."""


class ProgressStore(Protocol):
    """Keeps fetched findings for the next invocation, for some days."""

    def put(self, progress: Progress) -> str:
        """Store progress; return its key. Raises `StoreError`."""

    def get(self, key: str) -> Progress | None:
        """Return progress; None if its retention is over. Raises `StoreError`."""


class TagStore(Protocol):
    """Targets of tags."""

    def tag(self, image: Image) -> TagTarget | None:
        """Return the target of a tag; None if no push of the tag is known."""

    def point(self, image: Image, target: TagTarget) -> None:
        """Store the target of a tag, unless a later push is stored."""


class PageStore(Protocol):
    """Report pages that were made. All methods raise `StoreError`."""

    def has(self, key: str) -> bool:
        """Return whether an object exists."""

    def put(self, key: str, content: bytes) -> None:
        """Store a page, over another one if there is one."""

    def read(self, key: str) -> bytes | None:
        """Return the HTML of a page; None if it does not exist (any more)."""

    def address(self, key: str) -> str:
        """Return an address that opens a stored page for some minutes."""


class PageReader(Protocol):
    """Reads report pages."""

    def read(self, key: str) -> bytes | None:
        """
        Return the HTML of a page, which is made if nobody has opened it yet.

        None when what it is made from is not kept any more. Raises `StoreError`.
        """


class PageLinks(Protocol):
    """Addresses of report pages, which need not exist yet."""

    def page(self, pinned_key: str) -> Page:
        """Return the page of a pinned message. Raises `ConfigError`: the secret of links."""


class SecretReader(Protocol):
    """Reads secrets by name, with a cache of some minutes."""

    def read(self, reference: Mapping[str, str]) -> str:
        """Return the text behind `{secret: name}` or `{parameter: name}`. Raises `ConfigError`."""

    def renew(self) -> bool:
        """Read all cached secrets again, and return whether one has changed."""
