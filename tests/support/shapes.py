"""Raw rows, pages and events with defaults, for tests that care about one field."""

from typing import Any

from lib.models import Image, Scan, ScanSource

DIGEST = f"sha256:{'ab' * 32}"
REPOSITORY_ARN = "arn:aws:ecr:eu-central-1:000474600478:repository/payments/api"
IMAGE = Image("aws", "000474600478", "eu-central-1", "payments/api", DIGEST, ("1.4.2",))
SCAN = Scan(ScanSource.ECR_BASIC, "COMPLETE")


def basic_row(
    name: str = "CVE-2024-0001", package: str = "openssl", **fields: Any
) -> dict[str, Any]:
    return {
        "name": name,
        "severity": "HIGH",
        "attributes": [
            {"key": "package_name", "value": package},
            {"key": "package_version", "value": "3.0.11-1"},
        ],
        **fields,
    }


def attributes(**values: Any) -> list[dict[str, Any]]:
    return [{"key": key, "value": value} for key, value in values.items()]


def package(name: str = "openssl", **fields: Any) -> dict[str, Any]:
    return {"name": name, "version": "3.0.11", "packageManager": "OS", **fields}


def resource(**details: Any) -> dict[str, Any]:
    return {
        "type": "AWS_ECR_CONTAINER_IMAGE",
        "id": f"{REPOSITORY_ARN}/{DIGEST}",
        "details": {
            "awsEcrContainerImage": {
                "imageHash": DIGEST,
                "repositoryName": "payments/api",
                "registry": "000474600478",
                "imageTags": ["1.4.2"],
                **details,
            }
        },
    }


def inspector_row(
    vulnerability_id: str = "CVE-2024-0001",
    *packages: dict[str, Any],
    details: dict[str, Any] | None = None,
    **fields: Any,
) -> dict[str, Any]:
    return {
        "findingArn": "arn:aws:inspector2:eu-central-1:000474600478:finding/0123",
        "type": "PACKAGE_VULNERABILITY",
        "severity": "HIGH",
        "status": "ACTIVE",
        "title": f"{vulnerability_id} - openssl",
        "packageVulnerabilityDetails": {
            "vulnerabilityId": vulnerability_id,
            "source": "NVD",
            "vulnerablePackages": list(packages) or [package()],
            **(details or {}),
        },
        "resources": [resource()],
        **fields,
    }


def page(*rows: dict[str, Any], status: str = "COMPLETE", **fields: Any) -> dict[str, Any]:
    """Return a page of DescribeImageScanFindings whose counts agree with its rows."""
    enhanced = any("packageVulnerabilityDetails" in row for row in rows)
    counts: dict[str, int] = {}
    for row in rows:
        counts[row["severity"]] = counts.get(row["severity"], 0) + 1
    return {
        "registryId": "000474600478",
        "repositoryName": "payments/api",
        "imageId": {"imageDigest": DIGEST},
        "imageScanStatus": {"status": status, "description": "The scan was completed."},
        "imageScanFindings": {
            "enhancedFindings" if enhanced else "findings": list(rows),
            "findingSeverityCounts": counts,
            "imageScanCompletedAt": 1760538840.414,
        },
        **fields,
    }


def scan_event(**detail: Any) -> dict[str, Any]:
    return {
        "id": "85fc3613-e913-7fc4-a80c-a3753e4aa9ae",
        "detail-type": "ECR Image Scan",
        "source": "aws.ecr",
        "account": "000474600478",
        "time": "2026-11-23T09:00:00Z",
        "region": "eu-central-1",
        "resources": [REPOSITORY_ARN],
        "detail": {
            "scan-status": "COMPLETE",
            "repository-name": "payments/api",
            "image-digest": DIGEST,
            "image-tags": ["1.4.2"],
            "finding-severity-counts": {"HIGH": 1},
            **detail,
        },
    }


def finding_event(**detail: Any) -> dict[str, Any]:
    return {
        **scan_event(),
        "detail-type": "Inspector2 Finding",
        "source": "aws.inspector2",
        "detail": inspector_row(**detail),
    }
