"""The lists of a notice: vulnerabilities with their packages, by kind. Pure."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Final

from lib.checks.findings import MANAGER
from lib.core.arrivals import CAME_WITH_PUSH, LISTED_NOW
from lib.core.disputes import dispute_of
from lib.core.upgrades import highest_score, is_kernel, package_order, upgrade_of
from lib.messages.comparing import cause, is_rescan
from lib.messages.content import (
    Content,
    Entry,
    counts_of,
)
from lib.messages.dangers import page_of
from lib.messages.describing import score_text, what_it_is, worst_score
from lib.messages.headlines import sentence
from lib.messages.lists import PackageText, Row, Section, SectionKind
from lib.messages.omissions import is_beyond, omission_of
from lib.messages.phrases import (
    LIKELY,
    NAME,
    PUBLIC_EXPLOIT,
    USED_IN_ATTACKS,
    listed,
    names_text,
    percent,
    severity_name,
    severity_text,
)
from lib.models import Finding, Severity
from lib.models.streams import PackageVersion
from lib.models.views import Kind
from lib.text import counted, first, one_line, short, truncate
from lib.urls.advisories import vulnerability_url

EXPLOIT_KNOWN: Final = PUBLIC_EXPLOIT
EXPLOITED: Final = USED_IN_ATTACKS
ONLY_FOR: Final = "reported only for "
_FIXED_IN: Final = "fixed in "
_REASON: Final = 200
_NOTE: Final = 1000
_PACKAGES: Final = 2
_BOTH: Final = 2
NAMED: Final = 3
"""Vulnerabilities that a line names; of more it has the number."""
KINDS: Final[Mapping[Kind, SectionKind]] = MappingProxyType(
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
        _section(content, KINDS[kind], entries, rows) for kind, entries in content.changes.items()
    ]
    if content.quietly_ended:
        listed.append(_section(content, SectionKind.QUIETLY_ENDED, content.quietly_ended, rows))
    return tuple(listed)


def open_section(content: Content, rows: int) -> Section:
    """Return all that is reported and open now, news or not."""
    listed = _listed(content, SectionKind.OPEN, content.open, rows, reason=partial(_word, content))
    return _of_all(content, listed)


def says_exploit(finding: Finding) -> bool:
    """Return whether the source says anything about exploits; its silence is no all-clear."""
    return (
        finding.exploit_available is not None
        or finding.exploit_observed_at is not None
        or finding.epss is not None
    )


def _section(content: Content, kind: SectionKind, entries: Sequence[Entry], rows: int) -> Section:
    shared = _shared_reason(entries)
    not_caused = cause(content, entries)
    note = not_caused or shared
    is_old = kind is SectionKind.NEW and (not_caused or is_rescan(content))
    kind = SectionKind.NEWLY_REPORTED if is_old else kind
    # The title says it.
    note = (
        ""
        if note == (LISTED_NOW if is_old else CAME_WITH_PUSH).format(image=content.image.name)
        else note
    )

    def reason(entry: Entry) -> str:
        return "" if _reason(entry) == shared else _reason(entry)

    listed = _listed(content, kind, entries, rows, reason=reason, note=note)
    listed = _of_first(content, listed) if kind is SectionKind.FOUND else listed
    return replace(listed, note=truncate(sentence(one_line(note)), _NOTE))


def _of_first(content: Content, section: Section) -> Section:
    """Return the list of a first scan with what its destination does not ask for."""
    others = [group for group in content.left_out if is_beyond(group)]
    levels = {level for group in others for level in group.counts}
    return replace(
        section,
        beyond=tuple(map(omission_of, others)),
        is_by_level=bool(others) and levels.isdisjoint(section.counts),
    )


def _of_all(content: Content, section: Section) -> Section:
    """Return a section that says of how many open ones it lists some."""
    return replace(section, open=content.totals)


def _listed(
    content: Content,
    kind: SectionKind,
    entries: Sequence[Entry],
    rows: int,
    *,
    reason: Callable[[Entry], str],
    note: str = "",
) -> Section:
    """Return entries as rows and by package, as many of each as asked for."""
    made: dict[int, Row] = {}

    def row(entry: Entry) -> Row:
        # The first ones stand by package, too.
        if id(entry) not in made:
            made[id(entry)] = _row(content, entry, note, reason(entry))
        return made[id(entry)]

    groups = by_package(entries)
    return Section(
        kind,
        "",
        tuple(map(row, first(entries, rows))),
        counts_of(entries),
        tuple(
            _package(
                group,
                tuple(map(row, first(group, rows))),
                _shared(map(reason, group)) if kind is SectionKind.OPEN else "",
            )
            for group in first(groups, rows)
        ),
        len(groups),
    )


def by_package(entries: Sequence[Entry]) -> list[Sequence[Entry]]:
    """Return entries grouped by their packages, in the order of packages."""
    groups: defaultdict[tuple[str, ...], list[Entry]] = defaultdict(list)
    for entry in entries:
        groups[tuple(dict.fromkeys(package.name for package in entry.packages))].append(entry)
    return [group for _, group in sorted(groups.items(), key=lambda item: _order_of(*item))]


def _order_of(names: tuple[str, ...], group: Sequence[Entry]) -> tuple[object, ...]:
    return package_order(
        counts_of(group),
        " ".join(names),
        score=max(entry.score for entry in group),
        exploitable=any(entry.exploitable for entry in group),
    )


def _shared(words: Iterable[str]) -> str:
    """Return the short word that several have in common; empty where one differs."""
    every = [*words]
    word = every[0] if len({*every}) == 1 and len(every) > 1 else ""
    return word if len(word) <= NAME else ""


def _package(group: Sequence[Entry], rows: tuple[Row, ...], shared: str) -> PackageText:
    packages = list(dict.fromkeys(package for entry in group for package in entry.packages))
    findings = [finding for entry in group for finding in entry.findings]
    fixed = {finding.fixed_version for finding in findings}
    # Packages that go to the same version are one upgrade.
    numbers = {len({package.name for package in packages}), len(fixed)}
    one = findings and 1 in numbers and None not in fixed
    # A kernel in an image is not the one that runs: what to do says what its version is good for.
    is_named = one and not any(is_kernel(package.name) for package in packages)
    target = upgrade_of(findings).fixed if is_named else None
    if shared:
        # It is the first remark of each row.
        rows = tuple(row._replace(remarks=row.remarks[1:]) for row in rows)
    return PackageText(
        installed_text(packages),
        truncate(one_line(target or ""), NAME),
        counts_of(group),
        rows,
        worst_score(highest_score(findings), len(group)),
        f"{_every(group)} {shared}" if shared else "",
        _exploits(group) if len(group) > 1 else "",
    )


def _every(group: Sequence[Entry]) -> str:
    return "both" if len(group) == _BOTH else f"all {len(group):,}"


def _exploits(group: Sequence[Entry]) -> str:
    """Return which of several have an exploit; empty where none is known."""
    attacked = [entry for entry in group if entry.exploited]
    exploitable = [entry for entry in group if entry.exploitable and not entry.exploited]
    if len(attacked) == len(group):
        return f"{_every(group)} {EXPLOITED}"
    if len(exploitable) == len(group):
        return f"{_every(group)} with a {EXPLOIT_KNOWN}"
    pieces = ((EXPLOITED, attacked), (EXPLOIT_KNOWN, exploitable))
    return ", ".join(f"{word}: {_ids(entries)}" for word, entries in pieces if entries)


def _ids(entries: Sequence[Entry]) -> str:
    """Return the first names, and how many more there are."""
    names = [short(entry.id, NAME) for entry in first(entries, NAMED)]
    more = len(entries) - len(names)
    return listed([*names, *([f"{more:,} more"] if more else [])])


def _shared_reason(entries: Sequence[Entry]) -> str:
    reason, number = Counter(map(_reason, entries)).most_common(1)[0]
    return reason if number * 2 > len(entries) else ""


def _reason(entry: Entry) -> str:
    # The headline says that it is the first scan.
    if entry.change is None or entry.change.kind is Kind.BASELINE:
        return ""
    return entry.change.reason


def _word(content: Content, entry: Entry) -> str:
    """Return the kind of an item that is news, in a word or two."""
    if entry.change is None or entry.change.kind is Kind.BASELINE:
        return ""
    section = KINDS[entry.change.kind]
    is_old = section is SectionKind.NEW and (is_rescan(content) or cause(content, [entry]))
    return (SectionKind.NEWLY_REPORTED if is_old else section).value.lower()


def _row(content: Content, entry: Entry, note: str, reason: str) -> Row:
    worst = next(iter(entry.findings), None)
    fix, what = fix_text(entry.findings), what_it_is(entry.findings) if _is_told(entry) else ""
    return Row(
        level=entry.severity,
        severity=_severity(entry, worst),
        name=short(entry.id),
        url=vulnerability_url(worst) if worst is not None else page_of(content, entry),
        installed=installed_text(entry.packages),
        fix=fix,
        what="" if what == fix else what,  # what is wrong with a setting is its fix, too
        remarks=tuple(
            truncate(one_line(remark), _REASON)
            for remark in _remarks(content, entry, note, reason)
            if remark
        ),
    )


def _is_told(entry: Entry) -> bool:
    """Return whether a line about what it is helps: it is urgent, news, or about a setting."""
    is_urgent = entry.severity >= Severity.HIGH or entry.exploitable or entry.exploited
    return is_urgent or entry.is_news or any(r.package.manager == MANAGER for r in entry.findings)


def _severity(entry: Entry, worst: Finding | None) -> str:
    if worst is not None and worst.severity is entry.severity:
        return severity_text(worst)
    return severity_name(entry.severity)


def installed_text(packages: Sequence[PackageVersion]) -> str:
    """Return the first packages with their versions, and how many more there are."""
    versions: defaultdict[str, list[str]] = defaultdict(list)
    for package in packages:
        versions[short(package.name)] += [truncate(one_line(package.version), NAME)]
    names = [
        f"{name} {_versions(installed)}".rstrip()
        for name, installed in [*versions.items()][:_PACKAGES]
    ]
    more = len(versions) - len(names)
    tail = f" and {counted(more, 'more package')}" if more > 0 else ""
    return ", ".join(names) + tail


def _versions(installed: Sequence[str]) -> str:
    """Return "1.0 and 1.1" of the same package; of many the first ones."""
    shown = [version for version in installed[:_PACKAGES] if version]
    more = len(installed) - _PACKAGES
    return listed([*shown, *([counted(more, "more version")] if more > 0 else [])])


def fix_text(findings: Sequence[Finding]) -> str:
    """Return what is known about fixes; a version for a kernel in an image fixes no host."""
    text = fixes_text(findings)
    is_hosts = all(is_kernel(finding.package.name) for finding in findings)
    return "" if is_hosts and text.startswith(_FIXED_IN) else text


def fixes_text(findings: Sequence[Finding]) -> str:
    """Return what is known about fixes in an image, package by package where they differ."""
    texts = {finding.package.name: fix(finding) for finding in findings}
    if len(set(texts.values())) <= 1:
        return next(iter(texts.values()), "")
    fixable = {finding.package.name for finding in findings if finding.fixable}
    named = [f"{short(name, NAME)} {text}" for name, text in texts.items() if text]
    if len(named) > _PACKAGES:
        return f"fix available in {len(fixable)} of {counted(len(texts), 'package')}"
    return ", ".join(named)


def _remarks(content: Content, entry: Entry, note: str, reason: str) -> Iterable[str]:
    """Yield why a vulnerability is listed, unless the note says so, and what is special."""
    yield reason
    rows = entry.findings
    if any(row.package.manager == MANAGER for row in rows):
        return
    kind = entry.change.kind if entry.change is not None else None
    if entry.exploited:
        yield EXPLOITED
    elif entry.exploitable and kind is not Kind.EXPLOIT_KNOWN:
        yield EXPLOIT_KNOWN
    if entry.epss >= LIKELY:
        yield f"EPSS {percent(entry.epss)}"
    yield score_text(rows)
    yield dispute_of(rows) or ""
    behind = [content.name_of(image) for image in entry.images if image.key != content.image.key]
    if behind and not any(name in reason or name in note for name in behind):
        yield f"in {names_text(behind)}"
    platforms = tuple(dict.fromkeys(name for row in rows for name in row.platforms))
    if platforms and all(row.platforms for row in rows):
        yield f"{ONLY_FOR}{names_text(platforms)}"


def fix(finding: Finding) -> str:
    """Return what is known about a fix; empty where the source does not say."""
    if finding.package.manager == MANAGER:
        # A setting has no version; what is wrong with it says more.
        return truncate(one_line(finding.title or ""), _REASON)
    if finding.fixed_version is not None:
        return f"{_FIXED_IN}{truncate(one_line(finding.fixed_version), NAME)}"
    if finding.fixable:
        return "a fix exists, its version is not named"
    return "no fix yet" if finding.fix_available == "NO" else ""
