"""
The pass over what runs: an image counts in its streams for as long as anything runs it.

    what runs      -> its images were seen running
    watched images -> those that nothing runs any more stopped, if this source saw them running

An answer that is missing or refused changes nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final

from lib.core.streams import StreamRule, repository_image
from lib.core.usage import used
from lib.flows.image_records import ImageRecords
from lib.models import Image, StreamId
from lib.models.streams import ImageRow
from lib.ports.sources import Workloads
from lib.ports.streams import ImageRecord, ImageStore, StreamListing

TASKS: Final = "ecs"
CLUSTERS: Final = "inspector clusters"
"""Names of sources, as images keep their answers."""


class RunningPass:
    """Keeps which images run."""

    def __init__(
        self,
        *,
        workloads: Workloads,
        images: ImageStore,
        listing: StreamListing,
        rules: Callable[[], Sequence[StreamRule]],
        now: Callable[[], datetime],
        source: str = TASKS,
    ) -> None:
        """`source`: the name of `workloads`."""
        self._source = source
        self._workloads = workloads
        self._records = ImageRecords(images, rules)
        self._listing = listing
        self._now = now

    def run(self) -> tuple[StreamId, ...]:
        """Return the streams whose watched images may be others now. Raises as its ports do."""
        now, running = self._now(), self._workloads.images()
        tagged = {(_repository(image), tag) for image in running for tag in image.tags}
        pulled = {whole.key: whole for whole in self._wholes(running)}
        streams: dict[StreamId, None] = {}
        for image in {**self._watched(), **pulled}.values():
            record = self._records.record(image)
            if record is None:
                continue
            place = _repository(record.row.image)
            by_tag = any((place, tag) in tagged for tag in record.row.image.tags)
            runs = image.key in pulled or by_tag
            if _says_new(record.row, self._source, runs=runs):
                answered = partial(_answered, source=self._source, at=now, runs=runs)
                self._records.change(image, answered)
                streams |= dict.fromkeys(self._records.streams(record.row.image))
        return tuple(streams)

    def _wholes(self, running: Sequence[Image]) -> Iterator[Image]:
        """Yield the known images that were pulled by digest, an index in the place of its part."""
        for image in running:
            record = self._records.record(image) if image.digest else None
            if record is not None:
                for digest in record.row.indexes or (image.digest,):
                    yield replace(image, digest=digest)

    def _watched(self) -> dict[str, Image]:
        """Return the watched images of all streams, by key."""
        images = (
            replace(repository_image(stream), digest=digest)
            for stream, digests in self._listing.watched()
            for digest in digests
        )
        return {image.key: image for image in images}


def _answered(stored: ImageRecord, *, source: str, at: datetime, runs: bool) -> ImageRecord:
    return replace(stored, row=used(stored.row, source, at, runs=runs))


def _says_new(row: ImageRow, source: str, *, runs: bool) -> bool:
    """Return whether an answer is another one than the last. That it still runs is no news."""
    use = row.uses.get(source)
    ran = use is not None and use.stopped_at is None
    return runs != ran


def _repository(image: Image) -> tuple[str | None, str | None, str]:
    return image.account, image.region, image.repository
