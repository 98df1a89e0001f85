"""`destinations`: the receivers of alerts.yml, listed, or tested with a message marked TEST."""

import argparse
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from cli.check_list import print_checks
from cli.deliver_function import DeliverFunction
from cli.deployment import add_stage_options, deployment
from cli.destination_names import unknown_destination, with_channels
from cli.inputs import (
    add_config_option,
    operator_app,
    read_config,
)
from cli.session import Connect, OperatorClients, connected
from cli.terminal import print_json, print_table, remark, working
from lib.bootstrap.app import App
from lib.config import secret_references
from lib.config.model import Config, DestinationConfig
from lib.errors import DocumentError
from lib.models import Destination
from lib.models.diagnostics import Check, check_to_json, failed, has_failed
from lib.ports.notifiers import DestinationTest

HELP = "list the destinations of alerts.yml, or test them"
DESCRIPTION = (
    "List the destinations, or send each of them a message marked TEST. A test is no alert: it "
    "leaves no row, thread or issue behind. With --stage the deployed function `deliver` sends "
    "the message, with its own role and secrets. Without --stage this machine sends it. Exit code "
    "1 when a test fails."
)

_MACHINE: Final = "an operator's machine"


class Tester(Protocol):
    """A way to test destinations: from here, or from a stage."""

    def test(self, destination: Destination, test: DestinationTest) -> Sequence[Check]:
        """Return the checks of one destination."""


class LocalTester:
    """Tests with the operator's credentials and network."""

    def __init__(self, application: App) -> None:
        self._app = application

    def test(self, destination: Destination, test: DestinationTest) -> Sequence[Check]:
        """See `Tester.test`."""
        return self._app.test_destination(destination, test)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the two actions and their options."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listed = actions.add_parser("list", help="list the destinations of alerts.yml")
    listed.set_defaults(create=False, page=False)
    test = actions.add_parser("test", help="send a message marked TEST")
    test.add_argument("names", nargs="*", metavar="NAME", help="destinations to test")
    test.add_argument("--all", action="store_true", help="test all of them")
    test.add_argument(
        "--create",
        action="store_true",
        help="Jira: also create an issue marked TEST, and delete it",
    )
    test.add_argument(
        "--page",
        action="store_true",
        help="PagerDuty: also open an incident, which pages somebody, and resolve it",
    )
    for action in (listed, test):
        action.add_argument("--format", choices=("json", "table"), default="table")
        add_stage_options(action)
        add_config_option(action)


def run(options: argparse.Namespace, connect: Connect = OperatorClients) -> int:
    """List or test destinations."""
    if options.action == "list":
        return _list(options, connect)
    if bool(options.names) is options.all:
        raise DocumentError(
            "test takes the names of destinations, or --all; `destinations list` prints them"
        )
    return _test(options, connect)


# --- list -------------------------------------------------------------------------------------


def _list(options: argparse.Namespace, connect: Connect) -> int:
    config = _listed(options, connect)
    rows = [_row(name, entry, config) for name, entry in sorted(config.destinations.items())]
    if options.stage is not None and options.config_is_named:
        _compare(options, connect, config)
    if options.format == "json":
        print_json(rows)
    else:
        columns = ("NAME", "TYPE", "RECEIVER", "SECRETS", "ROUTES")
        print_table(columns, [_cells(row) for row in rows])
    return 0


def _listed(options: argparse.Namespace, connect: Connect) -> Config:
    """Return the file that was named, else what the stage has published, else the file here."""
    if options.stage is not None and not options.config_is_named:
        published = deployment(options, connect).config()
        if published is not None:
            return published
        remark(f"nothing is published to stage {options.stage}: listed is {options.config}")
    elif not options.config_is_named:
        remark(f"listed are those of {options.config} here; --config names another")
    return read_config(options.config)


def _compare(options: argparse.Namespace, connect: Connect, config: Config) -> None:
    """Print the differences between the stage and the file."""
    function = _function(options, connect)
    deployed = set(function.destinations(_request(options)))
    for name in sorted(config.destinations.keys() - deployed):
        remark(f"{name} is not deployed in stage {options.stage}; `config push` publishes it")
    for name in sorted(deployed - config.destinations.keys()):
        remark(f"{name} is deployed in stage {options.stage} and not in {options.config}")


def _row(name: Destination, entry: DestinationConfig, config: Config) -> dict[str, Any]:
    routes = [route.name for route in config.routes if name in route.notify]
    return {
        "name": name,
        "type": entry.type,
        "receiver": _receiver(entry),
        "secrets": [secret for _, secret in secret_references(entry)],
        "routes": routes,
        "digest": config.digest is not None and name in config.digest.notify,
        "fallback": name == config.fallback,
    }


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    uses = [*row["routes"]]
    uses += [word for word in ("digest", "fallback") if row[word]]
    return (
        row["name"],
        row["type"],
        row["receiver"],
        ", ".join(row["secrets"]),
        ", ".join(uses),
    )


def _receiver(entry: DestinationConfig) -> str:
    """Return the receiver, as far as it is not secret."""
    options = entry.options
    names = ("topic_arn", "site", "project", "host", "region", "channel")
    return " ".join(str(options[name]) for name in names if name in options)


# --- test -------------------------------------------------------------------------------------


def _test(options: argparse.Namespace, connect: Connect) -> int:
    test = _request(options)
    if options.stage is not None:
        function = _function(options, connect)
        tester: Tester = function
        destinations = function.destinations(test)
    else:
        config = read_config(options.config)
        clients = connected(options, connect)
        # Expired credentials are a problem of the operator, and not of a secret.
        clients.get("sts").get_caller_identity()
        tester = LocalTester(operator_app(config, clients))
        destinations = [*config.destinations]
    names = destinations if options.all else _chosen(options.names, destinations)
    results = _results(tester, names, options)
    if options.format == "json":
        print_json([_document(name, checks) for name, checks in results.items()])
    else:
        for name, checks in results.items():
            print_checks(f"{name} ({test.origin})", checks)
    return int(any(map(has_failed, results.values())))


def _results(
    tester: Tester, names: Sequence[Destination], options: argparse.Namespace
) -> dict[Destination, Sequence[Check]]:
    results: dict[Destination, Sequence[Check]] = {}
    with working("testing", total=len(names)) as advance:
        for name in names:
            try:
                results[name] = tester.test(name, _request(options))
            except DocumentError as error:
                # The other destinations are tested nevertheless.
                results[name] = (failed("function", str(error)),)
            advance()
    return results


def _request(options: argparse.Namespace) -> DestinationTest:
    origin = _MACHINE if options.stage is None else f"stage {options.stage}"
    return DestinationTest(
        id=uuid.uuid4().hex,
        time=datetime.now(UTC),
        origin=origin,
        create=options.create,
        page=options.page,
    )


def _function(options: argparse.Namespace, connect: Connect) -> DeliverFunction:
    stage = deployment(options, connect)
    return DeliverFunction(stage.clients, stage.output("DeliverFunctionName"))


def _chosen(names: Sequence[str], destinations: Sequence[Destination]) -> Sequence[Destination]:
    """Return each destination once, with its channels. Raises `DocumentError` for another name."""
    chosen: dict[Destination, None] = {}
    for name in names:
        matching = with_channels(name, destinations)
        if not matching:
            raise unknown_destination(name, destinations)
        chosen |= dict.fromkeys(matching)
    return [*chosen]


def _document(name: Destination, checks: Sequence[Check]) -> dict[str, Any]:
    return {
        "destination": name,
        "ok": not has_failed(checks),
        "checks": [check_to_json(check) for check in checks],
    }
