"""Checks as a person reads them: one line each, and what to do below those that need something."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from rich.text import Text

from cli.terminal import out, say
from lib.models.diagnostics import Check, CheckStatus
from lib.text import one_line

_WORDS: Final[Mapping[CheckStatus, str]] = MappingProxyType(
    {
        CheckStatus.OK: "ok",
        CheckStatus.NOTE: "note",
        CheckStatus.UNKNOWN: "not known",
        CheckStatus.FAILED: "FAILED",
    }
)
_STYLES: Final[Mapping[CheckStatus, str]] = MappingProxyType(
    {
        CheckStatus.OK: "green",
        CheckStatus.NOTE: "yellow",
        CheckStatus.UNKNOWN: "yellow",
        CheckStatus.FAILED: "bold red",
    }
)
_WIDTH: Final = max(map(len, _WORDS.values()))


def print_checks(title: str, checks: Iterable[Check]) -> None:
    """Print a block: title, then the checks. Commands stay on one line, to be copied."""
    say(title, style="bold")
    for check in checks:
        _print(_WORDS[check.status], f"{check.subject}: {check.text}", _STYLES[check.status])
        if check.remedy:
            _print("", f"to do: {check.remedy}")


def _print(word: str, text: str, style: str = "") -> None:
    line = Text(f"  {word:<{_WIDTH}}", style=style).append(f"  {one_line(text)}", style="default")
    out().print(line, soft_wrap=True)
