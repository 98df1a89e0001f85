"""`normalize`: any raw AWS document or event as report-1.0.0, or as what other tools read."""

import argparse

from cli.inputs import add_fetch_options, operator_app, place_of, read_reports
from cli.session import Connect, OperatorClients, connected
from cli.terminal import print_json, print_report, remark, say
from lib.exports import EXPORTS
from lib.exports.sarif import MAX_RUNS
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
    "Every format marks scans that have no usable result."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="JSON or CSV; - for stdin")
    parser.add_argument("--format", choices=("json", "table", *EXPORTS), default="json")
    add_fetch_options(parser)


def run(options: argparse.Namespace, connect: Connect = OperatorClients) -> int:
    """Print the reports of all files."""
    source = operator_app(None, connected(options, connect)) if options.fetch else None
    reports = read_reports(options.files, place=place_of(options), source=source)
    if options.format == "table":
        for index, report in enumerate(reports):
            if index:
                say()
            print_report(report)
        return 0
    if options.format in EXPORTS:
        print(EXPORTS[options.format](reports), end="")
        if options.format == "sarif" and len(reports) > MAX_RUNS:
            remark(f"GitHub takes {MAX_RUNS} runs in a file; these are {len(reports)}: split them")
        return 0
    documents = [report_to_json(report) for report in reports]
    print_json(documents[0] if len(documents) == 1 else documents)
    return 0
