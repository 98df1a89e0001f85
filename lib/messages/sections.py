"""The lists of a notice: vulnerabilities with their packages, by kind. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from lib.checks.findings import MANAGER
from lib.messages.content import Content, Entry, counts_of
from lib.messages.parts import Omissions, Row, Section, SectionKind
from lib.messages.phrases import (
    LIKELY,
    NAME,
    counts_text,
    names_text,
    percent,
    severity_text,
    severity_word,
)
from lib.messages.verdict import sentence
from lib.models import Counts, Finding, Omission, ScanSource
from lib.models.streams import PackageVersion
from lib.models.views import Kind
from lib.text import capitalized, counted, one_line, short, truncate
from lib.urls.advisories import vulnerability_url

EXPLOIT_KNOWN: Final = "exploit known"
EXPLOITED: Final = "exploited in the wild"
_REASON: Final = 200
_NOTE: Final = 1000
_PACKAGES: Final = 2
_NO_DATA: Final = "no exploit data from basic scanning"
_KINDS: Final[Mapping[Kind, SectionKind]] = MappingProxyType(
    {
        Kind.BASELINE: SectionKind.FOUND,
        Kind.NEW: SectionKind.NEW,
        Kind.RAISED: SectionKind.RAISED,
        Kind.EXPLOIT_KNOWN: SectionKind.EXPLOIT_KNOWN,
        Kind.FIX_AVAILABLE: SectionKind.FIX_AVAILABLE,
        Kind.DEPLOYED: SectionKind.DEPLOYED,
        Kind.SUPPRESSION_ENDED: SectionKind.SUPPRESSION_ENDED,
        Kind.RULES_CHANGED: SectionKind.RULES_CHANGED,
        Kind.FIX_READY: SectionKind.FIX_READY,
        Kind.RESOLVED: SectionKind.FIXED,
        Kind.NO_LONGER_REPORTED: SectionKind.NO_LONGER_REPORTED,
    }
)


def sections(content: Content, rows: int) -> tuple[Section, ...]:
    """Return what the delta names by kind, then what ended quietly since the last message."""
    listed = [
        _section(content, _KINDS[kind], entries, rows) for kind, entries in content.changes.items()
    ]
    if content.quietly_ended:
        listed.append(_section(content, SectionKind.QUIETLY_ENDED, content.quietly_ended, rows))
    return tuple(listed)


def open_section(content: Content, rows: int) -> Section:
    """Return all that is reported and open now, news or not."""
    shown = tuple(_row(content, entry, "", _word(entry)) for entry in content.open[:rows])
    return Section(SectionKind.OPEN, "", shown, counts_of(content.open))


def left_out(content: Content) -> Omissions:
    """Return what is open and not in the lists, by its reason."""
    groups = [Omission("reported before, unchanged", content.unchanged)]
    groups = [group for group in groups if group.count] + _omitted(content)
    terms = [f"{content.shown:,} shown"]
    terms += [f"{content.unchanged:,} unchanged"] if content.unchanged else []
    return _omissions(content, groups, terms)


def not_open(content: Content) -> Omissions:
    """Return what a list of everything reported does not have, by its reason."""
    return _omissions(content, _omitted(content), [f"{len(content.open):,} reported"])


def why(content: Content) -> str:
    """Return in one line what makes the open vulnerabilities likelier to hurt."""
    entries = content.open
    wild = sum(_exploited(entry) for entry in entries)
    exploitable = sum(entry.exploitable for entry in entries) - wild
    epss = max((entry.epss for entry in entries), default=0.0)
    pieces = (
        f"{wild:,} {EXPLOITED}" if wild else "",
        f"{exploitable:,} with a known exploit" if exploitable else "",
        f"EPSS up to {percent(epss)}" if epss >= LIKELY else "",
        "running now" if entries and any(image.running for image in content.state.images) else "",
    )
    no_data = entries and not wild + exploitable and _is_basic(content)
    return capitalized(", ".join(filter(None, (*pieces, _NO_DATA if no_data else ""))))


def _is_basic(content: Content) -> bool:
    """Return whether all results are of basic scanning, which says nothing about exploits."""
    parts = (part for image in content.state.images for part in image.parts)
    return all(row.source is ScanSource.ECR_BASIC for part in parts for row in part.evidence)


def _omitted(content: Content) -> list[Omission]:
    return [
        Omission(
            truncate(one_line(f"{_levels(group.counts)}: {group.reason}"), _REASON),
            sum(group.counts.values()),
        )
        for group in content.left_out
    ]


def _levels(counts: Counts) -> str:
    """Return the only severity by its word, several with their counts."""
    return f"({counts_text(counts)})" if len(counts) > 1 else severity_word(next(iter(counts)))


def _omissions(content: Content, groups: list[Omission], terms: list[str]) -> Omissions:
    others = sum(sum(group.counts.values()) for group in content.left_out)
    terms += [f"{others:,} not asked for"] if others else []
    total = sum(content.totals.values())
    is_check = content.image.is_repository
    noun, plural = ("finding", "findings") if is_check else ("vulnerability", "vulnerabilities")
    account = f"{counted(total, noun, plural)} open"
    return Omissions(tuple(groups), f"{account}: {', '.join(terms)}" if total else account)


def _section(content: Content, kind: SectionKind, entries: Sequence[Entry], rows: int) -> Section:
    note = _shared_reason(entries)
    shown = tuple(
        _row(content, entry, note, "" if _reason(entry) == note else _reason(entry))
        for entry in entries[:rows]
    )
    return Section(kind, truncate(sentence(one_line(note)), _NOTE), shown, counts_of(entries))


def _shared_reason(entries: Sequence[Entry]) -> str:
    reason, number = Counter(map(_reason, entries)).most_common(1)[0]
    return reason if number * 2 > len(entries) else ""


def _reason(entry: Entry) -> str:
    if entry.change is None:
        return ""
    is_first = entry.change.kind is Kind.BASELINE
    return "first scan, nothing to compare with" if is_first else entry.change.reason


def _word(entry: Entry) -> str:
    """Return the kind of an item that is news, in a word or two."""
    if entry.change is None or entry.change.kind is Kind.BASELINE:
        return ""
    section = _KINDS[entry.change.kind]
    return "new" if section is SectionKind.NEW else section.value.lower()


def _row(content: Content, entry: Entry, note: str, reason: str) -> Row:
    worst = next(iter(entry.findings), None)
    return Row(
        level=entry.severity,
        severity=_severity(entry, worst),
        name=short(entry.id),
        url=vulnerability_url(worst) if worst is not None else None,
        installed=installed_text(entry.packages),
        fix=fix_text(entry.findings),
        remarks=tuple(
            truncate(one_line(remark), _REASON)
            for remark in _remarks(content, entry, note, reason)
            if remark
        ),
    )


def _severity(entry: Entry, worst: Finding | None) -> str:
    if worst is not None and worst.severity is entry.severity:
        return severity_text(worst)
    return entry.severity.name


def installed_text(packages: Sequence[PackageVersion]) -> str:
    """Return the first packages with their versions, and how many more there are."""
    names = [
        f"{short(package.name)} {truncate(one_line(package.version), NAME)}".rstrip()
        for package in packages
    ]
    more = len(names) - _PACKAGES
    tail = f" and {counted(more, 'more package')}" if more > 0 else ""
    return ", ".join(names[:_PACKAGES]) + tail


def fix_text(findings: Sequence[Finding]) -> str:
    """Return what is known about fixes, package by package where they differ."""
    texts = {finding.package.name: fix(finding) for finding in findings}
    if len(set(texts.values())) <= 1:
        return next(iter(texts.values()), "")
    fixable = {finding.package.name for finding in findings if finding.fixable}
    named = [f"{short(name, NAME)} {text}" for name, text in texts.items() if text]
    if len(named) > _PACKAGES:
        return f"fixable in {len(fixable)} of {counted(len(texts), 'package')}"
    return ", ".join(named)


def _remarks(content: Content, entry: Entry, note: str, reason: str) -> Iterable[str]:
    """Yield why a vulnerability is listed, unless the note says so, and what is special."""
    yield reason
    rows = entry.findings
    if any(row.package.manager == MANAGER for row in rows):
        return
    kind = entry.change.kind if entry.change is not None else None
    if _exploited(entry):
        yield EXPLOITED
    elif entry.exploitable and kind is not Kind.EXPLOIT_KNOWN:
        yield EXPLOIT_KNOWN
    if entry.epss >= LIKELY:
        yield f"EPSS {percent(entry.epss)}"
    behind = [content.name_of(image) for image in entry.images if image.key != content.image.key]
    if behind and not any(name in reason or name in note for name in behind):
        yield f"in {names_text(behind)}"
    platforms = tuple(dict.fromkeys(name for row in rows for name in row.platforms))
    if platforms and all(row.platforms for row in rows):
        yield f"only on {names_text(platforms)}"


def _exploited(entry: Entry) -> bool:
    return any(row.exploit_observed_at is not None for row in entry.findings)


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
