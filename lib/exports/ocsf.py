"""
OCSF 1.8.0, class Vulnerability Finding (2002): what security lakes and SIEMs take.

https://schema.ocsf.io/1.8.0/classes/vulnerability_finding. One event for each finding. A scan
without a usable result is an event, too, of the activity Other with the reason and without
vulnerabilities: no class says "could not be scanned", and silence would look like an all-clear.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from types import MappingProxyType
from typing import Any, Final

from lib.core.provenance import commit_url
from lib.models import AnyReport, Finding, Image, Provenance, Report, Scan, Severity
from lib.text import clean, one_line, truncate
from lib.urls.advisories import vulnerability_url
from lib.urls.console import console_url
from lib.wire.values import time_to_json

VERSION: Final = "1.8.0"
CLASS: Final = 2002
_CATEGORY: Final = 2
_TEXT: Final = 2000
_AWS_ACCOUNT: Final = 10
_OTHER: Final = 99
_NOT_CLEAR: Final = "Nothing is known about vulnerabilities: this is not an all-clear"

_SEVERITIES: Final[Mapping[Severity, int]] = MappingProxyType(
    {
        Severity.UNKNOWN: 0,
        Severity.INFORMATIONAL: 1,
        Severity.LOW: 2,
        Severity.MEDIUM: 3,
        Severity.HIGH: 4,
        Severity.CRITICAL: 5,
    }
)
_COVERAGE: Final[Mapping[str, int]] = MappingProxyType({"YES": 1, "PARTIAL": 2, "NO": 3})
_COVERAGES: Final = ("Unknown", "Complete", "Partial", "None")


@dataclass(frozen=True, slots=True)
class Step:
    """The activity and the status of the event of a finding."""

    activity: tuple[int, str]
    status: tuple[int, str]


NEW: Final = Step((1, "Create"), (1, "New"))
CHANGED: Final = Step((2, "Update"), (2, "In Progress"))
GONE: Final = Step((3, "Close"), (4, "Resolved"))
SUPPRESSED: Final = Step((2, "Update"), (3, "Suppressed"))


def ocsf(reports: Sequence[AnyReport]) -> str:
    """Return one event a line."""
    events = chain.from_iterable(map(report_events, reports))
    return "".join(f"{json.dumps(event)}\n" for event in events)


def report_events(report: AnyReport) -> Iterator[dict[str, Any]]:
    """Yield the events of a report; none for an image without findings."""
    if not isinstance(report, Report):
        yield traced(not_scanned(report.image, report.scan), report.provenance)
        return
    for finding in report.findings:
        step = NEW
        if not finding.open:
            step = GONE if finding.source_status == "CLOSED" else SUPPRESSED
        yield traced(event(report.image, report.scan, finding, step), report.provenance)


def traced(finding_event: dict[str, Any], provenance: Provenance | None) -> dict[str, Any]:
    """Return an event with the provenance of its image, which has no field of its own in OCSF."""
    if provenance is None:
        return finding_event
    (resource,) = finding_event["resources"]
    source = _filled(
        commit=provenance.commit,
        commit_url=commit_url(provenance),
        source_repository=provenance.repository,
        built_at=time_to_json(provenance.created_at),
    )
    return finding_event | {"resources": [resource | {"data": resource["data"] | source}]}


def event(image: Image, scan: Scan, finding: Finding, step: Step) -> dict[str, Any]:
    """Return the event of one finding."""
    severity = finding.severity.name.capitalize()
    package = one_line(f"{finding.package.name} {finding.package.version or ''}")
    return _common(image, scan, step.activity, step.status) | {
        "severity_id": _SEVERITIES[finding.severity],
        "severity": severity,
        "message": truncate(f"{_id(finding)} ({severity}) in {package}", _TEXT),
        "finding_info": _filled(
            uid=_uid(image, finding),
            title=truncate(one_line(finding.title or f"{_id(finding)} - {package}"), _TEXT),
            desc=_text(finding.description),
            first_seen_time=_time(finding.first_observed_at),
            last_seen_time=_time(finding.last_observed_at),
            types=["Software and Configuration Checks/Vulnerabilities/CVE"],
        ),
        "vulnerabilities": [_vulnerability(finding)],
    }


def not_scanned(image: Image, scan: Scan) -> dict[str, Any]:
    """Return the event of a scan without a usable result."""
    status = one_line(scan.status)
    reason = _text(scan.reason) or status
    return _common(image, scan, (_OTHER, "Not scanned"), (_OTHER, "Not scanned")) | {
        "severity_id": 0,
        "severity": "Unknown",
        "message": f"{_NOT_CLEAR} ({status})",
        "status_code": status,
        "status_detail": reason,
        "finding_info": {"uid": f"{image.key}#scan", "title": f"Scan without a result: {status}"},
        "vulnerabilities": [],
    }


def summary(image: Image, scan: Scan, worst: Severity, message: str) -> dict[str, Any]:
    """Return an event about a whole scan, of the activity Other, with a message."""
    return _common(image, scan, (_OTHER, "Summary"), (_OTHER, "Summary")) | {
        "severity_id": _SEVERITIES[worst],
        "severity": worst.name.capitalize(),
        "message": truncate(message, _TEXT),
        "finding_info": {"uid": f"{image.key}#scan", "title": f"Scan of {image.name}"},
        "vulnerabilities": [],
    }


def _common(
    image: Image, scan: Scan, activity: tuple[int, str], status: tuple[int, str]
) -> dict[str, Any]:
    moment = scan.completed_at or image.pushed_at
    return {
        "activity_id": activity[0],
        "activity_name": activity[1],
        "category_uid": _CATEGORY,
        "category_name": "Findings",
        "class_uid": CLASS,
        "class_name": "Vulnerability Finding",
        "type_uid": CLASS * 100 + activity[0],
        "type_name": f"Vulnerability Finding: {activity[1]}",
        "status_id": status[0],
        "status": status[1],
        "time": _time(moment) or 0,
        "cloud": {
            "provider": "AWS",
            "region": image.region,
            "cloud_partition": image.partition,
            "account": {"uid": image.account, "type": "AWS Account", "type_id": _AWS_ACCOUNT},
        },
        "metadata": {
            "version": VERSION,
            "profiles": ["cloud"],
            "product": {
                "name": "ecr-scan-alerts",
                "vendor_name": "AWS",
                "feature": {"name": scan.source.value},
            },
        },
        "resources": [
            _filled(
                uid=_arn(image),
                name=image.name,
                type="AwsEcrContainerImage",
                region=image.region,
                cloud_partition=image.partition,
                labels=[f"tag:{tag}" for tag in image.tags],
                data=_filled(
                    repository=image.repository,
                    digest=image.digest,
                    tags=list(image.tags),
                    platform=image.platform,
                    console_url=console_url(image),
                ),
            )
        ],
    }


def _vulnerability(finding: Finding) -> dict[str, Any]:
    package = finding.package
    url = vulnerability_url(finding)
    coverage = _COVERAGE.get(finding.fix_available or "", 1 if finding.fixed_version else 0)
    affected = _filled(
        name=clean(package.name) or "unknown",
        version=package.version or "unknown",
        fixed_in_version=finding.fixed_version,
        package_manager=package.manager,
        path=package.path,
        purl=package.purl,
    )
    exploitable = None
    if finding.exploit_available is not None or finding.exploit_observed_at is not None:
        exploitable = finding.exploitable
    return _filled(
        **_identifier(finding, url),
        title=_text(finding.title),
        desc=_text(finding.description),
        severity=finding.severity.name.capitalize(),
        references=[link for link in (url, *finding.links) if link] or None,
        related_vulnerabilities=list(finding.aliases),
        affected_packages=[affected],
        is_fix_available=finding.fixable if coverage else None,
        fix_coverage_id=coverage or None,
        fix_coverage=_COVERAGES[coverage] if coverage else None,
        is_exploit_available=exploitable,
        exploit_last_seen_time=_time(finding.exploit_observed_at),
        first_seen_time=_time(finding.first_observed_at),
        last_seen_time=_time(finding.last_observed_at),
        remediation={"desc": text} if (text := _text(finding.remediation)) else None,
    )


def _identifier(finding: Finding, url: str | None) -> dict[str, Any]:
    """Return `cve` or `advisory`, as the id is one or the other. OCSF allows only one of them."""
    identifier, score = _id(finding), finding.score
    if not identifier.upper().startswith("CVE-"):
        return {"advisory": _filled(uid=identifier, title=_text(finding.title), src_url=url)}
    cvss = None
    if score is not None:
        cvss = [
            _filled(
                base_score=float(score.value),
                version=score.version or "unknown",
                vector_string=score.vector,
                vendor_name=score.source,
            )
        ]
    epss = None if finding.epss is None else {"score": str(finding.epss)}
    return {"cve": _filled(uid=identifier, cvss=cvss, epss=epss)}


def _filled(**values: Any) -> dict[str, Any]:
    """Return the values that are not None."""
    return {name: value for name, value in values.items() if value not in (None, "", [])}


def _id(finding: Finding) -> str:
    return one_line(finding.vulnerability_id) or "(unnamed)"


def _uid(image: Image, finding: Finding) -> str:
    """Return an id of the finding that is the same in every scan of the image."""
    subject = "\n".join((image.key, *finding.id))
    return hashlib.sha256(subject.encode("utf-8", "replace")).hexdigest()


def _arn(image: Image) -> str:
    return (
        f"arn:{image.partition}:ecr:{image.region}:{image.account}:"
        f"repository/{image.repository}/{image.digest}"
    )


def _text(value: str | None) -> str:
    return truncate(clean(value or "").strip(), _TEXT)


def _time(moment: datetime | None) -> int | None:
    """Return milliseconds since the epoch."""
    return None if moment is None else int(moment.timestamp() * 1000)
