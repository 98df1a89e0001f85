"""Rows about receivers that throttle, fail, fall silent or are gone."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import timedelta
from email.utils import format_datetime
from functools import partial
from itertools import pairwise
from typing import Any

from lib.core.retries import DEFAULT_PAUSE
from local.standins.wire import Answer
from tests.faults.matrix import FULL, SHARED, Play, Repeats, delays, percentile, row
from tests.faults.receivers import (
    SILENCE,
    SILENCE_AFTER_ACCEPT,
    Asked,
    Lost,
    Slow,
    Step,
    always,
    at,
    during,
    sometimes,
    writing,
)
from tests.faults.world import FALLBACK, KINDS, START, World, config, route
from tests.support.builders import an_image

MINUTE, HOUR = 60.0, 3600.0
PACE = 0.99
"""Seconds between two messages of a channel, at least."""
TEN_MINUTES = (0.0, 10 * MINUTE)


class Throttling:
    """Answers 429, says when to come back, and watches who comes too early."""

    def __init__(self, world: World, form: Callable[[World, Asked], tuple[float, Answer]]) -> None:
        self._world, self._form = world, form
        self._until: dict[str, float] = defaultdict(float)
        self.early = 0
        world.receivers.observers.append(self._watch)

    def _watch(self, asked: Asked) -> None:
        self.early += asked.seconds < self._until[asked.destination]

    def __call__(self, asked: Asked) -> Answer:
        seconds, answer = self._form(self._world, asked)
        # SNS has no such header.
        pause = DEFAULT_PAUSE if asked.receiver == "sns" else seconds
        self._until[asked.destination] = asked.seconds + pause
        return answer


def _seconds_or_date(world: World, asked: Asked) -> tuple[float, Answer]:
    """Return both forms of the header in turn, of 1 to 60 s."""
    seconds = float(world.random.randint(1, 60))
    if world.random.random() < 0.5:
        return seconds, Answer(429, "slow down", {"Retry-After": f"{seconds:.0f}"})
    when = (world.moment(asked.seconds) + timedelta(seconds=seconds)).replace(microsecond=0)
    until = (when - world.simulation.start).total_seconds()
    return until - asked.seconds, Answer(
        429, "", {"Retry-After": format_datetime(when, usegmt=True)}
    )


def _throttled(share: float) -> Play:
    def play(world: World, volume: int) -> Iterator[str]:
        """Nobody comes earlier than asked."""
        throttling = Throttling(world, _seconds_or_date)
        world.receivers.plans.append(
            during(*TEN_MINUTES, sometimes(share, throttling, world.random))
        )
        world.push(volume)
        world.run()
        if throttling.early:
            yield f"{throttling.early} calls came earlier than the receiver allowed"

    return play


THROTTLED = tuple(
    row(
        f"5{letter}",
        f"429 on {share:.0%} of the calls for ten minutes, Retry-After 1-60 s or a date",
        1_500,
    )(_throttled(share))
    for letter, share in (("a", 0.05), ("b", 0.5), ("c", 1.0))
)


@row("6", "429 that says how long only in the body, or not at all", 1_000)
def throttled_without_header(world: World, volume: int) -> Iterator[str]:
    """Then it is half a minute; Slack's 200 with the same words names its own time."""
    body = json.dumps({"retry_after": 7, "ok": False, "error": "rate_limited"})

    def form(world: World, asked: Asked) -> tuple[float, Answer]:
        if asked.receiver == "slack" and world.random.random() < 0.5:
            return 7.0, Answer(200, body)
        return DEFAULT_PAUSE, Answer(429, body)

    throttling = Throttling(world, form)
    world.receivers.plans.append(during(*TEN_MINUTES, sometimes(0.1, throttling, world.random)))
    world.push(volume)
    world.run()
    if throttling.early:
        yield f"{throttling.early} calls came earlier than they should"


def _refusing(plan: Callable[[World], Any]) -> Play:
    def play(world: World, volume: int) -> Iterator[str]:
        """Try again until it arrives."""
        world.receivers.plans.append(plan(world))
        world.push(volume)
        world.run()
        if world.deliver.timed_out:
            yield f"{world.deliver.timed_out} invocations timed out"

    return play


def _some_5xx(world: World) -> Step:
    return Answer(world.random.choice((500, 502, 503, 504)), "<html>no</html>")


def _accepting(world: World, share: float) -> Callable[[Asked], Step]:
    return lambda _: Answer(500, "no", accepts=world.random.random() < share)


def _slow_or_silent(world: World) -> Callable[[Asked], Step]:
    def step(asked: Asked) -> Step:
        accepted = SILENCE_AFTER_ACCEPT if asked.writes else SILENCE
        return world.random.choices((Slow(9.0), SILENCE, accepted), (5, 1, 1))[0]

    return step


FAILING = (
    row("7", "5xx on 20 % of the calls, not accepted", FULL)(
        _refusing(lambda world: sometimes(0.2, lambda _: _some_5xx(world), world.random))
    ),
    row(
        "8a", "5xx on 5 % of the calls, a quarter of them accepted", SHARED, repeats=Repeats.RARELY
    )(_refusing(lambda world: writing(sometimes(0.05, _accepting(world, 0.25), world.random)))),
    row("8b", "5xx on 5 % of the calls, all accepted", FULL, repeats=Repeats.ASKED_FOR)(
        _refusing(lambda world: writing(sometimes(0.05, _accepting(world, 1.0), world.random)))
    ),
    row(
        "9",
        "no answer in time to 2 % of the calls, half of them accepted; 5 % take 9 s",
        SHARED,
        repeats=Repeats.RARELY,
    )(_refusing(lambda world: sometimes(0.07, _slow_or_silent(world), world.random))),
)
UNREACHABLE = tuple(
    row(f"10{letter}", f"{words}: 10 % of the calls", 1_000)(
        _refusing(lambda world, why=why: sometimes(0.1, Lost(why, seconds=0.1), world.random))
    )
    for letter, why, words in (
        ("a", "refused", "connections are refused"),
        ("b", "unknown-name", "the name is not found"),
        ("c", "tls", "the certificate is not valid"),
        ("d", "reset", "the connection is lost in mid-body"),
    )
)


def _outage(begin: float, end: float, world: World) -> None:
    """Refuse connections, or answer that there is no service."""
    step = [Lost("refused", seconds=0.02), Answer(503, "down for maintenance")]
    world.receivers.plans.append(at_kinds(during(begin, end, lambda _: world.random.choice(step))))


def at_kinds(plan: Callable[[Asked], Step | None]) -> Callable[[Asked], Step | None]:
    """Play a plan at every destination but the fallback."""
    return lambda asked: None if asked.destination == FALLBACK else plan(asked)


def bursts(world: World) -> Iterator[str]:
    """Yield the channels that got more than one message in a second."""
    times: dict[str, list[float]] = defaultdict(list)
    for each in world.receivers.accepted:
        if each.receiver in ("slack", "bot"):
            times[each.place].append(each.seconds)
    for channel, moments in times.items():
        least = min((after - before for before, after in pairwise(moments)), default=PACE)
        if least < PACE:
            yield f"{channel}: two messages within {least:.2f} s"


def _outage_of(seconds: float) -> Play:
    def play(world: World, volume: int) -> Iterator[str]:
        """All arrive afterwards, no faster than a channel allows."""
        _outage(1.0, 1.0 + seconds, world)
        world.push(volume)
        world.run()
        yield from bursts(world)

    return play


OUTAGES = tuple(
    row(f"11{letter}", f"every receiver is down for {words}", volume, least=6)(_outage_of(seconds))
    for letter, words, seconds, volume in (
        ("a", "15 min", 15 * MINUTE, FULL),
        ("b", "2 h", 2 * HOUR, FULL),
        ("c", "23 h", 23 * HOUR, 200),
    )
)


@row("12", "every receiver is down for 25 h, then dead ones are redriven", 100, dies=True, least=6)
def long_outage(world: World, volume: int) -> Iterator[str]:
    """Dead after a day, kept and listed, told to the fallback once a destination, sent again."""
    _outage(0.0, 25 * HOUR, world)
    world.push(volume)
    world.run()
    dead = world.redrive(rate=10.0)
    if dead != volume:
        yield f"{dead} of {volume} are dead"
    notices = len(world.notices())
    if notices != len({expected.destination for expected in world.expected}):
        yield f"{notices} notices to the fallback"
    world.run()
    yield from still_dead(world)


def still_dead(world: World) -> Iterator[str]:
    """Yield what a redrive did not bring back."""
    left = world.dead()
    if left:
        yield f"{len(left)} are dead for good: {left[0].reason}"


@row("31", "one of two receivers of each alert is down for an hour", FULL)
def one_is_down(world: World, volume: int) -> Iterator[str]:
    """Serve the other one as fast as if it was alone."""
    routes = [route(f"slack-{n}", f"slack-{n}", f"jira-{n}") for n in range(4)]
    world.use(config(world.names, START, routes=routes))
    world.receivers.plans.append(at("jira", during(0.0, HOUR, always(SILENCE))))
    quiet = World(world.seed)
    quiet.use(config(world.names, START, routes=routes))
    for each in (world, quiet):
        for number in range(volume // 2):
            image = an_image(number + 1, repository=f"slack-{number % 4}/app-{number}")
            each.scan(image, number / 2, to=(f"slack-{number % 4}", f"jira-{number % 4}"))
        each.run()
    alone, beside = (percentile(delays(each, "slack")) for each in (quiet, world))
    if beside > 1.2 * alone:
        yield f"p95 of the healthy one: {beside:.2f} s instead of {alone:.2f} s"


@row(
    "36",
    "1,000 dead deliveries are redriven at 10/s",
    1_000,
    dies=True,
    # A webhook's 400 is tried again.
    world=partial(World, kinds=tuple(kind for kind in KINDS if kind != "webhook")),
)
def redrive(world: World, volume: int) -> Iterator[str]:
    """All arrive, no faster than a channel allows."""
    # Jira refuses the issue: a search that is refused would be about all of its alerts.
    refuse = during(0.0, volume, writing(always(Answer(400, "not like this"))))
    world.receivers.plans.append(at_kinds(refuse))
    world.push(volume)
    world.run()
    dead = world.redrive(rate=10.0)
    if dead != volume:
        yield f"{dead} of {volume} were dead"
    world.run()
    yield from still_dead(world)
    yield from bursts(world)


@row(
    "37",
    "webhooks are revoked; the new secret is there after 4 min",
    200,
    dies=True,
    world=partial(World, kinds=("slack",)),
)
def revoked(world: World, volume: int) -> Iterator[str]:
    """One alert of a destination finds out, the others wait; the new secret is used at once."""
    old = {name: world.receivers.slack.webhook(name) for name in world.names}
    answers = (Answer(403, "invalid_token"), Answer(404, "no_service"))

    def revoked_paths(asked: Asked) -> Step | None:
        if asked.seconds > 30.0 and asked.path in old.values():
            return answers[list(old.values()).index(asked.path) % 2]
        return None

    def rotate() -> None:
        for name in world.names:
            world.receivers.secrets[f"ecr-scan-alerts/{name}"] = (
                "https://hooks.slack.com" + world.receivers.slack.webhook(f"{name}-new")
            )

    world.receivers.plans.append(revoked_paths)
    world.simulation.after(30.0 + 4 * MINUTE, rotate)
    world.push(volume, rate=volume / (5 * MINUTE))
    world.run()
    dead = world.redrive(rate=10.0)
    if dead > len(world.names):
        yield f"{dead} deliveries died for {len(world.names)} webhooks"
    world.run()
    yield from still_dead(world)


@row(
    "38",
    "all at once: 5 % 429, 2 % 5xx and 1 % silence (half accepted), 1 % twice, 15 min down, "
    "0.3 % killed",
    4_000,
    # About 2 % of the answers are lost: more than a webhook may repeat where few are.
    repeats=Repeats.ASKED_FOR,
)
def mixed(world: World, volume: int) -> Iterator[str]:
    """Play an ordinary bad day."""
    rng = world.random

    def play(asked: Asked) -> Step | None:
        number = rng.random()
        accepts = asked.writes and rng.random() < 0.5
        if number < 0.05:
            return Answer(429, "", {"Retry-After": str(rng.randint(1, 30))})
        if number < 0.07:
            return Answer(500, "no", accepts=accepts)
        return (SILENCE_AFTER_ACCEPT if accepts else SILENCE) if number < 0.08 else None

    _outage(volume / 8, volume / 8 + 15 * MINUTE, world)
    world.receivers.plans.append(play)
    world.kill_at(("before receiver.send", "after receiver.send"), 0.003)
    world.scan_events.repeats = world.deliveries.repeats = lambda: (
        (rng.choice((0.0, 5.0)),) if rng.random() < 0.01 else ()
    )
    world.push(volume)
    world.run()
    yield from ()


ROWS = (
    *THROTTLED,
    throttled_without_header,
    *FAILING,
    *UNREACHABLE,
    *OUTAGES,
    long_outage,
    one_is_down,
    redrive,
    revoked,
    mixed,
)
