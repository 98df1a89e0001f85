"""
Image indexes (multi-platform images): which images belong to one, and for which platform.

Neither scanner scans an index; the images in it are scanned one by one, and have no tags.
https://github.com/opencontainers/image-spec/blob/main/image-index.md
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from lib.models import Image, ImageIndex, Member
from lib.sources.values import digest, mapping, text

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

INDEX_TYPES: Final = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
"""Media types of manifests that list manifests."""

_UNKNOWN: Final = "unknown"
_ATTACHED: Final = "vnd.docker.reference.type"
"""BuildKit marks attestations with it, and with the platform "unknown/unknown":
https://docs.docker.com/build/metadata/attestations/attestation-storage/"""
_IMAGE_CONFIGS: Final = (
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
)
"""An entry with another artifact type is no image, even if it names a platform: SOCI indexes do.
https://github.com/awslabs/soci-snapshotter/blob/main/docs/soci-index-manifest-v2.md"""

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
            index = index_of(image, _parsed(manifest)) if image else None
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
        subject = digest(mapping(_parsed(found.get("imageManifest")).get("subject")).get("digest"))
        if subject:
            return f"something about {subject[:19]}"
    return None


def _parsed(manifest: object) -> Mapping[str, Any]:
    try:
        return mapping(json.loads(manifest)) if isinstance(manifest, str) else {}
    except ValueError:
        return {}


def is_index(media_type: object) -> bool:
    """Tell by its media type whether a manifest is an index."""
    return media_type in INDEX_TYPES


def index_of(image: Image, manifest: Mapping[str, Any]) -> ImageIndex | None:
    """
    Return what a manifest says about the images in it; None when it lists none.

    Never fails: entries without a digest are left out.
    """
    entries = manifest.get("manifests")
    if not isinstance(entries, list):
        return None
    members: dict[str, Member] = {}
    attachments: dict[str, None] = {}
    for entry in map(mapping, entries):
        found = digest(entry.get("digest"))
        if not found:
            continue
        platform = _platform(mapping(entry.get("platform")))
        if _is_attached(entry) or platform == f"{_UNKNOWN}/{_UNKNOWN}":
            attachments[found] = None
        else:
            members[found] = Member(found, platform)
    return ImageIndex(image, tuple(members.values()), tuple(attachments))


def _is_attached(entry: Mapping[str, Any]) -> bool:
    kind = text(entry.get("artifactType"))
    return _ATTACHED in mapping(entry.get("annotations")) or kind not in (None, *_IMAGE_CONFIGS)


def _platform(platform: Mapping[str, Any]) -> str:
    """Return "os/architecture/variant"; an index may leave the platform out."""
    os, architecture = text(platform.get("os")), text(platform.get("architecture"))
    parts = (os or _UNKNOWN, architecture or _UNKNOWN, text(platform.get("variant")))
    return "/".join(filter(None, parts)) if os or architecture else "platform not named"
