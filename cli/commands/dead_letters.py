"""`dead-letters`: messages that the queues gave up, listed, shown and redriven."""

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from cli.deployment import DEAD_LETTERS, add_stage_options, deployment
from cli.pacing import Pause, add_redrive_options, check_redrive_options
from cli.session import Connect, OperatorClients
from cli.terminal import complain, print_json, print_table, remark, say, working
from lib.errors import DocumentError
from lib.store.dead_letters import DeadLetter, DeadLetterQueue
from lib.text import counted

HELP = "list, show and redrive messages in the dead-letter queues"
DESCRIPTION = (
    "Work with messages that a function could not process, or that EventBridge could not put into "
    "a queue. Fix the cause first: `redrive` sends messages back to their queue, and a message "
    "that is rejected again returns with the reason. Exit code 1 when a selected message was not "
    "redriven."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the three actions and their options."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listed = actions.add_parser("list", help="list dead letters with their reasons")
    shown = actions.add_parser("show", help="show dead letters in full")
    shown.add_argument("ids", nargs="+", metavar="ID", help="as `dead-letters list` prints it")
    redrive = actions.add_parser("redrive", help="send dead letters back to their queue")
    add_redrive_options(redrive, "a dead letter", "every dead letter")
    for action in (listed, shown):
        action.add_argument("--format", choices=("json", "table"), default="table")
    for action in (listed, shown, redrive):
        action.add_argument("--queue", choices=tuple(DEAD_LETTERS), help="only this queue")
        add_stage_options(action)


def run(
    options: argparse.Namespace, connect: Connect = OperatorClients, pause: Pause = time.sleep
) -> int:
    """Do one of the three. `pause` is called between messages that are redriven."""
    if options.action == "redrive":
        check_redrive_options(options, "dead-letters list")
    stage = deployment(options, connect)
    queues = [stage.dead_letters(name) for name in _names(options)]
    match options.action:
        case "redrive":
            return _redrive(queues, options, pause)
        case "show":
            return _show(_chosen(queues, options.ids), options.format)
        case _:
            return _print(_read(queues), options.format)


def _names(options: argparse.Namespace) -> Sequence[str]:
    return (options.queue,) if options.queue else tuple(DEAD_LETTERS)


# --- reading ------------------------------------------------------------------------------------


def _read(queues: Sequence[DeadLetterQueue]) -> list[DeadLetter]:
    letters = []
    for queue in queues:
        size = queue.size()
        with working(f"reading {queue.name}", total=size) as advance, queue.reading() as messages:
            read = []
            for letter in messages:
                read.append(letter)
                advance()
        if len(read) < size:
            remark(
                f"{queue.name}: about {size - len(read)} more: somebody else holds them, or they "
                "wait behind ten of the same destination"
            )
        letters += sorted(read, key=lambda letter: letter.sent_at)
    return letters


def _chosen(queues: Sequence[DeadLetterQueue], ids: Sequence[str]) -> list[DeadLetter]:
    by_id = {letter.id: letter for letter in _read(queues)}
    for letter_id in ids:
        if letter_id not in by_id:
            raise DocumentError(
                f"There is no dead letter {letter_id}; `dead-letters list` prints them"
            )
    return [by_id[letter_id] for letter_id in ids]


# --- printing -----------------------------------------------------------------------------------


def _print(letters: Sequence[DeadLetter], format_: str) -> int:
    if format_ == "json":
        print_json([_row(letter) for letter in letters])
        return 0
    columns = ("MESSAGE", "QUEUE", "SENT", "RECEIVES", "ABOUT", "WHY")
    print_table(columns, map(_cells, letters))
    return 0


def _show(letters: Sequence[DeadLetter], format_: str) -> int:
    documents = [
        _row(letter) | {"attributes": dict(letter.attributes), "body": _body(letter)}
        for letter in letters
    ]
    if format_ == "json":
        print_json(documents)
        return 0
    for document in documents:
        body = document.pop("body")
        print_table(("FIELD", "VALUE"), [(name, _text(value)) for name, value in document.items()])
        print_json(body, plain=False)
    return 0


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {item}" for name, item in value.items())
    return "" if value is None else str(value)


def _row(letter: DeadLetter) -> dict[str, Any]:
    reason, error = _reason(letter)
    return {
        "id": letter.id,
        "queue": letter.queue,
        "sent_at": letter.sent_at.isoformat(),
        "receives": letter.receives,
        "about": _about(_body(letter)),
        "reason": reason,
        "error": error,
    }


def _cells(letter: DeadLetter) -> tuple[str, ...]:
    row = _row(letter)
    sent = letter.sent_at.isoformat(timespec="seconds")
    why = ": ".join(part for part in (row["reason"], row["error"]) if part)
    return (letter.id, letter.queue, sent, str(letter.receives), row["about"], why)


def _reason(letter: DeadLetter) -> tuple[str, str | None]:
    """
    Return reason and error of a letter, as process_scan or EventBridge states them.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
    """
    attributes = letter.attributes
    reason = attributes.get("reason") or attributes.get("ERROR_CODE")
    if reason is None:
        return "tried too often", 'its log lines "record failed" say why'
    return reason, attributes.get("error") or attributes.get("ERROR_MESSAGE")


def _body(letter: DeadLetter) -> Any:
    try:
        return json.loads(letter.body)
    except (ValueError, RecursionError):
        return letter.body


def _about(body: Any) -> str:
    match body:
        case {"delivery": str(delivery), "destination": str(destination)}:
            return f"delivery {delivery} to {destination}"
        case {
            "detail-type": str(kind),
            "detail": {"repository-name": str(repository), "image-digest": str(digest)},
        }:
            return f"{kind}: {repository}@{digest}"
        case {"detail-type": str(kind)}:
            return kind
        case _:
            return "not an event"


# --- redriving ----------------------------------------------------------------------------------


def _redrive(queues: Sequence[DeadLetterQueue], options: argparse.Namespace, pause: Pause) -> int:
    wanted_ids = set(options.ids)
    total = len(wanted_ids) or sum(queue.size() for queue in queues)
    redriven = []
    # Letters that are rejected again return immediately, so a run over all would not end.
    started = datetime.now(UTC)
    with working("redriving", total=total) as advance:
        for queue in queues:
            with queue.reading() as letters:
                for letter in _asked_for(letters, wanted_ids, started):
                    queue.redrive(letter)
                    redriven.append(letter.id)
                    advance()
                    pause(1 / options.rate)
    for letter_id in sorted(wanted_ids - set(redriven)):
        complain(f"{letter_id} was not found; nothing was changed")
    say(f"returned {len(redriven):,} of {counted(total, 'dead letter')} to their queues")
    if redriven:
        remark("what is rejected again comes back with its reason: `dead-letters list`")
    return int(len(redriven) < total)


def _asked_for(
    letters: Iterator[DeadLetter], wanted: set[str], started: datetime
) -> Iterator[DeadLetter]:
    missing = set(wanted)
    for letter in letters:
        if letter.id in missing or (not wanted and letter.sent_at <= started):
            yield letter
            missing.discard(letter.id)
            if wanted and not missing:
                return
