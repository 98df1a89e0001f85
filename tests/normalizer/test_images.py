"""Which image something is about."""

from datetime import UTC, datetime
from typing import Any

import pytest

from lib.models import Image
from lib.normalizer.images import (
    RepositoryArn,
    image_of_detail,
    image_of_resource,
    image_resources,
    os_of,
    other_artifact,
    other_kind,
    repository_arn,
)
from tests.support.shapes import DIGEST, REPOSITORY_ARN, resource


@pytest.mark.parametrize(
    ("arn", "expected"),
    [
        (
            "arn:aws-cn:ecr:cn-north-1:000474600478:repository/a/b",
            RepositoryArn("aws-cn", "cn-north-1", "000474600478", "a/b"),
        ),
        (
            "arn:aws:ecr:eu-west-1:000474600478:repository/a/sha256:b/sha256:12",
            RepositoryArn("aws", "eu-west-1", "000474600478", "a/sha256:b", "sha256:12"),
        ),
        ("arn:aws:ecr:eu-west-1:000474600478:registry/a", None),
        ("arn:aws:lambda:eu-west-1:000474600478:function:repository/a", None),
        ("arn:aws:ecr:eu-west-1", None),
        ("a/b", None),
        (None, None),
    ],
)
def test_repository_arn_is_split_at_its_last_digest(arn: Any, expected: Any) -> None:
    """Names contain slashes, and only the end of an ARN can be a digest."""
    assert repository_arn(arn) == expected


def test_resource_describes_its_image() -> None:
    """Everything that Inspector knows about an image is taken over."""
    described = resource(
        architecture="ARM64", platform="UBUNTU_24_04", pushedAt=1760538840, inUseCount=3,
        imageTags=["a", "b"],
    )  # fmt: skip

    assert image_of_resource(described) == Image(
        partition="aws",
        account="000474600478",
        region="eu-central-1",
        repository="payments/api",
        digest=DIGEST,
        tags=("a", "b"),
        platform="linux/arm64",
        os="UBUNTU_24_04",
        pushed_at=datetime(2025, 10, 15, 14, 34, tzinfo=UTC),
        in_use_count=3,
    )


def test_resource_without_details_is_read_from_its_arn() -> None:
    """The ARN alone names partition, region, account, repository and digest."""
    bare = {"type": "AWS_ECR_CONTAINER_IMAGE", "id": f"{REPOSITORY_ARN}/{DIGEST}"}

    assert image_of_resource(bare) == Image(
        "aws", "000474600478", "eu-central-1", "payments/api", DIGEST
    )


def test_resource_without_an_arn_says_what_it_can() -> None:
    """Without an ARN the details and the region of the resource have to do."""
    odd = {
        **resource(architecture="amd64", platform="WINDOWS_2022"),
        "id": "x",
        "region": "cn-north-1",
    }

    found = image_of_resource(odd)

    assert (found.partition, found.region, found.account) == (
        "aws-cn",
        "cn-north-1",
        "000474600478",
    )
    assert found.platform == "windows/amd64"


def test_resource_that_says_nothing_is_empty() -> None:
    """Absent fields are empty text, never an error."""
    assert image_of_resource({}) == Image("aws", "", "", "", "")


def test_only_ecr_images_count() -> None:
    """The type or the details say that a resource is an ECR image; other clouds have neither."""
    by_details = {"details": resource()["details"]}
    azure = {
        "type": "Microsoft.ContainerRegistry/registry/containerImage",
        "details": {"image": {}},
    }
    finding = {"resources": [azure, by_details, resource(platform="DEBIAN_12"), "x"]}

    assert image_resources(finding) == [by_details, resource(platform="DEBIAN_12")]
    assert os_of({"resources": [resource(platform="DEBIAN_12")]}) == "DEBIAN_12"
    assert os_of({}) is None


def test_detail_of_describe_images_is_an_image() -> None:
    """What DescribeImages says about an image, without its empty summary of findings."""
    detail = {
        "registryId": "000474600478",
        "repositoryName": "payments/api",
        "imageDigest": DIGEST,
        "imagePushedAt": datetime(2026, 1, 1, tzinfo=UTC),
    }

    assert image_of_detail(detail, partition="aws", region="eu-central-1") == Image(
        "aws", "000474600478", "eu-central-1", "payments/api", DIGEST,
        pushed_at=datetime(2026, 1, 1, tzinfo=UTC),
    )  # fmt: skip


@pytest.mark.parametrize(
    "detail",
    [
        {"artifactMediaType": "application/vnd.in-toto+json"},
        {"artifactMediaType": "application/vnd.example+json", "imageTags": ["1.4.2"]},
        {"subjectManifestDigest": DIGEST},
        {"imageTags": [f"sha256-{'1' * 64}.sig"]},
        {"imageTags": [f"sha256-{'1' * 64}"]},
    ],
)
def test_what_is_not_scanned_is_no_image(detail: dict[str, Any]) -> None:
    """Other artifacts, referrers, and what cosign tags with the digest of its image."""
    assert other_artifact(detail) is not None


@pytest.mark.parametrize(
    "detail",
    [
        {},
        {"artifactMediaType": "application/vnd.oci.image.config.v1+json"},
        {"artifactMediaType": "application/vnd.docker.container.image.v1+json"},
        {"artifactMediaType": "application/vnd.oci.image.index.v1+json"},
        {"imageTags": ["sha256-1.sig"]},
        {"imageTags": [f"sha256-{'1' * 64}.sig", "1.4.2"]},
    ],
)
def test_what_ecr_scans_is_an_image(detail: dict[str, Any]) -> None:
    """And so is anything of which no media type is known."""
    assert other_artifact(detail) is None


@pytest.mark.parametrize(
    "kind",
    [
        "Application/vnd.oci.image.config.v1+json",
        "application/vnd.oci.image.config.v1+json; charset=utf-8",
        "application/vnd.docker.container.image.V1+JSON",
    ],
)
def test_an_image_is_none_the_less_one_by_how_its_type_is_written(kind: str) -> None:
    """Neither case nor parameters of a media type hide an image from alerts."""
    assert other_kind(kind, ("1.0",)) is None


@pytest.mark.parametrize("tag", [f"sha512-{'1' * 64}", f"sha512-{'1' * 128}.sig"])
def test_a_signature_of_a_longer_digest_is_no_image(tag: str) -> None:
    """The tag of a referrer begins with the algorithm of the digest."""
    assert other_kind(None, (tag,)) is not None
