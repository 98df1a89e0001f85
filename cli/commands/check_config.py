"""`check-config`: every error of alerts.yml with file, line, path and what is allowed."""

import argparse
from datetime import UTC, datetime
from pathlib import Path

from cli.alerts_file import check_file, render_problems
from cli.inputs import DEFAULT_CONFIG

HELP = "check alerts.yml"
DESCRIPTION = "Check a configuration file. Exit code 0: it can be deployed; 1: it cannot."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    parser.add_argument("file", nargs="?", default=DEFAULT_CONFIG, help="default: alerts.yml")


def run(options: argparse.Namespace) -> int:
    """Print each problem on a line of its own."""
    problems = check_file(Path(options.file), today=datetime.now(UTC).date())
    if problems:
        print(render_problems(problems))
    errors = sum(each.level == "error" for each in problems)
    if errors:
        return 1
    print(f"{options.file}: fine" + (f", {len(problems)} warnings" if problems else ""))
    return 0
