"""The command line: common options, suggestions after a typo, defaults."""

import argparse
import os
import re
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from difflib import get_close_matches
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, NoReturn

from lib.models.program import NAME, VERSION
from lib.text import clean

ROOT: Final = Path(__file__).resolve().parents[1]
DEFAULT_CONFIG: Final = "alerts.yml"
STAGE_VARIABLE: Final = "ECR_SCAN_ALERTS_STAGE"
USAGE_ERROR: Final = 2
"""The exit code of a mistake."""
DEMO_STAGE: Final = "local"
"""The stage of `make demo`."""
DEMO_HINT: Final = "for the demo, paste the `export` line that `make demo` prints"
CALLED_AS_VARIABLE: Final = "ECR_SCAN_ALERTS_CALLED_AS"
"""Set by the script of the clone, where the name of the command alone is not enough."""
CONFIG_VARIABLE: Final = "ECR_SCAN_ALERTS_CONFIG"
_STAGE_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_GENERAL: Final = ("--stage", "--config", "--region")
"""Options that may precede the command, and that only some commands take."""


class _Paragraphs(argparse.HelpFormatter):
    """Fills each paragraph of a description; lines that are indented stay as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        paragraphs = text.split("\n\n")
        return "\n\n".join(
            paragraph
            if "\n " in paragraph
            else super(_Paragraphs, self)._fill_text(paragraph, width, indent)
            for paragraph in paragraphs
        )


def called_as() -> str:
    """Return how the command was called, for commands that it prints."""
    return shlex.quote(os.environ.get(CALLED_AS_VARIABLE) or NAME)


class Parser(argparse.ArgumentParser):
    """The parser of a command or an action, with suggestions for misspelt names."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"formatter_class": _Paragraphs, **settings})
        self.set_defaults(parser=self)
        self.add_argument(
            "--profile",
            default=argparse.SUPPRESS,
            help="AWS profile (default: AWS_PROFILE, or the keys in the environment)",
        )
        self.add_argument(
            "-v",
            "--verbose",
            action="store_true",
            default=argparse.SUPPRESS,
            help="show the calls to AWS, and the trace of an error",
        )

    def takes(self, option: str) -> bool:
        """Whether the command has an option."""
        return option in self._option_string_actions

    def reject(self, arguments: Sequence[str]) -> NoReturn:
        """Exit with the usage of the command, and suggestions for misspelt options."""
        options = (argument for argument in arguments if argument.startswith("-"))
        hints = (
            suggestion(option.split("=")[0], self._option_string_actions) for option in options
        )
        self.error(f"unrecognized arguments: {' '.join(arguments)}{next(filter(None, hints), '')}")

    def error(self, message: str) -> NoReturn:
        """Exit with the usage and a message. Raises `SystemExit`."""
        super().error(clean(message))

    def _print_message(self, message: str, file: Any = None) -> None:
        """Print the help. Raises `OSError`, which argparse would ignore."""
        (file or sys.stderr).write(message)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Refuse a value that is not among the choices, with a suggestion."""
        if action.choices is None or value in action.choices:
            return
        choices = [str(choice) for choice in action.choices]
        if action.nargs == argparse.PARSER:
            self._refuse_command(str(action.metavar).lower(), str(value), choices)
        hint = suggestion(str(value), choices) or f" (choose from {', '.join(choices)})"
        raise argparse.ArgumentError(action, f"there is no {value!r}{hint}")

    def _refuse_command(self, kind: str, name: str, names: Sequence[str]) -> NoReturn:
        """Exit with one line for a command or an action that there is not."""
        manual = f"`{called_as()}{self.prog.removeprefix(NAME)} --help` lists the {kind}s"
        hint = suggestion(name, names)
        separator = " " if hint else "; "
        text = f"there is no {kind} {name!r}{hint}{separator}{manual}"
        self.exit(USAGE_ERROR, clean(f"{self.prog}: error: {text}\n"))


class CommandLine(Parser):
    """The parser of the complete command line. Adds values of the environment and stage files."""

    def __init__(self, *, environment: Mapping[str, str] = os.environ, **settings: Any) -> None:
        super().__init__(**settings)
        self._environment = environment
        self.set_defaults(profile=None, verbose=False)
        self.add_argument("--version", action=_Version, help="show the version and exit")
        self.add_argument("--stage", help=f"a deployed stage (default: {STAGE_VARIABLE})")
        self.add_argument(
            "--config",
            metavar="FILE",
            help=f"the configuration (default: {CONFIG_VARIABLE}, or {DEFAULT_CONFIG})",
        )
        self.add_argument(
            "--region", help="AWS region (default: that of the stage, AWS_REGION, or the profile)"
        )

    def parse_args(  # type: ignore[override]  # its overloads say the same
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> Any:
        """Parse a command line. Raises `SystemExit` for one that is wrong."""
        arguments = list(sys.argv[1:] if args is None else args)
        for argument in arguments:
            problem = _unusable(argument)
            if problem:
                self.error(f"{argument!r}: {problem}")
        options, rest = self.parse_known_args(arguments, namespace)
        if rest:
            options.parser.reject(rest)
        for option in _GENERAL:
            if getattr(options, option[2:]) is not None and not options.parser.takes(option):
                options.parser.error(f"this command takes no {option}")
        self._complete(options)
        return options

    def _complete(self, options: argparse.Namespace) -> None:
        """Add the stage and the configuration if they are not given."""
        options.stage_is_named = bool(options.stage)
        options.stage = options.stage or self._environment.get(STAGE_VARIABLE) or None
        config = options.config or self._environment.get(CONFIG_VARIABLE)
        if not config and options.stage and options.parser.takes("--config"):
            config = _config_of(options.stage)
        options.config_is_named = bool(config)
        options.config = config or DEFAULT_CONFIG


class _Version(argparse.Action):
    """Prints the version and exits."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(nargs=0, **settings)

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        """Print and exit."""
        python = ".".join(map(str, sys.version_info[:3]))
        facts = (*checkout(), f"Python {python}", f"boto3 {version('boto3')}")
        print(f"{NAME} {VERSION} ({', '.join(facts)})")
        parser.exit()


def checkout(root: Path = ROOT) -> Iterator[str]:
    """Yield the commit of a clone, which has the version of the release before it."""
    if not (root / ".git").exists():
        return
    # Imported late: no other option needs it.
    import subprocess

    command = ("git", "-C", str(root), "describe", "--always", "--dirty", "--exclude=*")
    with suppress(OSError, subprocess.SubprocessError):
        answer = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603  # git of this machine
        yield f"checkout {answer.stdout.strip()}"


def suggestion(name: str, names: Iterable[str]) -> str:
    """Return "; did you mean X?", or nothing without a similar name."""
    (*match,) = get_close_matches(name, list(names), n=1)
    return f"; did you mean {match[0]}?" if match else ""


def _config_of(stage: str) -> str | None:
    """Return the configuration in a stage file. Raises `ConfigError` for a wrong file."""
    # Imported late: the YAML parser takes a while to load.
    from cli.stage_file import find_stage

    file = find_stage(stage) if is_stage_name(stage) else None
    return None if file is None else str(file.config)


def is_stage_name(text: str) -> bool:
    """Whether a text can be the name of a stage, which is part of a stack's name."""
    return _STAGE_NAME.fullmatch(text) is not None


def _unusable(argument: str) -> str | None:
    if "\0" in argument:
        return "an argument cannot hold a NUL character"
    try:
        argument.encode()
    except UnicodeEncodeError:
        # File names may have any bytes.
        return None if Path(argument).exists() else "this argument is not text in UTF-8"
    return None
