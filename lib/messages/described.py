"""The upgrades to versions that descriptions name where the scanner names none. Pure."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from lib.core.disputes import Dispute, dispute_of
from lib.core.named_versions import NamedVersion, described
from lib.core.upgrades import version_key
from lib.messages.content import Content, Entry, counts_of
from lib.messages.named_upgrades import has_new_name, target_of
from lib.messages.phrases import NAME, counts_text
from lib.messages.steps import UpgradeText
from lib.models import Counts, Finding, Upgrade
from lib.text import first, one_line, short, truncate

_MAJOR: Final = re.compile(r"[0-9]{1,6}(?![0-9])", re.ASCII)
_VERSIONS: Final = 3
_PACKAGES: Final = 6
_TEST: Final = "run your tests"
_NEW_NAME: Final = f"its new name; {_TEST}"
_NEW_MAJOR: Final = f"a new major version; {_TEST}"
_OTHER_NAME: Final = "replace the package if it has no such release"
"""Behind a version of a product that is not called as the package is."""


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
    rest = {level: number - removed.get(level, 0) for level, number in upgrade.fixes.items()}
    dispute = _dispute(content, upgrade.package)
    target = f"{short(target_of(upgrade.package, named), NAME)} or later"
    return text._replace(
        described=f"{target}{_warning(upgrade, named)}",
        removes=f"{counts_text(removed)}{f' ({dispute})' if dispute else ''}{_left(rest)}",
    )


def _warning(upgrade: Upgrade, named: NamedVersion) -> str:
    """Return in brackets what an upgrade can break, or need; empty for nothing known."""
    if has_new_name(upgrade.package, named):
        return f" ({_NEW_NAME})"
    before = min(map(_major, upgrade.installed), default=None)
    is_major = before is not None and -1 < before < _major(named.version)
    remarks = ([_OTHER_NAME] if named.product else []) + ([_NEW_MAJOR] if is_major else [])
    return f" ({'; '.join(remarks)})" if remarks else ""


def _major(version: str) -> int:
    """Return the first number of a version; -1 where it begins with none."""
    number = _MAJOR.match(version)
    return int(number[0]) if number is not None else -1


def _left(counts: Counts) -> str:
    """Return "; 6 more HIGH have no known fixed version"; empty for none."""
    words = counts_text(counts)
    if not words:
        return ""
    more = words.replace(" ", " more ", 1)
    have = "has" if sum(counts.values()) == 1 else "have"
    return f"; {more} {have} no known fixed version"


def _dispute(content: Content, package: str) -> str:
    """Return that what an upgrade removes is disputed; of several how many."""
    every = _disputes(content, package)
    disputes = [dispute for dispute in every if dispute is not None]
    if not disputes:
        return ""
    if len(disputes) < len(every):
        return f"{len(disputes):,} {max(disputes)}"
    return f"optional: {max(disputes)}"


def is_disputed(content: Content, package: str) -> bool:
    """Return whether somebody disputes all vulnerabilities of a package."""
    return all(_disputes(content, package))


def _disputes(content: Content, package: str) -> list[Dispute | None]:
    """Return who disputes each vulnerability of a package."""
    return [
        dispute_of(entry.findings)
        for entry in content.everything
        if any(row.package.name == package for row in entry.findings)
    ]


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
