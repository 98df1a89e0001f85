"""Documents of other tools and calls: refused by name, never read in part."""

from typing import Any

import pytest

from lib.errors import DocumentError
from lib.normalizer.documents import normalize_document
from tests.support.documents import case
from tests.support.every import every
from tests.support.shapes import basic_row, page


@every(
    ("raw", "name"),
    [
        ({"findingDetails": [{"findingArn": "a"}], "errors": []}, "BatchGetFindingDetails"),
        ({"bomFormat": "CycloneDX", "components": [], "vulnerabilities": []}, "CycloneDX SBOM"),
        ({"sbom": {"bomFormat": "CycloneDX", "vulnerabilities": [{"id": "CVE-1"}]}}, "scan-sbom"),
        ({"sbom": {"vulnerabilities": [{"id": "CVE-1", "affects": []}]}}, "scan-sbom"),
        ({"spdxVersion": "SPDX-2.3", "packages": []}, "SPDX SBOM"),
        (case("exported/list-coverage.json"), "ListCoverage"),
        ({"imageDetails": [{"imageDigest": "sha256:1"}]}, "DescribeImages"),
        ({"aggregationType": "TITLE", "responses": []}, "ListFindingAggregations"),
        ({"ArtifactName": "shop/api", "Results": []}, "Trivy"),
        ({"matches": [], "descriptor": {"name": "grype"}}, "Grype"),
        ({"version": "2.1.0", "runs": []}, "SARIF"),
        ({"document": {"category": "csaf_vex", "csaf_version": "2.0"}}, "CSAF"),
        ({"@context": "https://openvex.dev/ns/v0.2.0", "statements": []}, "OpenVEX"),
        (
            {"imageDigest": "sha256:1", "imageScanStatus": {}, "imageScanFindingsSummary": {}},
            "an image of DescribeImages",
        ),
        ({"imageDigest": "sha256:1", "imagePushedAt": 1}, "an image of DescribeImages"),
        ({"repositories": [{"repositoryArn": "a"}]}, "a list of repositories"),
        ({"reportId": "1", "status": "SUCCEEDED"}, "the order of a report"),
        (
            {"eventSource": "ecr", "eventName": "DescribeImageScanFindings", "userIdentity": {}},
            "CloudTrail (DescribeImageScanFindings)",
        ),
        ({"findings": [{"assetType": "x", "schemaVersion": 1, "service": "x"}]}, "Classic"),
        ({"Findings": [{"Resource": {}, "Service": {}, "SchemaVersion": "2"}]}, "GuardDuty"),
        ({"findings": [{"resource": "r", "resourceType": "t", "status": "s"}]}, "Access Analyzer"),
        ({"class_uid": 2004, "class_name": "Detection Finding", "metadata": {}}, "Detection"),
        ({"class_uid": 5001, "metadata": {}}, "5001"),
        ({"meta": {}, "project": {}, "findings": [{"component": {}}]}, "Dependency-Track"),
        ({"vulnerabilities": [], "ok": False, "dependencyCount": 1}, "Snyk"),
        ([{"Target": "a", "Vulnerabilities": []}], "Trivy"),
        ({"kind": "VulnerabilityReport", "report": {}}, "Trivy about a cluster"),
        ({"ClusterName": "a", "Resources": [{"Kind": "Pod", "Results": []}]}, "about a cluster"),
        ({"vulnerability_type": "all", "vulnerabilities": []}, "Anchore"),
        ({"manifest_hash": "sha256:1", "vulnerabilities": {}}, "Clair"),
        ({"results": [], "consoleURL": "https://x"}, "Prisma"),
        ({"result": {"osPackages": []}}, "Wiz"),
        ({"repo": [], "imageId": "1", "vulnerabilities": []}, "Qualys"),
        ({"auditReportVersion": 2, "vulnerabilities": {}}, "npm audit"),
        ({"type": "auditAdvisory", "data": {"advisory": {}}}, "yarn audit"),
        ({"results": [{"source": {}, "packages": []}]}, "osv-scanner"),
        ({"config": {"scanner_name": "govulncheck"}}, "govulncheck"),
        ({"data": {"Layer": {"Features": []}}}, "Quay"),
        ({"application/vnd.security.vulnerability.report; version=1.1": {}}, "Harbor"),
        ({"value": [{"type": "Microsoft.Security/assessments"}]}, "Defender"),
        ({"result": {"vulnerabilities": [{"cveId": "CVE-1"}]}}, "roxctl"),
        ({"predicateType": "https://slsa.dev/provenance/v1"}, "slsa.dev"),
        ({"predicateType": "https://openvex.dev/ns/v0.2.0"}, "suppressions import"),
        ({"destinations": {}, "routes": []}, "a configuration of this program"),
        ({"schema": "report-1.0.0", "image": {}, "scan": {}, "findings": []}, "of this program"),
    ],
)
def test_a_lookalike_is_refused_by_its_name(raw: Any, name: str) -> None:
    """With what to do instead; also where a document stands beside it, or it is wrapped."""
    with pytest.raises(DocumentError) as caught:
        normalize_document(raw)

    assert name in str(caught.value)
    (left_out,) = normalize_document([page(basic_row()), {"data": raw}]).left_out
    assert name in left_out
    assert "at [1].data" in left_out


def test_rows_of_other_tools_are_no_rows_of_basic_scanning() -> None:
    """Many tools write a name and a severity; ECR adds a link or attributes, or nothing else."""
    row = {"name": "lodash", "severity": "high", "via": [], "isDirect": True}

    for raw in ([row], {"findings": [row]}):
        with pytest.raises(DocumentError, match="the keys name, severity, via, isDirect"):
            normalize_document(raw)


def test_a_slice_without_resources_says_what_to_keep() -> None:
    """`--query 'findings[].{findingArn: findingArn, severity: severity}'` drops the image."""
    with pytest.raises(DocumentError, match="keep them in --query"):
        normalize_document([{"findingArn": "arn:aws:inspector2:::finding/1", "severity": "HIGH"}])


def test_only_some_of_many_kinds_are_named() -> None:
    """A file of somebody else may have thousands of different objects."""
    raw = [page(basic_row()), *({f"key{number}": 1} for number in range(25))]

    left_out = normalize_document(raw).left_out

    assert len(left_out) == 21
    assert left_out[-1] == "5 more kinds of contents"
