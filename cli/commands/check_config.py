"""`check-config`: every error of alerts.yml with file, line, path and what is allowed."""

import argparse
import os
from datetime import UTC, datetime
from pathlib import Path

from cli.alerts_file import LocatedProblem, check_file, render_problems
from cli.inputs import add_config_option
from cli.stage_file import find_stage, shown, stage_path
from cli.terminal import print_json, working
from lib.bootstrap.settings import Settings
from lib.errors import ConfigError
from lib.text import counted

HELP = "check alerts.yml"
DESCRIPTION = (
    "Check a configuration file. Exit code 0: it can be deployed; 1: it cannot. "
    "With --stage the file and the hosts of receivers are those that deploy/stages/STAGE.yml "
    "names. Without it, RECEIVER_HOSTS names hosts beside the vendors' own."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    parser.add_argument("file", nargs="?", metavar="FILE", help="default: that of --config")
    add_config_option(parser)
    parser.add_argument(
        "--stage", default=argparse.SUPPRESS, help="a stage that has a file in deploy/stages"
    )
    parser.add_argument("--format", choices=("json", "text"), default="text")


def run(options: argparse.Namespace) -> int:
    """Print each problem on a line of its own."""
    file = options.file or options.config
    hosts = _receiver_hosts(options)
    with working(f"checking {file}"):
        problems = check_file(
            Path(file),
            today=datetime.now(UTC).date(),
            receiver_hosts=hosts,
        )
    errors = sum(problem.level == "error" for problem in problems)
    if options.format == "json":
        print_json(
            {
                "file": file,
                "valid": not errors,
                "problems": [_problem_to_json(problem) for problem in problems],
            }
        )
        return int(errors > 0)
    if problems:
        print(render_problems(problems))
    if errors:
        return 1
    print(f"{file}: fine" + (f", {counted(len(problems), 'warning')}" if problems else ""))
    return 0


def _receiver_hosts(options: argparse.Namespace) -> tuple[str, ...]:
    """Return the hosts that the deployment names. Raises `ConfigError` for a wrong stage file."""
    stage = find_stage(options.stage) if options.stage else None
    if stage is not None:
        return stage.receiver_hosts
    if options.stage and not (options.file or options.config_is_named):
        path = shown(stage_path(options.stage))
        raise ConfigError(f"{path}: there is no such file; `make deploy` writes it")
    return Settings(os.environ).receiver_hosts


def _problem_to_json(problem: LocatedProblem) -> dict[str, str | int]:
    return {
        "line": problem.line,
        "path": problem.where,
        "level": problem.level,
        "message": problem.message,
    }
