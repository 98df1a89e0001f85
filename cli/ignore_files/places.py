"""Mappings in a file of another tool, with their lines for error messages."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from cli.alerts_file import AlertsFile
from lib.config.problems import ConfigPath
from lib.errors import DocumentError
from lib.models import Json


@dataclass(frozen=True, slots=True)
class Place:
    """A mapping and its place in the file. Readers of its keys raise `DocumentError`."""

    file: AlertsFile
    path: ConfigPath
    values: Mapping[str, Json]

    @classmethod
    def of(cls, file: AlertsFile, path: ConfigPath, value: Json) -> Self:
        """Return a part of a file, which must be a mapping."""
        if not isinstance(value, dict):
            raise DocumentError(f"{file.name}:{file.line_of(path)}: this must be a mapping")
        return cls(file, path, value)

    @property
    def line(self) -> int:
        """The line of the mapping."""
        return self.file.line_of(self.path)

    def line_of(self, key: str) -> int:
        """Return the line of a key."""
        return self.file.line_of((*self.path, key))

    def text(self, key: str) -> str | None:
        """Return a text; None for an empty one."""
        value = self.values.get(key)
        if value is None or isinstance(value, str):
            return (value or "").strip() or None
        raise self.mistake(key, "must be text; put it in quotes")

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts; empty without one."""
        items = self._list(key)
        if not all(isinstance(item, str) and item for item in items):
            raise self.mistake(key, "must be a list of texts")
        return tuple(items)

    def mapping(self, key: str) -> "Place":
        """Return the mapping under a key; an empty one without it."""
        value = self.values.get(key)
        return Place.of(self.file, (*self.path, key), {} if value is None else value)

    def mappings(self, key: str) -> "list[Place]":
        """Return the mappings in the list under a key."""
        return [
            Place.of(self.file, (*self.path, key, index), item)
            for index, item in enumerate(self._list(key))
        ]

    def unknown(self, supported: frozenset[str]) -> str | None:
        """Return a key that may limit a rule in an unsupported way."""
        used_keys = (key for key, value in self.values.items() if value not in (None, "", [], {}))
        return next((key for key in used_keys if key not in supported), None)

    def mistake(self, key: str, problem: str) -> DocumentError:
        """Return the error about a key."""
        return DocumentError(f"{self.file.name}:{self.line_of(key)}: {key} {problem}")

    def _list(self, key: str) -> list[Json]:
        value = self.values.get(key)
        if value is None or isinstance(value, list):
            return value or []
        raise self.mistake(key, "must be a list")
