"""The pages that people read, and their parts: tables, code, links and headings."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"
FOR_USERS: Final = tuple(
    sorted(
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "README.md", ROOT / "SECURITY.md", *DOCS.rglob("*.md"))
        if path.parent.name != "decisions" and path.name != "architecture.md"
    )
)
"""README.md, SECURITY.md and the pages of docs/ for people who use the program."""
PAGES: Final = tuple(
    sorted(
        path.relative_to(ROOT).as_posix()
        for path in (
            *ROOT.glob("*.md"),
            *DOCS.rglob("*.md"),
            *(ROOT / "deploy").rglob("*.md"),
        )
    )
)
"""All pages of the repository but those of .github/."""

_FENCE: Final = re.compile(
    r"^(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^ *```$", re.DOTALL | re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code of a page. `line` is its first line."""

    page: str
    line: int
    language: str
    text: str


@cache
def text_of(page: str) -> str:
    """Return the text of a page, by its path in the repository."""
    return (ROOT / page).read_text("utf-8")


def prose_of(page: str) -> str:
    """Return the text of a page without its blocks of code."""
    return _FENCE.sub("", text_of(page))


def blocks(pages: tuple[str, ...], *languages: str) -> Iterator[Block]:
    """Yield the blocks of code in some languages."""
    for page in pages:
        text = text_of(page)
        for match in _FENCE.finditer(text):
            if match["language"] in languages:
                line = text.count("\n", 0, match.start("text")) + 1
                yield Block(page, line, match["language"], match["text"])


def headings(page: str) -> list[str]:
    """Return the headings of a page, without their marks."""
    return re.findall(r"^#{1,6} (.+?)\s*$", prose_of(page), re.MULTILINE)


def anchors(page: str) -> set[str]:
    """Return the anchors that a forge gives to the headings of a page, and those in its HTML."""
    given: set[str] = set(re.findall(r'<a id="([^"]+)">', prose_of(page)))
    for heading in headings(page):
        anchor = slug(heading)
        number = 0
        while (name := f"{anchor}-{number}" if number else anchor) in given:
            number += 1
        given.add(name)
    return given


def slug(heading: str) -> str:
    """Return the anchor of a heading: small letters, hyphens for blanks, no other signs."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")


def links(page: str) -> Iterator[str]:
    """Yield the targets of links and pictures of a page."""
    text = re.sub(r"`[^`\n]*`", "", prose_of(page))
    yield from re.findall(r"\]\(([^)\s]+)\)", text)


def table(page: str, head: str) -> list[list[str]]:
    """Return the rows of the one table of a page that begins with a head."""
    text = text_of(page)
    assert text.count(f"\n| {head} ") == 1, f"{page} needs one table that begins with | {head} |"
    rows = text.split(f"\n| {head} ")[1].split("\n\n")[0].splitlines()[2:]
    return [
        [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", row.strip()[1:-1])]
        for row in rows
    ]


def first_words(rows: list[list[str]]) -> list[str]:
    """Return the first word in code of each row."""
    return [match[1] for cell, *_ in rows if (match := re.match(r"`([A-Za-z0-9-]+)", cell))]
