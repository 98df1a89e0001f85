"""Rows about views: what ends quietly, programs that keep a state, a destination added later."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from lib.models import Destination, Image, StreamId
from local.standins.wire import Answer
from tests.faults.matrix import Repeats, row
from tests.faults.receivers import SILENCE_AFTER_ACCEPT, always, during, sometimes, writing
from tests.faults.world import START, World, config, route
from tests.support.builders import a_finding, a_report, an_image

Json = Any
MINUTE, HOUR = 60.0, 3600.0
KEEPERS = ("pagerduty", "jira", "bot")
"""Kinds that keep something current."""
PROGRAMS = ("webhook", "sns")
"""Kinds that programs read."""
_ENDED = ("RESOLVED", "NO_LONGER_REPORTED")
LATE = Destination("slack-9")


def _images(world: World, volume: int) -> Iterator[tuple[str, Image]]:
    """Yield an image for each alert, and the destination that its stream leads to."""
    for number in range(volume):
        name = world.names[number % len(world.names)]
        yield name, an_image(number + 1, repository=f"{name}/app-{number}", tags=(f"1.{number}",))


@row(
    "40a",
    "every receiver is down for 30 min while vulnerabilities are lowered below the threshold",
    600,
    world=partial(World, kinds=KEEPERS),
)
def quiet_end(world: World, volume: int) -> Iterator[str]:
    """Each is brought up to date afterwards, and nobody is notified."""
    begin = volume / 2 + 10 * MINUTE
    for number, (name, image) in enumerate(_images(world, volume)):
        world.scan(image, number / 2, to=(name,))
        lowered = a_report(a_finding(world.name_of(image), severity="LOW"))
        world.rescan(image, begin + MINUTE + number / 100, lowered)
    world.receivers.plans.append(during(begin, begin + 30 * MINUTE, always(Answer(503))))
    world.run(least=begin + 40 * MINUTE)
    if world.receivers.pagerduty.open:
        yield f"{len(world.receivers.pagerduty.open)} incidents are open for ever"
    shown = [
        stream for stream in world.store.streams() for view in world.views(stream) if view.reported
    ]
    if shown:
        yield f"{len(shown)} views show what is not desired any more, such as {shown[0]}"
    messages = [one for one in world.receivers.accepted if one.receiver != "pagerduty"]
    expected = [one for one in world.expected if one.kind != "pagerduty"]
    if len(messages) != len(expected):
        yield f"{len(messages)} messages to people instead of {len(expected)}"


class Programs:
    """Programs that keep what is open, from the messages that they get, and know repeated ones."""

    def __init__(self) -> None:
        self.open: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        self.problems: list[str] = []
        self._versions: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._known: set[str] = set()

    def take(self, _: str, payload: Mapping[str, Json]) -> None:
        """Apply a message, unless it is known."""
        document = _document(payload)
        if document is None or document["delivery_id"] in self._known:
            return
        self._known.add(document["delivery_id"])
        place = document["destination"], document["stream"]
        if document["sequence"]["from"] != self._versions[place]:
            self.problems.append(f"{place} misses a version")
        self._versions[place] = document["sequence"]["to"]
        for item in document["items"]:
            change = set.discard if item["kind"] in _ENDED else set.add
            change(self.open[place], item["id"])


def _document(payload: Mapping[str, Json]) -> Json | None:
    """Return the document of a message; None: it is a text."""
    if "specversion" in payload:
        return payload["data"]
    try:
        return json.loads(payload["Message"])
    except ValueError:
        return None


@row(
    "40b",
    "15 % of the answers of programs that keep a state are lost, 15 % are 500",
    800,
    repeats=Repeats.ASKED_FOR,
    world=partial(World, kinds=PROGRAMS),
)
def programs(world: World, volume: int) -> Iterator[str]:
    """They have what the views have, by what comes and by what ends."""
    kept = Programs()
    world.receivers.watch = kept.take
    world.receivers.plans += [
        writing(sometimes(0.15, SILENCE_AFTER_ACCEPT, world.random)),
        writing(sometimes(0.15, Answer(500), world.random)),
    ]
    for number, (name, image) in enumerate(_images(world, volume // 2)):
        world.scan(image, number / 2, to=(name,))
        other = a_finding(f"CVE-2025-{number}", fixed_version="2")
        again = number / 2 + world.random.uniform(0, HOUR)
        # What is replaced before it could be sent is rightly never sent.
        world.simulation.after(again, partial(world.relax_unsent, image))
        world.rescan(image, again, a_report(other))
    world.run()
    yield from kept.problems
    for (name, stream), ids in kept.open.items():
        reported = set(world.store.read(StreamId(stream)).views[Destination(name)].reported)
        if ids != reported:
            yield f"{name} has {ids} of {stream}, and its view {reported}"
    if not kept.open:
        yield "no program got anything"


@row(
    "40c",
    "a destination is added under load; 5 % of the calls fail",
    800,
    world=partial(World, kinds=("slack", "jira")),
)
def added_later(world: World, volume: int) -> Iterator[str]:
    """It is notified of what comes, not of what was there before; the other one of all."""
    world.receivers.webhook(LATE)
    world.receivers.plans.append(sometimes(0.05, Answer(503), world.random))
    at, late = volume / 4, []
    routes = [route(name, name, LATE) for name in world.names]
    later = config([*world.names, LATE], START, routes=routes)
    world.simulation.after(at, lambda: world.use(later))
    for number, (name, image) in enumerate(_images(world, volume)):
        # Around the deployment, functions of both rules work.
        seconds = number / 2 if number / 2 < at else number / 2 + 3 * MINUTE
        to = (name,) if seconds < at else (name, LATE)
        world.scan(image, seconds, to=to)
        if seconds < at:
            late.append(world.name_of(image))
    world.run(least=volume + 5 * MINUTE)
    told = {
        name for one in world.receivers.accepted if one.destination == LATE for name in one.names
    }
    if told & set(late):
        yield f"{len(told & set(late))} older ones were notified one by one"


ROWS = (quiet_end, programs, added_later)
