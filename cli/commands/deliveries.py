"""`deliveries`: what became of every alert, and dead ones sent again."""

import argparse
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cli.deployment import Connect, Deployment, add_stage_options, deployment
from cli.inputs import calling_aws
from cli.terminal import complain, print_json, print_table, remark, say, working
from lib.bootstrap import Clients
from lib.errors import DocumentError
from lib.interfaces import WakeUp
from lib.models import Delivery, DeliveryId, DeliveryState
from lib.retries import HORIZON

HELP = "list, show and redrive deliveries, or verify that each is accounted for"
DESCRIPTION = (
    "What became of every alert. `verify` counts them by state; exit code 1 when one is open past "
    "its horizon or dead. `redrive` gives dead ones another day."
)

_ACTIONS: Final = ("list", "show", "redrive", "verify")
_GRACE: Final = timedelta(hours=1)
"""Longest pause between two attempts: an open row may be this much older than its horizon."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    parser.add_argument("action", choices=_ACTIONS)
    parser.add_argument("ids", nargs="*", metavar="ID", help="for show and redrive")
    parser.add_argument("--all", action="store_true", help="redrive every dead one")
    parser.add_argument(
        "--state", choices=[each.value for each in DeliveryState], help="list only these"
    )
    parser.add_argument("--format", choices=("json", "table"), default="table")
    add_stage_options(parser)


def run(options: argparse.Namespace, connect: Connect = Clients) -> int:
    """Do one of the four."""
    if options.action in ("show", "redrive") and not (options.ids or options.all):
        raise DocumentError(f"{options.action} takes the ids of deliveries; `list` prints them")
    stage = deployment(options, connect)
    with calling_aws():
        match options.action:
            case "redrive":
                return _redrive(stage, options)
            case "show":
                return _print([_found(stage, each) for each in options.ids], options.format)
            case "verify":
                return _verify(_rows(stage, None), options.format)
            case _:
                return _print(_rows(stage, options.state), options.format)


def _rows(stage: Deployment, state: str | None) -> list[Delivery]:
    with working("reading the ledger"):
        rows = stage.ledger.rows(DeliveryState(state) if state else None)
        return sorted(rows, key=lambda each: each.created_at)


def _found(stage: Deployment, delivery_id: str) -> Delivery:
    row = stage.ledger.get(DeliveryId(delivery_id))
    if row is None:
        raise DocumentError(f"There is no delivery {delivery_id}; `deliveries list` prints them")
    return row


def _print(rows: Sequence[Delivery], format_: str) -> int:
    if format_ == "json":
        print_json([_document(each) for each in rows])
        return 0
    columns = ("DELIVERY", "STATE", "DESTINATION", "IMAGE", "CREATED", "ATTEMPTS", "WHY")
    print_table(columns, map(_cells, rows))
    return 0


def _cells(row: Delivery) -> tuple[str, ...]:
    created = row.created_at.isoformat(timespec="seconds")
    receipt = row.receipt.url or row.receipt.reference if row.receipt else ""
    why = row.reason or receipt
    return (row.id, row.state, row.destination, row.image_key, created, str(row.attempts), why)


def _document(row: Delivery) -> dict[str, Any]:
    return {
        "id": row.id,
        "state": row.state,
        "destination": row.destination,
        "routes": [each.route for each in row.filters],
        "image": row.image_key,
        "report": row.evaluation_key,
        "created_at": row.created_at.isoformat(),
        "due_at": row.due_at.isoformat() if row.due_at else None,
        "attempts": row.attempts,
        "failures": row.failures,
        "reason": row.reason,
        "receipt": row.receipt.reference if row.receipt else None,
        "url": row.receipt.url if row.receipt else None,
    }


def _redrive(stage: Deployment, options: argparse.Namespace) -> int:
    ids = [DeliveryId(each) for each in options.ids]
    if options.all:
        ids = [each.id for each in _rows(stage, DeliveryState.DEAD)]
    now, redriven = datetime.now(UTC), []
    with working("sending again", total=len(ids)) as advance:
        for each in ids:
            row = stage.ledger.redrive(each, now=now)
            if row is None:
                complain(f"{each} is not dead, or does not exist; nothing was changed")
            else:
                redriven.append(WakeUp(row.id, row.destination, row.attempts, now.isoformat()))
            advance()
        stage.waker.wake(redriven)
    say(f"{len(redriven)} of {len(ids)} deliveries are sent again")
    return int(len(redriven) < len(ids))


def _verify(rows: Sequence[Delivery], format_: str) -> int:
    """Every row is final, or open and not older than it may become."""
    counts = Counter(row.state for row in rows)
    oldest = datetime.now(UTC) - HORIZON - _GRACE
    stuck = [row for row in rows if row.due_at is not None and row.created_at < oldest]
    accounted = len(rows) - len(stuck)
    share = 100 * accounted / len(rows) if rows else 100.0
    if format_ == "json":
        states = {state.value: counts.get(state, 0) for state in DeliveryState}
        print_json({"deliveries": len(rows), "states": states, "accounted_percent": share})
    else:
        print_table(("STATE", "DELIVERIES"), [(state, str(n)) for state, n in counts.items()])
        say(f"{accounted} of {len(rows)} accounted for ({share:.1f} %)")
    for row in stuck:
        complain(f"{row.id} is {row.state} since {row.created_at.isoformat()}; is sweep running?")
    if counts[DeliveryState.DEAD]:
        remark("dead ones: `deliveries list --state DEAD`, then `deliveries redrive`")
    return int(bool(stuck or counts[DeliveryState.DEAD]))
