"""The fixes of an alert: upgrades, deployments, and commands for settings. Pure."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from lib.checks.settings import CLOUDFORMATION, COMMAND, REMARK
from lib.core.scanners import scanner_of
from lib.messages.facts import deploy
from lib.messages.parts import Step, ToDo, UpgradeText
from lib.messages.phrases import NAME, counts_text
from lib.models import Alert, Counts, Finding, Origin, Severity, Upgrade, by_severity
from lib.text import clean, counted, one_line, short, truncate

_TITLE: Final = 160
_RISK: Final = 400
_VERSIONS: Final = 3
_PACKAGES: Final = 5
_ORIGINS: Final = (Origin.BASE_IMAGE, Origin.DEPENDENCY, Origin.UNKNOWN)


def to_do(alert: Alert, rows: int) -> ToDo:
    """Return what fixes the findings. `rows`: how many packages are listed."""
    ready = [upgrade for upgrade in alert.upgrades if upgrade.fixed is not None]
    ready.sort(key=lambda upgrade: _ORIGINS.index(upgrade.origin))
    unversioned = [upgrade for upgrade in alert.upgrades if upgrade.fixed is None]
    return ToDo(
        upgrades=tuple(map(_upgrade, ready[:rows])),
        upgrade_count=len(ready),
        fixes=_fixes(ready),
        all_steps=tuple(_steps(alert)),
        deploy=deploy(alert),
        without_fix=_without_fix(alert),
        without_version=_without_version(alert, unversioned),
        unversioned=tuple(map(_upgrade, unversioned[:rows])),
        unversioned_count=len(unversioned),
    )


def _upgrade(upgrade: Upgrade) -> UpgradeText:
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


def _fixes(upgrades: Iterable[Upgrade]) -> Counts:
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


def _without_version(alert: Alert, packages: list[Upgrade]) -> str:
    """Return which packages have no version to go to; empty when there are none."""
    if not packages:
        return ""
    names = ", ".join(
        f"{short(upgrade.package)} ({counts_text(upgrade.fixes)})"
        for upgrade in packages[:_PACKAGES]
    )
    more = len(packages) - _PACKAGES
    names += f" and {counted(more, 'more package')}" if more > 0 else ""
    return scanner_of(alert.scan.source).without_version.format(packages=names)


def _steps(alert: Alert) -> Iterable[Step]:
    """Yield what fixes each setting, the worst first."""
    findings = (change.finding for change in alert.standing)
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
