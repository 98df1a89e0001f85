"""`deliveries`: the state of every message, why it came, and dead ones sent again."""

import argparse
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cli.delivery_rows import (
    MEANINGS,
    Query,
    cells,
    columns,
    count_states,
    details,
    document,
    find_by_id,
    folded_into_dead,
    hold_text,
    image_name,
    is_late,
    select,
    stream_name,
    timeline,
)
from cli.deployment import Deployment, add_stage_options, deployment
from cli.destination_names import chosen_names
from cli.durations import age, clock, length_of, short
from cli.inputs import add_config_option
from cli.pacing import Pause, add_redrive_options, check_redrive_options
from cli.redriving import ID_LENGTH, redrive
from cli.session import Connect, OperatorClients
from cli.stream_names import chosen_stream
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
from cli.view_checks import MEANINGS as STATUSES
from cli.view_checks import (
    ViewCheck,
    ViewStatus,
    changes,
    check_views,
    count_statuses,
    explanation,
    explanation_document,
    omissions,
)
from lib.core.alert_time import time_to_alert
from lib.errors import DocumentError
from lib.flows.summaries import LATEST, added_destinations, welcome_ids
from lib.models import Content, DeliveryId, Destination, StreamId
from lib.models.views import Notification, PinnedMessage, RowState
from lib.ports.streams import StreamPartition
from lib.text import counted, one_line

HELP = "list, show, explain, redrive or verify deliveries"
DESCRIPTION = (
    "Show the state of every message of a deployment. Exit code 1 when `verify` finds a delivery "
    "that is dead, late or lost."
)

_LIMIT: Final = 100
_MOST: Final = timedelta(days=366)
_WAIT: Final = 60
_LEFT_OUT: Final = 20
"""Vulnerabilities that `explain` names as left out."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their options."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listed = actions.add_parser(
        "list",
        help="list deliveries, newest first",
        description=(
            "List deliveries, newest first: those of the last 24 hours, and all that are open or "
            "dead. In a pipe each line has the full id and stream, for grep."
        ),
    )
    _add_filters(listed)
    shown = actions.add_parser(
        "show", help="show deliveries in full, with the receiver's answer and the next attempt"
    )
    shown.add_argument("ids", nargs="+", metavar="ID", help="an id, or its first characters")
    explain = actions.add_parser(
        "explain",
        help="why a destination was notified of a stream, or was not",
        description=(
            "Show what is stored about a stream, what a destination was notified of, what it "
            "should show by the deployed rules, and each difference with its reason."
        ),
    )
    explain.add_argument(
        "stream",
        metavar="STREAM",
        help="REPOSITORY, REPOSITORY:TAG or 'REPOSITORY PATTERN', such as 'shop/api v*'",
    )
    explain.add_argument(
        "--to", metavar="DESTINATION", help="a name in alerts.yml; without it they are listed"
    )
    redrive = actions.add_parser(
        "redrive",
        help="send dead deliveries again, as things stand now",
        description=(
            "Send dead deliveries again. A message is written anew, so it says how things stand "
            "now; one that has nothing left to say ends without a message."
        ),
    )
    add_redrive_options(redrive, "a dead delivery", "every dead delivery")
    redrive.add_argument(
        "--wait",
        metavar="SECONDS",
        type=int,
        nargs="?",
        const=_WAIT,
        help=f"wait for the outcome (default {_WAIT} seconds); exit code 1 unless all are sent",
    )
    verify = actions.add_parser(
        "verify", help="compare each view with what it should show, and count deliveries by state"
    )
    for action in (listed, shown, explain, verify):
        action.add_argument("--format", choices=("json", "table"), default="table")
    for action in (listed, shown, explain, redrive, verify):
        add_stage_options(action)


def _add_filters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--state", choices=[state.value for state in RowState])
    parser.add_argument(
        "--destination", metavar="NAME", help="only this destination and its channels"
    )
    parser.add_argument(
        "--image", metavar="TEXT", help="only images whose repository:tag or stream contains this"
    )
    parser.add_argument(
        "--since",
        metavar="AGE",
        help="only deliveries of this age or newer, such as 30m, 24h or 30d",
    )
    parser.add_argument("--limit", metavar="N", type=_count, help=f"default {_LIMIT}; JSON: all")
    parser.add_argument("--full", action="store_true", help="full ids and streams")
    add_config_option(parser)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("takes a whole number above zero")
    return int(text)


def run(
    options: argparse.Namespace, connect: Connect = OperatorClients, pause: Pause = time.sleep
) -> int:
    """Do one of them. `pause` is called between redrives, and while an outcome is awaited."""
    if options.action == "redrive":
        check_redrive_options(options, "deliveries list --state DEAD")
    since = _since(options)
    stage = deployment(options, connect)
    match options.action:
        case "redrive":
            return redrive(stage, options, pause)
        case "show":
            return _show(stage, options)
        case "explain":
            return _explain(stage, options)
        case "verify":
            return _verify(stage, options)
        case _:
            return _list(stage, options, since)


def _names(stage: Deployment, rows: Iterable[Notification]) -> dict[StreamId, str]:
    """Return how people call the current image of each stream."""
    streams = dict.fromkeys(row.stream for row in rows)
    names = {}
    with working("reading streams", total=len(streams)) as advance:
        for stream in streams:
            names[stream] = image_name(stream, stage.streams.read(stream).row.current)
            advance()
    return names


def _read(stage: Deployment, state: RowState | None = None) -> list[Notification]:
    """Return the deliveries of a state, or all. All but dead and open ones take a scan."""
    with working("reading deliveries"):
        if state is RowState.DEAD:
            return list(stage.rows.dead())
        rows = stage.rows.rows() if state is None or not _is_open(state) else stage.rows.unsent()
        return [row for row in rows if state in (None, row.state)]


def _is_open(state: RowState) -> bool:
    return state in (RowState.PENDING, RowState.CLAIMED, RowState.RETRY, RowState.UNKNOWN)


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
    rows = _read(stage, RowState(options.state) if options.state else None)
    # Tags are read of all rows only where they decide which ones are meant.
    names = _names(stage, rows) if query.image else {}
    listing = select(rows, query, names, now)
    names = names or _names(stage, listing.rows)
    if as_json:
        print_json([document(row, names[row.stream]) for row in listing.rows])
    else:
        whole = options.full or not is_terminal()
        lines = [cells(row, names[row.stream], now, whole=whole) for row in listing.rows]
        print_lines(columns(whole=whole), lines, whole=whole)
    for text in listing.remarks:
        remark(text)
    return 0


# --- show ---------------------------------------------------------------------------------------


def _show(stage: Deployment, options: argparse.Namespace) -> int:
    rows = [_row_of(stage, beginning) for beginning in options.ids]
    names, now = _names(stage, rows), datetime.now(UTC)
    if options.format == "json":
        print_json([_document(stage, row, names[row.stream]) for row in rows])
        return 0
    for index, row in enumerate(rows):
        if index:
            say()
        _print_details(stage, row, names[row.stream], now, options)
    return 0


def _document(stage: Deployment, row: Notification, name: str) -> dict[str, Any]:
    message = _pinned(stage, row)
    alert_time = time_to_alert(row, message)
    return document(row, name) | {
        "seconds_after_scan": alert_time.total_seconds() if alert_time is not None else None,
        "changes": _changes(message),
    }


def _print_details(
    stage: Deployment, row: Notification, name: str, now: datetime, options: argparse.Namespace
) -> None:
    pairs, message = details(row, name, now), _pinned(stage, row)
    alert_time = time_to_alert(row, message)
    if alert_time is not None:
        pairs.append(("After scan", short(alert_time)))
    hold = stage.pauses.paused(row.destination, now=now)
    if hold is not None:
        pairs.append(("On hold", hold_text(row.destination, hold, options.stage, now)))
    _print_pairs(pairs)
    for change in _changes(message):
        print_text(f"  {change['kind']} {one_line(change['id'])}: {one_line(change['reason'])}")
    say("Timeline:")
    for moment, words in timeline(row):
        ago = f"{age(moment, now)} ago" if moment <= now else "to come"
        print_text(f"  {clock(moment, now)}  {words} ({ago})")


def _print_pairs(pairs: Iterable[tuple[str, str]]) -> None:
    pairs = list(pairs)
    width = max(len(title) for title, _ in pairs)
    for title, value in pairs:
        print_text(f"{title + ':':<{width + 1}} {one_line(value)}")


def _pinned(stage: Deployment, row: Notification) -> Content | None:
    """Return the message of a row; None before it is pinned, and after its retention."""
    return stage.objects.pinned(row.pin.key) if row.pin is not None else None


def _changes(message: Content | None) -> list[dict[str, str]]:
    """Return what a message says, item by item, with the reasons; nothing before it is pinned."""
    if not isinstance(message, PinnedMessage):
        return []
    return [
        {"kind": item.kind.value, "id": item.item.id, "reason": item.reason}
        for item in message.delta.items
    ]


def _row_of(stage: Deployment, beginning: str) -> Notification:
    """Return the delivery that is meant. Raises `DocumentError` for none, or for several."""
    row = stage.rows.notification(DeliveryId(beginning))
    if row is not None:
        return row
    rows = find_by_id(_read(stage), beginning) if len(beginning) < ID_LENGTH else ()
    if not rows:
        raise DocumentError(f"There is no delivery {beginning}; `deliveries list` prints them")
    if len(rows) > 1:
        ids = ", ".join(row.id for row in rows[:5])
        raise DocumentError(f"{counted(len(rows), 'id')} begin with {beginning}: {ids}")
    return rows[0]


# --- explain ------------------------------------------------------------------------------------


def _explain(stage: Deployment, options: argparse.Namespace) -> int:
    stream = chosen_stream(stage, options.stream)
    partition = stage.streams.read(stream)
    checks = {check.destination: check for check in _checks(stage, partition, _summaries(stage))}
    there = ", ".join(sorted(checks)) or "none"
    if options.to is None:
        raise DocumentError(f"To which destination? Add --to NAME; there are: {there}")
    check = checks.get(options.to)
    if check is None:
        raise DocumentError(
            f"No route leads from {stream_name(stream)} to {options.to}; there are: {there}"
        )
    if options.format == "json":
        print_json(explanation_document(check, partition))
        return 0
    last = _last_sent(stage, check)
    _print_pairs(explanation(check, partition, last, now=datetime.now(UTC)))
    differences = changes(check.plan)
    if differences:
        print_table(("KIND", "ID", "WORTH", "REASON"), differences)
    for name, reason in omissions(check.plan)[:_LEFT_OUT]:
        print_text(f"  left out: {name}: {one_line(reason)}")
    return 0


def _last_sent(stage: Deployment, check: ViewCheck) -> Notification | None:
    """Return the last delivery that was accepted, where none is open. It takes a scan."""
    view = check.view
    if check.row is not None or view is None or not view.version:
        return None
    rows = [row for row in _read(stage, RowState.SENT) if row.stream == view.stream]
    own = [row for row in rows if row.destination == view.destination]
    return max(own, key=lambda row: row.tried_at or row.created_at, default=None)


def _summaries(stage: Deployment) -> dict[Destination, datetime]:
    """Return the destinations that wait for their first summary, and its latest time."""
    added = added_destinations(stage.rules, datetime.now(UTC))
    ids = welcome_ids(stage.stage, added)
    missing = [name for name, row_id in ids.items() if stage.rows.notification(row_id) is None]
    return {name: added[name] + LATEST for name in missing}


def _checks(
    stage: Deployment, partition: StreamPartition, summaries: Mapping[Destination, datetime]
) -> list[ViewCheck]:
    key = partition.row.state_key
    state = stage.objects.state(key) if key is not None else None
    if state is None:
        return []
    now = datetime.now(UTC)
    return list(check_views(partition, state, stage.rules, now=now, summaries=summaries))


# --- verify -------------------------------------------------------------------------------------


def _verify(stage: Deployment, options: argparse.Namespace) -> int:
    """Check that every row is final, or open and neither older nor later than it may become."""
    rows, now = _read(stage), datetime.now(UTC)
    counts = count_states(rows)
    late = [row for row in rows if is_late(row, now)]
    checks = _all_checks(stage)
    standings = count_statuses(checks)
    dead = [row for row in rows if row.state is RowState.DEAD and row.is_one_shot]
    holds = stage.pauses.pauses(now=now)
    if options.format == "json":
        print_json(
            {
                "deliveries": len(rows),
                "states": {state.value: counts.get(state, 0) for state in RowState},
                "views": {standing.value: standings[standing] for standing in ViewStatus},
                "late": [row.id for row in late],
                "on_hold": {name: hold.until.isoformat() for name, hold in holds.items()},
            }
        )
    else:
        _print_counts(counts, standings)
    _complain_of(late, checks, dead, folded_into_dead(rows))
    for name, hold in holds.items():
        remark(hold_text(name, hold, options.stage, now))
    if dead or standings[ViewStatus.DEAD]:
        listed = f"deliveries list --state DEAD --stage {options.stage}"
        remark(f"`{listed}` says why they were given up; `deliveries redrive` sends them again")
    return int(bool(late or dead or any(check.is_fault for check in checks)))


def _all_checks(stage: Deployment) -> list[ViewCheck]:
    with working("reading streams"):
        streams = list(stage.streams.streams())
    checks, summaries = [], _summaries(stage) if streams else {}
    with working("comparing views", total=len(streams)) as advance:
        for stream in streams:
            checks += _checks(stage, stage.streams.read(stream), summaries)
            advance()
    return checks


def _print_counts(counts: Mapping[RowState, int], standings: Mapping[ViewStatus, int]) -> None:
    states = [(state, str(counts[state]), MEANINGS[state]) for state in MEANINGS if counts[state]]
    print_table(("STATE", "DELIVERIES", "MEANING"), states)
    views = [(one, str(standings[one]), STATUSES[one]) for one in STATUSES if standings[one]]
    print_table(("VIEW", "VIEWS", "MEANING"), views)


def _complain_of(
    late: Iterable[Notification],
    checks: Iterable[ViewCheck],
    dead: Iterable[Notification],
    spoken_for: Mapping[DeliveryId, int],
) -> None:
    for row in late:
        complain(
            f"{row.id} to {row.destination} is {row.state} since {row.created_at.isoformat()}, "
            f"due at {row.due_at}: check that `sweep` runs, and whether the destination throttles"
        )
    for row in dead:
        count = spoken_for.get(row.id, 0)
        about = f", about {counted(count, 'stream')}" if count else ""
        complain(f"{row.id} to {row.destination} ({row.purpose}{about}) was given up: {row.reason}")
    for check in checks:
        if check.is_fault:
            complain(
                f"{stream_name(check.plan.state.stream)} to {check.destination}: "
                f"{STATUSES[check.standing]} ({check.reason})"
            )
