"""`deliveries`: the state of every alert, and dead ones sent again."""

import argparse
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from cli.delivery_rows import (
    MEANINGS,
    Query,
    cells,
    columns,
    details,
    document,
    find_by_id,
    hold_text,
    image_name,
    is_late,
    select,
    timeline,
)
from cli.deployment import Deployment, add_stage_options, deployment
from cli.destination_names import chosen_names
from cli.durations import age, clock, length_of
from cli.inputs import add_config_option
from cli.pacing import Pause, add_redrive_options, check_redrive_options
from cli.redriving import ID_LENGTH, read_rows, redrive
from cli.session import Connect, OperatorClients
from cli.terminal import (
    complain,
    is_terminal,
    print_json,
    print_lines,
    print_table,
    print_text,
    remark,
    say,
    working,
)
from lib.errors import DocumentError
from lib.models import Delivery, DeliveryId, DeliveryState, Image
from lib.text import counted, one_line

HELP = "list, show and redrive deliveries, or verify that each is accounted for"
DESCRIPTION = (
    "Show the state of every alert. `verify` counts deliveries by state; exit code 1 when one is "
    "dead, open past its horizon, or due for an hour and not tried. `redrive` gives dead ones "
    "another day."
)

_LIMIT: Final = 100
_MOST: Final = timedelta(days=366)
_EARLIER: Final = timedelta(days=1)
"""How long before its delivery an evaluation may have been made."""
_EVALUATIONS: Final = 200
"""Evaluations of one stream among which the tags of an image are looked for."""
_WAIT: Final = 60


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the four actions and their options."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listed = actions.add_parser(
        "list",
        help="list deliveries, newest first",
        description=(
            "List deliveries, newest first: those of the last 24 hours, and all that are open or "
            "dead. Piped, each line has the full id and digest, for grep."
        ),
    )
    _add_filters(listed)
    shown = actions.add_parser("show", help="show deliveries in full")
    shown.add_argument("ids", nargs="+", metavar="ID", help="an id, or its first characters")
    redrive = actions.add_parser("redrive", help="send dead deliveries again")
    add_redrive_options(redrive, "a dead delivery", "every dead delivery")
    redrive.add_argument(
        "--wait",
        metavar="SECONDS",
        type=int,
        nargs="?",
        const=_WAIT,
        help=f"wait for the outcome (default {_WAIT} seconds); exit code 1 unless all are sent",
    )
    verify = actions.add_parser("verify", help="count deliveries, and name those that are late")
    for action in (listed, shown, verify):
        action.add_argument("--format", choices=("json", "table"), default="table")
    for action in (listed, shown, redrive, verify):
        add_stage_options(action)


def _add_filters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--state", choices=[state.value for state in DeliveryState])
    parser.add_argument("--destination", metavar="NAME", help="with its channels")
    parser.add_argument("--image", metavar="TEXT", help="part of repository:tag, or of the digest")
    parser.add_argument("--since", metavar="AGE", help="only newer ones, such as 30m, 24h or 30d")
    parser.add_argument("--limit", metavar="N", type=_count, help=f"default {_LIMIT}; JSON: all")
    parser.add_argument("--full", action="store_true", help="the full ids and digests, uncut")
    add_config_option(parser)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("takes a whole number above zero")
    return int(text)


def run(
    options: argparse.Namespace, connect: Connect = OperatorClients, pause: Pause = time.sleep
) -> int:
    """Do one of the four. `pause` is called between redrives, and while an outcome is awaited."""
    if options.action == "redrive":
        check_redrive_options(options, "deliveries list --state DEAD")
    since = _since(options)
    stage = deployment(options, connect)
    match options.action:
        case "redrive":
            return redrive(stage, options, pause)
        case "show":
            return _show(stage, options)
        case "verify":
            return _verify(stage, options)
        case _:
            return _list(stage, options, since)


def _names(stage: Deployment, rows: Iterable[Delivery]) -> dict[str, str]:
    """Return how people call the image of each row, by its key."""
    wanted = [row for row in rows if "@" in row.image_key]
    oldest: dict[str, datetime] = {}
    for row in wanted:
        created = row.first_at or row.created_at
        oldest[row.stream] = min(created, oldest.get(row.stream, created))
    images: dict[str, Image] = {}
    with working("reading tags", total=len(oldest)) as advance:
        for stream in dict.fromkeys(row.stream for row in wanted):
            since = oldest[stream] - _EARLIER
            for entry in stage.history.entries(stream, since=since, limit=_EVALUATIONS):
                images[entry.image.key] = entry.image
            advance()
    return {row.image_key: image_name(row, images.get(row.image_key)) for row in wanted}


# --- list ---------------------------------------------------------------------------------------


def _since(options: argparse.Namespace) -> datetime | None:
    text: str | None = getattr(options, "since", None)
    if text is None:
        return None
    mistake = "--since takes minutes, hours or days, such as 30m, 24h or 30d, at most 366d"
    return datetime.now(UTC) - length_of(text, units="mhd", most=_MOST, mistake=mistake)


def _list(stage: Deployment, options: argparse.Namespace, since: datetime | None) -> int:
    as_json = options.format == "json"
    destination = options.destination
    query = Query(
        destinations=chosen_names(destination, stage, options) if destination else None,
        image=options.image,
        since=since,
        limit=options.limit or (None if as_json else _LIMIT),
    )
    now = datetime.now(UTC)
    rows = read_rows(stage, DeliveryState(options.state) if options.state else None)
    # Tags are read of all rows only where they decide which ones are meant.
    names = _names(stage, rows) if query.image else {}
    listing = select(rows, query, names, now)
    names = names or _names(stage, listing.rows)
    if as_json:
        print_json([document(row, _name(row, names)) for row in listing.rows])
    else:
        whole = options.full or not is_terminal()
        lines = [cells(row, _name(row, names), now, whole=whole) for row in listing.rows]
        print_lines(columns(whole=whole), lines, whole=whole)
    for text in listing.remarks:
        remark(text)
    return 0


def _name(row: Delivery, names: Mapping[str, str]) -> str:
    return names.get(row.image_key) or image_name(row, None)


# --- show ---------------------------------------------------------------------------------------


def _show(stage: Deployment, options: argparse.Namespace) -> int:
    rows = [_found(stage, beginning) for beginning in options.ids]
    names, now = _names(stage, rows), datetime.now(UTC)
    if options.format == "json":
        print_json([document(row, _name(row, names)) for row in rows])
        return 0
    for index, row in enumerate(rows):
        if index:
            say()
        _print_details(stage, row, _name(row, names), now, options)
    return 0


def _print_details(
    stage: Deployment, row: Delivery, name: str, now: datetime, options: argparse.Namespace
) -> None:
    pairs = details(row, name, now)
    hold = stage.ledger.paused(row.destination, now=now)
    if hold is not None:
        pairs.append(("On hold", hold_text(row.destination, hold, options.stage, now)))
    width = max(len(title) for title, _ in pairs)
    for title, value in pairs:
        print_text(f"{title + ':':<{width + 1}} {one_line(value)}")
    say("Timeline:")
    for moment, words in timeline(stage.ledger.moments(row.id)):
        ago = f"{age(moment, now)} ago" if moment <= now else "to come"
        print_text(f"  {clock(moment, now)}  {words} ({ago})")


def _found(stage: Deployment, beginning: str) -> Delivery:
    """Return the delivery that is meant. Raises `DocumentError` for none, or for several."""
    row = stage.ledger.delivery(DeliveryId(beginning))
    if row is not None:
        return row
    rows = find_by_id(read_rows(stage), beginning) if len(beginning) < ID_LENGTH else ()
    if not rows:
        raise DocumentError(f"There is no delivery {beginning}; `deliveries list` prints them")
    if len(rows) > 1:
        ids = ", ".join(row.id for row in rows[:5])
        raise DocumentError(f"{counted(len(rows), 'id')} begin with {beginning}: {ids}")
    return rows[0]


# --- verify -------------------------------------------------------------------------------------


def _verify(stage: Deployment, options: argparse.Namespace) -> int:
    """Check that every row is final, or open and neither older nor later than it may become."""
    rows, now = read_rows(stage), datetime.now(UTC)
    counts = Counter(row.state for row in rows)
    late = [row for row in rows if is_late(row, now)]
    accounted = len(rows) - len(late)
    share = 100 * accounted / len(rows) if rows else 100.0
    holds = stage.ledger.pauses(now=now)
    if options.format == "json":
        states = {state.value: counts.get(state, 0) for state in DeliveryState}
        on_hold = {name: hold.until.isoformat() for name, hold in holds.items()}
        document_ = {"deliveries": len(rows), "states": states, "accounted_percent": share}
        print_json(document_ | {"on_hold": on_hold})
    else:
        states_ = [
            (state, str(counts[state]), MEANINGS[state]) for state in MEANINGS if counts[state]
        ]
        print_table(("STATE", "DELIVERIES", "MEANING"), states_)
        dead = counts[DeliveryState.DEAD]
        say(
            f"{accounted} of {len(rows)} accounted for ({share:.1f} %)"
            + (f", {dead:,} of them given up" if dead else "")
        )
    for row in late:
        complain(
            f"{row.id} to {row.destination} is {row.state} since {row.created_at.isoformat()}, "
            f"due at {row.due_at}: check that `sweep` runs, and whether the destination throttles"
        )
    for name, hold in holds.items():
        remark(hold_text(name, hold, options.stage, now))
    if counts[DeliveryState.DEAD]:
        listed = f"deliveries list --state DEAD --stage {options.stage}"
        remark(f"`{listed}` says why they were given up; `deliveries redrive` sends them again")
    return int(bool(late or counts[DeliveryState.DEAD]))
