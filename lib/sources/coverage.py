"""
Inspector's coverage: which images it monitors, when it scanned them last, and what runs them.

https://docs.aws.amazon.com/inspector/v2/APIReference/API_ListCoverage.html
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from lib.models import Image
from lib.models.streams import CoveredImage
from lib.normalizer.coverage import covered_image
from lib.sources.ecr import source_errors

if TYPE_CHECKING:
    from mypy_boto3_inspector2 import Inspector2Client

PAGE: Final = 200
"""The most that ListCoverage returns at once."""
MAX_NAMES: Final = 10
"""https://docs.aws.amazon.com/inspector/v2/APIReference/API_CoverageFilterCriteria.html"""
_IMAGES: Final = {
    "resourceType": [{"comparison": "EQUALS", "value": "AWS_ECR_CONTAINER_IMAGE"}],
}


class InspectorCoverage:
    """See `lib.ports.sources.Coverage`."""

    def __init__(self, client: "Inspector2Client") -> None:
        self._client = client

    def covered(self, image: Image | None = None) -> Iterator[CoveredImage]:
        """See `Coverage.covered`."""
        yield from self._listed(_IMAGES if image is None else _only(image))

    def covered_in(self, repositories: Sequence[str]) -> Iterator[CoveredImage]:
        """See `Coverage.covered_in`: one list for each ten repositories."""
        for start in range(0, len(repositories), MAX_NAMES):
            names = [
                {"comparison": "EQUALS", "value": name}
                for name in repositories[start : start + MAX_NAMES]
            ]
            yield from self._listed({**_IMAGES, "ecrRepositoryName": names})

    def _listed(self, criteria: Mapping[str, Any]) -> Iterator[CoveredImage]:
        request: Mapping[str, Any] = {
            "filterCriteria": criteria,
            "PaginationConfig": {"PageSize": PAGE},
        }
        with source_errors("Inspector's coverage"):
            paginator = self._client.get_paginator("list_coverage")
            for page in paginator.paginate(**request):
                for entry in page["coveredResources"]:
                    covered = covered_image(entry)
                    if covered is not None:
                        yield covered


def _only(image: Image) -> Mapping[str, Any]:
    return {**_IMAGES, "resourceId": [{"comparison": "EQUALS", "value": arn_of(image)}]}


def arn_of(image: Image) -> str:
    """Return the name of an image in Inspector's requests."""
    repository = f"arn:{image.partition}:ecr:{image.region}:{image.account}:repository"
    return f"{repository}/{image.repository}/{image.digest}"
