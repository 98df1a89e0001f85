"""`pause`: hold a destination's alerts back for a while."""

import argparse
import re
from datetime import UTC, datetime, timedelta
from typing import Final

from cli.deployment import add_stage_options, deployment
from cli.session import Connect, OperatorClients
from cli.terminal import say
from lib.errors import DocumentError
from lib.models import Destination, Pause, PauseKind

HELP = "hold a destination's alerts back"
DESCRIPTION = (
    "Hold a destination's alerts back: they wait in the ledger and go out afterwards. Alerts that "
    "are a day old are given up, so a pause lasts at most 20 hours."
)

MOST: Final = timedelta(hours=20)
_LENGTH: Final = re.compile(r"^(\d{1,4})([mh])$")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    parser.add_argument("destination", help="a name in alerts.yml")
    parser.add_argument("--for", dest="length", default="1h", help="such as 30m or 2h (default 1h)")
    parser.add_argument("--reason", default="asked for by an operator")
    add_stage_options(parser)


def run(options: argparse.Namespace, connect: Connect = OperatorClients) -> int:
    """Write the pause, and say until when it lasts."""
    until = datetime.now(UTC) + length_of(options.length)
    pause = Pause(PauseKind.BY_HAND, until, options.reason)
    stage = deployment(options, connect)
    written = stage.ledger.pause(Destination(options.destination), pause)
    if not written:
        raise DocumentError(f"{options.destination} is paused for longer already; resume it first")
    say(f"{options.destination} is paused until {until.isoformat(timespec='seconds')}")
    return 0


def length_of(text: str) -> timedelta:
    """Read "30m" or "2h". Raises `DocumentError`."""
    match = _LENGTH.match(text)
    length = timedelta()
    if match is not None:
        unit = {"m": timedelta(minutes=1), "h": timedelta(hours=1)}[match[2]]
        length = int(match[1]) * unit
    if not timedelta() < length <= MOST:
        raise DocumentError("--for takes minutes or hours, such as 30m or 2h, at most 20h")
    return length
