"""`resume`: end a destination's pause."""

import argparse
from datetime import UTC, datetime

from cli.deployment import add_stage_options, deployment
from cli.session import Connect, OperatorClients
from cli.terminal import say, working
from lib.models import DeliveryState, Destination

HELP = "end a destination's pause"
DESCRIPTION = "End a pause, whoever asked for it; the sweep sends what waited within a minute."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    parser.add_argument("destination", help="a name in alerts.yml")
    add_stage_options(parser)


def run(options: argparse.Namespace, connect: Connect = OperatorClients) -> int:
    """Remove the pause, and make what waited for its end due now."""
    destination, now = Destination(options.destination), datetime.now(UTC)
    with working("resuming"):
        ledger = deployment(options, connect).ledger
        ledger.resume(destination)
        waiting = [
            row for row in ledger.rows(DeliveryState.RETRY) if row.destination == destination
        ]
        for row in waiting:
            ledger.defer(row.id, until=now, reason="resumed")
    say(f"{destination} is resumed; {len(waiting)} alerts are due now")
    return 0
