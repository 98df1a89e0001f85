"""
The ports of `lib.sources`: calls to AWS in the terms of the flows.

Tests use fakes.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Final, NamedTuple, Protocol

from lib.models import (
    AnyReport,
    Image,
    ImageIndex,
    LastScan,
    Provenance,
    PullThroughCache,
    RepositorySettings,
    SameReport,
    Scan,
    Workload,
)
from lib.models.immutable import immutable
from lib.models.names import Json
from lib.models.streams import CoveredImage

FETCH_RESERVE: Final = 45.0
"""Seconds at the end of a function in which no further page is fetched."""


@immutable(frozen=True, slots=True)
class Fetching:
    """The time for fetching findings, and what earlier invocations know of them."""

    seconds_left: Callable[[], float] = lambda: float("inf")
    """Seconds until the function ends."""
    pages: Sequence[Json] = ()
    """The first pages of the list, as AWS returned them."""
    stored: str | None = None
    """The fingerprint of the stored report; None: nobody compares with one."""

    @property
    def is_over(self) -> bool:
        """Whether the remaining time is needed to process the fetched pages."""
        return self.seconds_left() < FETCH_RESERVE


ALL_THE_TIME: Final = Fetching()


class FindingSource(Protocol):
    """Fetches and normalizes the findings of an image."""

    def report(
        self,
        image: Image,
        scan: Scan,
        *,
        announced: int | None = None,
        fetching: Fetching = ALL_THE_TIME,
    ) -> AnyReport | SameReport:
        """
        Return the report of an image, from all pages.

        Where its rows have the fingerprint that is stored, that alone may be returned.

        `scan` comes from an event, and `announced` is the number of findings in it. At least one
        page is fetched. Raises `OutOfTimeError` if `fetching` is over before the last page,
        `FindingsNotReadyError` (also for fewer findings than announced), `ImageGoneError`,
        `SourceError`, and `EventError` for an image of another region.
        """

    def describe(self, image: Image) -> Image:
        """
        Return the image with its push time and tags from the registry.

        Raises `ImageGoneError`, `NotAnImageError`, `SourceError`.
        """

    def index(self, image: Image) -> ImageIndex | None:
        """
        Return the members of an index; None for an image that is no index.

        Raises `ImageGoneError`, `SourceError`.
        """


class Coverage(Protocol):
    """Knows which images Inspector monitors, and what runs them."""

    def covered(self, image: Image | None = None) -> Iterator[CoveredImage]:
        """
        Yield what is known of each image of the account and region, or of one image.

        Raises `SourceError`.
        """

    def covered_in(self, repositories: Sequence[str]) -> Iterator[CoveredImage]:
        """Yield what is known of the images of some repositories. Raises `SourceError`."""


class Workloads(Protocol):
    """Reads where images run."""

    def running(self, image: Image, *, members: Sequence[str] = ()) -> tuple[Workload, ...]:
        """
        Return the workloads of an image. `members`: digests of the images of an index.

        Changes of the last minutes may be missing. Raises `SourceError`.
        """

    def images(self) -> tuple[Image, ...]:
        """
        Return the images that anything runs: with the digest that was pulled, else with a tag.

        Raises `SourceError`.
        """


class ProvenanceSource(Protocol):
    """Reads the origin of images from their annotations and labels."""

    def provenance(self, image: Image, member: str | None = None) -> Provenance:
        """
        Return the provenance in an image's annotations and labels.

        `member`: the digest of the member of an index whose labels count. Raises `SourceError`.
        """


class ListedImage(NamedTuple):
    """An image or index in the list of a repository."""

    image: Image
    is_index: bool


class ImageRegistry(Protocol):
    """Lists repositories, images, and the states of their scans."""

    def repositories(self) -> Sequence[str]:
        """Return the names of all repositories. Raises `SourceError`."""

    def images(self, repository: str, *, since: datetime) -> Sequence[Image | ImageIndex]:
        """
        Return the images of a repository pushed since a time that can have a scan, in no order.

        An index represents its untagged members. Raises `SourceError`.
        """

    def listed(self, repository: Image) -> Iterator[ListedImage]:
        """
        Yield the images and indexes of a repository that can be scanned, in no order.

        Raises `RepositoryGoneError`, `SourceError`.
        """

    def indexes(self, images: Sequence[Image]) -> Sequence[ImageIndex]:
        """Return the indexes among some images of a repository. Raises `SourceError`."""

    def last_scan(self, image: Image) -> LastScan:
        """Return the last scan of an image. Raises `ImageGoneError`, `SourceError`."""


class RepositorySource(Protocol):
    """Reads the settings of repositories."""

    def repositories(self) -> Sequence[Image]:
        """Return all repositories, as images without a digest. Raises `SourceError`."""

    def templates(self) -> Sequence[Image]:
        """
        Return the templates that repositories are created by, as images without a digest.

        Their names are `CreationTemplate.name`. Raises `NotAllowedError`, and `SourceError`.
        """

    def cache(self, repository: Image) -> PullThroughCache | None:
        """
        Return the pull-through cache that a repository belongs to; None for other repositories.

        Raises `NotAllowedError` for a denied call, and `SourceError`.
        """

    def settings(self, repository: Image) -> RepositorySettings:
        """
        Return the settings of a repository, or of a template, by its name.

        Raises `ImageGoneError`, `NotAllowedError` for denied calls, and `SourceError`.
        """
