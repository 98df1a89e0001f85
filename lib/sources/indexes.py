"""
Image indexes (multi-platform images): which images belong to one, and for which platform.

Neither scanner scans an index; the images in it are scanned one by one, and have no tags.
https://github.com/opencontainers/image-spec/blob/main/image-index.md
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from lib.models import Image, ImageIndex
from lib.normalizer.indexes import INDEX_TYPES, index_of, parse_manifest
from lib.normalizer.values import digest, mapping

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient


MAX_IDS: Final = 100
"""https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchGetImage.html"""


def fetch_indexes(client: "ECRClient", images: Sequence[Image]) -> Iterator[ImageIndex]:
    """
    Yield those of these images, all of one repository, that are indexes.

    One call of BatchGetImage for every hundred. Images that are gone are left out. Raises what
    boto3 raises.
    """
    for start in range(0, len(images), MAX_IDS):
        asked = {each.digest: each for each in images[start : start + MAX_IDS]}
        first = next(iter(asked.values()))
        request: dict[str, Any] = {
            "repositoryName": first.repository,
            "imageIds": [{"imageDigest": each} for each in asked],
            "acceptedMediaTypes": list(INDEX_TYPES),
        }
        if first.account:
            request["registryId"] = first.account
        # An image with several tags is there several times.
        manifests = {
            found["imageId"].get("imageDigest", ""): found.get("imageManifest")
            for found in client.batch_get_image(**request).get("images", ())
        }
        for name, manifest in manifests.items():
            image = asked.get(name)
            index = index_of(image, parse_manifest(manifest)) if image else None
            if index is not None:
                yield index


def about_another(client: "ECRClient", image: Image) -> str | None:
    """
    Return what an image's manifest says it is about; None: nothing, or the image is gone.

    https://github.com/opencontainers/image-spec/blob/main/manifest.md
    """
    request: dict[str, Any] = {
        "repositoryName": image.repository,
        "imageIds": [{"imageDigest": image.digest}],
    }
    if image.account:
        request["registryId"] = image.account
    for found in client.batch_get_image(**request).get("images", ()):
        subject = digest(
            mapping(parse_manifest(found.get("imageManifest")).get("subject")).get("digest")
        )
        if subject:
            return f"something about {subject[:19]}"
    return None
