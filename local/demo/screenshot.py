"""
Takes the README's pictures of a running inbox page: `python -m local.demo.__main__.screenshot http://127.0.0.1:…/`.

The first place in light, in dark and narrow; with `--story` what README shows of the demo's story,
with `--places` one picture per place.
"""

import re
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from playwright.sync_api import Browser

from local.demo.browser import MISSING, find_browser, open_browser

FOLDER: Final = Path(__file__).parents[2] / "docs" / "images"


@dataclass(frozen=True, slots=True)
class Shot:
    """One way to look at the page."""

    name: str
    width: int = 1280
    height: int = 860
    scheme: Literal["light", "dark"] = "light"


FIRST: Final = (
    Shot("inbox"),
    Shot("inbox-dark", scheme="dark"),
    Shot("inbox-narrow", width=390, height=844),
)


@dataclass(frozen=True, slots=True)
class Part:
    """One message of a place, found by its words; `opens`: the page that a link in it leads to."""

    name: str
    place: str
    words: str
    opens: str | None = None
    thread: bool = False
    """With all replies, not the last message alone."""


STORY: Final = (
    Part("slack-message", "#/slack/C0STOREFRONT", "web/storefront:3.2.1"),
    Part("slack-thread", "#/slack/C0STOREFRONT", "web/storefront", thread=True),
    Part("report", "#/slack/C0STOREFRONT", "web/storefront:3.2.1", opens="full report"),
    Part("jira-issue", "#/jira/SEC-2", "web/storefront"),
    Part("digest", "#/slack/C0PLATFORM", "Weekly digest"),
)


def take_part(browser: Browser, address: str, part: Part, folder: Path) -> Path:
    """Write a picture of one message, or of what it links to; return its path."""
    context = browser.new_context(viewport={"width": 1180, "height": 5000}, locale="en-GB")
    page = context.new_page()
    page.goto(address + part.place)
    articles = page.locator("article", has_text=part.words)
    found = articles.first if part.thread else articles.last
    found.wait_for()
    path = folder / f"{part.name}.png"
    if part.opens is not None:
        with context.expect_page() as opened:
            found.get_by_role("link", name=part.opens).last.click()
        page = opened.value
        page.wait_for_load_state()
        found = page.locator("body")
    box = found.bounding_box()
    if box is not None:
        box["height"] = min(box["height"], _TALLEST)
        page.screenshot(path=path, animations="disabled", clip=box)
    context.close()
    return path


_TALLEST: Final = 1000
"""Pixels that README shows of one thing."""


def take(browser: Browser, address: str, shot: Shot, folder: Path) -> tuple[Path, list[str]]:
    """Write one picture; return its path and the places that the page offers."""
    context = browser.new_context(
        viewport={"width": shot.width, "height": shot.height},
        color_scheme=shot.scheme,
        locale="en-GB",
    )
    page = context.new_page()
    page.goto(address)
    page.wait_for_selector("#places a")
    path = folder / f"{shot.name}.png"
    page.screenshot(path=path, animations="disabled")
    places = page.locator("#places a")
    found = [places.nth(number).get_attribute("href") or "" for number in range(places.count())]
    context.close()
    return path, found


def take_all(browser: Browser, address: str, folder: Path, *, places: bool) -> Iterator[Path]:
    """Write the pictures one by one."""
    folder.mkdir(parents=True, exist_ok=True)
    found: list[str] = []
    for shot in FIRST:
        file, found = take(browser, address, shot, folder)
        yield file
    for place in found if places else ():
        yield take(browser, address + place, Shot(file_name(place)), folder)[0]


def file_name(place: str) -> str:
    """Return a file name for a place: "#/slack/payments" becomes "inbox-slack-payments"."""
    return "inbox-" + re.sub(r"%..|[^A-Za-z0-9]+", "-", place).strip("-").lower()


def main(arguments: list[str] | None = None) -> int:
    """Take all pictures. Returns 1 when there is no browser."""
    parser = ArgumentParser(prog="python -m local.demo.__main__.screenshot", description=__doc__)
    parser.add_argument("address", help="of the inbox page, as `make demo` prints it")
    parser.add_argument("--into", type=Path, default=FOLDER, help="a folder (docs/images)")
    parser.add_argument("--story", action="store_true", help="also README's pictures of the demo")
    parser.add_argument("--places", action="store_true", help="also one picture per place")
    asked = parser.parse_args(arguments)
    path = find_browser()
    if path is None:
        print(MISSING, file=sys.stderr)
        return 1
    with open_browser(path) as browser:
        for file in take_all(browser, asked.address, asked.into, places=asked.places):
            print(file)
        for part in STORY if asked.story else ():
            print(take_part(browser, asked.address, part, asked.into))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
