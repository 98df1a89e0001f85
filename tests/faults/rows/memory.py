"""
Rows about receivers that remember more than the views.

Threads are lost, a table is restored or made anew, an answer is lost, a second stage works
beside the first. Every alert has to be in Jira, and every stage has one issue for each stream.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from cli.simulation.memory import MemoryStreams
from lib.models import DeliveryId, Destination, StreamId
from lib.models.views import RowState
from lib.notifiers.jira import identity
from local.standins.jira import API
from local.standins.wire import Answer, Kind
from tests.faults.matrix import LEAST, Play, row
from tests.faults.receivers import (
    SILENCE_AFTER_ACCEPT,
    Asked,
    during,
    sometimes,
    writing,
)
from tests.faults.rows.receivers import still_dead
from tests.faults.world import World
from tests.support.builders import an_image

PROJECTS = partial(World, kinds=("jira",))
HOUR = 3600.0
LAG = 120.0
"""Seconds by which Jira's index is behind, at most."""
SHARE = 0.15
"""Of the writes get no answer although they were accepted, and as many get a 500 and were not."""
PACE = 2.0
"""Seconds between two streams."""


def _troubled(world: World) -> None:
    """Lose answers, refuse requests, and let the index lag."""
    world.receivers.jira.lag = lambda: world.random.uniform(0.0, LAG)
    world.receivers.plans += [
        writing(sometimes(SHARE, SILENCE_AFTER_ACCEPT, world.random)),
        writing(sometimes(SHARE, Answer(500), world.random)),
    ]


def _release(world: World, number: int, streams: int, begin: float) -> None:
    """Push one release of each stream, with a finding of its own."""
    for stream in range(streams):
        name = world.names[stream % len(world.names)]
        place = number * streams + stream + 1
        image = an_image(place, repository=f"{name}/app-{stream}", tags=(f"1.{number}",))
        seconds = begin + stream * PACE
        world.registry.pushed_at[image.digest] = world.moment(seconds)
        world.scan(image, seconds, to=(name,))


def _one_issue_each(world: World) -> Iterator[str]:
    """Yield what is not one issue for each stage, destination and stream."""
    places = {
        row.id: (stage.stage, row.destination, row.stream)
        for stage in world.stages
        for row in stage.rows()
        if row.destination in stage.names
    }
    accepted = [each for each in world.receivers.accepted if each.receiver == "jira"]
    there = {*world.receivers.jira.keys()}
    owners = {
        each.place: places[DeliveryId(each.delivery)]
        for each in accepted
        if each.kind is Kind.CREATED
    }
    issues = Counter(place for key, place in owners.items() if key in there)
    more = {place: count for place, count in issues.items() if count > 1}
    if more:
        yield f"{len(more)} of {len(issues)} streams with more than one issue: {more}"
    if issues.keys() != {*places.values()}:
        yield f"{len({*places.values()} - issues.keys())} streams without an issue"
    for each in accepted:
        if owners.get(each.place) != places[DeliveryId(each.delivery)]:
            yield f"{each} is in an issue of {owners.get(each.place)}"


def _forgetful(forget: Callable[[World], None], *, before: float = HOUR) -> Play:
    """Alert once for each stream, let the ledger forget something, then alert again."""

    def play(world: World, volume: int) -> Iterator[str]:
        """The second alert of a stream is a comment on the issue of the first."""
        _troubled(world)
        streams = volume // 2
        again = streams * PACE + 2 * HOUR
        _release(world, 1, streams, 0.0)
        world.simulation.after(again - before, lambda: forget(world))
        _release(world, 2, streams, again)
        world.run()
        yield from _one_issue_each(world)

    return play


def _without_threads(world: World) -> None:
    """Let every view forget where its thread is."""
    views = vars(world.store)["_views"]
    for stream, by_name in views.items():
        views[stream] = {name: replace(view, thread=None) for name, view in by_name.items()}


threadless = row(
    "27a",
    "Jira: the threads of all views are lost between two alerts; answers are lost",
    200,
    world=PROJECTS,
)(_forgetful(_without_threads))

deployed_anew = row(
    "27b",
    "Jira: the stage is removed and deployed anew, with an empty table; answers are lost",
    200,
    world=PROJECTS,
)(_forgetful(lambda world: world.restore(MemoryStreams())))


@row(
    "27c",
    "Jira: the table is restored from a backup of an hour ago; answers are lost",
    200,
    world=PROJECTS,
)
def restored(world: World, volume: int) -> Iterator[str]:
    """Some streams are in the backup, some in the middle of their first alert, some are not."""
    _troubled(world)
    streams = volume // 2
    backups: list[MemoryStreams] = []
    half = streams * PACE / 2
    _release(world, 1, streams, 0.0)
    world.simulation.after(half, lambda: backups.append(world.backup()))
    world.simulation.after(half + HOUR, lambda: world.restore(backups[0]))
    _release(world, 2, streams, half + 2 * HOUR)
    world.run()
    yield from _one_issue_each(world)


@row(
    "27d",
    "Jira: a second stage has the same alerts.yml and project; answers are lost",
    200,
    world=PROJECTS,
)
def second_stage(world: World, volume: int) -> Iterator[str]:
    """Each stage has an issue of its own for each stream."""
    other = PROJECTS(world.seed, stage="dev", beside=world)
    _troubled(world)
    streams = volume // 4
    again = streams * PACE + HOUR
    for stage, late in ((world, 0.0), (other, 1.0)):
        _release(stage, 1, streams, late)
        _release(stage, 2, streams, again + late)
    world.run()
    yield from _one_issue_each(world)


@row(
    "27e",
    "Jira: the answer to the first alert is lost, and Jira is down until it is dead; then the next",
    100,
    dies=True,
    least=LEAST // 3,
    world=PROJECTS,
)
def dead_in_doubt(world: World, volume: int) -> Iterator[str]:
    """The next alert goes into the issue that nobody has stored; a redrive finds it there."""
    streams = volume // 2
    world.receivers.jira.lag = lambda: LAG
    world.receivers.plans += [
        during(LAG - 5, 25 * HOUR, lambda _: Answer(503)),
        during(0.0, HOUR, lambda asked: SILENCE_AFTER_ACCEPT if _creates(asked) else None),
    ]
    _release(world, 1, streams, 0.0)
    _release(world, 2, streams, 26 * HOUR)
    world.run()
    dead = [row for row in world.rows() if row.state is RowState.DEAD]
    if len(dead) != streams:
        yield f"{len(dead)} of {streams} first alerts are dead"
    world.redrive(rate=1.0)
    world.run()
    yield from still_dead(world)
    yield from _one_issue_each(world)


def _creates(asked: Asked) -> bool:
    return asked.path == f"{API}/issue"


def _deleted(world: World) -> None:
    for key in [*world.receivers.jira.keys()]:
        world.receivers.jira.delete(key)


deleted = row(
    "27f",
    "Jira: issues are deleted, and the index still lists them; answers are lost",
    200,
    world=PROJECTS,
)(_forgetful(_deleted, before=30.0))


@row("27g", "Jira: 429 for an hour, then answers are lost; the index lags", 200, world=PROJECTS)
def late_doubt(world: World, volume: int) -> Iterator[str]:
    """The wait for the index counts from the last send, not from the event."""
    _troubled(world)
    throttled = Answer(429, headers={"Retry-After": "600"})
    world.receivers.plans.insert(0, during(0.0, HOUR, lambda _: throttled))
    _release(world, 1, volume, 0.0)
    world.run()
    yield from _one_issue_each(world)


@row(
    "27h",
    "Jira: people put our label and line on older issues; threads are lost; answers are lost",
    200,
    world=PROJECTS,
)
def labelled_by_people(world: World, volume: int) -> Iterator[str]:
    """Their issues stay as they are."""
    theirs = [_copy(world, stream) for stream in range(volume // 2)]
    jira = world.receivers.jira
    before = [jira.fields(key) for key in theirs]
    yield from _forgetful(_without_threads)(world, volume)
    changed = [
        key for key, fields in zip(theirs, before, strict=True) if jira.fields(key) != fields
    ]
    if changed:
        yield f"{len(changed)} issues of people were edited, such as {changed[0]}"


def _copy(world: World, stream: int) -> str:
    """Create an issue with the signs by which the search finds ours; return its key."""
    name = world.names[stream % len(world.names)]
    mark = identity.mark_of(
        world.stage,
        Destination(name),
        StreamId(f"000474600478/eu-central-1/{name}/app-{stream}"),
    )
    project = name.replace("-", "").upper()
    return world.receivers.jira.add(project, f"A copy of {mark}", labels=[f"ecr-{mark}"])


@row(
    "27i",
    "Jira: `labels: false`, and the threads of all views are lost; answers are lost",
    200,
    world=PROJECTS,
)
def without_labels(world: World, volume: int) -> Iterator[str]:
    """The line in the description is enough."""
    entries = {
        name: replace(entry, options={**entry.options, "labels": False})
        if entry.type == "jira"
        else entry
        for name, entry in world.rules.destinations.items()
    }
    world.use(replace(world.rules, destinations=entries))
    yield from _forgetful(_without_threads)(world, volume)
    if any(asked.labels for asked in world.receivers.asked):
        yield "labels were set"


ROWS = (
    threadless,
    deployed_anew,
    restored,
    second_stage,
    dead_in_doubt,
    deleted,
    late_doubt,
    labelled_by_people,
    without_labels,
)
