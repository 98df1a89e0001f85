"""Shell lines of pages: split into commands, and checked with the program that they call."""

import argparse
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from botocore import xform_name
from botocore.session import get_session

from cli.__main__ import parser

ROOT: Final = Path(__file__).parents[2]
SEPARATORS: Final = frozenset({"&&", "||", "|", ";", "&"})
FOREIGN: Final = frozenset(
    {"$EDITOR", "cp", "docker", "echo", "git", "pip", "pipx", "printf", "sed"}
)
"""Programs of others that pages may call."""
RENAMED: Final[Mapping[str, str]] = MappingProxyType({"--notification-endpoint": "--endpoint"})
"""Options that the AWS CLI calls by another name than the API."""
OF_THE_AWS_CLI: Final = frozenset(
    {"--cli-input-json", "--no-cli-pager", "--output", "--profile", "--query", "--region"}
)
"""Options that belong to no call."""


class CommandError(Exception):
    """A line cannot be run as it is written."""


def commands(text: str) -> Iterator[list[str]]:
    """
    Yield the words of each command of a block: without comments and redirections, `$(...)` too.

    Raises `CommandError` for a line that no shell takes.
    """
    for line in text.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars="&|;<>")
        lexer.whitespace_split = True
        try:
            words = list(lexer)
        except ValueError as error:
            raise CommandError(f"{line}: {error}") from None
        yield from _divided(words)
        for word in words:
            if inner := re.fullmatch(r"\$\((.*)\)", word):
                yield from commands(inner[1])


def _divided(words: list[str]) -> Iterator[list[str]]:
    command: list[str] = []
    rest = iter(words)
    for word in rest:
        if word in {">", ">>", "<"}:
            next(rest)
        elif word in SEPARATORS:
            yield command
            command = []
        else:
            command.append(word)
    if command:
        yield command


def check_lines(text: str) -> None:
    """Check all commands of a block. Raises `CommandError`."""
    for words in commands(text):
        check(words)


def check(words: list[str]) -> None:
    """Check a command. Raises `CommandError`."""
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words = words[1:]
    program, *arguments = words
    name = program.removeprefix("./")
    if name in FOREIGN:
        return
    if name not in CHECKS:
        raise CommandError(f"{program} is not a program that pages may call")
    CHECKS[name](arguments)


def _check_ours(arguments: list[str]) -> None:
    try:
        parser().parse_args(arguments)
    except SystemExit as end:
        if end.code:
            raise CommandError(f"ecr-scan-alerts refuses {shlex.join(arguments)}") from None


def _check_make(arguments: list[str]) -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    deploying = "".join(path.read_text("utf-8") for path in (ROOT / "deploy").glob("*.py"))
    for argument in arguments:
        variable, is_set, _ = argument.partition("=")
        if is_set:
            if f"$({variable}" not in makefile and f'"{variable}"' not in deploying:
                raise CommandError(f"make knows no {variable}")
        elif not re.search(rf"^{re.escape(argument)}:", makefile, re.MULTILINE):
            raise CommandError(f"make knows no target {argument}")


def _check_aws(arguments: list[str]) -> None:
    """Check service, operation, and the names of options. Raises `CommandError`."""
    service, operation, *options = arguments
    if service == "s3" and operation in {"cp", "ls", "mb", "sync"}:
        return
    session = get_session()
    if service not in session.get_available_services():
        raise CommandError(f"AWS has no service {service}")
    model = session.get_service_model(service)
    names = {xform_name(name, "-"): name for name in model.operation_names}
    if operation not in names:
        raise CommandError(f"{service} has no operation {operation}")
    shape = model.operation_model(names[operation]).input_shape
    members = {} if shape is None else shape.members
    known = {f"--{xform_name(member, '-')}" for member in members} | OF_THE_AWS_CLI
    names_given = (option.partition("=")[0] for option in options if option.startswith("--"))
    given = {RENAMED.get(name, name) for name in names_given}
    required = {f"--{xform_name(member, '-')}" for member in getattr(shape, "required_members", ())}
    if given - known:
        raise CommandError(f"{service} {operation} has no {', '.join(sorted(given - known))}")
    if required - given:
        raise CommandError(f"{service} {operation} needs {', '.join(sorted(required - given))}")


CHECKS: Final[Mapping[str, Callable[[list[str]], None]]] = MappingProxyType(
    {"aws": _check_aws, "ecr-scan-alerts": _check_ours, "make": _check_make}
)


def check_mention(text: str) -> None:
    """
    Check a command in a sentence, where what it requires may be left out.

    Its names of commands, actions and options have to exist. Raises `CommandError`.
    """
    of: argparse.ArgumentParser = parser()
    top = of
    for word in text.split():
        if word.startswith("-"):
            _check_option(word, of, top)
        elif (children := _children(of)) is not None:
            if word not in children:
                raise CommandError(f"{text}: there is no {word}")
            of = children[word]


def _check_option(word: str, of: argparse.ArgumentParser, top: argparse.ArgumentParser) -> None:
    option = word.partition("=")[0]
    known = {*of._option_string_actions, *top._option_string_actions}  # noqa: SLF001  # argparse has no other way
    if option != "-" and option not in known:
        raise CommandError(f"{of.prog} has no {option}")


def _children(of: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser] | None:
    for action in of._actions:  # noqa: SLF001  # same
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001  # same
            return dict(action.choices)
    return None
