"""
The flow of what syncs bring about: one round syncs streams until nothing more follows.

    streams    -> `StreamSync`            each on its own: a stream that fails hides no other
    woken      -> the deliveries queue    notifications that are to be sent now
    concerned  -> the same round          streams that took over tags
    stale      -> the scan-events queue   reports that must be fetched again
    advanced   -> the copy for readers    what is open now
    no time    -> the sync queue          the streams that are left

A round can be repeated: a sync is idempotent, and queues only wake.
"""

from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from lib.core.attempts import wake_up_of
from lib.core.causes import DAILY
from lib.errors import ScanAlertError, StoreError
from lib.flows.copies import CopyWriter
from lib.flows.syncs import StreamSync, SyncOutcome
from lib.models import StreamId
from lib.models.streams import NO_NEWS, TagNews
from lib.ports.queues import ScanEvents, SyncQueue, Waker
from lib.wire.own_events import image_check


@dataclass(frozen=True, slots=True)
class SyncFailure:
    """A stream that was not synced, and the reason."""

    stream: StreamId
    error: Exception


class SyncRounds:
    """Syncs streams, and takes care of everything that follows."""

    def __init__(
        self,
        *,
        syncs: StreamSync,
        waker: Waker,
        events: ScanEvents,
        queue: SyncQueue,
        copies: CopyWriter,
        now: Callable[[], datetime],
    ) -> None:
        self._syncs = syncs
        self._waker = waker
        self._events = events
        self._queue = queue
        self._copies = copies
        self._now = now

    def run(
        self,
        streams: Iterable[StreamId],
        cause: str,
        news: TagNews = NO_NEWS,
        *,
        has_time: Callable[[], bool] = lambda: True,
    ) -> Iterator[SyncOutcome | SyncFailure]:
        """
        Yield the outcome of each sync, in the order in which they are made.

        `news`: what an event says about tags of these streams. Raises `StoreError` where the
        streams that are left cannot be queued.
        """
        waiting = deque(dict.fromkeys(streams))
        while waiting:
            if not has_time():
                self._keep(news, waiting)
                self._queue.put(waiting, cause)
                return
            stream = waiting.popleft()
            try:
                outcome = self._synced(stream, cause, news)
            except Exception as error:  # noqa: BLE001  # one odd stream must not hide the others
                # Its event may fail for good: a later pass must know that there is such a stream.
                with suppress(StoreError):
                    self._keep(news, [stream])
                yield SyncFailure(stream, error)
                continue
            waiting.extend(one for one in outcome.concerned if one not in waiting)
            yield outcome

    def _keep(self, news: TagNews, streams: Container[StreamId]) -> None:
        """Keep the news of streams that are not synced now."""
        self._syncs.keep(news, [stream for stream in news.streams if stream in streams])

    def _synced(self, stream: StreamId, cause: str, news: TagNews) -> SyncOutcome:
        outcome = self._syncs.sync(stream, cause, news)
        if outcome.woken:
            self._waker.wake(map(wake_up_of, outcome.woken))
        if outcome.stale:
            reason = f"its report went stale before it counted ({cause})"
            now = self._now()
            self._events.put([image_check(image, now, reason) for image in outcome.stale])
        self._copies.follow(outcome, compares=cause == DAILY)
        return outcome


def first_error(failures: Iterable[SyncFailure]) -> Exception | None:
    """
    Return the error with which a message comes back; None: every sync succeeded.

    One that nobody expected comes first, so that it is logged with its trace.
    """
    errors = [failure.error for failure in failures]
    return min(errors, key=lambda error: isinstance(error, ScanAlertError), default=None)
