"""Rows about events, queues and functions: repeats, order, loss, time-outs, poison."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from lib.errors import ConfigError, ConflictError, SourceError, StoreError
from lib.models import Image
from tests.faults.matrix import FULL, RARE, Repeats, delays, percentile, row
from tests.faults.world import KINDS, START, World, config, route
from tests.support.builders import an_image

MINUTE, HOUR = 60.0, 3600.0
ATTEMPTS = 5
"""How often botocore asks before it gives up."""
CONDITIONAL = ("images.put", "streams.write", "rows.update", "rows.close")
"""The writes that fail where another worker was faster."""
_throttling = partial(SourceError, "ThrottlingException")
_server_error = partial(StoreError, "InternalServerError")
_conflict = partial(ConflictError, "TransactionConflict")


@row("1", "none", FULL)
def nothing(world: World, volume: int) -> Iterator[str]:
    """Everything arrives within a minute."""
    world.push(volume)
    world.run()
    if percentile(delays(world)) > 60:
        yield "more than a minute from event to receipt"


@row("2", "queues deliver 5 % of their messages twice", FULL)
def repeated_messages(world: World, volume: int) -> Iterator[str]:
    """At once, seconds later, or minutes later; also in the queue that promises not to."""

    def repeats() -> tuple[float, ...]:
        return (world.random.choice((0.0, 3.0, 400.0)),) if world.random.random() < 0.05 else ()

    world.scan_events.repeats = world.deliveries.repeats = repeats
    world.push(volume)
    world.run()
    yield from ()


@row("3", "EventBridge sends each event three times", FULL)
def repeated_events(world: World, volume: int) -> Iterator[str]:
    """One evaluation each, whichever of the three comes first."""
    world.push(volume)
    for each in world.events:
        for _ in range(2):
            later = each.seconds + world.random.choice((0.0, 1.0, 700.0))
            world.send(each.event, later)
    world.run()
    yield from _told_twice(world)


def _told_twice(world: World) -> Iterator[str]:
    """Yield where a destination got two notifications of one stream for one release."""
    again = [row for row in world.rows() if row.version > 1]
    if again:
        yield f"{len(again)} second notifications, such as {again[0]}"


@row("4", "events come late and in any order; releases overtake each other", FULL)
def shuffled_events(world: World, volume: int) -> Iterator[str]:
    """Whatever comes when, the newest image of a stream is current, and is shown in the end."""
    newest: dict[str, Image] = {}
    for number in range(volume):
        name = world.names[number % len(world.names)]
        image = an_image(
            number + 1,
            repository=f"{name}/app-{number // (3 * len(world.names))}",
            tags=(f"{number}",),
        )
        seconds = number / 2
        world.registry.pushed_at[image.digest] = world.moment(seconds)
        event = world.scan(image, seconds + world.random.uniform(0, 600))
        # An older event of the same image: a scan that began before.
        older = event | {"id": f"older-{number}", "time": world.event(image, -60)["time"]}
        world.send(older, seconds + world.random.uniform(0, 600))
        newest[image.repository] = image
    for image in newest.values():
        world.expect(image, image.repository.partition("/")[0])
    world.run()
    for stream in world.store.streams():
        current = world.store.read(stream).row.current
        image = newest[stream.split("/", 2)[2]]
        if current is None or current.key != image.key:
            yield f"an older image is current in {stream}"
        shown = [set(view.reported) for view in world.views(stream)]
        if shown != [{world.name_of(image)}]:
            yield f"{stream} shows {shown}"


@row("14", "functions time out in the middle of a batch", FULL)
def timeouts(world: World, volume: int) -> Iterator[str]:
    """What was finished is not done again, what was not is."""
    # More would take all of the four functions, whatever they do about it.
    world.strike_at(("before source.report",), 0.01, lambda: world.simulation.sleep(130.0))
    world.push(volume)
    world.run()
    if volume >= FULL and not world.process_scan.timed_out:
        yield "nothing timed out"


@row("15", "a poison record in every batch", FULL)
def poison(world: World, volume: int) -> Iterator[str]:
    """It ends among the dead letters; the others are not delayed by it."""
    world.push(volume)
    bodies = ("not json", "[]", json.dumps({"detail-type": "ECR Image Scan", "source": "aws.ecr"}))
    rejected = volume // 4
    for number in range(rejected):
        world.simulation.after(
            number * 2.0, lambda it=bodies[number % 3]: world.scan_events.send(it)
        )
    # One that nobody foresaw: the function must not swallow it.
    odd = world.event(an_image(999_999, repository="odd/one"), 0.0)
    world.simulation.after(1.0, lambda: world.scan_events.send(json.dumps(odd)))
    world.run()
    if world.rejected.sent != rejected:
        yield f"{world.rejected.sent} of {rejected} poison records were rejected"
    if len(world.scan_events.dead_letters) != 1:
        yield f"{len(world.scan_events.dead_letters)} dead letters"
    if percentile(delays(world)) > 30:
        yield "others waited for it"


@row("16", "whole batches fail: the registry cannot be asked for five minutes", 800)
def failing_batches(world: World, volume: int) -> Iterator[str]:
    """Records come back as item failures; no invocation ends in an error."""
    world.fail_at(("before source.report",), 1.0, _throttling, until=300.0)
    world.push(volume)
    world.run()
    if not world.process_scan.returned:
        yield "nothing failed"


def _refused(world: World, share: float) -> None:
    """Play botocore after a first refusal: it asks again, with growing pauses, then gives up."""
    for attempt in range(ATTEMPTS - 1):
        world.simulation.sleep(0.05 * 2**attempt)
        if world.random.random() >= share:
            return
    raise StoreError("ProvisionedThroughputExceededException")


def _table(when: str) -> tuple[str, ...]:
    """Return the points before or after each request to the table."""
    return f"{when} images.*", f"{when} rows.*", f"{when} streams.*"


@row("17a", "DynamoDB throttles 10 % of its requests; 8 workers race for each row", FULL)
def throttled_store(world: World, volume: int) -> Iterator[str]:
    """Conditions decide who is first; nobody else sends."""

    def racing() -> tuple[float, ...]:
        return (0.0,) * 7 if world.random.random() < 0.2 else ()

    world.strike_at(_table("before"), 0.1, lambda: _refused(world, 0.1))
    world.scan_events.repeats = world.deliveries.repeats = racing
    world.push(volume)
    world.run()
    yield from ()


@row(
    "17b",
    "DynamoDB and SQS refuse 1 % of the requests for good, and do another 0.5 % without saying so",
    FULL,
    repeats=Repeats.RARELY,
)
def failing_store(world: World, volume: int) -> Iterator[str]:
    """A receipt that could not be recorded is asked for at the receiver, or the repeat says so."""
    world.fail_at((*_table("before"), "before waker.*"), 0.01, _server_error)
    world.fail_at((*_table("after"), "after waker.*"), 0.005, _server_error)
    world.push(volume)
    world.run()
    yield from ()


@row("17c", "transactions are cancelled: 30 % of the commits lose a race", FULL)
def lost_races(world: World, volume: int) -> Iterator[str]:
    """The evaluation is done again with what the other one left."""
    commits = tuple(f"before {write}" for write in CONDITIONAL)
    world.fail_at(commits, 0.3, _conflict)
    world.push(volume)
    world.run()
    yield from ()


@row("18", "the wake-ups of ten minutes are lost", 1_500)
def lost_wake_ups(world: World, volume: int) -> Iterator[str]:
    """The sweep takes over within three minutes."""

    def lost(deduplication_id: str | None) -> bool:
        # The sweep's own name the turn.
        first = (deduplication_id or "").endswith("-")
        return first and world.simulation.seconds < 600

    world.deliveries.loses = lost
    world.push(volume)
    world.run()
    if percentile(delays(world)) > 190:
        yield "more than three minutes late"


@row("32", "the configuration changes under load; an invalid one is refused", 1_000)
def changed_rules(world: World, volume: int) -> Iterator[str]:
    """A renamed route is no news, and nothing is notified twice."""
    renamed = [route(name, name) | {"name": f"{name}-again"} for name in world.names]
    world.simulation.after(
        volume / 4, lambda: world.use(config(world.names, START, routes=renamed))
    )
    try:
        config(world.names, START, routes=[route("slack-0", "nobody")])
        yield "an invalid configuration was accepted"
    except ConfigError:
        pass
    world.push(volume)
    world.run(least=3 * MINUTE)
    yield from _told_twice(world)
    rules = {
        view.agreement.rules
        for stream in world.store.streams()
        for view in world.views(stream)
        if view.agreement is not None
    }
    if len(rules) != 1:
        yield f"views agree with {len(rules)} versions of the rules"


class _Broken:
    """A match that cannot be evaluated for what it would match."""

    def __init__(self, match: Any) -> None:
        self._match = match

    def __getattr__(self, name: str) -> Any:
        return getattr(self._match, name)

    def mismatch(self, image: Image, *parts: Any, **named: Any) -> str | None:
        words: str | None = self._match.mismatch(image, *parts, **named)
        if words is None:
            raise ZeroDivisionError(image.name)
        return words


@row("33", "the match of a route raises; later rules are right", 500)
def broken_route(world: World, volume: int) -> Iterator[str]:
    """Its streams wait among the dead letters, and the others do not; then all are right."""
    rules = config(world.names, START)
    broken: Any = _Broken(rules.routes[0].match)
    first = replace(rules.routes[0], match=broken)
    world.use(replace(rules, hash="broken", routes=(first, *rules.routes[1:])))
    world.push(volume)
    world.run()
    concerned = sum(expected.destination == world.names[0] for expected in world.expected)
    if len(world.scan_events.dead_letters) != concerned:
        yield f"{len(world.scan_events.dead_letters)} dead letters for {concerned} streams"
    if percentile(delays(world)) > MINUTE:
        yield "others waited for it"
    world.use(rules)
    world.run(least=world.simulation.seconds + 3 * MINUTE)


OTHERS_THAN_WEBHOOKS = tuple(each for each in KINDS if each != "webhook")
LEAP_DAY = datetime(2028, 2, 28, 23, 50, tzinfo=UTC)


@row(
    "34",
    "clocks of workers differ by 5 min either way; a leap day begins",
    1_000,
    repeats=Repeats.RARELY,
    # A receiver of webhooks refuses what was signed five minutes ago, and is right to.
    world=partial(World, kinds=OTHERS_THAN_WEBHOOKS, start=LEAP_DAY, skews=(-300.0, 0.0, 300.0)),
)
def skewed_clocks(world: World, volume: int) -> Iterator[str]:
    """Let nobody steal a lease that only looks over."""
    world.push(volume)
    world.run()
    yield from ()


@row(
    "35",
    "3 % of the events never come; the hourly pass compares with what ECR holds",
    FULL,
    least=RARE,
)
def missing_events(world: World, volume: int) -> Iterator[str]:
    """One pass finds every scan without an event, and none of the others."""
    end = volume / 2
    lost = []

    def never_comes(_: str | None) -> bool:
        if world.simulation.seconds > end or world.random.random() >= 0.03:
            return False
        lost.append(world.simulation.seconds)
        return True

    world.scan_events.loses = never_comes
    world.push(volume)
    hour = end + 600.0
    world.simulation.after(hour, lambda: world.simulation.spawn(world.reconcile))
    world.run(least=hour + 1.0)
    (counted,) = world.reconciled
    if (counted["recovered"], counted["images"]) != (len(lost), volume):
        yield f"{len(lost)} of {volume} events were lost, and a pass counted {counted}"
    yield from _told_twice(world)


ROWS = (
    nothing,
    repeated_messages,
    repeated_events,
    shuffled_events,
    timeouts,
    poison,
    failing_batches,
    throttled_store,
    failing_store,
    lost_races,
    lost_wake_ups,
    changed_rules,
    broken_route,
    skewed_clocks,
    missing_events,
)
