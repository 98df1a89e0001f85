"""
Previews of lifecycle policies: started in ECR, awaited, added up.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/lpp_creation.html
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from cli.pacing import Pause
from cli.repository.ecr import Repository, explained
from lib.checks.lifecycle import holders
from lib.errors import SourceError

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

PRICE: Final = 0.10
"""USD for a GB and month: https://aws.amazon.com/ecr/pricing/"""
GB: Final = 1024**3
PAGE: Final = 100
"""https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetLifecyclePolicyPreview.html"""
_PAUSES: Final = (1.0, 1.0, 2.0, 4.0, 8.0, *[10.0] * 28)
"""Five minutes in total. ECR takes seconds for a few images, and longer for thousands."""
_RUNNING: Final = "IN_PROGRESS"
_COMPLETE: Final = "COMPLETE"

Json = Any


@dataclass(frozen=True, slots=True)
class ExpiringImage:
    """An image that a rule applies to."""

    digest: str
    tags: tuple[str, ...]
    pushed_at: datetime
    rule: int
    """The priority of the rule."""
    archived: bool = False
    """Whether the image is archived instead of deleted."""
    size: int | None = None
    """Size in bytes; None for an index, and for an image deleted meanwhile."""
    runs: str = ""
    """The tasks or pods that run it, or a part of it."""


@dataclass(frozen=True, slots=True)
class Preview:
    """The effect of a policy on the images of a repository."""

    images: tuple[ExpiringImage, ...]
    of: int
    """The number of images in the repository."""
    knows_running: bool = False
    """Whether a source of what runs answered."""

    @property
    def in_use(self) -> tuple[ExpiringImage, ...]:
        """The running images that would be deleted or archived."""
        return tuple(image for image in self.images if image.runs)

    @property
    def expiring(self) -> tuple[ExpiringImage, ...]:
        """The images that would be deleted."""
        return tuple(image for image in self.images if not image.archived)

    @property
    def gigabytes(self) -> float:
        """Their size at most: layers that other images share stay."""
        return sum(image.size or 0 for image in self.expiring) / GB


def preview(repository: Repository, policy: str, pause: Pause) -> Preview:
    """
    Return the effect of a policy now. Nothing is deleted.

    Raises as `Repository` does, and `SourceError` when ECR fails or takes longer than five minutes.
    """
    stored, running = repository.contents
    # An index has the size of its largest image, which is listed separately.
    sizes = {image.digest: None if image.is_index else image.size for image in stored}
    uses = {image.digest: used.runs for used in running or () for image in holders(used, stored)}
    with explained(repository):
        results = list(_results(repository, policy, pause))
    rows = [_expiring(result, sizes, uses) for result in results]
    ordered = sorted(rows, key=lambda image: (image.rule, image.pushed_at, image.digest))
    return Preview(tuple(ordered), len(sizes), running is not None)


def _results(repository: Repository, policy: str, pause: Pause) -> Iterator[Mapping[str, Json]]:
    """Start the preview, and yield its results when it is complete."""
    client, name = repository.client, repository.name
    pauses = iter(_PAUSES)

    def once_done(
        call: Callable[[], Mapping[str, Json]], running: str | None
    ) -> Mapping[str, Json]:
        while True:
            with suppress(*_not_yet(client)):
                answer = call()
                if answer["status"] != running:
                    return answer
            seconds = next(pauses, None)
            if seconds is None:
                raise SourceError(
                    f"ECR is still at work on a preview of {name} after {sum(_PAUSES) / 60:.0f} "
                    "minutes; try again later"
                )
            pause(seconds)

    # Only one preview can run, and another operator's may be running.
    once_done(
        lambda: client.start_lifecycle_policy_preview(
            repositoryName=name, lifecyclePolicyText=policy
        ),
        None,
    )
    page = once_done(
        lambda: client.get_lifecycle_policy_preview(repositoryName=name, maxResults=PAGE), _RUNNING
    )
    if page["status"] != _COMPLETE:
        raise SourceError(f"ECR says {page['status']} of the preview of {name}; try again")
    yield from page.get("previewResults", ())
    while token := page.get("nextToken"):
        page = client.get_lifecycle_policy_preview(
            repositoryName=name, maxResults=PAGE, nextToken=token
        )
        yield from page.get("previewResults", ())


def _not_yet(client: "ECRClient") -> tuple[type[Exception], ...]:
    errors = client.exceptions
    return (
        errors.LifecyclePolicyPreviewInProgressException,
        errors.LifecyclePolicyPreviewNotFoundException,
    )


def _expiring(
    result: Mapping[str, Json], sizes: Mapping[str, int | None], uses: Mapping[str, str]
) -> ExpiringImage:
    digest = result["imageDigest"]
    return ExpiringImage(
        digest=digest,
        tags=tuple(result.get("imageTags", ())),
        pushed_at=result["imagePushedAt"],
        rule=result["appliedRulePriority"],
        archived=result.get("action", {}).get("type") == "TRANSITION",
        size=sizes.get(digest),
        runs=uses.get(digest, ""),
    )
