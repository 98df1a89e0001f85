"""
A pytest plugin: a real browser for the pages. Without one, its tests are skipped, but fail in CI.

Tests that use it carry the marker `browser`.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

import pytest

from local.demo.browser import MISSING, find_browser, open_browser

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page


@dataclass
class Visit:
    """One open page and everything it did that it should not."""

    page: "Page"
    complaints: list[str] = field(default_factory=list)
    hosts: set[str | None] = field(default_factory=set)

    def heard(self, message: "ConsoleMessage") -> None:
        """Keep errors and warnings of the console."""
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)


class OpenPage(Protocol):
    """What the fixture `open_page` gives."""

    def __call__(self, address: str, **options: Any) -> Visit:
        """Open an address; options are those of Playwright's `new_context`."""


def expect(subject: Any) -> Any:
    """Return the assertions of Playwright, which takes 0.4 s to import, about a page or a part."""
    from playwright.sync_api import expect as assertions_about

    return assertions_about(subject)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say at the end how many tests had no browser, and how to have one."""
    skipped = terminalreporter.getreports("skipped")
    count = sum(MISSING in str(report.longrepr) for report in skipped)
    if count:
        terminalreporter.write_line(f"{count} browser tests were skipped. {MISSING}", yellow=True)


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """
    Start one browser per module.

    Not per session: while it runs, Playwright keeps an event loop, in which others cannot run.
    """
    path = find_browser()
    if path is None and os.environ.get("CI"):
        pytest.fail(MISSING)
    if path is None:
        pytest.skip(MISSING)
    with open_browser(path) as started:
        yield started


@pytest.fixture
def open_page(browser: "Browser") -> Iterator[OpenPage]:
    """Open pages that must stay silent and must talk to this machine only."""
    visits: list[Visit] = []
    with ExitStack() as stack:

        def open_one(address: str, **options: Any) -> Visit:
            context = browser.new_context(**options)
            stack.callback(context.close)
            visit = Visit(context.new_page())
            visits.append(visit)
            visit.page.set_default_timeout(10_000)
            visit.page.on("console", visit.heard)
            visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
            visit.page.on("request", lambda asked: visit.hosts.add(urlsplit(asked.url).hostname))
            visit.page.goto(address)
            return visit

        yield open_one
        for visit in visits:
            assert visit.complaints == []
            assert visit.hosts <= {"127.0.0.1", None}  # None: of a file
