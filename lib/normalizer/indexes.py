"""Image indexes (multi-platform images): their members and platforms. Pure."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from lib.models import Image, ImageIndex, Member
from lib.normalizer.values import digest, mapping, text

if TYPE_CHECKING:
    pass


INDEX_TYPES: Final = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
"""Media types of manifests that list manifests."""


_UNKNOWN: Final = "unknown"


_VERSION_NUMBERS: Final = 3
"""Windows images run on a host of the same first three numbers:
https://learn.microsoft.com/virtualization/windowscontainers/deploy-containers/version-compatibility"""


_ATTACHED: Final = "vnd.docker.reference.type"
"""BuildKit's annotation of attestations, whose platform is "unknown/unknown":
https://docs.docker.com/build/metadata/attestations/attestation-storage/"""


IMAGE_CONFIGS: Final = (
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
)
"""Entries with another artifact type are no images, even with a platform: SOCI indexes have one.
https://github.com/awslabs/soci-snapshotter/blob/main/docs/soci-index-manifest-v2.md"""


def parse_manifest(manifest: object) -> Mapping[str, Any]:
    """Return a manifest as a mapping; empty where it is not JSON."""
    try:
        return mapping(json.loads(manifest)) if isinstance(manifest, str) else {}
    except ValueError:
        return {}


def is_index(media_type: object) -> bool:
    """Whether a media type is that of an index."""
    return media_type in INDEX_TYPES


def index_of(image: Image, manifest: Mapping[str, Any]) -> ImageIndex | None:
    """
    Return the index in a manifest; None for a manifest without a list of images.

    Never fails: entries without a digest are left out.
    """
    entries = manifest.get("manifests")
    if not isinstance(entries, list):
        return None
    members: dict[str, Member] = {}
    attachments: dict[str, None] = {}
    for entry in map(mapping, entries):
        member = digest(entry.get("digest"))
        if not member:
            continue
        described = mapping(entry.get("platform"))
        platform = _platform(described)
        if _is_attached(entry) or platform == f"{_UNKNOWN}/{_UNKNOWN}":
            attachments[member] = None
        else:
            members[member] = Member(member, platform, _os_version(described))
    return ImageIndex(image, tuple(members.values()), tuple(attachments))


def _is_attached(entry: Mapping[str, Any]) -> bool:
    kind = text(entry.get("artifactType"))
    return _ATTACHED in mapping(entry.get("annotations")) or kind not in (None, *IMAGE_CONFIGS)


def _platform(platform: Mapping[str, Any]) -> str:
    """Return "os/architecture/variant", or a placeholder where the index names no platform."""
    os, architecture = text(platform.get("os")), text(platform.get("architecture"))
    parts = (os or _UNKNOWN, architecture or _UNKNOWN, text(platform.get("variant")))
    return "/".join(filter(None, parts)) if os or architecture else "platform not named"


def _os_version(platform: Mapping[str, Any]) -> str | None:
    """Return the first three numbers of "os.version": the fourth is that of a patch."""
    version = text(platform.get("os.version"))
    return ".".join(version.split(".")[:_VERSION_NUMBERS]) if version else None
