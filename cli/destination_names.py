"""The destinations of a stage by name: deployed ones, and those that have deliveries."""

import argparse
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from cli.alerts_file import load_file
from cli.deployment import Deployment
from cli.parser import suggestion
from cli.terminal import remark
from lib.config.model import Config
from lib.errors import ConfigError, DocumentError
from lib.models import Destination


def configured_names(stage: Deployment, options: argparse.Namespace) -> list[Destination]:
    """Return the destinations that a stage is deployed with; else those of the local file."""
    config = stage.config() or _local_config(options)
    return [] if config is None else list(config.destinations)


def _local_config(options: argparse.Namespace) -> Config | None:
    path = Path(options.config)
    if not path.is_file():
        return None
    try:
        return load_file(path, today=datetime.now(UTC).date())
    except ConfigError:
        remark(f"{path} is not valid, so its destinations are not known; run check-config")
        return None


def chosen_names(
    name: str, stage: Deployment, options: argparse.Namespace
) -> tuple[Destination, ...]:
    """
    Return a destination with its channels: NAME, and every NAME/CHANNEL.

    Those with alerts that wait or are dead count, too: they may be configured no more. Raises
    `DocumentError` for a name that is none.
    """
    names = configured_names(stage, options)
    matching = with_channels(name, names)
    if matching:
        return matching
    stored = (*stage.rows.unsent(), *stage.rows.dead())
    rows = dict.fromkeys(row.destination for row in stored)
    matching = with_channels(name, rows)
    if not matching:
        raise unknown_destination(name, {*names, *rows})
    return matching


def with_channels(name: str, names: Iterable[Destination]) -> tuple[Destination, ...]:
    """Return those names that are the destination or a channel of it."""
    return tuple(
        destination
        for destination in names
        if destination == name or destination.startswith(f"{name}/")
    )


def unknown_destination(name: str, names: Iterable[str]) -> DocumentError:
    """Return the error for a name that is no destination, with those there are."""
    there = sorted(names)
    listed = f"there are: {', '.join(there)}" if there else "there is none"
    return DocumentError(f"There is no destination {name}{suggestion(name, there)}; {listed}")
