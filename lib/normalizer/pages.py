"""All pages of DescribeImageScanFindings, and what they say together. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from lib.core.distinct import distinct
from lib.models import (
    AnyReport,
    Finding,
    Image,
    LastScan,
    Report,
    Scan,
    ScanProgress,
    ScanSource,
    UnusableReport,
)
from lib.normalizer.images import (
    image_of_resource,
    image_resources,
)
from lib.normalizer.readers import SOURCES
from lib.normalizer.values import counts, digest, mapping, moment, name, text

if TYPE_CHECKING:
    pass


Page = Mapping[str, Any]


UNKNOWN_STATUS: Final = "UNKNOWN"


_DESCRIPTIONS: Final = 10
"""Resources to look at for one that describes the image; every finding repeats it."""


FAILED: Final = "FAILED"


USABLE: Final = frozenset({"COMPLETE", "ACTIVE", UNKNOWN_STATUS})
"""Basic scans end as COMPLETE, continuous ones stay ACTIVE. Of any other status, known today or
not, nothing follows about findings."""


RUNNING: Final = frozenset({"IN_PROGRESS", "PENDING"})


_LISTS: Final = ("findings", "enhancedFindings")


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
    if said.status in RUNNING:
        progress = ScanProgress.RUNNING
    else:
        progress = ScanProgress.USABLE if said.status in USABLE else ScanProgress.UNUSABLE
    return LastScan(said.source, said.status, progress, said.completed_at)


def _listing(pages: Sequence[Page], scan: Scan) -> _Listing:
    bodies = [mapping(page.get("imageScanFindings")) for page in pages]
    basic = [row for body in bodies for row in rows_of(body.get("findings"))]
    enhanced = [row for body in bodies for row in rows_of(body.get("enhancedFindings"))]
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


def both_lists(page: Page) -> tuple[Any, Any]:
    """Return the basic and the enhanced list of a page."""
    body = mapping(page.get("imageScanFindings"))
    return body.get("findings"), body.get("enhancedFindings")


def may_grow(report: AnyReport) -> bool:
    """Whether later pages or later answers can list more."""
    return isinstance(report, Report) or report.scan.status in USABLE


def incomplete(report: AnyReport, announced: int, listed: int) -> AnyReport:
    """Return what is listed so far as what it is: no proof of absence, and nothing if empty."""
    said = f"{announced} findings were announced, {listed} are listed"
    if isinstance(report, UnusableReport) or not listed:
        return UnusableReport(report.image, replace(report.scan, reason=said))
    warnings = (*report.scan.warnings, said)
    return replace(report, scan=replace(report.scan, complete=False, warnings=warnings))


def rows_of(value: Any) -> list[Any]:
    """Return a list of a page; empty where there is none."""
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
    if listing.status not in USABLE:
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
        for row in rows_of(mapping(page.get("imageScanFindings")).get("enhancedFindings")):
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
