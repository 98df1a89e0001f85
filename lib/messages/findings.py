"""The findings of an alert in words: the counts, and lists under titles. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from lib.checks.settings import MANAGER
from lib.messages import checks
from lib.messages.parts import Row, Section, SectionKind
from lib.messages.phrases import LIKELY, NAME, counts_text, names_text, percent, severity_text
from lib.models import Alert, BasisKind, Change, ChangeKind, Counts, Finding, by_severity
from lib.text import capitalized, one_line, short, truncate
from lib.urls.advisories import vulnerability_url

_REASON: Final = 160
_NOTE: Final = 1000
EXPLOIT_KNOWN: Final = "exploit known"
EXPLOITED: Final = "exploited in the wild"
_USUAL: Final = (ChangeKind.UNCHANGED, ChangeKind.BASELINE)


# --- in one line ------------------------------------------------------------------------------


def totals(alert: Alert) -> str:
    """Return the counts of the whole scan, whatever of it is listed."""
    if checks.is_check(alert):
        if not alert.total:
            return "All settings are as they should be"
        return f"All results: {counts_text(alert.counts)} ({alert.total:,} in all)"
    if not alert.total:
        return "No findings" if alert.scan.complete else "No findings in an incomplete list"
    return f"All findings: {counts_text(alert.counts)} ({alert.total:,} in all)"


def state(alert: Alert, counts: Counts) -> str:
    """
    Return what is open now in one line, and no more of an all-clear than is true.

    `counts`: of what is open.
    """
    if checks.is_check(alert):
        return checks.how_it_stands(alert)
    if alert.standing:
        fixable = sum(change.finding.fixable for change in alert.standing)
        tail = f", {fixable:,} fixable" if fixable else ""
        return f"{counts_text(counts)} open{tail}"
    if alert.total:
        return "nothing open of what is asked for here"
    return totals(alert).replace("No", "no", 1)


def why(alert: Alert) -> str:
    """Return in one line what makes the open findings likelier to hurt."""
    findings = [change.finding for change in alert.standing]
    if not findings:
        return ""
    wild = sum(finding.exploit_observed_at is not None for finding in findings)
    exploitable = sum(finding.exploitable for finding in findings) - wild
    epss = max((finding.epss for finding in findings if finding.epss is not None), default=0.0)
    used = alert.image.in_use_count
    pieces = (
        f"{wild:,} exploited in the wild" if wild else "",
        f"{exploitable:,} with a known exploit" if exploitable else "",
        f"EPSS up to {percent(epss)}" if epss >= LIKELY else "",
        f"in use by {used:,} {'task or pod' if used == 1 else 'tasks or pods'}" if used else "",
    )
    return capitalized(", ".join(filter(None, pieces)))


# --- lists ------------------------------------------------------------------------------------


def sections(alert: Alert, rows: int) -> tuple[Section, ...]:
    """Return what is new, what is still there (where asked for), and what is resolved."""
    groups: dict[SectionKind, list[Change]] = {}
    for change in alert.changes:
        groups.setdefault(_kind(change.kind, alert.basis.kind), []).append(change)
    return tuple(
        _section(kind, _shared_reason(groups[kind]), groups[kind], by_severity(groups[kind]), rows)
        for kind in SectionKind
        if kind in groups
    )


def open_section(alert: Alert, counts: Counts, rows: int) -> Section:
    """Return all that is open now; remarks are for what is special about it, like being new."""
    reasons = Counter(change.reason for change in alert.standing if change.kind in _USUAL)
    note = reasons.most_common(1)[0][0] if reasons else ""
    return _section(SectionKind.OPEN, note, alert.standing, counts, rows)


def _kind(kind: ChangeKind, basis: BasisKind) -> SectionKind:
    match kind:
        case ChangeKind.RESOLVED:
            return SectionKind.RESOLVED
        case ChangeKind.UNCHANGED:
            return SectionKind.STILL_THERE
        case _:
            return SectionKind.FOUND if basis is BasisKind.NONE else SectionKind.NEW


def _shared_reason(changes: Sequence[Change]) -> str:
    reason, number = Counter(change.reason for change in changes).most_common(1)[0]
    return reason if number * 2 > len(changes) else ""


def _section(
    kind: SectionKind, note: str, changes: Sequence[Change], counts: Counts, rows: int
) -> Section:
    shown = tuple(_row(change, kind, note) for change in changes[:rows])
    return Section(kind, truncate(one_line(note), _NOTE), shown, counts)


def _row(change: Change, kind: SectionKind, note: str) -> Row:
    finding = change.finding
    return Row(
        level=finding.severity,
        severity=severity_text(finding),
        name=short(finding.vulnerability_id),
        url=vulnerability_url(finding),
        installed=_installed(finding),
        fix=fix(finding),
        remarks=tuple(_remarks(change, kind, note)),
    )


def _remarks(change: Change, kind: SectionKind, note: str) -> Iterable[str]:
    """Yield why a finding is mentioned, unless the note says so, and what is special about it."""
    reason = _reason(change, kind, note)
    remarks = [reason] if reason else []
    if change.finding.package.manager != MANAGER:
        remarks += _particulars(change)
    return (truncate(one_line(remark), _REASON) for remark in remarks)


def _reason(change: Change, kind: SectionKind, note: str) -> str:
    if kind is SectionKind.OPEN and change.kind is ChangeKind.NEW:
        return "new"
    return change.reason if change.reason != note else ""


def _particulars(change: Change) -> Iterable[str]:
    finding = change.finding
    if finding.exploit_observed_at is not None:
        yield EXPLOITED
    elif finding.exploitable and change.kind is not ChangeKind.EXPLOIT_KNOWN:
        yield EXPLOIT_KNOWN
    if finding.epss is not None and finding.epss >= LIKELY:
        yield f"EPSS {percent(finding.epss)}"
    if finding.package.path:
        yield f"in {short(finding.package.path, NAME)}"
    if finding.platforms:
        yield f"only on {names_text(finding.platforms)}"


def fix(finding: Finding) -> str:
    """Return what is known about a fix; empty where the source does not say."""
    if finding.package.manager == MANAGER:
        # A setting has no version; what is wrong with it says more.
        return truncate(one_line(finding.title or ""), _REASON)
    if finding.fixed_version is not None:
        return f"fixed in {truncate(one_line(finding.fixed_version), NAME)}"
    if finding.fixable:
        return "a fix exists, its version is not named"
    return "no fix available" if finding.fix_available == "NO" else ""


def _installed(finding: Finding) -> str:
    version = truncate(one_line(finding.package.version or ""), NAME)
    return f"{short(finding.package.name)} {version}".rstrip()
