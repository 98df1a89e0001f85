"""One finding per vulnerability, package and path; worst first."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Final

from lib.models import Finding, FindingId, Package

_Merge = Callable[[Any, Any], Any]
Rank = tuple[float, ...]
"""Severity, exploit, fix, EPSS, score."""


def distinct(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """
    Merge findings of the same identity, and sort: severity, exploit, fix, EPSS, score, name.

    Among rows of the same identity the worst severity wins; other values that differ are joined.
    """
    merged: dict[FindingId, Finding] = {}
    for finding in findings:
        package = finding.package
        identity = (finding.vulnerability_id, package.name, package.path or "")
        first = merged.setdefault(identity, finding)
        if first is not finding:
            merged[identity] = _merged(first, finding)
    return tuple([finding for _, finding in sorted(merged.items(), key=_worst_first)])


def _worst_first(item: tuple[FindingId, Finding]) -> tuple[Rank, FindingId]:
    identity, finding = item
    return rank(finding), identity


def rank(finding: Finding) -> Rank:
    """Return how bad a row is; less is worse."""
    score = finding.score
    return (
        -finding.severity,
        not finding.exploitable,
        not finding.fixable,
        -(finding.epss or 0.0),
        -score.value if score is not None else 0.0,
    )


# --- two findings of one identity -----------------------------------------------------------------


def _first(one: Any, other: Any) -> Any:
    return other if one is None else one


def _first_text(one: str | None, other: str | None) -> str | None:
    return one or other


def _united(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one + other))


def _both(one: Mapping[str, str], other: Mapping[str, str]) -> Mapping[str, str]:
    return MappingProxyType({**other, **one})


def _joined(one: str | None, other: str | None) -> str | None:
    if one is None or other is None:
        return one or other
    return ", ".join(dict.fromkeys([*one.split(", "), *other.split(", ")]))


def _fix(one: str | None, other: str | None) -> str | None:
    return one or other if one is None or other is None else "PARTIAL"


def _yes(one: str | None, other: str | None) -> str | None:
    return "YES" if "YES" in (one, other) else one or other


def _picked(pick: Callable[[Any, Any], Any]) -> _Merge:
    """Return the rule that picks one of two values, where there are two."""

    def rule(one: Any, other: Any) -> Any:
        return _first(one, other) if one is None or other is None else pick(one, other)

    return rule


_BY_TYPE: Final[Mapping[Any, _Merge]] = MappingProxyType(
    {str | None: _first_text, tuple[str, ...]: _united, Mapping[str, str]: _both}
)
"""How two values of a field become one; of every other type the first value stands."""
_BY_NAME: Final[Mapping[str, _Merge]] = MappingProxyType(
    {
        "fixed_version": _joined,
        "fix_available": _fix,
        "exploit_available": _yes,
        "exploit_observed_at": _picked(max),
        "epss": _picked(max),
        "first_observed_at": _picked(min),
        "last_observed_at": _picked(max),
        "version": _joined,
    }
)
"""The same for fields whose meaning asks for another rule than their type."""


class _Rules:
    """The rules for the fields of a dataclass, but those that depend on more than their values."""

    def __init__(self, model: type, *, dependent: frozenset[str]) -> None:
        self._rules = {
            field.name: _BY_NAME.get(field.name) or _BY_TYPE.get(field.type, _first)
            for field in fields(model)
            if field.name not in dependent
        }
        self._values = attrgetter(*self._rules)

    def merged(self, one: Any, other: Any) -> dict[str, Any]:
        """Return one value for each field."""
        pairs = zip(self._rules.items(), self._values(one), self._values(other), strict=True)
        return {name: mine if mine == its else rule(mine, its) for (name, rule), mine, its in pairs}


_FINDING: Final = _Rules(
    Finding,
    dependent=frozenset(
        {"vulnerability_id", "package", "severity", "source_severity", "score", "source_status"}
    ),
)
_PACKAGE: Final = _Rules(Package, dependent=frozenset({"name", "path", "purl"}))


def _merged(one: Finding, other: Finding) -> Finding:
    """Return one finding with the values of both; the first stands where only one can."""
    worse, milder = (other, one) if other.severity > one.severity else (one, other)
    word = milder.source_severity if milder.severity == worse.severity else None
    return replace(
        one,
        package=_merged_package(one.package, other.package),
        severity=worse.severity,
        source_severity=worse.source_severity or word,
        score=worse.score or milder.score,
        source_status=_status(one, other),
        **_FINDING.merged(one, other),
    )


def _status(one: Finding, other: Finding) -> str | None:
    """Return the status of a row that is open, else that of the second."""
    if not one.open:
        return other.source_status
    return one.source_status or (other.source_status if other.open else None)


def _merged_package(one: Package, other: Package) -> Package:
    if one == other:
        return one
    # A package URL names one version: with two of them there is no right one.
    purl = one.purl or other.purl if one.version == other.version else None
    return replace(one, purl=purl, **_PACKAGE.merged(one, other))
