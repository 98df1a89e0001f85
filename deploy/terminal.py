"""Output and questions of `make deploy`, `remove` and `purge`."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

from deploy.account import DeployError
from lib.text import clean

NOTHING = "Nothing was changed."


@dataclass(frozen=True, slots=True)
class Terminal:
    """A terminal that prints lines and asks questions. With `yes` (YES=1) it asks nothing."""

    yes: bool = False
    ask: Callable[[str], str] = input
    interactive: bool | None = None
    """Whether somebody can answer; None to check whether stdin is a terminal."""

    def say(self, text: str) -> None:
        """Print lines. Control characters from AWS or from files are removed."""
        print(clean(text), flush=True)

    def confirm(self, question: str, expected: str = "y") -> None:
        """Ask a question. Raises `DeployError` for any other than the expected answer."""
        if self.yes:
            return
        interactive = sys.stdin.isatty() if self.interactive is None else self.interactive
        if not interactive:
            raise DeployError(f"{NOTHING} Nobody can answer here: add YES=1 to go on unasked")
        try:
            answer = self.ask(f"{clean(question)} ")
        except EOFError:
            answer = ""
        accepted = ("y", "yes") if expected == "y" else (expected,)
        if answer.strip().lower() not in [word.lower() for word in accepted]:
            raise DeployError(NOTHING)


def failed(outcome: str, error: Exception) -> int:
    """Print `outcome` and the error of a command, and return its exit code."""
    print(f"{outcome} {clean(str(error))}", file=sys.stderr, flush=True)
    return 1


def interrupted() -> int:
    """Print what goes on after Ctrl-C, and return its exit code."""
    print("\nInterrupted. CloudFormation finishes a change that it has begun.", file=sys.stderr)
    return 128 + 2
