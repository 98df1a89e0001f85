"""
OCSF 1.8.0, class Vulnerability Finding (2002): what security lakes and SIEMs take.

https://schema.ocsf.io/1.8.0/classes/vulnerability_finding. One event for each vulnerability. A scan
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
from lib.core.scanners import scanner_of
from lib.core.vulnerabilities import places, vulnerabilities
from lib.models import AnyReport, Finding, Image, Package, Provenance, Report, Scan, Severity
from lib.models.program import NAME
from lib.models.streams import PackageVersion, Vulnerability
from lib.text import clean, counted, one_line, truncate
from lib.urls.advisories import vulnerability_url
from lib.urls.console import console_url
from lib.wire.values import time_to_json

VERSION: Final = "1.8.0"
CLASS: Final = 2002
_CATEGORY: Final = 2
_TEXT: Final = 2000
_PLACES: Final = 50
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
    """The activity and the status of the event of a vulnerability."""

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
    """Yield the events of a report, one for each vulnerability; none without any."""
    if not isinstance(report, Report):
        yield traced(not_scanned(report.image, report.scan), report.provenance)
        return
    for group in vulnerabilities(report.findings):
        made = event(report.image, report.scan, group.id, group.findings, _step(group))
        yield traced(made, report.provenance)


def _step(group: Vulnerability) -> Step:
    if any(finding.open for finding in group.findings):
        return NEW
    return GONE if group.findings[0].source_status == "CLOSED" else SUPPRESSED


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


def event(
    image: Image,
    scan: Scan,
    id_: str,
    findings: Sequence[Finding],
    step: Step,
    *,
    scope: str = "",
) -> dict[str, Any]:
    """
    Return the event of one vulnerability.

    `findings`: its rows, the worst first; at least one. `scope`: where it is followed, such as a
    stream; else the repository.
    """
    worst, name = findings[0], one_line(id_) or "(unnamed)"
    severity = max(finding.severity for finding in findings)
    word = severity.name.capitalize()
    first = [row.first_observed_at for row in findings if row.first_observed_at is not None]
    last = [row.last_observed_at for row in findings if row.last_observed_at is not None]
    package = _packages(findings)
    return _common(image, scan, step.activity, step.status) | {
        "severity_id": _SEVERITIES[severity],
        "severity": word,
        "message": truncate(f"{name} ({word}) in {package}", _TEXT),
        "finding_info": _filled(
            uid=uid(scope or _place(image), name),
            title=truncate(one_line(worst.title or f"{name} - {package}"), _TEXT),
            desc=_text(worst.description),
            first_seen_time=_time(min(first, default=None)),
            last_seen_time=_time(max(last, default=None)),
            types=["Software and Configuration Checks/Vulnerabilities/CVE"],
        ),
        "vulnerabilities": [_vulnerability(name, findings)],
    }


def ended(
    image: Image,
    scan: Scan,
    id_: str,
    severity: Severity,
    packages: Sequence[PackageVersion],
    *,
    scope: str,
) -> dict[str, Any]:
    """Return the event that closes a vulnerability which nothing lists any more."""
    rows = [
        Finding(id_, Package(package.name, package.version or None), severity)
        for package in packages
    ]
    return event(image, scan, id_, rows or [Finding(id_, Package(""), severity)], GONE, scope=scope)


def uid(scope: str, id_: str) -> str:
    """Return an id of a vulnerability that is the same in every scan, under whatever package."""
    subject = f"{scope}\n{id_}"
    return hashlib.sha256(subject.encode("utf-8", "replace")).hexdigest()


def _packages(findings: Sequence[Finding]) -> str:
    package = findings[0].package
    others = len({(row.package.name, row.package.version) for row in findings}) - 1
    name = one_line(f"{package.name} {package.version or ''}")
    return f"{name} and {counted(others, 'more package')}" if others else name


def not_scanned(image: Image, scan: Scan, *, scope: str = "scan") -> dict[str, Any]:
    """Return the event of a scan without a usable result. `scope`: of which part of the image."""
    status = one_line(scan.status)
    reason = _text(scan.reason) or status
    return _common(image, scan, (_OTHER, "Not scanned"), (_OTHER, "Not scanned")) | {
        "severity_id": 0,
        "severity": "Unknown",
        "message": f"{_NOT_CLEAR} ({status})",
        "status_code": status,
        "status_detail": reason,
        "finding_info": {
            "uid": f"{image.key}#{scope}",
            "title": f"Scan without a result: {status}",
        },
        "vulnerabilities": [],
    }


def closed_condition(image: Image, scan: Scan, *, scope: str) -> dict[str, Any]:
    """Return the event that closes one of `not_scanned`."""
    made = not_scanned(image, scan, scope=scope)
    closing = _common(image, scan, GONE.activity, GONE.status)
    return made | closing | {"message": f"{one_line(scan.status)} is not reported any more"}


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
        "cloud": _filled(
            provider="AWS",
            region=image.region,
            cloud_partition=image.partition,
            account=_account(image),
        ),
        "metadata": {
            "version": VERSION,
            "profiles": ["cloud"],
            "log_provider": NAME,
            "product": _product(scan),
        },
        "resources": [_resource(image)],
    }


def _product(scan: Scan) -> dict[str, Any]:
    scanner = scanner_of(scan.source)
    return {
        "name": scanner.product or scan.source.value,
        "vendor_name": scanner.vendor,
        "feature": {"name": scan.source.value},
    }


def _resource(image: Image) -> dict[str, Any]:
    return _filled(
        uid=image.arn,
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
            os=image.os,
            in_use_count=image.in_use_count,
            last_in_use_at=time_to_json(image.last_in_use_at),
            console_url=console_url(image),
        ),
    )


def _vulnerability(id_: str, findings: Sequence[Finding]) -> dict[str, Any]:
    worst = findings[0]
    url = vulnerability_url(worst)
    answers = {row.fix_available for row in findings} - {None}
    word = "YES" if any(row.fixed_version for row in findings) else None
    answer = next(iter(answers)) if len(answers) == 1 else "PARTIAL" if answers else word
    coverage = _COVERAGE.get(answer or "", 0)
    says_exploit = any(
        row.exploit_available is not None or row.exploit_observed_at is not None for row in findings
    )
    links = dict.fromkeys(link for row in findings for link in (url, *row.links) if link)
    aliases = dict.fromkeys(alias for row in findings for alias in row.aliases if alias != id_)
    seen = [row.exploit_observed_at for row in findings if row.exploit_observed_at is not None]
    first = [row.first_observed_at for row in findings if row.first_observed_at is not None]
    last = [row.last_observed_at for row in findings if row.last_observed_at is not None]
    return _filled(
        **_identifier(id_, worst, url),
        title=_text(worst.title),
        desc=_text(worst.description),
        severity=max(row.severity for row in findings).name.capitalize(),
        references=list(links) or None,
        related_vulnerabilities=list(aliases),
        affected_packages=[_affected(row) for row in places(findings)[:_PLACES]],
        is_fix_available=any(row.fixable for row in findings) if coverage else None,
        fix_coverage_id=coverage or None,
        fix_coverage=_COVERAGES[coverage] if coverage else None,
        is_exploit_available=any(row.exploitable for row in findings) if says_exploit else None,
        exploit_last_seen_time=_time(max(seen, default=None)),
        first_seen_time=_time(min(first, default=None)),
        last_seen_time=_time(max(last, default=None)),
        remediation={"desc": text} if (text := _text(worst.remediation)) else None,
    )


def _affected(finding: Finding) -> dict[str, Any]:
    package = finding.package
    return _filled(
        name=clean(package.name) or "unknown",
        version=package.version or "unknown",
        fixed_in_version=finding.fixed_version,
        package_manager=package.manager,
        path=package.path,
        purl=package.purl,
    )


def _identifier(id_: str, finding: Finding, url: str | None) -> dict[str, Any]:
    """Return `cve` or `advisory`, as the id is one or the other. OCSF allows only one of them."""
    score = finding.score
    if not id_.upper().startswith("CVE-"):
        return {"advisory": _filled(uid=id_, title=_text(finding.title), src_url=url)}
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
    return {"cve": _filled(uid=id_, cvss=cvss, epss=epss)}


def _filled(**values: Any) -> dict[str, Any]:
    """Return the values that are not None."""
    return {name: value for name, value in values.items() if value not in (None, "", [])}


def _place(image: Image) -> str:
    return f"{image.account}/{image.region}/{image.repository}"


def _account(image: Image) -> dict[str, Any] | None:
    if not image.account:
        return None
    return {"uid": image.account, "type": "AWS Account", "type_id": _AWS_ACCOUNT}


def _text(value: str | None) -> str:
    return truncate(clean(value or "").strip(), _TEXT)


def _time(moment: datetime | None) -> int | None:
    """Return milliseconds since the epoch."""
    return None if moment is None else int(moment.timestamp() * 1000)
