"""`preview`: the exact payload a destination would get, and its sizes against the limits."""

import argparse
from datetime import UTC, datetime

from cli.cases import add_case_options, read_cases
from cli.destination_names import unknown_destination
from cli.inputs import add_config_option, add_fetch_options, operator_app, read_config
from cli.judging import Case, JudgedStream, JudgedView, forced, judge, notice_of
from cli.session import Connect, OperatorClients, connected
from cli.terminal import print_json, remark
from lib.config.model import Config
from lib.models import Destination

HELP = "print the exact payload for a destination"
DESCRIPTION = (
    "Print the exact payload that a destination would get for a document: as the first scan of "
    "its image, after the scan of --previous, or as if all findings were of one --kind. With "
    "--thread it is what follows in a Slack thread or a Jira issue that is there. Several "
    "images, or several streams of one image, are an array. The sizes against the receiver's "
    "limits go to stderr. Nothing is sent."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    parser.add_argument("file", metavar="FILE", help="a JSON document; - for stdin")
    parser.add_argument("--to", metavar="DESTINATION", required=True, help="a name in alerts.yml")
    add_config_option(parser)
    add_case_options(parser)
    parser.add_argument(
        "--thread",
        metavar="THREAD",
        help="show the form for a stream with a thread, an issue or an incident: its thread, as "
        "`deliveries show` names it",
    )
    add_fetch_options(parser)


def run(options: argparse.Namespace, connect: Connect = OperatorClients) -> int:
    """Render for each stream of each image of the document."""
    config = read_config(options.config)
    destination = Destination(options.to)
    if destination not in config.destinations:
        raise unknown_destination(options.to, config.destinations)
    application = operator_app(config, connected(options, connect))
    notifier = application.notifier(destination)
    cases = read_cases(options, config, application if options.fetch else None)
    judged = [(case, stream) for case in cases for stream in judge(case, config, _now())]
    payloads = []
    for case, stream in judged:
        view = _view(case, stream, config, destination)
        payload = notifier.render(notice_of(case, view, config.owners), thread=options.thread)
        about = f"{stream.image.name}: " if len(judged) > 1 else ""
        for usage in notifier.usage(payload):
            remark(f"{about}{usage.what}: {usage.used:,} of {usage.limit:,}")
        payloads.append(payload)
    print_json(payloads[0] if len(payloads) == 1 else payloads, plain=False)
    return 0


def _now() -> datetime:
    return datetime.now(UTC)


def _view(case: Case, judged: JudgedStream, config: Config, destination: Destination) -> JudgedView:
    """Return what the rules decide; where no route leads there, what they would show."""
    view = judged.views.get(destination)
    image = judged.image.name
    if view is None:
        view = forced(judged, case, config, destination)
        remark(f"no route sends {image} to {destination}; shown is what it would look like")
    elif not view.notified:
        what = "a quiet update" if view.message.quiet else "what it would look like"
        remark(f"{destination} is not notified of {image}: {view.reason}; shown is {what}")
    return view
