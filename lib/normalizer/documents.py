"""
Any raw document that AWS or its tools write about scans, as reports.

For people with a file: the command line. Events and fetched pages do not come through here.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Protocol, assert_never

from lib.core.distinct import distinct
from lib.errors import DocumentError, EventError
from lib.models import (
    AnyReport,
    Finding,
    FindingEvent,
    IgnoredEvent,
    Image,
    Json,
    PushEvent,
    RemovalEvent,
    Report,
    RepositoryEvent,
    Scan,
    ScanEvent,
    ScanSource,
    UnusableReport,
)
from lib.normalizer.casing import camel_case
from lib.normalizer.events import ONE_FINDING, finding_reports, parse_event, resource_words
from lib.normalizer.images import image_of_resource, image_resources
from lib.normalizer.pages import UNKNOWN_STATUS, Page, normalize_ecr
from lib.normalizer.readers import SOURCES
from lib.normalizer.values import mapping, moment, name, text

NO_FINDINGS: Final = "the event carries no findings; they have to be fetched from ECR"
LISTED: Final = "LISTED"
"""The status of Inspector findings whose statuses differ: there is no scan with one status."""

_LOOKED_FOR: Final = (
    "Looked for: responses of DescribeImageScanFindings and of Inspector's ListFindings, and the "
    "events ECR Image Scan, Inspector2 Scan and Inspector2 Finding; bare, in arrays, or wrapped "
    "in SQS or SNS"
)
_MAX_DEPTH: Final = 16
_NOWHERE: Final = Image("aws", "", "", "", "")
# What tells the inner `imageScanFindings` object from a response of ListFindings.
_INNER: Final = frozenset(
    {
        "findingSeverityCounts",
        "imageDigest",
        "imageScanCompletedAt",
        "vulnerabilitySourceUpdatedAt",
    }
)
_INSPECTOR_ROW: Final = frozenset({"findingArn", "packageVulnerabilityDetails", "resources"})
_BASIC_ROW: Final = frozenset({"name", "severity"})
# The envelope and the details of scans and pushes, as parse_event reads them.
_HYPHENATED: Final = {"scanStatus", "actionType", "repositoryName"}
"""Event details with one of these keys have hyphenated keys."""
_EVENT_KEYS: Final = {
    "detailType": "detail-type",
    "scanStatus": "scan-status",
    "repositoryName": "repository-name",
    "imageDigest": "image-digest",
    "imageTags": "image-tags",
    "findingSeverityCounts": "finding-severity-counts",
    "actionType": "action-type",
    "imageTag": "image-tag",
    "manifestMediaType": "manifest-media-type",
}


@dataclass(frozen=True, slots=True)
class NormalizedDocument:
    """The reports in a document. `left_out` names the other contents, in words."""

    reports: tuple[AnyReport, ...]
    left_out: tuple[str, ...]


def normalize_document(document: Json) -> NormalizedDocument:
    """
    Return a report for each image in a document, in the order of the document.

    Takes responses and events in any casing, bare or wrapped. Pages of one image are merged into
    one report, and so are Inspector findings of one image. Raises `DocumentError` for a document
    without an ECR image; the text lists its contents.
    """
    contents = _Contents()
    _collect(camel_case(document), contents, 0)
    reports = tuple([part.report() for part in contents.parts])
    left_out = tuple(_times(label, number) for label, number in contents.others.items())
    if not reports:
        contents_text = f" It holds: {'; '.join(left_out)}." if left_out else ""
        raise DocumentError(f"Nothing in it is about an ECR image.{contents_text} {_LOOKED_FOR}")
    return NormalizedDocument(reports, left_out)


def _times(label: str, number: int) -> str:
    return label if number == 1 else f"{label} ({number} of them)"


# --- contents of a document ---------------------------------------------------------------------


class _Part(Protocol):
    def report(self) -> AnyReport: ...


@dataclass(slots=True)
class _Pages:
    """Pages of DescribeImageScanFindings about one image."""

    pages: list[Page]

    def report(self) -> AnyReport:
        scan = Scan(ScanSource.ECR_BASIC, UNKNOWN_STATUS)
        return _with_missing_names(normalize_ecr(self.pages, _NOWHERE, scan))


@dataclass(slots=True)
class _Rows:
    """Inspector's findings about one image."""

    image: Image
    source: ScanSource
    findings: list[Finding] = field(default_factory=list)
    times: list[datetime] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def report(self) -> AnyReport:
        statuses = {finding.source_status for finding in self.findings}
        scan = Scan(
            self.source,
            (statuses.pop() if len(statuses) == 1 else None) or LISTED,
            completed_at=max(self.times, default=None),
            complete=not self.warnings,
            warnings=tuple(dict.fromkeys(self.warnings)),
        )
        return _with_missing_names(Report(self.image, scan, distinct(self.findings)))


@dataclass(slots=True)
class _Event:
    """A scan event: image, scan and counts, and no findings."""

    event: ScanEvent

    def report(self) -> AnyReport:
        scan = self.event.scan
        reason = scan.status if scan.status == "FAILED" else NO_FINDINGS
        return UnusableReport(self.event.image, replace(scan, reason=reason), self.event.counts)


@dataclass(slots=True)
class _Contents:
    """The parts of a document by image, and a count of everything else in it."""

    parts: list[_Part] = field(default_factory=list)
    pages: dict[tuple[str, str, str], _Pages] = field(default_factory=dict)
    rows: dict[str, _Rows] = field(default_factory=dict)
    others: Counter[str] = field(default_factory=Counter)

    def add_page(self, page: Page) -> None:
        image_id = mapping(page.get("imageId"))
        key = (
            name(page.get("registryId")),
            name(page.get("repositoryName")),
            name(image_id.get("imageDigest")) or name(image_id.get("imageTag")),
        )
        image_pages = self.pages.get(key)
        # Pages without a name may belong to different images, so each becomes a part of its own.
        if image_pages is None or not any(key):
            image_pages = self.pages[key] = _Pages([])
            self.parts.append(image_pages)
        image_pages.pages.append(page)

    def add_findings(
        self,
        image: Image,
        source: ScanSource,
        findings: Iterable[Finding],
        at: datetime | None,
        warnings: Iterable[str],
    ) -> None:
        rows = self.rows.get(image.key)
        if rows is None:
            rows = self.rows[image.key] = _Rows(image, source)
            self.parts.append(rows)
        rows.findings.extend(findings)
        rows.times.extend([at] if at else [])
        rows.warnings.extend(warnings)


def _with_missing_names(report: AnyReport) -> AnyReport:
    """Add a warning for the fields of the image that the document does not name."""
    image = report.image
    missing = [
        field_name
        for field_name in ("account", "region", "repository", "digest")
        if not getattr(image, field_name)
    ]
    if not missing:
        return report
    warning = f"the document does not name the image's {', '.join(missing)}"
    scan = replace(report.scan, warnings=(*report.scan.warnings, warning))
    return replace(report, scan=scan)


# --- taking a document apart --------------------------------------------------------------------


def _collect(node: Any, contents: _Contents, depth: int) -> None:
    if depth > _MAX_DEPTH:
        contents.others["something nested too deeply"] += 1
    elif isinstance(node, list):
        _collect_list(node, contents, depth)
    elif isinstance(node, dict):
        _collect_object(node, contents, depth)
    else:
        contents.others["a value that is not an object"] += 1


def _collect_list(nodes: list[Any], contents: _Contents, depth: int) -> None:
    if not nodes:
        contents.others["an empty list"] += 1
    elif all(_is_basic_row(node) for node in nodes):
        contents.add_page({"imageScanFindings": {"findings": nodes}})
    else:
        for node in nodes:
            _collect(node, contents, depth + 1)


def _is_basic_row(node: Any) -> bool:
    return isinstance(node, dict) and node.keys() >= _BASIC_ROW and not node.keys() & _INSPECTOR_ROW


def _collect_object(node: dict[str, Any], contents: _Contents, depth: int) -> None:
    keys = node.keys()
    if "detailType" in keys:
        _collect_event(node, contents)
    elif "imageScanFindings" in keys or "imageScanStatus" in keys:
        contents.add_page(node)
    elif "findingArn" in keys or "packageVulnerabilityDetails" in keys:
        _collect_finding(node, contents)
    elif "enhancedFindings" in keys or ("findings" in keys and keys & _INNER):
        contents.add_page(_page_around(node))
    elif isinstance(node.get("findings"), list):
        _collect_listed(node, contents, depth)
    elif not _collect_wrapped(node, contents, depth):
        contents.others["an object that is none of these"] += 1


def _page_around(inner: dict[str, Any]) -> Page:
    """Wrap a bare `imageScanFindings` object in a page."""
    around = ("registryId", "repositoryName", "nextToken")
    page: dict[str, Any] = {key: inner.get(key) for key in around}
    image_id = inner.get("imageId") or {"imageDigest": inner.get("imageDigest")}
    return {**page, "imageId": image_id, "imageScanFindings": inner}


def _collect_listed(node: Mapping[str, Any], contents: _Contents, depth: int) -> None:
    """Collect a page of ListFindings."""
    rows = node["findings"]
    if not rows:
        contents.others["an empty list of findings, which names no image"] += 1
    elif all(_is_basic_row(row) for row in rows):
        contents.add_page(_page_around(dict(node)))
    else:
        more = text(node.get("nextToken")) is not None
        for row in rows:
            if isinstance(row, dict):
                _collect_finding(row, contents, more=more)
            else:
                _collect(row, contents, depth + 1)


def _collect_wrapped(node: Mapping[str, Any], contents: _Contents, depth: int) -> bool:
    """Collect what SQS, SNS or `data` wraps. Return False for an object without wrapping."""
    sns = mapping(node.get("sns"))
    for inside in (node.get("records"), node.get("data")):
        if isinstance(inside, list | dict):
            _collect(inside, contents, depth + 1)
            return True
    for inside in (node.get("body"), sns.get("message"), node.get("message")):
        if isinstance(inside, str):
            _collect(_parsed(inside), contents, depth + 1)
            return True
        if isinstance(inside, dict):
            _collect(inside, contents, depth + 1)
            return True
    return False


def _parsed(message: str) -> Any:
    """Parse the JSON of a message; return text that is not JSON unchanged."""
    try:
        return camel_case(json.loads(message))
    except (ValueError, RecursionError):
        return message


# --- events and findings ------------------------------------------------------------------------


def _collect_event(node: Mapping[str, Any], contents: _Contents) -> None:
    body = _as_event(node)
    try:
        event = parse_event(body)
        match event:
            case ScanEvent():
                contents.parts.append(_Event(event))
            case FindingEvent():
                _collect_finding_event(body, event, contents)
            case PushEvent():
                contents.others["an event: a push has no findings"] += 1
            case RemovalEvent():
                contents.others["an event: a removal has no findings"] += 1
            case RepositoryEvent():
                contents.others["an event: a check of a repository has no findings"] += 1
            case IgnoredEvent():
                contents.others[f"an event: {event.reason}"] += 1
            case _:
                assert_never(event)
    except EventError as error:
        contents.others[f"an event that breaks its schema: {error}"] += 1


def _as_event(node: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event with the keys of EventBridge, whatever their casing."""
    body = {_EVENT_KEYS.get(key, key): value for key, value in node.items()}
    detail = node.get("detail")
    if isinstance(detail, dict) and detail.keys() & _HYPHENATED:
        body["detail"] = {_EVENT_KEYS.get(key, key): value for key, value in detail.items()}
    return body


def _collect_finding_event(
    body: Mapping[str, Any], event: FindingEvent, contents: _Contents
) -> None:
    reports = finding_reports(
        body["detail"], event.time, account=body["account"], region=body["region"]
    )
    for report in reports:
        scan = report.scan
        contents.add_findings(
            report.image, scan.source, report.findings, scan.completed_at, (ONE_FINDING,)
        )


def _collect_finding(row: Mapping[str, Any], contents: _Contents, *, more: bool = False) -> None:
    resources = image_resources(row)
    if not resources:
        contents.others[f"a finding about {resource_words(row)}"] += 1
        return
    # ECR's enhanced findings have their score under another name than Inspector's own.
    enhanced = row.keys() & {"score", "scoreDetails"} and "inspectorScore" not in row
    source = ScanSource.ECR_ENHANCED if enhanced else ScanSource.INSPECTOR2
    findings = SOURCES[source](row)
    at = moment(row.get("updatedAt")) or moment(row.get("lastObservedAt"))
    warnings = ("further pages were not read",) if more else ()
    for resource in resources:
        contents.add_findings(image_of_resource(resource), source, findings, at, warnings)
