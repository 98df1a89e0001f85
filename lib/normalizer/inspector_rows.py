"""
Rows of enhanced scanning and of Inspector: one vulnerability, several packages.

https://docs.aws.amazon.com/inspector/v2/APIReference/API_PackageVulnerabilityDetails.html
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from lib.models import Finding, Package, Score
from lib.normalizer.ecr_basic import UNNAMED
from lib.normalizer.images import os_of
from lib.normalizer.package_url import package_url
from lib.normalizer.unknown_fields import kept, names, unknown_fields
from lib.normalizer.values import (
    count,
    links,
    mapping,
    moment,
    name,
    number,
    objects,
    severity,
    text,
    texts,
)

_PACKAGE_TYPE: Final = "PACKAGE_VULNERABILITY"
_ADJUSTED: Final = names("cvssSource", "score", "scoreSource", "scoringVector", "version")
# Fields that are read elsewhere, or that say nothing about the finding itself.
_KNOWN_ROW: Final = names(
    "awsAccountId",
    "description",
    "exploitAvailable",
    "findingArn",
    "firstObservedAt",
    "fixAvailable",
    "inspectorScore",
    "lastObservedAt",
    "packageVulnerabilityDetails",
    "resources",
    "score",
    "severity",
    "status",
    "title",
    "type",
    "updatedAt",
    epss=names("score"),
    exploitabilityDetails=names("lastKnownExploitAt"),
    inspectorScoreDetails=names(adjustedCvss=_ADJUSTED),
    remediation=names(recommendation=names("Url", "text", "url")),
    scoreDetails=names(cvss=_ADJUSTED),
)
_KNOWN_DETAILS: Final = names(
    "referenceUrls",
    "relatedVulnerabilities",
    "source",
    "sourceUrl",
    "vendorCreatedAt",
    "vendorSeverity",
    "vendorUpdatedAt",
    "vulnerabilityId",
    "vulnerablePackages",
    cvss=names("baseScore", "scoringVector", "source", "version"),
)
_KNOWN_PACKAGE: Final = names(
    "arch",
    "epoch",
    "filePath",
    "fixedInVersion",
    "name",
    "packageManager",
    "release",
    "remediation",
    "sourceLayerHash",
    "version",
)
_NO_EPOCH: Final = "0:"


def findings(row: Mapping[str, Any], *, score: Any, score_details: Any) -> tuple[Finding, ...]:
    """
    Return one finding for each vulnerable package of a row.

    ECR and Inspector name score and details differently, so both are arguments. A finding that is
    not about packages (code, network) gets an empty package name.
    """
    details = mapping(row.get("packageVulnerabilityDetails"))
    packages = objects(details.get("vulnerablePackages")) or [{}]
    shared = _RowValues(row, details, score, score_details)
    return tuple([shared.finding(package) for package in packages])


class _RowValues:
    """The values that all packages of one row share, read once."""

    def __init__(
        self, row: Mapping[str, Any], details: Mapping[str, Any], score: Any, score_details: Any
    ) -> None:
        recommendation = mapping(mapping(row.get("remediation")).get("recommendation"))
        references = details.get("referenceUrls")
        aliases = texts(details.get("relatedVulnerabilities"))
        cvss = _scores(details.get("cvss"))
        self.title = text(row.get("title"))
        self.id = text(details.get("vulnerabilityId")) or _other_id(row) or self.title or UNNAMED
        self.aliases = tuple([alias for alias in aliases if alias != self.id])
        self.description = text(row.get("description"))
        self.severity, self.source_severity = severity(row.get("severity"))
        self.score = _adjusted(score, score_details, cvss) or _stated(cvss, details.get("source"))
        self.fix_available = text(row.get("fixAvailable"))
        self.exploit_available = text(row.get("exploitAvailable"))
        self.exploit_observed_at = moment(
            mapping(row.get("exploitabilityDetails")).get("lastKnownExploitAt")
        )
        self.epss = number(mapping(row.get("epss")).get("score"))
        self.remediation = text(recommendation.get("text"))
        self.links = links(
            details.get("sourceUrl"),
            *(references if isinstance(references, list) else ()),
            # Inspector writes `Url`, ECR `url`.
            recommendation.get("Url"),
            recommendation.get("url"),
        )
        self.first_observed_at = moment(row.get("firstObservedAt"))
        self.last_observed_at = moment(row.get("lastObservedAt"))
        # Other tools write the words of the status in another case.
        self.status = (text(row.get("status")) or "").upper() or None
        self.os = os_of(row)
        self.extra = _extra(row, details, [other for other in cvss if other != self.score])

    def finding(self, package: Mapping[str, Any]) -> Finding:
        return Finding(
            vulnerability_id=self.id,
            package=_package(package, self.os),
            severity=self.severity,
            source_severity=self.source_severity,
            aliases=self.aliases,
            title=self.title,
            description=self.description,
            score=self.score,
            fixed_version=_fixed(package.get("fixedInVersion")),
            fix_available=self.fix_available,
            exploit_available=self.exploit_available,
            exploit_observed_at=self.exploit_observed_at,
            epss=self.epss,
            remediation=text(package.get("remediation")) or self.remediation,
            links=self.links,
            first_observed_at=self.first_observed_at,
            last_observed_at=self.last_observed_at,
            source_status=self.status,
            extra=_package_extra(self.extra, package),
        )


def _other_id(row: Mapping[str, Any]) -> str | None:
    return text(mapping(row.get("codeVulnerabilityDetails")).get("detectorId"))


def _package(package: Mapping[str, Any], os: str | None) -> Package:
    package_name = name(package.get("name"))
    version, manager = version_of(package), text(package.get("packageManager"))
    return Package(
        name=package_name,
        version=version,
        manager=manager,
        path=text(package.get("filePath")),
        layer=text(package.get("sourceLayerHash")),
        purl=package_url(package_name, version, manager, os=os, arch=text(package.get("arch"))),
    )


def version_of(package: Mapping[str, Any]) -> str | None:
    """Return "epoch:version-release" as distributions write it, without an epoch of 0."""
    version = text(package.get("version"))
    if version is None:
        return None
    epoch, release = count(package.get("epoch")), text(package.get("release"))
    prefix = f"{epoch}:" if epoch else ""
    return f"{prefix}{version}-{release}" if release else f"{prefix}{version}"


def _fixed(value: Any) -> str | None:
    """Return the fixed version as the installed one is written: without an epoch of 0."""
    version = text(value)
    return version.removeprefix(_NO_EPOCH) or None if version else None


# --- scores -------------------------------------------------------------------------------------


# Findings share scores: each is built and stored once.
_score = lru_cache(maxsize=4096)(Score)


def _scores(value: Any) -> list[Score]:
    scores = []
    for entry in objects(value):
        base = number(entry.get("baseScore"))
        if base is not None:
            version, vector = text(entry.get("version")), text(entry.get("scoringVector"))
            scores.append(_score(base, version, vector, text(entry.get("source"))))
    return scores


def _adjusted(value: Any, details: Any, cvss: Iterable[Score]) -> Score | None:
    """Return the scanner's own score; None for a 0 without details, which means no score."""
    details, adjusted = mapping(details), number(value)
    base = number(details.get("score")) if adjusted is None else adjusted
    if base is None or (not base and not details):
        return None
    if details:
        return _score(
            base,
            text(details.get("version")),
            text(details.get("scoringVector")),
            text(details.get("scoreSource")) or text(details.get("cvssSource")),
        )
    same = (score for score in cvss if score.value == base)
    return next(same, None) or _score(base)


def _stated(cvss: list[Score], source: Any) -> Score | None:
    """Return the vendor score to show: CVSS 3 first, then the source of the finding."""
    if not cvss:
        return None
    return min(cvss, key=lambda score: (_rank(score.version), score.source != source))


def _rank(version: str | None) -> int:
    for rank, major in enumerate(("3", "4")):
        if (version or "").startswith(major):
            return rank
    return 2


# --- extra fields -------------------------------------------------------------------------------


def _extra(
    row: Mapping[str, Any], details: Mapping[str, Any], other_scores: Iterable[Score]
) -> dict[str, str]:
    fields: dict[str, Any] = {
        "finding_arn": row.get("findingArn"),
        "source": details.get("source"),
        "vendor_severity": details.get("vendorSeverity"),
        "other_scores": "; ".join(map(_score_text, other_scores)),
    }
    if row.get("type") != _PACKAGE_TYPE:
        fields["type"] = row.get("type")
    unknown = unknown_fields(row, _KNOWN_ROW) | unknown_fields(details, _KNOWN_DETAILS)
    return kept(fields.items()) | unknown


def _score_text(score: Score) -> str:
    parts = (score.source, score.version, f"{score.value:g}", score.vector)
    return " ".join(part for part in parts if part)


def _package_extra(shared: Mapping[str, str], package: Mapping[str, Any]) -> Mapping[str, str]:
    arch = text(package.get("arch"))
    own = {} if arch is None else {"arch": arch}
    return MappingProxyType({**shared, **own, **unknown_fields(package, _KNOWN_PACKAGE)})
