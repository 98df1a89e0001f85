"""ARNs of repositories. Pure."""

from typing import Final
from urllib.parse import quote

from lib.models import Image
from lib.text import short

_FIELD: Final = 300


def repository_arn(image: Image) -> str:
    """Return the ARN of an image's repository. It is a valid URI for any content of the fields."""
    fields = (image.partition, "ecr", image.region, image.account, f"repository/{image.repository}")
    return ":".join(("arn", *(quote(short(field, _FIELD), safe="/") for field in fields)))
