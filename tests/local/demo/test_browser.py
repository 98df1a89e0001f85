"""The browser of tests and pictures: which one is taken, and how it is started."""

import os
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from local.demo import browser
from tests.support.browser_fixtures import pytest_terminal_summary


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return the folder of a set-up browser, on a machine that has none."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setattr(browser, "SET_UP", tmp_path / "chromium")
    (tmp_path / "chromium").mkdir()
    return tmp_path / "chromium"


def test_the_variable_names_the_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    """CHROMIUM comes before what is on the path."""
    monkeypatch.setenv("CHROMIUM", "/opt/chromium")

    assert browser.find_browser() == "/opt/chromium"


def test_a_browser_of_the_machine_comes_before_the_one_from_npm(
    bare: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """People see the pages in their own browser; the other one is for machines without."""
    (bare / ".ready").touch()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "chromium").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))

    assert browser.find_browser() == str(tmp_path / "bin" / "chromium")


def test_a_machine_without_a_browser_takes_the_one_from_npm(bare: Path) -> None:
    """But not while it is still being set up."""
    (bare / "chromium").touch()
    assert browser.find_browser() is None

    (bare / ".ready").touch()
    assert browser.find_browser() == str(bare / "chromium")
    assert browser.installed_browser() is None


def test_only_the_browser_from_npm_gets_libraries_and_fonts(bare: Path) -> None:
    """Without a font Chromium draws nothing. Their cache stays out of the repository."""
    added = {
        "LD_LIBRARY_PATH": str(bare / "al2023" / "lib"),
        "FONTCONFIG_FILE": str(bare / "fonts.conf"),
        "XDG_CACHE_HOME": str(bare / "cache"),
    }

    assert browser.environment(str(bare / "chromium")) == {**os.environ, **added}
    assert browser.environment("/usr/bin/chromium") == {**os.environ}


class Reporter:
    """What the summary needs of pytest's reporter."""

    def __init__(self, *reasons: str) -> None:
        self.reports = [SimpleNamespace(longrepr=("file", 1, reason)) for reason in reasons]
        self.lines: list[str] = []

    def getreports(self, outcome: str) -> list[SimpleNamespace]:
        return self.reports if outcome == "skipped" else []

    def write_line(self, line: str, **_: bool) -> None:
        self.lines.append(line)


def test_the_end_of_a_run_says_how_many_tests_had_no_browser() -> None:
    """In one line, with the way to have them; other skipped tests do not count."""
    reporter = Reporter(browser.MISSING, "not set up by make", browser.MISSING)

    pytest_terminal_summary(cast(pytest.TerminalReporter, reporter))

    assert reporter.lines == [f"2 browser tests were skipped. {browser.MISSING}"]


def test_nothing_is_said_where_all_tests_had_a_browser() -> None:
    """The usual run ends as before."""
    reporter = Reporter("not set up by make")

    pytest_terminal_summary(cast(pytest.TerminalReporter, reporter))

    assert reporter.lines == []
