"""The next steps of a digest: what to upgrade or rebuild, what that removes, and where. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple

from lib.core.named_versions import NamedVersion
from lib.core.upgrades import is_kernel
from lib.messages.advising import (
    LATEST_BASE,
    PLAN_MOVES,
    Base,
    base_of,
    namespace_of,
    release_in,
)
from lib.messages.digest_parts import DigestLine, DigestLink, image_name, linked
from lib.messages.named_upgrades import upgrade_to
from lib.messages.phrases import counts_text, listed, severity_word
from lib.models import Counts, Finding, Image, Package, PackageDigest, RemainingFixes, Severity
from lib.text import counted, first, one_line, short
from lib.urls.advisories import vulnerability_url

_NAME: Final = 60
_ARROW: Final = "\N{RIGHTWARDS ARROW}"
_VERSIONS: Final = 2
_VERSION: Final = 40
_NAMES: Final = 6
"""Images that are named where each is one of many."""
_PLACES: Final = 4
"""Images of a step that are named."""
_PLACE: Final = 40


class Pages(NamedTuple):
    """The pages about an image."""

    issues: tuple[DigestLink, ...] = ()
    reports: tuple[DigestLink, ...] = ()
    """Its report; none where a list has it."""

    @property
    def all(self) -> tuple[DigestLink, ...]:
        """Both, the issues first."""
        return (*self.issues, *self.reports)


def steps(
    packages: Sequence[PackageDigest],
    today: date,
    pages: Mapping[str, Pages],
    *,
    is_listed: bool,
) -> Iterator[DigestLine]:
    """
    Yield the steps, one for all packages of the same base image.

    `pages`: of images, by their keys. `is_listed`: whether a list has the pages of each image.
    """
    shown = set[str]()
    for group in _groups(packages):
        images = group[0].images
        new = [image for image in images if image.key not in shown]
        shown |= {image.key for image in new}
        if len(images) == 1:
            own = pages.get(images[0].key, Pages())
            links = [*(own.all if new else own.issues)]
        else:
            links = [] if is_listed else _of_several(new, pages)
        yield _step(group, today, links)


def plans(
    packages: Sequence[PackageDigest], images: Iterable[Image], today: date
) -> Iterator[DigestLine]:
    """
    Yield one step with the moves of all images off releases without updates.

    `images`: those beside the ones of the packages.
    """
    of_all = {image.key: image for package in packages for image in package.images}
    of_all = {image.key: image for image in images} | of_all
    versions: defaultdict[str, set[str]] = defaultdict(set)
    for package in packages:
        if len(package.images) == 1:
            versions[package.images[0].key] |= {*package.installed}
    moves: defaultdict[Base, list[Image]] = defaultdict(list)
    for key, image in of_all.items():
        base = base_of(None, release_in([image], sorted(versions[key])), today)
        if base.ended:
            moves[base].append(image)
    if len(moves) == 1:
        yield from (DigestLine(one_line(base.plan_for(_named(of)))) for base, of in moves.items())
    elif moves:
        places = ", ".join(f"{_named(of)} ({base.end})" for base, of in moves.items())
        yield DigestLine(one_line(f"{PLAN_MOVES}: {places}"))


def _of_several(images: Sequence[Image], pages: Mapping[str, Pages]) -> list[DigestLink]:
    """Return the pages of several images, each with the name of its image."""
    return [
        link._replace(label=f"{link.label} ({short(image.name, _PLACE)})")
        for image in images
        for link in pages.get(image.key, Pages()).all
    ]


def more_fixes(left_out: RemainingFixes) -> Iterator[DigestLine]:
    """Yield how many vulnerabilities have a fix that is none of the steps, and where they are."""
    number = sum(left_out.counts.values())
    if number:
        where = _named(left_out.images)
        yield DigestLine(
            f"and {number:,} more with a fix: {counts_text(left_out.counts)} in {where}"
        )


def _groups(packages: Sequence[PackageDigest]) -> Iterable[Sequence[PackageDigest]]:
    """Return the packages of each step."""
    groups: defaultdict[tuple[object, ...], list[PackageDigest]] = defaultdict(list)
    for package in packages:
        groups[_base(package)].append(package)
    return groups.values()


def _base(package: PackageDigest) -> tuple[object, ...]:
    """Return the images whose base image a package comes with; a fix or a kernel is alone."""
    if _is_of_base(package):
        return tuple(sorted(image.key for image in package.images))
    return (package.package, package.others, package.fixable)


def _is_of_base(package: PackageDigest) -> bool:
    return package.of_distribution and not (package.fixable or is_kernel(package.package))


def _step(
    packages: Sequence[PackageDigest], today: date, links: Sequence[DigestLink]
) -> DigestLine:
    """Return what to upgrade or rebuild, what that removes, and where it is."""
    package = packages[0]
    has_shares = len(packages) == 1 and not package.described_counts
    names = _places(package) if has_shares else _names(package)
    if is_kernel(package.package):
        text = _kernel(package)
    elif not package.package:
        text = f"Look at {_counts(package)} in {names}: the scanner names no package"
    elif package.fixable and package.of_distribution and not _base_image(packages, today).ended:
        text = _upgraded_by_rebuild(package, names)
    elif package.fixable or (package.described and _removes_most(package)):
        text = f"{_upgrade(package)} in {names}"
    elif package.of_distribution:
        text = _rebuild(packages, today)
    else:
        text = f"Look for a newer version of {_installed(package)}: "
        text = f"{text}{_looked_for(package)} in {names}"
    finding = Finding(package.worst, Package(package.package), Severity.UNKNOWN)
    release = _release(package) if package.of_distribution else ""
    is_only = len(packages) == 1 and not package.more and sum(package.counts.values()) == 1
    # Of several packages it is that of the first one: no other has a say in which is the worst.
    role = "" if is_only else "worst: " if len(packages) == 1 else "for example "
    name = f"{role}{short(package.worst, _NAME)}"
    page = (name, vulnerability_url(finding, namespace_of(release)))
    return linked(one_line(text), *links, page)


def _rebuild(packages: Sequence[PackageDigest], today: date) -> str:
    """Return what to rebuild and then to upgrade; alerts have the command."""
    newer = "" if _base_image(packages, today).ended else f" on {LATEST_BASE}"
    upgrade = f"then upgrade what the next scan still lists: {listed(_rebuilt(packages))}"
    return f"Rebuild {_names(packages[0])}{newer} and push, {upgrade}"


def _base_image(packages: Sequence[PackageDigest], today: date) -> Base:
    versions = [version for package in packages for version in package.installed]
    return base_of(None, release_in(packages[0].images, versions), today)


def _upgraded_by_rebuild(package: PackageDigest, names: str) -> str:
    """Return what a rebuild upgrades, as alerts say it."""
    rebuild = f"Rebuild {names} on the latest base image"
    if not package.fixed:
        return f"{rebuild}: a fix exists for {_counts(package)} in {_installed(package)}"
    target = short(package.fixed, _VERSION)
    return f"{rebuild}: {_installed(package)} {_ARROW} {target}, removes {_counts(package)}"


def _release(package: PackageDigest) -> str:
    return release_in(package.images, package.installed)


def _rebuilt(packages: Sequence[PackageDigest]) -> list[str]:
    """
    Return the packages that a rebuild brings up to date, with the number that is not named.

    Of several there is no room for versions, nor for the severity of each where all have the same.
    """
    more = sum(package.more for package in packages)
    more_counts = next((package.more_counts for package in packages if package.more), {})
    if len(packages) == 1 and not more:
        return [f"{_installed(packages[0])} ({_counted(packages[0])})"]
    severities = {severity for package in packages for severity in package.counts}
    is_short = len(severities | more_counts.keys()) == 1
    parts = [
        f"{_package(package)} ({_counted(package, is_short=is_short and place > 0)})"
        for place, package in enumerate(packages)
    ]
    if more:
        number = _number(more_counts, is_short=is_short)
        parts.append(f"{counted(more, 'more package')} ({number})")
    return parts


def _counted(package: PackageDigest, *, is_short: bool = False) -> str:
    """Return "3 MEDIUM, 1 disputed by the vendor"; short without the severity."""
    return ", ".join(filter(None, (_number(package.counts, is_short=is_short), _disputed(package))))


def _number(counts: Counts, *, is_short: bool) -> str:
    return f"{sum(counts.values()):,}" if is_short else counts_text(counts)


def _counts(package: PackageDigest) -> str:
    """Return "2 CRITICAL (1 disputed by the vendor)"."""
    disputed = _disputed(package)
    return f"{counts_text(package.counts)}{f' ({disputed})' if disputed else ''}"


def _removes_most(package: PackageDigest) -> bool:
    """Return whether the version that descriptions name removes at least a half."""
    removed = sum(package.described_counts.values())
    return not removed or 2 * removed >= sum(package.counts.values())


def _looked_for(package: PackageDigest) -> str:
    """Return what a newer version may remove, and the few that a version is named for."""
    if not package.described:
        return _counts(package)
    removed = sum(package.described_counts.values())
    version = f"{short(package.described, _NAME)} or later"
    named = f"by the CVE texts, {version} removes {removed:,} of them"
    disputed = _disputed(package)
    return f"{counts_text(package.counts)} ({named}{f', {disputed}' if disputed else ''})"


def _removed(package: PackageDigest) -> str:
    """Return what the version of descriptions removes: "8 CRITICAL, 94 of 100 HIGH"."""
    removed = package.described_counts
    if not removed:
        return _counts(package)
    shares = [
        f"{removed.get(severity, 0):,} of {total:,} {severity_word(severity)}"
        if removed.get(severity, 0) < total
        else counts_text({severity: total})
        for severity, total in package.counts.items()
    ]
    disputed = _disputed(package)
    return f"{', '.join(shares)}{f' ({disputed})' if disputed else ''}"


def _disputed(package: PackageDigest) -> str:
    """Return "1 disputed by the vendor"; of all "optional: disputed by the vendor", as alerts."""
    total = sum((package.described_counts or package.counts).values())
    optional = "optional: " if total == sum(package.counts.values()) else ""
    disputed = [
        f"{optional}{words}" if number == total else f"{number:,} {words}"
        for words, number in package.disputed.items()
    ]
    return ", ".join(disputed)


def _kernel(package: PackageDigest) -> str:
    """Return that a kernel in an image is not the one that runs."""
    counts, names = _counts(package), _names(package)
    return (
        f"Check that the hosts of {names} run a patched kernel: {counts} in {_package(package)};"
        " the image can wait"
    )


def _names(package: PackageDigest) -> str:
    return _named(package.images)


def _named(images: Sequence[Image]) -> str:
    """Return the first images, and how many more there are."""
    shown = [image_name(image) for image in first(images, _NAMES)]
    more = len(images) - len(shown)
    return listed([*shown, *([counted(more, "more image")] if more else [])])


def _places(package: PackageDigest) -> str:
    """Return the images, and of several how many vulnerabilities each of them has."""
    if len(package.images) == 1 or len(package.shares) != len(package.images):
        return _names(package)
    shown = first([*zip(package.images, package.shares, strict=True)], _PLACES)
    words = [f"{image_name(image, _PLACE)} ({number:,})" for image, number in shown]
    more = len(package.images) - len(shown)
    return listed([*words, *([counted(more, "more image")] if more else [])])


def _upgrade(package: PackageDigest) -> str:
    counts, versions = _counts(package), _versions(package)
    if package.fixed:
        start = f" from {versions}" if versions else ""
        target = short(package.fixed, _VERSION)
        return f"Upgrade {_package(package)}{start} to {target}: removes {counts}"
    if package.described:
        named = NamedVersion.of_words(package.described)
        upgrade = upgrade_to(_package(package), versions, named)
        texts = "text" if sum(package.counts.values()) == 1 else "texts"
        return f"{upgrade} (version from the CVE {texts}): removes {_removed(package)}"
    return f"Upgrade {_installed(package)}: a fix exists for {counts}"


def _installed(package: PackageDigest) -> str:
    return f"{_package(package)} {_versions(package)}".rstrip()


def _versions(package: PackageDigest) -> str:
    versions = ", ".join(short(version, _VERSION) for version in package.installed[:_VERSIONS])
    more = len(package.installed) - _VERSIONS
    return f"{versions} and {more:,} more" if more > 0 else versions


def _package(package: PackageDigest) -> str:
    others = short(package.other, _NAME) or counted(package.others, "more package")
    return f"{short(package.package, _NAME)}{f' and {others}' if package.others else ''}"
