"""Entry point: parse arguments, run one command, turn errors into one clear sentence."""

import argparse
import io
import sys
from collections.abc import Sequence
from functools import cache

from cli.commands import COMMANDS
from cli.failures import guarded
from cli.parser import CommandLine, Parser


@cache
def parser() -> CommandLine:
    """Return the parser of this process, which reads nothing before it parses."""
    return new_parser()


def new_parser() -> CommandLine:
    """Return a parser with every command of `cli.commands`."""
    top = CommandLine(
        prog="ecr-scan-alerts",
        description="Amazon ECR scan findings as alerts people act on.",
        epilog="`ecr-scan-alerts help COMMAND` shows the options of a command.",
    )
    commands = top.add_subparsers(
        dest="command", required=True, metavar="COMMAND", parser_class=Parser
    )
    for name, command in COMMANDS.items():
        sub = commands.add_parser(name, help=command.HELP, description=command.DESCRIPTION)
        sub.set_defaults(run=command.run, new_parser=new_parser)
        command.add_arguments(sub)
    manual = commands.add_parser("help", help="show the options of a command")
    manual.add_argument("topic", nargs="*", metavar="COMMAND")
    manual.set_defaults(run=_help)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0, 1 for a "no", 2 for a mistake."""
    _escape_what_cannot_be_shown()

    def parse_and_run(options: argparse.Namespace) -> int:
        parser().parse_args(arguments, options)
        return int(options.run(options))

    return guarded(parse_and_run, argparse.Namespace())


def _help(options: argparse.Namespace) -> int:
    parser().parse_args([*options.topic, "--help"])
    return 0


def _escape_what_cannot_be_shown() -> None:
    """Print U+1F600 as an escape where the terminal's encoding has no such character."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    sys.exit(main())
