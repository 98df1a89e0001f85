"""`preview`: the exact payload a destination would get, and its sizes against the limits."""

import argparse
from dataclasses import replace

from cli.destination_names import unknown_destination
from cli.evaluating import RoutedEvaluation, delivery_of, judge_all
from cli.inputs import (
    add_config_option,
    add_fetch_options,
    operator_app,
    read_config,
    read_reports,
)
from cli.session import Connect, OperatorClients, connected
from cli.terminal import print_json, remark
from lib.config.model import Config
from lib.core.routing import Decision
from lib.errors import DocumentError
from lib.messages.alert import alert
from lib.models import DeliveryState, Destination, Filter

HELP = "print the exact payload for a destination"
DESCRIPTION = (
    "Print the exact payload that a destination would get for a document, as the first scan of its "
    "image; several images are an array. Its sizes against the receiver's limits go to stderr. "
    "Nothing is sent."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    parser.add_argument("file", metavar="FILE", help="a JSON document; - for stdin")
    parser.add_argument("--to", metavar="DESTINATION", required=True, help="a name in alerts.yml")
    add_config_option(parser)
    add_fetch_options(parser)


def run(options: argparse.Namespace, connect: Connect = OperatorClients) -> int:
    """Render for each image of the document."""
    config = read_config(options.config)
    destination = Destination(options.to)
    if destination not in config.destinations:
        raise unknown_destination(options.to, config.destinations)
    application = operator_app(config, connected(options, connect))
    notifier = application.notifier(destination)
    reports = read_reports([options.file], source=application if options.fetch else None)
    payloads = []
    for judged in judge_all(reports, config):
        evaluation = judged.evaluation
        decision = _decision(judged, destination, config)
        payload = notifier.render(alert(evaluation, delivery_of(decision, evaluation)))
        about = f"{evaluation.report.image.name}: " if len(reports) > 1 else ""
        for usage in notifier.usage(payload):
            remark(f"{about}{usage.what}: {usage.used:,} of {usage.limit:,}")
        payloads.append(payload)
    print_json(payloads[0] if len(payloads) == 1 else payloads, plain=False)
    return 0


def _decision(judged: RoutedEvaluation, destination: Destination, config: Config) -> Decision:
    """Return what the routes decided; where they pass the destination by, what they would show."""
    for decision in judged.decisions.deliveries:
        if decision.destination == destination:
            return replace(decision, state=DeliveryState.PENDING)
    filters = tuple(route.filter for route in config.routes if destination in route.notify)
    if not filters:
        raise DocumentError(f"no route notifies {destination!r}; run check-config")
    image = judged.evaluation.report.image.name
    remark(f"no route sends {image} to {destination}; shown is what it would look like")
    return _passed_by(destination, filters)


def _passed_by(destination: Destination, filters: tuple[Filter, ...]) -> Decision:
    return Decision(
        destination=destination,
        filters=filters,
        routes=tuple(filter_.route for filter_ in filters),
        state=DeliveryState.PENDING,
        reason="previewed",
    )
