"""`check-config`: every error of alerts.yml with file, line, path and what is allowed."""

import argparse
import os
from datetime import UTC, datetime
from pathlib import Path

from cli.alerts_file import LocatedProblem, check_file, load_file, render_problems
from cli.deployment import Deployment
from cli.inputs import add_config_option, add_region_option
from cli.left_open import LeftOpen, left_open
from cli.parser import DEMO_STAGE, is_stage_name
from cli.session import Connect, OperatorClients, connected
from cli.stage_file import find_stage, shown, stage_names, stage_path, stages_of
from cli.terminal import print_json, say, working
from lib.bootstrap.settings import Settings
from lib.config.model import Config
from lib.core.streams import described, stream_rules
from lib.errors import ConfigError, DocumentError
from lib.text import counted

HELP = "check alerts.yml"
DESCRIPTION = (
    "Check a configuration file. Each mistake is reported with its file, its line and the allowed "
    "values. Warnings name expired suppressions, routes that no image can reach, receiver hosts "
    "that the stage file has to allow, and tags that belong to two streams. For a valid file the "
    "resulting streams are listed.\n\n"
    "--stage reads the file and the receiver hosts from deploy/stages/STAGE.yml. Without it, hosts "
    "beside the vendors' own are those that every stage with this file allows, and those in the "
    "environment variable RECEIVER_HOSTS. --against names "
    "the issues and incidents that stay open at destinations that the file no longer has.\n\n"
    "Exit code 0: the file can be deployed. 1: it cannot."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    parser.add_argument("file", nargs="?", metavar="FILE", help="default: that of --config")
    add_config_option(parser)
    parser.add_argument(
        "--stage", default=argparse.SUPPRESS, help="a stage that has a file in deploy/stages"
    )
    parser.add_argument(
        "--against", metavar="STAGE", help="a deployed stage, to name what stays open there"
    )
    add_region_option(parser)
    parser.add_argument("--format", choices=("json", "text"), default="text")


def run(options: argparse.Namespace, connect: Connect = OperatorClients) -> int:
    """Print each problem on a line of its own, then what follows from a file that is valid."""
    file = options.file or options.config
    hosts, today = _receiver_hosts(options), datetime.now(UTC).date()
    with working(f"checking {file}"):
        problems = check_file(Path(file), today=today, receiver_hosts=hosts)
    errors = sum(problem.level == "error" for problem in problems)
    config = None if errors else load_file(Path(file), today=today)
    streams = described(stream_rules(config.streams, config.routes)) if config is not None else ()
    stay_open = _left_open(options, config, connect) if config is not None else []
    if options.format == "json":
        print_json(
            {
                "file": file,
                "valid": not errors,
                "problems": [_problem_to_json(problem) for problem in problems],
                "streams": list(streams),
                "left_open": [entry.to_json() for entry in stay_open],
            }
        )
        return int(errors > 0)
    if problems:
        print(render_problems(problems))
    if errors:
        return 1
    for number, stream in enumerate(streams, start=1):
        say(f"stream {number}: {stream}")
    for entry in stay_open:
        say(str(entry))
    print(f"{file}: fine" + (f", {counted(len(problems), 'warning')}" if problems else ""))
    return 0


def _left_open(options: argparse.Namespace, config: Config, connect: Connect) -> list[LeftOpen]:
    """Return what stays open at a stage. Raises `DocumentError` where that cannot be known."""
    name: str | None = options.against
    if name is None:
        return []
    if not is_stage_name(name):
        raise DocumentError(f"{name!r} is not a stage; --against takes the name of a deployed one")
    stage = Deployment(name, connected(options, connect))
    deployed = stage.config()
    if deployed is None:
        raise DocumentError(f"the configuration of stage {name} could not be read")
    return left_open(stage.streams, deployed, tuple(config.destinations))


def _receiver_hosts(options: argparse.Namespace) -> tuple[str, ...]:
    """Return the hosts that the deployment names. Raises `ConfigError` for a wrong stage file."""
    stage = find_stage(options.stage) if options.stage else None
    if stage is not None:
        return stage.receiver_hosts
    is_needed = options.stage_is_named or not (options.file or options.config_is_named)
    if options.stage and is_needed and options.stage != DEMO_STAGE:
        there = ", ".join(stage_names())
        others = f"there are: {there}" if there else "`make deploy` writes it"
        raise ConfigError(f"{shown(stage_path(options.stage))} does not exist; {others}")
    allowed = [
        set(stage.receiver_hosts) for stage in stages_of(Path(options.file or options.config))
    ]
    common = set.intersection(*allowed) if allowed else set()
    return (*Settings(os.environ).receiver_hosts, *sorted(common))


def _problem_to_json(problem: LocatedProblem) -> dict[str, str | int]:
    return {
        "line": problem.line,
        "path": problem.where,
        "level": problem.level,
        "message": problem.message,
    }
