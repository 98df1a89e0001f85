"""
The configuration in force in a process: the published alerts.yml, else the packaged one.

    nothing is published             the packaged one
    a newer one is published         that one, for new invocations
    it cannot be read, or is broken  the last one that was good, else the packaged one; and a report

S3 is asked at most once in a while, and answers "not modified" where nothing changed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from lib.config.model import Config
from lib.config.publication import in_force, read_publication
from lib.errors import ConfigError, StoreError
from lib.ports.publications import Absence, PublicationStore, StoredText


@dataclass(frozen=True, slots=True)
class ConfigInForce:
    """A configuration, and since when it is published."""

    config: Config
    published_at: datetime | None = None
    """None for the packaged configuration."""


class LiveConfig:
    """The configuration of a process, which follows what is published."""

    def __init__(
        self,
        store: PublicationStore,
        packaged: Callable[[], Config],
        *,
        now: Callable[[], datetime],
        every: timedelta,
        report: Callable[[Exception], None],
    ) -> None:
        """`every` is the time between two questions; `report` makes a failure known."""
        self._store = store
        self._packaged = packaged
        self._now = now
        self._every = every
        self._report = report
        self._current: ConfigInForce | None = None
        self._version = ""
        self._asked_at: datetime | None = None

    @property
    def current(self) -> ConfigInForce:
        """The configuration in force. Raises `ConfigError` where none is packaged either."""
        if self._current is None:
            self.refresh()
        return self._current or ConfigInForce(self._packaged())

    def refresh(self, *, at_once: bool = False) -> bool:
        """Ask for a newer configuration if it is time to. Returns whether another is in force."""
        now = self._now()
        if not at_once and self._asked_at is not None and now - self._asked_at < self._every:
            return False
        self._asked_at = now
        before = self._current
        try:
            self._adopt(self._store.read(self._version), now)
        except (ConfigError, StoreError) as error:
            self._report(error)
        if self._current is None:
            self._current = ConfigInForce(self._packaged())
        return before is not None and self._current is not before

    def _adopt(self, answer: StoredText | Absence, now: datetime) -> None:
        """Put what was read in force. Raises `ConfigError` where it is broken or has vanished."""
        if answer is Absence.UNCHANGED:
            return
        if isinstance(answer, Absence):
            if self._version:
                raise ConfigError("The published configuration is gone")
            return
        config = in_force(read_publication(answer.text), today=now.date())
        self._current = ConfigInForce(config, answer.at)
        self._version = answer.version
