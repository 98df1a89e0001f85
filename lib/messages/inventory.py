"""The words of the page's table, which has every vulnerability that is known. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol

from lib.checks.findings import MANAGER
from lib.core.disputes import dispute_of
from lib.core.routing import UNRATED
from lib.core.upgrades import is_kernel
from lib.core.vulnerabilities import ByName
from lib.messages.comparing import cause, is_rescan
from lib.messages.content import Content, packages_of
from lib.messages.describing import score_text, what_it_is
from lib.messages.endings import FIX
from lib.messages.phrases import percent, severity_name, severity_text
from lib.messages.sections import (
    EXPLOIT_KNOWN,
    EXPLOITED,
    ONLY_FOR,
    fix_text,
    fixes_text,
    installed_text,
)
from lib.messages.titles import NEW, NOT_NAMED
from lib.models import Finding, Severity
from lib.models.streams import Vulnerability
from lib.models.views import Kind
from lib.text import capitalized, counted, one_line, short, truncate

OPEN_BEFORE: Final = "open before"
CHANGES: Final[Mapping[Kind, str]] = MappingProxyType(
    {
        Kind.BASELINE: "first scan",
        Kind.NEW: NEW,
        Kind.RAISED: "raised",
        Kind.EXPLOIT_KNOWN: "exploit now public",
        Kind.FIX_AVAILABLE: "fix available",
        Kind.DEPLOYED: "started to run",
        Kind.SUPPRESSION_ENDED: "no longer accepted",
        Kind.RULES_CHANGED: "rules changed",
        Kind.FIX_READY: "fixed, not deployed everywhere",
        Kind.RESOLVED: "fixed",
        Kind.NO_LONGER_REPORTED: "no longer reported",
        Kind.UNCHANGED: OPEN_BEFORE,
    }
)
SUPPRESSED: Final = "accepted"
NO_EXPLOIT: Final = "none known"
UNKNOWN: Final = "unknown"
_PATH: Final = 3000
_BEFORE: Final = "reported before"
_NEWLY_REPORTED: Final = "newly reported for this image"
CLOSED: Final = "closed at the source"
CHECK_HOSTS: Final = "check the hosts"
_PLAINER: Final[Mapping[str, str]] = MappingProxyType({UNRATED: "the scanner gave no severity"})
"""By a refusal of `lib.core.routing`."""
EXPLOITS: Final = ("", EXPLOIT_KNOWN, EXPLOITED)
"""By what is known of one: nothing, that it exists, that it was seen."""


class _Row(Protocol):
    @property
    def findings(self) -> tuple[Finding, ...]: ...


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its label."""

    number: str
    label: str
    filter: str
    """The box of the table that chooses these rows."""


def columns(names: tuple[str, str], *, is_check: bool) -> tuple[tuple[str, str], ...]:
    """Return names and titles of the table's columns. `names`: what identifies a finding."""
    identity, place = names
    return (
        ("severity", "Severity"),
        ("id", identity),
        ("package", place),
        ("fixed", "Fix"),
        ("exploit", "Exploit"),
        ("change", "Change"),
        ("since", "Since" if is_check else "First reported for this image"),
    )


def figures(rows: Sequence[_Row], verdict: str = "") -> list[Figure]:
    """
    Return how many rows can be fixed or exploited, as far as sources say; none is a zero.

    `verdict`: of the same page. The fix of a single row is not said twice.
    """
    groups = [row.findings for row in rows]
    is_said = len(groups) == 1 and FIX in verdict
    numbers = (
        (0 if is_said else sum(map(has_fix, groups)), ("has a fix", "have a fix"), "fixable"),
        (sum(map(is_of_hosts, groups)), ("in the kernel: check the hosts",) * 2, "hosts"),
        (
            sum(map(bool, map(exploit_level, groups))),
            ("has a public exploit", "have a public exploit"),
            "exploit",
        ),
    )
    return [
        Figure(f"{number:,}", labels[number > 1], box) for number, labels, box in numbers if number
    ]


def has_fix(findings: Sequence[Finding]) -> bool:
    """Return whether a new image fixes a row, as far as the scanner knows."""
    is_apart = is_of_hosts(findings) or _is_setting(findings)
    return not is_apart and any(finding.fixable for finding in findings)


def is_of_hosts(findings: Sequence[Finding]) -> bool:
    """Return whether a row is about the kernel, which is that of the hosts."""
    return all(is_kernel(finding.package.name) for finding in findings)


def _closed(finding: Finding) -> tuple[str, str]:
    """Return that the source itself closed or suppressed a finding, in its own word."""
    return CLOSED, f"its source lists it as {str(finding.source_status).lower()}"


class Outcomes:
    """The kind and reason of each vulnerability of a message, in words."""

    def __init__(self, content: Content) -> None:
        message = content.message
        delta = message.delta
        self._changes = ByName((item.item.id, item.item.names, item) for item in delta.items)
        self._words = {**CHANGES, **({Kind.NEW: _NEWLY_REPORTED} if _is_old_news(content) else {})}
        self._reported = ByName((id_, item.names, item) for id_, item in delta.after.items())
        self._suppressed = delta.agreement.suppressed
        self._refused = message.refused
        self._entries = message.entries
        self._before = message.before
        self._opened = ByName(
            (id_, (), lifecycle.opened.version)
            for id_, lifecycle in content.state.lifecycles.items()
        )

    def of(self, group: Vulnerability, *, is_open: bool) -> tuple[str, str]:
        """Return the kind of a vulnerability in a word or two, and the reason."""
        change = self._changes.get(group.id, group.names)
        if change is not None:
            return self._words[change.kind], change.reason
        if not is_open:
            return _closed(group.findings[0])
        if self._reported.get(group.id, group.names) is not None:
            return CHANGES[Kind.UNCHANGED], _BEFORE
        if group.id in self._suppressed:
            return SUPPRESSED, self._entry(self._suppressed[group.id])
        return self._quiet_change(group), ""

    def _quiet_change(self, group: Vulnerability) -> str:
        """Return what is new about a vulnerability that the routes do not ask for."""
        if self._before is None:
            return CHANGES[Kind.BASELINE]
        opened = self._opened.get(group.id, group.names)
        is_new = opened is not None and opened > self._before.version
        return self._words[Kind.NEW] if is_new else OPEN_BEFORE

    def left_out(self, group: Vulnerability) -> str:
        """Return why a message leaves out a vulnerability; empty where it does not."""
        reason = self._refused.get(group.id, "")
        return _PLAINER.get(reason, reason)

    def _entry(self, name: str) -> str:
        terms = self._entries.get(name)
        return f"by {name}" if terms is None else f"by {name} {terms}"


def _is_old_news(content: Content) -> bool:
    """Return whether the release did not bring what is new, as the list of it says, too."""
    new = [entry for entry in content.open if entry.change and entry.change.kind is Kind.NEW]
    return is_rescan(content) or bool(cause(content, new))


def severity_cell(severity: Severity, worst: Finding) -> str:
    """Return a severity, with the source's own word where the scale has none for it."""
    return severity_text(worst) if worst.severity is severity else severity_name(severity)


def installed_cell(findings: Sequence[Finding]) -> str:
    """Return the packages with their versions."""
    return installed_text(packages_of(findings))


def fix_cell(findings: Sequence[Finding]) -> str:
    """Return what is known about fixes. A setting has no version: its commands say more."""
    if _is_setting(findings):
        return ""
    if not is_of_hosts(findings):
        return fix_text(findings)
    in_image = fixes_text(findings)
    return f"{CHECK_HOSTS} (image: {in_image})" if in_image else CHECK_HOSTS


def place_cell(finding: Finding) -> str:
    """Return a package with what fixes it and where it is, in one line."""
    package = finding.package
    platforms = ", ".join(short(name) for name in finding.platforms)
    pieces = (
        installed_cell((finding,)),
        fix_cell((finding,)),
        short(package.manager or ""),
        truncate(one_line(package.path or ""), _PATH),
        f"layer {short(package.layer)}" if package.layer else "",
        f"{ONLY_FOR}{platforms}" if platforms else "",
    )
    return ", ".join(filter(None, pieces))


def note_cell(findings: Sequence[Finding]) -> str:
    """Return the score, who disputes it, and what it is; in one line."""
    dispute = capitalized(dispute_of(findings) or "")
    notes = (score_text(findings), dispute, what_it_is(findings))
    return ". ".join(filter(None, notes))


def exploit_level(findings: Sequence[Finding]) -> int:
    """Return the place in `EXPLOITS`."""
    if any(finding.exploit_observed_at is not None for finding in findings):
        return len(EXPLOITS) - 1
    return int(any(finding.exploitable for finding in findings))


def highest_epss(findings: Sequence[Finding]) -> float | None:
    """Return the highest probability that one is exploited; None where no source names any."""
    return max((finding.epss for finding in findings if finding.epss is not None), default=None)


def exploit_cell(findings: Sequence[Finding]) -> str:
    """Return what is known about exploits, and how likely one is."""
    epss = highest_epss(findings)
    likely = "" if epss is None else f"EPSS {percent(epss)}"
    return ", ".join(filter(None, (EXPLOITS[exploit_level(findings)], likely)))


def fix_word(findings: Sequence[Finding]) -> str:
    """Return what is known about fixes, or that nothing is; an empty cell reads as "none"."""
    return fix_cell(findings) or ("" if _is_setting(findings) else NOT_NAMED)


def exploit_word(findings: Sequence[Finding]) -> str:
    """Return what is known about exploits, or that nothing is; an empty cell reads as "none"."""
    if exploit_cell(findings) or _is_setting(findings):
        return exploit_cell(findings)
    is_known = all(finding.exploit_available == "NO" for finding in findings)
    return NO_EXPLOIT if is_known else UNKNOWN


def _is_setting(findings: Sequence[Finding]) -> bool:
    """Return whether a row is about a setting of a repository, which has neither."""
    return findings[0].package.manager == MANAGER


ALL_OF_THEM: Final = "All of them:"
"""What stands before the command that lists them."""


def missing(number: int, noun: tuple[str, str]) -> str:
    """Return how many rows a table has no room for."""
    singular, plural = noun
    words = counted(number, f"more {singular}", f"more {plural}")
    verb = "are" if number > 1 else "is"
    return f"{words}, the least severe, {verb} counted above, but not listed on this page."
