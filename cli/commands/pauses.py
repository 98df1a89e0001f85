"""`pauses`: destinations whose alerts are held back for a while."""

import argparse
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

from cli.deployment import Deployment, add_stage_options, deployment
from cli.destination_names import chosen_names
from cli.durations import clock, length_of, short
from cli.inputs import add_config_option
from cli.parser import called_as
from cli.redriving import dead_rows, queue_again
from cli.session import Connect, OperatorClients
from cli.terminal import print_json, print_lines, remark, say, working
from lib.core.attempts import deferred
from lib.errors import ConflictError, DocumentError
from lib.models import Pause, PauseKind
from lib.models.views import Notification
from lib.text import counted

HELP = "list paused destinations, pause a destination, or resume it"
DESCRIPTION = (
    "Hold back the alerts of a destination and its channels. Paused alerts wait in the table and "
    "are sent afterwards. Alerts are given up after 24 hours, so a pause lasts at most 20 hours. "
    "`list` also shows destinations that are paused because the receiver throttles or rejects "
    "everything."
)

MOST: Final = timedelta(hours=20)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the three actions and their options."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listed = actions.add_parser("list", help="list paused destinations, with end and reason")
    listed.add_argument("--format", choices=("json", "table"), default="table")
    add = actions.add_parser("add", help="pause a destination and its channels")
    remove = actions.add_parser(
        "remove",
        help="resume a destination and its channels",
        description="End all pauses of a destination and its channels, whatever their cause. "
        "Waiting alerts, and the current state of dead ones, are sent within a minute.",
    )
    for action in (add, remove):
        action.add_argument("destination", metavar="DESTINATION", help="a name in alerts.yml")
        add_config_option(action)
    add.add_argument("--for", dest="length", default="1h", help="such as 30m or 2h (default 1h)")
    add.add_argument("--reason", default="asked for by an operator")
    for action in (listed, add, remove):
        add_stage_options(action)


def run(options: argparse.Namespace, connect: Connect = OperatorClients) -> int:
    """List the pauses, add one, or remove those of a destination."""
    match options.action:
        case "add":
            return _add(options, connect)
        case "remove":
            return _remove(deployment(options, connect), options)
        case _:
            return _list(deployment(options, connect), options)


def _add(options: argparse.Namespace, connect: Connect) -> int:
    """Pause a destination and its channels, and print the end of each pause."""
    until = datetime.now(UTC) + pause_length(options.length)
    pause = Pause(PauseKind.MANUAL, until, options.reason)
    stage = deployment(options, connect)
    names = chosen_names(options.destination, stage, options)
    paused = [name for name in names if stage.pauses.pause(name, pause)]
    if not paused:
        raise DocumentError(
            f"{options.destination} is paused for longer already; remove that pause first"
        )
    for name in names:
        end = f" until {clock(until, datetime.now(UTC))}" if name in paused else ""
        say(f"{name} is paused{end or ' for longer already'}")
    remark(f"`{called_as()} pauses remove {options.destination} --stage {options.stage}` ends it")
    return 0


def pause_length(text: str) -> timedelta:
    """Read "30m" or "2h". Raises `DocumentError`."""
    mistake = "--for takes minutes or hours, such as 30m or 2h, at most 20h"
    return length_of(text, units="mh", most=MOST, mistake=mistake)


def _remove(stage: Deployment, options: argparse.Namespace) -> int:
    """Remove the pauses of a destination; make its waiting alerts due, and send its dead ones."""
    now = datetime.now(UTC)
    names = chosen_names(options.destination, stage, options)
    with working("resuming"):
        paused = {name for name in names if stage.pauses.paused(name, now=now) is not None}
        for name in names:
            stage.pauses.resume(name)
        waiting = [
            row
            for row in stage.rows.unsent()
            if row.destination in names and _make_due(stage, row, now)
        ]
        dead = [row for row in dead_rows(stage) if row.destination in names]
        for row in dead:
            queue_again(stage, row.id)
    counts = Counter(row.destination for row in (*waiting, *dead))
    for name in names:
        state = "is resumed" if name in paused else "was not paused"
        say(f"{name} {state}; {counted(counts[name], 'alert is', 'alerts are')} due now")
    return 0


def _make_due(stage: Deployment, row: Notification, now: datetime) -> bool:
    """Let an alert be sent now; return False for one that a worker has."""
    after = deferred(row, until=now, reason="resumed")
    if after is None:
        return False
    with suppress(ConflictError):
        stage.rows.update(row, after)
    return True


def _list(stage: Deployment, options: argparse.Namespace) -> int:
    now = datetime.now(UTC)
    pauses = stage.pauses.pauses(now=now)
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
        print_lines(("DESTINATION", "UNTIL", "LEFT", "KIND", "REASON"), rows)
    else:
        say("no destination is paused")
    return 0
