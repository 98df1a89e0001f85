"""
ECR's layers, which ministack does not store: upload, digests, download.

Images here have no layers except for their configuration, with its labels. This module is
independent of ministack: `local.aws.cloud` connects them.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetDownloadUrlForLayer.html
"""

import hashlib
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from local.aws.ecr_scanning import Place, Refusal

PATH: Final = "/_layers/"
"""Path prefix of downloads. On AWS it is a signed address of S3."""

Json = Any


@dataclass(slots=True)
class Layers:
    """All layers, by repository and digest."""

    _contents: dict[str, bytes] = field(default_factory=dict)
    _parts: dict[str, bytes] = field(default_factory=dict)

    def upload(self, request: Mapping[str, Json]) -> None:
        """Append a part of a layer."""
        upload = request["uploadId"]
        self._parts[upload] = self._parts.get(upload, b"") + b64decode(request["layerPartBlob"])

    def complete(self, place: Place, request: Mapping[str, Json]) -> None:
        """Store a layer after its upload. Raises `Refusal` if its digest is another one."""
        content = self._parts.pop(request["uploadId"], b"")
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        if request["layerDigests"] != [digest]:
            raise Refusal("InvalidLayerException", f"The layer has the digest '{digest}'")
        self._contents[path_of(place, digest)] = content

    def address(self, place: Place, request: Mapping[str, Json], host: str) -> Json:
        """Return the download address of a layer. Raises `Refusal` for an unknown one."""
        digest = request["layerDigest"]
        path = path_of(place, digest)
        if path not in self._contents:
            raise Refusal(
                "LayersNotFoundException",
                f"The layer with digest '{digest}' does not exist within the repository with name "
                f"'{place.repository}' in the registry with id '{place.account}'",
            )
        return {"downloadUrl": f"http://{host}{path}", "layerDigest": digest}

    def content(self, path: str) -> bytes | None:
        """Return a layer by the path of its address; None if there is none."""
        return self._contents.get(path)


def path_of(place: Place, digest: str) -> str:
    """Return the download path of a repository's layer."""
    return f"{PATH}{place.account}/{place.region}/{place.repository}/{digest}"
