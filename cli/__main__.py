"""Entry point: parse arguments, run one command, turn errors into one clear sentence."""

import argparse
import io
import os
import sys
from collections.abc import Callable, Sequence

from cli.commands import COMMANDS
from cli.terminal import complain
from lib.errors import ConfigError, ScanAlertError

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
    return finish(options.run, options)


def finish(run: Callable[[argparse.Namespace], int], options: argparse.Namespace) -> int:
    """Run a parsed command; whatever stops it becomes one sentence and an exit code."""
    if sys.stdout is None:
        complain("stdout is closed: there is nowhere to write to")
        return USAGE_ERROR
    _escape_what_cannot_be_shown()
    try:
        code = run(options)
        # A full disk or a reader who left must be noticed here, not at exit.
        sys.stdout.flush()
    except ConfigError as error:
        # One line for each mistake in a file.
        complain(*str(error).split("\n"))
    except ScanAlertError as error:
        complain(str(error))
    except OSError as error:
        return _failed_io(error)
    except MemoryError:
        complain("there is not enough memory for this; split the document")
    except KeyboardInterrupt:
        return INTERRUPTED
    else:
        return code
    return USAGE_ERROR


def _escape_what_cannot_be_shown() -> None:
    """Print U+1F600 as an escape where the terminal's encoding has no such character."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _failed_io(error: OSError) -> int:
    if error.filename is not None:
        complain(f"{error.filename}: {error.strerror or error}")
        return USAGE_ERROR
    # What is left in the buffer would fail again at exit, with a trace.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):
        # The reader (head, less) has enough.
        return 0
    complain(f"cannot read or write: {error.strerror or error}")
    return USAGE_ERROR


if __name__ == "__main__":
    sys.exit(main())
