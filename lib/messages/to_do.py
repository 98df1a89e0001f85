"""The fixes of an alert: upgrades, deployments, and commands for settings. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from lib.checks.settings import CLOUDFORMATION, COMMAND, REMARK
from lib.core.scanners import scanner_of
from lib.messages.facts import deploy
from lib.messages.parts import Step, ToDo, UpgradeText
from lib.messages.phrases import NAME, counts_text
from lib.models import Alert, Counts, Finding, Origin, ScanSource, Severity, Upgrade, by_severity
from lib.text import clean, counted, one_line, short, truncate

_TITLE: Final = 160
_RISK: Final = 400
_VERSIONS: Final = 3
_PACKAGES: Final = 5
_ORIGINS: Final = (Origin.BASE_IMAGE, Origin.DEPENDENCY, Origin.UNKNOWN)


def to_do(alert: Alert, rows: int) -> ToDo:
    """Return what fixes the findings. `rows`: how many packages are listed."""
    ready = ready_upgrades(alert.upgrades)
    unversioned = [upgrade for upgrade in alert.upgrades if upgrade.fixed is None]
    return ToDo(
        upgrades=tuple(map(upgrade_text, ready[:rows])),
        upgrade_count=len(ready),
        fixes=fixes_of(ready),
        all_steps=tuple(steps(change.finding for change in alert.standing)),
        deploy=deploy(alert),
        without_fix=_without_fix(alert),
        without_version=without_version(alert.scan.source, unversioned),
        unversioned=tuple(map(upgrade_text, unversioned[:rows])),
        unversioned_count=len(unversioned),
    )


def ready_upgrades(upgrades: Iterable[Upgrade]) -> list[Upgrade]:
    """Return the upgrades that name a version to go to, those of the base image first."""
    ready = [upgrade for upgrade in upgrades if upgrade.fixed is not None]
    return sorted(ready, key=lambda upgrade: _ORIGINS.index(upgrade.origin))


def upgrade_text(upgrade: Upgrade) -> UpgradeText:
    """Return a package to upgrade in words."""
    versions = [truncate(one_line(version), NAME) for version in upgrade.installed]
    more = f" and {len(versions) - _VERSIONS} more" if len(versions) > _VERSIONS else ""
    return UpgradeText(
        remedy=upgrade.origin.remedy,
        package=short(upgrade.package),
        installed=", ".join(versions[:_VERSIONS]) + more,
        fixed=truncate(one_line(upgrade.fixed or ""), NAME),
        removes=counts_text(upgrade.fixes),
        fixes=upgrade.fixes,
    )


def fixes_of(upgrades: Iterable[Upgrade]) -> Counts:
    """Return what upgrades remove together, worst first."""
    total: Counter[Severity] = Counter()
    for upgrade in upgrades:
        total.update(upgrade.fixes)
    return {severity: total[severity] for severity in sorted(total, reverse=True)}


def _without_fix(alert: Alert) -> str:
    """Count what no upgrade removes; empty where the source says nothing about fixes."""
    stuck = [change for change in alert.standing if not change.finding.fixable]
    is_known = any(change.finding.fix_available is not None for change in alert.standing)
    if not stuck or not (is_known or len(stuck) < len(alert.standing)):
        return ""
    return f"{len(stuck):,} without a fix: {counts_text(by_severity(stuck))}"


def without_version(source: ScanSource, packages: Sequence[Upgrade]) -> str:
    """Return which packages have no version to go to; empty when there are none."""
    if not packages:
        return ""
    names = ", ".join(
        f"{short(upgrade.package)} ({counts_text(upgrade.fixes)})"
        for upgrade in packages[:_PACKAGES]
    )
    more = len(packages) - _PACKAGES
    names += f" and {counted(more, 'more package')}" if more > 0 else ""
    return scanner_of(source).without_version.format(packages=names)


def steps(findings: Iterable[Finding]) -> Iterable[Step]:
    """Yield what fixes each setting of a repository, in the order of its findings."""
    return (_step(finding) for finding in findings if COMMAND in finding.extra)


def _step(finding: Finding) -> Step:
    resource, *template = clean(finding.extra[CLOUDFORMATION]).splitlines()
    return Step(
        title=truncate(one_line(f"{finding.vulnerability_id}: {finding.title}"), _TITLE),
        risk=truncate(one_line(finding.description or ""), _RISK),
        remark=truncate(one_line(finding.extra.get(REMARK, "")), _TITLE),
        commands=tuple(map(clean, finding.extra[COMMAND].splitlines())),
        resource=resource,
        template=tuple(template),
    )
