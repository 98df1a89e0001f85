"""Pushes images with the API of ECR."""

from collections.abc import Callable, Iterable
from typing import Any, Final

from botocore.exceptions import ClientError

from acceptance.account import code_of
from acceptance.images import INDEX, MANIFEST, Image, digest_of, index_of

PART: Final = 10 * 1024 * 1024
"""Bytes of a part of a layer: 5 to 20 MiB, except for the last part.
https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_UploadLayerPart.html"""

_THERE: Final = frozenset({"LayerAlreadyExistsException", "ImageAlreadyExistsException"})

BeforePush = Callable[[str, Image], None]
"""Called with repository and image before each push."""


class Registry:
    """The registry of the account."""

    def __init__(self, ecr: Any, *, before_push: BeforePush | None = None) -> None:
        self._ecr = ecr
        self._before_push = before_push

    def push(self, repository: str, image: Image, tag: str | None) -> str:
        """Push an image and return its digest. An existing image gets another tag."""
        if self._before_push is not None:
            self._before_push(repository, image)
        for blob in (image.layer, image.config):
            self._upload(repository, blob)
        self._put(repository, image.manifest, MANIFEST, tag)
        return image.digest

    def push_index(self, repository: str, images: Iterable[Image], tag: str) -> str:
        """Push images of several platforms and their index; return the digest of the index."""
        members = tuple(images)
        for image in members:
            self.push(repository, image, None)
        manifest = index_of(members)
        self._put(repository, manifest, INDEX, tag)
        return digest_of(manifest.encode())

    def scan_status(self, repository: str, digest: str) -> str:
        """Return the status of an image's scan, for people to read."""
        try:
            answer = self._ecr.describe_image_scan_findings(
                repositoryName=repository, imageId={"imageDigest": digest}, maxResults=1
            )
        except ClientError as error:
            return code_of(error)
        status = answer.get("imageScanStatus", {}).get("status", "no status")
        counts = answer.get("imageScanFindings", {}).get("findingSeverityCounts", {})
        return f"{status} with {sum(counts.values())} findings"

    def _upload(self, repository: str, blob: bytes) -> None:
        upload = self._ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]
        for start in range(0, len(blob), PART):
            part = blob[start : start + PART]
            self._ecr.upload_layer_part(
                repositoryName=repository,
                uploadId=upload,
                partFirstByte=start,
                partLastByte=start + len(part) - 1,
                layerPartBlob=part,
            )
        _unless_present(
            lambda: self._ecr.complete_layer_upload(
                repositoryName=repository, uploadId=upload, layerDigests=[digest_of(blob)]
            )
        )

    def _put(self, repository: str, manifest: str, media_type: str, tag: str | None) -> None:
        _unless_present(
            lambda: self._ecr.put_image(
                repositoryName=repository,
                imageManifest=manifest,
                imageManifestMediaType=media_type,
                **({} if tag is None else {"imageTag": tag}),
            )
        )


def _unless_present(call: Callable[[], Any]) -> None:
    try:
        call()
    except ClientError as error:
        if code_of(error) not in _THERE:
            raise
