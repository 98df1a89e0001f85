"""`report`: one image's findings as a page, or in a format that other tools read."""

import argparse
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Final

from cli.cases import case_report
from cli.commands.scan import fetch, find_image, parse_reference
from cli.files import write_whole
from cli.gate import EXIT_CODES, add_gate_option, exit_code, gate_of, gate_verdict
from cli.inputs import (
    STDIN,
    add_config_option,
    add_place_options,
    add_region_option,
    operator_app,
    optional_config,
    place_of,
    read_reports,
)
from cli.selection import add_selection_options, mention_left_out, selected, selection_of
from cli.session import Connect, OperatorClients, connected
from cli.terminal import remark, working
from cli.verdicts import EVERYTHING, full_notice
from cli.waiting import add_wait_option, patience_of
from lib.config.model import Config
from lib.errors import DocumentError
from lib.exports import EXPORTS
from lib.models import AnyReport, Filter, Report
from lib.page import render
from lib.text import counted

HELP = "make the report page of one image, or export its findings"
DESCRIPTION = (
    "Make a page of one image's findings that needs no server: search, filters, upgrades, and a "
    "print of all of it. IMAGE is fetched from ECR with your AWS credentials and region; FILE is "
    "any document that `normalize` takes. It is judged as a first scan; the suppressions of "
    "--config hold, if that file is there. Other formats: sarif, csv, ocsf. Exit code 1 when the "
    "scan has no usable result: the page says so.\n\n"
    f"{EXIT_CODES}"
)
HTML: Final = "html"
_ENDINGS: Final[Mapping[str, str]] = MappingProxyType(
    {".html": HTML, ".htm": HTML, ".csv": "csv", ".sarif": "sarif", ".jsonl": "ocsf"}
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    parser.add_argument(
        "subject",
        metavar="FILE|IMAGE",
        help="a JSON document, or an image as in `scan`: REPOSITORY:TAG",
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE", default=STDIN, help="where to write it (default: stdout)"
    )
    parser.add_argument(
        "--format",
        choices=(HTML, *EXPORTS),
        help="default: what the name of the output says, else html",
    )
    add_gate_option(parser)
    add_selection_options(parser)
    add_wait_option(parser)
    add_config_option(parser)
    add_region_option(parser)
    add_place_options(parser)


def run(options: argparse.Namespace, *, connect: Connect = OperatorClients) -> int:
    """Write the report of one image. `connect` makes the clients, once."""
    now = datetime.now(UTC)
    wanted = options.format or _ENDINGS.get(Path(options.output).suffix.lower(), HTML)
    config = optional_config(options)
    report = case_report(_report(options, config, connect), config)
    with working("writing"):
        selection = selection_of(options)
        shown = selected(report, selection)
        page = wanted == HTML
        text = page_of(report, config, now, selection.filter) if page else EXPORTS[wanted]([shown])
        _write(options.output, text)
    mention_left_out(shown)
    gate = gate_of(options)
    unusable = int(not isinstance(report, Report))
    if gate is None:
        return unusable
    return exit_code([gate_verdict(report, gate, config.suppressions, now.date())], unusable)


def page_of(report: AnyReport, config: Config, now: datetime, shown: Filter = EVERYTHING) -> str:
    """Return the page of a report as that of a first scan, for a reader who asks for everything."""
    return render(full_notice(report, config, now, shown), (), now=now)


def _report(options: argparse.Namespace, config: Config, connect: Connect) -> AnyReport:
    if options.subject == STDIN or Path(options.subject).is_file():
        return _only(read_reports([options.subject], place=place_of(options)), options.subject)
    try:
        wanted = parse_reference(options.subject)
    except DocumentError as error:
        raise DocumentError(f"{options.subject!r} is neither a file nor an image") from error
    clients = connected(options, connect, region=wanted["region"])
    with working(f"fetching {options.subject}"):
        return fetch(
            operator_app(config, clients),
            find_image(clients, wanted),
            patience_of(options),
        )


def _only(reports: list[AnyReport], name: str) -> AnyReport:
    if len(reports) > 1:
        images = ", ".join(report.image.name for report in reports[:5])
        raise DocumentError(
            f"{name} is about {counted(len(reports), 'image')} ({images}): a report is about one;"
            " `normalize --format csv` has them all"
        )
    return reports[0]


def _write(output: str, text: str) -> None:
    """Write the report: whoever opens its file never sees half of it."""
    if output == STDIN:
        print(text, end="")
        return
    write_whole(Path(output), text)
    remark(f"written: {output}")
