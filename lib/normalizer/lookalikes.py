"""
Documents of other tools and other calls that look like scan results, by name. Pure.

They are refused by what they are, never read in part.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from lib.normalizer.values import mapping


class Lookalike(NamedTuple):
    """A document that is not read: what it is, and what to do."""

    name: str
    advice: str

    @property
    def words(self) -> str:
        """The name with the advice."""
        return f"{self.name}: {self.advice}"


_SCAN: Final = "scan the image with ECR or Amazon Inspector, and fetch its findings"
_FINDINGS: Final = "fetch the findings with `aws ecr describe-image-scan-findings`"
_LIST: Final = "export the findings with `aws inspector2 list-findings`"

_KINDS: Final[tuple[tuple[Callable[[Mapping[str, Any]], bool], Lookalike], ...]] = (
    (
        lambda node: "findingDetails" in node,
        Lookalike(
            "details of findings without the findings (BatchGetFindingDetails)",
            "name the answer of ListFindings beside it",
        ),
    ),
    (
        lambda node: node.get("bomFormat") == "CycloneDX",
        Lookalike("a bill of materials (CycloneDX SBOM), as inspector-scan writes it", _SCAN),
    ),
    (
        lambda node: "spdxVersion" in node or "SPDXID" in node,
        Lookalike("a bill of materials (SPDX SBOM)", _SCAN),
    ),
    (
        lambda node: isinstance(node.get("sbom"), dict),
        Lookalike("an answer of inspector-scan (scan-sbom) that names no image in ECR", _SCAN),
    ),
    (
        lambda node: "coveredResources" in node,
        Lookalike("coverage of Inspector (ListCoverage) without findings", _LIST),
    ),
    (
        lambda node: "imageDetails" in node,
        Lookalike("a list of images (DescribeImages) without findings", _FINDINGS),
    ),
    (
        lambda node: "aggregationType" in node and "responses" in node,
        Lookalike("counts of findings (ListFindingAggregations)", _LIST),
    ),
    (
        lambda node: "artifactName" in node and "results" in node,
        Lookalike("a report of Trivy", _SCAN),
    ),
    (
        lambda node: "matches" in node and "descriptor" in node,
        Lookalike("a report of Grype", _SCAN),
    ),
    (
        lambda node: isinstance(node.get("runs"), list) and "version" in node,
        Lookalike("a SARIF log", _SCAN),
    ),
    (
        lambda node: not {"csaf_version", "csafVersion"}.isdisjoint(mapping(node.get("document"))),
        Lookalike("a CSAF document", "take it over with `ecr-scan-alerts suppressions import`"),
    ),
    (
        lambda node: "@context" in node and "openvex" in str(node["@context"]),
        Lookalike("an OpenVEX document", "take it over with `ecr-scan-alerts suppressions import`"),
    ),
    (
        lambda node: node.get("schema") == "report-1.0.0" or ("scan" in node and "image" in node),
        Lookalike("a report of this program", "give the document that it was made from"),
    ),
)


def lookalike(node: Mapping[str, Any]) -> Lookalike | None:
    """Return what an object in camelCase is known to be; None: nothing that is refused by name."""
    return next((kind for is_kind, kind in _KINDS if is_kind(node)), None)
