"""
Findings of Inspector as Security Hub hands them on, as rows of Inspector's ListFindings. Pure.

ASFF: https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-findings-format-syntax.html
OCSF, class 2002: https://schema.ocsf.io/1.8.0/classes/vulnerability_finding
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from lib.normalizer.images import IMAGE_TYPE, repository_arn
from lib.normalizer.values import mapping, name, objects, text, texts

OCSF_CLASS: Final = 2002
_FIELDS: Final = "productFields"
_SCORE: Final = "aws/inspector/inspectorScore"
_STATUS: Final = "aws/inspector/FindingStatus"
_PLATFORM: Final = "aws/inspector/resources/{}/resourceDetails/awsEcrContainerImageDetails/platform"
_CLOSED: Final = frozenset({"RESOLVED", "SUPPRESSED"})


def is_asff(node: Mapping[str, Any]) -> bool:
    """Whether an object in camelCase is a finding in the format of Security Hub."""
    return "productArn" in node and "generatorId" in node


def is_ocsf(node: Mapping[str, Any]) -> bool:
    """Whether an object in camelCase is a vulnerability finding of OCSF."""
    return node.get("classUid") == OCSF_CLASS and "findingInfo" in node


def asff_rows(finding: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a row for each vulnerability of a finding in ASFF; one where it names none."""
    fields = mapping(finding.get(_FIELDS))
    shared = {
        "findingArn": name(finding.get("id")),
        "awsAccountId": finding.get("awsAccountId"),
        "title": finding.get("title"),
        "description": finding.get("description"),
        "severity": _asff_severity(finding),
        "status": _asff_status(finding, fields),
        "inspectorScore": _number(fields.get(_SCORE)),
        "firstObservedAt": finding.get("firstObservedAt"),
        "lastObservedAt": finding.get("lastObservedAt"),
        "updatedAt": finding.get("updatedAt"),
        "remediation": finding.get("remediation"),
        "resources": [
            _asff_resource(resource, name(fields.get(_PLATFORM.format(number))))
            for number, resource in enumerate(objects(finding.get("resources")), 1)
        ],
    }
    vulnerabilities = objects(finding.get("vulnerabilities")) or [{}]
    return [_present(shared | _asff_vulnerability(one)) for one in vulnerabilities]


def _asff_severity(finding: Mapping[str, Any]) -> Any:
    """Return the word of the provider: Security Hub lets people overwrite the other."""
    provided = mapping(mapping(finding.get("findingProviderFields")).get("severity"))
    own = mapping(finding.get("severity"))
    return provided.get("label") or own.get("label")


def _asff_status(finding: Mapping[str, Any], fields: Mapping[str, Any]) -> str:
    """Return Inspector's own word where it is kept; else what record and workflow say."""
    status = text(fields.get(_STATUS))
    if finding.get("recordState") == "ARCHIVED":
        return "CLOSED"
    workflow = name(mapping(finding.get("workflow")).get("status"))
    if workflow in _CLOSED:
        return "CLOSED" if workflow == "RESOLVED" else workflow
    return status or "ACTIVE"


def _asff_resource(resource: Mapping[str, Any], platform: str) -> dict[str, Any]:
    image = mapping(mapping(resource.get("details")).get("awsEcrContainerImage"))
    if resource.get("type") != "AwsEcrContainerImage":
        return {"type": resource.get("type"), "id": resource.get("id")}
    details = {
        "repositoryName": image.get("repositoryName"),
        "registry": image.get("registryId"),
        "imageHash": image.get("imageDigest"),
        "imageTags": image.get("imageTags"),
        "architecture": image.get("architecture"),
        "platform": platform or None,
        "pushedAt": image.get("imagePublishedAt"),
    }
    return _image_resource(resource.get("id"), resource.get("region"), details)


def _asff_vulnerability(vulnerability: Mapping[str, Any]) -> dict[str, Any]:
    vendor = mapping(vulnerability.get("vendor"))
    epss = _number(vulnerability.get("epssScore"))
    return {
        "fixAvailable": vulnerability.get("fixAvailable"),
        "exploitAvailable": vulnerability.get("exploitAvailable"),
        "exploitabilityDetails": _last_exploit(vulnerability.get("lastKnownExploitAt")),
        "epss": None if epss is None else {"score": epss},
        "packageVulnerabilityDetails": _present(
            {
                "vulnerabilityId": vulnerability.get("id"),
                "relatedVulnerabilities": texts(vulnerability.get("relatedVulnerabilities")),
                "referenceUrls": texts(vulnerability.get("referenceUrls")),
                "source": vendor.get("name"),
                "sourceUrl": vendor.get("url"),
                "vendorSeverity": vendor.get("vendorSeverity"),
                "vendorCreatedAt": vendor.get("vendorCreatedAt"),
                "vendorUpdatedAt": vendor.get("vendorUpdatedAt"),
                "cvss": [_asff_cvss(cvss) for cvss in objects(vulnerability.get("cvss"))],
                "vulnerablePackages": [
                    _present({**package, "arch": package.get("architecture")}, "architecture")
                    for package in objects(vulnerability.get("vulnerablePackages"))
                ],
            }
        ),
    }


def _asff_cvss(cvss: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "version": cvss.get("version"),
        "baseScore": cvss.get("baseScore"),
        "scoringVector": cvss.get("baseVector"),
        "source": cvss.get("source"),
    }


def ocsf_rows(finding: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a row for each vulnerability of a finding in OCSF; one where it names none."""
    info = mapping(finding.get("findingInfo"))
    shared = {
        "findingArn": name(info.get("uid")),
        "title": info.get("title"),
        "description": info.get("desc"),
        "severity": finding.get("severity"),
        "status": _ocsf_status(finding),
        "firstObservedAt": _ocsf_time(info, "firstSeenTime"),
        "lastObservedAt": _ocsf_time(info, "lastSeenTime"),
        "updatedAt": _ocsf_time(info, "modifiedTime"),
        "resources": [_ocsf_resource(one) for one in objects(finding.get("resources"))],
    }
    vulnerabilities = objects(finding.get("vulnerabilities")) or [{}]
    return [_present(shared | _ocsf_vulnerability(one)) for one in vulnerabilities]


def _ocsf_status(finding: Mapping[str, Any]) -> str:
    word = name(finding.get("status")).upper()
    if word in _CLOSED:
        return "CLOSED" if word == "RESOLVED" else word
    return "CLOSED" if word in ("CLOSED", "ARCHIVED", "DELETED") else "ACTIVE"


def _ocsf_time(info: Mapping[str, Any], field: str) -> Any:
    """Return a time: as text where there is one, else milliseconds as seconds."""
    stated = info.get(f"{field}Dt")
    if stated is not None:
        return stated
    milliseconds = info.get(field)
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int | float):
        return None
    return milliseconds / 1000


def _ocsf_resource(resource: Mapping[str, Any]) -> dict[str, Any]:
    arn = repository_arn(resource.get("uid"))
    if arn is None or not arn.digest:
        return {"type": resource.get("type"), "id": resource.get("uid")}
    data = mapping(resource.get("data"))
    details = mapping(data.get("awsEcrContainerImage")) or data
    return _image_resource(resource.get("uid"), resource.get("region"), dict(details))


def _ocsf_vulnerability(vulnerability: Mapping[str, Any]) -> dict[str, Any]:
    cve = mapping(vulnerability.get("cve"))
    advisory = mapping(vulnerability.get("advisory"))
    return {
        "fixAvailable": _yes_or_no(vulnerability.get("isFixAvailable")),
        "exploitAvailable": _yes_or_no(vulnerability.get("isExploitAvailable")),
        "exploitabilityDetails": _last_exploit(vulnerability.get("exploitLastSeenTimeDt")),
        "epss": _present({"score": _number(mapping(cve.get("epss")).get("score"))}) or None,
        "packageVulnerabilityDetails": _present(
            {
                "vulnerabilityId": cve.get("uid") or advisory.get("uid"),
                "referenceUrls": texts(vulnerability.get("references")),
                "source": vulnerability.get("vendorName"),
                "sourceUrl": advisory.get("srcUrl") or cve.get("srcUrl"),
                "vendorSeverity": vulnerability.get("severity"),
                "cvss": [_ocsf_cvss(cvss) for cvss in objects(cve.get("cvss"))],
                "vulnerablePackages": _ocsf_packages(
                    objects(vulnerability.get("affectedPackages"))
                ),
            }
        ),
    }


def _ocsf_cvss(cvss: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "version": cvss.get("version"),
        "baseScore": cvss.get("baseScore"),
        "scoringVector": cvss.get("vectorString"),
        "source": cvss.get("vendorName"),
    }


def _ocsf_packages(packages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        _present(
            {
                "name": package.get("name"),
                "version": package.get("version"),
                "epoch": package.get("epoch"),
                "release": package.get("release"),
                "arch": package.get("architecture"),
                "packageManager": package.get("packageManager"),
                "fixedInVersion": package.get("fixedInVersion"),
                "filePath": package.get("path"),
                "remediation": mapping(package.get("remediation")).get("desc"),
            }
        )
        for package in packages
    ]


def _image_resource(arn: Any, region: Any, details: Mapping[str, Any]) -> dict[str, Any]:
    image = _present(dict(details))
    return {
        "type": IMAGE_TYPE,
        "id": arn,
        "region": region,
        "details": {"awsEcrContainerImage": image},
    }


def _last_exploit(at: Any) -> dict[str, Any] | None:
    return None if at is None else {"lastKnownExploitAt": at}


def _yes_or_no(value: Any) -> str | None:
    return {True: "YES", False: "NO"}.get(value) if isinstance(value, bool) else None


def _number(value: Any) -> float | None:
    """Return a number, also one that is written as text."""
    try:
        return None if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None


def _present(row: Mapping[str, Any], *without: str) -> dict[str, Any]:
    """Return what is stated: an absent value is not the same as an unknown one."""
    return {key: value for key, value in row.items() if value is not None and key not in without}
