"""
Waiting in the embedded AWS for its queues: a look costs nothing here, and a request a millisecond.

Used by `local.aws.cloud` only.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final

LOOK_SECONDS: Final = 0.01
"""Between two looks."""


async def until_empty(
    counts: Callable[[], Mapping[str, int]], queues: Iterable[str], seconds: float
) -> None:
    """Return once these queues, named by what counts messages, are empty together, or in time."""
    names, deadline = tuple(queues), time.monotonic() + seconds
    while any(map(counts().__getitem__, names)):
        if time.monotonic() >= deadline:
            return
        await asyncio.sleep(LOOK_SECONDS)
