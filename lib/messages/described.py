"""The upgrades to versions that descriptions name where the scanner names none. Pure."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from lib.core.disputes import dispute_of
from lib.core.named_versions import NamedVersion, described
from lib.core.upgrades import version_key
from lib.messages.content import Content, Entry, counts_of
from lib.messages.phrases import NAME, severity_word
from lib.messages.steps import UpgradeText
from lib.models import Counts, Finding, Severity, Upgrade
from lib.text import first, one_line, short, truncate

_VERSIONS: Final = 3
_PACKAGES: Final = 6


def versions_of(entries: Sequence[Entry]) -> Mapping[str, NamedVersion]:
    """
    Return the versions that descriptions name, by packages without a fix version.

    Only where that of each vulnerability of a package names one; the highest fixes all.
    """
    rows: defaultdict[str, list[Finding]] = defaultdict(list)
    for entry in entries:
        for row in entry.findings:
            rows[row.package.name].append(row)
    versions = {name: described(group) for name, group in rows.items()}
    texts = {name: version for name, version in versions.items() if version is not None}
    return dict(first([*texts.items()], _PACKAGES))


def with_version(
    content: Content,
    upgrade: Upgrade,
    text: UpgradeText,
    versions: Mapping[str, NamedVersion],
) -> UpgradeText:
    """Return a package without a fix version; where descriptions name one, what that removes."""
    named = versions.get(upgrade.package)
    if named is None:
        return text
    removed = _fixed_in(content, upgrade.package, named)
    shares = (
        _share(number, upgrade.fixes[severity], severity) for severity, number in removed.items()
    )
    removes = ", ".join(filter(None, (*shares, _dispute(content, upgrade.package))))
    rest = sum(upgrade.fixes[severity] - number for severity, number in removed.items())
    rest += sum(n for severity, n in upgrade.fixes.items() if severity not in removed)
    if rest:
        removes = f"{removes} (no version is named for the other{f' {rest:,}' if rest > 1 else ''})"
    return text._replace(described=f"{short(named.words, NAME)} or later", removes=removes)


def _share(number: int, total: int, severity: Severity) -> str:
    """Return "8 CRITICAL"; "94 of 100 HIGH" where some remain."""
    share = f" of {total:,}" if number < total else ""
    return f"{number:,}{share} {severity_word(severity)}"


def _dispute(content: Content, package: str) -> str:
    """Return that what an upgrade removes is disputed; of several how many."""
    entries = [
        entry
        for entry in content.everything
        if any(row.package.name == package for row in entry.findings)
    ]
    disputes = [dispute for entry in entries if (dispute := dispute_of(entry.findings))]
    if not disputes:
        return ""
    number = f"{len(disputes):,} " if len(disputes) < len(entries) else ""
    return f"{number}{max(disputes)}"


def _fixed_in(content: Content, package: str, version: NamedVersion) -> Counts:
    """Count what a version of a package removes, by the descriptions of all that is open."""
    entries = []
    for entry in content.everything:
        named = described(row for row in entry.findings if row.package.name == package)
        is_fixed = named is not None and version_key(named.version) <= version_key(version.version)
        if is_fixed and not content.is_behind(entry):
            entries.append(entry)
    return counts_of(entries)


def installed_text(upgrade: Upgrade) -> str:
    """Return the installed versions of a package; of many the first ones."""
    versions = [truncate(one_line(version), NAME) for version in upgrade.installed]
    more = f" and {len(versions) - _VERSIONS} more" if len(versions) > _VERSIONS else ""
    return ", ".join(versions[:_VERSIONS]) + more
