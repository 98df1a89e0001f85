"""The checked configuration, as the functions use it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from lib.checks.settings import Expectations
from lib.core.digest import Schedule
from lib.core.routing import Route
from lib.core.suppressions import Suppression
from lib.models import Destination, Json

LOOPBACK: Final = ("localhost", "127.0.0.1")
"""For tests and the demo."""


@dataclass(frozen=True, slots=True)
class DestinationConfig:
    """A receiver: which notifier, and its options as they stand in the file."""

    type: str
    options: Mapping[str, Json]

    def hosts(self, vendors: tuple[str, ...], named: tuple[str, ...]) -> tuple[str, ...]:
        """
        Return whom it may call: its vendor's hosts, and those that the deployment has `named`.

        A host in its options is the only one. This machine is called only where it was named.
        """
        host = self.options.get("host")
        if host is None:
            return (*vendors, *named)
        return () if host in LOOPBACK and host not in named else (host,)


@dataclass(frozen=True, slots=True)
class Config:
    """What alerts.yml says."""

    destinations: Mapping[Destination, DestinationConfig]
    routes: tuple[Route, ...]
    streams: tuple[str, ...] = ()
    suppressions: tuple[Suppression, ...] = ()
    fallback: Destination | None = None
    """Who is told when another destination refuses everything."""
    digest: Schedule | None = None
    """Who hears regularly how things stand, and when; None: nobody."""
    sources: tuple[tuple[str, str], ...] = ()
    """By globs of repositories, where the code of their images is kept; the first one counts."""
    repositories: Expectations | None = None
    """How repositories should be set up; None: nobody looks."""
