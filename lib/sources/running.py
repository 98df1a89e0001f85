"""
Images of a repository that something runs: as Inspector counts tasks and pods, and by ECS tasks.

https://docs.aws.amazon.com/inspector/v2/APIReference/API_EcrContainerImageMetadata.html
"""

from collections.abc import Iterator
from typing import Final

from lib.errors import SourceError
from lib.models import Image, RunningImage
from lib.ports.sources import Coverage, Workloads
from lib.text import counted

_TASK: Final = "an ECS task"


class RunningImages:
    """Asks the sources that there are, and keeps why one of them did not answer."""

    def __init__(self, coverage: Coverage | None, workloads: Workloads | None) -> None:
        self._coverage = coverage
        self._workloads = workloads
        self.refusals: dict[str, None] = {}
        """The reasons of sources that did not answer, each once."""

    def images(self, repository: Image, *, enhanced: bool) -> tuple[RunningImage, ...] | None:
        """
        Return the images of a repository that something runs; None where no source answers.

        `enhanced`: Inspector scans the registry, so it knows. A source that does not answer is
        left out; its reason is kept.
        """
        asked: list[Iterator[RunningImage]] = []
        if enhanced and self._coverage is not None:
            asked.append(_counted(self._coverage, repository))
        if self._workloads is not None:
            asked.append(_pulled(self._workloads, repository))
        answers = [answer for answer in map(self._answer, asked) if answer is not None]
        if not answers:
            return None
        by_image = {(one.digest, one.tags): one for answer in reversed(answers) for one in answer}
        return tuple(by_image.values())

    def _answer(self, source: Iterator[RunningImage]) -> tuple[RunningImage, ...] | None:
        try:
            return tuple(source)
        except SourceError as error:
            self.refusals[str(error)] = None
            return None


def _counted(coverage: Coverage, repository: Image) -> Iterator[RunningImage]:
    for covered in coverage.covered_in((repository.repository,)):
        if covered.in_use_count and covered.image.repository == repository.repository:
            runs = counted(covered.in_use_count, "task or pod", "tasks or pods")
            yield RunningImage(covered.image.digest, (), runs)


def _pulled(workloads: Workloads, repository: Image) -> Iterator[RunningImage]:
    place = (repository.account, repository.region, repository.repository)
    for image in workloads.images():
        if (image.account, image.region, image.repository) == place:
            yield RunningImage(image.digest, image.tags, _TASK)
