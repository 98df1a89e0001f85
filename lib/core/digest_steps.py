"""
The packages that a digest names as its next steps: what to upgrade, rebuild or look at. Pure.

Packages without a fix version that come with the same base images are one step.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from lib.core.named_versions import NamedVersion
from lib.core.shares import worst_first
from lib.core.upgrades import is_kernel, package_order, version_key
from lib.models import Image, PackageDigest, RemainingFixes, Severity
from lib.models.current import OpenItem
from lib.text import first

_STEPS: Final = 3
"""The worst steps, which a digest names in any case."""
_MOST_STEPS: Final = 5
"""With the steps for images whose fixes the worst ones leave out."""
_REBUILT: Final = 5
"""Packages of a rebuild that are named."""
_Pair = tuple[PackageDigest, Sequence[OpenItem]]


def packages_of(
    items: Iterable[OpenItem], images: Mapping[str, Image]
) -> tuple[tuple[PackageDigest, ...], RemainingFixes]:
    """
    Return the packages of the steps that a digest names, and the fixes that none of them brings.

    The worst steps come first. Each image with a fix has a step, while there is room.
    """
    groups: defaultdict[tuple[str, int, bool], list[OpenItem]] = defaultdict(list)
    for item in items:
        groups[item.package, item.others, item.fixable].append(item)
    steps: defaultdict[object, list[_Pair]] = defaultdict(list)
    packages = [(_package_digest(group, images), group) for group in groups.values()]
    for package, group in sorted(packages, key=_order_of):
        steps[_step(package)].append((package, group))
    ranked = [[package for package, _ in step] for step in sorted(steps.values(), key=_step_order)]
    shown = sorted(_covering(ranked), key=_is_optional)
    left_out = [step for step in ranked if step not in shown and step[0].fixable]
    return tuple([package for step in shown for package in _named(step)]), _left_out(left_out)


def _step(package: PackageDigest) -> object:
    """Return the images to rebuild for a package without a fix version; another is a step alone."""
    if package.of_distribution and not (package.fixable or is_kernel(package.package)):
        return frozenset(image.key for image in package.images)
    return (package.package, package.others, package.fixable)


def _covering(ranked: Sequence[Sequence[PackageDigest]]) -> list[Sequence[PackageDigest]]:
    """Return the worst steps, and those for images whose fixes they leave out."""
    shown = list(ranked[:_STEPS])
    covered = {key for step in shown for key in _fixed_images(step)}
    others = ranked[_STEPS:]
    for step in others:
        keys = _fixed_images(step)
        if len(shown) < _MOST_STEPS and not keys <= covered:
            shown.append(step)
            covered |= keys
    return shown


def _fixed_images(step: Sequence[PackageDigest]) -> set[str]:
    return {image.key for package in step if package.fixable for image in package.images}


def _left_out(steps: Iterable[Sequence[PackageDigest]]) -> RemainingFixes:
    """Return how many vulnerabilities have a fix that is no step, and in which images."""
    packages = [package for step in steps for package in step]
    counts = sum((Counter(package.counts) for package in packages), Counter[Severity]())
    images = {image.key: image for package in packages for image in package.images}
    return RemainingFixes(worst_first(counts), tuple(images.values()))


def _named(step: Sequence[PackageDigest]) -> Sequence[PackageDigest]:
    """Return the packages of a step; of many the first, which counts those that are not named."""
    named = first(step, _REBUILT)
    unnamed = step[len(named) :]
    if not unnamed:
        return named
    counts = sum((Counter(package.counts) for package in unnamed), Counter[Severity]())
    return [replace(named[0], more=len(unnamed), more_counts=worst_first(counts)), *named[1:]]


def _step_order(step: Sequence[_Pair]) -> tuple[object, ...]:
    """Return the key of a step: packages that one rebuild brings count as one."""
    package, _ = step[0]
    return _order(package.package, [item for _, items in step for item in items])


def _is_optional(step: Sequence[PackageDigest]) -> bool:
    """Return whether somebody disputes all vulnerabilities of a step, which comes last."""
    return all(sum(package.disputed.values()) == sum(package.counts.values()) for package in step)


def _package_digest(items: Sequence[OpenItem], images: Mapping[str, Image]) -> PackageDigest:
    """Return a package with the vulnerabilities that all have, or all lack, a fix."""
    worst = min(items, key=_rank)
    places = Counter(item.image for item in items).most_common()
    others = {item.other for item in items}
    described = [item for item in items if item.described]
    is_partial = 0 < len(described) < len(items)
    return PackageDigest(
        worst.package,
        worst_first(Counter(item.severity for item in items)),
        worst.fixable,
        tuple([images[key] for key, _ in places]),
        worst=worst.id,
        installed=tuple(sorted({item.installed for item in items} - {""}, key=version_key)),
        fixed=max({item.fixed for item in items} - {""}, key=version_key, default=None),
        others=worst.others,
        of_distribution=all(item.of_distribution for item in items),
        described=_described(described),
        shares=tuple([number for _, number in places]),
        other=worst.other if len(others) == 1 else "",
        disputed=Counter(item.disputed for item in described or items if item.disputed),
        described_counts=(
            worst_first(Counter(item.severity for item in described)) if is_partial else {}
        ),
    )


def _described(items: Iterable[OpenItem]) -> str | None:
    """Return the version that removes all that descriptions name a version for."""
    return max([item.described for item in items], key=_version, default=None)


def _version(described: str) -> tuple[object, ...]:
    """Return the key of "TensorFlow 2.12.0", which may name the product."""
    return version_key(NamedVersion.of_words(described).version)


def _rank(item: OpenItem) -> tuple[float, ...]:
    """Return how bad a vulnerability is, as lists order them; less is worse."""
    return (-item.severity, not item.exploitable, -item.epss, -item.score)


def _order_of(pair: _Pair) -> tuple[object, ...]:
    package, items = pair
    return _order(package.package, items)


def _order(name: str, items: Sequence[OpenItem]) -> tuple[object, ...]:
    return package_order(
        Counter(item.severity for item in items),
        name,
        score=max(item.score for item in items),
        exploitable=any(item.exploitable for item in items),
    )
