"""
The ports of `lib.sources`: what AWS is asked for, in the words of the flows.

Tests fake them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from lib.models import (
    AnyReport,
    Image,
    ImageIndex,
    LastScan,
    Provenance,
    RepositorySettings,
    Scan,
    Workload,
)
from lib.models.names import Json

FETCH_RESERVE: Final = 45.0
"""Seconds before the end of a function in which no further page is fetched."""


@dataclass(frozen=True, slots=True)
class Fetching:
    """How long findings may be fetched, and the pages that an earlier invocation fetched."""

    seconds_left: Callable[[], float] = lambda: float("inf")
    """Until the function ends."""
    pages: Sequence[Json] = ()
    """The first pages of the list, as the source returned them."""

    @property
    def is_over(self) -> bool:
        """Whether the rest of the time is needed for what was fetched."""
        return self.seconds_left() < FETCH_RESERVE


ALL_THE_TIME: Final = Fetching()


class FindingSource(Protocol):
    """Fetches the findings of one image and understands them."""

    def report(
        self,
        image: Image,
        scan: Scan,
        *,
        announced: int | None = None,
        fetching: Fetching = ALL_THE_TIME,
    ) -> AnyReport:
        """
        Return everything the scanner listed for this image, from all pages.

        `scan` is what the event said, `announced` how many findings it counted. At least one page
        is fetched. Raises `OutOfTimeError` when `fetching` is over before the last page,
        `FindingsNotReadyError` (also when fewer are listed than announced), `ImageGoneError`,
        `SourceError`, and `EventError` for an image that cannot be asked for from here.
        """

    def describe(self, image: Image) -> Image:
        """
        Return the image with what its registry knows: when it was pushed, and its tags.

        Raises `ImageGoneError`, `NotAnImageError`, `SourceError`.
        """

    def index(self, image: Image) -> ImageIndex | None:
        """
        Return what an image consists of when it is an index; None for an image of its own.

        Raises `ImageGoneError`, `SourceError`.
        """


class Workloads(Protocol):
    """Knows what runs where."""

    def running(self, image: Image, *, members: Sequence[str] = ()) -> tuple[Workload, ...]:
        """
        Return what runs an image; `members`: of an index, the digests of its images.

        What changed in the last minutes may be missing. Raises `SourceError`.
        """


class ProvenanceSource(Protocol):
    """Reads what images say about where they were made from."""

    def provenance(self, image: Image, member: str | None = None) -> Provenance:
        """
        Return what its annotations and labels say.

        `member`: of an index, the digest of the image whose labels count. Raises `SourceError`.
        """


class ImageRegistry(Protocol):
    """What the registry holds, and how far its scans are."""

    def repositories(self) -> Sequence[str]:
        """Return the names of all repositories. Raises `SourceError`."""

    def images(self, repository: str, *, since: datetime) -> Sequence[Image | ImageIndex]:
        """
        Return what was pushed into a repository since then and can have a scan, in no order.

        An index stands for the untagged images in it. Raises `SourceError`.
        """

    def last_scan(self, image: Image) -> LastScan:
        """Return how far the last scan of an image is. Raises `ImageGoneError`, `SourceError`."""


class RepositorySource(Protocol):
    """How repositories are set up."""

    def repositories(self) -> Sequence[Image]:
        """Return all repositories, as images without a digest. Raises `SourceError`."""

    def settings(self, repository: Image) -> RepositorySettings:
        """
        Return how a repository is set up.

        Raises `ImageGoneError`, `NotAllowedError` for what may not be read, and `SourceError`.
        """
