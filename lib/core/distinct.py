"""One finding per vulnerability, package and path; worst first."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import TypeVar

from lib.models import Finding, FindingId, Package

_Value = TypeVar("_Value", float, datetime)


def distinct(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """
    Merge findings of the same identity, and sort: severity, exploit, fix, EPSS, score, name.

    Among rows of the same identity the worst severity wins; what they differ in is joined.
    """
    found: dict[FindingId, Finding] = {}
    for finding in findings:
        package = finding.package
        identity = (finding.vulnerability_id, package.name, package.path or "")
        known = found.setdefault(identity, finding)
        if known is not finding:
            found[identity] = _merged(known, finding)
    return tuple([finding for _, finding in sorted(found.items(), key=_worst_first)])


def _worst_first(
    item: tuple[FindingId, Finding],
) -> tuple[int, bool, bool, float, float, FindingId]:
    identity, finding = item
    score = finding.score
    return (
        -finding.severity,
        not finding.exploitable,
        not finding.fixable,
        -(finding.epss or 0.0),
        -score.value if score is not None else 0.0,
        identity,
    )


def _merged(one: Finding, other: Finding) -> Finding:
    """Return one finding that says what both say; the first stands where only one can."""
    worse = other if other.severity > one.severity else one
    return replace(
        one,
        package=_merged_package(one.package, other.package),
        severity=worse.severity,
        source_severity=worse.source_severity,
        score=worse.score or one.score or other.score,
        aliases=_united(one.aliases, other.aliases),
        title=one.title or other.title,
        description=one.description or other.description,
        fixed_version=_joined(one.fixed_version, other.fixed_version),
        fix_available=_fix(one.fix_available, other.fix_available),
        exploit_available=_yes(one.exploit_available, other.exploit_available),
        exploit_observed_at=_picked(max, one.exploit_observed_at, other.exploit_observed_at),
        epss=_picked(max, one.epss, other.epss),
        remediation=one.remediation or other.remediation,
        links=_united(one.links, other.links),
        first_observed_at=_picked(min, one.first_observed_at, other.first_observed_at),
        last_observed_at=_picked(max, one.last_observed_at, other.last_observed_at),
        source_status=one.source_status if one.open else other.source_status,
        extra=MappingProxyType({**other.extra, **one.extra}),
    )


def _merged_package(one: Package, other: Package) -> Package:
    if one == other:
        return one
    return replace(
        one,
        version=_joined(one.version, other.version),
        manager=one.manager or other.manager,
        layer=one.layer or other.layer,
        # A package URL names one version: with two of them there is no right one.
        purl=one.purl if one.version == other.version else None,
    )


def _united(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    return one if one == other else tuple(dict.fromkeys(one + other))


def _joined(one: str | None, other: str | None) -> str | None:
    if one is None or other is None or one == other:
        return one or other
    return ", ".join(dict.fromkeys([*one.split(", "), *other.split(", ")]))


def _fix(one: str | None, other: str | None) -> str | None:
    if one is None or other is None or one == other:
        return one or other
    return "PARTIAL"


def _yes(one: str | None, other: str | None) -> str | None:
    return "YES" if "YES" in (one, other) else one or other


def _picked(
    pick: Callable[[_Value, _Value], _Value], one: _Value | None, other: _Value | None
) -> _Value | None:
    if one is None or other is None:
        return one if other is None else other
    return pick(one, other)
