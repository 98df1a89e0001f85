"""alerts.yml as the command `suppressions` changes it: read, edited, checked, written."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final, Self

from cli.alerts_file import AlertsFile, configured, read_exactly, understand
from cli.files import write_whole
from lib.core.suppressions import Suppression
from lib.errors import ConfigError
from lib.models import Json

_KEY: Final = "suppressions"


@dataclass(frozen=True, slots=True)
class SuppressionsFile:
    """The text of a file, and the suppressions in it."""

    name: str
    text: str
    document: Mapping[str, Json]
    entries: tuple[Suppression, ...]
    lines: tuple[int, ...]
    """Where each entry begins."""

    @classmethod
    def read(cls, name: str, *, today: date) -> Self:
        """Read and check a file. Raises `ConfigError` with every error and its line."""
        return cls.of(name, read_exactly(Path(name)), today=today)

    @classmethod
    def of(cls, name: str, text: str, *, today: date) -> Self:
        """Check a text as `check-config` does. Raises `ConfigError`."""
        file = _with_list(understand(text, name))
        entries = configured(file, today=today).suppressions
        lines = tuple(file.line_of((_KEY, index)) for index in range(len(entries)))
        return cls(name, text, file.document, entries, lines)

    def changed(self, text: str, *, today: date) -> Self:
        """
        Return the file with another text.

        Raises `ConfigError` when `check-config` would not pass it.
        """
        try:
            return type(self).of(self.name, text, today=today)
        except ConfigError as error:
            raise ConfigError(
                f"{self.name} was not changed, because it would not pass check-config:\n{error}"
            ) from error

    def write(self, *, instead_of: str) -> None:
        """
        Put the text into the file, whose text was `instead_of` when it was read.

        Raises `ConfigError` when somebody changed the file since.
        """
        path = Path(self.name)
        if read_exactly(path) != instead_of:
            raise ConfigError(f"{self.name} was changed meanwhile; run the command again")
        write_whole(path, self.text)

    def place(self, index: int) -> str:
        """Return where an entry is, as terminals open it: "alerts.yml:44"."""
        return f"{self.name}:{self.lines[index]}"


def _with_list(file: AlertsFile) -> AlertsFile:
    """Read a key without a value as an empty list, which an edit can fill."""
    if isinstance(file.document, dict) and file.document.get(_KEY, ()) is None:
        return replace(file, document={**file.document, _KEY: []})
    return file
