"""Entry point: parse arguments, run one command, turn errors into one clear sentence."""

import argparse
import os
import sys
from collections.abc import Sequence

from cli.commands import COMMANDS
from cli.terminal import complain
from lib.errors import ScanAlertError

USAGE_ERROR = 2
INTERRUPTED = 130


def parser() -> argparse.ArgumentParser:
    """Return the parser with every command of `cli.commands`."""
    top = argparse.ArgumentParser(
        prog="ecr-scan-alerts",
        description="Amazon ECR scan findings as alerts people act on.",
        epilog="Every command has its own --help.",
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        sub = commands.add_parser(name, help=command.HELP, description=command.DESCRIPTION)
        command.add_arguments(sub)
        sub.set_defaults(run=command.run)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0, 1 for a "no", 2 for a mistake."""
    options = parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except ScanAlertError as error:
        complain(str(error))
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            # The reader (head, less) has enough; a second error at exit would be noise.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        complain(f"{error.filename or 'input'}: {error.strerror or error}")
    except KeyboardInterrupt:
        return INTERRUPTED
    return USAGE_ERROR


if __name__ == "__main__":
    sys.exit(main())
