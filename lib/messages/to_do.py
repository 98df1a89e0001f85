"""The fixes of a notice: upgrades counted in vulnerabilities, deployments, settings. Pure."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from lib.core.named_versions import NamedVersion
from lib.core.scanners import scanner_of
from lib.core.upgrades import (
    highest_score,
    in_order,
    is_kernel,
    together,
    upgrade_target,
    upgrades,
    version_key,
)
from lib.messages.advising import (
    BUILD,
    BUILT,
    PATCHED,
    Base,
    base_of,
    has_no_fix,
    hosts_of,
    is_about_kernel,
    nameless_of,
    rebuild_of,
    release_of,
)
from lib.messages.content import Content, Entry, counts_of, source_of
from lib.messages.described import installed_text, is_disputed, versions_of, with_version
from lib.messages.describing import worst_score
from lib.messages.facts import workloads_text
from lib.messages.kernels import kernels_of, later_text
from lib.messages.named_upgrades import target_of
from lib.messages.phrases import NAME, counts_text, listed, look_for, names_text
from lib.messages.searching import added, search_of, to_newest, unclear, without_version
from lib.messages.sections import says_exploit
from lib.messages.settings import of_repository
from lib.messages.steps import ToDo, UpgradeText
from lib.models import Counts, Deployments, Finding, Origin, Severity, Upgrade, Workload
from lib.models.views import Kind
from lib.text import capitalized, counted, first, one_line, short, truncate

_NAME: Final = 100
"""Characters of the name of a package that has a line of its own."""
_RISK: Final = 400
_THEN: Final = 3
_TOGETHER: Final = 3
"""Packages of one upgrade that are named."""


def to_do(
    content: Content,
    rows: int,
    running: Deployments | None = None,
    base_image: str | None = None,
    *,
    commits: str = "",
    whole: bool = False,
) -> ToDo:
    """
    Return what fixes what is open.

    `rows`: how many packages are listed. `base_image`: the one that the image names. `commits`: the
    name of the link to the commits of a release. `whole`: also packages of which nothing is asked
    for.
    """
    entries = _in_current(content)
    rows_of_all = [row for entry in entries for row in entry.findings]
    if content.image.is_repository:
        return of_repository(content, rows_of_all)
    release = release_of(content.image, base_image, rows_of_all)
    base = base_of(base_image, release, content.state.at.date())
    packages = upgrades_of(content, whole=whole)
    asked = set(map(_key, upgrades_of(content))) if whole else set(map(_key, packages))
    # A kernel in an image is not the one that runs: its upgrade is no step like the others.
    kernels = kernels_of(content, packages)
    ready = ready_upgrades(upgrade for upgrade in packages if upgrade not in kernels)
    news = _news(content)
    hosts = hosts_of(content)
    others = [row for row in rows_of_all if not is_kernel(row.package.name)]
    rebuild = rebuild_of(base, others)
    by_description = versions_of(entries)
    unversioned = [
        upgrade for upgrade in packages if upgrade.fixed is None and upgrade not in kernels
    ]
    silent = [
        upgrade
        for upgrade in unclear(entries, unversioned)
        if upgrade.package not in by_description
    ]
    plan, build = base.plan if entries else "", _build(ready)
    names = list(dict.fromkeys(one.package for one in silent if _key(one) in asked))
    without = {upgrade.package for upgrade in unversioned} - by_description.keys()
    marked = news if any(upgrade.package not in news for upgrade in unversioned) else ()
    return ToDo(
        upgrades=tuple(_lines(content, first(together(ready), rows), base)),
        upgrade_count=len(ready),
        fixes=_fixed(content.everything, ready),
        deploy=_deploy(content, running.before if running is not None else ()),
        without_fix=_without_fix(entries),
        rebuild="" if build else rebuild,
        build=build,
        added=added(content, names, commits),
        without_version=without_version(content, names, base if rebuild else None),
        search=search_of(content, names or without, base if rebuild else None),
        nameless=_after(rebuild, capitalized(nameless_of(entries))),
        described=tuple(
            with_version(content, upgrade, upgrade_text([upgrade]), by_description)
            for upgrade in sorted(
                (upgrade for upgrade in unversioned if upgrade.package in by_description),
                key=lambda upgrade: is_disputed(content, upgrade.package),
            )
        ),
        unversioned=tuple(
            with_version(
                content,
                upgrade,
                upgrade_text([upgrade])._replace(is_new=upgrade.package in marked),
                by_description,
            )
            for upgrade in first(unversioned, rows)
        ),
        unversioned_count=len(unversioned),
        hosts=hosts,
        later=later_text(content, kernels, plan if kernels else ""),
        then="" if whole else _then(content, asked),
        support="" if kernels else plan,
        gaps=_gaps(content, ready) if silent else "",
        brief=_brief(content, base if rebuild else None, packages, by_description),
    )


def _build(ready: Sequence[Upgrade]) -> str:
    """Return the command to build with after an upgrade of the base image; else empty."""
    return BUILD if any(upgrade.origin is Origin.BASE_IMAGE for upgrade in ready) else ""


def _gaps(content: Content, ready: Sequence[Upgrade]) -> str:
    """Return that the scanner does not say fix versions, nor of exploits where that is so."""
    rows = [row for entry in content.everything for row in entry.findings]
    versions = "fix versions for some packages" if ready else "fix versions"
    is_both = not any(map(says_exploit, rows))
    scanner = scanner_of(source_of(content))
    words = f"neither {versions} nor exploit data" if is_both else f"no {versions}"
    return scanner.gaps.format(name=scanner.name, missing=words, them="both" if is_both else "them")


def _after(first_step: str, text: str) -> str:
    """Return a sentence that follows on a step."""
    return f"Then {text[:1].lower()}{text[1:]}" if first_step and text else text


def _brief(
    content: Content,
    base: Base | None,
    packages: Sequence[Upgrade],
    by_description: Mapping[str, NamedVersion],
) -> str:
    """Return the first steps in one line; empty where there are none."""
    kernels = kernels_of(content, packages)
    ready = ready_upgrades(upgrade for upgrade in packages if upgrade not in kernels)
    is_hosts = any(map(is_about_kernel, content.open))
    others = [
        f"{short(name, NAME)} to {target_of(name, one)}" for name, one in by_description.items()
    ]
    groups = together(ready)
    targets = [*map(_target, groups), *others]
    more = sum(map(len, groups[_THEN:])) + len(others[max(_THEN - len(groups), 0) :])
    named = targets[:_THEN] + ([counted(more, "more package")] if more > 0 else [])
    fixed = counts_text(_fixed(content.everything, ready))
    effect = f" (removes {fixed})" if fixed else ""
    pieces = (
        PATCHED if is_hosts else "",
        base.short if base is not None else "",
        f"upgrade {listed(named)}{effect if not others else ''}" if named else "",
    )
    text = ", then ".join(filter(None, pieces))
    text += "; the image can wait" if is_hosts and len(kernels) == len(packages) else ""
    silent = unclear(_in_current(content), packages)
    if not text and silent:
        text = look_for([upgrade.package for upgrade in silent])
    text = text or nameless_of(_in_current(content))
    return capitalized(truncate(one_line(text), _RISK))


def _target(group: Sequence[Upgrade]) -> str:
    return f"{_packages(group, NAME)} to {truncate(one_line(group[0].fixed or ''), NAME)}"


def _packages(group: Sequence[Upgrade], limit: int) -> str:
    """Return the packages of one line; of many the first ones, and how many more."""
    shown = first(group, _TOGETHER)
    more = len(group) - len(shown)
    names = [short(upgrade.package, limit) for upgrade in shown]
    return listed([*names, *([counted(more, "more package")] if more else [])])


def _then(content: Content, asked: Collection[tuple[object, ...]]) -> str:
    """Return what helps with what only the headline of a first scan counts; empty for nothing."""
    if Kind.BASELINE not in content.changes or len(content.headline) <= len(content.open):
        return ""
    others = [
        upgrade
        for upgrade in upgrades_of(content, whole=True)
        if _key(upgrade) not in asked and max(upgrade.fixes) >= Severity.HIGH
    ]
    shown = first(together(others), _THEN)
    ready = [_next(group) for group in shown if group[0].fixed is not None]
    unversioned = [group for group in shown if group[0].fixed is None]
    is_short = len({level for group in unversioned for level in group[0].fixes}) == 1
    silent = [
        _next(group, is_short=is_short and place > 0) for place, group in enumerate(unversioned)
    ]
    without = [one.package for group in shown if group[0].fixed is None for one in group]
    more = len(others) - sum(map(len, shown))
    (silent or ready).extend([counted(more, "more package")] if more else [])
    versions = "a newer version" if len(without) == 1 and len(silent) == 1 else "newer versions"
    newest = to_newest(content, without, more) if without else ""
    search = f"{newest[:1].lower()}{newest[1:]}:" if newest else f"look for {versions} of"
    pieces = [f"upgrade {listed(ready)}"] if ready else []
    pieces += [f"{search} {listed(silent)}"] if silent else []
    return truncate(one_line(f"Then {'; '.join(pieces)}"), _RISK) if pieces else ""


def _next(group: Sequence[Upgrade], *, is_short: bool = False) -> str:
    """Return a package with its number; short without the severity."""
    fixes = group[0].fixes
    target = f" to {group[0].fixed}" if group[0].fixed is not None else ""
    number = f"{sum(fixes.values()):,}" if is_short else counts_text(fixes)
    words = f"{_packages(group, NAME)}{target} ({number})"
    return words.replace("`", "'")


def _key(upgrade: Upgrade) -> tuple[object, ...]:
    return (upgrade.package, upgrade.manager, upgrade.fixed is None)


def _news(content: Content) -> frozenset[str]:
    """Return the packages of what is news."""
    entries = (entry for entry in content.open if entry.is_news)
    return frozenset(package.name for entry in entries for package in entry.packages)


def upgrades_of(content: Content, *, whole: bool = False) -> list[Upgrade]:
    """
    Return the packages to upgrade, in the order of packages.

    `whole`: also packages of which nothing is asked for.
    """
    rows: defaultdict[_Package, list[Finding]] = defaultdict(list)
    by_row: dict[str, Entry] = {}
    for entry in content.everything:
        if not content.is_behind(entry):
            for row in entry.findings:
                rows[row.package.name, row.package.manager].append(row)
                by_row[row.vulnerability_id] = entry
    asked = [row for entry in _in_current(content) for row in entry.findings if row.package.name]
    listed = list(upgrades(asked))
    if whole:
        targets = set(map(upgrade_target, asked))
        others = (row for (name, _), group in rows.items() if name for row in group)
        listed += upgrades(row for row in others if upgrade_target(row) not in targets)
    return in_order(
        _counted(upgrade, rows[upgrade.package, upgrade.manager], by_row) for upgrade in listed
    )


_Package = tuple[str, str | None]


def _in_current(content: Content) -> list[Entry]:
    """Return what is reported and not only in images behind the current one."""
    return [entry for entry in content.open if not content.is_behind(entry)]


def _counted(upgrade: Upgrade, rows: Sequence[Finding], by_row: Mapping[str, Entry]) -> Upgrade:
    """Return an upgrade with the vulnerabilities (not rows) that it removes, asked for or not."""
    also = [row for row in rows if _is_removed(row, upgrade)]
    ids = tuple(
        dict.fromkeys((*upgrade.vulnerability_ids, *(row.vulnerability_id for row in also)))
    )
    fixes = counts_of({by_row[id_].id: by_row[id_] for id_ in ids}.values())
    scores = [score for score in (upgrade.score, highest_score(also)) if score is not None]
    worst = max(scores, key=lambda score: score.value, default=None)
    exploitable = any(row.exploitable for row in (*also, *rows) if row.vulnerability_id in ids)
    return replace(
        upgrade, fixes=fixes, vulnerability_ids=ids, score=worst, exploitable=exploitable
    )


def _is_removed(row: Finding, upgrade: Upgrade) -> bool:
    """Return whether an upgrade fixes a row of its package; one to no version: those without."""
    if row.fixed_version is None or upgrade.fixed is None:
        return row.fixed_version is upgrade.fixed
    return version_key(row.fixed_version) <= version_key(upgrade.fixed)


def _fixed(entries: Sequence[Entry], ready: Sequence[Upgrade]) -> Counts:
    """Return what all upgrades remove together, each vulnerability once."""
    ids = {id_ for upgrade in ready for id_ in upgrade.vulnerability_ids}
    return counts_of(
        entry for entry in entries if any(row.vulnerability_id in ids for row in entry.findings)
    )


def _deploy(content: Content, workloads: Sequence[Workload]) -> str:
    """Return which older images still run, and what runs them, where that is known."""
    behind = [entry for entry in content.open if content.is_behind(entry)]
    names = [content.name_of(image) for image in content.images_behind(behind)]
    if not names:
        return ""
    current, counts = short(content.image.name), counts_text(counts_of(behind))
    still = f"{names_text(names)} still {_run(names)}"
    if workloads:
        runners = capitalized(workloads_text(workloads))
        still = f"{runners} still {_run(workloads)} {names_text(names)}"
    return f"Deploy {current}. {still}, with {counts} that {current} does not list"


def _run(subjects: Sequence[object]) -> str:
    return "runs" if len(subjects) == 1 else "run"


def _without_fix(entries: Sequence[Entry]) -> str:
    """Count what no upgrade removes; empty where no scanner says anything about fixes."""
    stuck = [entry for entry in entries if has_no_fix(entry)]
    if not stuck:
        return ""
    return f"No fix exists yet for {counts_text(counts_of(stuck))}"


def ready_upgrades(upgrades: Iterable[Upgrade]) -> list[Upgrade]:
    """
    Return the upgrades that name a version to go to, those of one origin together.

    The upgrade that removes most comes first, and its origin with it.
    """
    ready = [upgrade for upgrade in upgrades if upgrade.fixed is not None]
    origins = list(dict.fromkeys(upgrade.origin for upgrade in ready))
    return sorted(ready, key=lambda upgrade: origins.index(upgrade.origin))


def _lines(
    content: Content, groups: Iterable[Sequence[Upgrade]], base: Base | None
) -> Iterator[UpgradeText]:
    """Yield the lines of upgrades, each with what it removes beyond those before it."""
    by_row = {row.vulnerability_id: one for one in content.everything for row in one.findings}
    removed: set[str] = set()
    for group in groups:
        entries = {by_row[id_].id: by_row[id_] for id_ in group[0].vulnerability_ids}
        adds = counts_of(entry for id_, entry in entries.items() if id_ not in removed)
        removed |= entries.keys()
        yield upgrade_text(group, base)._replace(adds=adds)


def upgrade_text(group: Sequence[Upgrade], base: Base | None = None) -> UpgradeText:
    """Return a package to upgrade in words, or several that `together` groups."""
    upgrade, *others = group
    is_of_base = upgrade.origin is Origin.BASE_IMAGE
    remedy = base.step if is_of_base and base is not None else upgrade.origin.remedy
    return UpgradeText(
        remedy=remedy,
        heading=BUILT.format(step=remedy) if is_of_base else remedy,
        package=_packages(group, NAME if others else _NAME),
        installed=installed_text(upgrade),
        fixed=truncate(one_line(upgrade.fixed or ""), NAME),
        removes=counts_text(upgrade.fixes),
        fixes=upgrade.fixes,
        group=tuple(short(upgrade.package) for upgrade in group) if others else (),
        score=worst_score(upgrade.score, sum(upgrade.fixes.values())),
    )
