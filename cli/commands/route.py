"""`route`: which routes and destinations a document reaches, and why."""

import argparse
import json
from typing import Any

from rich.table import Table
from rich.text import Text

from cli.evaluating import Judged, judge, require_findings
from cli.inputs import (
    add_config_option,
    add_fetch_options,
    operator_app,
    read_config,
    read_reports,
)
from cli.terminal import complain, out

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


def run(options: argparse.Namespace) -> int:
    """Print one line per route, and compare with the expectation."""
    config = read_config(options.config)
    source = operator_app(config, region=options.region) if options.fetch else None
    reports = read_reports(options.file, source=source)
    judged = [judge(require_findings(report), config) for report in reports]
    if options.format == "json":
        print(json.dumps([_document(each) for each in judged], indent=2))
    else:
        for each in judged:
            print_routes(each)
    return _compare(options.expect, judged)


def print_routes(judged: Judged) -> None:
    """Print what each route decided about one image."""
    console = out()
    console.print(Text(judged.evaluation.report.image.name, style="bold"))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("ROUTE", "MATCHED", "SELECTED", "DESTINATIONS", "WHY"):
        table.add_column(name, overflow="fold")
    for each in judged.decisions.outcomes:
        cells = (
            each.route,
            "yes" if each.matched else "no",
            str(each.selected) if each.matched else "",
            ", ".join(each.destinations),
            each.reason,
        )
        table.add_row(*map(Text, cells))
    console.print(table)


def _compare(expect: str | None, judged: list[Judged]) -> int:
    if expect is None:
        return 0
    wanted = {each.strip() for each in expect.split(",") if each.strip()}
    reached = {
        str(decision.destination) for each in judged for decision in each.decisions.deliveries
    }
    if wanted == reached:
        return 0
    complain(f"expected {_names(wanted)}, reached {_names(reached)}")
    return 1


def _names(destinations: set[str]) -> str:
    return ", ".join(sorted(destinations)) or "no destination"


def _document(judged: Judged) -> dict[str, Any]:
    return {
        "image": judged.evaluation.report.image.name,
        "stream": judged.evaluation.stream,
        "routes": [
            {
                "route": each.route,
                "matched": each.matched,
                "selected": each.selected,
                "destinations": list(each.destinations),
                "reason": each.reason,
            }
            for each in judged.decisions.outcomes
        ],
        "deliveries": [
            {
                "destination": each.destination,
                "routes": list(each.routes),
                "state": each.state,
                "reason": each.reason,
            }
            for each in judged.decisions.deliveries
        ],
    }
