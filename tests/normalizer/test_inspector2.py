"""Inspector's own rows, and what they share with ECR's."""

from datetime import UTC, datetime
from typing import Any

import pytest

from lib.models import Package, Score, Severity
from lib.normalizer.inspector2 import findings
from lib.normalizer.inspector_rows import version_of
from tests.support.shapes import inspector_row, package, resource

NVD_2 = {"baseScore": 5.8, "scoringVector": "AV:N", "source": "NVD", "version": "2.0"}
NVD_3 = {"baseScore": 8.1, "scoringVector": "CVSS:3.1/AV:N", "source": "NVD", "version": "3.1"}
REDHAT_3 = {
    "baseScore": 6.5,
    "scoringVector": "CVSS:3.0/AV:N",
    "source": "REDHAT_CVE",
    "version": "3.0",
}
NVD_4 = {"baseScore": 9.3, "scoringVector": "CVSS:4.0/AV:N", "source": "NVD", "version": "4.0"}


def test_row_becomes_a_finding_per_package() -> None:
    """What the row says is said for each package; what the package says is its own."""
    row = inspector_row(
        "GHSA-1",
        package("flask", packageManager="PYTHONPKG", filePath="a/METADATA", fixedInVersion="2.3.2"),
        package(
            "libssl3", epoch=1, version="3.0.13", release="0ubuntu3.2", arch="ARM64",
            sourceLayerHash="sha256:15", fixedInVersion="0:3.0.13-0ubuntu3.4",
            remediation="apt-get", sourceLambdaLayerArn="arn",
        ),
        details={
            "relatedVulnerabilities": ["CVE-2023-1", "GHSA-1"],
            "sourceUrl": "https://a.example",
            "referenceUrls": ["https://b.example", "https://a.example"],
            "vendorSeverity": "Moderate",
            "newDetail": 1,
        },
        description="text",
        fixAvailable="YES",
        exploitAvailable="NO",
        exploitabilityDetails={"lastKnownExploitAt": 1760538840},
        epss={"score": "0.5"},
        firstObservedAt="Wed Sep 04 16:55:38.411 UTC 2024",
        lastObservedAt="2024-09-05T00:00:00Z",
        remediation={"recommendation": {"text": "Upgrade.", "Url": "https://c.example"}},
        resources=[resource(platform="UBUNTU_24_04")],
        inspectorScore=6.5,
        inspectorScoreDetails={"adjustedCvss": {"cvssSource": "NVD", "version": "3.1"}},
        newField={"a": 1},
    )  # fmt: skip

    flask, libssl = findings(row)

    assert flask.vulnerability_id == "GHSA-1"
    assert flask.aliases == ("CVE-2023-1",)
    assert flask.package == Package(
        "flask", "3.0.11", "PYTHONPKG", "a/METADATA", None, "pkg:pypi/flask@3.0.11"
    )
    assert flask.fixed_version == "2.3.2"
    assert flask.remediation == "Upgrade."
    assert flask.links == ("https://a.example", "https://b.example", "https://c.example")
    assert flask.score == Score(6.5, "3.1", None, "NVD")
    assert flask.epss == 0.5
    assert flask.exploit_observed_at == datetime(2025, 10, 15, 14, 34, tzinfo=UTC)
    assert flask.first_observed_at == datetime(2024, 9, 4, 16, 55, 38, 411000, tzinfo=UTC)
    assert flask.extra == {
        "finding_arn": row["findingArn"],
        "source": "NVD",
        "vendor_severity": "Moderate",
        "newField": '{"a":1}',
        "newDetail": "1",
    }
    assert libssl.package == Package(
        "libssl3", "1:3.0.13-0ubuntu3.2", "OS", None, "sha256:15",
        "pkg:deb/ubuntu/libssl3@1:3.0.13-0ubuntu3.2?arch=arm64&distro=ubuntu-24.04",
    )  # fmt: skip
    assert libssl.fixed_version == "3.0.13-0ubuntu3.4"
    assert libssl.remediation == "apt-get"
    assert libssl.extra["arch"] == "ARM64"
    assert libssl.extra["sourceLambdaLayerArn"] == "arn"


@pytest.mark.parametrize(
    ("cvss", "shown", "others"),
    [
        ([NVD_2, NVD_3, REDHAT_3], 6.5, "NVD 2.0 5.8 AV:N; NVD 3.1 8.1 CVSS:3.1/AV:N"),
        ([NVD_4, NVD_2], 9.3, "NVD 2.0 5.8 AV:N"),
        ([NVD_2], 5.8, None),
        ([{"version": "3.1"}], None, None),
        ([], None, None),
    ],
)
def test_without_a_score_of_its_own_the_finding_shows_its_sources(
    cvss: list[Any], shown: float | None, others: str | None
) -> None:
    """Version 3 of the finding's own source is shown, the other scores are kept."""
    row = inspector_row(details={"cvss": cvss, "source": "REDHAT_CVE"})

    (found,) = findings(row)

    assert (found.score.value if found.score else None) == shown
    assert found.extra.get("other_scores") == others


def test_score_may_stand_in_the_details_only() -> None:
    """A score that only the details name is a score."""
    row = inspector_row(
        inspectorScoreDetails={"adjustedCvss": {"score": 4.8, "scoreSource": "NVD"}}
    )

    assert findings(row)[0].score == Score(4.8, None, None, "NVD")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"version": "1", "release": "2", "epoch": 0}, "1-2"),
        ({"version": "1", "release": "2", "epoch": "3"}, "3:1-2"),
        ({"version": "1", "epoch": 3}, "3:1"),
        ({"version": "NotAvailable", "release": "2"}, None),
        ({}, None),
    ],
)
def test_version_is_put_together(fields: dict[str, Any], expected: str | None) -> None:
    """Epoch, version and release make one string, as basic findings have it."""
    assert version_of(fields) == expected


def test_finding_about_code_has_a_name() -> None:
    """Findings that are not about packages are kept, with an empty package."""
    code = {
        "type": "CODE_VULNERABILITY",
        "severity": "HIGH",
        "codeVulnerabilityDetails": {"detectorId": "go/x"},
    }

    (found,) = findings(code)

    assert found.vulnerability_id == "go/x"
    assert found.package.name == ""
    assert found.extra["type"] == "CODE_VULNERABILITY"


def test_empty_row_is_still_a_finding() -> None:
    """Nothing in a row is required."""
    (found,) = findings({"title": "Port 22 is reachable"})

    assert found.vulnerability_id == "Port 22 is reachable"
    assert findings({})[0].vulnerability_id == "UNNAMED"
    assert found.severity is Severity.UNKNOWN
