"""The data model of the checked configuration."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from lib.checks.expectations import Expectations
from lib.core.routing import Route
from lib.core.schedule import Schedule
from lib.core.streams import StreamRule
from lib.core.suppressions import Suppression
from lib.models import Destination, Json, Owner

LOOPBACK: Final = ("localhost", "127.0.0.1")
"""Hosts of this machine, for tests and the demo."""


@dataclass(frozen=True, slots=True)
class DestinationConfig:
    """A destination: the type of its notifier, and the options from the file."""

    type: str
    options: Mapping[str, Json]
    announce: bool = False
    """
    Whether it gets a message for each stream about what was open when it, or a route to it, came.

    Else one summary says so.
    """

    def hosts(self, vendors: tuple[str, ...], named: tuple[str, ...]) -> tuple[str, ...]:
        """
        Return the hosts that the destination may call: the vendor's, and those of the deployment.

        A host in its options is the only one. Hosts of this machine need to be in `named`.
        """
        host = self.options.get("host")
        if host is None:
            return (*vendors, *named)
        return () if host in LOOPBACK and host not in named else (host,)


@dataclass(frozen=True, slots=True)
class Config:
    """The configuration in alerts.yml."""

    destinations: Mapping[Destination, DestinationConfig]
    routes: tuple[Route, ...]
    streams: tuple[StreamRule, ...] = ()
    suppressions: tuple[Suppression, ...] = ()
    fallback: Destination | None = None
    """The destination that is notified when another one refuses everything."""
    digest: Schedule | None = None
    """Schedule and destinations of the digest; None for no digest."""
    sources: tuple[tuple[str, str], ...] = ()
    """Source repositories by globs of image repositories; the first match counts."""
    owners: tuple[tuple[str, Owner], ...] = ()
    """Owners by globs of image repositories; the first match counts."""
    repositories: Expectations | None = None
    """The expected settings of repositories; None for no checks."""
    hash: str = ""
    """Of the file; two files without a difference have the same."""
