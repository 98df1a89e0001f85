"""Botocore clients without a network: each request is answered in this process."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse
from botocore.config import Config

Answer = Callable[[str, dict[str, Any]], Any]
"""(operation, request) -> the service's answer, as parsed JSON or bytes."""


class Body:
    """The part of urllib3's response that botocore reads."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        """Yield the content in one piece."""
        yield self._content

    def read(self, *_: Any) -> bytes:
        """Return the content; nothing the second time."""
        content, self._content = self._content, b""
        return content

    def close(self) -> None:
        """Do nothing: there is no connection."""


class OfflineSession:
    """Creates clients whose calls are counted and answered by a function."""

    def __init__(self, answer: Answer) -> None:
        self.calls: Counter[str] = Counter()
        self._answer = answer
        self._session = boto3.session.Session(
            aws_access_key_id="offline",
            aws_secret_access_key="offline",  # noqa: S106  # never leaves the process
            region_name="eu-central-1",
        )

    def client(self, service: str) -> Any:
        """Return a client whose calls are answered and counted here."""
        # Plain bodies: the stand-in does not parse checksum trailers.
        config = Config(request_checksum_calculation="when_required")
        client: Any = self._session.client(service, config=config)  # type: ignore[call-overload]
        client.meta.events.register(f"before-send.{service}", self._respond)
        return client

    def _respond(self, request: Any, event_name: str, **_: Any) -> AWSResponse:
        _, service, operation = event_name.split(".")
        self.calls[f"{service}:{operation}"] += 1
        body = request.body or b"{}"
        is_json = "json" in _text(request.headers.get("Content-Type", b""))
        answer = self._answer(operation, json.loads(body) if is_json else {"body": body})
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return AWSResponse(request.url, 200, {"content-type": "application/json"}, Body(content))


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def basic_findings(count: int) -> list[dict[str, Any]]:
    """Return findings with the shape and size of ECR's basic scanning."""
    severities = ("CRITICAL", "HIGH", "MEDIUM", "MEDIUM", "LOW", "LOW", "INFORMATIONAL")
    return [
        {
            "name": f"CVE-2024-{index:05d}",
            "description": f"A flaw was found in package-{index % 400}. " + "It allows more. " * 20,
            "uri": f"https://security-tracker.debian.org/tracker/CVE-2024-{index:05d}",
            "severity": severities[index % len(severities)],
            "attributes": [
                {"key": "package_name", "value": f"package-{index % 400}"},
                {"key": "package_version", "value": f"1:7.9p1-{index % 10}+deb10u2"},
                {"key": "CVSS3_SCORE", "value": "7.5"},
                {"key": "CVSS3_VECTOR", "value": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"},
            ],
        }
        for index in range(count)
    ]


def enhanced_findings(count: int) -> list[dict[str, Any]]:
    """Return findings with the shape and size of enhanced scanning."""
    return [
        {
            "awsAccountId": "000474600478",
            "description": "An attacker may. " * 25,
            "findingArn": f"arn:aws:inspector2:eu-central-1:000474600478:finding/{index:032x}",
            "firstObservedAt": 1685000000.0,
            "lastObservedAt": 1685600000.0,
            "updatedAt": 1685600000.0,
            "packageVulnerabilityDetails": {
                "cvss": [{"baseScore": 7.5, "source": "NVD", "version": "3.1"}],
                "referenceUrls": [f"https://example.org/{index}"],
                "relatedVulnerabilities": [],
                "source": "NVD",
                "sourceUrl": f"https://nvd.nist.gov/vuln/detail/CVE-2023-{index:05d}",
                "vulnerabilityId": f"CVE-2023-{index:05d}",
                "vulnerablePackages": [
                    {
                        "name": f"package-{index % 400}",
                        "version": "2.0.3",
                        "packageManager": "PYTHONPKG",
                        "filePath": f"usr/lib/python3/site-packages/p{index}/METADATA",
                        "fixedInVersion": "2.3.2",
                    }
                ],
            },
            "remediation": {"recommendation": {"text": "None Provided"}},
            "resources": [
                {
                    "details": {
                        "awsEcrContainerImage": {
                            "architecture": "amd64",
                            "imageTags": ["1.4.2"],
                            "platform": "UBUNTU_20_04",
                            "pushedAt": 1684990000.0,
                            "registry": "000474600478",
                            "repositoryName": "payments/api",
                        }
                    },
                    "type": "AWS_ECR_CONTAINER_IMAGE",
                }
            ],
            "severity": "HIGH",
            "status": "ACTIVE",
            "title": f"CVE-2023-{index:05d} - package-{index % 400}",
            "type": "PACKAGE_VULNERABILITY",
            "score": 7.5,
            "fixAvailable": "YES",
            "exploitAvailable": "NO",
        }
        for index in range(count)
    ]


def ecr_answers(*, basic: int = 0, enhanced: int = 0, platforms: int = 0) -> Answer:
    """
    Answer DescribeImageScanFindings in pages: basic by the requested size, enhanced by 100.

    With `platforms`, the image with digest 1 is an index of that many images and an attestation.

    Pages are serialized once, so that benchmarks do not measure the stand-in.
    """
    rows = basic_findings(basic) if basic else enhanced_findings(enhanced)
    counts = Counter(row["severity"] for row in rows)

    @cache
    def page(repository: str, digest: str, size: int, start: int) -> bytes:
        more = {"nextToken": str(start + size)} if start + size < len(rows) else {}
        findings = {
            "imageScanCompletedAt": 1760538840.414,
            "findingSeverityCounts": counts,
            "findings" if basic else "enhancedFindings": rows[start : start + size],
        }
        document = {
            "registryId": "000474600478",
            "repositoryName": repository,
            "imageId": {"imageDigest": digest},
            "imageScanStatus": {"status": "COMPLETE" if basic else "ACTIVE"},
            "imageScanFindings": findings,
            **more,
        }
        return json.dumps(document).encode()

    def answer(operation: str, request: dict[str, Any]) -> Any:
        if operation == "DescribeImages":
            return {"imageDetails": [{"imagePushedAt": 1760538800.0, "imageTags": ["1.4"]}]}
        if operation == "BatchGetImage":
            return _index(request["imageIds"][0], platforms)
        size = min(request.get("maxResults", 100), 1000) if basic else 100
        start = int(request.get("nextToken", 0))
        return page(request["repositoryName"], request["imageId"]["imageDigest"], size, start)

    return answer


def _index(image_id: dict[str, str], platforms: int) -> Any:
    if not platforms or image_id["imageDigest"] != f"sha256:{1:064x}":
        return {"failures": [{"imageId": image_id, "failureCode": "ImageNotFound"}]}
    names = [f"arm{number}" for number in range(platforms)]
    members = [
        {"digest": f"sha256:{n:064x}", "platform": {"os": os, "architecture": name}}
        for n, (os, name) in enumerate(
            [*(("linux", name) for name in names), ("unknown", "unknown")], start=11
        )
    ]
    return {"images": [{"imageId": image_id, "imageManifest": json.dumps({"manifests": members})}]}
