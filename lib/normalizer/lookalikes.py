"""
Documents of other tools and other calls that look like scan results, by name. Pure.

They are refused by what they are, never read in part.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from lib.normalizer.casing import camel_keys
from lib.normalizer.values import mapping, objects, text


class Lookalike(NamedTuple):
    """A document that is not read: what it is, and what to do."""

    name: str
    advice: str

    @property
    def words(self) -> str:
        """The name with the advice."""
        return f"{self.name}: {self.advice}"


_Finder = Callable[[Mapping[str, Any]], Lookalike | None]

_SCAN: Final = "scan the image with ECR or Amazon Inspector, and fetch its findings"
_FINDINGS: Final = "fetch the findings with `aws ecr describe-image-scan-findings`"
_LIST: Final = "export the findings with `aws inspector2 list-findings`"
_IMPORT: Final = "take it over with `ecr-scan-alerts suppressions import`"

_OWN: Final = ("report-", "current-", "finding-", "alert-", "digest-")
"""Schemas of this program."""

_BY_KEYS: Final = tuple(
    (frozenset(keys.split()), Lookalike(name, advice))
    for keys, name, advice in (
        (
            "findingDetails",
            "details of findings without the findings (BatchGetFindingDetails)",
            "name the answer of ListFindings beside it",
        ),
        ("coveredResources", "coverage of Inspector (ListCoverage) without findings", _LIST),
        ("aggregationType responses", "counts of findings (ListFindingAggregations)", _LIST),
        ("reportId", "the order of a report", "give the report itself, from its S3 bucket"),
        ("imageDetails", "a list of images (DescribeImages) without findings", _FINDINGS),
        ("imageDigest imagePushedAt", "an image of DescribeImages without findings", _FINDINGS),
        ("imageDigest imageSizeInBytes", "an image of DescribeImages without findings", _FINDINGS),
        ("imageScanFindingsSummary", "an image of DescribeImages without findings", _FINDINGS),
        ("imageIds", "a list of images (ListImages) without findings", _FINDINGS),
        ("images failures", "manifests of images (BatchGetImage) without findings", _FINDINGS),
        ("scanningConfiguration", "the configuration of scans without findings", _FINDINGS),
        ("resource service schemaVersion", "a finding of GuardDuty", _LIST),
        ("assetType service schemaVersion", "a finding of Inspector Classic", _LIST),
        ("resource resourceType status", "a finding of IAM Access Analyzer", _LIST),
        ("category severity resourcesAffected", "a finding of Macie", _LIST),
        ("spdxVersion", "a bill of materials (SPDX SBOM)", _SCAN),
        ("SPDXID", "a bill of materials (SPDX SBOM)", _SCAN),
        ("artifacts artifactRelationships", "a bill of materials (Syft)", _SCAN),
        ("artifactName results", "a report of Trivy", _SCAN),
        ("target vulnerabilities", "a report of Trivy", _SCAN),
        ("matches descriptor", "a report of Grype", _SCAN),
        ("ok dependencyCount", "a report of Snyk", _SCAN),
        ("scan vulnerabilities version", "a report in GitLab's format, as of Docker Scout", _SCAN),
        ("vulnerabilityType vulnerabilities", "a report of Anchore", _SCAN),
        ("manifestHash vulnerabilities", "a report of Clair", _SCAN),
        ("consoleURL results", "a report of Prisma Cloud (Twistlock)", _SCAN),
        ("complianceIssues vulnerabilities", "a report of Prisma Cloud (Twistlock)", _SCAN),
        ("osPackages", "a report of Wiz", _SCAN),
        ("imageId repo vulnerabilities", "a report of Qualys", _SCAN),
        ("meta project findings", "a report of Dependency-Track", _SCAN),
        ("auditReportVersion", "a report of npm audit", _SCAN),
        ("advisories actions", "a report of npm audit", _SCAN),
        ("advisory resolution", "a report of yarn audit", _SCAN),
        ("dependencies fixes", "a report of pip-audit", _SCAN),
        ("database lockfile vulnerabilities", "a report of cargo audit", _SCAN),
        ("reportSchema scanInfo", "a report of OWASP Dependency-Check", _SCAN),
        ("packageVulnerabilitySummary", "a report of Google Artifact Analysis", _SCAN),
        ("securityViolations vulnerabilities", "a report of JFrog Xray", _SCAN),
        ("checkType results", "a report of Checkov", _SCAN),
        ("securityAdvisory securityVulnerability", "an alert of Dependabot", _SCAN),
        ("rule mostRecentInstance", "an alert of GitHub code scanning", _SCAN),
        ("id modified affected", "an advisory (OSV) without an image", _SCAN),
        ("cveMetadata", "a CVE record without an image", _SCAN),
        ("resultsPerPage vulnerabilities", "an answer of the NVD without an image", _SCAN),
        ("catalogVersion vulnerabilities", "CISA's catalog of exploits without an image", _SCAN),
        (
            "destinations routes",
            "a configuration of this program",
            "check it with `ecr-scan-alerts check-config`",
        ),
    )
)
"""Keys that only one kind of document has together, in camelCase; the first kind counts."""


def lookalike(node: Mapping[str, Any]) -> Lookalike | None:
    """Return what an object in camelCase is known to be; None: nothing that is refused by name."""
    kinds = (find(node) for find in _FINDERS)
    return next((kind for kind in kinds if kind is not None), None)


def _by_keys(node: Mapping[str, Any]) -> Lookalike | None:
    keys = node.keys()
    return next((kind for needed, kind in _BY_KEYS if needed <= keys), None)


def _of_inspector_scan(node: Mapping[str, Any]) -> Lookalike | None:
    if node.get("bomFormat") == "CycloneDX":
        return Lookalike("a bill of materials (CycloneDX SBOM), as inspector-scan writes it", _SCAN)
    if isinstance(node.get("sbom"), dict):
        return Lookalike(
            "an answer of inspector-scan (scan-sbom) without findings of an image in ECR", _SCAN
        )
    return None


def _of_exploitability(node: Mapping[str, Any]) -> Lookalike | None:
    """Return VEX documents, and attestations of anything."""
    if not {"csaf_version", "csafVersion"}.isdisjoint(mapping(node.get("document"))):
        return Lookalike("a CSAF document", _IMPORT)
    if "openvex" in str(node.get("@context", "")):
        return Lookalike("an OpenVEX document", _IMPORT)
    predicate = text(node.get("predicateType"))
    if predicate is None:
        return None
    advice = _IMPORT if "openvex" in predicate else _SCAN
    return Lookalike(f"an attestation ({predicate})", advice)


def _of_record(node: Mapping[str, Any]) -> Lookalike | None:
    """Return records of calls, events of other classes, and documents of this program."""
    call = text(node.get("eventName"))
    if call is not None and "eventSource" in node and "userIdentity" in node:
        return Lookalike(f"a record of CloudTrail ({call}), which has no findings", _FINDINGS)
    if "classUid" in node and "metadata" in node:
        name = text(node.get("className")) or node["classUid"]
        return Lookalike(f"an event of OCSF about something else ({name})", _LIST)
    if _has(node, "repositories", "repositoryArn"):
        return Lookalike("a list of repositories without findings", _FINDINGS)
    schema = text(node.get("schema")) or ""
    if schema.startswith(_OWN) or {"scan", "image"} <= node.keys():
        return Lookalike("a report of this program", "give the document that it was made from")
    return None


_VALUES: Final[tuple[tuple[Callable[[Mapping[str, Any]], bool], str], ...]] = (
    (lambda node: isinstance(node.get("runs"), list) and "version" in node, "a SARIF log"),
    (
        lambda node: (
            node.get("kind") == "VulnerabilityReport" or _has(node, "resources", "results")
        ),
        "a report of Trivy about a cluster",
    ),
    (
        lambda node: "scannerName" in camel_keys(dict(mapping(node.get("config")))),
        "a report of govulncheck",
    ),
    (
        lambda node: "features" in camel_keys(dict(mapping(node.get("layer")))),
        "a report of Quay",
    ),
    (
        lambda node: any(key.startswith("application/vnd.security.") for key in node),
        "a report of Harbor",
    ),
    (
        lambda node: str(node.get("type", "")).startswith("Microsoft.Security/"),
        "a finding of Microsoft Defender",
    ),
    (
        lambda node: "data" in node and str(node.get("type", "")).startswith("audit"),
        "a report of yarn audit",
    ),
    (lambda node: _has(node, "results", "packages"), "a report of osv-scanner"),
    (lambda node: _has(node, "vulnerabilities", "cveId"), "a report of roxctl"),
)
"""What only one tool writes, where its keys alone are too common."""


def _has(node: Mapping[str, Any], key: str, column: str) -> bool:
    """Whether a row of a list has a column."""
    return any(column in camel_keys(row) for row in objects(node.get(key)))


def _by_value(node: Mapping[str, Any]) -> Lookalike | None:
    name = next((name for is_kind, name in _VALUES if is_kind(node)), None)
    return None if name is None else Lookalike(name, _SCAN)


_FINDERS: Final[tuple[_Finder, ...]] = (
    _of_inspector_scan,
    _of_exploitability,
    _of_record,
    _by_keys,
    _by_value,
)
