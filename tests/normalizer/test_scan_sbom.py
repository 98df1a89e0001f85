"""Answers of Inspector's ScanSbom about images in ECR."""

from datetime import UTC, datetime
from typing import Any

import pytest

from lib.errors import DocumentError
from lib.models import Report, Severity
from lib.normalizer.documents import normalize_document
from tests.support.documents import checked

DIGEST = f"sha256:{'a1' * 32}"
IMAGE = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/shop/api"
SCANNER = "amazon:inspector:sbom_scanner"


def a_property(name: str, value: str) -> dict[str, str]:
    """Return a property that the scanner adds."""
    return {"name": f"{SCANNER}:{name}", "value": value}


def an_answer(image: str = f"{IMAGE}:v1@{DIGEST}", **fields: Any) -> dict[str, Any]:
    """Return an answer with a vulnerability in two packages."""
    vulnerability = {
        "bom-ref": "vuln-1",
        "id": "CVE-2024-6119",
        "description": "Name checks may read an invalid address.",
        "source": {"name": "NVD", "url": "https://nvd.nist.gov/vuln/detail/CVE-2024-6119"},
        "references": [{"id": "GHSA-aaaa-bbbb-cccc"}],
        "ratings": [
            {"severity": "none", "score": 0.02, "source": {"name": "EPSS"}},
            {
                "severity": "high",
                "score": 7.5,
                "vector": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H",
                "source": {"name": "NVD"},
            },
        ],
        "advisories": [{"url": "https://ubuntu.com/security/CVE-2024-6119"}],
        "affects": [{"ref": "comp-2"}, {"ref": "comp-3"}],
        "properties": [
            a_property("exploit_available", "true"),
            a_property("exploit_last_seen_in_public", "2026-11-01T00:00:00Z"),
            a_property("fixed_version:comp-2", "3.0.13-0ubuntu3.4"),
        ],
        **fields,
    }
    openssl = "pkg:deb/ubuntu/openssl@3.0.13-0ubuntu3.2?arch=amd64&distro=ubuntu-24.04"
    jar = "pkg:maven/org.apache/log4j-core@2.14.1"
    path = a_property("path", "app/log4j.jar")
    inner = {"bom-ref": "comp-3", "name": "log4j-core", "purl": jar, "properties": [path]}
    return {
        "sbom": {
            "bomFormat": "CycloneDX",
            "specVersion": "1.5",
            "metadata": {
                "timestamp": "2026-11-20T10:05:00Z",
                "component": {"bom-ref": "comp-1", "type": "container", "name": image},
            },
            "components": [
                {"bom-ref": "comp-2", "name": "openssl", "purl": openssl, "components": [inner]}
            ],
            "vulnerabilities": [vulnerability],
        }
    }


def only(raw: Any) -> Report:
    """Return the one usable report of a document, checked against its schema."""
    (report,) = normalize_document(raw).reports
    checked(report)
    assert isinstance(report, Report)
    return report


def test_an_answer_is_read_whole() -> None:
    """Image, packages, versions, fixes, exploit, score and links."""
    report = only(an_answer())

    assert report.image.key == f"111122223333/eu-central-1/shop/api@{DIGEST}"
    assert (report.image.tags, report.image.os) == (("v1",), "UBUNTU_24_04")
    assert report.scan.completed_at == datetime(2026, 11, 20, 10, 5, tzinfo=UTC)
    rows = {finding.package.name: finding for finding in report.findings}
    assert {name: row.fixed_version for name, row in rows.items()} == {
        "openssl": "3.0.13-0ubuntu3.4",
        "org.apache:log4j-core": None,
    }
    first, second = rows["openssl"], rows["org.apache:log4j-core"]
    assert first.package.purl == (
        "pkg:deb/ubuntu/openssl@3.0.13-0ubuntu3.2?arch=amd64&distro=ubuntu-24.04"
    )
    assert second.package.purl == "pkg:maven/org.apache/log4j-core@2.14.1"
    assert second.package.path == "app/log4j.jar"
    assert (first.vulnerability_id, first.severity) == ("CVE-2024-6119", Severity.HIGH)
    assert (first.epss, first.exploit_available) == (0.02, "YES")
    assert first.fix_available == "PARTIAL"
    assert first.exploit_observed_at == datetime(2026, 11, 1, tzinfo=UTC)
    assert first.aliases == ("GHSA-aaaa-bbbb-cccc",)
    assert first.score is not None
    assert (first.score.value, first.score.version) == (7.5, "3.1")
    assert "https://ubuntu.com/security/CVE-2024-6119" in first.links


def test_an_image_by_its_tag_has_no_digest() -> None:
    """The id that the generator of the SBOM adds is that of the configuration."""
    report = only(an_answer(f"{IMAGE}:v1"))

    assert report.image.digest == ""
    assert "digest" in report.scan.warnings[-1]


def test_inspector_rates_first() -> None:
    """Misconfigurations have no other rating; packages may have no package URL."""
    ratings = [
        {"severity": "low", "source": {"name": "NVD"}},
        {"severity": "info", "source": {"name": "AMAZON_INSPECTOR"}},
    ]
    answer = an_answer(ratings=ratings, affects=[{"ref": "file"}], properties=[])
    answer["sbom"]["components"].append({"bom-ref": "file", "name": "dockerfile:Dockerfile"})

    (finding,) = only(answer).findings

    assert finding.severity is Severity.INFORMATIONAL
    assert finding.package.name == "dockerfile:Dockerfile"
    assert finding.fix_available == "NO"


@pytest.mark.parametrize(
    "raw",
    [
        an_answer("shop/api:v1"),
        an_answer("fedora:latest"),
        {"sbom": {**an_answer()["sbom"], "vulnerabilities": []}},
        {"sbom": {"status": "SBOM parsed successfully", "inspector": {"vulnerabilities": []}}},
    ],
)
def test_any_other_answer_is_refused_by_its_name(raw: Any) -> None:
    """Another image, or a list of nothing: that is no all-clear."""
    with pytest.raises(DocumentError, match="scan-sbom"):
        normalize_document(raw)


def test_components_inside_of_components_have_an_end() -> None:
    """A hostile document is no error."""
    answer = an_answer(affects=[])
    node = answer["sbom"]
    for _ in range(20):
        node["components"] = [{"bom-ref": "x", "name": "x"}]
        node = node["components"][0]

    assert len(only(answer).findings) == 1
