"""
The AWS of each account and region in a story: a deployment asks only its own one.

What a story plays is one program for each of them in which it pushes images, with one table.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from cli.simulation.images import Place
from cli.simulation.registry import Registry
from lib.core.streams import repository_image
from lib.models import Image, ImageIndex, Scan, StreamId
from lib.models.streams import CoveredImage
from lib.ports.sources import ALL_THE_TIME, Fetching
from lib.ports.streams import StreamListing, WatchedDigests
from lib.sources.coverage import InspectorCoverage
from lib.sources.ecr import EcrFindingSource


class Sources:
    """Asks the registry of an image's account and region."""

    def __init__(self, registry: Registry, home: Place) -> None:
        self._registry = registry
        self._home = home
        self._by_place: dict[tuple[str, str], EcrFindingSource] = {}

    def _of(self, image: Image) -> EcrFindingSource:
        key = (image.account or self._home.account, image.region or self._home.region)
        if key not in self._by_place:
            client = self._registry.client_of("ecr", Place(*key, ""))
            self._by_place[key] = EcrFindingSource(client)
        return self._by_place[key]

    def report(
        self,
        image: Image,
        scan: Scan,
        *,
        announced: int | None = None,
        fetching: Fetching = ALL_THE_TIME,
    ) -> Any:
        """See `FindingSource.report`."""
        return self._of(image).report(image, scan, announced=announced, fetching=fetching)

    def describe(self, image: Image) -> Image:
        """See `FindingSource.describe`."""
        return self._of(image).describe(image)

    def index(self, image: Image) -> ImageIndex | None:
        """See `FindingSource.index`."""
        return self._of(image).index(image)


class OwnCoverage:
    """Asks Inspector in the region of an image."""

    def __init__(self, registry: Registry, home: Place) -> None:
        self._registry = registry
        self._home = home

    def covered(self, image: Image | None = None) -> Iterator[CoveredImage]:
        """See `Coverage.covered`."""
        return self._of(image.region if image is not None else None).covered(image)

    def covered_in(self, repositories: Sequence[str]) -> Iterator[CoveredImage]:
        """See `Coverage.covered_in`: those of the home region."""
        return self._of(None).covered_in(repositories)

    def _of(self, region: str | None) -> InspectorCoverage:
        place = Place(self._home.account, region or self._home.region, "")
        return InspectorCoverage(self._registry.client_of("inspector2", place))


class OwnStreams:
    """The streams of one account and region."""

    def __init__(self, listing: StreamListing, place: Place) -> None:
        self._listing = listing
        self._place = place

    def streams(self, *, after: StreamId | None = None) -> Iterable[StreamId]:
        """See `StreamListing.streams`."""
        return [stream for stream in self._listing.streams(after=after) if self._is_here(stream)]

    def watched(self) -> Iterable[WatchedDigests]:
        """See `StreamListing.watched`."""
        return [watched for watched in self._listing.watched() if self._is_here(watched[0])]

    def take_due(self, *, now: datetime) -> Sequence[StreamId]:
        """See `StreamListing.take_due`."""
        return [stream for stream in self._listing.take_due(now=now) if self._is_here(stream)]

    def _is_here(self, stream: StreamId) -> bool:
        repository = repository_image(stream)
        return (repository.account, repository.region) == (self._place.account, self._place.region)
