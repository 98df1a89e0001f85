"""
Images without a build tool: one layer with the two files that scanners read. Pure.

It is not documented that the scanners of ECR and Amazon Inspector take such a layer for Debian. The
first run on AWS shows it.
"""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from acceptance.packages import OS_RELEASE, DebianPackage

MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
INDEX: Final = "application/vnd.oci.image.index.v1+json"
_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
_LAYER: Final = "application/vnd.oci.image.layer.v1.tar+gzip"

STATUS_PATH: Final = "var/lib/dpkg/status"
OS_RELEASE_PATHS: Final = ("etc/os-release", "usr/lib/os-release")


@dataclass(frozen=True, slots=True)
class Image:
    """An image of one platform, in the format of a registry."""

    layer: bytes
    config: bytes
    manifest: str
    architecture: str

    @property
    def digest(self) -> str:
        """The digest of the image in a registry."""
        return digest_of(self.manifest.encode())


def build(packages: Iterable[DebianPackage], *, run: str, architecture: str = "amd64") -> Image:
    """Return an image with these packages installed. `run` makes its digest unique."""
    tar = _tar(
        {
            **dict.fromkeys(OS_RELEASE_PATHS, OS_RELEASE),
            STATUS_PATH: "\n".join(_stanza(package, architecture) for package in packages),
        }
    )
    # Fixed values, so that the same image has the same digest.
    layer = gzip.compress(tar, mtime=0)
    config = _json(
        {
            "architecture": architecture,
            "os": "linux",
            "config": {"Labels": {"ecr-scan-alerts-acceptance": run}},
            "rootfs": {"type": "layers", "diff_ids": [digest_of(tar)]},
        }
    )
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": _descriptor(_CONFIG, config),
            "layers": [_descriptor(_LAYER, layer)],
        }
    )
    return Image(layer, config, manifest.decode(), architecture)


def index_of(images: Iterable[Image]) -> str:
    """Return the manifest of an index of images, one for each platform."""
    members = [
        {
            **_descriptor(MANIFEST, image.manifest.encode()),
            "platform": {"os": "linux", "architecture": image.architecture},
        }
        for image in images
    ]
    return _json({"schemaVersion": 2, "mediaType": INDEX, "manifests": members}).decode()


def digest_of(content: bytes) -> str:
    """Return the digest of a blob or a manifest."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _descriptor(media_type: str, content: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}


def _json(document: Mapping[str, object]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _tar(files: Mapping[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path, text in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return buffer.getvalue()


def _stanza(package: DebianPackage, architecture: str) -> str:
    """https://www.debian.org/doc/debian-policy/ch-controlfields.html."""
    return (
        f"Package: {package.name}\n"
        "Status: install ok installed\n"
        "Priority: optional\n"
        "Section: misc\n"
        "Installed-Size: 1\n"
        "Maintainer: Debian <debian@example.org>\n"
        f"Architecture: {architecture}\n"
        f"Source: {package.source}\n"
        f"Version: {package.version}\n"
        f"Description: {package.name}\n"
    )
