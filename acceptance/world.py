"""The environment of the steps, and the facts that they pass on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from acceptance.account import ClientOf, Poll
from acceptance.deployment import Deployment
from acceptance.inbox import Alert, Inbox
from acceptance.registry import Registry
from acceptance.settings import Names, Waits


@dataclass(frozen=True, slots=True)
class Page:
    """The answer of an address to a browser."""

    status: int
    host: str
    text: str


Opener = Callable[[str], Page]


def open_page(address: str) -> Page:
    """Open an address as a browser does, with redirects. Raises `requests.RequestException`."""
    answer = requests.get(address, timeout=30)
    return Page(answer.status_code, answer.url.split("/")[2], answer.text)


@dataclass(slots=True)
class Facts:
    """Facts from earlier steps for later ones."""

    deployed_at: float | None = None
    """The end of the first deployment."""
    outputs: Mapping[str, str] = field(default_factory=dict)
    digest: str = ""
    """The first image."""
    alert: Alert | None = None
    """The alert about the first image."""


@dataclass(frozen=True, slots=True)
class World:
    """The environment of a step."""

    names: Names
    region: str
    account: str
    run: str
    """A unique part of every image, because ECR scans the same image only once a day."""
    client_of: ClientOf
    deployment: Deployment
    registry: Registry
    inbox: Inbox
    config: Path
    parameters: Mapping[str, Any]
    waits: Waits
    poll: Poll
    open_page: Opener = open_page
    slow: bool = False
    facts: Facts = field(default_factory=Facts)

    def now(self) -> float:
        """Return the time in seconds."""
        return self.poll.clock.now()
