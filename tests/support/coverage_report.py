"""
A pytest plugin: the report of coverage parses each file once, in a worker that has no test left.

pytest-cov makes a report for the total and another one to print, and each parses all the files: 8 s
after the last test, on one core.
"""

import pickle
from pathlib import Path
from typing import Any, Final

import pytest
from coverage import Coverage
from coverage.parser import PythonParser
from coverage.python import PythonFileReporter

from tests.support.tracing import MEASURED

ROOT: Final = Path(__file__).parents[2]
OUTPUT: Final = "parsed"
"""The name of what a worker sends."""


class Parsed:
    """The parsed files of a report, by name and pattern of what it excludes."""

    def __init__(self) -> None:
        self._parsers: dict[tuple[str, str], PythonParser] = {}

    def add(self, sent: bytes) -> None:
        """Keep what a worker sent."""
        for parser in pickle.loads(sent):  # noqa: S301  # a worker of this run
            self._parsers[parser.filename, parser.exclude] = parser

    def of(self, reporter: PythonFileReporter) -> PythonParser:
        """Return the parsed file of a reporter, parsed now if no worker did."""
        key = (reporter.filename, exclusion(reporter.coverage))
        if key not in self._parsers:
            self._parsers[key] = parse(*key)
        return self._parsers[key]


def parse(path: str, exclude: str) -> PythonParser:
    """Parse a file, with its branches."""
    parser = PythonParser(filename=path, exclude=exclude)
    parser.parse_source()
    parser.arcs()
    return parser


def exclusion(coverage: Any) -> str:
    """Return the pattern of the lines that do not count."""
    pattern: str = coverage._exclude_regex("exclude")  # noqa: SLF001  # it has no other way
    return pattern


def share(number: int, count: int) -> list[str]:
    """Return the measured files that one of several workers parses."""
    paths = sorted(str(path) for name in MEASURED for path in (ROOT / name).rglob("*.py"))
    return paths[number::count]


class Worker:
    """A worker of xdist, which parses its share when it has no test left."""

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Send the parsed files along."""
        config: Any = session.config
        number = int(config.workerinput["workerid"].removeprefix("gw"))
        exclude = exclusion(Coverage(data_file=None))
        parsers = [
            parse(path, exclude) for path in share(number, config.workerinput["workercount"])
        ]
        config.workeroutput[OUTPUT] = pickle.dumps(parsers)


class Controller:
    """The process that makes the report."""

    def __init__(self) -> None:
        self._parsed = Parsed()

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Keep what a worker parsed, unless it died."""
        sent = getattr(node, "workeroutput", {}).get(OUTPUT)
        if sent is not None:
            self._parsed.add(sent)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self) -> Any:
        """Let the reports, which pytest-cov makes at the end of the loop, share parsed files."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(PythonFileReporter, "parser", property(self._parsed.of))
            return (yield)


def pytest_configure(config: pytest.Config) -> None:
    """Parse where coverage is measured."""
    if config.pluginmanager.hasplugin("_cov"):
        is_worker = hasattr(config, "workerinput")
        config.pluginmanager.register(Worker() if is_worker else Controller())
