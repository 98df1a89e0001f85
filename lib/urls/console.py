"""URLs of images in the AWS console, in every partition. Pure."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import quote

from lib.models import (
    Image,
)
from lib.text import clean

# https://docs.aws.amazon.com/general/latest/gr/aws-service-information.html and the guides of the
# partitions: China, GovCloud and the European Sovereign Cloud have consoles of their own.
_CONSOLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "aws-cn": "console.amazonaws.cn",
        "aws-us-gov": "console.amazonaws-us-gov.com",
        "aws-eusc": "console.amazonaws-eusc.eu",
    }
)


def console_url(image: Image) -> str:
    """Return the page of an image or a repository in the ECR console."""
    host = _CONSOLES.get(image.partition, "console.aws.amazon.com")
    region = _quoted(image.region)
    if image.is_repository:
        path = f"{_quoted(image.account)}/{_quoted(image.repository, '/')}"
        return f"https://{region}.{host}/ecr/repositories/private/{path}?region={region}"
    path = f"{_quoted(image.account)}/{_quoted(image.repository, '/')}/_/image"
    return (
        f"https://{region}.{host}/ecr/repositories/private/{path}"
        f"/{_quoted(image.digest, ':')}/details?region={region}"
    )


def _quoted(text: str, safe: str = "") -> str:
    return quote(clean(text), safe=safe)
