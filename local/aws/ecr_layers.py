"""
ECR's layers, which the embedded AWS only pretends to keep: uploaded, named by digest, downloaded.

Images here have no layers; what is kept is the configuration of each, with its labels. Nothing here
knows the embedded AWS: `local.aws.cloud` connects the two.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetDownloadUrlForLayer.html
"""

import hashlib
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from local.aws.ecr_scanning import Place, Refusal

PATH: Final = "/_layers/"
"""Where downloads begin; on AWS, a signed address of S3."""

Json = Any


@dataclass(slots=True)
class Layers:
    """All layers, by their repository and digest."""

    _kept: dict[str, bytes] = field(default_factory=dict)
    _parts: dict[str, bytes] = field(default_factory=dict)

    def upload(self, request: Mapping[str, Json]) -> None:
        """Take a part of a layer."""
        upload = request["uploadId"]
        self._parts[upload] = self._parts.get(upload, b"") + b64decode(request["layerPartBlob"])

    def complete(self, place: Place, request: Mapping[str, Json]) -> None:
        """Keep a layer whose parts were uploaded. Raises `Refusal` when it is another one."""
        content = self._parts.pop(request["uploadId"], b"")
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        if request["layerDigests"] != [digest]:
            raise Refusal("InvalidLayerException", f"The layer has the digest '{digest}'")
        self._kept[path_of(place, digest)] = content

    def address(self, place: Place, request: Mapping[str, Json], host: str) -> Json:
        """Return where a layer is downloaded. Raises `Refusal` for an unknown one."""
        digest = request["layerDigest"]
        path = path_of(place, digest)
        if path not in self._kept:
            raise Refusal(
                "LayersNotFoundException",
                f"The layer with digest '{digest}' does not exist within the repository with name "
                f"'{place.repository}' in the registry with id '{place.account}'",
            )
        return {"downloadUrl": f"http://{host}{path}", "layerDigest": digest}

    def content(self, path: str) -> bytes | None:
        """Return a layer by the path of its address; None when there is none."""
        return self._kept.get(path)


def path_of(place: Place, digest: str) -> str:
    """Return the path at which a layer of a repository is downloaded."""
    return f"{PATH}{place.account}/{place.region}/{place.repository}/{digest}"
