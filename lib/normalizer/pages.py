"""The report in the pages of DescribeImageScanFindings. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from itertools import islice
from typing import Any, Final

from lib.core.distinct import distinct
from lib.core.evidence import RUNNING
from lib.models import (
    AnyReport,
    Finding,
    Image,
    LastScan,
    Report,
    SameReport,
    Scan,
    ScanProgress,
    ScanSource,
    UnusableReport,
)
from lib.normalizer.fingerprints import fingerprint
from lib.normalizer.images import (
    image_of_resource,
    image_resources,
)
from lib.normalizer.readers import SOURCES
from lib.normalizer.values import counts, digest, mapping, moment, name, text

Page = Mapping[str, Any]


UNKNOWN_STATUS: Final = "UNKNOWN"


_DESCRIPTIONS: Final = 10
"""How many resources are searched for a description of the image; all findings repeat it."""


FAILED: Final = "FAILED"


USABLE: Final = frozenset({"COMPLETE", "ACTIVE", UNKNOWN_STATUS})
"""Basic scans end as COMPLETE, continuous scans stay ACTIVE. Any other status, known or not, says
nothing about findings."""


_LISTS: Final = ("findings", "enhancedFindings")
_BASIC, _ENHANCED = ScanSource.ECR_BASIC, ScanSource.ECR_ENHANCED


@dataclass(frozen=True, slots=True)
class _Listing:
    """All pages of an image as one list."""

    source: ScanSource
    status: str
    description: str | None
    completed_at: datetime | None
    basic: list[Any]
    enhanced: list[Any]
    """Rows of both lists, before rows are merged or split into findings."""
    counted: int | None
    """The sum of `findingSeverityCounts`; None where there is none."""
    answered: bool
    """Whether there is a list or a count, even an empty one."""
    more: bool
    """Whether there is a next page that was not fetched."""

    @property
    def listed(self) -> int:
        return len(self.basic) + len(self.enhanced)

    @property
    def unreadable(self) -> int:
        return sum(not isinstance(row, dict) for row in (*self.basic, *self.enhanced))

    def findings(self) -> Iterator[Finding]:
        """Yield all findings, once: each row is freed as soon as it is read."""
        for rows, source in ((self.basic, _BASIC), (self.enhanced, _ENHANCED)):
            read = SOURCES[source]
            rows.reverse()
            while rows:
                row = rows.pop()
                if isinstance(row, dict):
                    yield from read(row)


def normalize_ecr(pages: Sequence[Page], image: Image, scan: Scan) -> AnyReport:
    """Return the report of one image from pages of DescribeImageScanFindings. Never fails."""
    report = compared_ecr(list(pages), image, scan)
    return report.full() if isinstance(report, SameReport) else report


def compared_ecr(
    pages: list[Page], image: Image, scan: Scan, stored: str | None = None
) -> AnyReport | SameReport:
    """
    Return the report of one image, or only that its rows are those of the `stored` fingerprint.

    Without one (None) the report gets no fingerprint, either. Empties the list of pages, so that
    the memory of rows is free again before that of their texts is needed.

    `image` and `scan` come from an event; the pages fill in their details. The lists decide the
    source of the scan, the status decides whether it is usable. Never fails: pages without a
    result give an `UnusableReport` with the reason.
    """
    listing = _listing(pages, scan)
    described = _described(image, pages)
    pages.clear()
    result = replace(
        scan,
        source=listing.source,
        status=listing.status,
        completed_at=listing.completed_at or scan.completed_at,
    )
    reason = _unusable(listing)
    if reason is not None:
        return UnusableReport(described, replace(result, reason=reason))
    warnings, complete = _warnings(listing)
    usable = replace(result, reason=None, complete=complete, warnings=warnings)
    mark = "" if stored is None else fingerprint((*listing.basic, *listing.enhanced))

    @cache
    def full() -> Report:
        return Report(described, usable, distinct(listing.findings()), fingerprint=mark)

    if mark and mark == stored and listing.listed and complete and not warnings:
        return SameReport(described, usable, mark, full)
    return full()


def last_scan(page: Page) -> LastScan:
    """Return source, status and progress of the scan in one page, without its findings."""
    listing = _listing([page], Scan(ScanSource.ECR_BASIC, UNKNOWN_STATUS))
    if listing.status in RUNNING:
        progress = ScanProgress.RUNNING
    else:
        progress = ScanProgress.USABLE if listing.status in USABLE else ScanProgress.UNUSABLE
    return LastScan(listing.source, listing.status, progress, listing.completed_at)


def _listing(pages: Sequence[Page], scan: Scan) -> _Listing:
    bodies = [mapping(page.get("imageScanFindings")) for page in pages]
    basic = [row for body in bodies for row in rows_of(body.get("findings"))]
    enhanced = [row for body in bodies for row in rows_of(body.get("enhancedFindings"))]
    status = mapping(pages[0].get("imageScanStatus")) if pages else {}
    word = text(status.get("status")) or UNKNOWN_STATUS
    total_count = counted_in(pages)
    return _Listing(
        source=_source(bodies, (basic, enhanced), word, scan),
        status=word,
        description=text(status.get("description")),
        completed_at=next(
            (at for body in bodies if (at := moment(body.get("imageScanCompletedAt")))), None
        ),
        basic=basic,
        enhanced=enhanced,
        counted=total_count,
        answered=total_count is not None
        or any(isinstance(body.get(key), list) for body in bodies for key in _LISTS),
        more=bool(pages and text(pages[-1].get("nextToken"))),
    )


def both_lists(page: Page) -> tuple[Any, Any]:
    """Return the basic and the enhanced list of a page."""
    body = mapping(page.get("imageScanFindings"))
    return body.get("findings"), body.get("enhancedFindings")


def may_grow(report: AnyReport) -> bool:
    """Whether later pages or later answers can list more findings."""
    return isinstance(report, Report) or report.scan.status in USABLE


def incomplete(report: AnyReport, announced: int, listed: int) -> AnyReport:
    """Mark a report as incomplete: without any finding it becomes unusable."""
    reason = f"{announced} findings were announced, {listed} are listed"
    if isinstance(report, UnusableReport) or not listed:
        return UnusableReport(report.image, replace(report.scan, reason=reason))
    warnings = (*report.scan.warnings, reason)
    return replace(report, scan=replace(report.scan, complete=False, warnings=warnings))


def rows_of(value: Any) -> list[Any]:
    """Return a list of a page; empty where there is none."""
    return value if isinstance(value, list) else []


def counted_in(pages: Sequence[Page]) -> int | None:
    """Return how many findings the pages of an image count; None where they count none."""
    bodies = (mapping(page.get("imageScanFindings")) for page in pages)
    return next((total for body in bodies if (total := _counted(body)) is not None), None)


def has_counts(pages: Sequence[Page]) -> bool:
    """Whether the pages state a count of any severity; an empty object counts nothing."""
    bodies = (mapping(page.get("imageScanFindings")) for page in pages)
    return any(mapping(body.get("findingSeverityCounts")) for body in bodies)


def _counted(body: Mapping[str, Any]) -> int | None:
    read = counts(body.get("findingSeverityCounts"))
    if read is None:
        return None
    by_severity, total = read
    return max(sum(by_severity.values()), total or 0)


def _source(
    bodies: Sequence[Mapping[str, Any]], rows: tuple[Any, Any], status: str, scan: Scan
) -> ScanSource:
    """Derive the source from the lists; a continuous scan is never a basic one."""
    basic, enhanced = rows
    if enhanced or (status == "ACTIVE" and not basic):
        return ScanSource.ECR_ENHANCED
    lists = {key for body in bodies for key in _LISTS if key in body}
    if basic or lists == {"findings"}:
        return ScanSource.ECR_BASIC
    return ScanSource.ECR_ENHANCED if lists == {"enhancedFindings"} else scan.source


def _unusable(listing: _Listing) -> str | None:
    """Return why the pages are no result; None for usable ones."""
    status = ": ".join(part for part in (listing.status, listing.description) if part)
    if listing.status not in USABLE:
        return status
    if listing.listed:
        return None
    status = status.rstrip(".")
    if listing.counted:
        return f"{status}, but {listing.counted} findings are counted and none is listed"
    if not listing.answered:
        return f"{status}, but findings are neither listed nor counted"
    if listing.status == UNKNOWN_STATUS and listing.completed_at is None:
        return "nothing is listed, and no time of completion is stated"
    return None


def _warnings(listing: _Listing) -> tuple[tuple[str, ...], bool]:
    """Return warnings about the list, and whether the list can be complete nevertheless."""
    warnings, complete = [], True
    if listing.unreadable:
        complete = False
        warnings.append(f"{listing.unreadable} of the rows listed are not findings")
    if listing.counted is not None and listing.counted != listing.listed:
        complete = complete and listing.listed > listing.counted
        warnings.append(f"{listing.counted} findings are counted, {listing.listed} are listed")
    if listing.more and not (listing.counted and listing.listed >= listing.counted):
        complete = False
        warnings.append("further pages were not read")
    return tuple(warnings), complete


def _described(image: Image, pages: Sequence[Page]) -> Image:
    """Fill in the image from its pages: enhanced findings describe it."""
    if not pages:
        return image
    image_id = mapping(pages[0].get("imageId"))
    tag = text(image_id.get("imageTag"))
    partial = replace(
        image,
        account=image.account or name(pages[0].get("registryId")),
        repository=image.repository or name(pages[0].get("repositoryName")),
        digest=image.digest or digest(image_id.get("imageDigest")),
        tags=image.tags or ((tag,) if tag else ()),
    )
    for resource in islice(_resources(pages), _DESCRIPTIONS):
        details = image_of_resource(resource)
        if partial.digest in ("", details.digest):
            return _filled(partial, details)
    return partial


def _resources(pages: Sequence[Page]) -> Iterator[dict[str, Any]]:
    for page in pages:
        for row in rows_of(mapping(page.get("imageScanFindings")).get("enhancedFindings")):
            if isinstance(row, dict):
                yield from image_resources(row)


def _filled(image: Image, details: Image) -> Image:
    """Fill in an image from an Inspector resource, whose tags are newer than those of the event."""
    return Image(
        partition=image.partition if image.region else details.partition,
        account=image.account or details.account,
        region=image.region or details.region,
        repository=image.repository or details.repository,
        digest=image.digest or details.digest,
        tags=details.tags or image.tags,
        platform=details.platform or image.platform,
        os=details.os or image.os,
        pushed_at=details.pushed_at or image.pushed_at,
        in_use_count=image.in_use_count if details.in_use_count is None else details.in_use_count,
        last_in_use_at=details.last_in_use_at or image.last_in_use_at,
        extra=details.extra or image.extra,
    )
