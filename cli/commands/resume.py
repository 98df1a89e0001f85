"""`resume`: end a destination's pause."""

import argparse
from collections import Counter
from datetime import UTC, datetime

from cli.deployment import add_stage_options, deployment
from cli.destination_names import chosen_names
from cli.inputs import add_config_option
from cli.session import Connect, OperatorClients
from cli.terminal import say, working
from lib.models import DeliveryState
from lib.text import counted

HELP = "end a destination's pause"
DESCRIPTION = (
    "End the pauses of a destination and its channels, whoever asked for them; the sweep sends "
    "what waited within a minute."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    parser.add_argument("destination", help="a name in alerts.yml")
    add_stage_options(parser)
    add_config_option(parser)


def run(options: argparse.Namespace, connect: Connect = OperatorClients) -> int:
    """Remove the pauses, and make what waited for their end due now."""
    stage, now = deployment(options, connect), datetime.now(UTC)
    names = chosen_names(options.destination, stage, options)
    with working("resuming"):
        paused = {name for name in names if stage.ledger.paused(name, now=now) is not None}
        for name in names:
            stage.ledger.resume(name)
        waiting = [
            row for row in stage.ledger.rows(DeliveryState.RETRY) if row.destination in names
        ]
        for row in waiting:
            stage.ledger.defer(row.id, until=now, reason="resumed")
    counts = Counter(row.destination for row in waiting)
    for name in names:
        state = "is resumed" if name in paused else "was not paused"
        say(f"{name} {state}; {counted(counts[name], 'alert is', 'alerts are')} due now")
    return 0
