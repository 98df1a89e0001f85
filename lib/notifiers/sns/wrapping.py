"""The lines of a mail, which programs show in fixed width. Pure."""

import textwrap
from typing import Final

COLUMNS: Final = 76
_LEAST, _NARROWER = 66, 2
"""Columns that a text has at least, and how much narrower a line is made at a time."""


def wrapped(text: str, first: str = "", after: str = "") -> list[str]:
    """Return a text in lines, the last of which is no word alone if shorter lines avoid that."""

    def lines(columns: int) -> list[str]:
        return textwrap.wrap(
            text,
            columns,
            initial_indent=first,
            subsequent_indent=after,
            break_long_words=False,
            break_on_hyphens=False,
        )

    widest = lines(COLUMNS)
    if not widest[1:]:
        return widest
    shorter = (lines(columns) for columns in range(COLUMNS, _LEAST, -_NARROWER))
    return next(
        (one for one in shorter if len(one) == len(widest) and " " in one[-1].strip()), widest
    )


def continued(command: str, indent: str) -> list[str]:
    """
    Return a command in lines that a shell reads as one, none of which begins within an option.

    What is in single quotes is no option, and stays as it is.
    """
    if "'" in command or len(indent + command) <= COLUMNS:
        return [f"{indent}{command}"]
    first, *options = command.split(" --")
    lines = [indent + first]
    for option in options:
        if len(f"{lines[-1]} --{option} \\") <= COLUMNS:
            lines[-1] += f" --{option}"
        else:
            lines[-1] += " \\"
            lines.append(f"{indent * 2}--{option}")
    return lines
