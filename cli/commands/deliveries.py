"""`deliveries`: what became of every alert, and dead ones sent again."""

import argparse
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from cli.deployment import Deployment, add_stage_options, deployment
from cli.pacing import Pause, add_redrive_options, check_redrive_options
from cli.session import Connect, OperatorClients
from cli.terminal import complain, print_json, print_table, remark, say, working
from lib.errors import DocumentError
from lib.interfaces import WakeUp
from lib.models import Delivery, DeliveryId, DeliveryState
from lib.retries import HORIZON

HELP = "list, show and redrive deliveries, or verify that each is accounted for"
DESCRIPTION = (
    "What became of every alert. `verify` counts them by state; exit code 1 when one is dead, open "
    "past its horizon, or due for an hour and not tried. `redrive` gives dead ones another day."
)

_GRACE: Final = timedelta(hours=1)
"""How much later than it should an open row may be tried, or given up."""
_MEANINGS: Final[Mapping[DeliveryState, str]] = MappingProxyType(
    {
        DeliveryState.PENDING: "not tried yet",
        DeliveryState.CLAIMED: "being sent; tried again when its sender died",
        DeliveryState.SENT: "accepted, with a receipt",
        DeliveryState.RETRY: "tried again when it is due",
        DeliveryState.UNKNOWN: "its answer was lost: the receiver is asked where it can be",
        DeliveryState.DEAD: "given up; `deliveries redrive` sends it",
        DeliveryState.FOLDED: "told in a summary that was sent",
        DeliveryState.SUPPRESSED: "left out by an entry of alerts.yml",
    }
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the four actions and their options."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listed = actions.add_parser("list", help="list deliveries")
    listed.add_argument("--state", choices=[state.value for state in DeliveryState])
    shown = actions.add_parser("show", help="show deliveries in full")
    shown.add_argument("ids", nargs="+", metavar="ID", help="as `deliveries list` prints it")
    redrive = actions.add_parser("redrive", help="send dead deliveries again")
    add_redrive_options(redrive, "a dead delivery", "every dead delivery")
    verify = actions.add_parser("verify", help="count deliveries, and name those that are late")
    for action in (listed, shown, verify):
        action.add_argument("--format", choices=("json", "table"), default="table")
    for action in (listed, shown, redrive, verify):
        add_stage_options(action)


def run(
    options: argparse.Namespace, connect: Connect = OperatorClients, pause: Pause = time.sleep
) -> int:
    """Do one of the four. `pause` is called between deliveries that are redriven."""
    if options.action == "redrive":
        check_redrive_options(options, "deliveries list --state DEAD")
    stage = deployment(options, connect)
    match options.action:
        case "redrive":
            return _redrive(stage, options, pause)
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
    row = stage.ledger.delivery(DeliveryId(delivery_id))
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


def _redrive(stage: Deployment, options: argparse.Namespace, pause: Pause) -> int:
    ids = [DeliveryId(each) for each in options.ids]
    if options.all:
        ids = [each.id for each in _rows(stage, DeliveryState.DEAD)]
    redriven = 0
    with working("sending again", total=len(ids)) as advance:
        for each in ids:
            if _sent_again(stage, each):
                redriven += 1
                pause(1 / options.rate)
            else:
                complain(f"{each} is not dead, or does not exist; nothing was changed")
            advance()
    say(f"{redriven} of {len(ids)} deliveries are sent again")
    return int(redriven < len(ids))


def _sent_again(stage: Deployment, delivery_id: DeliveryId) -> bool:
    """Open a dead row and wake it. When only the first is done, the sweep does the second."""
    now = datetime.now(UTC)
    row = stage.ledger.redrive(delivery_id, now=now)
    if row is None:
        return False
    stage.waker.wake([WakeUp(row.id, row.destination, row.attempts, now.isoformat())])
    return True


def _verify(rows: Sequence[Delivery], format_: str) -> int:
    """Every row is final, or open and neither older nor later than it may become."""
    counts = Counter(row.state for row in rows)
    late = [row for row in rows if _is_late(row, datetime.now(UTC))]
    accounted = len(rows) - len(late)
    share = 100 * accounted / len(rows) if rows else 100.0
    if format_ == "json":
        states = {state.value: counts.get(state, 0) for state in DeliveryState}
        print_json({"deliveries": len(rows), "states": states, "accounted_percent": share})
    else:
        found = [(each, str(counts[each]), _MEANINGS[each]) for each in _MEANINGS if counts[each]]
        print_table(("STATE", "DELIVERIES", "MEANING"), found)
        say(f"{accounted} of {len(rows)} accounted for ({share:.1f} %)")
    for row in late:
        complain(
            f"{row.id} to {row.destination} is {row.state} since {row.created_at.isoformat()}, "
            f"due at {row.due_at}: is sweep running, is the destination slow?"
        )
    if counts[DeliveryState.DEAD]:
        remark("dead ones: `deliveries list --state DEAD`, then `deliveries redrive`")
    return int(bool(late or counts[DeliveryState.DEAD]))


def _is_late(row: Delivery, now: datetime) -> bool:
    """Say whether an open row is past its horizon, or was due long ago and nobody tried."""
    if row.due_at is None:
        return False
    return row.created_at < now - HORIZON - _GRACE or row.due_at < now - _GRACE
