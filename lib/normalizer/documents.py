"""
Any raw document that AWS or its tools write about scans, as reports.

For people with a file: the command line. Events and fetched pages do not come through here.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import islice
from types import MappingProxyType
from typing import Any, Final, assert_never

from lib.errors import DocumentError, EventError
from lib.models import (
    AnyReport,
    FindingEvent,
    IgnoredEvent,
    Json,
    PushEvent,
    RemovalEvent,
    RepositoryEvent,
    ScanEvent,
    ScanSource,
)
from lib.normalizer.casing import camel_case, camel_keys
from lib.normalizer.contents import value_in
from lib.normalizer.details import FindingDetails
from lib.normalizer.document_parts import NO_PLACE, Contents, Event, Place, placed
from lib.normalizer.events import ONE_FINDING, finding_reports, parse_event, resource_words
from lib.normalizer.images import image_of_resource, image_resources
from lib.normalizer.lookalikes import lookalike
from lib.normalizer.pages import Page
from lib.normalizer.readers import SOURCES
from lib.normalizer.scan_sbom import is_scan_of_image, scan_sbom_rows
from lib.normalizer.security_hub import asff_rows, is_asff, is_ocsf, ocsf_rows
from lib.normalizer.unwrapping import MOST_BYTES, Content, contents_of
from lib.normalizer.values import mapping, moment, name, objects, text
from lib.text import counted

_LOOKED_FOR: Final = (
    "Looked for: responses of DescribeImageScanFindings and of Inspector's ListFindings, and the "
    "events ECR Image Scan, Inspector2 Scan and Inspector2 Finding, findings of Security Hub (ASFF "
    "and OCSF), and exports of Inspector; bare, in lines, or wrapped by SQS, SNS, logs and the like"
)
_SLICE: Final = "a finding without its resources, which name the image: keep them in --query"
# What tells the inner `imageScanFindings` object from a response of ListFindings.
_INNER: Final = frozenset(
    {
        "findingSeverityCounts",
        "imageDigest",
        "imageScanCompletedAt",
        "vulnerabilitySourceUpdatedAt",
    }
)
_FINDING: Final = frozenset({"findingArn", "packageVulnerabilityDetails"})
_INSPECTOR_ROW: Final = _FINDING | {"resources"}
_BASIC_ROW: Final = frozenset({"name", "severity"})
_BASIC_KEYS: Final = _BASIC_ROW | {"attributes", "description", "uri"}
_MOST_KINDS: Final = 20
"""Kinds of other contents that are named: a large file may hold thousands."""
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


_IMPORTED: Final[Mapping[str, Callable[[Mapping[str, Any]], list[dict[str, Any]]]]] = (
    MappingProxyType(
        {
            "Security Hub Findings - Imported": asff_rows,
            "Security Hub Findings - Custom Action": asff_rows,
            "Findings Imported V2": ocsf_rows,
        }
    )
)
"""
Events of Security Hub, and the reader of the findings in them.

https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-v2-cwe-event-formats.html
"""


@dataclass(frozen=True, slots=True)
class NormalizedDocument:
    """The reports in a document. `left_out` names the other contents, in words."""

    reports: tuple[AnyReport, ...]
    left_out: tuple[str, ...]
    joined: frozenset[str] = frozenset()
    """The ARNs of the findings that details completed."""


def normalize_document(
    document: Json,
    *,
    details: Mapping[str, FindingDetails] | None = None,
    place: Place = NO_PLACE,
) -> NormalizedDocument:
    """
    Return a report for each image in a document, in the order of the document.

    Takes responses and events in any casing, bare or wrapped. Pages of one image are merged into
    one report, and so are Inspector findings of one image. `details`: of findings, by their ARNs,
    from other documents. `place`: the account and region of images that the document does not
    place. Raises `DocumentError` for a document without an ECR image; the text lists its contents.
    """
    pieces = contents_of(document, _is_document)
    contents = Contents(details={**(details or {}), **_details_in(pieces)})
    for content in pieces:
        _collect(content, contents)
    reports = tuple([placed(part.report(), place) for part in contents.parts])
    left_out = _all_left_out(contents.others)
    if not reports:
        contents_text = f" It holds: {'; '.join(left_out)}." if left_out else ""
        raise DocumentError(f"Nothing in it is about an ECR image.{contents_text} {_LOOKED_FOR}")
    return NormalizedDocument(reports, left_out, frozenset(contents.joined))


def details_in(document: Json) -> Mapping[str, FindingDetails]:
    """Return the details of findings in a document (BatchGetFindingDetails), by their ARNs."""
    return _details_in(contents_of(document, _is_document))


def has_only_details(document: Json) -> bool:
    """Whether a document has details of findings, and nothing that names an image."""
    documents = [content.document for content in contents_of(document, _is_document)]
    return all(isinstance(one, dict) and "findingDetails" in one for one in documents)


def _details_in(pieces: Iterable[Content]) -> dict[str, FindingDetails]:
    answers = (mapping(content.document) for content in pieces)
    rows = (row for answer in answers for row in objects(answer.get("findingDetails")))
    return {name(row.get("findingArn")): row for row in rows}


def _all_left_out(others: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    lines = [_left_out(label, places) for label, places in islice(others.items(), _MOST_KINDS)]
    more = len(others) - len(lines)
    return (*lines, f"{counted(more, 'more kind')} of contents") if more else tuple(lines)


def _left_out(label: str, places: Sequence[str]) -> str:
    """Return a line about what was left out: how often, and where first."""
    place = places[0]
    if len(places) == 1:
        return f"{label}, at {place}" if place else label
    return f"{label} ({len(places)} of them, first at {place})"


# --- what a document is ---------------------------------------------------------------------------


def _is_document(node: Any, meant: bool) -> bool:  # noqa: FBT001  # see IsDocument
    """Whether an object, or the rows of a list, is something that is read or refused by name."""
    if isinstance(node, list):
        return meant and bool(node) and all(_is_basic_row(row) for row in node)
    kind = _kind(node)
    return kind is not None and (meant or kind is not _Kind.ROW)


def _is_basic_row(node: Any) -> bool:
    """Whether an object is a row of basic scanning, and not of a tool with the same two keys."""
    if not isinstance(node, dict) or node.keys() & _INSPECTOR_ROW or not node.keys() >= _BASIC_ROW:
        return False
    return "attributes" in node or "uri" in node or node.keys() <= _BASIC_KEYS


class _Kind(Enum):
    """The shapes of objects that are read, or refused by name."""

    EVENT = auto()
    PAGE = auto()
    ASFF = auto()
    OCSF = auto()
    SCAN_SBOM = auto()
    FINDING = auto()
    INNER = auto()
    LISTED = auto()
    REFUSED = auto()
    ROW = auto()


def _kind(node: Mapping[str, Any]) -> _Kind | None:
    """Return the kind of an object with camelCase keys; None: it is none of these."""
    keys = node.keys()
    kinds = {
        _Kind.EVENT: "detailType" in keys,
        _Kind.ASFF: is_asff(node),
        _Kind.OCSF: is_ocsf(node),
        _Kind.SCAN_SBOM: is_scan_of_image(node),
        _Kind.REFUSED: lookalike(node) is not None,
        _Kind.PAGE: "imageScanFindings" in keys or "imageScanStatus" in keys,
        _Kind.FINDING: bool(keys & _FINDING),
        _Kind.INNER: "enhancedFindings" in keys or ("findings" in keys and keys & _INNER),
        _Kind.LISTED: _is_listing(node),
        _Kind.ROW: "attributes" in keys and _is_basic_row(node),
    }
    return next((kind for kind, holds in kinds.items() if holds), None)


def _is_listing(node: Mapping[str, Any]) -> bool:
    """Whether an object is a page of ListFindings, and not a wrapping of other findings."""
    rows = node.get("findings")
    if not isinstance(rows, list):
        return False
    named = [camel_keys(row) for row in rows if isinstance(row, dict)]
    return not named or any(row.keys() & _FINDING or _is_basic_row(row) for row in named)


def _collect(content: Content, contents: Contents) -> None:
    document = content.document
    if document is None:
        contents.leave_out(content.other, content.place)
    elif isinstance(document, list):
        contents.add_page({"imageScanFindings": {"findings": document}})
    else:
        _collect_object(document, content.place, contents)


def _collect_object(node: dict[str, Any], place: str, contents: Contents) -> None:
    match _kind(node):
        case _Kind.EVENT:
            _collect_event(node, place, contents)
        case _Kind.PAGE:
            contents.add_page(node)
        case _Kind.ASFF:
            _collect_rows(asff_rows(node), place, contents)
        case _Kind.OCSF:
            _collect_rows(ocsf_rows(node), place, contents)
        case _Kind.SCAN_SBOM:
            _collect_rows(scan_sbom_rows(node), place, contents)
        case _Kind.FINDING:
            _collect_finding(node, place, contents)
        case _Kind.INNER:
            contents.add_page(_page_around(node))
        case _Kind.LISTED:
            _collect_listed(node, place, contents)
        case _Kind.ROW:
            contents.add_page({"imageScanFindings": {"findings": [node]}})
        case _:
            _refuse(node, place, contents)


def _refuse(node: Mapping[str, Any], place: str, contents: Contents) -> None:
    """Name a lookalike. Details that were joined to findings are no lookalike."""
    details = objects(node.get("findingDetails"))
    if contents.details and all(name(one.get("findingArn")) in contents.joined for one in details):
        return
    kind = lookalike(node)
    contents.leave_out(kind.words if kind is not None else "an unknown object", place)


def _page_around(inner: dict[str, Any]) -> Page:
    """Wrap a bare `imageScanFindings` object in a page."""
    around = ("registryId", "repositoryName", "nextToken")
    page: dict[str, Any] = {key: inner.get(key) for key in around}
    image_id = inner.get("imageId") or {"imageDigest": inner.get("imageDigest")}
    return {**page, "imageId": image_id, "imageScanFindings": inner}


def _collect_listed(node: Mapping[str, Any], place: str, contents: Contents) -> None:
    """Collect a page of ListFindings."""
    rows = node["findings"]
    if not rows:
        contents.leave_out("an empty list of findings, which names no image", place)
    elif all(_is_basic_row(row) for row in rows):
        contents.add_page(_page_around(dict(node)))
    else:
        more = text(node.get("nextToken")) is not None
        _collect_rows(rows, place, contents, more=more)


def _collect_rows(
    rows: Iterable[Any], place: str, contents: Contents, *, more: bool = False
) -> None:
    for row in rows:
        if isinstance(row, dict):
            _collect_finding(row, place, contents, more=more)
        else:
            contents.leave_out("a value that is not an object", place)


# --- events and findings ------------------------------------------------------------------------


def _collect_event(node: Mapping[str, Any], place: str, contents: Contents) -> None:
    body = _as_event(node)
    imported = _IMPORTED.get(name(body.get("detail-type")))
    if imported is not None:
        for finding in objects(mapping(body.get("detail")).get("findings")):
            _collect_rows(imported(finding), place, contents)
        return
    try:
        event = parse_event(body)
        match event:
            case ScanEvent():
                contents.parts.append(Event(event))
            case FindingEvent():
                _collect_finding_event(body, event, contents)
            case PushEvent():
                contents.leave_out("an event: a push has no findings", place)
            case RemovalEvent():
                contents.leave_out("an event: a removal has no findings", place)
            case RepositoryEvent():
                contents.leave_out("an event: a check of a repository has no findings", place)
            case IgnoredEvent():
                contents.leave_out(f"an event: {event.reason}", place)
            case _:
                assert_never(event)
    except EventError as error:
        contents.leave_out(f"an event that breaks its schema: {error}", place)


def _as_event(node: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event with the keys of EventBridge, whatever their casing."""
    body = {_EVENT_KEYS.get(key, key): value for key, value in node.items()}
    detail = node.get("detail")
    if isinstance(detail, str):
        # PutEvents and log shippers write it as JSON in a text.
        detail = body["detail"] = camel_case(value_in(detail, limit=MOST_BYTES))
    if isinstance(detail, dict) and detail.keys() & _HYPHENATED:
        body["detail"] = {_EVENT_KEYS.get(key, key): value for key, value in detail.items()}
    return body


def _collect_finding_event(
    body: Mapping[str, Any], event: FindingEvent, contents: Contents
) -> None:
    reports = finding_reports(
        body["detail"], event.time, account=body["account"], region=body["region"]
    )
    for report in reports:
        scan = report.scan
        contents.add_findings(
            report.image, scan.source, report.findings, scan.completed_at, (ONE_FINDING,)
        )


def _collect_finding(
    row: Mapping[str, Any], place: str, contents: Contents, *, more: bool = False
) -> None:
    row = contents.joined_with(row)
    resources = image_resources(row)
    if not resources:
        words = f"a finding about {resource_words(row)}" if "resources" in row else _SLICE
        contents.leave_out(words, place)
        return
    # ECR's enhanced findings have their score under another name than Inspector's own.
    enhanced = row.keys() & {"score", "scoreDetails"} and "inspectorScore" not in row
    source = ScanSource.ECR_ENHANCED if enhanced else ScanSource.INSPECTOR2
    findings = SOURCES[source](row)
    at = moment(row.get("updatedAt")) or moment(row.get("lastObservedAt"))
    warnings = ("further pages were not read",) if more else ()
    for resource in resources:
        contents.add_findings(image_of_resource(resource), source, findings, at, warnings)
