"""Upgrades: what to install to resolve findings, most useful first; versions in order. Pure."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cache, lru_cache
from itertools import islice
from types import MappingProxyType
from typing import Final

from lib.models import (
    Finding,
    Origin,
    Severity,
    Upgrade,
)

WORST_FIRST: Final = tuple(reversed(Severity))


def upgrades(findings: Iterable[Finding]) -> tuple[Upgrade, ...]:
    """
    Return which packages to upgrade, ordered by what that fixes: worst and most first.

    Where findings of one package name several fixed versions, the highest by `version_key` fixes
    them all. Findings that name none follow, one entry per package, with `fixed` None.
    """
    listed = list(findings)
    origin = origins(listed)
    groups: dict[tuple[Origin, _Target], list[Finding]] = {}
    for each in listed:
        groups.setdefault((origin(each), upgrade_target(each)), []).append(each)
    found = (upgrade_of(group, where) for (where, _), group in groups.items())
    return tuple(sorted(found, key=_most_useful_first))


_Target = tuple[str, str | None, bool]


def upgrade_target(finding: Finding) -> _Target:
    """Return what one upgrade is about: a package, and whether a fixed version is named."""
    return (finding.package.name, finding.package.manager, finding.fixed_version is None)


def upgrade_of(findings: Sequence[Finding], origin: Origin = Origin.UNKNOWN) -> Upgrade:
    """Return the upgrade that resolves findings of one package."""
    package = findings[0].package
    installed = {each.package.version for each in findings if each.package.version is not None}
    fixed = {each.fixed_version for each in findings if each.fixed_version is not None}
    counts = Counter(each.severity for each in findings)
    return Upgrade(
        package=package.name,
        installed=tuple(sorted(installed, key=version_key)),
        fixed=max(fixed, key=version_key, default=None),
        manager=package.manager,
        fixes=MappingProxyType({each: counts[each] for each in WORST_FIRST if counts[each]}),
        vulnerability_ids=tuple(dict.fromkeys(each.vulnerability_id for each in findings)),
        origin=origin,
    )


def _most_useful_first(upgrade: Upgrade) -> tuple[object, ...]:
    amounts = tuple(-upgrade.fixes.get(severity, 0) for severity in WORST_FIRST)
    return (upgrade.fixed is None, *amounts, upgrade.package, upgrade.manager or "", upgrade.origin)


_RUNS: Final = 50


_LETTERS: Final = 50
"""So much of a version is compared by its runs, and of each run; the rest is plain text."""


_RUN: Final = re.compile(r"([^0-9]*)([0-9]*)")


_TILDE: Final = -1


_END: Final = 0


_AFTER_LETTERS: Final = 0x110000


@cache
def _order(character: str) -> int:
    if character == "~":
        return _TILDE
    return ord(character) if character.isalpha() else ord(character) + _AFTER_LETTERS


@lru_cache(maxsize=10_000)
def version_key(version: str) -> tuple[object, ...]:
    """
    Return a key that orders versions as people read them, for display only.

    The rules are Debian's, which suit most version schemes: an epoch ("1:") counts first, runs of
    digits as numbers, letters before other characters, "~" before everything, even the end:
    https://www.debian.org/doc/debian-policy/ch-controlfields.html#version
    """
    epoch, colon, rest = version.partition(":")
    if not (colon and epoch.isascii() and epoch.isdigit()):
        epoch, rest = "0", version
    runs = tuple(
        ((*map(_order, run[1][:_LETTERS]), _END), _number(run[2]))
        for run in islice(_RUN.finditer(rest), _RUNS)
    )
    return (_number(epoch), runs, version)


def _number(digits: str) -> tuple[int, str]:
    """Return what orders digits as a number of any length; `int` refuses absurdly long ones."""
    significant = digits.lstrip("0")
    return (len(significant), significant)


_OS: Final = "OS"
"""How Inspector calls every package manager of a distribution."""


def origins(findings: Sequence[Finding]) -> Callable[[Finding], Origin]:
    """
    Return what says where a finding of this image is mended.

    Packages of the distribution come with the base image; basic scanning lists no others, and names
    no manager. Those of a language are dependencies of the application, but not in the layer that
    holds most of the distribution: there they came with the base image, too.
    """
    base = _base_layer(findings)

    def origin(finding: Finding) -> Origin:
        package = finding.package
        if _of_distribution(finding):
            return Origin.BASE_IMAGE
        if package.manager is None:
            return Origin.UNKNOWN
        inherited = base is not None and package.layer == base
        return Origin.BASE_IMAGE if inherited else Origin.DEPENDENCY

    return origin


def _of_distribution(finding: Finding) -> bool:
    package = finding.package
    return package.manager == _OS or (package.manager is None and package.path is None)


def _base_layer(findings: Sequence[Finding]) -> str | None:
    """Return the layer of most packages of the distribution; None where layers do not tell."""
    layers = Counter(each.package.layer for each in findings if _of_distribution(each))
    layers.pop(None, None)
    # In an image of one layer, whatever was added stands beside what was there.
    if len({each.package.layer for each in findings} - {None}) < 2:  # noqa: PLR2004  # one is no choice
        return None
    layer, number = layers.most_common(1)[0] if layers else (None, 0)
    return layer if 2 * number > layers.total() else None
