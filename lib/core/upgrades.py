"""Upgrades of packages that resolve findings; packages and versions in order. Pure."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cache, lru_cache
from itertools import islice
from operator import attrgetter
from types import MappingProxyType
from typing import Final

from lib.models import (
    Counts,
    Finding,
    Origin,
    Score,
    Severity,
    Upgrade,
)

WORST_FIRST: Final = tuple(reversed(Severity))


def upgrades(findings: Iterable[Finding]) -> tuple[Upgrade, ...]:
    """
    Return the packages to upgrade, in the order of packages.

    Where findings of one package name several fixed versions, the highest by `version_key` fixes
    them all. Packages without a fixed version follow, with `fixed` None.
    """
    listed = list(findings)
    origin = origins(listed)
    groups: dict[tuple[Origin, _Target], list[Finding]] = {}
    for finding in listed:
        groups.setdefault((origin(finding), upgrade_target(finding)), []).append(finding)
    all_upgrades = (upgrade_of(group, place) for (place, _), group in groups.items())
    return tuple(in_order(all_upgrades))


def in_order(upgrades: Iterable[Upgrade]) -> list[Upgrade]:
    """Return upgrades in the order of packages, those to no version last."""
    return sorted(upgrades, key=_order_of_upgrade)


_Target = tuple[str, str | None, bool]


def upgrade_target(finding: Finding) -> _Target:
    """Return the package of an upgrade, and whether it lacks a fixed version."""
    return (finding.package.name, finding.package.manager, finding.fixed_version is None)


def upgrade_of(findings: Sequence[Finding], origin: Origin = Origin.UNKNOWN) -> Upgrade:
    """Return the upgrade that resolves findings of one package."""
    package = findings[0].package
    versions = (finding.package.version for finding in findings)
    installed = {version for version in versions if version is not None}
    fixed = {finding.fixed_version for finding in findings if finding.fixed_version is not None}
    counts = Counter(finding.severity for finding in findings)
    return Upgrade(
        package=package.name,
        installed=tuple(sorted(installed, key=version_key)),
        fixed=max(fixed, key=version_key, default=None),
        manager=package.manager,
        fixes=MappingProxyType(
            {severity: counts[severity] for severity in WORST_FIRST if counts[severity]}
        ),
        vulnerability_ids=tuple(dict.fromkeys(finding.vulnerability_id for finding in findings)),
        origin=origin,
        score=highest_score(findings),
        exploitable=any(finding.exploitable for finding in findings),
    )


def together(upgrades: Iterable[Upgrade]) -> list[tuple[Upgrade, ...]]:
    """
    Return upgrades between the same versions that remove the same vulnerabilities as one group.

    Packages of one source, such as libssl3t64 and openssl, are listed with one advisory: a line for
    each of them would count its vulnerabilities again.
    """
    groups: dict[tuple[object, ...], list[Upgrade]] = {}
    for upgrade in upgrades:
        removed = frozenset(upgrade.vulnerability_ids)
        key = (upgrade.installed, upgrade.fixed, upgrade.origin, removed)
        groups.setdefault(key, []).append(upgrade)
    return [*map(tuple, groups.values())]


def highest_score(findings: Iterable[Finding]) -> Score | None:
    """Return the highest CVSS score, of whatever version; None where no finding has one."""
    scores = (finding.score for finding in findings if finding.score is not None)
    return max(scores, key=attrgetter("value"), default=None)


def package_order(
    counts: Counts, name: str, *, score: float = 0.0, exploitable: bool = False
) -> tuple[object, ...]:
    """
    Return the key for the one order of packages in all steps, lists and tables.

    Packages with a known exploit come first, then those with most vulnerabilities by severity (the
    numbers of CRITICAL are compared, then those of HIGH), then the highest score, then the name.
    """
    amounts = (-counts.get(severity, 0) for severity in WORST_FIRST)
    return (not exploitable, *amounts, -score, name)


def _order_of_upgrade(upgrade: Upgrade) -> tuple[object, ...]:
    score = upgrade.score.value if upgrade.score is not None else 0.0
    order = package_order(
        upgrade.fixes, upgrade.package, score=score, exploitable=upgrade.exploitable
    )
    return (upgrade.fixed is None, *order, upgrade.manager or "", upgrade.origin)


_RUNS: Final = 50
_LETTERS: Final = 50
"""Runs of a version, and letters of a run, that are compared. The rest is compared as text."""
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
    """Return a key that orders digits as a number. `int` refuses very long ones."""
    significant = digits.lstrip("0")
    return (len(significant), significant)


_KERNEL: Final = re.compile(
    r"(?:linux|kernel)(?:-(?:libc-dev|headers|image|modules|core|devel)[\w.+-]*)?"
)
_OS: Final = "OS"
"""Inspector's name for every package manager of a distribution."""


def origins(findings: Sequence[Finding]) -> Callable[[Finding], Origin]:
    """
    Return a function that gives the origin of a finding of this image.

    Packages of the distribution come with the base image. Basic scanning lists no others, and names
    no manager. Packages of a language are dependencies of the application, unless they are in the
    layer that holds most of the distribution: then they come with the base image, too.
    """
    base = _base_layer(findings)

    def origin(finding: Finding) -> Origin:
        package = finding.package
        if of_distribution(finding):
            return Origin.BASE_IMAGE
        if package.manager is None:
            return Origin.UNKNOWN
        inherited = base is not None and package.layer == base
        return Origin.BASE_IMAGE if inherited else Origin.DEPENDENCY

    return origin


def of_distribution(finding: Finding) -> bool:
    """Return whether a package is one of the distribution, which has versions of its own."""
    package = finding.package
    is_unmanaged = package.manager is None and package.path is None
    return bool(package.name) and (package.manager == _OS or is_unmanaged)


@lru_cache(maxsize=2_000)
def is_kernel(package: str) -> bool:
    """Return whether a package is a kernel: a container runs on that of its host."""
    return _KERNEL.fullmatch(package) is not None


def _base_layer(findings: Sequence[Finding]) -> str | None:
    """Return the layer of most packages of the distribution; None if there is no such layer."""
    layers = Counter(finding.package.layer for finding in findings if of_distribution(finding))
    layers.pop(None, None)
    # An image of one layer has the packages of the base image and its own in it.
    if len({finding.package.layer for finding in findings} - {None}) < 2:  # noqa: PLR2004  # one is no choice
        return None
    layer, number = layers.most_common(1)[0] if layers else (None, 0)
    return layer if 2 * number > layers.total() else None
