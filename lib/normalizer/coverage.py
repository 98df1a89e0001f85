"""
A row of Inspector's coverage as what it says about an image. Pure.

https://docs.aws.amazon.com/inspector/v2/APIReference/API_CoveredResource.html
"""

from collections.abc import Mapping
from typing import Any, Final

from lib.models import Image
from lib.models.streams import CoveredImage
from lib.normalizer.images import repository_arn
from lib.normalizer.values import count, mapping, moment, text, texts

_ACTIVE: Final = "ACTIVE"


def covered_image(row: Mapping[str, Any]) -> CoveredImage | None:
    """Return what a row says about an image of ECR; None for a row about something else."""
    arn = repository_arn(row.get("resourceId"))
    if arn is None or not arn.digest:
        return None
    image = Image(arn.partition, arn.account, arn.region, arn.repository, arn.digest)
    metadata = mapping(mapping(row.get("resourceMetadata")).get("ecrImage"))
    status = mapping(row.get("scanStatus"))
    return CoveredImage(
        image=image,
        tags=texts(metadata.get("tags")),
        monitored=text(status.get("statusCode")) == _ACTIVE,
        reason=text(status.get("reason")) or "",
        scanned_at=moment(row.get("lastScannedAt")),
        in_use_count=count(metadata.get("inUseCount")),
    )
