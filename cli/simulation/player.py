"""
Plays a story: events on a bus, schedules as time passes, the real flows over stores in memory.

Time is virtual. What is scheduled (events that come late, retries, hourly and daily passes) happens
at its own time, before the step that comes after it.
"""

import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from itertools import count
from typing import Any, Final, assert_never

from cli.simulation import events
from cli.simulation.images import BASIC, Place, StoredImage, changed
from cli.simulation.receivers import Arrival, Receivers
from cli.simulation.registry import Registry
from cli.simulation.runtime import Runtime, Stores
from cli.simulation.story import (
    Action,
    Delete,
    DeployRules,
    FindingForm,
    InUse,
    Move,
    Notice,
    PartAnswer,
    Pass,
    Push,
    ReceiverChange,
    Redrive,
    Rescan,
    Story,
    TagPush,
)
from lib.models import Destination, StreamId
from lib.models.views import View

Json = Any
CHECKED: Final = timedelta(minutes=10)
"""For how long after a step what is notified belongs to it."""
_LATE: Final = timedelta(hours=1)
"""How much later an event comes that is late, where a story does not say."""
_SCAN_TAKES: Final = timedelta(seconds=30)
"""From a push to the end of its scan."""
_DAILY: Final = time(0, 10)


def _lateness(answer: PartAnswer) -> timedelta:
    """Return how much later than what it is about the event of an answer comes."""
    return answer.delay or (_LATE if answer.notice is Notice.LATE else timedelta())


class Clock:
    """Virtual time, and what is to happen when."""

    def __init__(self, start: datetime) -> None:
        self.now = start
        self._agenda: list[tuple[datetime, int, Callable[[], None]]] = []
        self._order = count()

    def at(self, moment: datetime, action: Callable[[], None]) -> None:
        """Let something happen at a time; what is due earlier happens first."""
        heapq.heappush(self._agenda, (max(moment, self.now), next(self._order), action))

    def run_until(self, moment: datetime) -> None:
        """Let everything happen that is due until a time, which is then."""
        while self._agenda and self._agenda[0][0] <= moment:
            self.now, _, action = heapq.heappop(self._agenda)
            action()
        self.now = moment


@dataclass(slots=True)
class Performance:
    """The outcome of a story."""

    by_step: Mapping[int, Sequence[Arrival]] = field(default_factory=dict)
    """What was notified in each step and the ten minutes after it."""
    arrivals: Sequence[Arrival] = ()
    """Everything, in order."""
    views: Mapping[Destination, Mapping[StreamId, View]] = field(default_factory=dict)
    """At the end."""
    incidents: Mapping[tuple[Destination, StreamId], str] = field(default_factory=dict)
    """Whether the incident of a stream's vulnerabilities is open or resolved."""


class Player:
    """A player of one story, for one performance."""

    def __init__(self, story: Story, store: Stores | None = None) -> None:
        self._story = story
        self._clock = Clock(story.start)
        self._registry = Registry(story.account, story.region)
        self._receivers = Receivers()
        self._numbers = count(1)
        self._runtime = Runtime(
            self._registry,
            self._receivers,
            home=Place(story.account, story.region, ""),
            now=lambda: self._clock.now,
            later=lambda delay, action: self._clock.at(self._clock.now + delay, action),
            store=store,
        )

    def play(self) -> Performance:
        """Play all steps. Raises `ConfigError` for rules that do not hold, `LookupError`."""
        self._runtime.deploy(self._story.rules)
        self._clock.at(self._next_hour(), self._every_hour)
        self._clock.at(self._next_day(), self._every_day)
        marks: list[tuple[int, datetime]] = []
        began = self._clock.now
        for step in self._story.steps:
            began += step.after
            self._clock.run_until(began)
            marks.append((len(self._receivers.arrivals), began))
            self._act(step.action)
        self._clock.run_until(began + CHECKED)
        arrivals = list(self._receivers.arrivals.values())
        ends = [mark for mark, _ in marks[1:]] + [len(arrivals)]
        by_step = {
            step.number: [
                arrival for arrival in arrivals[mark:end] if arrival.at <= began + CHECKED
            ]
            for step, (mark, began), end in zip(self._story.steps, marks, ends, strict=True)
        }
        return Performance(by_step, arrivals, self._runtime.views(), self._receivers.incidents())

    def _next_hour(self) -> datetime:
        return self._clock.now.replace(minute=0, second=0) + timedelta(hours=1)

    def _next_day(self) -> datetime:
        today = datetime.combine(self._clock.now.date(), _DAILY, UTC)
        return today if today > self._clock.now else today + timedelta(days=1)

    def _every_hour(self) -> None:
        self._runtime.hourly()
        self._clock.at(self._next_hour(), self._every_hour)

    def _every_day(self) -> None:
        self._runtime.daily()
        self._clock.at(self._next_day(), self._every_day)

    # --- steps ---------------------------------------------------------------------------------

    def _act(self, action: Action) -> None:
        match action:
            case DeployRules():
                self._runtime.deploy(action.text)
            case ReceiverChange():
                self._receivers.health[Destination(action.name)] = action.health
            case Redrive():
                self._runtime.redrive()
            case Pass():
                pass
            case _:
                self._act_on_image(action)

    def _act_on_image(self, action: Push | TagPush | Rescan | InUse | Delete | Move) -> None:
        match action:
            case Push():
                self._push(action)
            case TagPush():
                self._tag(self._registry.image(action.image), action.tags)
            case Rescan():
                self._rescan(action)
            case InUse():
                self._registry.use(action.image, action.count)
            case Delete():
                self._delete(action)
            case Move():
                self._move(action)
            case _:
                assert_never(action)

    def _push(self, push: Push) -> None:
        platforms = tuple(push.scan.parts) if push.scan is not None else ()
        image, exists = self._registry.push(push.image, platforms, self._clock.now)
        if push.scan is not None:
            for member in image.members or (image,):
                # A part that was pushed before its index has been scanned.
                if exists or member.answer is None:
                    answer = push.scan.parts[member.platform if member is not image else ""]
                    self._scan(member, push.scan.scanner, answer)
                    if member is not image:
                        self._send(events.action(member, "PUSH", None, self._number(), self._now))
        self._tag(image, push.tags)

    def _scan(self, image: StoredImage, scanner: str, answer: PartAnswer) -> None:
        """Let the scan of a pushed image end in a while, and its event come."""
        ended = self._now + _SCAN_TAKES

        def end() -> None:
            self._registry.set_answer(image, scanner, answer, self._now)

        self._clock.at(ended, end)
        if answer.notice is not Notice.LOST:
            self._clock.at(ended + _lateness(answer), lambda: self._announce(image, ended))

    def _announce(self, image: StoredImage, ended: datetime) -> None:
        if (image.place, image.digest) in self._registry.images:
            self._send(events.scan(image, self._number(), ended))

    def _tag(self, image: StoredImage, tags: Sequence[str]) -> None:
        for tag in tags:
            self._registry.tag(image, tag)
            self._send(events.action(image, "PUSH", tag, self._number(), self._now))
        if not tags:
            self._send(events.action(image, "PUSH", None, self._number(), self._now))

    def _rescan(self, rescan: Rescan) -> None:
        image = self._registry.image(rescan.image)
        by_platform = {member.platform: member for member in image.members}
        for platform, answer in rescan.parts.items():
            target = by_platform.get(platform, image)
            before = target.answer.findings if target.answer is not None else ()
            self._registry.set_answer(target, target.scanner, answer, self._now)
            if rescan.events and answer.notice is not Notice.LOST:
                self._clock.at(self._now + _lateness(answer), self._rescanned(target, before))

    def _rescanned(self, image: StoredImage, before: Sequence[FindingForm]) -> Callable[[], None]:
        """Return what sends the events of a rescan: of basic scanning, that its scan ended."""
        ended = self._now
        forms = changed(before, image.answer.findings if image.answer is not None else ())
        number = self._number(len(forms))

        def send() -> None:
            if image.scanner == BASIC:
                self._announce(image, ended)
                return
            for raw in events.findings(image, forms, number, self._now):
                self._send(raw)

        return send

    def _delete(self, delete: Delete) -> None:
        if not delete.image.word:
            self._registry.delete_repository(self._registry.place(delete.image))
            return
        image = self._registry.image(delete.image)
        tags: Sequence[str | None] = delete.tags or [*image.tags] or [None]
        if delete.tags:
            self._registry.untag(image, delete.tags)
        else:
            self._registry.delete(image)
        for tag in tags:
            self._send(events.action(image, "DELETE", tag, self._number(), self._now))

    def _move(self, move: Move) -> None:
        image = self._registry.image(move.image)
        self._registry.move(image, archived=move.archived)
        self._send(events.storage_class(image, self._number(), self._now))

    # --- the bus -------------------------------------------------------------------------------

    @property
    def _now(self) -> datetime:
        return self._clock.now

    def _number(self, many: int = 1) -> int:
        """Return a number for the id of an event, and keep as many as are used."""
        first = next(self._numbers)
        for _ in range(many - 1):
            next(self._numbers)
        return first

    def _send(self, raw: Mapping[str, Json]) -> None:
        self._runtime.event(raw)
