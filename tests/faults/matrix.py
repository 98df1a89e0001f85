"""
The rows of the matrix: what they are, how they are judged, and their lines of the table.

Receivers' log against what was expected: a vulnerability that no message of its stream names is
lost; a notification that was accepted more than once is a repeat. Every row: nothing lost, each
view agrees with what is desired, everything accounted for, no secret in any log line.
"""

import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import cache
from typing import Final

from lib.core.attempts import is_open
from lib.models.views import Notification, RowState
from tests.faults.receivers import Accepted
from tests.faults.world import EACH, KINDS, Expected, World, leaks
from tests.support.thorough import THOROUGH

SEEDS: Final = (1, 2, 3)
SHARES: Final[Mapping[str, float]] = {"slack": 0.02, "bot": 0.001, "jira": 0.001}
"""The most repeats of the alerts of a kind."""
RECOGNIZED: Final = ("pagerduty", "sns", "webhook")
"""Kinds whose receivers know a repeat: by the key of its incident, or the id of its delivery."""
ENOUGH: Final = 1000
"""Alerts of a kind from which on a share of 0.1 % means something; below it is one alert."""
FULL: Final = 1_000
"""
Alerts of a row at full length, for each seed: some forty for each destination, or eight minutes.

A fault that lasts for longer has as many as it takes to outlast it. A race or a crash that needs
more to show is found by another seed sooner than by more alerts.
"""
SHARED: Final = ENOUGH * len(KINDS)
"""Where a share of the repeats of each kind is judged."""
LEAST: Final = (3 if THOROUGH else 1) * EACH * len(KINDS)
"""Alerts in a short run: one for each destination, three with `make thorough`."""
RARE: Final = 5 * EACH * len(KINDS)
"""Alerts in a short run of a fault so rare that fewer would not meet it."""
_QUIET: Final = 120


Play = Callable[[World, int], Iterator[str]]
"""Runs a world with so many alerts, and yields what breaks the row's own rule."""


class Repeats(Enum):
    """How often an alert may come twice."""

    NEVER = "never"
    RARELY = "rarely"
    """`SHARES`: some answers are lost, and nobody can know."""
    ASKED_FOR = "asked for"
    """Many answers are lost on purpose: no more than one repeat of a webhook for each."""


@dataclass(frozen=True, slots=True)
class Row:
    """One fault, and what it may cost."""

    number: str
    fault: str
    volume: int
    """Alerts in the long run, for each seed."""
    play: Play
    repeats: Repeats
    dies: bool
    """Deliveries may end dead: kept, and sent again by a command."""
    world: Callable[[int], World]
    least: int
    """Alerts in the shortest run."""


def row(
    number: str,
    fault: str,
    volume: int,
    *,
    repeats: Repeats = Repeats.NEVER,
    dies: bool = False,
    world: Callable[[int], World] = World,
    least: int = LEAST,
) -> Callable[[Play], Row]:
    """Make a function the play of a row."""
    return lambda play: Row(number, fault, volume, play, repeats, dies, world, least)


@dataclass(frozen=True, slots=True)
class Result:
    """What one run of a row came to."""

    alerts: int
    lost: int
    repeats: Mapping[str, int]
    recognized: Mapping[str, int]
    """Repeats that their receivers know as such."""
    p95: float
    """Seconds from event to receipt."""
    calls: int
    problems: Sequence[str]
    quiet_p95: float = 0.0
    """Seconds that a quiet run needs; 0 where none was played."""

    @property
    def extra_delay(self) -> float:
        """Seconds from event to receipt that a quiet run does not need."""
        return max(0.0, self.p95 - self.quiet_p95)


def run(row_: Row, seed: int, scale: float, *, beside_quiet: bool = False) -> Result:
    """
    Play a row with one seed and a part of its volume.

    `beside_quiet`: play as many alerts where nothing goes wrong, too. Only the table needs it.
    """
    world = row_.world(seed)
    volume = max(round(row_.volume * scale), min(row_.least, row_.volume))
    problems = [*row_.play(world, volume)]
    for stage in world.stages:
        problems += stage.missing_faults(full=volume >= row_.volume)
    result = judged(world, row_, problems)
    return replace(result, quiet_p95=_quiet_delay(world)) if beside_quiet else result


def judged(world: World, row_: Row, problems: Sequence[str]) -> Result:
    """Compare the receivers' log with the rows, the views and what was expected."""
    lost = [expected for stage in world.stages for expected in _lost(stage, row_)]
    extra, recognized = _repeats(world)
    return Result(
        alerts=sum(len(stage.expected) for stage in world.stages),
        lost=len(lost),
        repeats=extra,
        recognized=recognized,
        p95=percentile(delays(world)),
        calls=world.receivers.calls(),
        problems=(
            *problems,
            *([f"{len(lost)} lost, such as {lost[0]}"] if lost else ()),
            *(problem for stage in world.stages for problem in _unaccounted(stage, row_)),
            *(problem for stage in world.stages for problem in _unwanted(stage)),
            *_too_often(world, row_, extra),
            *(problem for stage in world.stages for problem in _leaks(stage)),
        ),
    )


def _lost(world: World, row_: Row) -> Iterator[Expected]:
    arrivals = _arrivals(world)
    dead = {(row.stream, row.destination) for row in world.rows() if row.state is RowState.DEAD}
    for expected in world.expected:
        arrived = _first(expected, arrivals) is not None
        kept = row_.dies and expected.place in dead
        if not (arrived or kept):
            yield expected


_Arrivals = Mapping[tuple[str, str], Sequence[Accepted]]


def _arrivals(world: World) -> _Arrivals:
    """Return what receivers accepted of each stream, by stream and destination."""
    arrivals: defaultdict[tuple[str, str], list[Accepted]] = defaultdict(list)
    for row in world.rows():
        arrivals[row.stream, row.destination] += world.receivers.by_delivery.get(row.id, ())
    return arrivals


def _first(expected: Expected, arrivals: _Arrivals) -> float | None:
    """Return when the first message came that names what was expected; None: none did."""
    return min(
        [
            arrival.seconds
            for arrival in arrivals.get(expected.place, ())
            if expected.name is None or expected.name in arrival.names
        ],
        default=None,
    )


def percentile(values: Sequence[float]) -> float:
    """Return the 95th percentile; 0 of nothing."""
    if len(values) < 2:  # what `quantiles` needs
        return sum(values)
    return statistics.quantiles(values, n=20)[-1]


def delays(world: World, *kinds: str) -> list[float]:
    """Return the seconds from event to first receipt of the alerts of some kinds."""
    arrivals = _arrivals(world)
    found = []
    for expected in world.expected:
        first = _first(expected, arrivals)
        if first is not None and (not kinds or expected.kind in kinds):
            found.append(first - expected.seconds)
    return found


def _quiet_delay(world: World) -> float:
    """Return the delay of as many alerts, up to a limit, where nothing goes wrong."""
    return quiet(world.seed, tuple(world.kinds), min(_QUIET, len(world.expected)))


@cache
def quiet(seed: int, kinds: tuple[str, ...], alerts: int) -> float:
    """Return the delay of a run in which nothing goes wrong."""
    world = World(seed, kinds=kinds)
    world.push(alerts)
    return percentile(delays(world.run()))


def _repeats(world: World) -> tuple[Mapping[str, int], Mapping[str, int]]:
    extra: Counter[str] = Counter()
    for accepted in world.receivers.by_delivery.values():
        extra[accepted[0].receiver] += len(accepted) - 1
    recognized = {kind: extra.pop(kind, 0) for kind in RECOGNIZED}
    return +extra, recognized


def _unaccounted(world: World, row_: Row) -> Iterator[str]:
    rows = world.rows()
    open_rows = [row for row in rows if is_open(row)]
    if open_rows:
        yield f"{len(open_rows)} not accounted for, such as {open_rows[0]}"
    dead = [row for row in rows if row.state is RowState.DEAD]
    if dead and not row_.dies:
        yield f"{len(dead)} dead: {dead[0].reason}"
    for row in rows:
        sent = row.state is RowState.SENT and not row.quiet
        if sent and row.id not in world.receivers.by_delivery:
            yield f"recorded as sent and never accepted: {row.id}"
    differing = [place for place in world.differing() if not (row_.dies and _is_dead(place, dead))]
    if differing:
        yield f"{len(differing)} views differ from what is desired, such as {differing[0]}"
    for function in world.functions:
        if function.failed:
            yield f"{function.failed} invocations ended in an error"


def _is_dead(place: tuple[str, str], dead: Sequence[Notification]) -> bool:
    return any((row.stream, row.destination) == place for row in dead)


def _unwanted(world: World) -> Iterator[str]:
    wanted = {expected.place for expected in world.expected}
    more = [
        row
        for row in world.rows()
        if not row.is_one_shot
        and (row.stream, row.destination) not in wanted
        and row.id in world.receivers.by_delivery
    ]
    if more:
        yield f"{len(more)} alerts nobody asked for, such as {more[0]}"


def _too_often(world: World, row_: Row, extra: Mapping[str, int]) -> Iterator[str]:
    alerts = Counter(expected.kind for expected in world.expected)
    for kind, count in extra.items():
        if row_.repeats is Repeats.NEVER:
            yield f"{count} repeats at {kind}"
        elif row_.repeats is Repeats.RARELY and alerts[kind] >= ENOUGH:
            if count > SHARES[kind] * alerts[kind]:
                yield f"{count} repeats of {alerts[kind]} at {kind}"
        elif kind != "slack" and count > max(1, SHARES[kind] * alerts[kind]):
            yield f"{count} repeats of {alerts[kind]} at {kind}"
    lost_answers = world.receivers.unanswered + world.deliver.killed + world.deliver.returned
    if extra.get("slack", 0) > lost_answers:
        yield "more repeats at slack than lost answers"
    for accepted in world.receivers.by_delivery.values():
        if any(not repeat.marked for repeat in accepted[1:] if repeat.receiver == "slack"):
            yield f"a repeat that does not say so: {accepted}"


def _leaks(world: World) -> Iterator[str]:
    if world.log.leaks:
        yield f"secrets in {len(world.log.leaks)} log lines"
    for row in world.rows():
        if leaks(row.reason, world.secret_texts):
            yield f"a secret in the reason of {row.id}"


# --- the table --------------------------------------------------------------------------------


def line(row_: Row, results: Sequence[Result]) -> str:
    """Return a row of the Markdown table: sums over the seeds, the worst delay."""
    repeats: Counter[str] = Counter()
    recognized: Counter[str] = Counter()
    for result in results:
        repeats.update(result.repeats)
        recognized.update(result.recognized)
    alerts = sum(result.alerts for result in results)
    twice = _by_kind(repeats) or "0"
    if +recognized:
        twice += f" ({_by_kind(recognized)} recognizable)"
    cells = (
        row_.number,
        row_.fault,
        f"{alerts:,}",
        f"{sum(result.lost for result in results):,}",
        twice,
        duration(max(result.extra_delay for result in results)),
        f"{sum(result.calls for result in results):,}",
        "FAIL" if any(result.problems for result in results) else "pass",
    )
    return f"| {' | '.join(cells)} |"


def total(results: Sequence[Result]) -> str:
    """Return the sums of a run in words."""
    alerts, calls, lost = (
        sum(getattr(result, name) for result in results) for name in ("alerts", "calls", "lost")
    )
    return f"{alerts:,} alerts, {calls:,} calls to receivers, {lost:,} lost"


def _by_kind(counts: Counter[str]) -> str:
    return ", ".join(f"{kind} {count:,}" for kind, count in (+counts).items())


HEADER: Final = (
    "| # | fault | alerts | lost | duplicated | extra delay p95 | calls | verdict |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- |"
)


def duration(seconds: float) -> str:
    """Write a duration as people read it."""
    if seconds < 60:  # a minute
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes / 60:.1f} h"  # two hours
