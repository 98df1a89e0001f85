"""Documents of other tools and calls: refused by name, never read in part."""

from typing import Any

import pytest

from lib.errors import DocumentError
from lib.normalizer.documents import normalize_document
from tests.support.shapes import basic_row, page


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ({"findingDetails": [{"findingArn": "a"}], "errors": []}, "BatchGetFindingDetails"),
        ({"bomFormat": "CycloneDX", "components": [], "vulnerabilities": []}, "CycloneDX SBOM"),
        ({"sbom": {"bomFormat": "CycloneDX", "vulnerabilities": [{"id": "CVE-1"}]}}, "scan-sbom"),
        ({"sbom": {"vulnerabilities": [{"id": "CVE-1", "affects": []}]}}, "scan-sbom"),
        ({"spdxVersion": "SPDX-2.3", "packages": []}, "SPDX SBOM"),
        ({"coveredResources": [{"resourceId": "sha256:1"}]}, "ListCoverage"),
        ({"imageDetails": [{"imageDigest": "sha256:1"}]}, "DescribeImages"),
        ({"aggregationType": "TITLE", "responses": []}, "ListFindingAggregations"),
        ({"ArtifactName": "shop/api", "Results": []}, "Trivy"),
        ({"matches": [], "descriptor": {"name": "grype"}}, "Grype"),
        ({"version": "2.1.0", "runs": []}, "SARIF"),
        ({"document": {"category": "csaf_vex", "csaf_version": "2.0"}}, "CSAF"),
        ({"@context": "https://openvex.dev/ns/v0.2.0", "statements": []}, "OpenVEX"),
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
    assert left_out.endswith("at [1].data")
