"""
Provenance of images: annotations of the manifest, labels of the image configuration.

One call of BatchGetImage. For the labels GetDownloadUrlForLayer, and a GET of its address.
https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetDownloadUrlForLayer.html
"""

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from lib.core.provenance import normalize_provenance
from lib.errors import SourceError
from lib.models import Image, Provenance
from lib.normalizer.indexes import INDEX_TYPES
from lib.normalizer.values import digest, mapping
from lib.sources.ecr import source_errors
from lib.urls.addresses import AddressError, read_address
from lib.urls.partitions import PARTITIONS

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient
    from requests import Session

MAX_BYTES: Final = 1024 * 1024
"""Image configurations have a few kilobytes."""
TIMEOUTS: Final = (3.05, 5.0)
_CHUNK: Final = 64 * 1024
_MANIFESTS: Final = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_DOMAINS: Final = tuple([f".{partition.domain}" for partition in PARTITIONS])
"""Hosts of layers: https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html"""
_OK: Final = 200


class EcrProvenanceSource:
    """See `lib.ports.sources.ProvenanceSource`. At most three calls."""

    def __init__(self, client: "ECRClient", session: "Callable[[], Session]") -> None:
        self._client = client
        self._session = session

    def provenance(self, image: Image, member: str | None = None) -> Provenance:
        """See `ProvenanceSource.provenance`."""
        with source_errors(image.name):
            manifests = self._manifests(image, [*filter(None, (image.digest, member))])
        own = manifests.get(member or image.digest, {})
        metadata = [("annotation", own.get("annotations"))]
        if member is not None:
            metadata.append(
                ("index annotation", mapping(manifests.get(image.digest)).get("annotations"))
            )
        provenance = normalize_provenance(metadata)
        config = mapping(own.get("config"))
        if (provenance.commit and provenance.repository) or not digest(config.get("digest")):
            return provenance
        blob = self._config(image, config)
        labels = ("label", mapping(blob.get("config")).get("Labels"))
        return normalize_provenance([*metadata, labels], created_at=blob.get("created"))

    def _manifests(self, image: Image, digests: list[str]) -> dict[str, Mapping[str, Any]]:
        answer = self._client.batch_get_image(
            **_registry(image),
            repositoryName=image.repository,
            imageIds=[{"imageDigest": image_digest} for image_digest in digests],
            acceptedMediaTypes=[*_MANIFESTS, *INDEX_TYPES],
        )
        manifests = {
            entry["imageId"].get("imageDigest", ""): _parsed(entry.get("imageManifest", ""))
            for entry in answer.get("images", ())
        }
        if not manifests:
            codes = [failure.get("failureCode") for failure in answer.get("failures", ())]
            raise SourceError(
                f"ECR has no manifest of {image.name}: {', '.join(map(str, codes)) or 'no reason'}",
                reason="no-manifest",
            )
        return manifests

    def _config(self, image: Image, config: Mapping[str, Any]) -> Mapping[str, Any]:
        with source_errors(image.name):
            answer = self._client.get_download_url_for_layer(
                **_registry(image),
                repositoryName=image.repository,
                layerDigest=config["digest"],
            )
        return _parsed(self._download(answer["downloadUrl"]))

    def _download(self, url: str) -> bytes:
        """Return the content behind a signed address. Error texts do not hold the address."""
        from requests import RequestException

        host = _checked_host(url)
        try:
            with self._session().get(
                url,
                stream=True,
                timeout=TIMEOUTS,
                headers={"Accept-Encoding": "identity"},
                allow_redirects=False,
                # Without `auth`, requests takes credentials from ~/.netrc.
                auth=lambda request: request,
            ) as answer:
                if answer.status_code != _OK:
                    raise SourceError(
                        f"{host} answered {answer.status_code}", reason="no-configuration"
                    )
                return _read_limited(answer.iter_content(_CHUNK), host)
        except RequestException as error:
            message = f"{host} did not answer: {type(error).__name__}"
            raise SourceError(message, reason="no-configuration") from None


def _read_limited(chunks: Any, host: str) -> bytes:
    content = b""
    for chunk in chunks:
        content += chunk
        if len(content) > MAX_BYTES:
            raise SourceError(
                f"{host} sends more than {MAX_BYTES:,} bytes", reason="no-configuration"
            )
    return content


def _checked_host(url: str) -> str:
    """Return the host of an AWS address. Raises `SourceError` for other hosts."""
    try:
        address = read_address(url)
    except AddressError as error:
        raise SourceError(f"ECR's address of a layer {error}", reason="no-configuration") from None
    # Only the embedded AWS is called over http.
    if address.is_loopback or (address.scheme == "https" and address.is_among(_DOMAINS)):
        return address.host
    raise SourceError(
        f"ECR names an address outside AWS: {address.host!r}", reason="no-configuration"
    )


def _parsed(text: str | bytes) -> Mapping[str, Any]:
    """Return a JSON document; an empty one for anything else."""
    try:
        return mapping(json.loads(text))
    except (ValueError, RecursionError):
        return {}


def _registry(image: Image) -> dict[str, Any]:
    return {"registryId": image.account} if image.account else {}
