"""The fixes of a notice: upgrades counted in vulnerabilities, deployments, settings. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from lib.core.upgrades import upgrades
from lib.messages.facts import workloads_text
from lib.messages.notices.content import Content, Entry, counts_of
from lib.messages.parts import ToDo
from lib.messages.phrases import counts_text, names_text
from lib.messages.to_do import ready_upgrades, steps, upgrade_text, without_version
from lib.models import Counts, Deployments, ScanSource, Upgrade, Workload
from lib.text import capitalized, short

_ANY_SOURCE: Final = ScanSource.ECR_ENHANCED


def to_do(content: Content, rows: int, running: Deployments | None = None) -> ToDo:
    """Return what fixes what is open. `rows`: how many packages are listed."""
    entries = _in_current(content)
    if content.image.is_repository:
        return ToDo(all_steps=tuple(steps(row for entry in entries for row in entry.findings)))
    packages = _upgrades(entries)
    ready = ready_upgrades(packages)
    unversioned = [upgrade for upgrade in packages if upgrade.fixed is None]
    return ToDo(
        upgrades=tuple(map(upgrade_text, ready[:rows])),
        upgrade_count=len(ready),
        fixes=_fixed(entries, ready),
        deploy=_deploy(content, running.before if running is not None else ()),
        without_fix=_without_fix(entries),
        without_version=without_version(_source(content), _unclear(entries, unversioned)),
        unversioned=tuple(map(upgrade_text, unversioned[:rows])),
        unversioned_count=len(unversioned),
    )


def upgrades_of(content: Content) -> list[Upgrade]:
    """Return the packages to upgrade, worst and most fixes first."""
    return _upgrades(_in_current(content))


def _in_current(content: Content) -> list[Entry]:
    """Return what is open and not only in images behind the current one."""
    return [entry for entry in content.open if not content.is_behind(entry)]


def _upgrades(entries: Sequence[Entry]) -> list[Upgrade]:
    """Return the packages to upgrade, with the vulnerabilities (not rows) that each removes."""
    by_row = {row.vulnerability_id: entry for entry in entries for row in entry.findings}
    listed = upgrades(row for entry in entries for row in entry.findings)
    return [replace(upgrade, fixes=_removed(upgrade, by_row)) for upgrade in listed]


def _removed(upgrade: Upgrade, by_row: Mapping[str, Entry]) -> Counts:
    entries = {by_row[id_].id: by_row[id_] for id_ in upgrade.vulnerability_ids}
    return counts_of(entries.values())


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
    stuck = [entry for entry in entries if not entry.fixable]
    rows = (row for entry in entries for row in entry.findings)
    is_known = any(row.fix_available is not None for row in rows)
    if not stuck or not (is_known or len(stuck) < len(entries)):
        return ""
    return f"No fix is known for {counts_text(counts_of(stuck))}"


def _unclear(entries: Sequence[Entry], packages: Sequence[Upgrade]) -> list[Upgrade]:
    """Return the packages without a version to go to, of which nobody says that no fix exists."""
    rows = (row for entry in entries for row in entry.findings)
    names = {row.package.name for row in rows if row.fix_available != "NO"}
    return [upgrade for upgrade in packages if upgrade.package in names]


def _source(content: Content) -> ScanSource:
    """Return the scanner that listed the current image, whose words about fixes are used."""
    parts = (part for image in content.state.images for part in image.parts)
    return next((part.source for part in parts if part.source is not None), _ANY_SOURCE)
