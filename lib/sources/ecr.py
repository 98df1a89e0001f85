"""
Findings from ECR: the pages of DescribeImageScanFindings as one report.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImageScanFindings.html
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from lib.core.evidence import RUNNING
from lib.errors import (
    EventError,
    FindingsNotReadyError,
    ImageGoneError,
    NotAllowedError,
    NotAnImageError,
    OutOfTimeError,
    RepositoryGoneError,
    SourceError,
    SourceThrottledError,
)
from lib.models import (
    AnyReport,
    Doubt,
    Image,
    ImageIndex,
    SameReport,
    Scan,
    UnusableReport,
)
from lib.normalizer.images import (
    detail_fields,
    doubts_about,
    other_artifact,
)
from lib.normalizer.pages import (
    FAILED,
    USABLE,
    Page,
    both_lists,
    compared_ecr,
    incomplete,
    may_grow,
    normalize_ecr,
    rows_of,
)
from lib.normalizer.values import mapping, moment, texts
from lib.ports.sources import ALL_THE_TIME, Fetching
from lib.sources.indexes import about_another, fetch_indexes

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient


MAX_RESULTS: Final = 1000
"""The API's maximum. Pages of enhanced findings have 100 rows whatever the request asks for."""

_REPEATED: Final = ("resources", "remediation")
"""Fields of an enhanced finding that nearly all of an image's findings have alike."""
_NOT_FOUND: Final = "ScanNotFoundException"
_THROTTLED: Final = frozenset(
    {"RequestLimitExceeded", "Throttling", "ThrottlingException", "TooManyRequestsException"}
)
_DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException"})
_REFUSED_PLACE: Final = "InvalidParameterException"
_GONE: Final = MappingProxyType(
    {
        "ImageNotFoundException": ImageGoneError,
        "RepositoryNotFoundException": RepositoryGoneError,
        "TemplateNotFoundException": RepositoryGoneError,
    }
)


class EcrFindingSource:
    """See `lib.ports.sources.FindingSource`."""

    def __init__(self, client: "ECRClient", *, max_results: int = MAX_RESULTS) -> None:
        self._client = client
        self._max_results = max_results

    def report(
        self,
        image: Image,
        scan: Scan,
        *,
        announced: int | None = None,
        fetching: Fetching = ALL_THE_TIME,
    ) -> AnyReport | SameReport:
        """See `FindingSource.report`."""
        self._check_region(image)
        if scan.status == FAILED:
            return self._failed(image, scan)
        pages = self._fetch(image, fetching)
        row_count = sum(len(rows_of(rows)) for page in pages for rows in both_lists(page))
        report = compared_ecr(pages, image, scan, fetching.stored)
        if report.scan.status in RUNNING:
            raise FindingsNotReadyError(
                f"The scan of {image.name} is not finished: {report.scan.reason}",
                status=report.scan.status,
            )
        if announced is None or row_count >= announced:
            return report
        if isinstance(report, SameReport):
            report = report.full()
        if may_grow(report):
            # ECR can say COMPLETE before its lists are: https://github.com/aws/aws-sdk/issues/289
            raise FindingsNotReadyError(
                f"{announced} findings of {image.name} were announced, {row_count} are listed",
                status=report.scan.status,
                partial=incomplete(report, announced, row_count),
            )
        return report

    def describe(self, image: Image) -> Image:
        """See `FindingSource.describe`."""
        request: dict[str, Any] = {
            "repositoryName": image.repository,
            "imageIds": [{"imageDigest": image.digest}],
        }
        if image.account:
            request["registryId"] = image.account
        with source_errors(image.name):
            details = self._client.describe_images(**request)["imageDetails"]
        if not details:
            raise ImageGoneError(f"{image.name} does not exist (any more)")
        kind = other_artifact(details[0]) or self._about_another(image, details[0])
        if kind is not None:
            raise NotAnImageError(f"{image.name} is no image that is scanned, but {kind}")
        pushed_at, tags = moment(details[0].get("imagePushedAt")), details[0].get("imageTags")
        return replace(image, pushed_at=pushed_at, tags=image.tags or texts(tags))

    def _about_another(self, image: Image, detail: Mapping[str, Any]) -> str | None:
        """Ask for the image's subject where its details leave it open."""
        if Doubt.REFERRER not in doubts_about(detail, detail_fields(self._client)):
            return None
        with source_errors(image.name):
            return about_another(self._client, image)

    def index(self, image: Image) -> ImageIndex | None:
        """See `FindingSource.index`."""
        self._check_region(image)
        with source_errors(image.name):
            return next(fetch_indexes(self._client, (image,)), None)

    def _check_region(self, image: Image) -> None:
        """Refuse an image of another region: an image of the same name here would answer for it."""
        here = self._client.meta.region_name
        if image.region and image.region != here:
            raise EventError(
                f"The image is in {image.region}, and this deployment asks ECR in {here}; "
                f"deploy it in {image.region}, too",
                reason="other-region",
            )

    def _failed(self, image: Image, scan: Scan) -> UnusableReport:
        """
        Return the report of a failed scan, with ECR's reason where it gives one.

        The status of the event stands: findings that ECR lists belong to an earlier scan. Raises
        `ImageGoneError`, because a deleted image needs no notification.
        """
        try:
            report = normalize_ecr(self._fetch(image, ALL_THE_TIME), image, scan)
        except ImageGoneError:
            raise
        except SourceError:
            return UnusableReport(image, replace(scan, reason=scan.status))
        explains = report.scan.status not in USABLE | RUNNING
        reason = report.scan.reason if explains else None
        return UnusableReport(report.image, replace(scan, reason=reason or scan.status))

    def _fetch(self, image: Image, fetching: Fetching) -> list[Page]:
        """Return all pages. Pages of an earlier invocation are reused if no scan ended since."""
        if not fetching.pages:
            return self._pages(image, fetching)
        try:
            pages = self._pages(image, fetching)
        except SourceError as error:
            if error.reason != _REFUSED_PLACE:
                raise
        else:
            if _of_one_scan(pages):
                return pages
        return self._pages(image, replace(fetching, pages=()))

    def _pages(self, image: Image, fetching: Fetching) -> list[Page]:
        """Return all pages, by digest: a tag may have moved since the scan."""
        pages: list[Page] = list(fetching.pages)
        paginator = self._client.get_paginator("describe_image_scan_findings")
        request: dict[str, Any] = {
            "repositoryName": image.repository,
            "imageId": {"imageDigest": image.digest},
            "PaginationConfig": {"PageSize": self._max_results},
        }
        if image.account:
            request["registryId"] = image.account
        if pages:
            request["nextToken"] = pages[-1]["nextToken"]
        with source_errors(image.name):
            repeated: dict[str, Any] = {}
            for page in paginator.paginate(**request):
                _share(page, repeated)
                pages.append(page)
                if page.get("nextToken") and fetching.is_over:
                    raise OutOfTimeError(
                        f"{len(pages)} pages of {image.name} are fetched, and there are more",
                        pages=pages,
                    )
        return pages


@contextmanager
def source_errors(name: str) -> Iterator[None]:
    """Raise ECR's refusal about an image or a repository as the matching `SourceError`."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        details = error.response.get("Error", {})
        code, message = details.get("Code", "Unknown"), details.get("Message", "")
        if code == _NOT_FOUND:
            raise FindingsNotReadyError(
                f"ECR knows no scan of {name} yet", status="SCAN_NOT_FOUND"
            ) from error
        if code in _GONE:
            raise _GONE[code](f"{name} does not exist (any more): {code}") from error
        raise _refusal(code)(
            f"ECR did not answer about {name}: {code}: {message}", reason=code
        ) from error
    except BotoCoreError as error:
        raise SourceError(
            f"ECR could not be asked about {name}: {error}", reason=type(error).__name__
        ) from error


def _share(page: Page, repeated: dict[str, Any]) -> None:
    """Share the values that all rows of an image repeat: a third of the memory of pages."""
    for row in rows_of(both_lists(page)[1]):
        for name in _REPEATED if isinstance(row, dict) else ():
            if name in row and row[name] == repeated.setdefault(name, row[name]):
                row[name] = repeated[name]


def _of_one_scan(pages: Sequence[Page]) -> bool:
    """Whether all pages belong to one scan: a scan that ends in between may list other findings."""
    bodies = (mapping(page.get("imageScanFindings")) for page in pages)
    return len({moment(body.get("imageScanCompletedAt")) for body in bodies}) == 1


def _refusal(code: str) -> type[SourceError]:
    if code in _THROTTLED:
        return SourceThrottledError
    return NotAllowedError if code in _DENIED else SourceError


# --- what the pages say -------------------------------------------------------------------------
