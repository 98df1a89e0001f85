"""
Virtual time. Processes run as they are, one at a time, and take turns where they wait.

A process that is killed stops where it waits: nothing after that point of its code runs.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count

from greenlet import getcurrent, greenlet


class Killed(BaseException):
    """This process is gone. No `Exception`: nobody gets to handle it."""


@dataclass
class Simulation:
    """An agenda of what happens when; seconds count from `start`."""

    start: datetime
    seconds: float = 0.0
    _agenda: list[tuple[float, int, Callable[[], object]]] = field(default_factory=list)
    _order: count = field(default_factory=count)

    def now(self) -> datetime:
        """Return the time on every correct clock."""
        return self.start + timedelta(seconds=self.seconds)

    def after(self, seconds: float, do: Callable[[], object]) -> None:
        """Do something later; what is due at the same moment happens in the order of asking."""
        heapq.heappush(self._agenda, (self.seconds + seconds, next(self._order), do))

    def run(self, *, until: float) -> None:
        """Let everything happen, until nothing is left to do or the time is over."""
        while self._agenda and self._agenda[0][0] <= until:
            self.seconds, _, do = heapq.heappop(self._agenda)
            do()

    def sleep(self, seconds: float) -> None:
        """Let the calling process wait, and others do their work meanwhile."""
        wakes = self.seconds + seconds
        if not self._agenda or wakes < self._agenda[0][0]:
            self.seconds = wakes
            return
        process = getcurrent()
        heapq.heappush(self._agenda, (wakes, next(self._order), _Turn(process)))
        process.parent.switch()

    def spawn(self, work: Callable[[], object]) -> "Process":
        """Start a process now."""
        process = Process(work)
        process.go_on()
        return process


@dataclass
class _Turn:
    """The end of somebody's sleep; of nobody's, when the process was killed meanwhile."""

    process: greenlet

    def __call__(self) -> None:
        if not self.process.dead:
            self.process.switch()


class Process:
    """Code that runs in virtual time. `killed` tells how it ended."""

    def __init__(self, work: Callable[[], object]) -> None:
        self._greenlet = greenlet(self._run)
        self._work = work
        self.killed = False

    @property
    def running(self) -> bool:
        """False once it came to its end, whichever."""
        return not self._greenlet.dead

    def go_on(self) -> None:
        """Run until it waits or ends."""
        self._greenlet.switch()

    def kill(self) -> None:
        """End it where it waits."""
        self._greenlet.throw(Killed)

    def _run(self) -> None:
        try:
            self._work()
        except Killed:
            self.killed = True
