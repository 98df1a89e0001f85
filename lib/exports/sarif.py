"""
SARIF 2.1.0, which GitHub code scanning and IDEs show. One run for each image.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html and the further demands of GitHub:
https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
"""  # the address

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import quote

from lib.core.upgrades import is_kernel
from lib.core.vulnerabilities import places, vulnerabilities
from lib.models import AnyReport, Finding, Image, Provenance, Report, Score, Severity
from lib.models.program import NAME, REPOSITORY, VERSION
from lib.models.streams import Vulnerability
from lib.text import clean, one_line, truncate
from lib.urls.advisories import vulnerability_url
from lib.urls.partitions import repository_address
from lib.wire.values import time_to_json

MAX_RESULTS: Final = 25_000
"""Results of one run. GitHub refuses more, and as many rules."""
MAX_RUNS: Final = 20
"""Runs of one log. GitHub refuses more:
https://docs.github.com/en/code-security/code-scanning/troubleshooting-sarif-uploads/results-exceed-limit"""
MAX_TEXT: Final = 1000
_LOCATIONS: Final = 10
"""Places of one package; GitHub shows the first."""
_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"

LEVELS: Final[Mapping[Severity, str]] = MappingProxyType(
    {
        Severity.CRITICAL: "error",
        Severity.HIGH: "error",
        Severity.MEDIUM: "warning",
        Severity.LOW: "note",
        Severity.INFORMATIONAL: "note",
        # A finding without a severity may be severe.
        Severity.UNKNOWN: "warning",
    }
)
# GitHub reads a severity from a score: above 9.0, 7.0, 4.0 and 0. The source's severity stands, so
# a score that says another one gives way to the middle of the range.
_RANGES: Final[Mapping[Severity, tuple[float, float, float]]] = MappingProxyType(
    {
        Severity.CRITICAL: (9.1, 9.5, 10.0),
        Severity.HIGH: (7.0, 8.0, 8.9),
        Severity.MEDIUM: (4.0, 5.5, 6.9),
        Severity.LOW: (0.1, 2.0, 3.9),
        Severity.INFORMATIONAL: (0.1, 0.1, 0.1),
        Severity.UNKNOWN: (4.0, 5.5, 6.9),
    }
)


def sarif(reports: Sequence[AnyReport], *, most: int = MAX_RESULTS) -> str:
    """
    Return one SARIF log with the worst results of each image, at most `most` of them.

    A scan without a usable result becomes a run that did not succeed.
    """
    categories = _categories([report.image for report in reports])
    return log(
        _run(report, category, most) for report, category in zip(reports, categories, strict=True)
    )


def log(runs: Iterable[Mapping[str, Any]]) -> str:
    """Return a SARIF log as text."""
    document = {"$schema": _SCHEMA, "version": "2.1.0", "runs": list(runs)}
    return json.dumps(document, indent=2) + "\n"


def driver(rules: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the tool of a run: this program, with the rules that its results refer to."""
    return {
        "driver": {
            "name": NAME,
            "semanticVersion": VERSION,
            "informationUri": REPOSITORY,
            "rules": list(rules),
        }
    }


def details(category: str) -> dict[str, str]:
    """
    Return the id of a run, by which GitHub keeps results of different images apart.

    GitHub takes what precedes the last slash for the category, and what follows for a single run.
    """
    return {"id": f"{NAME}/{category}/"}


def _categories(images: Sequence[Image]) -> Iterator[str]:
    """
    Yield a category of each image: its repository and platform, the same in every release.

    GitHub refuses a log with two runs of one category, so further ones are named by tag or digest.
    """
    seen: set[str] = set()
    for image in images:
        category = "/".join(filter(None, (image.repository, image.platform))) or "image"
        if category in seen:
            category = f"{category}/{next(iter(image.tags), image.digest)}"
        while category in seen:
            category += "+"
        seen.add(category)
        yield category


def _run(report: AnyReport, category: str, most: int) -> dict[str, Any]:
    image = report.image
    groups = vulnerabilities(report.findings) if isinstance(report, Report) else ()
    results = list(_results(image, groups))
    shown = results[:most]
    name = _address(image)
    return _version_control(report.provenance) | {
        "tool": driver([_rule(group) for group in groups[: _rules(shown)]]),
        "automationDetails": details(category),
        "invocations": [_invocation(report, len(results) - len(shown))],
        "results": shown,
        "columnKind": "unicodeCodePoints",
        "properties": {
            "imageName": name,
            "repoTags": list(image.tags),
            "repoDigests": [f"{name}@{image.digest}"] if image.digest else [],
            "platform": image.platform,
            "os": image.os,
            "inUseCount": image.in_use_count,
            "lastInUseAt": time_to_json(image.last_in_use_at),
            "scanSource": report.scan.source.value,
            "scanStatus": report.scan.status,
        },
    }


def _results(image: Image, groups: Sequence[Vulnerability]) -> Iterator[dict[str, Any]]:
    """Yield a result for each package of each vulnerability, worst first."""
    for rule, group in enumerate(groups):
        packages: dict[str, list[Finding]] = {}
        for finding in group.findings:
            packages.setdefault(finding.package.name, []).append(finding)
        for findings in packages.values():
            yield _result(image, group, findings, rule)


def _rules(results: Sequence[Mapping[str, Any]]) -> int:
    return max((result["ruleIndex"] + 1 for result in results), default=0)


def _version_control(provenance: Provenance | None) -> dict[str, Any]:
    """Return the source code of the image. SARIF requires a repository."""
    if provenance is None or provenance.repository is None:
        return {}
    details = {"repositoryUri": provenance.repository, "revisionId": provenance.commit}
    entry = {name: value for name, value in details.items() if value is not None}
    return {"versionControlProvenance": [entry]}


def _address(image: Image) -> str:
    """Return the address from which an image is pulled; the repository where it is not known."""
    if not (image.account and image.region):
        return image.repository
    return repository_address(image)


def _invocation(report: AnyReport, omitted: int) -> dict[str, Any]:
    usable = isinstance(report, Report)
    invocation: dict[str, Any] = {"executionSuccessful": usable}
    completed = time_to_json(report.scan.completed_at)
    if completed is not None:
        invocation["endTimeUtc"] = completed
    notes = [{"level": level, "message": {"text": text}} for level, text in _notes(report, omitted)]
    return invocation | ({"toolExecutionNotifications": notes} if notes else {})


def _notes(report: AnyReport, omitted: int) -> list[tuple[str, str]]:
    scan = report.scan
    if not isinstance(report, Report):
        reason = f": {one_line(scan.reason)}" if scan.reason else ""
        return [("error", f"The scan has no usable result ({one_line(scan.status)}{reason})")]
    warnings = map(one_line, scan.warnings)
    notes = [("warning", warning) for warning in warnings if warning]
    if not scan.complete and not notes:
        notes.append(("warning", "Fewer findings were listed than counted"))
    if omitted > 0:
        notes.append(("warning", f"{omitted:,} results are left out, the least severe ones"))
    return notes


def _rule(group: Vulnerability) -> dict[str, Any]:
    worst = group.findings[0]
    package = worst.package
    url = vulnerability_url(worst)
    os_package = package.path is None and package.manager in (None, "OS")
    rule: dict[str, Any] = {
        "id": _id(group),
        "name": "OsPackageVulnerability" if os_package else "LanguagePackageVulnerability",
        "shortDescription": {"text": _text(worst.title) or _id(group)},
        "fullDescription": {"text": _text(worst.description) or _id(group)},
        "help": {"text": _help(group, url)},
        "defaultConfiguration": {"level": LEVELS[group.severity]},
        "properties": {
            "tags": ["vulnerability", "security", group.severity.name],
            "precision": "very-high",
            "security-severity": security_severity(group.severity, group.findings[0].score),
        },
    }
    return rule | {"helpUri": url} if url else rule


def _help(group: Vulnerability, url: str | None) -> str:
    """Return what GitHub shows beside a result: what it is, what to do, where to read on."""
    worst = group.findings[0]
    words = _text(worst.description) or _text(worst.title) or _id(group)
    return "\n\n".join(filter(None, (words, _text(worst.remediation), url)))


def security_severity(severity: Severity, score: Score | None = None) -> str:
    """Return the number by which GitHub comes to a severity."""
    lowest, middle, highest = _RANGES[severity]
    value = score.value if score else middle
    return f"{value if lowest <= value <= highest else middle:.1f}"


def _result(
    image: Image, group: Vulnerability, findings: Sequence[Finding], rule: int
) -> dict[str, Any]:
    """Return the result of one vulnerability in one package, wherever that is installed."""
    worst = findings[0]
    package = worst.package
    result: dict[str, Any] = {
        "ruleId": _id(group),
        "ruleIndex": rule,
        "level": LEVELS[worst.severity],
        "message": {"text": _message(group, worst)},
        "locations": [_location(image, finding) for finding in places(findings)[:_LOCATIONS]],
        "partialFingerprints": fingerprints(image.repository, group.id, package.name),
        "properties": {
            "severity": worst.severity.name,
            "package": package.name,
            "installedVersion": package.version,
            "fixedVersion": worst.fixed_version,
            "exploitAvailable": any(finding.exploitable for finding in findings),
            "epss": worst.epss,
            "layer": package.layer,
        },
    }
    if not any(finding.open for finding in findings):
        word = str(worst.source_status).lower()
        result["suppressions"] = [
            {"kind": "external", "status": "accepted", "justification": f"{word} at its source"}
        ]
    return result


def _location(image: Image, finding: Finding) -> dict[str, Any]:
    package = finding.package
    where = quote((package.path or image.repository).encode("utf-8", "replace")).lstrip("/")
    name = one_line(f"{package.name} {package.version or ''}")
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": where or "image"},
            # GitHub asks for a line; a package has none.
            "region": {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 1},
        },
        "logicalLocations": [{"name": name, "kind": "package"}],
    }


def _message(group: Vulnerability, finding: Finding) -> str:
    installed = one_line(f"{finding.package.name} {finding.package.version or ''}")
    if finding.fixed_version:
        fix = f"upgrade to {one_line(finding.fixed_version)}"
    elif finding.fixable:
        fix = "a fix exists, its version is not named"
    else:
        fix = "no fix is known"
    if is_kernel(finding.package.name):
        fix = f"check the kernel of the hosts (in the image: {fix})"
    return f"{_id(group)} ({finding.severity.name}) in {installed}: {fix}"


def fingerprints(*parts: str) -> dict[str, str]:
    """
    Return a hash of what a result is about: no version, place, severity or time.

    GitHub reads one fingerprint, which otherwise depends on the lines of a file.
    """
    digest = hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()
    return {"finding/v1": digest, "primaryLocationLineHash": f"{digest[:16]}:1"}


def _id(group: Vulnerability) -> str:
    return one_line(group.id) or "(unnamed)"


def _text(value: str | None) -> str:
    return truncate(clean(value or "").strip(), MAX_TEXT)
