"""
What a row is, how it is judged, and what its line of the table says.

Receivers' log against ledger: what was expected and is nowhere is lost; what was accepted more than
once is a repeat. Every row: nothing lost, everything accounted for, no secret in any log line.
"""

import statistics
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Final

from lib.models import Delivery, DeliveryState
from tests.faults.world import EACH, KINDS, Expected, World, leaks

SEEDS: Final = (1, 2, 3)
SHARES: Final[Mapping[str, float]] = {"slack": 0.02, "bot": 0.001, "jira": 0.001}
"""The most repeats of the alerts of a kind."""
TOLD_APART: Final = ("pagerduty", "sns", "webhook")
"""Kinds whose receivers know a repeat: by the key of its incident, or the id of its delivery."""
ENOUGH: Final = 1000
"""Alerts of a kind from which on a share of 0.1 % means something; below it is one alert."""
LEAST: Final = 3 * EACH * len(KINDS)
"""Alerts in a short run: three for each destination."""
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
    told_apart: Mapping[str, int]
    """Repeats that their receivers know as such."""
    p95: float
    """Seconds from event to receipt that a quiet run does not need."""
    calls: int
    problems: Sequence[str]


def run(row_: Row, seed: int, scale: float) -> Result:
    """Play a row with one seed and a part of its volume."""
    world = row_.world(seed)
    volume = max(round(row_.volume * scale), min(row_.least, row_.volume))
    problems = [*row_.play(world, volume)]
    return judged(world, row_, problems)


def judged(world: World, row_: Row, problems: Sequence[str]) -> Result:
    """Compare the receivers' log with the ledger and with what was expected."""
    lost = [each for stage in world.stages for each in _lost(stage, row_)]
    extra, told_apart = _repeats(world)
    return Result(
        alerts=sum(len(stage.expected) for stage in world.stages),
        lost=len(lost),
        repeats=extra,
        told_apart=told_apart,
        p95=max(0.0, percentile(delays(world)) - quiet(world.seed, tuple(world.kinds))),
        calls=world.receivers.calls(),
        problems=(
            *problems,
            *([f"{len(lost)} lost, such as {lost[0]}"] if lost else ()),
            *(each for stage in world.stages for each in _unaccounted(stage, row_)),
            *(each for stage in world.stages for each in _unwanted(stage)),
            *_too_often(world, row_, extra),
            *(each for stage in world.stages for each in _leaks(stage)),
        ),
    )


def _lost(world: World, row_: Row) -> Iterator[Expected]:
    rows = _rows(world)
    for expected in world.expected:
        delivery = rows.get((expected.image, expected.destination))
        accepted = delivery is not None and delivery.id in world.receivers.by_delivery
        kept = delivery is not None and delivery.state is DeliveryState.DEAD and row_.dies
        if not (accepted or kept):
            yield expected


def percentile(values: Sequence[float]) -> float:
    """Return the 95th percentile; 0 of nothing."""
    if len(values) < 2:  # what `quantiles` needs
        return sum(values)
    return statistics.quantiles(values, n=20)[-1]


def delays(world: World, *kinds: str) -> list[float]:
    """Return the seconds from event to first receipt of the alerts of some kinds."""
    rows = _rows(world)
    found = []
    for each in world.expected:
        delivery = rows.get((each.image, each.destination))
        accepted = world.receivers.by_delivery.get(delivery.id) if delivery else None
        if accepted and (not kinds or accepted[0].receiver in kinds):
            found.append(accepted[0].seconds - each.seconds)
    return found


@cache
def quiet(seed: int, kinds: tuple[str, ...]) -> float:
    """Return the delay of a run in which nothing goes wrong."""
    world = World(seed, kinds=kinds)
    world.push(_QUIET)
    return percentile(delays(world.run()))


def _rows(world: World) -> dict[tuple[str, str], Delivery]:
    """Return the rows that are their own alert; notices in another's place stand beside."""
    known = world.forgotten | world.store.rows
    own = (each for each in known.values() if each.note is None)
    return {(each.image_key, each.destination): each for each in own}


def _repeats(world: World) -> tuple[Mapping[str, int], Mapping[str, int]]:
    extra: Counter[str] = Counter()
    for accepted in world.receivers.by_delivery.values():
        extra[accepted[0].receiver] += len(accepted) - 1
    told_apart = {kind: extra.pop(kind, 0) for kind in TOLD_APART}
    return +extra, told_apart


def _unaccounted(world: World, row_: Row) -> Iterator[str]:
    states = Counter(each.state for each in world.store.rows.values())
    left = [each for each in world.store.rows.values() if each.due_at is not None]
    if left:
        yield f"{len(left)} not accounted for, such as {left[0]}"
    if states[DeliveryState.DEAD] and not row_.dies:
        dead = next(each for each in world.store.rows.values() if each.state is DeliveryState.DEAD)
        yield f"{states[DeliveryState.DEAD]} dead: {dead.reason}"
    for delivery in world.store.rows.values():
        accepted = world.receivers.by_delivery.get(delivery.id)
        if delivery.state is DeliveryState.SENT and not accepted:
            yield f"recorded as sent and never accepted: {delivery.id}"
    for function in (world.process_scan, world.deliver):
        if function.failed:
            yield f"{function.failed} invocations ended in an error"


def _unwanted(world: World) -> Iterator[str]:
    wanted = {(each.image, each.destination) for each in world.expected}
    rows = _rows(world)
    more = [each for key, each in rows.items() if key not in wanted]
    if more:
        yield f"{len(more)} alerts nobody asked for, such as {more[0]}"


def _too_often(world: World, row_: Row, extra: Mapping[str, int]) -> Iterator[str]:
    alerts = Counter(each.destination.rpartition("-")[0] for each in world.expected)
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
        if any(not each.marked for each in accepted[1:] if each.receiver == "slack"):
            yield f"a repeat that does not say so: {accepted}"


def _leaks(world: World) -> Iterator[str]:
    if world.log.leaks:
        yield f"secrets in {len(world.log.leaks)} log lines"
    for delivery in world.store.rows.values():
        if leaks(delivery.reason, world.secret_texts):
            yield f"a secret in the reason of {delivery.id}"


# --- the table --------------------------------------------------------------------------------


def line(row_: Row, results: Sequence[Result]) -> str:
    """Return a row of the Markdown table: sums over the seeds, the worst delay."""
    repeats: Counter[str] = Counter()
    told_apart: Counter[str] = Counter()
    for result in results:
        repeats.update(result.repeats)
        told_apart.update(result.told_apart)
    alerts = sum(each.alerts for each in results)
    twice = _by_kind(repeats) or "0"
    if +told_apart:
        twice += f" ({_by_kind(told_apart)} told apart)"
    cells = (
        row_.number,
        row_.fault,
        f"{alerts:,}",
        f"{sum(each.lost for each in results):,}",
        twice,
        duration(max(each.p95 for each in results)),
        f"{sum(each.calls for each in results):,}",
        "FAIL" if any(each.problems for each in results) else "pass",
    )
    return f"| {' | '.join(cells)} |"


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
