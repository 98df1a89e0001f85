"""`route`: which routes and destinations a document reaches, and why."""

import argparse
from typing import Any

from cli.evaluating import RoutedEvaluation, judge_all
from cli.inputs import (
    add_config_option,
    add_fetch_options,
    operator_app,
    read_config,
    read_reports,
)
from cli.session import Connect, OperatorClients, connected
from cli.terminal import complain, print_json, print_table, say
from lib.core.routing import Decision

HELP = "show which routes and destinations a document reaches"
DESCRIPTION = (
    "Show which routes and destinations a document would reach as the first scan of its image, and "
    "why. With --expect, exit code 1 when other destinations are reached."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    parser.add_argument("file", metavar="FILE", help="a JSON document; - for stdin")
    add_config_option(parser)
    parser.add_argument("--expect", metavar="A,B", help="the destinations that must be reached")
    parser.add_argument("--format", choices=("json", "table"), default="table")
    add_fetch_options(parser)


def run(options: argparse.Namespace, connect: Connect = OperatorClients) -> int:
    """Print one line per route, and compare with the expectation."""
    config = read_config(options.config)
    source = operator_app(config, connected(options, connect)) if options.fetch else None
    judged = judge_all(read_reports([options.file], source=source), config)
    if options.format == "json":
        print_json([_document(result) for result in judged])
    else:
        for result in judged:
            print_routes(result)
    return _compare(options.expect, judged)


def print_routes(judged: RoutedEvaluation) -> None:
    """Print the decisions of the routes about one image."""
    say(judged.evaluation.report.image.name, style="bold")
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
            for outcome in judged.decisions.outcomes
        ],
    )


def _compare(expect: str | None, judged: list[RoutedEvaluation]) -> int:
    if expect is None:
        return 0
    wanted = {name.strip() for name in expect.split(",") if name.strip()}
    reached = {
        str(decision.destination) for result in judged for decision in result.decisions.deliveries
    }
    if wanted == reached:
        return 0
    complain(f"expected {_names(wanted)}, reached {_names(reached)}")
    return 1


def _names(destinations: set[str]) -> str:
    return ", ".join(sorted(destinations)) or "no destination"


def _document(judged: RoutedEvaluation) -> dict[str, Any]:
    return {
        "image": judged.evaluation.report.image.name,
        "stream": judged.evaluation.stream,
        "routes": routes_to_json(judged),
        "deliveries": [delivery_to_json(decision) for decision in judged.decisions.deliveries],
    }


def routes_to_json(judged: RoutedEvaluation) -> list[dict[str, Any]]:
    """Return the decisions of the routes, for scripts."""
    return [
        {
            "route": outcome.route,
            "matched": outcome.matched,
            "selected": outcome.selected,
            "destinations": list(outcome.destinations),
            "reason": outcome.reason,
        }
        for outcome in judged.decisions.outcomes
    ]


def delivery_to_json(decision: Decision) -> dict[str, Any]:
    """Return the delivery to a destination, and its reason, for scripts."""
    return {
        "destination": decision.destination,
        "routes": list(decision.routes),
        "state": decision.state,
        "reason": decision.reason,
    }
