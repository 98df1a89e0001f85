"""
Findings from ECR: all pages of DescribeImageScanFindings, and what they say together.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImageScanFindings.html
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from lib.core.distinct import distinct
from lib.errors import (
    EventError,
    FindingsNotReadyError,
    ImageGoneError,
    NotAllowedError,
    NotAnImageError,
    OutOfTimeError,
    SourceError,
    SourceThrottledError,
)
from lib.models import (
    AnyReport,
    Doubt,
    Finding,
    Image,
    ImageIndex,
    LastScan,
    Report,
    Scan,
    ScanProgress,
    ScanSource,
    UnusableReport,
)
from lib.ports import ALL_THE_TIME, Fetching
from lib.sources import SOURCES
from lib.sources.images import (
    detail_fields,
    doubts_about,
    image_of_resource,
    image_resources,
    other_artifact,
)
from lib.sources.indexes import about_another, fetch_indexes
from lib.sources.values import counts, digest, mapping, moment, name, text, texts

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

Page = Mapping[str, Any]

MAX_RESULTS: Final = 1000
"""The API's maximum. Enhanced findings come by the hundred whatever is asked for."""
UNKNOWN_STATUS: Final = "UNKNOWN"

_DESCRIPTIONS: Final = 10
"""Resources to look at for one that describes the image; every finding repeats it."""
_FAILED: Final = "FAILED"
_USABLE: Final = frozenset({"COMPLETE", "ACTIVE", UNKNOWN_STATUS})
"""Basic scans end as COMPLETE, continuous ones stay ACTIVE. Of any other status, known today or
not, nothing follows about findings."""
_RUNNING: Final = frozenset({"IN_PROGRESS", "PENDING"})
_LISTS: Final = ("findings", "enhancedFindings")
_NOT_FOUND: Final = "ScanNotFoundException"
_THROTTLED: Final = frozenset(
    {"RequestLimitExceeded", "Throttling", "ThrottlingException", "TooManyRequestsException"}
)
_DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException"})
_REFUSED_PLACE: Final = "InvalidParameterException"
_GONE: Final = frozenset({"ImageNotFoundException", "RepositoryNotFoundException"})


class EcrFindingSource:
    """See `lib.ports.FindingSource`."""

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
    ) -> AnyReport:
        """See `FindingSource.report`."""
        self._check_region(image)
        if scan.status == _FAILED:
            return self._failed(image, scan)
        pages = self._fetch(image, fetching)
        report = normalize_ecr(pages, image, scan)
        if report.scan.status in _RUNNING:
            raise FindingsNotReadyError(
                f"The scan of {image.name} is not finished: {report.scan.reason}",
                status=report.scan.status,
            )
        listed = sum(len(_list(each)) for page in pages for each in _lists(page))
        if announced is not None and listed < announced and _may_grow(report):
            # ECR can say COMPLETE before its lists are: https://github.com/aws/aws-sdk/issues/289
            raise FindingsNotReadyError(
                f"{announced} findings of {image.name} were announced, {listed} are listed",
                status=report.scan.status,
                partial=_incomplete(report, announced, listed),
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
        """Ask the manifest whether it belongs to another image, where the answer left that open."""
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
        """Refuse another region's image: here, an image of the same name would answer for it."""
        here = self._client.meta.region_name
        if image.region and image.region != here:
            raise EventError(
                f"The image is in {image.region}, and this deployment asks ECR in {here}; "
                f"deploy it in {image.region}, too",
                reason="other-region",
            )

    def _failed(self, image: Image, scan: Scan) -> UnusableReport:
        """
        Say why a scan failed, if ECR tells.

        The event decides: what ECR may list beside it comes from an earlier scan. Raises
        `ImageGoneError`, as there is nobody to tell about an image that was deleted.
        """
        try:
            report = normalize_ecr(self._fetch(image, ALL_THE_TIME), image, scan)
        except ImageGoneError:
            raise
        except SourceError:
            return UnusableReport(image, replace(scan, reason=scan.status))
        explains = report.scan.status not in _USABLE | _RUNNING
        reason = report.scan.reason if explains else None
        return UnusableReport(report.image, replace(scan, reason=reason or scan.status))

    def _fetch(self, image: Image, fetching: Fetching) -> list[Page]:
        """Return all pages; those of an earlier invocation stand for themselves if they fit."""
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
        """Return all pages, asked for by digest: a tag may have moved since the scan."""
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
            for page in paginator.paginate(**request):
                pages.append(page)
                if page.get("nextToken") and fetching.is_over:
                    raise OutOfTimeError(
                        f"{len(pages)} pages of {image.name} are fetched, and there are more",
                        pages=pages,
                    )
        return pages


@contextmanager
def source_errors(name: str) -> Iterator[None]:
    """Turn what ECR refuses about an image or a repository into the `SourceError` that it is."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        stated = error.response.get("Error", {})
        code, said = stated.get("Code", "Unknown"), stated.get("Message", "")
        if code == _NOT_FOUND:
            raise FindingsNotReadyError(
                f"ECR knows no scan of {name} yet", status="SCAN_NOT_FOUND"
            ) from error
        if code in _GONE:
            raise ImageGoneError(f"{name} does not exist (any more): {code}") from error
        raise _refusal(code)(
            f"ECR did not answer about {name}: {code}: {said}", reason=code
        ) from error
    except BotoCoreError as error:
        raise SourceError(
            f"ECR could not be asked about {name}: {error}", reason=type(error).__name__
        ) from error


def _of_one_scan(pages: Sequence[Page]) -> bool:
    """Say whether no scan ended between two pages: the next one may list other findings."""
    bodies = (mapping(page.get("imageScanFindings")) for page in pages)
    return len({moment(body.get("imageScanCompletedAt")) for body in bodies}) == 1


def _refusal(code: str) -> type[SourceError]:
    if code in _THROTTLED:
        return SourceThrottledError
    return NotAllowedError if code in _DENIED else SourceError


# --- what the pages say -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Listing:
    """All pages of one image as one."""

    source: ScanSource
    status: str
    description: str | None
    completed_at: datetime | None
    findings: tuple[Finding, ...]
    listed: int
    """Rows, before rows of the same identity are merged and others are taken apart."""
    unreadable: int
    counted: int | None
    """What `findingSeverityCounts` adds up to; None where it is not stated."""
    answered: bool
    """There is a list or a count, even if empty: else nothing was said about findings."""
    more: bool
    """There is a next page that is not part of this."""


def normalize_ecr(pages: Sequence[Page], image: Image, scan: Scan) -> AnyReport:
    """
    Return what the pages of DescribeImageScanFindings say about one image.

    `image` and `scan` are what an event said; the pages fill in what they know better. The shape of
    the pages decides who scanned, their status whether it is a result. Never fails: pages that say
    nothing make an `UnusableReport` with the reason.
    """
    listing = _listing(pages, scan)
    known = _described(image, pages)
    result = replace(
        scan,
        source=listing.source,
        status=listing.status,
        completed_at=listing.completed_at or scan.completed_at,
    )
    reason = _unusable(listing)
    if reason is not None:
        return UnusableReport(known, replace(result, reason=reason))
    warnings, complete = _warnings(listing)
    return Report(
        known,
        replace(
            result,
            reason=None,
            complete=complete,
            warnings=warnings,
        ),
        distinct(listing.findings),
    )


def last_scan(page: Page) -> LastScan:
    """Return what one page says about the scan itself, however many findings it lists."""
    said = _listing([page], Scan(ScanSource.ECR_BASIC, UNKNOWN_STATUS))
    if said.status in _RUNNING:
        progress = ScanProgress.RUNNING
    else:
        progress = ScanProgress.USABLE if said.status in _USABLE else ScanProgress.UNUSABLE
    return LastScan(said.source, said.status, progress, said.completed_at)


def _listing(pages: Sequence[Page], scan: Scan) -> _Listing:
    bodies = [mapping(page.get("imageScanFindings")) for page in pages]
    basic = [row for body in bodies for row in _list(body.get("findings"))]
    enhanced = [row for body in bodies for row in _list(body.get("enhancedFindings"))]
    status = mapping(pages[0].get("imageScanStatus")) if pages else {}
    word = text(status.get("status")) or UNKNOWN_STATUS
    stated = next((found for body in bodies if (found := _counted(body)) is not None), None)
    read_basic, read_enhanced = SOURCES[ScanSource.ECR_BASIC], SOURCES[ScanSource.ECR_ENHANCED]
    findings = [found for row in basic if isinstance(row, dict) for found in read_basic(row)]
    findings += [found for row in enhanced if isinstance(row, dict) for found in read_enhanced(row)]
    return _Listing(
        source=_source(bodies, (basic, enhanced), word, scan),
        status=word,
        description=text(status.get("description")),
        completed_at=next(
            (at for body in bodies if (at := moment(body.get("imageScanCompletedAt")))), None
        ),
        findings=tuple(findings),
        listed=len(basic) + len(enhanced),
        unreadable=sum(not isinstance(row, dict) for row in (*basic, *enhanced)),
        counted=stated,
        answered=stated is not None
        or any(isinstance(body.get(key), list) for body in bodies for key in _LISTS),
        more=bool(pages and text(pages[-1].get("nextToken"))),
    )


def _lists(page: Page) -> tuple[Any, Any]:
    body = mapping(page.get("imageScanFindings"))
    return body.get("findings"), body.get("enhancedFindings")


def _may_grow(report: AnyReport) -> bool:
    return isinstance(report, Report) or report.scan.status in _USABLE


def _incomplete(report: AnyReport, announced: int, listed: int) -> AnyReport:
    """Return what is listed so far as what it is: no proof of absence, and nothing if empty."""
    said = f"{announced} findings were announced, {listed} are listed"
    if isinstance(report, UnusableReport) or not listed:
        return UnusableReport(report.image, replace(report.scan, reason=said))
    warnings = (*report.scan.warnings, said)
    return replace(report, scan=replace(report.scan, complete=False, warnings=warnings))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _counted(body: Mapping[str, Any]) -> int | None:
    found = counts(body.get("findingSeverityCounts"))
    if found is None:
        return None
    by_severity, total = found
    return max(sum(by_severity.values()), total or 0)


def _source(
    bodies: Sequence[Mapping[str, Any]], rows: tuple[Any, Any], status: str, scan: Scan
) -> ScanSource:
    """Tell who scanned by what is listed; a continuous scan is never a basic one."""
    basic, enhanced = rows
    if enhanced or (status == "ACTIVE" and not basic):
        return ScanSource.ECR_ENHANCED
    lists = {key for body in bodies for key in _LISTS if key in body}
    if basic or lists == {"findings"}:
        return ScanSource.ECR_BASIC
    return ScanSource.ECR_ENHANCED if lists == {"enhancedFindings"} else scan.source


def _unusable(listing: _Listing) -> str | None:
    """Return why the pages are no result; None when they are one."""
    said = ": ".join(each for each in (listing.status, listing.description) if each)
    if listing.status not in _USABLE:
        return said
    if listing.listed:
        return None
    said = said.rstrip(".")
    if listing.counted:
        return f"{said}, but {listing.counted} findings are counted and none is listed"
    if not listing.answered:
        return f"{said}, but findings are neither listed nor counted"
    if listing.status == UNKNOWN_STATUS and listing.completed_at is None:
        return "nothing is listed, and nothing says that the scan was completed"
    return None


def _warnings(listing: _Listing) -> tuple[tuple[str, ...], bool]:
    """Return what is odd about the list, and whether it can be complete all the same."""
    warnings, complete = [], True
    if listing.unreadable:
        complete = False
        warnings.append(f"{listing.unreadable} of the rows listed are not findings")
    if listing.counted is not None and listing.counted != listing.listed:
        complete = complete and listing.listed > listing.counted
        warnings.append(f"{listing.counted} findings are counted, {listing.listed} are listed")
    if listing.more and not (listing.counted and listing.listed >= listing.counted):
        complete = False
        warnings.append("there are further pages that are not part of this")
    return tuple(warnings), complete


def _described(image: Image, pages: Sequence[Page]) -> Image:
    """Return the image with what the pages know better: enhanced findings describe it."""
    if not pages:
        return image
    image_id = mapping(pages[0].get("imageId"))
    tag = text(image_id.get("imageTag"))
    known = replace(
        image,
        account=image.account or name(pages[0].get("registryId")),
        repository=image.repository or name(pages[0].get("repositoryName")),
        digest=image.digest or digest(image_id.get("imageDigest")),
        tags=image.tags or ((tag,) if tag else ()),
    )
    for resource in islice(_resources(pages), _DESCRIPTIONS):
        described = image_of_resource(resource)
        if known.digest in ("", described.digest):
            return _filled(known, described)
    return known


def _resources(pages: Sequence[Page]) -> Iterator[dict[str, Any]]:
    for page in pages:
        for row in _list(mapping(page.get("imageScanFindings")).get("enhancedFindings")):
            if isinstance(row, dict):
                yield from image_resources(row)


def _filled(known: Image, described: Image) -> Image:
    """Fill in from one of Inspector's resources; its tags are newer than those of the event."""
    return Image(
        partition=known.partition if known.region else described.partition,
        account=known.account or described.account,
        region=known.region or described.region,
        repository=known.repository or described.repository,
        digest=known.digest or described.digest,
        tags=described.tags or known.tags,
        platform=described.platform or known.platform,
        os=described.os or known.os,
        pushed_at=described.pushed_at or known.pushed_at,
        in_use_count=known.in_use_count
        if described.in_use_count is None
        else described.in_use_count,
    )
