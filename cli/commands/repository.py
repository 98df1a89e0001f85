"""`repository`: the definition of a repository, the repair of one, and a preview of a policy."""

import argparse
import time
from collections.abc import Callable, Iterator, Mapping
from difflib import unified_diff
from types import MappingProxyType
from typing import Any, Final

from cli.inputs import add_region_option, read_text
from cli.pacing import Pause
from cli.repository.ecr import Repository
from cli.repository.preview import PRICE, ExpiringImage, Preview, preview
from cli.repository.running import running_images
from cli.repository.settings import (
    LATEST,
    Comparison,
    Wishes,
    check_allowed,
    check_key,
    check_name,
    compare,
)
from cli.repository.templates import cloudformation, terraform
from cli.session import Connect, OperatorClients, connected
from cli.terminal import (
    Ask,
    agreed,
    ask_person,
    complain,
    print_json,
    print_table,
    remark,
    say,
    working,
)
from lib.checks.completion import KEEP, UNTAGGED_DAYS
from lib.checks.policies import parse
from lib.errors import DocumentError, ScanAlertError, SourceError
from lib.text import clean, counted, one_line

HELP = "define a repository, fix its settings, or preview lifecycle deletions"
DESCRIPTION = (
    "Give a repository the three settings that it needs: scanning on push, tags that cannot be "
    "overwritten, and a lifecycle policy. `template` prints the definition of an encrypted "
    "repository with all of them. `fix` adds the settings that an existing repository lacks, and "
    "weakens none. `preview` shows which images a lifecycle policy would delete: untagged images "
    f"expire after {UNTAGGED_DAYS} days. No deployment is needed; `fix` and `preview` use your AWS "
    "credentials. Exit code 1 when `fix` leaves a setting that is not as it should be."
)

_FORMATS: Final[Mapping[str, Callable[..., str]]] = MappingProxyType(
    {"cloudformation": cloudformation, "terraform": terraform}
)
_MIB: Final = 1024**2
_WITHOUT: Final = "--yes changes without asking, --dry-run only shows"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the three actions and their options."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    template = actions.add_parser("template", help="print the definition of a repository")
    _add_name(template)
    _add_wishes(template, "encrypt with this KMS key, or with AWS's own")
    template.add_argument("--format", choices=tuple(_FORMATS), default="cloudformation")
    add_region_option(template)

    fix = actions.add_parser("fix", help="give a repository the settings that it lacks")
    _add_name(fix)
    _add_wishes(fix, "report another encryption: it cannot be changed afterwards")
    fix.add_argument(
        "--dry-run", action="store_true", help="show the difference, and change nothing"
    )
    fix.add_argument("--yes", action="store_true", help="do not ask")
    fix.add_argument("--no-preview", action="store_true", help="do not show what would expire")
    _add_price(fix)
    add_region_option(fix)

    shown = actions.add_parser("preview", help="show what a lifecycle policy would delete")
    _add_name(shown)
    which = shown.add_mutually_exclusive_group()
    _add_keep(which)
    which.add_argument("--policy", metavar="FILE", help='a policy in JSON, or "-" for stdin')
    _add_price(shown)
    shown.add_argument("--format", choices=("json", "table"), default="table")
    add_region_option(shown)


def _add_name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="such as payments/api")


def _add_wishes(parser: argparse.ArgumentParser, encryption: str) -> None:
    _add_keep(parser)
    tags = parser.add_mutually_exclusive_group()
    tags.add_argument("--allow-latest", action="store_true", help="the tag latest may be moved")
    tags.add_argument(
        "--allow", metavar="GLOB", nargs="+", default=[], help="tags that match may be moved"
    )
    parser.add_argument("--kms", metavar="KEY_ARN", nargs="?", const="", help=encryption)


def _add_keep(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--keep",
        metavar="N",
        type=_count,
        default=KEEP,
        help=f"how many of the newest images stay (default {KEEP})",
    )


def _add_price(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--price",
        metavar="USD",
        type=_price,
        default=PRICE,
        help=f"price of a GB and month, to show the saving (default {PRICE:.2f})",
    )


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("takes a whole number above zero")
    return int(text)


def _price(text: str) -> float:
    try:
        price = float(text)
    except ValueError:
        price = -1
    if not 0 <= price < float("inf"):
        raise argparse.ArgumentTypeError("takes a number such as 0.10")
    return price


def run(
    options: argparse.Namespace,
    connect: Connect = OperatorClients,
    pause: Pause = time.sleep,
    ask: Ask = ask_person,
) -> int:
    """Run one of the three actions. `pause` runs between polls of ECR, `ask` before changes."""
    check_name(options.name)
    if options.action == "template":
        print(
            _FORMATS[options.format](options.name, _wishes(options), region=options.region), end=""
        )
        return 0
    if options.action == "fix":
        return _fix(options, connect, pause, ask)
    return _preview(options, connect, pause)


def _wishes(options: argparse.Namespace) -> Wishes:
    """Return the requested settings. Raises `DocumentError`."""
    allow = check_allowed((LATEST,) if options.allow_latest else options.allow)
    return Wishes(options.keep, allow, check_key(options.kms, options.region))


def _repository(options: argparse.Namespace, connect: Connect) -> Repository:
    clients = connected(options, connect)
    return Repository(clients.get("ecr"), options.name, running_images(clients))


# --- fix ----------------------------------------------------------------------------------------


def _fix(options: argparse.Namespace, connect: Connect, pause: Pause, ask: Ask) -> int:
    wishes = _wishes(options)
    repository = _repository(options, connect)
    with working(f"reading {options.name}"):
        compared = compare(repository.settings(), wishes)
    _print_comparison(options.name, compared)
    todo = [
        comparison
        for comparison in compared
        if comparison.differs and comparison.change is not None
    ]
    beyond = any(
        not comparison.is_known or (comparison.differs and comparison.change is None)
        for comparison in compared
    )
    if not todo:
        say("nothing to do" if not beyond else "nothing that this command could change")
        return int(beyond)
    _print_consequences(repository, todo, options, pause)
    if options.dry_run:
        remark(f"this is a dry run; {options.name} is as it was")
        return 1
    names = ", ".join(comparison.setting for comparison in todo)
    question = f"Change {names} of {options.name}?"
    if not options.yes and not agreed(question, ask, without=_WITHOUT):
        remark(f"{options.name} is as it was")
        return 1
    done = [_applied(repository, comparison) for comparison in todo]
    return int(beyond or not all(done))


def _print_comparison(name: str, compared: list[Comparison]) -> None:
    say(name, style="bold")
    for comparison in compared:
        if not comparison.differs:
            say(f"{comparison.setting}: {comparison.now}")
            continue
        say(f"{comparison.setting}:")
        for line in _difference(comparison):
            print(f"  {clean(line)}")
    for comparison in compared:
        if comparison.advice:
            remark(f"{comparison.setting}: {comparison.advice}")


def _difference(compared: Comparison) -> Iterator[str]:
    old, new = compared.now.splitlines(), compared.wanted.splitlines()
    # Without the headers, which name files and lines: all lines are shown.
    yield from list(unified_diff(old, new, lineterm="", n=1000))[3:]


def _print_consequences(
    repository: Repository, todo: list[Comparison], options: argparse.Namespace, pause: Pause
) -> None:
    policies = (
        comparison.change.request.get("lifecyclePolicyText")
        for comparison in todo
        if comparison.change
    )
    policy = next(filter(None, policies), None)
    if policy is not None and not options.no_preview:
        try:
            with working("asking ECR what would expire"):
                result = preview(repository, policy, pause)
        except SourceError as error:
            raise SourceError(f"{error}. --no-preview goes on without") from error
        _print_preview(result, policy, options.price)
        if result.expiring:
            remark("ECR deletes these within a day of getting the policy")


def _applied(repository: Repository, compared: Comparison) -> bool:
    """Make a change and print its outcome. An error does not stop the other changes."""
    assert compared.change is not None  # noqa: S101  # for types: only such are asked for
    try:
        repository.apply(compared.change)
    except ScanAlertError as error:
        complain(f"{compared.setting}: not changed: {error}")
        return False
    say(f"{compared.setting}: changed ({compared.change.operation.replace('_', '-')})")
    return True


# --- preview ------------------------------------------------------------------------------------


def _preview(options: argparse.Namespace, connect: Connect, pause: Pause) -> int:
    policy = _policy(options)
    with working("asking ECR what would expire"):
        result = preview(_repository(options, connect), policy, pause)
    if options.format == "json":
        print_json(_document(result, options.price))
    else:
        _print_preview(result, policy, options.price)
    remark("nothing was deleted: this is what ECR would do with such a policy")
    return 0


def _policy(options: argparse.Namespace) -> str:
    """Return the requested policy. Raises `DocumentError` for an invalid one."""
    if options.policy is None:
        return Wishes(options.keep).lifecycle
    text = read_text(options.policy)
    try:
        parse(text)
    except DocumentError as error:
        raise DocumentError(f"{options.policy}: {error}") from error
    return text


def _print_preview(result: Preview, policy: str, price: float) -> None:
    words = {rule.priority: rule.document.get("description") for rule in parse(policy).rules}
    if result.images:
        columns = ("TAGS", "DIGEST", "PUSHED", "MIB", "RULE", "RUNS")
        print_table(columns, (_cells(image, words.get(image.rule)) for image in result.images))
    if not result.knows_running:
        remark("what runs is not known: ECS and Inspector do not answer to your credentials")
    for image in result.in_use:
        complain(f"{_name(image)} runs ({image.runs}), and would go by rule {image.rule}")
    expiring = len(result.expiring)
    if not expiring:
        say(f"0 of {counted(result.of, 'image')} would expire")
        return
    say(
        f"{expiring:,} of {counted(result.of, 'image')} would expire: {result.gigabytes:.2f} GB, "
        f"{result.gigabytes * price:.2f} USD a month at most (layers that others share stay)"
    )


def _name(image: ExpiringImage) -> str:
    return ", ".join(image.tags) or image.digest[:19]


def _cells(image: ExpiringImage, words: Any) -> tuple[str, ...]:
    size = "" if image.size is None else f"{image.size / _MIB:.1f}"
    rule = f"{image.rule}: {one_line(str(words))}" if words else str(image.rule)
    return (
        ", ".join(image.tags) or "(untagged)",
        image.digest[:19],
        image.pushed_at.isoformat(" ", "minutes"),
        size,
        f"{rule} (archived)" if image.archived else rule,
        image.runs,
    )


def _document(result: Preview, price: float) -> dict[str, Any]:
    return {
        "images": result.of,
        "expiring": len(result.expiring),
        "gigabytes": round(result.gigabytes, 6),
        "usd_a_month": round(result.gigabytes * price, 6),
        "in_use": len(result.in_use) if result.knows_running else None,
        "results": [
            {
                "digest": image.digest,
                "tags": list(image.tags),
                "pushed_at": image.pushed_at.isoformat(),
                "bytes": image.size,
                "rule": image.rule,
                "action": "archive" if image.archived else "expire",
                "runs": image.runs or None,
            }
            for image in result.images
        ],
    }
