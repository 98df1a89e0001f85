"""Every day: a check of each repository and each creation template is put on the queue."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from lib.errors import NotAllowedError
from lib.ports.queues import ScanEvents
from lib.ports.sources import RepositorySource
from lib.wire.own_events import repository_check


class DailyChecks(NamedTuple):
    """The checks of a day."""

    checks: int
    without_templates: str | None = None
    """The reason why creation templates are not checked; None if they are."""


class Audit:
    """Has repositories checked; the checks are made where scans are evaluated."""

    def __init__(
        self, *, source: RepositorySource, events: ScanEvents, now: Callable[[], datetime]
    ) -> None:
        self._source = source
        self._events = events
        self._now = now

    def run(self) -> DailyChecks:
        """
        Queue one check of each repository and of each template that repositories are created by.

        Raises `SourceError` and `StoreError`.
        """
        # EventBridge counts in seconds, too: a change that follows is newer than the check.
        now = self._now().replace(microsecond=0)
        repositories = list(self._source.repositories())
        without_templates = None
        try:
            repositories += self._source.templates()
        except NotAllowedError as error:
            without_templates = str(error)
        self._events.put([repository_check(repository, now) for repository in repositories])
        return DailyChecks(len(repositories), without_templates)
