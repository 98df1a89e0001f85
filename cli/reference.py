"""
The reference of the command: the part of docs/cli.md that follows from the parser.

    python -m cli.reference    # `make docs`: writes the page anew
"""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import wrap
from typing import Final

PAGE: Final = Path(__file__).parents[1] / "docs" / "cli.md"
MARK: Final = "<!-- What follows is written by `make docs`. -->\n"
"""The line of the page above which people write."""
WIDTH: Final = 120
_CODE: Final = re.compile(
    r"(?<![\w/.-])"
    r"(--[a-z][\w-]*(?: [A-Z]+\b)?|[A-Z]+(?:_[A-Z]+)+|[\w/.-]*\w\.(?:yml|json)|[a-z0-9]+:[A-Z]\w+)"
)
COMMON: Final = frozenset({"--help", "--profile", "--verbose"})
"""Options of every command, which the page lists once."""


def render(parser: argparse.ArgumentParser) -> str:
    """Return the reference of all commands as Markdown."""
    commands = list(_children(parser))
    index = (f"| [`{name}`](#{name}) | {_cell(summary)} |" for name, summary, _ in commands)
    sections = (_section(command, name, summary) for name, summary, command in commands)
    return "\n".join(["| command | purpose |", "| --- | --- |", *index, "", *sections])


def write(page: Path, parser: argparse.ArgumentParser) -> None:
    """Replace the part of a page below the mark. Raises `ValueError` for a page without it."""
    head, mark, _ = page.read_text("utf-8").partition(MARK)
    if not mark:
        raise ValueError(f"{page} has no line {MARK.strip()}")
    page.write_text(f"{head}{mark}\n{render(parser)}", "utf-8")


def _section(parser: argparse.ArgumentParser, name: str, summary: str) -> str:
    """Return heading, description, usage, arguments and examples of a command, then its actions."""
    actions = list(_children(parser))
    level = "#" * (len(name.split()) + 1)
    parts = [f"{level} {name}", _paragraphs(parser.description or _sentence(summary))]
    if not actions:
        parts += [f"```\n{_usage(parser)}\n```", _table(parser)]
    parts.append(_examples(parser))
    blocks = [part.strip() + "\n" for part in parts if part.strip()]
    blocks += (_section(action, f"{name} {child}", text) for child, text, action in actions)
    return "\n".join(blocks)


def _paragraphs(text: str) -> str:
    """Return a description in lines of a page, with options marked as code."""
    paragraphs = (" ".join(paragraph.split()) for paragraph in text.split("\n\n"))
    return "\n\n".join(
        "\n".join(wrap(_marked(paragraph), WIDTH, break_long_words=False, break_on_hyphens=False))
        for paragraph in paragraphs
    )


def _usage(parser: argparse.ArgumentParser) -> str:
    required = (
        f"{action.option_strings[-1]} {_value(action)}"
        for action in _options(parser)
        if action.required
    )
    arguments = (_positional(action) for action in parser._actions if not action.option_strings)  # noqa: SLF001  # argparse has no other way
    return " ".join([parser.prog, *required, "[options]", *arguments])


def _table(parser: argparse.ArgumentParser) -> str:
    rows = [
        *(
            (f"`{_value(action)}`", action)
            for action in parser._actions  # noqa: SLF001  # same
            if not action.option_strings and action.help
        ),
        *((f"`{_signature(action)}`", action) for action in _options(parser)),
    ]
    if not rows:
        return ""
    lines = (f"| {_cell(name)} | {_cell(_meaning(parser, action))} |" for name, action in rows)
    return "\n".join(["| argument | meaning |", "| --- | --- |", *lines])


def _examples(parser: argparse.ArgumentParser) -> str:
    """Return the examples of an epilog as a block of commands; another epilog as it is."""
    text = (parser.epilog or "").strip()
    commands = [line.strip() for line in text.splitlines() if line.startswith("  ")]
    return "\n".join(["```console", *commands, "```"]) if commands else _paragraphs(text)


def _children(
    parser: argparse.ArgumentParser,
) -> Iterator[tuple[str, str, argparse.ArgumentParser]]:
    """Yield the commands or actions of a parser, with their summaries."""
    for action in parser._actions:  # noqa: SLF001  # same
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001  # same
            summaries = {choice.dest: choice.help or "" for choice in action._choices_actions}  # noqa: SLF001  # same
            for name, child in action.choices.items():
                if name in summaries:
                    yield name, summaries[name], child


def _options(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:  # noqa: SLF001  # same
        if action.option_strings and action.option_strings[-1] not in COMMON:
            yield action


def _signature(action: argparse.Action) -> str:
    value = "" if action.nargs == 0 else f" {_value(action)}"
    return ", ".join(action.option_strings) + value


def _positional(action: argparse.Action) -> str:
    value = _value(action)
    match action.nargs:
        case "?":
            return f"[{value}]"
        case "*":
            return f"[{value} ...]"
        case "+":
            return f"{value} [{value} ...]"
    return value


def _value(action: argparse.Action) -> str:
    if isinstance(action.metavar, str):
        return action.metavar
    return action.dest.upper()


def _meaning(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    """Return the help of an argument, its choices, and what it cannot be combined with."""
    text = parser._get_formatter()._expand_help(action) if action.help else ""  # noqa: SLF001  # same
    if action.choices is not None:
        choices = ", ".join(f"`{choice}`" for choice in action.choices)
        text += f"{'; ' if text else ''}one of {choices}"
    if action.choices is not None and action.default in action.choices:
        text += f" (default: `{action.default}`)"
    others = [
        other.option_strings[-1]
        for group in parser._mutually_exclusive_groups  # noqa: SLF001  # same
        if action in group._group_actions  # noqa: SLF001  # same
        for other in group._group_actions  # noqa: SLF001  # same
        if other is not action and other.option_strings
    ]
    return text + (f" (not with {', '.join(others)})" if others else "")


def _cell(text: str) -> str:
    """Return a text for a table, with options marked as code."""
    return _marked(text).replace("|", "\\|")


def _marked(text: str) -> str:
    """Mark options, variables, files and IAM actions as code where they are not yet."""
    parts = text.split("`")
    parts[::2] = (_CODE.sub(r"`\1`", part) for part in parts[::2])
    return "`".join(parts)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


if __name__ == "__main__":  # pragma: no cover  # run by `make docs`
    from cli.__main__ import parser as parser_of_the_program

    write(PAGE, parser_of_the_program())
