"""
The configuration in force in a process: the published alerts.yml, else the packaged one.

    nothing is published             the packaged one
    a newer one is published         that one, for new invocations
    it cannot be read, or is broken  the last one that was good, else the packaged one; and a report

A process that begins with a broken one reads the copy of the last good one, which the sweep keeps.
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
        self._read: StoredText | None = None
        self._copied = ""
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
            self._adopt(self._store.read(self._read.version if self._read else ""), now)
        except (ConfigError, StoreError) as error:
            self._report(error)
            if self._current is None or self._current.published_at is None:
                self._current = self._recalled(now) or self._current
        if self._current is None:
            self._current = ConfigInForce(self._packaged())
        return before is not None and self._current is not before

    def keep_copy(self) -> None:
        """Keep what was read and is in force, for processes that begin. Raises `StoreError`."""
        if self._read is not None and self._read.version != self._copied:
            self._store.remember(self._read)
            self._copied = self._read.version

    def _adopt(self, answer: StoredText | Absence, now: datetime) -> None:
        """Put what was read in force. Raises `ConfigError` where it is broken or has vanished."""
        if answer is Absence.UNCHANGED:
            return
        if isinstance(answer, Absence):
            if self._was_published():
                raise ConfigError("The published configuration is gone")
            return
        self._current = _checked(answer, now)
        self._read = answer

    def _was_published(self) -> bool:
        if self._current is None:
            return self._store.recall() is not None
        return self._current.published_at is not None

    def _recalled(self, now: datetime) -> ConfigInForce | None:
        """Return the last good configuration; None where no copy of one can be read."""
        try:
            copy = self._store.recall()
            return None if copy is None else _checked(copy, now)
        except (ConfigError, StoreError) as error:
            self._report(error)
            return None


def _checked(text: StoredText, now: datetime) -> ConfigInForce:
    """Return the configuration of an object. Raises `ConfigError`."""
    return ConfigInForce(in_force(read_publication(text.text), today=now.date()), text.at)
