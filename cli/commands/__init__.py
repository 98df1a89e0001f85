"""The commands. A new one is a module here and a line in `COMMANDS`."""

import argparse
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Protocol

from cli.commands import (
    audit,
    check_config,
    completion,
    config,
    dead_letters,
    deliveries,
    destinations,
    digest,
    doctor,
    init,
    normalize,
    pauses,
    preview,
    reconcile,
    report,
    repository,
    route,
    scan,
    simulate,
    suppressions,
)


class Command(Protocol):
    """A module with a command."""

    HELP: str
    DESCRIPTION: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare options."""

    def run(self, options: argparse.Namespace) -> int:
        """Run the command and return its exit code."""


COMMANDS: Final[Mapping[str, Command]] = MappingProxyType(
    {
        "init": init,
        "check-config": check_config,
        "config": config,
        "suppressions": suppressions,
        "normalize": normalize,
        "route": route,
        "preview": preview,
        "simulate": simulate,
        "scan": scan,
        "report": report,
        "repository": repository,
        "digest": digest,
        "audit": audit,
        "destinations": destinations,
        "doctor": doctor,
        "deliveries": deliveries,
        "reconcile": reconcile,
        "dead-letters": dead_letters,
        "pauses": pauses,
        "completion": completion,
    }
)
