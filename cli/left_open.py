"""Issues and incidents that nobody closes any more once a destination has left alerts.yml."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from cli.terminal import stepping
from lib.config.model import Config
from lib.core.streams import pattern_of, repository_of
from lib.models import Destination
from lib.models.views import View
from lib.ports.streams import StreamStore
from lib.text import counted

_KEPT: Final[Mapping[str, str]] = MappingProxyType({"jira": "issue", "pagerduty": "incident"})
"""What a receiver of a type keeps open."""


@dataclass(frozen=True, slots=True)
class LeftOpen:
    """An issue or incident of a stream that stays open."""

    destination: Destination
    stream: str
    """Its repository, and its pattern where it has one."""
    what: str
    """ "issue SEC-7", "incident"."""
    ids: tuple[str, ...]
    """The vulnerabilities and conditions that it shows."""

    def __str__(self) -> str:
        shown = counted(len(self.ids), "item")
        about = f"its {self.what} about {self.stream} stays open ({shown})"
        return f"{self.destination} is not in the file: {about}"

    def to_json(self) -> dict[str, Any]:
        """Return it for scripts."""
        return {
            "destination": self.destination,
            "stream": self.stream,
            "what": self.what,
            "open": list(self.ids),
        }


def left_open(
    store: StreamStore, deployed: Config, kept: Collection[Destination]
) -> list[LeftOpen]:
    """
    Return what stays open at destinations that are deployed and not `kept`. Raises `StoreError`.

    Their views end without a message.
    """
    types = {
        name: entry.type
        for name, entry in deployed.destinations.items()
        if name not in kept and entry.type in _KEPT
    }
    entries: list[LeftOpen] = []
    if types:
        with stepping("reading what is open") as steps:
            for stream in store.streams():
                entries += _of_views(store.read(stream).views, types)
                steps.advance()
    return entries


def _of_views(
    views: Mapping[Destination, View], types: Mapping[Destination, str]
) -> Iterator[LeftOpen]:
    for name, view in views.items():
        if name in types and view.reported:
            stream = " ".join(filter(None, (repository_of(view.stream), pattern_of(view.stream))))
            yield LeftOpen(name, stream, _what(types[name], view), tuple(sorted(view.reported)))


def _what(type_: str, view: View) -> str:
    """Return how people call what is open: an issue by its key."""
    key = (view.thread or "").rpartition("|")[2]
    return f"issue {key}" if type_ == "jira" and key else _KEPT[type_]
