"""
Pictures of a running inbox page, for README and docs.

    python -m local.demo.screenshot http://127.0.0.1:PORT/

The first place in light, dark and narrow. With `--story`, also those of the demo's story;
with `--places`, one picture for each place.
"""

import re
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from local.demo.browser import MISSING, find_browser, open_browser

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FOLDER: Final = Path(__file__).parents[2] / "docs" / "images"


@dataclass(frozen=True, slots=True)
class Shot:
    """A view of the page: size and color scheme."""

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
    """A message of a place, found by its words. `opens` is the text of a link to follow."""

    name: str
    place: str
    words: str
    opens: str | None = None
    thread: bool = False
    """Whether the picture includes all replies."""


STORY: Final = (
    Part("slack-message", "#/slack/C0STOREFRONT", "web/checkout:5.4.0"),
    Part("slack-thread", "#/slack/C0STOREFRONT", "web/storefront", thread=True),
    Part("report", "#/slack/C0STOREFRONT", "web/storefront:3.2.1", opens="full report"),
    Part("jira-issue", "#/jira/SEC-2", "web/storefront"),
    Part("pagerduty-incident", "#/pagerduty/1", "web/storefront"),
    Part("mail", "#/sns/security-mail", "1 HIGH newly reported"),
    Part("webhook-event", "#/webhook/inventory-webhook", "web/storefront:3.2.1"),
    Part("digest", "#/slack/C0PLATFORM", "Weekly digest"),
)


def take_part(browser: "Browser", address: str, part: Part, folder: Path) -> Path:
    """Write a picture of a message, or of the page that it links to; return its path."""
    context = browser.new_context(viewport={"width": 1180, "height": 5000}, locale="en-GB")
    page = context.new_page()
    page.goto(address + part.place)
    articles = page.locator("article", has_text=part.words)
    element = articles.first if part.thread else articles.last
    element.wait_for()
    path = folder / f"{part.name}.png"
    if part.opens is not None:
        with context.expect_page() as opened:
            element.get_by_role("link", name=part.opens).last.click()
        page = opened.value
        page.wait_for_load_state()
        element = page.locator("body")
    box = element.bounding_box()
    if box is not None:
        box["height"] = min(box["height"], _TALLEST)
        page.screenshot(path=path, animations="disabled", clip=box, full_page=True)
    context.close()
    return path


_TALLEST: Final = 1000
"""The maximum height of a picture, in pixels."""


def take(browser: "Browser", address: str, shot: Shot, folder: Path) -> tuple[Path, list[str]]:
    """Write a picture; return its path and the places on the page."""
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
    addresses = [places.nth(number).get_attribute("href") or "" for number in range(places.count())]
    context.close()
    return path, addresses


def take_all(browser: "Browser", address: str, folder: Path, *, places: bool) -> Iterator[Path]:
    """Write the pictures, and yield their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    addresses: list[str] = []
    for shot in FIRST:
        file, addresses = take(browser, address, shot, folder)
        yield file
    for place in addresses if places else ():
        yield take(browser, address + place, Shot(file_name(place)), folder)[0]


def file_name(place: str) -> str:
    """Return a file name for a place: "#/slack/payments" becomes "inbox-slack-payments"."""
    return "inbox-" + re.sub(r"%..|[^A-Za-z0-9]+", "-", place).strip("-").lower()


def main(arguments: list[str] | None = None) -> int:
    """Take all pictures. Exit code 1: there is no browser."""
    parser = ArgumentParser(prog="python -m local.demo.screenshot", description=__doc__)
    parser.add_argument("address", help="of the inbox page, as `make demo` prints it")
    parser.add_argument("--into", type=Path, default=FOLDER, help="a folder (docs/images)")
    parser.add_argument("--story", action="store_true", help="also the pictures of messages")
    parser.add_argument("--places", action="store_true", help="also one picture per place")
    options = parser.parse_args(arguments)
    path = find_browser()
    if path is None:
        print(MISSING, file=sys.stderr)
        return 1
    with open_browser(path) as browser:
        for file in take_all(browser, options.address, options.into, places=options.places):
            print(file)
        for part in STORY if options.story else ():
            print(take_part(browser, options.address, part, options.into))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
