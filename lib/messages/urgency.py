"""How soon somebody should look at what is news, and what is known of exploits. Pure."""

from collections.abc import Collection, Sequence
from typing import Final

from lib.checks.moved_tags import TAG_MOVED
from lib.core.disputes import dispute_of
from lib.core.scanners import scanner_of
from lib.messages.advising import is_about_kernel
from lib.messages.content import Content, Entry, source_of
from lib.messages.describing import NEEDS_LOCAL, needs_local_access
from lib.messages.levels import HIGH, LOW, MEDIUM, Urgency
from lib.messages.phrases import LIKELY, NAME, counts_text, percent, severity_word
from lib.messages.sections import EXPLOIT_KNOWN, EXPLOITED, KINDS, NAMED, says_exploit
from lib.models import Severity
from lib.text import capitalized, first, short

UNPATCHED: Final = "if the hosts run an unpatched kernel"
CHECK_HOSTS: Final = "check the hosts{of}{today}"
TODAY: Final = " today"
ONCE_PATCHED: Final = "once they are patched"
_UNEXPECTED: Final = "if nobody meant to push it"
_WHO_PUSHED: Final = "find out today who pushed it"
_IF_MEANT: Final = "if that was meant"
_NO_EXPLOITS: Final = "no public exploit known"
_UNKNOWN, _NONE_KNOWN = "unknown", "none known"
_RUNNING: Final = "running now"
_RISKS: Final = "the risk of {} platforms is unknown"


def urgency(content: Content) -> Urgency | None:
    """
    Return how soon somebody should look at what is news; None where nothing is.

    An attack that was seen, CRITICAL, and HIGH with an exploit are for today; HIGH without one is
    for these days. Everything milder waits for working hours. So does what nobody scanned or
    rated, which is between the two. A kernel is urgent for the hosts alone, and where theirs has
    the fault.
    """
    news = [
        entry
        for kind, entries in content.changes.items()
        if KINDS[kind].is_news
        for entry in entries
    ]
    if not (news or content.conditions):
        return None
    if not news:
        return Urgency(MEDIUM, _risk(content), exploits=_exploits(content), waits=True)
    if content.is_check:
        return _of_settings(content, news)
    level, reason = _urgency(news)
    exploits = _exploits(content)
    worst = max(entry.severity for entry in news)
    decisive = [entry for entry in news if entry.exploited or entry.severity is worst]
    waits = worst is Severity.UNKNOWN and level == MEDIUM
    is_urgent = level != LOW and not waits
    is_hosts = is_urgent and all(map(is_about_kernel, decisive))
    is_running = is_urgent and any(image.running for image in content.state.images)
    reason = f"{reason}, {NEEDS_LOCAL}" if is_hosts and _is_local(content) else reason
    reason = f"{reason}, {_RUNNING}" if is_running else reason
    remark = "" if waits else _remark(content, exploits)
    reason = f"{reason}; {remark}" if remark else reason
    if is_hosts:
        return Urgency(
            level,
            reason,
            UNPATCHED,
            exploits,
            LOW,
            check=CHECK_HOSTS.format(of="", today=TODAY if level == HIGH else ""),
            once=ONCE_PATCHED,
            code="hosts_kernel_unpatched",
        )
    return Urgency(level, reason, exploits=exploits, waits=waits)


def _is_local(content: Content) -> bool:
    """Return whether all kernel vulnerabilities with an exploit say that it needs local access."""
    entries = [one for one in content.everything if one.exploitable and is_about_kernel(one)]
    return bool(entries) and all(needs_local_access(entry.findings) for entry in entries)


def _remark(content: Content, exploits: str) -> str:
    """Return that no exploit is known, or why that is not; empty where there is one."""
    if exploits == _UNKNOWN:
        scanner = scanner_of(source_of(content))
        name = scanner.name if scanner.product else "the scanner"
        verb = "gave" if scanner.knows_exploits else "has"
        return f"{name} {verb} no exploit data"
    return _NO_EXPLOITS if exploits == _NONE_KNOWN else ""


def _risk(content: Content) -> str:
    """Return what nobody knows without a result; a title says which one is missing."""
    if content.is_check:
        return "its settings are unknown"
    return (
        "the risk is unknown"
        if len(content.conditions) == 1
        else _RISKS.format(len(content.conditions))
    )


def _of_settings(content: Content, news: Sequence[Entry]) -> Urgency:
    """
    Return how soon to look at settings, or at a tag that moved.

    A setting that is not as it should be is no attack. A tag that must not move may be one.
    """
    exploits = _exploits(content)
    if any(entry.id == TAG_MOVED for entry in news):
        reason = "the tag was not to move"
        return Urgency(
            HIGH,
            reason,
            _UNEXPECTED,
            exploits,
            LOW,
            check=_WHO_PUSHED,
            once=_IF_MEANT,
            code="push_not_expected",
        )
    worst = max(entry.severity for entry in news)
    number = sum(entry.severity is worst for entry in news)
    what = "setting, not a vulnerability" if number == 1 else "settings, not vulnerabilities"
    level = MEDIUM if worst >= Severity.HIGH else LOW
    return Urgency(level, f"{counts_text({worst: number})} {what}", exploits=exploits)


def _urgency(news: Sequence[Entry]) -> tuple[str, str]:
    """Return the level of urgency, and its reason."""
    worst = max(entry.severity for entry in news)
    if any(entry.exploited for entry in news):
        return HIGH, EXPLOITED
    is_exploitable = any(entry.exploitable and entry.severity is worst for entry in news)
    decisive = {entry.id: entry for entry in news if entry.severity is worst}
    number = f"{counts_text({worst: len(decisive)})}{_disputed(decisive.values())}"
    exploit = f", {EXPLOIT_KNOWN}" if is_exploitable else ""
    if worst is Severity.CRITICAL:
        return HIGH, f"{number}{exploit}"
    if worst is Severity.HIGH and exploit:
        return HIGH, EXPLOIT_KNOWN
    if worst is Severity.HIGH:
        return MEDIUM, number
    if worst is Severity.UNKNOWN:
        return MEDIUM, "no severity given"
    is_rated = all(entry.severity is not Severity.UNKNOWN for entry in news)
    return LOW, f"highest severity {'' if is_rated else 'given '}{worst.name}"


def _disputed(entries: Collection[Entry]) -> str:
    """Return ", 1 disputed by the vendor"; without the number where all are; empty for none."""
    disputes = [dispute for one in entries if (dispute := dispute_of(one.findings)) is not None]
    if not disputes:
        return ""
    number = f"{len(disputes):,} " if len(disputes) < len(entries) else ""
    return f", {number}{max(disputes)}"


def why(content: Content) -> str:
    """Return in one line what makes the open vulnerabilities likelier to hurt."""
    entries = content.everything
    wild = [entry for entry in entries if entry.exploited]
    exploitable = [entry for entry in entries if entry.exploitable and not entry.exploited]
    epss = max((entry.epss for entry in entries), default=0.0)
    scanner = scanner_of(source_of(content))
    says = f" (according to {scanner.name if scanner.product else 'the scanner'})"
    pieces = (
        f"{EXPLOITED}{says}: {_named(wild)}" if wild else "",
        f"{EXPLOIT_KNOWN}{says}: {_named(exploitable)}" if exploitable else "",
        f"EPSS up to {percent(epss)} within 30 days" if epss >= LIKELY else "",
        _RUNNING if entries and any(image.running for image in content.state.images) else "",
    )
    return capitalized("; ".join(filter(None, pieces)))


def _named(entries: Sequence[Entry]) -> str:
    """Return the first vulnerabilities with their severities, and how many more there are."""
    shown = first(entries, NAMED)
    names = [f"{short(entry.id, NAME)} ({severity_word(entry.severity)})" for entry in shown]
    more = len(entries) - len(names)
    return ", ".join(names) + (f" and {more:,} more" if more else "")


def _exploits(content: Content) -> str:
    """Return what the scanner knows of exploits of all that is open."""
    entries = content.everything
    if any(entry.exploited for entry in entries):
        return EXPLOITED
    if any(entry.exploitable for entry in entries):
        return "public"
    is_known = any(says_exploit(row) for entry in entries for row in entry.findings)
    return _NONE_KNOWN if is_known else _UNKNOWN
