"""
What images say about where they were made from: manifest, and the configuration that it names.

One call of BatchGetImage; for the labels GetDownloadUrlForLayer, and a GET of the address that it
gives. https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetDownloadUrlForLayer.html
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

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient
    from requests import Session

MAX_BYTES: Final = 1024 * 1024
"""Configurations have some kilobytes."""
TIMEOUTS: Final = (3.05, 5.0)
_CHUNK: Final = 64 * 1024
_MANIFESTS: Final = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_DOMAINS: Final = (".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu")
"""Where layers are kept: https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html"""
_OK: Final = 200


class EcrProvenanceSource:
    """See `lib.ports.ProvenanceSource`. At most three calls."""

    def __init__(self, client: "ECRClient", session: "Callable[[], Session]") -> None:
        self._client = client
        self._session = session

    def provenance(self, image: Image, member: str | None = None) -> Provenance:
        """See `ProvenanceSource.provenance`."""
        with source_errors(image.name):
            manifests = self._manifests(image, [*filter(None, (image.digest, member))])
        own = manifests.get(member or image.digest, {})
        said = [("annotation", own.get("annotations"))]
        if member is not None:
            said.append(
                ("index annotation", mapping(manifests.get(image.digest)).get("annotations"))
            )
        found = normalize_provenance(said)
        config = mapping(own.get("config"))
        if (found.commit and found.repository) or not digest(config.get("digest")):
            return found
        blob = self._config(image, config)
        labels = ("label", mapping(blob.get("config")).get("Labels"))
        return normalize_provenance([*said, labels], created_at=blob.get("created"))

    def _manifests(self, image: Image, digests: list[str]) -> dict[str, Mapping[str, Any]]:
        answer = self._client.batch_get_image(
            **_registry(image),
            repositoryName=image.repository,
            imageIds=[{"imageDigest": each} for each in digests],
            acceptedMediaTypes=[*_MANIFESTS, *INDEX_TYPES],
        )
        found = {
            each["imageId"].get("imageDigest", ""): _parsed(each.get("imageManifest", ""))
            for each in answer.get("images", ())
        }
        if not found:
            codes = [each.get("failureCode") for each in answer.get("failures", ())]
            raise SourceError(
                f"ECR has no manifest of {image.name}: {', '.join(map(str, codes)) or 'no reason'}",
                reason="no-manifest",
            )
        return found

    def _config(self, image: Image, config: Mapping[str, Any]) -> Mapping[str, Any]:
        with source_errors(image.name):
            answer = self._client.get_download_url_for_layer(
                **_registry(image),
                repositoryName=image.repository,
                layerDigest=config["digest"],
            )
        return _parsed(self._download(answer["downloadUrl"]))

    def _download(self, url: str) -> bytes:
        """Return the content of a signed address; an error is raised without the address."""
        from requests import RequestException

        host = _checked_host(url)
        try:
            with self._session().get(
                url,
                stream=True,
                timeout=TIMEOUTS,
                headers={"Accept-Encoding": "identity"},
                allow_redirects=False,
                # Without an `auth`, requests looks for one in ~/.netrc.
                auth=lambda request: request,
            ) as answer:
                if answer.status_code != _OK:
                    raise SourceError(
                        f"{host} answered {answer.status_code}", reason="no-configuration"
                    )
                return _limited(answer.iter_content(_CHUNK), host)
        except RequestException as error:
            said = f"{host} did not answer: {type(error).__name__}"
            raise SourceError(said, reason="no-configuration") from None


def _limited(chunks: Any, host: str) -> bytes:
    content = b""
    for each in chunks:
        content += each
        if len(content) > MAX_BYTES:
            raise SourceError(
                f"{host} sends more than {MAX_BYTES:,} bytes", reason="no-configuration"
            )
    return content


def _checked_host(url: str) -> str:
    """Return the host of an address of AWS. Raises `SourceError` for any other."""
    try:
        address = read_address(url)
    except AddressError as error:
        raise SourceError(f"ECR's address of a layer {error}", reason="no-configuration") from None
    # Over http only the embedded AWS is asked.
    if address.is_loopback or (address.scheme == "https" and address.is_among(_DOMAINS)):
        return address.host
    raise SourceError(
        f"ECR names an address outside AWS: {address.host!r}", reason="no-configuration"
    )


def _parsed(text: str | bytes) -> Mapping[str, Any]:
    """Return a document; an empty one for anything else, as nothing is known then."""
    try:
        return mapping(json.loads(text))
    except (ValueError, RecursionError):
        return {}


def _registry(image: Image) -> dict[str, Any]:
    return {"registryId": image.account} if image.account else {}
