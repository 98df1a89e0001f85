"""`reconcile`: what no event said, found by looking at ECR and Inspector, and queued."""

import argparse
from collections import Counter
from datetime import timedelta
from typing import Any, Final

from cli.deployment import Deployment, add_stage_options, deployment
from cli.durations import length_of
from cli.rehearsal import Rehearsal, rehearse
from cli.session import Connect, OperatorClients
from cli.terminal import complain, print_json, print_table, remark, say, working
from lib.bootstrap.clients import Clients
from lib.flows.passes import PassResult, Scope, ToFetch
from lib.sources.registry import EcrRegistry
from lib.text import counted

HELP = "find scans and tags whose events were missed, and process them"
DESCRIPTION = (
    "Compare what ECR and Inspector hold with what a deployment has stored, for all watched "
    "images and for images that were pushed lately. Outdated reports are put on the queue of scan "
    "events. With --dry-run the command fetches them itself, changes nothing, and shows how many "
    "messages each destination would get. Exit code 1 when something could not be read, or when "
    "AWS asked for fewer calls."
)

MOST: Final = timedelta(days=365)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    parser.add_argument(
        "--since",
        default="24h",
        help="also check images that were pushed since, such as 24h or 30d",
    )
    parser.add_argument("--repository", metavar="GLOB", default="*", help='such as "payments/*"')
    parser.add_argument(
        "--dry-run", action="store_true", help="show what would be sent, and change nothing"
    )
    parser.add_argument("--format", choices=("json", "table"), default="table")
    add_stage_options(parser)


def run(options: argparse.Namespace, connect: Connect = OperatorClients) -> int:
    """Look at everything in scope, and show what was found."""
    scope = Scope(age_of(options.since), options.repository)
    return reconcile(deployment(options, connect), scope, options)


def reconcile(stage: Deployment, scope: Scope, options: argparse.Namespace) -> int:
    """Run a pass over the images of a stage, or rehearse it, and return the exit code."""
    calls = _counted(stage.clients)
    rehearsal = _look(stage, scope, dry_run=options.dry_run)
    show(rehearsal, calls, as_json=options.format == "json", dry_run=options.dry_run)
    return int(_complain(rehearsal))


def show(rehearsal: Rehearsal, calls: Counter[str], *, as_json: bool, dry_run: bool) -> None:
    """Print the result of a pass, or of its rehearsal."""
    if as_json:
        print_json(_document(rehearsal, calls, dry_run=dry_run))
    else:
        _print(rehearsal, calls, dry_run=dry_run)


def age_of(text: str) -> timedelta:
    """Read "24h" or "30d". Raises `DocumentError`."""
    mistake = "--since takes hours or days, such as 24h or 30d, at most 365d"
    return length_of(text, units="hd", most=MOST, mistake=mistake)


def _look(stage: Deployment, scope: Scope, *, dry_run: bool) -> Rehearsal:
    with working("looking at all images"):
        if not dry_run:
            return Rehearsal(stage.image_pass().run(scope))
        return rehearse(stage.application(), EcrRegistry(stage.clients.get("ecr")), scope)


def _counted(clients: Clients) -> Counter[str]:
    """Count the calls of the services that are asked, by operation."""
    calls: Counter[str] = Counter()

    def count(model: Any, **_: object) -> None:
        calls[model.name] += 1

    for service in ("ecr", "inspector2", "dynamodb", "sqs"):
        clients.get(service).meta.events.register(f"before-call.{service}", count)
    return calls


def _complain(rehearsal: Rehearsal) -> bool:
    """Say what could not be read, and return whether there was anything."""
    result = rehearsal.result
    for name, reason in {**result.unread, **rehearsal.unread}.items():
        complain(f"{name} was not read: {reason}")
    if result.without_coverage is not None:
        complain(f"Inspector's coverage was not read: {result.without_coverage}")
    if result.stop_reason is not None:
        complain(f"stopped before the end: {result.stop_reason}. Run it again later")
    return bool(result.unread or rehearsal.unread or result.without_coverage or result.stop_reason)


def _print(rehearsal: Rehearsal, calls: Counter[str], *, dry_run: bool) -> None:
    result = rehearsal.result
    if result.to_fetch:
        print_table(("IMAGE", "PUSHED", "REASON"), map(_cells, result.to_fetch))
    images = counted(result.images, "image")
    would = "would queue" if dry_run else "queued"
    say(f"{would} {len(result.to_fetch):,} of {images}, and {_streams(result)}")
    if dry_run:
        _print_messages(rehearsal)
        remark("a dry run: nothing was queued, stored or sent")
    remark(f"calls: {', '.join(f'{count} {name}' for name, count in sorted(calls.items()))}")


def _print_messages(rehearsal: Rehearsal) -> None:
    names = sorted({*rehearsal.messages, *rehearsal.quiet})
    if not names:
        say("no destination would get a message")
        return
    rows = [(name, f"{rehearsal.messages[name]:,}", f"{rehearsal.quiet[name]:,}") for name in names]
    print_table(("DESTINATION", "MESSAGES", "QUIET UPDATES"), rows)


def _streams(result: PassResult) -> str:
    return f"{counted(len(result.streams), 'stream')} to be synced"


def _cells(entry: ToFetch) -> tuple[str, ...]:
    pushed_at = entry.image.pushed_at
    pushed = pushed_at.isoformat(timespec="seconds") if pushed_at is not None else ""
    return entry.image.name, pushed, entry.reason


def _document(rehearsal: Rehearsal, calls: Counter[str], *, dry_run: bool) -> dict[str, Any]:
    result = rehearsal.result
    document: dict[str, Any] = {
        "dry_run": dry_run,
        "repositories": result.repositories,
        "images": result.images,
        "asked": result.asked,
        "stop_reason": result.stop_reason,
        "unread": {**result.unread, **rehearsal.unread},
        "without_coverage": result.without_coverage,
        "calls": calls,
        "missed_scans": [
            {"image": image.key, "tags": image.tags, "reason": reason}
            for image, reason in result.to_fetch
        ],
        "streams": sorted(result.streams),
    }
    if dry_run:
        document["messages"] = dict(sorted(rehearsal.messages.items()))
        document["quiet_updates"] = dict(sorted(rehearsal.quiet.items()))
    return document
