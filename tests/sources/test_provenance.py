"""Asking ECR where an image was made from: what is called, what is believed, what is refused."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self

import pytest
from botocore.exceptions import ClientError
from requests import ConnectionError as NoConnection

from lib.errors import ImageGoneError, SourceError
from lib.sources.provenance import MAX_BYTES, EcrProvenanceSource
from tests.support.builders import a_digest, an_image
from tests.support.every import every

COMMIT = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"
REPOSITORY = "https://github.com/example/payments"
OCI = "org.opencontainers.image."
SAID = {f"{OCI}revision": COMMIT, f"{OCI}source": REPOSITORY}
CONFIG = a_digest(77)
URL = "https://layers.s3.eu-central-1.amazonaws.com/config?X-Amz-Expires=3600"


def a_manifest(**fields: Any) -> dict[str, Any]:
    return {"schemaVersion": 2, "config": {"digest": CONFIG}, **fields}


def a_config(labels: Any = None, **fields: Any) -> bytes:
    return json.dumps({"config": {"Labels": labels}, **fields}).encode()


@dataclass
class FakeEcr:
    """Has these manifests, and one address for every layer."""

    manifests: dict[str, Any]
    url: str = URL
    errors: dict[str, Exception] = field(default_factory=dict)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def batch_get_image(self, **request: Any) -> dict[str, Any]:
        self._called("batch_get_image", request)
        asked = [each["imageDigest"] for each in request["imageIds"]]
        return {
            "images": [
                {"imageId": {"imageDigest": each}, "imageManifest": json.dumps(found)}
                for each, found in self.manifests.items()
                if each in asked
            ],
            "failures": [
                {"imageId": {"imageDigest": each}, "failureCode": "ImageNotFound"}
                for each in asked
                if each not in self.manifests
            ],
        }

    def get_download_url_for_layer(self, **request: Any) -> dict[str, Any]:
        self._called("get_download_url_for_layer", request)
        return {"downloadUrl": self.url, "layerDigest": request["layerDigest"]}

    def _called(self, action: str, request: dict[str, Any]) -> None:
        self.calls.append((action, request))
        if action in self.errors:
            raise self.errors[action]


@dataclass
class FakeSession:
    """Answers every GET with this."""

    content: bytes = b""
    status_code: int = 200
    error: Exception | None = None
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def get(self, url: str, **options: Any) -> "FakeSession":
        self.asked.append((url, options))
        if self.error is not None:
            raise self.error
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def iter_content(self, size: int) -> Iterator[bytes]:
        for start in range(0, len(self.content), size):
            yield self.content[start : start + size]


def source(ecr: FakeEcr, session: FakeSession | None = None) -> EcrProvenanceSource:
    return EcrProvenanceSource(ecr, lambda: session or FakeSession())  # type: ignore[arg-type, return-value]  # fakes of what is used


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "said"}}, "GetDownloadUrlForLayer")


def test_labels_stand_in_the_configuration() -> None:
    """Manifest, address, download: three calls, by digest, in the image's own registry."""
    ecr, session = FakeEcr({a_digest(): a_manifest()}), FakeSession(a_config(SAID))

    found = source(ecr, session).provenance(an_image())

    assert (found.commit, found.repository) == (COMMIT, REPOSITORY)
    assert [action for action, _ in ecr.calls] == ["batch_get_image", "get_download_url_for_layer"]
    assert ecr.calls[0][1]["registryId"] == "000474600478"
    assert ecr.calls[1][1]["layerDigest"] == CONFIG
    ((url, options),) = session.asked
    assert url == URL
    assert options["allow_redirects"] is False
    assert options["timeout"] == (3.05, 5.0)
    assert options["auth"]("as it is") == "as it is"


def test_annotations_that_say_all_are_enough() -> None:
    """They stand in the manifest: one call."""
    ecr, session = FakeEcr({a_digest(): a_manifest(annotations=SAID)}), FakeSession()

    found = source(ecr, session).provenance(an_image(account=""))

    assert (found.commit, found.repository) == (COMMIT, REPOSITORY)
    assert len(ecr.calls) == 1
    assert "registryId" not in ecr.calls[0][1]
    assert session.asked == []


def test_an_index_speaks_with_one_of_its_images() -> None:
    """Both manifests with one call; the image's own annotations first."""
    index = {"manifests": [], "annotations": {f"{OCI}revision": "9f8e7d6"}}
    member = a_manifest(annotations={f"{OCI}revision": COMMIT})
    ecr = FakeEcr({a_digest(1): index, a_digest(2): member})
    session = FakeSession(a_config({f"{OCI}source": REPOSITORY}, created="2026-11-23T08:00:00Z"))

    found = source(ecr, session).provenance(an_image(1), a_digest(2))

    assert (found.commit, found.repository) == (COMMIT, REPOSITORY)
    assert found.evidence["created_at"] == "image configuration"
    assert len(ecr.calls) + len(session.asked) == 3


def test_an_index_alone_has_its_annotations() -> None:
    """Where its image is gone there is no configuration to ask for."""
    ecr = FakeEcr({a_digest(1): {"manifests": [], "annotations": SAID}})

    found = source(ecr).provenance(an_image(1), a_digest(2))

    assert found.evidence["commit"] == f"index annotation {OCI}revision"
    assert len(ecr.calls) == 1


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"[" * 100_000, a_config("text"), b"\xff"])
def test_a_configuration_that_says_nothing_is_no_failure(content: bytes) -> None:
    """Nothing is known then."""
    found = source(FakeEcr({a_digest(): a_manifest()}), FakeSession(content)).provenance(an_image())

    assert (found.commit, found.repository, found.unread_reason) == (None, None, None)


@pytest.mark.parametrize("manifest", [[], {"config": "x"}, {"config": {"digest": 7}}])
def test_a_manifest_that_names_none_is_no_failure(manifest: Any) -> None:
    """There is nothing to ask for."""
    assert source(FakeEcr({a_digest(): manifest})).provenance(an_image()).commit is None


def test_an_image_without_manifest_is_a_failure() -> None:
    """It says which, and what ECR says."""
    with pytest.raises(SourceError, match=r"no manifest of payments/api:1.4.1: ImageNotFound"):
        source(FakeEcr({})).provenance(an_image())


@pytest.mark.parametrize(
    ("action", "code", "kind"),
    [
        ("batch_get_image", "RepositoryNotFoundException", ImageGoneError),
        ("get_download_url_for_layer", "AccessDeniedException", SourceError),
    ],
)
def test_what_ecr_refuses_is_a_failure(action: str, code: str, kind: type[Exception]) -> None:
    """Under the name that ECR gives it."""
    ecr = FakeEcr({a_digest(): a_manifest()}, errors={action: refusal(code)})

    with pytest.raises(kind, match=code):
        source(ecr).provenance(an_image())


@pytest.mark.parametrize(
    ("session", "said"),
    [
        (FakeSession(status_code=403), "answered 403"),
        (FakeSession(status_code=302), "answered 302"),
        (FakeSession(b"x" * (MAX_BYTES + 1)), "more than 1,048,576 bytes"),
        (FakeSession(error=NoConnection(URL)), "did not answer: ConnectionError"),
    ],
)
def test_a_download_that_fails_keeps_its_address_to_itself(session: FakeSession, said: str) -> None:
    """Who has a signed address can download, too."""
    with pytest.raises(SourceError, match=said) as raised:
        source(FakeEcr({a_digest(): a_manifest()}), session).provenance(an_image())

    assert "X-Amz" not in str(raised.value)
    assert raised.value.__suppress_context__ is (session.error is not None)


@every(
    "url",
    [
        "https://evil.example/config",
        "https://amazonaws.com.evil.example/config",
        "https://evilamazonaws.com/config",
        "https://evil.example\\x.amazonaws.com/config",
        "https://evil.example%2f.amazonaws.com/config",
        "http://layers.s3.amazonaws.com/config",
        "ftp://127.0.0.1/config",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1",
        "config",
    ],
)
def test_no_address_outside_aws_is_called(url: str) -> None:
    """Whoever named it."""
    session = FakeSession(a_config(SAID))

    with pytest.raises(SourceError):
        source(FakeEcr({a_digest(): a_manifest()}, url), session).provenance(an_image())

    assert session.asked == []


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:4566/x", "https://a.s3.cn-north-1.amazonaws.com.cn/x"]
)
def test_aws_is_also_in_china_and_on_this_machine(url: str) -> None:
    """The embedded one speaks http."""
    ecr, session = FakeEcr({a_digest(): a_manifest()}, url), FakeSession(a_config(SAID))

    assert source(ecr, session).provenance(an_image()).commit == COMMIT
