"""
The scheduled passes: what no event says is found by looking.

    hourly    Inspector's coverage; then the watched images and those of the last day
    daily     every stream is synced
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from lib.errors import SourceError
from lib.flows.images import ImageFlow, ImageOutcome
from lib.models import Image, StreamId
from lib.ports.sources import Coverage
from lib.ports.streams import ImageRecord

RECENT: Final = timedelta(days=1)
"""Images that were pushed since then are looked at, whether they are watched or not."""


@dataclass(frozen=True, slots=True)
class PassOutcome:
    """The result of a pass."""

    streams: tuple[StreamId, ...]
    """To be synced."""
    passed_over: tuple[tuple[Image, SourceError], ...] = ()
    """Images that could not be read: the next pass tries again, and they hide no other."""
    without_coverage: SourceError | None = None
    """Why Inspector's coverage was not read."""


class HourlyPass:
    """Looks at the images that matter now."""

    def __init__(
        self,
        *,
        images: ImageFlow,
        coverage: Coverage,
        records: Callable[[], Iterable[ImageRecord]],
        watched: Callable[[Image], bool],
        now: Callable[[], datetime],
    ) -> None:
        self._images = images
        self._coverage = coverage
        self._records = records
        self._watched = watched
        self._now = now

    def run(self) -> PassOutcome:
        """Keep what coverage says, and fetch anew what it does not cover. Raises `StoreError`."""
        streams: list[StreamId] = []
        passed_over = []
        covered, without_coverage = self._covered(streams)
        records = list(self._records())
        gone: set[tuple[str | None, str | None, str]] = set()
        for record in records:
            image = record.row.image
            if image.key in covered or not self._matters(record):
                continue
            if _repository(image) in gone:
                continue
            try:
                outcome = self._fetched(image)
            except SourceError as error:
                passed_over.append((image, error))
                continue
            streams += outcome.streams
            if outcome.repository_gone:
                gone.add(_repository(image))
        for record in records:
            if _repository(record.row.image) in gone:
                streams += self._images.gone(record.row.image).streams
        return PassOutcome(tuple(dict.fromkeys(streams)), tuple(passed_over), without_coverage)

    def _covered(self, streams: list[StreamId]) -> tuple[set[str], SourceError | None]:
        keys = set()
        try:
            for covered in self._coverage.covered():
                keys.add(covered.image.key)
                streams += self._images.covered(covered).streams
        except SourceError as error:
            return keys, error
        return keys, None

    def _matters(self, record: ImageRecord) -> bool:
        if record.row.index is not None or record.row.gone_at is not None:
            return False
        recent = record.row.known_since >= self._now() - RECENT
        return recent or self._watched(record.row.image)

    def _fetched(self, image: Image) -> ImageOutcome:
        now = self._now()
        return self._images.refetch(image, f"hourly-{now.isoformat()}", now)


def _repository(image: Image) -> tuple[str | None, str | None, str]:
    return image.account, image.region, image.repository
