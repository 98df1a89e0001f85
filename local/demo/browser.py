"""
The browser for tests and pictures, without a window and without side trips.

A Chromium of the machine comes first. Else there may be the one that `make` set up from npm: its
libraries and fonts lie beside it, because a machine without a browser often lacks them, too.

`python -m local.demo.browser` ends with 0 where the machine has a Chromium.
"""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
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
SET_UP: Final = Path(__file__).parents[2] / ".build" / "chromium"
"""Where `requirements/install chromium` puts a Chromium. Its file `.ready` is written last."""
MISSING: Final = (
    "No browser found: install Chromium (for example `apt-get install chromium`),"
    " or set CHROMIUM to the path of one"
)


def installed_browser() -> str | None:
    """Return the path in the variable CHROMIUM, else that of the first known name on the PATH."""
    configured = os.environ.get("CHROMIUM")
    if configured:
        return configured
    return next((path for path in map(shutil.which, NAMES) if path), None)


def find_browser() -> str | None:
    """Return the path of the machine's Chromium, else of the one that was set up from npm."""
    set_up = str(SET_UP / "chromium") if (SET_UP / ".ready").exists() else None
    return installed_browser() or set_up


def environment(path: str) -> dict[str, str]:
    """Return the variables with which a browser is started."""
    variables = dict(os.environ)
    if Path(path).parent == SET_UP:
        variables["LD_LIBRARY_PATH"] = str(SET_UP / "al2023" / "lib")
        variables["FONTCONFIG_FILE"] = str(SET_UP / "fonts.conf")
        variables["XDG_CACHE_HOME"] = str(SET_UP / "cache")
    return variables


@contextmanager
def open_browser(path: str) -> Iterator["Browser"]:
    """Start the browser and stop it at the end."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=list(FLAGS), env={**environment(path)}
        )
        try:
            yield browser
        finally:
            browser.close()


if __name__ == "__main__":
    sys.exit(installed_browser() is None)
