"""Models with defaults, for tests that care about one field."""

from datetime import UTC, datetime
from typing import Any

from lib.models import (
    Filter,
    Finding,
    Image,
    LastScan,
    Package,
    Report,
    Scan,
    ScanEvent,
    ScanProgress,
    ScanSource,
    Severity,
    UnusableReport,
)

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def a_digest(number: int = 1) -> str:
    return f"sha256:{number:064x}"


def an_image(number: int = 1, **fields: Any) -> Image:
    defaults: dict[str, Any] = {
        "partition": "aws",
        "account": "000474600478",
        "region": "eu-central-1",
        "repository": "payments/api",
        "digest": a_digest(number),
        "tags": (f"1.4.{number}",),
    }
    return Image(**{**defaults, **fields})


def a_scan(**fields: Any) -> Scan:
    defaults: dict[str, Any] = {
        "source": ScanSource.ECR_BASIC,
        "status": "COMPLETE",
        "completed_at": NOW,
    }
    return Scan(**{**defaults, **fields})


def a_finding(
    vulnerability_id: str = "CVE-2024-0001",
    *,
    severity: str = "HIGH",
    package: str = "openssl",
    version: str = "3.0.11-1",
    path: str | None = None,
    **fields: Any,
) -> Finding:
    return Finding(
        vulnerability_id=vulnerability_id,
        package=Package(package, version, "OS", path),
        severity=Severity[severity],
        **fields,
    )


def a_report(*findings: Finding, image: Image | None = None, **scan: Any) -> Report:
    return Report(image or an_image(), a_scan(**scan), findings)


def an_unusable_report(status: str = "FAILED", image: Image | None = None) -> UnusableReport:
    return UnusableReport(image or an_image(), a_scan(status=status, reason=f"status {status}"))


def a_scan_event(number: int = 1, *, image: Image | None = None, **fields: Any) -> ScanEvent:
    defaults: dict[str, Any] = {
        "event_id": f"event-{number}",
        "time": NOW,
        "image": image or an_image(),
        "scan": a_scan(),
    }
    return ScanEvent(**{**defaults, **fields})


def a_last_scan(progress: str = "USABLE", status: str = "COMPLETE", **fields: Any) -> LastScan:
    defaults: dict[str, Any] = {"completed_at": NOW if progress == "USABLE" else None}
    return LastScan(ScanSource.ECR_BASIC, status, ScanProgress[progress], **{**defaults, **fields})


def a_filter(**fields: Any) -> Filter:
    return Filter(**{"route": "everything", "severity": Severity.HIGH, **fields})
