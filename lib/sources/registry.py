"""
Repositories of ECR, the images in them that can have a scan, and the state of these scans.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImages.html
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from lib.errors import FindingsNotReadyError
from lib.models import Image, ImageIndex, LastScan, ScanProgress, ScanSource
from lib.normalizer.images import detail_fields, doubts_about, image_of_detail, is_unscanned
from lib.normalizer.indexes import is_index
from lib.normalizer.pages import last_scan
from lib.ports.sources import ListedImage
from lib.sources.ecr import source_errors
from lib.sources.indexes import fetch_indexes

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

PAGE: Final = 1000
"""The most that DescribeRepositories and DescribeImages return at once."""


class EcrRegistry:
    """See `lib.ports.sources.ImageRegistry`."""

    def __init__(self, client: "ECRClient") -> None:
        self._client = client

    @cached_property
    def _fields(self) -> frozenset[str]:
        return detail_fields(self._client)

    def repositories(self) -> Sequence[str]:
        """See `ImageRegistry.repositories`."""
        paginator = self._client.get_paginator("describe_repositories")
        with source_errors("the registry"):
            pages = list(paginator.paginate(PaginationConfig={"PageSize": PAGE}))
        return [
            repository["repositoryName"] for page in pages for repository in page["repositories"]
        ]

    def images(self, repository: str, *, since: datetime) -> Sequence[Image | ImageIndex]:
        """See `ImageRegistry.images`."""
        paginator = self._client.get_paginator("describe_images")
        images: list[Image] = []
        lists: list[Image] = []
        with source_errors(repository):
            # Page by page: a repository may hold 100,000 images, and few of them are recent.
            for page in paginator.paginate(
                repositoryName=repository, PaginationConfig={"PageSize": PAGE}
            ):
                for detail in page["imageDetails"]:
                    image = self._image(detail, since)
                    if image is not None:
                        group = lists if is_index(detail.get("imageManifestMediaType")) else images
                        group.append(image)
            indexes = list(fetch_indexes(self._client, lists))
        return units(images, indexes)

    def listed(self, repository: Image) -> Iterator[ListedImage]:
        """See `ImageRegistry.listed`: a call for each thousand images."""
        paginator = self._client.get_paginator("describe_images")
        request: dict[str, Any] = {"repositoryName": repository.repository}
        if repository.account:
            request["registryId"] = repository.account
        with source_errors(repository.repository):
            for page in paginator.paginate(**request, PaginationConfig={"PageSize": PAGE}):
                for detail in page["imageDetails"]:
                    if not is_unscanned(detail):
                        media_type = detail.get("imageManifestMediaType")
                        yield ListedImage(self._described(detail), is_index(media_type))

    def indexes(self, images: Sequence[Image]) -> Sequence[ImageIndex]:
        """See `ImageRegistry.indexes`: a call for each hundred images."""
        with source_errors(images[0].repository if images else ""):
            return list(fetch_indexes(self._client, images))

    def last_scan(self, image: Image) -> LastScan:
        """See `ImageRegistry.last_scan`. The call asks for one finding, which is not read."""
        request: dict[str, Any] = {
            "repositoryName": image.repository,
            "imageId": {"imageDigest": image.digest},
            "maxResults": 1,
        }
        if image.account:
            request["registryId"] = image.account
        try:
            with source_errors(image.name):
                page = self._client.describe_image_scan_findings(**request)
        except FindingsNotReadyError as error:
            return LastScan(ScanSource.ECR_BASIC, error.status, ScanProgress.NONE)
        return last_scan(page)

    def _image(self, detail: Mapping[str, Any], since: datetime) -> Image | None:
        """
        Return a recent image; None for an old, archived or attached one.

        Where the details leave that open, the image has `doubts`.
        """
        if is_unscanned(detail):
            return None
        image = self._described(detail)
        return image if image.pushed_at is not None and image.pushed_at >= since else None

    def _described(self, detail: Mapping[str, Any]) -> Image:
        meta = self._client.meta
        doubts = doubts_about(detail, self._fields)
        return image_of_detail(
            detail, partition=meta.partition, region=meta.region_name, doubts=doubts
        )


def units(images: Sequence[Image], indexes: Sequence[ImageIndex]) -> list[Image | ImageIndex]:
    """Return the images that have a scan of their own, and the indexes with members."""
    member_digests = {member.digest for index in indexes for member in index.members}
    attached = {digest for index in indexes for digest in index.attachments}
    alone = [
        image
        for image in images
        if image.digest not in attached and (image.tags or image.digest not in member_digests)
    ]
    return [*alone, *(index for index in indexes if index.members)]
