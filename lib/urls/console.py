"""URLs of images in the AWS console, in every partition. Pure."""

from urllib.parse import quote

from lib.models import Image, is_template
from lib.text import clean
from lib.urls.partitions import partition_named


def console_url(image: Image) -> str | None:
    """
    Return the page of an image or a repository in the ECR console.

    None where its place is unknown, in partitions whose console has no public name, and for a
    template that repositories are created by.
    """
    partition = partition_named(image.partition)
    if partition is None or partition.console is None:
        return None
    if not (image.region and image.account and image.repository):
        return None
    if is_template(image.repository):
        return None
    host = partition.console
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
