"""The manifests of images that tests and the demo push."""

import hashlib
import json
from collections.abc import Mapping
from typing import Final

MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
INDEX: Final = "application/vnd.oci.image.index.v1+json"


def config_of(repository: str, tag: str | None, content: str, labels: Mapping[str, str]) -> str:
    """Return the configuration of an image, which is unique for these arguments."""
    subject = hashlib.sha256(f"{repository}\n{tag}\n{content}".encode()).hexdigest()
    return json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Env": [f"SUBJECT={subject}"], "Labels": dict(labels)},
            "rootfs": {"type": "layers", "diff_ids": []},
        }
    )


def manifest_of(config: str, annotations: Mapping[str, str]) -> str:
    """Return the manifest of an image without layers."""
    config_entry = {
        "mediaType": "application/vnd.oci.image.config.v1+json",
        "digest": digest_of(config),
        "size": len(config),
    }
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config_entry, "layers": []}
    return json.dumps(manifest | ({"annotations": annotations} if annotations else {}), indent=1)


def index_of(members: Mapping[str, str], annotations: Mapping[str, str]) -> str:
    """Return the manifest of an index from the platform of each digest."""
    entries = [
        {
            "mediaType": MANIFEST,
            "digest": digest,
            "size": len(digest),
            "platform": dict(zip(("os", "architecture", "variant"), name.split("/"), strict=False)),
        }
        for digest, name in members.items()
    ]
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}
    return json.dumps(index | ({"annotations": annotations} if annotations else {}), indent=1)


def digest_of(manifest: str) -> str:
    """Return the digest of a manifest in a registry."""
    return f"sha256:{hashlib.sha256(manifest.encode()).hexdigest()}"
