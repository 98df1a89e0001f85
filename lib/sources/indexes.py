"""
Image indexes (multi-platform images): their member images and platforms.

Scanners do not scan an index. They scan its members, which have no tags.
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
    Yield the indexes among some images, which all belong to one repository.

    One call of BatchGetImage for each hundred images. Deleted images are left out. Raises what
    boto3 raises.
    """
    for start in range(0, len(images), MAX_IDS):
        by_digest = {image.digest: image for image in images[start : start + MAX_IDS]}
        first = next(iter(by_digest.values()))
        request: dict[str, Any] = {
            "repositoryName": first.repository,
            "imageIds": [{"imageDigest": image_digest} for image_digest in by_digest],
            "acceptedMediaTypes": list(INDEX_TYPES),
        }
        if first.account:
            request["registryId"] = first.account
        # An image with several tags is there several times.
        manifests = {
            answer["imageId"].get("imageDigest", ""): answer.get("imageManifest")
            for answer in client.batch_get_image(**request).get("images", ())
        }
        for name, manifest in manifests.items():
            image = by_digest.get(name)
            index = index_of(image, parse_manifest(manifest)) if image else None
            if index is not None:
                yield index


def about_another(client: "ECRClient", image: Image) -> str | None:
    """
    Return the artifact that an image's manifest refers to; None for an image, and a deleted one.

    https://github.com/opencontainers/image-spec/blob/main/manifest.md
    """
    request: dict[str, Any] = {
        "repositoryName": image.repository,
        "imageIds": [{"imageDigest": image.digest}],
    }
    if image.account:
        request["registryId"] = image.account
    for answer in client.batch_get_image(**request).get("images", ()):
        subject = digest(
            mapping(parse_manifest(answer.get("imageManifest")).get("subject")).get("digest")
        )
        if subject:
            return f"something about {subject[:19]}"
    return None
