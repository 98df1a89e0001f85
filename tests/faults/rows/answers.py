"""Rows about answers that drip, that are too large, and of webhooks that refuse for a while."""

from collections.abc import Callable, Iterator
from functools import partial

from lib.models import SHORT_ANSWER
from local.standins.wire import Answer
from tests.faults.matrix import FULL, RARE, Play, Repeats, row
from tests.faults.receivers import Plan, Slow, always, during, sometimes
from tests.faults.world import World

MINUTE = 60.0
DRIPS = 70.0
"""Seconds: longer than the function may run, a byte every few seconds."""
SLOW = 13.0
"""Seconds of each call to a slow Jira: two and a half fit into an attempt."""
OVER_HTTP = ("slack", "bot", "jira", "pagerduty", "webhook")
ANSWERING_IN_WORDS = ("slack", "jira", "pagerduty", "webhook")
LARGE = Answer(200, "x" * (SHORT_ANSWER + 1), accepts=True)


def _within_time(plan: Callable[[World], Plan], *, accepted: bool = False) -> Play:
    """`accepted`: a 2xx came, which is enough for a webhook."""

    def play(world: World, volume: int) -> Iterator[str]:
        """Every attempt ends by itself, with its outcome recorded."""
        world.receivers.plans.append(plan(world))
        world.push(volume)
        world.run()
        if world.deliver.timed_out:
            yield f"{world.deliver.timed_out} invocations timed out"
        twice = sum(
            len(accepted) - 1
            for accepted in world.receivers.by_delivery.values()
            if accepted[0].receiver == "webhook"
        )
        if twice and accepted:
            yield f"{twice} repeats at webhooks, which had accepted"

    return play


def _refusing(answer: Answer, begin: float, end: float, *, notices: bool) -> Play:
    def play(world: World, volume: int) -> Iterator[str]:
        """Nothing dies; the fallback is notified of what lasts, and of nothing else."""
        refuse = during(begin, end, always(answer))
        world.receivers.plans.append(
            lambda asked: refuse(asked) if asked.receiver == "webhook" else None
        )
        world.push(volume)
        world.run()
        dead = world.dead()
        if dead:
            yield f"{len(dead)} died of {answer.status}: {dead[0].reason}"
        if bool(world.notices()) != notices:
            yield f"{len(world.notices())} notices to the fallback"

    return play


WEBHOOKS = partial(World, kinds=("webhook",))

ROWS = (
    row(
        "9a",
        "2 % of the answers drip in their headers, for 70 s",
        FULL,
        least=RARE,
        repeats=Repeats.ASKED_FOR,
        world=partial(World, kinds=OVER_HTTP),
    )(_within_time(lambda world: sometimes(0.02, Slow(DRIPS), world.random))),
    row(
        "9b",
        "2 % of the answers drip in their bodies, for 70 s",
        FULL,
        least=RARE,
        repeats=Repeats.ASKED_FOR,
        world=partial(World, kinds=OVER_HTTP),
    )(
        _within_time(
            lambda world: sometimes(0.02, Slow(DRIPS, in_body=True), world.random), accepted=True
        )
    ),
    row(
        "9c",
        "2 % of the answers are larger than what is read",
        FULL,
        least=RARE,
        repeats=Repeats.ASKED_FOR,
        world=partial(World, kinds=ANSWERING_IN_WORDS),
    )(_within_time(lambda world: sometimes(0.02, LARGE, world.random), accepted=True)),
    row(
        "9d",
        "every call to Jira takes 13 s, for an hour",
        200,
        least=8,
        world=partial(World, kinds=("jira",)),
    )(_within_time(lambda _: during(0.0, 60 * MINUTE, always(Slow(SLOW))))),
    row(
        "39a",
        "webhooks answer 404 for two minutes",
        500,
        least=12,
        world=WEBHOOKS,
    )(_refusing(Answer(404, "no route"), 0.0, 2 * MINUTE, notices=False)),
    row("39b", "webhooks answer 308 for 75 min", 500, least=12, world=WEBHOOKS)(
        _refusing(Answer(308, "moved"), 0.0, 75 * MINUTE, notices=True)
    ),
    row("39c", "webhooks answer 400 for 75 min", 500, least=12, world=WEBHOOKS)(
        _refusing(Answer(400, "invalid signature"), 0.0, 75 * MINUTE, notices=True)
    ),
)
