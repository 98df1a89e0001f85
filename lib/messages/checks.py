"""The one sentence about a check of a repository, or about a tag that moved. Pure."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from lib.checks import settings as checks
from lib.checks.tags import MOVED
from lib.models import Alert, AnyReport, BasisKind, Change, Comparison, Finding, Report, ScanSource
from lib.text import one_line, truncate

_TITLE: Final = 160
_LISTED: Final = 4
_DIGEST: Final = 19

_FIXED: Final[Mapping[str, str]] = MappingProxyType(
    {
        checks.TAG_MUTABILITY: "tags are immutable now",
        checks.SCAN_ON_PUSH: "images are scanned when they are pushed now",
        checks.NOT_SCANNED: "the newest image is scanned now",
        checks.LIFECYCLE_MISSING: "there is a lifecycle policy now",
        checks.LIFECYCLE_INVALID: "the lifecycle policy is valid now",
        checks.LIFECYCLE_UNTAGGED: "untagged images are deleted now",
        checks.LIFECYCLE_OLD: "old images are deleted now",
        checks.ENCRYPTION: "it is encrypted with a key of KMS now",
    }
)


def is_check(about: Alert | AnyReport) -> bool:
    """Return whether an alert or a report is about a repository itself, or a tag of it."""
    return about.scan.source is ScanSource.REPOSITORY


def is_move(alert: Alert) -> bool:
    """Whether it only says that a tag moved."""
    return is_check(alert) and alert.scan.status == MOVED


def verdict(
    report: Report,
    comparison: Comparison | None,
    listed: Sequence[Change],
    resolved: Sequence[Change],
) -> str:
    """Return what is wrong, what is new of it, and what was fixed."""
    if report.scan.status == MOVED:
        return " and ".join(moved(finding) for finding in report.findings)
    first = comparison is None or comparison.basis.kind is BasisKind.NONE
    pieces = []
    if listed:
        pieces.append(wrong([change.finding for change in listed], first=first))
    if resolved:
        pieces.append(fixed([change.finding.vulnerability_id for change in resolved]))
    left = len(report.findings) - len(listed)
    if not report.findings:
        pieces.append("all is as it should be")
    elif left > 0 and not first:
        many = f"{left} settings are" if left > 1 else "1 setting is"
        pieces.append(f"{many} still not as {'they' if left > 1 else 'it'} should be")
    elif not pieces:
        pieces.append("nothing of what is asked for here is wrong")
    text = "; ".join(pieces)
    return text[:1].upper() + text[1:]


def how_it_stands(alert: Alert) -> str:
    """Return what is wrong now in one line."""
    if is_move(alert):
        return " and ".join(moved(change.finding) for change in alert.standing) or "a tag moved"
    if alert.standing:
        return wrong([change.finding for change in alert.standing], first=True)
    if alert.total:
        return "nothing of what is asked for here is wrong"
    return "all settings are as they should be"


def moved(finding: Finding) -> str:
    """Return where a tag points to now, and where it pointed before."""
    before, after = finding.package.version or "", finding.package.path or ""
    return (
        f"The tag {truncate(one_line(finding.package.name), _TITLE)} moved: "
        f"{after[:_DIGEST]} instead of {before[:_DIGEST]}"
    )


def wrong(findings: Sequence[Finding], *, first: bool) -> str:
    """Return which settings deviate. `first`: at the first check, or all that deviate now."""
    since = "" if first else " since the last check"
    titles = f"{since}: {_and([_title(finding) for finding in findings])}"
    if len(findings) == 1:
        return f"1 setting of this repository is not as it should be{titles}"
    return f"{len(findings)} settings of this repository are not as they should be{titles}"


def fixed(ids: Sequence[str]) -> str:
    """Return which settings are as they should be now, by the ids of their checks."""
    endings = [_FIXED.get(id_, f"{id_} is as it should be now") for id_ in ids]
    return f"{len(ids)} fixed: {_and(endings)}"


def _title(finding: Finding) -> str:
    return truncate(one_line(finding.title or finding.vulnerability_id), _TITLE)


def _and(words: Sequence[str]) -> str:
    if len(words) > _LISTED:
        return ", ".join((*words[:_LISTED], f"and {len(words) - _LISTED} more"))
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))
