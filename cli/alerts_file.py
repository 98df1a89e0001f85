"""alerts.yml with line numbers, so that every problem names its line."""

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import isfinite
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError, RoundTripConstructor
from ruamel.yaml.error import MarkedYAMLError, ReusedAnchorWarning, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.parser import Parser
from ruamel.yaml.scanner import Scanner

from lib.config.checking import check
from lib.config.model import Config
from lib.config.parsing import parse
from lib.config.problems import ConfigPath, Level, placed
from lib.errors import ConfigError
from lib.models import Json
from lib.text import one_line

_MOST_VALUES: Final = 200_000
"""More than the largest valid file has; nested aliases could make billions."""
_MOST_LEVELS: Final = 50
_MOST_BYTES: Final = 16 * 1024**2
"""Several times what the largest package of a function could carry."""


class AlertsFileError(ConfigError):
    """The file cannot be read as YAML. The text names the line and the remedy."""

    def __init__(self, file: str, line: int, problem: str) -> None:
        super().__init__(f"{file}:{line}: {problem}")
        self.line = line
        self.problem = problem


class _TagError(MarkedYAMLError):
    """A tag (!!) that is not used here, or whose value it does not fit."""


@dataclass(frozen=True, slots=True)
class AlertsFile:
    """A file as JSON-compatible data, with the line of each part."""

    name: str
    document: Json
    lines: Mapping[ConfigPath, int]

    def line_of(self, path: ConfigPath) -> int:
        """Return the line of a part, or of the nearest enclosing part."""
        for length in range(len(path), 0, -1):
            line = self.lines.get(path[:length])
            if line is not None:
                return line
        return 1


@dataclass(frozen=True, slots=True)
class LocatedProblem:
    """A problem, and its line in a file."""

    file: str
    line: int
    where: str
    message: str
    level: Level
    owner: str = ""
    """The route that it is in; empty for none."""

    def __str__(self) -> str:
        where = f"{placed(self.where, self.owner)}: " if self.where else ""
        return one_line(f"{self.file}:{self.line}: {self.level}: {where}{self.message}")


def read(path: Path) -> AlertsFile:
    """
    Parse a YAML (or JSON) file.

    Raises `ConfigError` with file, line and advice for what is not YAML, for keys that stand twice,
    and for YAML that JSON cannot say.
    """
    return understand(read_exactly(path), str(path))


def read_exactly(path: Path) -> str:
    """Return the text with its own line ends. Raises `ConfigError`."""
    try:
        with path.open("rb") as file:
            # A device has no end.
            content = file.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise AlertsFileError(str(path), 1, _TOO_MUCH)
        return content.decode()
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: there is no such file") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise AlertsFileError(str(path), line, "this is not text in UTF-8") from None


def understand(text: str, name: str) -> AlertsFile:
    """Parse the text of a YAML (or JSON) file. Raises `ConfigError` as `read` does."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ReusedAnchorWarning)
            tree = _parser().load(text)
    except DuplicateKeyError as error:
        raise AlertsFileError(name, _line(error), _TWICE) from None
    except _TagError as error:
        raise AlertsFileError(name, _line(error), str(error.problem)) from None
    except MarkedYAMLError as error:
        raise AlertsFileError(name, _line(error), _advice(error, text)) from None
    except YAMLError:
        raise AlertsFileError(name, 1, _UNPRINTABLE) from None
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, AssertionError):
        # The parser assumes well-formed input in places, without saying where it is not.
        raise AlertsFileError(name, 1, _NOT_READ) from None
    except RecursionError:
        raise AlertsFileError(name, 1, _TOO_DEEP) from None
    reader = _Reader(name)
    return AlertsFile(name, reader.plain(tree, ()), MappingProxyType(reader.lines))


def check_file(
    path: Path, *, today: date, receiver_hosts: Sequence[str] = ()
) -> tuple[LocatedProblem, ...]:
    """
    Return every problem of a file in the order of its lines.

    `receiver_hosts`: what the stage file names beside the vendors' hosts.

    Raises `ConfigError` when there is no such file.
    """
    try:
        file = read(path)
    except AlertsFileError as error:
        return (LocatedProblem(str(path), error.line, "", error.problem, "error"),)
    return tuple(_located(file, today, receiver_hosts))


def load_file(path: Path, *, today: date) -> Config:
    """Read, check and parse a file. Raises `ConfigError` with every error and its line."""
    return configured(read(path), today=today)


def configured(file: AlertsFile, *, today: date) -> Config:
    """Check and parse a file that was read. Raises `ConfigError` as `load_file` does."""
    errors = [problem for problem in _located(file, today) if problem.level == "error"]
    if errors:
        raise ConfigError(render_problems(errors))
    return parse(file.document)


def render_problems(problems: Iterable[LocatedProblem]) -> str:
    """Return one line per problem: "alerts.yml:12: error: routes[0].severity: must be …"."""
    return "\n".join(map(str, problems))


def _located(
    file: AlertsFile, today: date, receiver_hosts: Sequence[str] = ()
) -> list[LocatedProblem]:
    problems = (
        LocatedProblem(
            file.name,
            file.line_of(problem.path),
            problem.where,
            problem.message,
            problem.level,
            problem.owner,
        )
        for problem in check(file.document, today=today, receiver_hosts=receiver_hosts)
    )
    return sorted(problems, key=lambda problem: problem.line)


def _parser() -> YAML:
    """Return a parser that keeps dates as text: JSON has none, and 30 February is no date."""

    class Constructor(RoundTripConstructor):
        """A constructor of its own, because registration changes the class."""

        def construct_object(self, node: Any, deep: bool = False) -> Any:  # noqa: FBT001, FBT002  # ruamel's own
            """Construct the value of a node. Raises `_TagError`, which has the line."""
            mark = node.start_mark
            expected = _NODES.get(str(node.tag))
            if expected is None:
                raise _TagError(problem=_OTHER_TAG, problem_mark=mark)
            if not isinstance(node, expected):
                raise _TagError(problem=_WRONG_TAG, problem_mark=mark)
            try:
                return super().construct_object(node, deep=deep)
            except (ValueError, LookupError) as error:
                raise _TagError(problem=_WRONG_TAG, problem_mark=mark) from error

    Constructor.add_constructor("tag:yaml.org,2002:timestamp", lambda _, node: str(node.value))
    yaml = YAML(typ="rt")
    yaml.Constructor = Constructor
    # The scanner of typ="rt" gathers comments, which takes a fifth of the time.
    yaml.Scanner, yaml.Parser = Scanner, Parser
    return yaml


_TWICE: Final = "this key stands twice in the same place; remove one of them"
_TAB: Final = "a tab cannot indent YAML; use blanks"
_TOO_DEEP: Final = "this is nested too deeply"
_UNPRINTABLE: Final = "this is not YAML: it holds control characters"
_OTHER_TAG: Final = "this tag (!!) is not used here; remove it"
_WRONG_TAG: Final = "a tag (!!) does not fit the value after it, or a number is too long"
_NOT_READ: Final = "this is not YAML"
_NODES: Final = MappingProxyType(
    {
        "tag:yaml.org,2002:map": MappingNode,
        "tag:yaml.org,2002:seq": SequenceNode,
        **dict.fromkeys(
            (
                "tag:yaml.org,2002:str",
                "tag:yaml.org,2002:int",
                "tag:yaml.org,2002:float",
                "tag:yaml.org,2002:bool",
                "tag:yaml.org,2002:null",
                "tag:yaml.org,2002:timestamp",
                "tag:yaml.org,2002:merge",
                "tag:yaml.org,2002:value",
            ),
            ScalarNode,
        ),
    }
)
"""Tags with a value in JSON, and the tag of dates, with their type of node."""
_TOO_MUCH: Final = "this is too large; do aliases (*) repeat each other?"
_ADVICE: Final = MappingProxyType(
    {
        "could not find expected ':'": "a key needs a colon after it",
        "mapping values are not allowed here": "a colon too many: put the text in quotes, "
        "or mind the indentation",
        "expected <block end>, but found": "the indentation does not fit the lines above",
        "expected the node content, but found": "a value is missing, "
        "or a bracket or brace is not closed",
        "expected ',' or": "a bracket or brace is not closed, or a comma is missing",
        "while scanning a quoted scalar": "a quote is not closed",
        "found unexpected end of stream": "a quote is not closed",
        "found undefined alias": "an alias (*name) needs an anchor (&name) above it; "
        "put a text that begins with * in quotes",
        "expected alphabetic or numeric character": "put a text that begins with * or & in quotes",
        "expected a single document in the stream": "only one document is allowed: remove the ---",
        "found character '@'": "put a text that begins with @ or ` in quotes",
        "found character '`'": "put a text that begins with @ or ` in quotes",
        "found character '%'": "put a text that begins with % in quotes",
    }
)


def _advice(error: MarkedYAMLError, text: str) -> str:
    """Return the remedy. The parser's own texts can hold values, and are meant for programmers."""
    lines = text.splitlines()
    line = _line(error)
    if "\t" in (lines[line - 1] if line <= len(lines) else ""):
        return _TAB
    parser_text = f"{error.problem} {error.context}"
    hints = (advice for problem, advice in _ADVICE.items() if problem in parser_text)
    return f"this is not YAML: {next(hints, 'look at this line and the one above')}"


def _line(error: MarkedYAMLError) -> int:
    mark = error.problem_mark or error.context_mark
    return mark.line + 1 if mark is not None else 1


class _Reader:
    """Converts ruamel's tree into plain data, and records lines."""

    def __init__(self, file: str) -> None:
        self.lines: dict[ConfigPath, int] = {}
        self._file = file
        self._values = 0

    def plain(self, node: Any, path: ConfigPath) -> Json:
        """Return a node as JSON-compatible data. Raises `AlertsFileError` for other nodes."""
        self._values += 1
        if self._values > _MOST_VALUES:
            raise self._error(path, _TOO_MUCH)
        if len(path) > _MOST_LEVELS:
            raise self._error(path, _TOO_DEEP)
        if isinstance(node, CommentedMap):
            return {key: self.plain(value, inner) for key, value, inner in self._items(node, path)}
        if isinstance(node, CommentedSeq):
            return [self.plain(value, inner) for value, inner in self._entries(node, path)]
        return self._scalar(node, path)

    def _scalar(self, node: Any, path: ConfigPath) -> Json:
        # The parser's own types of text and number record how they were written.
        match node:
            case bool() | None:
                return node
            case str():
                return str(node)
            case int():
                return int(node)
            case float() if isfinite(node):
                return float(node)
        raise self._error(path, "this kind of value is not used here; put it in quotes")

    def _items(self, node: CommentedMap, path: ConfigPath) -> Iterator[tuple[str, Any, ConfigPath]]:
        for key, value in node.items():
            inner = (*path, str(key))
            # Merged keys (<<) have no line of their own.
            if node.lc.data is not None and key in node.lc.data:
                self.lines[inner] = node.lc.key(key)[0] + 1
            if not isinstance(key, str):
                raise self._error(inner, "this key is not text; put it in quotes")
            yield str(key), value, inner

    def _entries(self, node: CommentedSeq, path: ConfigPath) -> Iterator[tuple[Any, ConfigPath]]:
        for index, value in enumerate(node):
            inner = (*path, index)
            self.lines[inner] = node.lc.item(index)[0] + 1
            yield value, inner

    def _error(self, path: ConfigPath, problem: str) -> AlertsFileError:
        line = AlertsFile(self._file, None, self.lines).line_of(path)
        return AlertsFileError(self._file, line, problem)
