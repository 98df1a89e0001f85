"""Rows about Jira: one issue for each stream whatever happens, and projects that refuse."""

import json
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial

from lib.models import DeliveryId, Destination, StreamId
from local.standins.jira import API
from local.standins.wire import Answer, Call, Kind
from tests.faults.matrix import Play, Repeats, delays, row
from tests.faults.receivers import SILENCE_AFTER_ACCEPT, Asked, Step, during, sometimes, writing
from tests.faults.rows.receivers import TEN_MINUTES, still_dead
from tests.faults.world import World
from tests.support.builders import an_image

PROJECTS = partial(World, kinds=("jira",))
PROJECT = partial(World, kinds=("jira",), each=1)
MOST_CALLS = 3
"""To a broken project in ten minutes."""
HELD = 300.0
"""Seconds for which an issue takes no more writes."""


def _issues(world: World) -> Counter[str]:
    """Count the issues of each stream."""
    streams = {row.id: row.stream for row in world.rows()}
    return Counter(
        streams[DeliveryId(arrival.delivery)]
        for arrival in world.receivers.accepted
        if arrival.kind is Kind.CREATED
    )


def one_issue_each(world: World, allowed: int = 1) -> Iterator[str]:
    """Yield when streams have more issues than they should; 0.1 % of them may."""
    issues = _issues(world)
    more = [stream for stream, count in issues.items() if count > allowed]
    if len(more) > 0.001 * len(issues):
        yield f"{len(more)} of {len(issues)} streams with more than {allowed} issue(s)"


def _two_releases(world: World, volume: int, between: Callable[[str], object]) -> None:
    """Alert twice for each stream; something happens to its issue before the second."""
    for number in range(volume // 2):
        name = world.names[number % len(world.names)]
        repository = f"{name}/app-{number}"
        begin = number / 2
        for release in (1, 2):
            image = an_image(2 * number + release, repository=repository, tags=(f"1.{release}",))
            world.registry.pushed_at[image.digest] = world.moment(begin + 1000 * release)
            world.scan(image, begin + 1000 * release, to=(name,))
        place = StreamId(f"000474600478/eu-central-1/{repository}"), Destination(name)
        world.simulation.after(begin + 1900, lambda it=place: between(_key_of(world, *it)))


def _key_of(world: World, stream: StreamId, destination: Destination) -> str:
    thread = world.store.read(stream).views[destination].thread
    return str(thread).rpartition("|")[2]


def _transition(world: World, key: str, number: str) -> None:
    """Do what a person does on the board."""
    jira = world.receivers.jira
    account = b64encode(f"{jira.email}:{jira.token}".encode()).decode()
    body = json.dumps({"transition": {"id": number}}).encode()
    headers = {"authorization": f"Basic {account}"}
    jira.handle(Call("POST", f"{API}/issue/{key}/transitions", {}, headers, body))


@row(
    "24a",
    "Jira: 5 % of the creates are accepted without an answer; the index lags by 0-120 s",
    1_000,
    world=PROJECTS,
)
def lagging_index(world: World, volume: int) -> Iterator[str]:
    """The search waits for the index before anything is created again."""
    world.receivers.jira.lag = lambda: world.random.uniform(0.0, 120.0)
    world.receivers.plans.append(writing(sometimes(0.05, SILENCE_AFTER_ACCEPT, world.random)))
    world.push(volume)
    world.run()
    yield from one_issue_each(world)


@row(
    "24b",
    "Jira: two releases of a stream at once, with repeats of both; answers are lost",
    1_000,
    repeats=Repeats.RARELY,
    world=PROJECTS,
)
def at_once(world: World, volume: int) -> Iterator[str]:
    """Both end in one issue."""
    rng = world.random
    world.receivers.jira.lag = lambda: rng.uniform(0.0, 120.0)
    world.receivers.plans.append(writing(sometimes(0.02, SILENCE_AFTER_ACCEPT, rng)))
    world.deliveries.repeats = lambda: (0.0,) if rng.random() < 0.2 else ()
    for number in range(volume):
        name = world.names[number // 2 % len(world.names)]
        image = an_image(number + 1, repository=f"{name}/app-{number // 2}", tags=(f"{number}",))
        world.registry.pushed_at[image.digest] = world.moment(number)
        # The second one is current, so that the first may be overtaken.
        world.scan(image, (number // 2) * 1.0, to=(name,) * (number % 2))
    world.run()
    yield from one_issue_each(world)


def _moved(number: str) -> Play:
    def play(world: World, volume: int) -> Iterator[str]:
        """Comment the same issue."""
        _two_releases(world, volume, lambda key: _transition(world, key, number))
        world.run()
        yield from one_issue_each(world)

    return play


CLOSED = tuple(
    row(f"24{letter}", f"Jira: the issue was {words} before the next alert", 200, world=PROJECTS)(
        _moved(number)
    )
    for letter, words, number in (("c", "closed", "31"), ("d", "closed as won't do", "41"))
)


@row("24e", "Jira: the issue was deleted before the next alert", 200, world=PROJECTS)
def deleted(world: World, volume: int) -> Iterator[str]:
    """The second alert makes a new issue."""
    _two_releases(world, volume, world.receivers.jira.delete)
    world.run()
    if any(count != 2 for count in _issues(world).values()):
        yield "not exactly one new issue for each that was deleted"


@row("24f", "Jira: 400 to every create, for ten minutes", 200, dies=True, world=PROJECTS)
def refused_creates(world: World, volume: int) -> Iterator[str]:
    """Two creates for each alert, the second a plainer one; nothing is repeated."""
    refusal = Answer(400, json.dumps({"errors": {"summary": "no"}}))
    creates = during(*TEN_MINUTES, lambda asked: refusal if asked.path == f"{API}/issue" else None)
    world.receivers.plans.append(creates)
    world.push(volume)
    world.run()
    creates_made = sum(asked.path == f"{API}/issue" for asked in world.receivers.asked)
    if creates_made > 2 * volume:
        yield f"{creates_made} creates for {volume} alerts"
    world.redrive(rate=10.0)
    world.run()
    yield from still_dead(world)
    yield from one_issue_each(world)


def _errors(**errors: str) -> str:
    return json.dumps({"errorMessages": [], "errors": errors})


_REFUSALS = (
    (
        "a",
        "400, labels are not on the screen",
        400,
        _errors(labels="Field 'labels' cannot be set."),
    ),
    ("b", "400, unknown issue type", 400, _errors(issuetype="Specify a valid issue type")),
    ("c", "400, unknown project", 400, _errors(project="valid project is required")),
    ("d", "401", 401, "Client must be authenticated to access this resource."),
    ("e", "403", 403, _errors(project="You do not have permission")),
)


def _broken_project(status: int, body: str, *, labels: bool) -> Play:
    def play(world: World, volume: int) -> Iterator[str]:
        """Few calls and one notice in ten minutes; when it is mended, all arrive."""

        def refuse(asked: Asked) -> Step | None:
            if asked.receiver != "jira" or asked.seconds > TEN_MINUTES[1]:
                return None
            return None if labels and not asked.labels else Answer(status, body)

        world.receivers.plans.append(refuse)
        # The plainest form of an issue names no vulnerability.
        world.push(volume, named=not labels)
        world.run()
        early = sum(
            each.receiver == "jira" and each.seconds < TEN_MINUTES[1]
            for each in world.receivers.asked
        )
        notices = len(world.notices())
        if not labels and early > MOST_CALLS:
            yield f"{early} calls to a broken project in ten minutes"
        if not labels and notices != 1:
            yield f"{notices} notices to the fallback"
        world.redrive(rate=1.0)
        world.run()
        yield from still_dead(world)

    return play


BROKEN = tuple(
    row(f"25{letter}", f"Jira: {words}, for ten minutes", 100, dies=letter != "a", world=PROJECT)(
        _broken_project(status, body, labels=letter == "a")
    )
    for letter, words, status, body in _REFUSALS
)


@row(
    "26", "Jira: 429 with each RateLimit-Reason; one issue has too many writes", 500, world=PROJECTS
)
def rate_limits(world: World, volume: int) -> Iterator[str]:
    """The limit of one issue holds that issue back and no other."""
    full: dict[str, tuple[str, float]] = {}
    meanwhile: list[str] = []

    def limit(asked: Asked) -> Step | None:
        if asked.path.endswith("/comment") and asked.writes and not full:
            full[asked.path] = asked.destination, asked.seconds + HELD
        _, until = full.get(asked.path, ("", 0.0))
        if asked.seconds < until:
            headers = {"Retry-After": f"{HELD:.0f}", "RateLimit-Reason": "jira-per-issue-on-write"}
            return Answer(429, "", headers)
        if any(asked.destination == held and asked.seconds < end for held, end in full.values()):
            meanwhile.append(asked.path)
        if world.random.random() < 0.02:
            reason = world.random.choice(("jira-burst-based", "jira-quota-tenant-based"))
            return Answer(429, "", {"Retry-After": "5", "RateLimit-Reason": reason})
        return None

    world.receivers.plans.append(limit)
    _two_releases(world, volume, lambda _: None)
    world.run()
    if max(delays(world)) < HELD:
        yield "no alert waited for the limit of one issue"
    if not meanwhile:
        yield "the limit of one issue held its whole project back"
    yield from one_issue_each(world)


ROWS = (lagging_index, at_once, *CLOSED, deleted, refused_creates, *BROKEN, rate_limits)
