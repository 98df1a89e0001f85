"""Images that run: by Inspector's count and by ECS tasks; a silent source is not an empty one."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lib.errors import NotAllowedError, SourceError
from lib.models import Image, Refusal, RunningImage
from lib.models.streams import CoveredImage
from lib.sources.running import RunningImages
from tests.support.builders import a_digest, an_image

HERE = an_image(digest="", tags=())


class Inspector:
    """The coverage of some images, or an error."""

    def __init__(self, *images: CoveredImage, error: Exception | None = None) -> None:
        self._images, self._error = images, error

    def covered(self, image: Image | None = None) -> Iterator[CoveredImage]:
        raise NotImplementedError

    def covered_in(self, repositories: Sequence[str]) -> Iterator[CoveredImage]:
        assert repositories == (HERE.repository,)
        if self._error is not None:
            raise self._error
        yield from self._images


class Tasks:
    """Images that tasks run, or an error."""

    def __init__(self, *images: Image, error: Exception | None = None) -> None:
        self._images, self._error = images, error

    def running(self, image: Image, *, members: Sequence[str] = ()) -> Any:
        raise NotImplementedError

    def images(self) -> tuple[Image, ...]:
        if self._error is not None:
            raise self._error
        return self._images


def covered(number: int, count: int | None) -> CoveredImage:
    return CoveredImage(an_image(number), (), monitored=True, reason="", in_use_count=count)


def test_both_sources_are_asked() -> None:
    """An image that both know is one; Inspector's count says more."""
    running = RunningImages(
        Inspector(covered(1, 3), covered(2, 1), covered(3, 0), covered(4, None)),
        Tasks(
            an_image(1, tags=()),
            an_image(digest="", tags=("latest",)),
            an_image(5, tags=(), repository="shop/web"),
        ),
    )

    found, refusals = running.images(HERE, enhanced=True)

    assert found is not None
    assert set(found) == {
        RunningImage(a_digest(1), (), "3 tasks or pods"),
        RunningImage(a_digest(2), (), "1 task or pod"),
        RunningImage("", ("latest",), "an ECS task"),
    }
    assert not refusals


def test_inspector_knows_nothing_of_basic_scanning() -> None:
    running = RunningImages(Inspector(error=SourceError("must not be asked")), Tasks())

    assert running.images(HERE, enhanced=False) == ((), ())


@pytest.mark.parametrize(
    ("running", "enhanced", "found"),
    [
        (RunningImages(None, None), True, None),
        (RunningImages(Inspector(), None), False, None),
        (RunningImages(Inspector(), None), True, ()),
        (RunningImages(Inspector(), None), None, None),
        (RunningImages(Inspector(), Tasks()), None, ()),
        (RunningImages(None, Tasks(error=SourceError("no"))), True, None),
        (RunningImages(Inspector(), Tasks(error=SourceError("no"))), True, ()),
    ],
)
def test_where_no_source_answers_it_is_not_known(
    running: RunningImages, found: Any, *, enhanced: bool | None
) -> None:
    assert running.images(HERE, enhanced=enhanced).images == found


def refused(operation: str, code: str) -> SourceError:
    """Return an error as a source raises it, with the refusal of AWS behind it."""
    error = SourceError(f"{operation}: {code}")
    error.__cause__ = ClientError({"Error": {"Code": code, "Message": "no"}}, operation)
    return error


@pytest.mark.parametrize(
    ("error", "refusal"),
    [
        (NotAllowedError("no"), Refusal("ecs:ListTasks", "no")),
        (
            refused("DescribeTasks", "AccessDeniedException"),
            Refusal("ecs:DescribeTasks", "DescribeTasks: AccessDeniedException"),
        ),
        (
            refused("ListClusters", "ThrottlingException"),
            Refusal("ecs:ListClusters", "ListClusters: ThrottlingException", denied=False),
        ),
    ],
)
def test_the_permission_of_a_source_that_is_silent_is_kept(
    error: SourceError, refusal: Refusal
) -> None:
    """What the others say stays."""
    running = RunningImages(Inspector(covered(1, 1)), Tasks(error=error))

    found, refusals = running.images(HERE, enhanced=True)

    assert found is not None
    assert len(found) == 1
    assert refusals == (refusal,)


def test_inspector_may_be_silent_as_well() -> None:
    running = RunningImages(Inspector(error=NotAllowedError("no")), None)

    assert running.images(HERE, enhanced=True) == (
        None,
        (Refusal("inspector2:ListCoverage", "no"),),
    )
