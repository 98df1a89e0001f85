"""`route`: which routes and destinations a document reaches, and why."""

import argparse
from datetime import UTC, datetime
from typing import Any

from cli.cases import add_case_options, read_cases
from cli.inputs import add_config_option, add_fetch_options, operator_app, read_config
from cli.judging import Case, JudgedStream, JudgedView, judge, reached
from cli.session import Connect, OperatorClients, connected
from cli.terminal import complain, print_json, print_table, say, working
from lib.config.model import Config

HELP = "show which routes and destinations a document reaches"
DESCRIPTION = (
    "Show which routes and destinations a document would reach, and why: as the first scan of its "
    "image, after the scan of --previous, or as if all findings were of one --kind. With "
    "--expect, exit code 1 when other destinations get a message."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    parser.add_argument("file", metavar="FILE", help="a JSON document; - for stdin")
    add_config_option(parser)
    add_case_options(parser)
    parser.add_argument("--expect", metavar="A,B", help="the destinations that must be notified")
    parser.add_argument("--format", choices=("json", "table"), default="table")
    add_fetch_options(parser)


def run(options: argparse.Namespace, connect: Connect = OperatorClients) -> int:
    """Print one line per route and per destination, and compare with the expectation."""
    config = read_config(options.config)
    source = operator_app(config, connected(options, connect)) if options.fetch else None
    judged = judge_all(read_cases(options, config, source), config)
    if options.format == "json":
        print_json([stream_to_json(stream) for stream in judged])
    else:
        for stream in judged:
            print_stream(stream)
    return _compare(options.expect, judged)


def judge_all(cases: list[Case], config: Config) -> list[JudgedStream]:
    """Judge each report in each of its streams."""
    judged: list[JudgedStream] = []
    with working("judging", total=len(cases)) as advance:
        for case in cases:
            judged += judge(case, config, datetime.now(UTC))
            advance()
    return judged


def print_stream(judged: JudgedStream) -> None:
    """Print what the routes make of an image in one of its streams, and who is notified."""
    say(f"{judged.image.name} in {judged.name}", style="bold")
    print_table(
        ("ROUTE", "MATCHED", "SELECTED", "DESTINATIONS", "WHY"),
        [
            (
                outcome.route,
                "yes" if outcome.matched else "no",
                str(outcome.selected) if outcome.matched else "",
                ", ".join(outcome.destinations),
                outcome.reason,
            )
            for outcome in judged.routes
        ],
    )
    if judged.views:
        say()
        rows = [
            (name, "yes" if view.notified else "no", _kinds(view), view.reason)
            for name, view in judged.views.items()
        ]
        print_table(("DESTINATION", "NOTIFIED", "OF", "WHY"), rows)


def _kinds(view: JudgedView) -> str:
    return ", ".join(f"{len(items)} {kind}" for kind, items in view.kinds.items())


def _compare(expect: str | None, judged: list[JudgedStream]) -> int:
    if expect is None:
        return 0
    wanted = {name.strip() for name in expect.split(",") if name.strip()}
    notified = {str(name) for name in reached(judged)}
    if wanted == notified:
        return 0
    complain(f"expected {_names(wanted)}, reached {_names(notified)}")
    return 1


def _names(destinations: set[str]) -> str:
    return ", ".join(sorted(destinations)) or "no destination"


def stream_to_json(judged: JudgedStream) -> dict[str, Any]:
    """Return what routes and destinations make of an image in one of its streams, for scripts."""
    return {
        "image": judged.image.name,
        "stream": judged.name,
        "routes": [
            {
                "route": outcome.route,
                "matched": outcome.matched,
                "selected": outcome.selected,
                "destinations": list(outcome.destinations),
                "reason": outcome.reason,
            }
            for outcome in judged.routes
        ],
        "destinations": [_view_to_json(name, view) for name, view in judged.views.items()],
    }


def _view_to_json(name: str, view: JudgedView) -> dict[str, Any]:
    return {
        "destination": name,
        "routes": list(view.routes),
        "notified": view.notified,
        "reason": view.reason,
        "kinds": {
            kind.lower(): [{"id": item.item.id, "reason": item.reason} for item in items]
            for kind, items in view.kinds.items()
        },
    }
