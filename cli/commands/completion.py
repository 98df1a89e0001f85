"""`completion`: the script with which a shell completes commands, options and files."""

import argparse
from collections.abc import Iterator

from cli.selection import METAVAR as SEVERITY
from cli.selection import NAMES as SEVERITIES

HELP = "print a script that completes commands and options in your shell"
DESCRIPTION = (
    "Print the script that completes commands and options. bash: add "
    "`source <(ecr-scan-alerts completion bash)` to ~/.bashrc. zsh: write it to a file named "
    "_ecr-scan-alerts in a folder of $fpath. fish: write it to "
    "~/.config/fish/completions/ecr-scan-alerts.fish."
)
_FILES = ("FILE", "FILE|IMAGE")
"""The arguments after which a shell offers files."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare arguments."""
    parser.add_argument("shell", choices=("bash", "zsh", "fish"))


def run(options: argparse.Namespace) -> int:
    """Print the script."""
    # Imported late: no other command needs it.
    import shtab

    # Its own: it is changed below.
    whole = options.new_parser()
    for action in _actions(whole):
        if action.metavar in _FILES:
            action.complete = shtab.FILE  # type: ignore[attr-defined]  # where shtab looks for it
        elif action.metavar == SEVERITY:
            # They take several, so that the parser itself has no choices.
            action.choices = SEVERITIES
    print(shtab.complete(whole, shell=options.shell))
    return 0


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Yield the options and arguments of a parser, and of its commands in a line each."""
    for action in parser._actions:  # noqa: SLF001  # argparse has no other way
        yield action
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001  # same
            # A shell shows what a command is for in one line: not its description.
            for listed in action._choices_actions:  # noqa: SLF001  # same
                action.choices[listed.dest].description = listed.help
            for child in dict.fromkeys(action.choices.values()):
                yield from _actions(child)
