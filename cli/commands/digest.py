"""`digest`: the digest of a destination as of now, shown or sent."""

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime, time
from typing import Final

from cli.deployment import add_stage_options, deployment
from cli.destination_names import unknown_destination
from cli.inputs import add_config_option, read_config
from cli.session import Connect, OperatorClients
from cli.terminal import print_json, print_text, remark, say, working
from lib.config.model import Config
from lib.core.schedule import Schedule
from lib.models import Destination
from lib.notifiers.sns import digest
from lib.wire.digest import digest_to_json

HELP = "show the digest of a destination, or send it now"
DESCRIPTION = (
    "Summarize the open vulnerabilities of a deployment, filtered by the routes to each "
    "destination: their age, new and resolved ones, the worst repositories, and images without a "
    "scan result. Without --to: the destinations of `digest` in alerts.yml; if there are none, "
    "all destinations."
)

_WEEKLY: Final = Schedule((), weekday=0, at=time(7, 0))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the two actions and their options."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    show = actions.add_parser("show", help="show the digest of each destination")
    send = actions.add_parser("send", help="show the digests, and deliver them")
    for action in (show, send):
        add_config_option(action)
        action.add_argument(
            "--to",
            action="append",
            metavar="DESTINATION",
            help="only this destination; can be repeated",
        )
        action.add_argument("--format", choices=("json", "text"), default="text")
        add_stage_options(action)


def run(options: argparse.Namespace, connect: Connect = OperatorClients) -> int:
    """Create the digests as of now; show them, or send them, too."""
    config = read_config(options.config)
    chosen = _chosen(config, options.to)
    schedule = config.digest or _WEEKLY
    now = datetime.now(UTC).replace(microsecond=0)
    stage = deployment(options, connect)
    with working("adding up the streams"):
        flow = stage.digests(config)
        digests = flow.create(schedule, chosen, until=now)
        if options.action == "send":
            flow.send(digests)
    if options.format == "json":
        print_json([digest_to_json(document) for document in digests])
    else:
        for document in digests:
            say(document.destination, style="bold")
            print_text(digest.text(document, 0))
    if options.action == "send":
        remark(f"queued: {', '.join(chosen)}; `deliveries list` shows their state")
    return 0


def _chosen(config: Config, names: Sequence[str] | None) -> list[Destination]:
    """Return the destinations to create digests for. Raises `ConfigError` for an unknown name."""
    routed = dict.fromkeys(name for route in config.routes for name in route.notify)
    if names is None:
        return list(config.digest.notify if config.digest is not None else routed)
    for name in names:
        if name not in config.destinations:
            raise unknown_destination(name, config.destinations)
    return [Destination(name) for name in names]
