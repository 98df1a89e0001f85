"""`pause`: hold a destination's alerts back for a while, or list what is held."""

import argparse
from datetime import UTC, datetime, timedelta
from typing import Final

from cli.deployment import Deployment, add_stage_options, deployment
from cli.destination_names import chosen_names
from cli.durations import clock, length_of, short
from cli.inputs import add_config_option
from cli.session import Connect, OperatorClients
from cli.terminal import print_json, print_lines, remark, say
from lib.errors import DocumentError
from lib.models import Pause, PauseKind

HELP = "hold a destination's alerts back, or list what is on hold"
DESCRIPTION = (
    "Hold a destination's alerts back, with those of its channels: they wait in the ledger and go "
    "out afterwards. Alerts that are a day old are given up, so a pause lasts at most 20 hours. "
    "--list shows what is on hold, also because a receiver throttles or refuses everything."
)

MOST: Final = timedelta(hours=20)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("destination", nargs="?", metavar="DESTINATION", help="a name in alerts.yml")
    what.add_argument("--list", action="store_true", help="list what is on hold, and until when")
    parser.add_argument("--for", dest="length", default="1h", help="such as 30m or 2h (default 1h)")
    parser.add_argument("--reason", default="asked for by an operator")
    parser.add_argument("--format", choices=("json", "table"), default="table", help="of --list")
    add_stage_options(parser)
    add_config_option(parser)


def run(options: argparse.Namespace, connect: Connect = OperatorClients) -> int:
    """Write the pause and say until when it lasts, or list the pauses."""
    if options.list:
        return _list(deployment(options, connect), options)
    pause = Pause(
        PauseKind.BY_HAND, datetime.now(UTC) + pause_length(options.length), options.reason
    )
    return _pause(deployment(options, connect), pause, options)


def _pause(stage: Deployment, pause: Pause, options: argparse.Namespace) -> int:
    until = clock(pause.until, datetime.now(UTC))
    names = chosen_names(options.destination, stage, options)
    paused = [name for name in names if stage.ledger.pause(name, pause)]
    if not paused:
        raise DocumentError(f"{options.destination} is paused for longer already; resume it first")
    for name in names:
        longer = "" if name in paused else " for longer already"
        say(f"{name} is paused{longer or f' until {until}'}")
    remark(f"`ecr-scan-alerts resume {options.destination} --stage {options.stage}` ends it")
    return 0


def pause_length(text: str) -> timedelta:
    """Read "30m" or "2h". Raises `DocumentError`."""
    mistake = "--for takes minutes or hours, such as 30m or 2h, at most 20h"
    return length_of(text, units="mh", most=MOST, mistake=mistake)


def _list(stage: Deployment, options: argparse.Namespace) -> int:
    now = datetime.now(UTC)
    pauses = stage.ledger.pauses(now=now)
    if options.format == "json":
        print_json(
            [
                {
                    "destination": name,
                    "kind": pause.kind,
                    "until": pause.until.isoformat(),
                    "reason": pause.reason,
                }
                for name, pause in pauses.items()
            ]
        )
    elif pauses:
        rows = (
            (name, clock(pause.until, now), short(pause.until - now), pause.kind, pause.reason)
            for name, pause in pauses.items()
        )
        print_lines(("DESTINATION", "UNTIL", "LEFT", "WHY", "REASON"), rows)
    else:
        say("nothing is on hold")
    return 0
