"""Finds the Chromium of this machine and starts it without a window and without side trips."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS: Final = (
    "--no-sandbox",  # containers and most build machines cannot have it
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
MISSING: Final = (
    "No browser found: install Chromium (for example `apt-get install chromium`),"
    " or set CHROMIUM to the path of one"
)


def find_browser() -> str | None:
    """Return the path in the variable CHROMIUM, else that of the first known name on the PATH."""
    named = os.environ.get("CHROMIUM")
    if named:
        return named
    return next((found for found in map(shutil.which, NAMES) if found), None)


@contextmanager
def open_browser(path: str) -> Iterator["Browser"]:
    """Start the browser and stop it at the end."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()
