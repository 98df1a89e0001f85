"""Inspector's coverage."""

from collections.abc import Iterator
from typing import Any

import pytest

from lib.models import Image
from lib.sources.coverage import InspectorCoverage
from tests.support.builders import an_image

IMAGE = an_image(repository="team/api")
ARN = f"arn:aws:ecr:eu-central-1:000474600478:repository/team/api/{IMAGE.digest}"


class RecordingInspector:
    """Answers ListCoverage with one page: an image, and something else."""

    def __init__(self) -> None:
        self.criteria: list[Any] = []

    def get_paginator(self, _: str) -> "RecordingInspector":
        return self

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        self.criteria.append(request["filterCriteria"])
        rows = [{"resourceId": ARN, "scanStatus": {"statusCode": "ACTIVE", "reason": "SUCCESSFUL"}}]
        yield {"coveredResources": [*rows, {"resourceId": "i-0abc"}]}


@pytest.mark.parametrize(
    ("image", "more"),
    [(None, {}), (IMAGE, {"resourceId": [{"comparison": "EQUALS", "value": ARN}]})],
    ids=["all", "one"],
)
def test_coverage_is_asked_of_all_images_or_of_one(image: Image | None, more: Any) -> None:
    """What is no image of ECR is left out."""
    inspector = RecordingInspector()

    (covered,) = InspectorCoverage(inspector).covered(image)

    assert (covered.image.digest, covered.monitored) == (IMAGE.digest, True)
    kind = {"resourceType": [{"comparison": "EQUALS", "value": "AWS_ECR_CONTAINER_IMAGE"}]}
    assert inspector.criteria == [{**kind, **more}]
