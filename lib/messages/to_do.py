"""The fixes of a notice: upgrades counted in vulnerabilities, deployments, settings. Pure."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from lib.core.named_versions import NamedVersion
from lib.core.scanners import scanner_of
from lib.core.upgrades import (
    highest_score,
    is_kernel,
    of_distribution,
    together,
    upgrade_target,
    upgrades,
    version_key,
)
from lib.messages.advising import (
    BUILD,
    PATCHED,
    Base,
    base_of,
    has_no_fix,
    hosts_of,
    is_about_kernel,
    meanwhile_of,
    nameless_of,
    rebuild_of,
    release_of,
)
from lib.messages.content import Content, Entry, counts_of, fewer_last, source_of
from lib.messages.described import installed_text, versions_of, with_version
from lib.messages.describing import worst_score
from lib.messages.facts import workloads_text
from lib.messages.kernels import kernels_of, later_text
from lib.messages.phrases import NAME, counts_text, listed, look_for, names_text
from lib.messages.sections import says_exploit
from lib.messages.settings import of_repository
from lib.messages.steps import ToDo, UpgradeText
from lib.messages.titles import STILL_LISTED
from lib.models import Counts, Deployments, Finding, Origin, Severity, Upgrade, Workload
from lib.models.views import Kind
from lib.text import capitalized, counted, first, one_line, short, truncate
from lib.urls.advisories import names_versions

_NAME: Final = 100
"""Characters of the name of a package that has a line of its own."""
_RISK: Final = 400
_LOOKED_FOR: Final = 4
"""Packages without a version to go to that are named."""
_THEN: Final = 3
_TOGETHER: Final = 3
"""Packages of one upgrade that are named."""


def to_do(
    content: Content,
    rows: int,
    running: Deployments | None = None,
    base_image: str | None = None,
    *,
    whole: bool = False,
) -> ToDo:
    """
    Return what fixes what is open.

    `rows`: how many packages are listed. `base_image`: the one that the image names. `whole`: also
    packages of which nothing is asked for.
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
    unversioned = sorted(
        (upgrade for upgrade in packages if upgrade.fixed is None and upgrade not in kernels),
        key=lambda upgrade: upgrade.package not in news,
    )
    unclear = [
        upgrade
        for upgrade in _unclear(entries, unversioned)
        if upgrade.package not in by_description
    ]
    is_base_open = bool(entries) and not _says_base(rebuild, ready)
    support = base.move if is_base_open else ""
    marked = news if any(upgrade.package not in news for upgrade in unversioned) else ()
    return ToDo(
        upgrades=tuple(_lines(content, first(together(ready), rows), base)),
        upgrade_count=len(ready),
        fixes=_fixed(content.everything, ready),
        deploy=_deploy(content, running.before if running is not None else ()),
        without_fix=_without_fix(entries),
        rebuild=rebuild,
        release=meanwhile_of(base) if rebuild else "",
        build="" if rebuild else _build(ready),
        without_version=_without_version(
            content,
            {upgrade.package for upgrade in unclear if _key(upgrade) in asked},
            news,
            rebuild,
        ),
        nameless=_after(rebuild, capitalized(nameless_of(entries))),
        described=tuple(
            with_version(content, upgrade, upgrade_text([upgrade]), by_description)
            for upgrade in unversioned
            if upgrade.package in by_description
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
        later=later_text(content, kernels, support if kernels else ""),
        then="" if whole else _then(content, asked),
        support="" if kernels else support,
        gaps=_gaps(content, unclear, ready) if entries else "",
        brief=_brief(content, base if rebuild else None, packages, by_description),
    )


def _build(ready: Sequence[Upgrade]) -> str:
    """Return the command to build with after an upgrade of the base image; else empty."""
    return BUILD if any(upgrade.origin is Origin.BASE_IMAGE for upgrade in ready) else ""


def _says_base(rebuild: str, ready: Sequence[Upgrade]) -> bool:
    """Return whether a step says already that the release gets no more updates."""
    return bool(rebuild) or any(upgrade.origin is Origin.BASE_IMAGE for upgrade in ready)


def _gaps(content: Content, unclear: Collection[object], ready: Sequence[Upgrade]) -> str:
    """Return what the scanner does not say about fixes and exploits; empty where it does."""
    rows = [row for entry in content.everything for row in entry.findings]
    versions = "fix versions for some packages" if ready else "fix versions"
    exploits = "" if any(map(says_exploit, rows)) else "exploit data"
    missing = [*filter(None, (versions if unclear else "", exploits))]
    if not missing:
        return ""
    scanner, is_both = scanner_of(source_of(content)), len(missing) > 1
    words = f"neither {' nor '.join(missing)}" if is_both else f"no {missing[0]}"
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
    others = [f"{short(name, NAME)} to {one.words}" for name, one in by_description.items()]
    groups = together(ready)
    targets = [*map(_target, groups), *others]
    more = sum(map(len, groups[_THEN:])) + len(others[max(_THEN - len(groups), 0) :])
    named = targets[:_THEN] + ([counted(more, "more package")] if more > 0 else [])
    fixed = counts_text(_fixed(content.everything, ready))
    effect = f" (removes {fixed})" if fixed else ""
    pieces = (
        PATCHED if is_hosts else "",
        f"rebuild on {base.short}" if base is not None else "",
        f"upgrade {listed(named)}{effect if not others else ''}" if named else "",
    )
    text = ", then ".join(filter(None, pieces))
    text += "; the image can wait" if is_hosts and len(kernels) == len(packages) else ""
    unclear = _unclear(_in_current(content), packages)
    if not text and unclear:
        text = look_for([upgrade.package for upgrade in unclear])
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
    unclear = [_next(group) for group in shown if group[0].fixed is None]
    without = sum(len(group) for group in shown if group[0].fixed is None)
    more = len(others) - sum(map(len, shown))
    (unclear or ready).extend([counted(more, "more package")] if more else [])
    versions = "a newer version" if without == 1 and len(unclear) == 1 else "newer versions"
    pieces = [f"upgrade {listed(ready)}"] if ready else []
    pieces += [f"look for {versions} of {listed(unclear)}"] if unclear else []
    return truncate(one_line(f"Then {'; '.join(pieces)}"), _RISK) if pieces else ""


def _next(group: Sequence[Upgrade]) -> str:
    target = f" to {group[0].fixed}" if group[0].fixed is not None else ""
    return f"{_packages(group, NAME)}{target} ({counts_text(group[0].fixes)})"


def _key(upgrade: Upgrade) -> tuple[object, ...]:
    return (upgrade.package, upgrade.manager, upgrade.fixed is None)


def _news(content: Content) -> frozenset[str]:
    """Return the packages of what is news."""
    entries = (entry for entry in content.open if entry.is_news)
    return frozenset(package.name for entry in entries for package in entry.packages)


def upgrades_of(content: Content, *, whole: bool = False) -> list[Upgrade]:
    """
    Return the packages to upgrade, worst and most fixes first.

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
    return [_counted(upgrade, rows[upgrade.package, upgrade.manager], by_row) for upgrade in listed]


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
    return replace(upgrade, fixes=fixes, vulnerability_ids=ids, score=worst)


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


def _unclear(entries: Sequence[Entry], packages: Sequence[Upgrade]) -> list[Upgrade]:
    """Return the packages without a version to go to, of which nobody says that no fix exists."""
    rows = (row for entry in entries for row in entry.findings)
    names = {row.package.name for row in rows if _may_have_fix(row)}
    return [upgrade for upgrade in packages if upgrade.package in names]


def _may_have_fix(row: Finding) -> bool:
    """Return whether a row names no fix version, and nobody says that there is none."""
    return row.fixed_version is None and row.fix_available != "NO"


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
    return UpgradeText(
        remedy=_remedy(upgrade, base),
        package=_packages(group, NAME if others else _NAME),
        installed=installed_text(upgrade),
        fixed=truncate(one_line(upgrade.fixed or ""), NAME),
        removes=counts_text(upgrade.fixes),
        fixes=upgrade.fixes,
        group=tuple(short(upgrade.package) for upgrade in group) if others else (),
        score=worst_score(upgrade.score, sum(upgrade.fixes.values())),
    )


def _remedy(upgrade: Upgrade, base: Base | None) -> str:
    """Return where an upgrade is made."""
    remedy, is_of_base = upgrade.origin.remedy, upgrade.origin is Origin.BASE_IMAGE
    if is_of_base and base is not None:
        remedy = f"{base.step}. On {base.release}" if base.ended else base.step
    return remedy


def _without_version(
    content: Content, packages: Collection[str], news: Collection[str], rebuild: str
) -> str:
    """
    Return which packages have no version to go to, new ones first; empty without any.

    `rebuild`: the step before it, which replaces packages of the distribution.

    A vulnerability of several packages is counted once, beside all of them.
    """
    groups: defaultdict[tuple[str, ...], list[Entry]] = defaultdict(list)
    for entry in content.everything:
        rows = filter(_may_have_fix, entry.findings)
        names = tuple(dict.fromkeys(row.package.name for row in rows))
        names = tuple(name for name in names if name in packages)
        if names and not content.is_behind(entry):
            groups[names].append(entry)
    if not groups:
        return ""
    # Where all of them are new, that is no difference.
    news = frozenset(news) if {*packages} - {*news} else frozenset()
    ordered = sorted(groups, key=lambda names: (news.isdisjoint(names), fewer_last(groups[names])))
    severities = {entry.severity for entries in groups.values() for entry in entries}
    is_mixed = len(severities) > 1 or len(groups) == 1
    texts = [
        f"{listed([short(name) for name in names])} ({_amount(groups[names], is_mixed=is_mixed)}"
        f"{'' if news.isdisjoint(names) else ', new'})"
        for names in first(ordered, _LOOKED_FOR)
    ]
    more = {name for names in ordered for name in names}
    more -= {name for names in ordered[: len(texts)] for name in names}
    texts += [counted(len(more), "more package")] if more else []
    versions = "a newer version" if len(texts) == 1 and len(ordered[0]) == 1 else "newer versions"
    stuck = [row for entries in groups.values() for entry in entries for row in entry.findings]
    pages = "; the CVE pages name the fixed versions" if all(map(names_versions, stuck)) else ""
    if rebuild and all(map(of_distribution, stuck)):
        return f"{STILL_LISTED}: {listed(texts)}{pages}"
    return _after(rebuild, f"Look for {versions} of {listed(texts)}{pages}")


def _amount(entries: Sequence[Entry], *, is_mixed: bool) -> str:
    """Return how many there are; of one severity the number alone."""
    return counts_text(counts_of(entries)) if is_mixed else f"{len(entries):,}"
