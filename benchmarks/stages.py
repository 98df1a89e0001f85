"""Where the processor time of an event goes: stages that are timed one by one, in extra rounds."""

import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from types import MappingProxyType
from typing import Any, Final
from unittest.mock import patch

from botocore.client import BaseClient

from lib.normalizer import pages
from lib.notifiers.sns import notifier
from lib.store import current, stream_objects

CALLS: Final = "calls of AWS with pages as JSON"
FINGERPRINT: Final = "fingerprint"
FINDINGS: Final = "findings"
STORED: Final = "objects as text"
TEXT: Final = "text of the message"
REST: Final = "all else"
_STAGES: Final[Mapping[str, tuple[tuple[Any, str], ...]]] = MappingProxyType(
    {
        CALLS: ((BaseClient, "_make_api_call"),),
        FINGERPRINT: ((pages, "fingerprint"),),
        FINDINGS: ((pages, "distinct"),),
        STORED: ((stream_objects, "compressed"), (current, "compressed")),
        TEXT: ((notifier, "text_of"),),
    }
)
"""Functions, by the modules that call them. What one stage calls of another is that other's."""

Shares = Mapping[str, float]
"""Seconds of processor time by stage."""


class Stopwatch:
    """Adds up the processor time of each stage."""

    def __init__(self) -> None:
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._running = [REST]
        self._since = 0.0

    def time(self, work: Callable[[], object]) -> Shares:
        """Do some work; return its stages."""
        self._seconds.clear()
        with ExitStack() as patches:
            for stage, places in _STAGES.items():
                for owner, name in places:
                    timed = self.timed(stage, getattr(owner, name))
                    patches.enter_context(patch.object(owner, name, timed))
            self._since = time.process_time()
            work()
            self._stop()
        return dict(self._seconds)

    def timed(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function whose time is that of a stage."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            self._stop()
            self._running.append(stage)
            try:
                return function(*args, **kwargs)
            finally:
                self._stop()
                self._running.pop()

        return timed

    def _stop(self) -> None:
        """Add the time since the last stop to the stage that runs."""
        now = time.process_time()
        self._seconds[self._running[-1]] += now - self._since
        self._since = now


def medians(rounds: Iterable[Shares]) -> Shares:
    """Return the median of each stage, the longest one first."""
    columns: defaultdict[str, list[float]] = defaultdict(list)
    for shares in rounds:
        for stage, seconds in shares.items():
            columns[stage].append(seconds)
    middle = {stage: statistics.median(values) for stage, values in columns.items()}
    return dict(sorted(middle.items(), key=lambda item: -item[1]))


def in_words(shares: Shares) -> str:
    """Return "calls of AWS 18 ms, findings 10 ms"."""
    return ", ".join([f"{stage} {seconds * 1000:.0f} ms" for stage, seconds in shares.items()])
