"""
Images of a repository that something runs: as Inspector counts tasks and pods, and by ECS tasks.

https://docs.aws.amazon.com/inspector/v2/APIReference/API_EcrContainerImageMetadata.html
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from lib.errors import NotAllowedError, SourceError
from lib.models import Image, Refusal, RunningImage
from lib.ports.sources import Coverage, Workloads
from lib.text import counted

_TASK: Final = "an ECS task"
_COVERAGE: Final = "inspector2:ListCoverage"
_TASKS: Final = "ecs:ListTasks"
"""Permissions of calls whose refusal does not name its own."""


class Answer(NamedTuple):
    """The images of a repository that something runs, and the sources that did not answer."""

    images: tuple[RunningImage, ...] | None
    """None: no source answered, or there is none."""
    refusals: tuple[Refusal, ...] = ()


class RunningImages:
    """Asks the sources that there are."""

    def __init__(self, coverage: Coverage | None, workloads: Workloads | None) -> None:
        self._coverage = coverage
        self._workloads = workloads

    def images(self, repository: Image, *, enhanced: bool | None) -> Answer:
        """
        Return the images of a repository that something runs.

        `enhanced`: Inspector scans the registry, so it knows. Where that is not known, None, an
        empty list of Inspector says nothing. A source that does not answer is left out, with its
        reason.
        """
        answers: list[tuple[RunningImage, ...]] = []
        refusals: list[Refusal] = []
        if enhanced is not False and self._coverage is not None:
            try:
                rows = tuple(_counted(self._coverage, repository))
                answers += [rows] if rows or enhanced else []
            except SourceError as error:
                refusals.append(_refusal(error, _COVERAGE))
        if self._workloads is not None:
            try:
                answers.append(tuple(_pulled(self._workloads, repository)))
            except SourceError as error:
                refusals.append(_refusal(error, _TASKS))
        if not answers:
            return Answer(None, tuple(refusals))
        by_image = {(one.digest, one.tags): one for answer in reversed(answers) for one in answer}
        return Answer(tuple(by_image.values()), tuple(refusals))


def _refusal(error: SourceError, action: str) -> Refusal:
    """Return a refusal with the permission of the call that AWS refused."""
    cause = error.__cause__ or error
    operation = getattr(cause, "operation_name", None)
    code = getattr(cause, "response", {}).get("Error", {}).get("Code", "")
    service = action.partition(":")[0]
    return Refusal(
        f"{service}:{operation}" if operation else action,
        str(error),
        denied=isinstance(error, NotAllowedError) or code.startswith("AccessDenied"),
    )


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
