"""`normalize`: any raw AWS document or event as report-1.0.0, or as what other tools read."""

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime

from cli.gate import EXIT_CODES, add_gate_option, exit_code, gate_of, gate_verdict
from cli.inputs import (
    NO_RULES,
    add_config_option,
    add_fetch_options,
    operator_app,
    optional_config,
    place_of,
    read_reports,
)
from cli.selection import add_selection_options, mention_left_out, selected, selection_of
from cli.session import Connect, OperatorClients, connected
from cli.terminal import print_json, print_report, remark, say
from lib.exports import EXPORTS
from lib.exports.sarif import MAX_RUNS
from lib.models import AnyReport
from lib.wire.report import report_to_json

HELP = "convert raw scan documents to one format"
DESCRIPTION = (
    "Convert any raw AWS document or event to report-1.0.0 JSON: DescribeImageScanFindings "
    "(basic, enhanced), Inspector ListFindings with BatchGetFindingDetails, Inspector's export in "
    "JSON or CSV, findings of Security Hub (ASFF, OCSF), and the events ECR Image Scan, "
    "Inspector2 Scan and Inspector2 Finding. Documents may be bare, one a line, compressed, or "
    "wrapped by SQS, SNS, logs or Firehose.\n\n"
    "One report is an object, several are an array. Other formats: `table` for people, `sarif` "
    "(2.1.0) for code scanning, `csv`, and `ocsf` (1.8.0, class 2002) with one event a line. "
    "Every format marks scans that have no usable result.\n\n"
    f"{EXIT_CODES} The suppressions are those of --config, if that file is there."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="JSON or CSV; - for stdin")
    parser.add_argument("--format", choices=("json", "table", *EXPORTS), default="json")
    add_gate_option(parser)
    add_selection_options(parser)
    add_config_option(parser)
    add_fetch_options(parser)


def run(options: argparse.Namespace, connect: Connect = OperatorClients) -> int:
    """Print the reports of all files."""
    gate, today = gate_of(options), datetime.now(UTC).date()
    config = NO_RULES if gate is None else optional_config(options)
    source = operator_app(None, connected(options, connect)) if options.fetch else None
    reports = read_reports(options.files, place=place_of(options), source=source)
    shown = [selected(report, selection_of(options)) for report in reports]
    _print(shown, options.format)
    if options.format != "table":
        for report in shown:
            mention_left_out(report)
    if gate is None:
        return 0
    return exit_code(gate_verdict(report, gate, config.suppressions, today) for report in reports)


def _print(reports: Sequence[AnyReport], wanted: str) -> None:
    if wanted == "table":
        for index, report in enumerate(reports):
            if index:
                say()
            print_report(report)
    elif wanted in EXPORTS:
        print(EXPORTS[wanted](reports), end="")
        if wanted == "sarif" and len(reports) > MAX_RUNS:
            remark(f"GitHub takes {MAX_RUNS} runs in a file; these are {len(reports)}: split them")
    else:
        documents = [report_to_json(report) for report in reports]
        print_json(documents[0] if len(documents) == 1 else documents)
