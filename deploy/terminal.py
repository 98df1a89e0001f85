"""What `make deploy`, `remove` and `purge` say and ask."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

from deploy.account import DeployError
from lib.text import clean

NOTHING = "Nothing was changed."


@dataclass(frozen=True, slots=True)
class Terminal:
    """Lines out, answers in. `yes`: every question was answered before, by YES=1."""

    yes: bool = False
    ask: Callable[[str], str] = input
    interactive: bool | None = None
    """Whether somebody can answer; None: whether stdin is a terminal."""

    def say(self, text: str) -> None:
        """Print lines; whatever comes from AWS or a file stays text."""
        print(clean(text), flush=True)

    def confirm(self, question: str, expected: str = "y") -> None:
        """Ask, and go on after the expected answer only. Raises `DeployError` after another."""
        if self.yes:
            return
        interactive = sys.stdin.isatty() if self.interactive is None else self.interactive
        if not interactive:
            raise DeployError(f"{NOTHING} Nobody can answer here: add YES=1 to go on unasked")
        try:
            answer = self.ask(f"{clean(question)} ")
        except EOFError:
            answer = ""
        wanted = ("y", "yes") if expected == "y" else (expected,)
        if answer.strip().lower() not in [word.lower() for word in wanted]:
            raise DeployError(NOTHING)


def failed(doing: str, error: Exception) -> int:
    """Print why a command stopped; return its exit code."""
    print(f"{doing} {clean(str(error))}", file=sys.stderr, flush=True)
    return 1


def interrupted() -> int:
    """Return the exit code after Ctrl-C, and leave no trace of it."""
    print(file=sys.stderr)
    return 128 + 2
