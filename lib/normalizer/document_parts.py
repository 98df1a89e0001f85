"""The reports that the parts of a document make: pages, rows of findings, events. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, NamedTuple, Protocol

from lib.core.distinct import distinct
from lib.core.evidence import PARTIAL_PATIENCE, NotReady, evidence_of
from lib.models import (
    AnyReport,
    Finding,
    Image,
    Report,
    Scan,
    ScanEvent,
    ScanSource,
    UnusableReport,
)
from lib.normalizer.details import FindingDetails, with_details
from lib.normalizer.pages import UNKNOWN_STATUS, Page, counted_in, has_counts, normalize_ecr
from lib.normalizer.values import mapping, name
from lib.urls.partitions import partition_of

NO_FINDINGS: Final = "the event carries no findings; they have to be fetched from ECR"
LISTED: Final = "LISTED"
"""The status of Inspector findings whose statuses differ: there is no scan with one status."""
_NOWHERE: Final = Image("aws", "", "", "", "")


class Place(NamedTuple):
    """The account and region of images that a document does not place; empty: unknown."""

    account: str = ""
    region: str = ""


NO_PLACE: Final = Place()


class Part(Protocol):
    """A part of a document that is about one image."""

    def report(self) -> AnyReport:
        """Return the report that it makes."""


@dataclass(slots=True)
class Pages:
    """Pages of DescribeImageScanFindings about one image."""

    pages: list[Page]

    def report(self) -> AnyReport:
        """See `Part.report`."""
        scan = Scan(ScanSource.ECR_BASIC, UNKNOWN_STATUS)
        return _believed(normalize_ecr(self.pages, _NOWHERE, scan), self.pages)


@dataclass(slots=True)
class Rows:
    """Inspector's findings about one image."""

    image: Image
    source: ScanSource
    findings: list[Finding] = field(default_factory=list)
    times: list[datetime] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def report(self) -> AnyReport:
        """See `Part.report`."""
        statuses = {finding.source_status for finding in self.findings}
        scan = Scan(
            self.source,
            (statuses.pop() if len(statuses) == 1 else None) or LISTED,
            completed_at=max(self.times, default=None),
            complete=not self.warnings,
            warnings=tuple(dict.fromkeys(self.warnings)),
        )
        return Report(self.image, scan, distinct(self.findings))


@dataclass(slots=True)
class Event:
    """A scan event: image, scan and counts, and no findings."""

    event: ScanEvent

    def report(self) -> AnyReport:
        """See `Part.report`."""
        scan = self.event.scan
        reason = scan.status if scan.status == "FAILED" else NO_FINDINGS
        return UnusableReport(self.event.image, replace(scan, reason=reason), self.event.counts)


@dataclass(slots=True)
class Contents:
    """The parts of a document by image, and everything else in it."""

    parts: list[Part] = field(default_factory=list)
    pages: dict[tuple[str, str, str], Pages] = field(default_factory=dict)
    rows: dict[str, Rows] = field(default_factory=dict)
    others: dict[str, list[str]] = field(default_factory=dict)
    """Everything else: its places, by what it is."""
    details: Mapping[str, FindingDetails] = field(default_factory=dict)
    """Of findings, by their ARNs."""
    joined: set[str] = field(default_factory=set)
    """The ARNs of the findings whose details were used."""

    def leave_out(self, label: str, place: str) -> None:
        """Keep what is no part, in words, with its place."""
        self.others.setdefault(label, []).append(place)

    def joined_with(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a row of Inspector with its details, where there are any."""
        arn = name(row.get("findingArn"))
        details = self.details.get(arn)
        if details is None:
            return row
        self.joined.add(arn)
        return with_details(row, details)

    def add_page(self, page: Page) -> None:
        """Add a page to those of its image; one that was delivered twice counts once."""
        image_id = mapping(page.get("imageId"))
        key = (
            name(page.get("registryId")),
            name(page.get("repositoryName")),
            name(image_id.get("imageDigest")) or name(image_id.get("imageTag")),
        )
        image_pages = self.pages.get(key)
        # Pages without a name may belong to different images, so each becomes a part of its own.
        if image_pages is None or not any(key):
            image_pages = self.pages[key] = Pages([])
            self.parts.append(image_pages)
        if page not in image_pages.pages:
            image_pages.pages.append(page)

    def add_findings(
        self,
        image: Image,
        source: ScanSource,
        findings: Iterable[Finding],
        at: datetime | None,
        warnings: Iterable[str],
    ) -> None:
        """Add findings of Inspector to those of their image."""
        rows = self.rows.get(image.key)
        if rows is None:
            rows = self.rows[image.key] = Rows(image, source)
            self.parts.append(rows)
        rows.findings.extend(findings)
        rows.times.extend([at] if at else [])
        rows.warnings.extend(warnings)


def placed(report: AnyReport, place: Place) -> AnyReport:
    """
    Return a report with the account and region of its image, as far as anybody names them.

    A warning names the fields that are missing then.
    """
    image = report.image
    region = image.region or place.region
    image = replace(
        image,
        account=image.account or place.account,
        region=region,
        partition=image.partition if image.region else partition_of(region).name,
    )
    missing = [
        field_name
        for field_name in ("account", "region", "repository", "digest")
        if not getattr(image, field_name)
    ]
    warnings = report.scan.warnings
    if missing:
        warnings = (*warnings, f"the document does not name the image's {', '.join(missing)}")
    return replace(report, image=image, scan=replace(report.scan, warnings=warnings))


def _believed(report: AnyReport, pages: Sequence[Page]) -> AnyReport:
    """Return a report, or that nothing is known: an empty list alone proves nothing."""
    if not isinstance(report, Report):
        return report
    announced = counted_in(pages) if has_counts(pages) else None
    evidence = evidence_of(report, age=PARTIAL_PATIENCE, announced=announced)
    if isinstance(evidence, NotReady):
        return UnusableReport(report.image, replace(report.scan, reason=evidence.reason))
    return report if isinstance(evidence, Report) else evidence
