"""
Rules -> destinations, each with the reason; and what a filter lets through. Pure.

Long because the text of a reason stands beside the rule that it explains.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final, NamedTuple

from lib.models import (
    Change,
    ChangeKind,
    Comparison,
    DeliveryState,
    Destination,
    Evaluation,
    Filter,
    Finding,
    FindingState,
    Image,
    Omission,
    Part,
    Report,
    ScanSource,
    Severity,
    StreamId,
    Suppressed,
    Tally,
)
from lib.text import counted

FIXABLE: Final = "fixable"
EXPLOITABLE: Final = "exploitable"
IN_USE: Final = "in-use"

_BELOW: Final = "below "
_NOT_ASKED: Final = "kind not asked for"
_CLOSED: Final = "closed at the source"
_SUPPRESSED: Final = "suppressed at the source"
_FAILED: Final = "the last route speaks for it"
_SHOWN: Final = 3
"""Suppressions named in a reason; the rest is counted."""

# What a change can be to a set of filters, beside refused for a reason.
_TOLD: Final = "told"
_UNCHANGED: Final = "unchanged"
_GONE: Final = "gone"


_SCANNERS: Final = tuple(each.value for each in ScanSource if each is not ScanSource.REPOSITORY)
SETTINGS: Final = "settings"
"""The end of the stream of a repository's own checks."""


@dataclass(frozen=True, slots=True)
class Match:
    """
    Which images a route is about. Globs are case-sensitive, and `*` crosses slashes.

    Every field that is given must match; one of its globs is enough.
    """

    repository: tuple[str, ...] = ()
    tag: tuple[str, ...] = ()
    account: tuple[str, ...] = ()
    region: tuple[str, ...] = ()
    platform: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    """Who found it: "ecr-basic", "ecr-enhanced", "inspector2", "repository"."""
    untagged: bool = False
    """Images without a tag match too; without `tag`, only they do."""

    def mismatch(
        self, image: Image, parts: Sequence[Part] = (), *, source: ScanSource | None = None
    ) -> str | None:
        """
        Return what does not match, in words; None when everything does.

        Of the `parts` of an index, the platform of one is enough. Without a `source`, an image that
        no scanner has seen yet may be seen by any.
        """
        sources = _SCANNERS if source is None else (source.value,)
        platforms = [each.platform for each in parts] or [image.platform or ""]
        fields: tuple[tuple[str, tuple[str, ...], Sequence[str]], ...] = (
            ("repository", self.repository, [image.repository]),
            ("account", self.account, [image.account]),
            ("region", self.region, [image.region]),
            ("source", self.source, sources),
            ("platform", self.platform, [*platforms, *map(_without_variant, platforms)]),
        )
        for name, globs, values in fields:
            if globs and not _any_match(values, globs):
                said = ", ".join(dict.fromkeys(values)) or "(not known)"
                return f"{name} {said} does not match {' or '.join(globs)}"
        return self._tag_mismatch(image.tags)

    def _tag_mismatch(self, tags: tuple[str, ...]) -> str | None:
        if not self.tag and not self.untagged:
            return None
        if self.untagged and not tags:
            return None
        if _any_match(tags, self.tag):
            return None
        wanted = " or ".join((*self.tag, *(("untagged",) if self.untagged else ())))
        return f"tags {', '.join(tags) or '(none)'} do not match {wanted}"


@dataclass(frozen=True, slots=True)
class Route:
    """One rule of alerts.yml. `match` is None in the last one, which catches all."""

    name: str
    filter: Filter
    notify: tuple[Destination, ...]
    match: Match | None = None
    continues: bool = False
    """Look at the routes after this one, too."""


@dataclass(frozen=True, slots=True)
class RouteOutcome:
    """What one route said about one evaluation, and why."""

    route: str
    matched: bool
    reason: str
    selected: int = 0
    """How many changes its filter lets through; 1 for a scan without a result."""
    destinations: tuple[Destination, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """One destination hears of it (PENDING), or would have but for suppressions (SUPPRESSED)."""

    destination: Destination
    filters: tuple[Filter, ...]
    routes: tuple[str, ...]
    state: DeliveryState
    reason: str


@dataclass(frozen=True, slots=True)
class Decisions:
    """What every route said, and what follows: at most one delivery per destination."""

    outcomes: tuple[RouteOutcome, ...]
    deliveries: tuple[Decision, ...]


@dataclass(frozen=True, slots=True)
class Selection:
    """
    What filters make of an evaluation; every finding of the report is in exactly one group.

    len(report.findings) = changes but RESOLVED + unchanged + the sum of `left_out`. `standing` cuts
    across the groups: whatever is open now and passes the filters, told or not.
    """

    changes: tuple[Change, ...] = ()
    unchanged: int = 0
    left_out: tuple[Omission, ...] = ()
    standing: tuple[Change, ...] = ()


class _Judged(NamedTuple):
    """What filters make of one change, and whether its finding is open here."""

    verdict: str
    standing: bool


def stream_of(image: Image, patterns: Sequence[str]) -> StreamId:
    """
    Name the line of images that this one continues: its repository, platform and tag pattern.

    The first pattern that matches any tag counts; without one, the repository is one stream. What
    is no image, but a repository or a tag of it, has a stream of its own.
    """
    parts = [f"{image.account}/{image.region}/{image.repository}"]
    if image.is_repository:
        return StreamId("|".join((*parts, SETTINGS, *image.tags)))
    if image.platform:
        parts.append(image.platform)
    pattern = next((each for each in patterns if _any_match(image.tags, (each,))), None)
    if pattern is not None:
        parts.append(pattern)
    return StreamId("|".join(parts))


def filters_for(
    destination: Destination,
    image: Image,
    parts: Sequence[Part],
    routes: Sequence[Route],
    *,
    source: ScanSource | None = None,
) -> tuple[Filter, ...]:
    """Return what a destination asks of an image: the filters of the routes that lead to it."""
    filters = []
    for route in routes:
        match = route.match
        if match is not None and match.mismatch(image, parts, source=source) is not None:
            continue
        if destination in route.notify:
            filters.append(route.filter)
        if not route.continues:
            break
    return tuple(filters)


def refusal(finding: Finding | FindingState, image: Image, filter_: Filter) -> str | None:
    """Return why a filter leaves this finding out, in words; None when it lets it through."""
    severity = finding.severity
    if severity is Severity.UNKNOWN:
        if filter_.severity > Severity.UNKNOWN and not filter_.unknown_severity:
            return "severity unknown"
    elif severity < filter_.severity:
        return _BELOW + filter_.severity.name
    if FIXABLE in filter_.only and not finding.fixable:
        never = isinstance(finding, Finding) and finding.fix_available == "NO"
        return "no fix available" if never else "no fix known"
    if EXPLOITABLE in filter_.only and not finding.exploitable:
        return "no known exploit"
    if IN_USE in filter_.only and not image.in_use_count:
        return "not known to be in use" if image.in_use_count is None else "not in use"
    return None


def passing(tally: Tally, severity: Severity, image: Image, filters: Sequence[Filter]) -> int:
    """Return how many of the findings that a tally counts any of the filters lets through."""
    asked: set[tuple[bool, bool]] = set()
    for each in filters:
        known_of = FindingState(
            severity, exploitable=True, fixable=True, open=True, source_status=None
        )
        if refusal(known_of, image, each) is None:
            asked.add((FIXABLE in each.only, EXPLOITABLE in each.only))
    if (False, False) in asked:
        return tally.total
    either = {(True, False): tally.fixable, (False, True): tally.exploitable}
    found = [number for key, number in either.items() if key in asked]
    if len(found) > 1:
        return sum(found) - tally.both
    return found[0] if found else tally.both if asked else 0


def decide(evaluation: Evaluation, routes: Sequence[Route]) -> Decisions:
    """
    Say which destinations hear of an evaluation, and what every route said.

    The first route that matches wins unless it continues. A destination that several routes reach
    gets one decision with all their filters. A route that cannot be evaluated makes the last one
    speak too, so that nobody goes unheard; an error in the last one is raised. A scan without a
    result passes every filter but `kinds`.
    """
    tally = _Tally(evaluation)
    outcomes: list[RouteOutcome] = []
    reached: list[_Reached] = []
    winner: str | None = None
    failed = False
    for route in routes:
        last = route is routes[-1]
        if winner is not None and not (last and failed):
            outcomes.append(_silent(route, f"not reached: {winner} came first"))
            continue
        try:
            answer = _ask(route, tally)
        except Exception as error:
            if last:
                raise
            failed = True
            outcomes.append(_silent(route, f"not evaluated ({type(error).__name__}): {_FAILED}"))
            continue
        if isinstance(answer, str):
            outcomes.append(_silent(route, answer))
            continue
        outcomes.append(
            RouteOutcome(route.name, True, answer.reason, answer.selected, route.notify)
        )
        reached.append(_Reached(route, answer))
        winner = winner if route.continues else route.name
    return Decisions(tuple(outcomes), tuple(_deliveries(reached)))


def selection(evaluation: Evaluation, filters: Sequence[Filter]) -> Selection:
    """
    Return what a destination is told (what any filter lets through), and count all the rest.

    What was there before and passes otherwise is `unchanged`; every other finding is counted in
    `left_out` under the reason. A scan without a usable result has nothing to select from.
    """
    report, comparison = evaluation.report, evaluation.comparison
    if not isinstance(report, Report) or comparison is None:
        return Selection()
    verdicts: dict[_Key, _Judged] = {}
    changes: list[Change] = []
    standing: list[Change] = []
    others: Counter[_Judged] = Counter()
    for change in comparison.changes:
        key = _key(change.kind, change.finding)
        judged = verdicts.get(key)
        if judged is None:
            judged = verdicts[key] = _judged(change, report.image, filters)
        if judged.verdict == _TOLD:
            changes.append(change)
        else:
            others[judged] += 1
        if judged.standing:
            standing.append(change)
    unchanged = others.pop(_Judged(_UNCHANGED, standing=True), 0)
    others.pop(_Judged(_GONE, standing=False), None)
    others.update(_Judged(each, standing=False) for each in _not_told(report, comparison))
    left_out = tuple(Omission(each.verdict, n, each.standing) for each, n in others.items())
    return Selection(tuple(changes), unchanged, left_out, tuple(standing))


def _judged(change: Change, image: Image, filters: Sequence[Filter]) -> _Judged:
    open_ = change.kind is not ChangeKind.RESOLVED
    passes = any(refusal(change.finding, image, each) is None for each in filters)
    return _Judged(_verdict(change, image, filters), standing=open_ and passes)


def _verdict(change: Change, image: Image, filters: Sequence[Filter]) -> str:
    """Return _TOLD, _UNCHANGED, _GONE, or why no filter lets this change through."""
    passing = [each for each in filters if refusal(change.finding, image, each) is None]
    if any(_asks_for(each, change.kind) for each in passing):
        return _TOLD
    if change.kind is ChangeKind.RESOLVED:
        return _GONE
    if passing and change.kind is ChangeKind.UNCHANGED:
        return _UNCHANGED
    return _refusals(change.finding, image, filters)


def _refusals(finding: Finding, image: Image, filters: Sequence[Filter]) -> str:
    """Join what the filters say; of several thresholds only the lowest needs saying."""
    by_threshold = sorted(filters, key=lambda each: each.severity)
    words = [refusal(finding, image, each) or _NOT_ASKED for each in by_threshold]
    lowest = next((each for each in words if each.startswith(_BELOW)), None)
    said = (each for each in words if each == lowest or not each.startswith(_BELOW))
    return ", ".join(dict.fromkeys(said)) or _NOT_ASKED


def _asks_for(filter_: Filter, kind: ChangeKind) -> bool:
    return kind.value in filter_.kinds if filter_.kinds else kind is not ChangeKind.UNCHANGED


def _not_told(report: Report, comparison: Comparison) -> Iterable[str]:
    """Yield why a finding is no change at all: suppressed here, or not open at its source."""
    yield from map(_suppressed_by, comparison.suppressed)
    yield from _not_open(report)


def _suppressed_by(entry: Suppressed) -> str:
    return f"suppressed by {entry.entry} until {entry.expires}: {entry.reason}"


def _not_open(report: Report) -> Iterable[str]:
    for finding in report.findings:
        if not finding.open:
            yield _CLOSED if finding.source_status == "CLOSED" else _SUPPRESSED


# --- the arithmetic of decide -----------------------------------------------------------------

_Key = tuple[object, ...]


def _key(kind: ChangeKind, finding: Finding) -> _Key:
    """Return everything that filters look at, so that equal findings are judged once."""
    return (
        kind,
        finding.severity,
        finding.fixed_version is None,
        finding.fix_available,
        finding.exploit_available,
        finding.exploit_observed_at is None,
    )


@dataclass(frozen=True, slots=True)
class _Answer:
    """What one matching route makes of an evaluation."""

    selected: int
    reason: str
    suppressed: bool = False
    """Something would have been selected, were it not suppressed."""


@dataclass(frozen=True, slots=True)
class _Reached:
    route: Route
    answer: _Answer


class _Tally:
    """The changes of an evaluation, counted by what filters look at: many findings, few kinds."""

    def __init__(self, evaluation: Evaluation) -> None:
        comparison = evaluation.comparison
        self.image = evaluation.report.image
        self.parts = evaluation.report.parts
        self.source = evaluation.report.scan.source
        self.problem = evaluation.problem
        self.unscanned = comparison.unscanned if comparison else ()
        self.compared = comparison is not None
        self._samples: dict[_Key, Change] = {}
        self._counts: Counter[_Key] = Counter()
        self._suppressed = comparison.suppressed if comparison else ()
        for change in comparison.changes if comparison else ():
            key = _key(change.kind, change.finding)
            self._samples.setdefault(key, change)
            self._counts[key] += 1

    def verdicts(self, filter_: Filter) -> Counter[str]:
        """Count the changes by what a filter says to them."""
        counts: Counter[str] = Counter()
        for key, change in self._samples.items():
            counts[_verdict(change, self.image, (filter_,))] += self._counts[key]
        return counts

    def hidden(self, filter_: Filter) -> tuple[str, ...]:
        """Name the entries that suppress what a filter would have let through."""
        return tuple(
            dict.fromkeys(
                f"{each.entry} until {each.expires}"
                for each in self._suppressed
                if _asks_for(filter_, each.kind)
                and refusal(each.finding, self.image, filter_) is None
            )
        )


def _ask(route: Route, tally: _Tally) -> _Answer | str:
    """Return what a route says to an evaluation; a text when it is not about this image."""
    if route.match is not None:
        mismatch = route.match.mismatch(tally.image, tally.parts, source=tally.source)
        if mismatch is not None:
            return mismatch
    if tally.problem is not None:
        asked = _asks_for(route.filter, tally.problem.kind)
        word = "passes" if asked else "is not asked for"
        return _Answer(int(asked), f"{tally.problem.kind.value} {word}")
    if not tally.compared:
        return _Answer(0, "nothing to send: no result, as before")
    verdicts = tally.verdicts(route.filter)
    selected = verdicts.pop(_TOLD, 0)
    unscanned = sum(_asks_for(route.filter, each) for each in tally.unscanned)
    if selected or unscanned:
        return _Answer(selected + unscanned, _passing(selected, unscanned))
    hidden = tally.hidden(route.filter)
    if hidden:
        return _Answer(0, f"suppressed: {_listed(hidden)}", suppressed=True)
    verdicts.pop(_GONE, None)
    rest = ", ".join(
        f"{counted(count, 'change')} left out ({reason})" for reason, count in verdicts.items()
    )
    return _Answer(0, f"nothing to send: {rest or 'no findings'}")


def _passing(changes: int, unscanned: int) -> str:
    words = ["1 change passes" if changes == 1 else f"{changes} changes pass"] if changes else []
    if unscanned:
        words.append(f"{unscanned} platform{'s' if unscanned > 1 else ''} not scanned")
    return ", ".join(words)


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"


def _silent(route: Route, reason: str) -> RouteOutcome:
    return RouteOutcome(route.name, matched=False, reason=reason)


def _deliveries(reached: Sequence[_Reached]) -> Iterable[Decision]:
    """Return one decision for each destination that has something to hear, or would have had."""
    for destination in dict.fromkeys(name for each in reached for name in each.route.notify):
        through = [each for each in reached if destination in each.route.notify]
        telling = [each for each in through if each.answer.selected]
        hiding = [each for each in through if each.answer.suppressed]
        if not telling and not hiding:
            continue
        yield Decision(
            destination,
            filters=tuple(each.route.filter for each in through),
            routes=tuple(each.route.name for each in through),
            state=DeliveryState.PENDING if telling else DeliveryState.SUPPRESSED,
            reason="; ".join(
                f"{each.route.name}: {each.answer.reason}" for each in telling or hiding
            ),
        )


def _without_variant(platform: str) -> str:
    """Return "linux/arm64" for "linux/arm64/v8": builders differ in whether they name it."""
    return "/".join(platform.split("/")[:2])


def _any_match(values: Iterable[str], globs: Iterable[str]) -> bool:
    """Tell whether any glob matches any value. The standard library keeps each glob compiled."""
    return any(fnmatchcase(value, glob) for value in values for glob in globs)
