"""The hourly pass: what nobody announces is found by looking."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import cast

from lib.errors import SourceError
from lib.flows.images import ImageFlow, ImageOutcome, ImageResult
from lib.flows.passes import HourlyPass
from lib.models import Image, StreamId
from lib.models.streams import CoveredImage, ImageRow
from lib.ports.streams import ImageRecord
from tests.support.builders import NOW, a_digest, an_image


class Images:
    """Answers that an image is deleted, with its repository or alone."""

    def __init__(self, *, repository_gone: bool = False, refused: str | None = None) -> None:
        self.repository_gone = repository_gone
        self.refused = refused
        self.looked_at: list[str] = []
        self.deleted: list[str] = []

    def refetch(self, image: Image, *_: object) -> ImageOutcome:
        self.looked_at.append(image.digest)
        if image.digest == self.refused:
            raise SourceError("no")
        streams = (StreamId(image.digest),)
        gone = self.repository_gone
        return ImageOutcome(ImageResult.IMAGE_DELETED, "", streams, repository_gone=gone)

    def covered(self, covered: CoveredImage) -> ImageOutcome:
        return ImageOutcome(ImageResult.STORED, covered.reason)

    def gone(self, image: Image) -> ImageOutcome:
        self.deleted.append(image.digest)
        return ImageOutcome(ImageResult.IMAGE_DELETED, "", (StreamId(image.digest),))


class Inspector:
    """Covers these images."""

    def __init__(self, *images: Image) -> None:
        self.images = images

    def covered(self, image: Image | None = None) -> Iterator[CoveredImage]:
        del image
        for covered in self.images:
            yield CoveredImage(covered, (), monitored=True, reason="SUCCESSFUL")


def a_record(number: int, *, days: int = 0, repository: str = "payments/api") -> ImageRecord:
    image = replace(an_image(), digest=a_digest(number), repository=repository)
    return ImageRecord(ImageRow(image, NOW - timedelta(days=days)))


def a_pass(images: Images, *records: ImageRecord, covered: tuple[Image, ...] = ()) -> HourlyPass:
    return HourlyPass(
        images=cast("ImageFlow", images),
        coverage=Inspector(*covered),
        records=lambda: records,
        watched=lambda _: False,
        now=lambda: NOW,
    )


def test_of_a_deleted_repository_no_image_is_left() -> None:
    """Else an older image, which nobody looks at, would count as the proof that all is fixed."""
    images = Images(repository_gone=True)
    other = a_record(4, repository="payments/web", days=9)

    outcome = a_pass(images, a_record(1), a_record(2), a_record(3, days=9), other).run()

    assert images.looked_at == [a_digest(1)]
    assert images.deleted == [a_digest(1), a_digest(2), a_digest(3)]
    assert outcome.streams == (a_digest(1), a_digest(2), a_digest(3))


def test_of_a_deleted_image_the_repository_stays() -> None:
    """The other images are looked at."""
    images = Images()

    a_pass(images, a_record(1), a_record(2)).run()

    assert images.looked_at == [a_digest(1), a_digest(2)]
    assert images.deleted == []


def test_an_image_that_cannot_be_read_hides_no_other() -> None:
    """It is passed over, and counted."""
    images = Images(refused=a_digest(2))

    outcome = a_pass(images, a_record(1), a_record(2), a_record(3)).run()

    assert images.looked_at == [a_digest(1), a_digest(2), a_digest(3)]
    assert [image.digest for image, _ in outcome.passed_over] == [a_digest(2)]
    assert outcome.streams == (a_digest(1), a_digest(3))


def test_coverage_is_about_one_account() -> None:
    """The same digest in another account is looked at: coverage says nothing of it."""
    images, here = Images(), a_record(1)
    there = replace(here.row.image, account="222233334444")

    a_pass(images, here, ImageRecord(ImageRow(there, NOW)), covered=(here.row.image,)).run()

    assert images.looked_at == [a_digest(1)]
