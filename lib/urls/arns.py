"""ARNs of what alerts are about. Pure."""

from typing import Final
from urllib.parse import quote

from lib.models import Image
from lib.text import short

_FIELD: Final = 300


def repository_arn(image: Image) -> str:
    """Return the ARN of the repository of an image: a URI whatever stands in the fields."""
    fields = (image.partition, "ecr", image.region, image.account, f"repository/{image.repository}")
    return ":".join(("arn", *(quote(short(field, _FIELD), safe="/") for field in fields)))
