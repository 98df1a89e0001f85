"""
What a destination should show of a stream by today's rules: its desired items. Pure.

For each watched image, each route that applies to it: the findings that are open, pass the filter
and are not suppressed today, grouped into vulnerabilities. A destination's desired items are those
of all its routes. Whatever else is open is `suppressed` or `refused`, with the reason.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date
from functools import lru_cache
from itertools import chain
from types import MappingProxyType

from lib.core.conditions import PartCondition, conditions
from lib.core.suppressions import Suppression
from lib.core.verdicts import Judge, RuleSet, Verdict, joined
from lib.core.vulnerabilities import vulnerabilities_of
from lib.models import Destination, Finding, Image, Severity
from lib.models.immutable import immutable
from lib.models.streams import Comparison, StreamState, Vulnerability, WatchedImage
from lib.models.views import Desired, DesiredItem, ReportedItem


def desired(
    state: StreamState,
    destination: Destination,
    rules: RuleSet,
    *,
    today: date,
    conditions_beside_results: bool = True,
) -> Desired:
    """
    Return what a destination should show of a stream today, and why it shows nothing else.

    Without `conditions_beside_results`, as for incidents, conditions are desired only while no
    part of the current image has a usable result.
    """
    grouped = vulnerabilities_of(state.images)
    names = {row.vulnerability_id: group.names for group in grouped for row in group.findings}
    judges = [Judge(image, destination, rules, today, names) for image in state.images]
    items: dict[str, DesiredItem] = {}
    suppressed: dict[str, str] = {}
    refused: dict[str, str] = {}
    scanned = not conditions_beside_results and _has_usable_part(state.current)
    for id_, outcome in (
        *_vulnerabilities(grouped, judges, state.comparison),
        *_conditions(judges, scanned=scanned),
    ):
        if isinstance(outcome, DesiredItem):
            items[id_] = outcome
        elif outcome.entry is not None:
            suppressed[id_] = outcome.entry
        else:
            refused[id_] = outcome.reason
    return Desired(
        destination,
        applies=any(judge.applies for judge in judges),
        items=MappingProxyType(items),
        suppressed=MappingProxyType(suppressed),
        refused=MappingProxyType(refused),
        entries=MappingProxyType(_entries(rules.suppressions, set(suppressed.values()))),
        names=MappingProxyType({group.id: group.names for group in grouped if _is_open(group)}),
        compared=state.comparison is not None,
    )


def _entries(entries: Iterable[Suppression], names: Collection[str]) -> dict[str, str]:
    return {
        entry.name: f"until {entry.expires}: {entry.reason}"
        for entry in entries
        if entry.name in names
    }


@immutable(frozen=True, slots=True)
class _LeftOut:
    """Why something that is open is not desired: an entry of alerts.yml, or a reason in words."""

    reason: str
    entry: str | None = None


_Outcome = tuple[str, DesiredItem | _LeftOut]


def _vulnerabilities(
    grouped: Sequence[Vulnerability], judges: Sequence[Judge], comparison: Comparison | None
) -> Iterator[_Outcome]:
    """Yield each vulnerability that is open, worst first, and whether it is desired."""
    verdicts: defaultdict[str, list[Verdict]] = defaultdict(list)
    for judge in judges:
        for verdict in judge.findings():
            verdicts[judge.names[verdict.finding.vulnerability_id][0]].append(verdict)
    for vulnerability in grouped:
        found = verdicts.get(vulnerability.id)
        if found is None:
            continue
        refusal = _beside(comparison, vulnerability.names)
        outcome = _outcome(vulnerability, found) if refusal is None else _LeftOut(refusal)
        yield vulnerability.id, outcome


def _beside(comparison: Comparison | None, names: Iterable[str]) -> str | None:
    """Return why a comparison leaves out a vulnerability; None where it does not."""
    if comparison is None:
        return None
    if not comparison.names.isdisjoint(names):
        return "the stream that it is compared with has it, too"
    if comparison.first is not None and comparison.first.isdisjoint(names):
        return "found after the comparison"
    return None


def _is_open(vulnerability: Vulnerability) -> bool:
    return any(finding.open for finding in vulnerability.findings)


def _outcome(vulnerability: Vulnerability, verdicts: Iterable[Verdict]) -> DesiredItem | _LeftOut:
    """Return a vulnerability as its rows that pass show it: some of them can be suppressed."""
    passing = [verdict for verdict in verdicts if verdict.routes]
    if not passing:
        return _left_out(verdicts)
    if len(passing) == 1:  # nearly all
        return _of_one_row(vulnerability, passing[0])
    findings = [verdict.finding for verdict in passing]
    reported = ReportedItem(
        vulnerability.id,
        max(finding.severity for finding in findings),
        exploitable=any(finding.exploitable for finding in findings),
        fixable=any(finding.fixable for finding in findings),
        names=vulnerability.names,
        routes=_routes(passing),
    )
    return DesiredItem(reported, tuple(_distinct(passing)), _images(passing))


def _of_one_row(vulnerability: Vulnerability, verdict: Verdict) -> DesiredItem:
    """Return a vulnerability as the only row that passes shows it."""
    finding = verdict.finding
    reported = ReportedItem(
        vulnerability.id,
        finding.severity,
        exploitable=finding.exploitable,
        fixable=finding.fixable,
        names=vulnerability.names,
        routes=verdict.routes,
    )
    return DesiredItem(reported, (finding,), (verdict.image,))


def _left_out(verdicts: Iterable[Verdict]) -> _LeftOut:
    entries = [verdict.entry for verdict in verdicts if verdict.entry is not None]
    if entries:
        return _LeftOut(f"suppressed by {entries[0]}", entries[0])
    return _refused(tuple([verdict.refusals for verdict in verdicts]))


@lru_cache(maxsize=256)  # many findings, few reasons
def _refused(refusals: tuple[tuple[str, ...], ...]) -> _LeftOut:
    return _LeftOut(joined(chain.from_iterable(refusals)))


def _distinct(verdicts: Iterable[Verdict]) -> Iterator[Finding]:
    """Yield the findings, each package in each version and place once, as listed first."""
    seen = set()
    for verdict in verdicts:
        package = verdict.finding.package
        key = (verdict.finding.vulnerability_id, package.name, package.version, package.path)
        if key not in seen:
            seen.add(key)
            yield verdict.finding


def _routes(verdicts: Iterable[Verdict]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(route for verdict in verdicts for route in verdict.routes))


def _images(verdicts: Iterable[Verdict]) -> tuple[Image, ...]:
    return tuple({verdict.image.key: verdict.image for verdict in verdicts}.values())


def _conditions(judges: Sequence[Judge], *, scanned: bool) -> Iterator[_Outcome]:
    """Yield each condition of any part of a watched image, and whether it is desired."""
    found: dict[str, PartCondition] = {}
    verdicts: defaultdict[str, list[Verdict]] = defaultdict(list)
    for judge in judges:
        for part in judge.watched.parts:
            for condition in conditions(part):
                found.setdefault(condition.key, condition)
                verdicts[condition.key].append(judge.condition(condition, part))
    for key, condition in found.items():
        passing = [verdict for verdict in verdicts[key] if verdict.routes]
        if not passing:
            yield key, _left_out(verdicts[key])
        elif scanned:
            yield key, _LeftOut("a part of the current image has a usable result")
        else:
            item = ReportedItem(
                key, Severity.UNKNOWN, routes=_routes(passing), condition=condition.condition
            )
            yield key, DesiredItem(item, images=_images(passing), reason=condition.reason)


def _has_usable_part(watched: WatchedImage | None) -> bool:
    return watched is not None and any(part.reason is None for part in watched.parts)
