"""
The results of `audit`: grouped for people, and as SARIF and CSV for other tools. Pure.

A repository that could not be read, and a check that could not be made, has a row and a
notification of its own, so that it does not look like one that is set up well.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import quote

from lib.checks import findings as checks
from lib.checks.unknown import UnknownCheck
from lib.exports.rows import CLEAR, FINDING, table
from lib.exports.sarif import (
    LEVELS,
    MAX_TEXT,
    details,
    driver,
    fingerprints,
    log,
    security_severity,
)
from lib.models import Finding, Image, Severity, Suppressed
from lib.text import clean, one_line, truncate

SUPPRESSED: Final = "suppressed"
NOT_READ: Final = "not read"
NOT_KNOWN: Final = "not known"

COLUMNS: Final = (
    "record",
    "account",
    "region",
    "repository",
    "check",
    "severity",
    "setting",
    "value",
    "title",
    "reason",
    "remark",
    "difference",
    "command",
    "cloudformation",
    "link",
    "suppression_reason",
    "suppressed_until",
)
_HEADINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        checks.TAG_MUTABILITY: "tags can be overwritten",
        checks.NOT_SCANNED: "the newest image has no recent scan",
        checks.LIFECYCLE_INVALID: "the lifecycle policy is not valid",
    }
)
"""Of checks whose titles name a detail of the repository."""


@dataclass(frozen=True, slots=True)
class RepositoryCheck:
    """The findings of a repository."""

    repository: Image
    findings: Sequence[Finding] = ()
    suppressed: Sequence[Suppressed] = ()
    unread: str | None = None
    """The reason why the repository could not be checked at all; None if it was."""
    unknown: Sequence[UnknownCheck] = ()
    """The checks without a result."""

    @property
    def is_sound(self) -> bool:
        """Whether all checks were made, and nothing is wrong."""
        return not self.findings and self.unread is None and not self.unknown


@dataclass(frozen=True, slots=True)
class CheckGroup:
    """The findings of one check, each with its repository, in the order of repositories."""

    id: str
    severity: Severity
    """The worst of its findings."""
    heading: str
    """What is wrong in all of the repositories."""
    findings: tuple[tuple[Image, Finding], ...]


def groups(checked: Sequence[RepositoryCheck]) -> Sequence[CheckGroup]:
    """Return the findings by check: worst first, then the check with the most repositories."""
    by_check: dict[str, list[tuple[Image, Finding]]] = {}
    for check in checked:
        for finding in check.findings:
            by_check.setdefault(finding.vulnerability_id, []).append((check.repository, finding))
    return sorted(
        (_group(id_, findings) for id_, findings in by_check.items()),
        key=lambda group: (-group.severity, -len(group.findings), group.id),
    )


def _group(id_: str, findings: Sequence[tuple[Image, Finding]]) -> CheckGroup:
    titles = [finding.title or id_ for _, finding in findings]
    heading = titles[0] if len(set(titles)) == 1 else _HEADINGS.get(id_, titles[0])
    severity = max(finding.severity for _, finding in findings)
    return CheckGroup(id_, severity, heading, tuple(findings))


# --- CSV --------------------------------------------------------------------------------------


def checks_csv(checked: Sequence[RepositoryCheck]) -> str:
    """Return a row for each finding and each check without a result, or one for a repository."""
    return table(COLUMNS, (row for check in checked for row in _rows(check)))


def _rows(check: RepositoryCheck) -> Iterator[Mapping[str, str]]:
    image = check.repository
    place = {"account": image.account, "region": image.region, "repository": image.repository}
    if check.unread is not None:
        yield place | {"record": NOT_READ, "reason": check.unread}
    elif check.is_sound:
        yield place | {"record": CLEAR}
    for finding in check.findings:
        yield place | {"record": FINDING} | _columns(finding)
    for unknown in check.unknown:
        yield place | {"record": NOT_KNOWN, "check": unknown.id, "reason": unknown.reason}
    for entry in check.suppressed:
        why = {"suppression_reason": entry.reason, "suppressed_until": entry.expires}
        yield place | {"record": SUPPRESSED} | _columns(entry.finding) | why


def _columns(finding: Finding) -> dict[str, str]:
    remedy = {name: text for name, text in finding.extra.items() if name in COLUMNS}
    return remedy | {
        "check": finding.vulnerability_id,
        "severity": finding.severity.name,
        "setting": finding.package.name,
        "value": finding.package.version or "",
        "title": finding.title or "",
        "reason": finding.description or "",
        "link": next(iter(finding.links), ""),
    }


# --- SARIF ------------------------------------------------------------------------------------


def checks_sarif(checked: Sequence[RepositoryCheck]) -> str:
    """Return one run for all repositories. It did not succeed if something is not known."""
    everything = groups([_with_suppressed(check) for check in checked])
    excluded = {
        (check.repository.key, entry.finding.vulnerability_id): entry
        for check in checked
        for entry in check.suppressed
    }
    results = [
        _result(image, finding, number, excluded.get((image.key, group.id)))
        for number, group in enumerate(everything)
        for image, finding in group.findings
    ]
    run = {
        "tool": driver([_rule(group) for group in everything]),
        "automationDetails": details("repositories"),
        "invocations": [_invocation(checked)],
        "results": results,
        "columnKind": "unicodeCodePoints",
    }
    return log([run])


def _with_suppressed(check: RepositoryCheck) -> RepositoryCheck:
    findings = (*check.findings, *(entry.finding for entry in check.suppressed))
    return RepositoryCheck(check.repository, findings)


def _invocation(checked: Sequence[RepositoryCheck]) -> dict[str, Any]:
    notes = [
        {"level": "error", "message": {"text": one_line(f"{check.repository.key}: {text}")}}
        for check in checked
        for text in _unknowns(check)
    ]
    return {"executionSuccessful": not notes} | (
        {"toolExecutionNotifications": notes} if notes else {}
    )


def _unknowns(check: RepositoryCheck) -> Iterator[str]:
    if check.unread is not None:
        yield check.unread
    for unknown in check.unknown:
        yield f"{unknown.id}: {unknown.reason}"


def _rule(group: CheckGroup) -> dict[str, Any]:
    _, finding = group.findings[0]
    link = next(iter(finding.links), None)
    rule: dict[str, Any] = {
        "id": group.id,
        "name": "".join(map(str.capitalize, group.id.split("-"))),
        "shortDescription": {"text": _text(group.heading)},
        "fullDescription": {"text": _text(finding.description) or _text(group.heading)},
        "help": {"text": _text(finding.remediation) or _text(group.heading)},
        "defaultConfiguration": {"level": LEVELS[group.severity]},
        "properties": {
            "tags": ["security", "configuration", group.severity.name],
            "precision": "very-high",
            "security-severity": security_severity(group.severity),
        },
    }
    return rule | {"helpUri": link} if link else rule


def _result(
    image: Image, finding: Finding, rule: int, excluded: Suppressed | None
) -> dict[str, Any]:
    name = one_line(image.repository) or "repository"
    result: dict[str, Any] = {
        "ruleId": finding.vulnerability_id,
        "ruleIndex": rule,
        "level": LEVELS[finding.severity],
        "message": {"text": f"{name}: {_text(finding.title)}. {_text(finding.description)}"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(name.encode("utf-8", "replace"))},
                    "region": {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 1},
                },
                "logicalLocations": [{"name": name, "fullyQualifiedName": one_line(image.key)}],
            }
        ],
        "partialFingerprints": fingerprints(image.key, finding.vulnerability_id),
        "properties": {
            "setting": finding.package.name,
            "value": finding.package.version,
            **finding.extra,
        },
    }
    if excluded is not None:
        result["suppressions"] = [
            {"kind": "external", "status": "accepted", "justification": _text(excluded.reason)}
        ]
    return result


def _text(value: str | None) -> str:
    return truncate(clean(value or "").strip(), MAX_TEXT)


CHECK_EXPORTS: Final[Mapping[str, Callable[[Sequence[RepositoryCheck]], str]]] = MappingProxyType(
    {"csv": checks_csv, "sarif": checks_sarif}
)
"""Writers by the name that `audit --format` takes."""
