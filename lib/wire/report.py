"""A report as JSON: the document of `schemas/report-1.0.0.json`. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from lib.core.vulnerabilities import counts_of
from lib.models import (
    AnyReport,
    Deployments,
    Finding,
    Image,
    Package,
    Part,
    Provenance,
    Report,
    Scan,
    Score,
    UnusableReport,
    Workload,
)
from lib.wire.fields import CODECS, Codec, Mapper, fields_of, optional
from lib.wire.values import counts_from_json, counts_to_json

REPORT_SCHEMA: Final = "report-1.0.0"
NOT_WRITTEN: Final = MappingProxyType({"doubts": "known only while a registry is listed"})
"""Fields of an image that are no part of the format, with the reason."""
RARE: Final = ("source_severity", "exploit_observed_at", "remediation", "extra", "platforms")
"""Fields of a finding that most findings lack. They are written only where they have a value."""

IMAGE_RARE: Final = ("extra",)
"""The same for an image."""

_IMAGE: Final = Mapper(Image, fields_of(Image, left_out=NOT_WRITTEN), rare=IMAGE_RARE)
_SCAN: Final = Mapper(Scan, fields_of(Scan))
_PART: Final = Mapper(Part, fields_of(Part))
_PROVENANCE: Final = Mapper(Provenance, fields_of(Provenance))
_WORKLOAD: Final = Mapper(Workload, fields_of(Workload))
_PACKAGE: Final = Mapper(Package, fields_of(Package))
_SCORE: Final = Mapper(Score, fields_of(Score))
_FINDING: Final = Mapper(
    Finding,
    fields_of(
        Finding,
        {
            **CODECS,
            Package: Codec(_PACKAGE.to_json, _PACKAGE.from_json),
            Score | None: optional(Codec(_SCORE.to_json, _SCORE.from_json)),
        },
    ),
    rare=RARE,
)


def report_to_json(report: AnyReport) -> dict[str, Any]:
    """
    Return a report as report-1.0.0.

    A report that is not usable has no `findings` at all, and `counts` only if an event stated them.
    """
    document: dict[str, Any] = {
        "schema": REPORT_SCHEMA,
        "image": image_to_json(report.image),
        "scan": scan_to_json(report.scan, usable=isinstance(report, Report)),
    }
    if isinstance(report, Report):
        document["counts"] = counts_to_json(counts_of(report.findings))
        document["findings"] = list(map(_FINDING.to_json, report.findings))
    elif report.stated_counts is not None:
        document["counts"] = counts_to_json(report.stated_counts)
    if report.parts:
        document["parts"] = parts_to_json(report.parts)
    if report.provenance is not None:
        document["provenance"] = provenance_to_json(report.provenance)
    return document


def report_from_json(document: Mapping[str, Any]) -> AnyReport:
    """Return the report that `report_to_json` wrote."""
    image, scan = image_from_json(document["image"]), scan_from_json(document["scan"])
    parts = parts_from_json(document.get("parts", ()))
    provenance = provenance_from_json(document.get("provenance"))
    if document["scan"]["usable"]:
        findings = tuple(map(_FINDING.from_json, document["findings"]))
        return Report(image, scan, findings, parts, provenance)
    counts = document.get("counts")
    stated = None if counts is None else counts_from_json(counts)
    return UnusableReport(image, scan, stated, parts, provenance)


def provenance_to_json(provenance: Provenance) -> dict[str, Any]:
    """Return a provenance as reports have it."""
    return _PROVENANCE.to_json(provenance)


def provenance_from_json(document: Mapping[str, Any] | None) -> Provenance | None:
    """Return the provenance that `provenance_to_json` wrote, if there is one."""
    return None if document is None else _PROVENANCE.from_json(document)


def finding_to_json(finding: Finding) -> dict[str, Any]:
    """Return a finding as reports have it."""
    return _FINDING.to_json(finding)


def parts_to_json(parts: Sequence[Part]) -> list[dict[str, Any]]:
    """Return the parts of an index as reports have them."""
    return list(map(_PART.to_json, parts))


def parts_from_json(documents: Iterable[Mapping[str, Any]]) -> tuple[Part, ...]:
    """Return the parts that `parts_to_json` wrote."""
    return tuple(map(_PART.from_json, documents))


def image_to_json(image: Image) -> dict[str, Any]:
    """Return an image as reports have it."""
    return _IMAGE.to_json(image)


def image_from_json(document: Mapping[str, Any]) -> Image:
    """Return the image that `image_to_json` wrote."""
    return _IMAGE.from_json(document)


def scan_to_json(scan: Scan, *, usable: bool) -> dict[str, Any]:
    """Return a scan as reports have it."""
    return {**_SCAN.to_json(scan), "usable": usable}


def scan_from_json(document: Mapping[str, Any]) -> Scan:
    """Return the scan that `scan_to_json` wrote."""
    return _SCAN.from_json(document)


def running_to_json(running: Deployments) -> dict[str, Any]:
    """Return the workloads of an image and of the previous one."""
    return {
        "image": list(map(_WORKLOAD.to_json, running.image)),
        "previous_image": list(map(_WORKLOAD.to_json, running.before)),
    }
