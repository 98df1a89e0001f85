"""Images in ARNs, in Inspector's resources and in answers of DescribeImages."""

import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from lib.models import Doubt, Image, StoredImage
from lib.normalizer.indexes import IMAGE_CONFIGS, INDEX_TYPES
from lib.normalizer.unknown_fields import names, unknown_fields
from lib.normalizer.values import count, digest, mapping, moment, name, objects, text, texts
from lib.urls.partitions import partition_of

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

IMAGE_TYPE: Final = "AWS_ECR_CONTAINER_IMAGE"
"""The type of Inspector's resources that are ECR images."""

_STATED: Final = (
    "architecture",
    "imageTags",
    "inUseCount",
    "lastInUseAt",
    "platform",
    "pushedAt",
    "registry",
    "repositoryName",
)
_KNOWN_DETAILS: Final = names("imageHash", *_STATED)
_KNOWN_RESOURCE: Final = names(
    "id",
    "partition",
    "provider",
    "providerAccountId",
    "region",
    "type",
    # Since 2024 the same once more, in the words for images of all clouds.
    details=names("awsEcrContainerImage", image=names("imageDigest", *_STATED)),
)
"""All of these are in the ARN of the image, or about other resources than images of ECR."""
_ACTIVE: Final = "ACTIVE"
_IMAGES: Final = frozenset({*IMAGE_CONFIGS, *INDEX_TYPES})
"""Media types of what ECR scans; anything else is a signature, a chart, a bill of materials."""
_ATTACHED: Final = re.compile(r"sha(?:256|512)-[0-9a-f]{64,128}(\.[a-z]+)?")
"""Tags of Cosign's attachments and of a list of referrers:
https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema"""

_ARN_PARTS: Final = 6
_REPOSITORY: Final = "repository/"
_DIGEST: Final = "/sha256:"


@dataclass(frozen=True, slots=True)
class RepositoryArn:
    """The parts of an ARN of a repository, or of an image, whose ARN ends with its digest."""

    partition: str
    region: str
    account: str
    repository: str
    digest: str = ""


def repository_arn(value: Any) -> RepositoryArn | None:
    """Read the ARN of a repository or an image; None for other ARNs."""
    parts = name(value).split(":", _ARN_PARTS - 1)
    if len(parts) < _ARN_PARTS or parts[0] != "arn" or parts[2] != "ecr":
        return None
    _, partition, _, region, account, resource = parts
    if not resource.startswith(_REPOSITORY):
        return None
    # Names contain slashes, so only the last part can be the digest.
    repository, slash, hexadecimal = resource[len(_REPOSITORY) :].rpartition(_DIGEST)
    if not slash:
        return RepositoryArn(partition, region, account, resource[len(_REPOSITORY) :])
    return RepositoryArn(partition, region, account, repository, f"sha256:{hexadecimal}")


def image_resources(finding: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the resources of an Inspector finding that are ECR images."""
    return [resource for resource in objects(finding.get("resources")) if _is_image(resource)]


def _is_image(resource: Mapping[str, Any]) -> bool:
    # Images of other clouds have `details.image` only, and a type of their own.
    return resource.get("type") == IMAGE_TYPE or bool(
        mapping(mapping(resource.get("details")).get("awsEcrContainerImage"))
    )


def image_of_resource(resource: Mapping[str, Any]) -> Image:
    """Return the image of an Inspector resource; missing values are empty."""
    details = mapping(mapping(resource.get("details")).get("awsEcrContainerImage"))
    arn = repository_arn(resource.get("id"))
    region = (arn.region if arn else "") or text(resource.get("region")) or ""
    os = text(details.get("platform"))
    return Image(
        partition=(arn.partition if arn else "") or partition_of(region).name,
        account=(arn.account if arn else "") or text(details.get("registry")) or "",
        region=region,
        repository=text(details.get("repositoryName")) or (arn.repository if arn else ""),
        digest=digest(details.get("imageHash")) or (arn.digest if arn else ""),
        tags=texts(details.get("imageTags")),
        platform=_platform(text(details.get("architecture")), os),
        os=os,
        pushed_at=moment(details.get("pushedAt")),
        in_use_count=count(details.get("inUseCount")),
        last_in_use_at=moment(details.get("lastInUseAt")),
        extra=_other_fields(resource, details),
    )


def _other_fields(resource: Mapping[str, Any], details: Mapping[str, Any]) -> Mapping[str, str]:
    """Return what else is said about an image by AWS's names, such as `author`."""
    fields = unknown_fields(details, _KNOWN_DETAILS)
    return MappingProxyType(fields | unknown_fields(resource, _KNOWN_RESOURCE, "resource."))


def os_of(finding: Mapping[str, Any]) -> str | None:
    """Return the distribution of the image that an Inspector finding is about."""
    for resource in image_resources(finding):
        return text(
            mapping(mapping(resource.get("details")).get("awsEcrContainerImage")).get("platform")
        )
    return None


def _platform(architecture: str | None, os: str | None) -> str | None:
    if architecture is None:
        return None
    system = "windows" if (os or "").upper().startswith("WINDOWS") else "linux"
    return f"{system}/{architecture.lower()}"


def detail_fields(client: "ECRClient") -> frozenset[str]:
    """
    Return the fields of DescribeImages' details that this boto3 returns.

    boto3 silently drops fields that its model lacks, and the Lambda runtime may have an older boto3
    than the tests: 1.40.4 lacks `imageStatus` and `subjectManifestDigest`.
    """
    return frozenset(client.meta.service_model.shape_for("ImageDetail").members)  # type: ignore[attr-defined]  # the stubs do not know it


def doubts_about(detail: Mapping[str, Any], fields: Container[str]) -> tuple[Doubt, ...]:
    """Return the doubts that an image detail leaves open; `fields`: see `detail_fields`."""
    doubts = []
    if "imageStatus" not in detail:
        doubts.append(Doubt.ARCHIVED)
    # An image may lack this field, so only the client's model decides.
    if "subjectManifestDigest" not in fields:
        doubts.append(Doubt.REFERRER)
    return tuple(doubts)


def is_unscanned(detail: Mapping[str, Any]) -> bool:
    """Whether ECR does not scan an image: it is archived, or not a container image."""
    status = detail.get("imageStatus")
    return status not in (None, _ACTIVE) or other_artifact(detail) is not None


def image_of_detail(
    detail: Mapping[str, Any], *, partition: str, region: str, doubts: tuple[Doubt, ...] = ()
) -> Image:
    """
    Return the image of an image detail.

    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageDetail.html
    """
    return Image(
        partition=partition,
        account=name(detail.get("registryId")),
        region=region,
        repository=name(detail.get("repositoryName")),
        digest=digest(detail.get("imageDigest")),
        tags=texts(detail.get("imageTags")),
        pushed_at=moment(detail.get("imagePushedAt")),
        doubts=doubts,
    )


def stored_image(detail: Mapping[str, Any]) -> StoredImage:
    """
    Return what lifecycle policies go by in an image detail.

    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageDetail.html
    """
    used = (moment(detail.get(name)) for name in ("lastRecordedPullTime", "lastActivatedAt"))
    return StoredImage(
        digest=digest(detail.get("imageDigest")),
        tags=texts(detail.get("imageTags")),
        pushed_at=moment(detail.get("imagePushedAt")),
        pulled_at=max(filter(None, used), default=None),
        archived=detail.get("imageStatus") not in (None, _ACTIVE),
        archived_at=moment(detail.get("lastArchivedAt")),
        size=count(detail.get("imageSizeInBytes")) or 0,
        kind=text(detail.get("artifactMediaType")) or "",
        is_index=detail.get("imageManifestMediaType") in INDEX_TYPES,
    )


def other_artifact(detail: Mapping[str, Any]) -> str | None:
    """
    Describe an artifact that ECR does not scan; None for an image and for an index.

    `detail` is one of DescribeImages' image details.
    """
    subject = digest(detail.get("subjectManifestDigest"))
    if subject:
        return f"something about {subject[:19]}"
    return other_kind(detail.get("artifactMediaType"), texts(detail.get("imageTags")))


def other_kind(media_type: Any, tags: Sequence[str]) -> str | None:
    """
    Describe an artifact by the media type of its configuration and its tags; None for an image.

    Without a media type it is taken for an image.
    """
    kind = text(media_type)
    # Upper case and parameters mean nothing in a media type: RFC 6838.
    if kind is not None and kind.partition(";")[0].strip().lower() not in _IMAGES:
        return kind
    if tags and all(map(_ATTACHED.fullmatch, tags)):
        return f"something about {tags[0][:19]}"
    return None
