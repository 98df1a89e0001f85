"""A look at one repository: the images that a pass has to judge, with all that is known of them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from lib.core.overdue import PresentImage, newest_of_streams
from lib.core.streams import StreamRule
from lib.models import Image, ImageIndex
from lib.models.streams import CoveredImage
from lib.ports.sources import ImageRegistry, ListedImage
from lib.ports.streams import ImageRecord, ImageStore


@dataclass(frozen=True, slots=True)
class Candidate:
    """An image of a repository, and what is stored of it."""

    present: PresentImage
    record: ImageRecord | None
    index: ImageIndex | None = None
    """The image with its parts, where it is an index."""


@dataclass(frozen=True, slots=True)
class RepositoryFacts:
    """The facts about images of a repository that are read before they are listed."""

    watched: frozenset[str]
    """Digests."""
    covered: Mapping[str, CoveredImage]
    """What Inspector says, by digest."""


@dataclass(frozen=True, slots=True)
class RepositoryLook:
    """The images of a repository that a pass has to judge."""

    at: datetime
    """Before it was listed."""
    listed: int
    """How many images it has."""
    candidates: tuple[Candidate, ...]
    """In the order of their digests. An index stands for its parts."""
    missing: tuple[Image, ...]
    """Watched images that are not in the list."""


class Lookout:
    """Lists repositories, and reads what is stored of their images."""

    def __init__(
        self,
        *,
        registry: ImageRegistry,
        records: ImageStore,
        rules: Callable[[], Sequence[StreamRule]],
        now: Callable[[], datetime],
    ) -> None:
        self._registry = registry
        self._records = records
        self._rules = rules
        self._now = now

    def look(
        self, repository: Image, facts: RepositoryFacts, *, since: timedelta
    ) -> RepositoryLook:
        """
        Return what is to be judged of a repository.

        Old images without tags that nobody watches or runs are left out. Raises
        `RepositoryGoneError`, `SourceError`, `StoreError`.
        """
        at = self._now()
        listed = list(self._registry.listed(repository))
        images = [item.image for item in listed]
        look = _Look(facts, at - since, newest_of_streams(images, self._rules(), at))
        counting = {image.digest: image for image in images if look.counts(image)}
        records = dict(self._records.records(list(counting.values())))
        indexes = self._indexes(listed, look, records)
        counting |= {digest: index.image for digest, index in indexes.items()}
        unread = [index.image for index in indexes.values() if index.image.key not in records]
        records |= self._records.records(unread)
        return RepositoryLook(
            at,
            len(listed),
            tuple(look.candidates(counting, records, indexes)),
            tuple(
                [
                    replace(repository, digest=digest)
                    for digest in sorted(facts.watched - {image.digest for image in images})
                ]
            ),
        )

    def _indexes(
        self, listed: Iterable[ListedImage], look: "_Look", records: Mapping[str, ImageRecord]
    ) -> Mapping[str, ImageIndex]:
        """Return the indexes whose parts matter: each hundred are a call."""
        named = {digest for record in records.values() for digest in record.row.indexes}
        listed = list(listed)
        strays = any(
            not item.image.tags and not item.is_index and item.image.key not in records
            for item in listed
            if look.counts(item.image)
        )
        wanted = [
            item.image
            for item in listed
            if item.is_index
            and (
                item.image.digest in named
                or look.matters(item.image)
                # One of them may have the stray image as a part.
                or (strays and item.image.key not in records)
            )
        ]
        return {index.image.digest: index for index in self._registry.indexes(wanted)}


@dataclass(frozen=True, slots=True)
class _Look:
    facts: RepositoryFacts
    since: datetime
    newest: frozenset[str]

    def recent(self, image: Image) -> bool:
        return image.pushed_at is not None and image.pushed_at >= self.since

    def matters(self, image: Image) -> bool:
        watched, newest = self.facts.watched, self.newest
        return image.digest in watched or image.digest in newest or self.recent(image)

    def counts(self, image: Image) -> bool:
        covered = self.facts.covered.get(image.digest)
        runs = covered is not None and bool(covered.in_use_count)
        return bool(image.tags) or runs or self.matters(image)

    def candidates(
        self,
        images: Mapping[str, Image],
        records: Mapping[str, ImageRecord],
        indexes: Mapping[str, ImageIndex],
    ) -> Iterator[Candidate]:
        parts = {member.digest for index in indexes.values() for member in index.members}
        attached = {digest for index in indexes.values() for digest in index.attachments}
        for digest, image in sorted(images.items()):
            record, index = records.get(image.key), indexes.get(digest)
            row = record.row if record is not None else None
            is_part = digest in parts or (row is not None and bool(row.indexes))
            is_attached = digest in attached or (row is not None and row.attached)
            if is_attached or (is_part and not image.tags):
                continue
            yield Candidate(self._present(image, index), record, index)

    def _present(self, image: Image, index: ImageIndex | None) -> PresentImage:
        members = index.members if index is not None else ()
        digests = [member.digest for member in members] or [image.digest]
        rows = (self.facts.covered.get(digest) for digest in digests)
        return PresentImage(
            image,
            tuple([row for row in rows if row is not None]),
            watched=image.digest in self.facts.watched,
            newest=image.digest in self.newest,
            recent=self.recent(image),
        )
