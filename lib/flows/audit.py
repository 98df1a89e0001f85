"""Every day: a check of each repository and each creation template is put on the queue."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from lib.errors import NotAllowedError
from lib.ports.sources import RepositorySource
from lib.ports.store import ScanEvents
from lib.wire.own_events import repository_check


class Audit:
    """Has repositories checked; the checks are made where scans are evaluated."""

    def __init__(
        self, *, source: RepositorySource, events: ScanEvents, now: Callable[[], datetime]
    ) -> None:
        self._source = source
        self._events = events
        self._now = now

    def run(self) -> int:
        """
        Queue one check of each repository and of each template that repositories are created by.

        Templates that may not be listed are left out. Raises `SourceError` and `StoreError`.
        """
        # EventBridge counts in seconds, too: a change that follows is newer than the check.
        now = self._now().replace(microsecond=0)
        repositories = list(self._source.repositories())
        with suppress(NotAllowedError):
            repositories += self._source.templates()
        self._events.put([repository_check(repository, now) for repository in repositories])
        return len(repositories)
