"""`reconcile`: scans in ECR that were never evaluated, found and queued."""

import argparse
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cli.deployment import add_stage_options, deployment
from cli.durations import length_of
from cli.session import Connect, OperatorClients
from cli.terminal import complain, print_json, print_table, remark, say, stepping
from lib.bootstrap.clients import Clients
from lib.core.missed import MissedScan
from lib.flows.reconciliation import PassResult, Scope, Watch
from lib.text import counted

HELP = "find scans whose events never arrived, and have them evaluated"
DESCRIPTION = (
    "Compare the scans that ECR holds with what a deployment has evaluated, and put the difference "
    "on its queue of scan events. Images pushed before the installation set a baseline only, "
    "without an alert. Exit code 1 when a repository could not be read, or AWS wanted fewer calls."
)

MOST: Final = timedelta(days=180)
"""What was evaluated is kept for a year after the scan: older ones would be found again soon."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    parser.add_argument(
        "--since", default="24h", help="look at images pushed since, such as 24h or 30d"
    )
    parser.add_argument("--repository", metavar="GLOB", default="*", help='such as "payments/*"')
    parser.add_argument("--dry-run", action="store_true", help="only show what would be evaluated")
    parser.add_argument(
        "--notify", action="store_true", help="alert about images older than the installation too"
    )
    parser.add_argument("--format", choices=("json", "table"), default="table")
    add_stage_options(parser)


def run(options: argparse.Namespace, connect: Connect = OperatorClients) -> int:
    """Look at everything in scope, and show what was found."""
    scope = Scope(
        since=datetime.now(UTC) - age_of(options.since),
        repositories=options.repository,
        notify=options.notify,
        dry_run=options.dry_run,
    )
    stage = deployment(options, connect)
    calls = _counted(stage.clients)
    with stepping("listing repositories") as steps:
        watch = Watch(
            repository=lambda name, images: steps.expect(images, name), image=steps.advance
        )
        result = stage.reconciliation().run(scope, watch)
    if options.format == "json":
        print_json(_document(result, calls, dry_run=options.dry_run))
    else:
        _print(result, calls, dry_run=options.dry_run)
    for repository, reason in result.unread_repositories.items():
        complain(f"{repository} was not read to its end: {reason}")
    if result.stop_reason:
        complain(f"stopped before the end: {result.stop_reason}. Run it again later")
    return int(bool(result.unread_repositories or result.stop_reason))


def age_of(text: str) -> timedelta:
    """Read "24h" or "30d". Raises `DocumentError`."""
    mistake = "--since takes hours or days, such as 24h or 30d, at most 180d"
    return length_of(text, units="hd", most=MOST, mistake=mistake)


def _counted(clients: Clients) -> Counter[str]:
    """Count the calls of the services that are asked, by operation."""
    calls: Counter[str] = Counter()

    def count(model: Any, **_: object) -> None:
        calls[model.name] += 1

    for service in ("ecr", "dynamodb", "sqs"):
        clients.get(service).meta.events.register(f"before-call.{service}", count)
    return calls


def _print(result: PassResult, calls: Counter[str], *, dry_run: bool) -> None:
    if result.missed:
        columns = ("IMAGE", "PUSHED", "STATUS", "REASON", "ALERTS")
        print_table(columns, map(_cells, result.missed))
    queued = "would queue" if dry_run else "queued"
    images = counted(result.images, "image")
    say(
        f"{queued} {len(result.missed):,} of {images}, "
        f"{result.baselines:,} of them as a baseline only"
    )
    if result.pending:
        say(f"{counted(result.pending, 'image has', 'images have')} no result yet")
    if result.deleted:
        say(f"{counted(result.deleted, 'image was', 'images were')} deleted meanwhile")
    if dry_run:
        remark("a dry run: nothing was put on the queue")
    remark(f"calls: {', '.join(f'{count} {name}' for name, count in sorted(calls.items()))}")


def _cells(missed_scan: MissedScan) -> tuple[str, ...]:
    event, image = missed_scan.event, missed_scan.event.image
    return (
        image.name,
        image.pushed_at.isoformat(timespec="seconds") if image.pushed_at else "",
        event.scan.status,
        missed_scan.reason,
        "baseline only" if event.quiet else "by routes",
    )


def _document(result: PassResult, calls: Counter[str], *, dry_run: bool) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        "images": result.images,
        "pending": result.pending,
        "deleted": result.deleted,
        "stop_reason": result.stop_reason,
        "unread_repositories": result.unread_repositories,
        "calls": calls,
        "missed_scans": [
            {
                "image": scan.event.image.key,
                "tags": scan.event.image.tags,
                "reason": scan.reason,
                "status": scan.event.scan.status,
                "index": scan.event.index,
                "baseline_only": scan.event.quiet,
            }
            for scan in result.missed
        ],
    }
