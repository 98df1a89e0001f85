"""Mappings in a file of another tool: every mistake says where it stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from cli.alerts_file import AlertsFile
from lib.config.problems import ConfigPath
from lib.errors import DocumentError
from lib.models import Json


@dataclass(frozen=True, slots=True)
class Place:
    """A mapping, its place in the file, and what its keys hold; each raises `DocumentError`."""

    file: AlertsFile
    path: ConfigPath
    values: Mapping[str, Json]

    @classmethod
    def of(cls, file: AlertsFile, path: ConfigPath, value: Json) -> Self:
        """Take a part of a file, which must be a mapping."""
        if not isinstance(value, dict):
            raise DocumentError(f"{file.name}:{file.line_of(path)}: this must be a mapping")
        return cls(file, path, value)

    @property
    def line(self) -> int:
        """Where it begins."""
        return self.file.line_of(self.path)

    def line_of(self, key: str) -> int:
        """Return where a key stands."""
        return self.file.line_of((*self.path, key))

    def text(self, key: str) -> str | None:
        """Return a text; None for an empty one."""
        value = self.values.get(key)
        if value is None or isinstance(value, str):
            return (value or "").strip() or None
        raise self.mistake(key, "must be text; put it in quotes")

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts; empty without one."""
        found = self._list(key)
        if not all(isinstance(each, str) and each for each in found):
            raise self.mistake(key, "must be a list of texts")
        return tuple(found)

    def mapping(self, key: str) -> "Place":
        """Return the mapping under a key; an empty one without it."""
        value = self.values.get(key)
        return Place.of(self.file, (*self.path, key), {} if value is None else value)

    def mappings(self, key: str) -> "list[Place]":
        """Return the mappings in the list under a key."""
        return [
            Place.of(self.file, (*self.path, key, index), each)
            for index, each in enumerate(self._list(key))
        ]

    def unknown(self, known: frozenset[str]) -> str | None:
        """Return a key that may limit a rule in a way that nobody here knows of."""
        said = (key for key, value in self.values.items() if value not in (None, "", [], {}))
        return next((key for key in said if key not in known), None)

    def mistake(self, key: str, problem: str) -> DocumentError:
        """Return the error about a key."""
        return DocumentError(f"{self.file.name}:{self.line_of(key)}: {key} {problem}")

    def _list(self, key: str) -> list[Json]:
        value = self.values.get(key)
        if value is None or isinstance(value, list):
            return value or []
        raise self.mistake(key, "must be a list")
