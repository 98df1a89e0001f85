"""The links in a step: what it names, with the pages about that. Pure."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from lib.messages.parts import Link

_COMMANDS: Final = 5
"""Commands in one step; further backticks are text."""


class Piece(NamedTuple):
    """A part of a step: a command, a name with a link, or words."""

    text: str
    is_command: bool = False
    link: Link | None = None


def pieces(step: str, links: Sequence[Link] = ()) -> Iterator[Piece]:
    """Yield a step in parts; commands in it stand in backticks."""
    pages = {link.name: link for link in links if link.name in step}
    names = _any_of(name for name, link in pages.items() if not link.is_package)
    every = _any_of(pages)
    # A word of the sentence can be the name of a package: only those of its list are links.
    has_list = False
    for place, part in enumerate(step.split("`", 2 * _COMMANDS)):
        if place % 2:
            yield Piece(part, is_command=True)
            continue
        head, sign, tail = ("", "", part) if has_list else part.partition(": ")
        has_list = has_list or bool(sign)
        for pattern, words in ((names, f"{head}{sign}"), (every if has_list else names, tail)):
            texts = pattern.split(words) if pattern is not None else [words]
            yield from (Piece(text, link=pages.get(text)) for text in texts if text)


def is_named(link: Link, steps: Iterable[str]) -> bool:
    """Return whether a step names a link, which then stands there."""
    page = link.in_step
    return any(piece.link == page for step in steps for piece in pieces(step, [page]))


def _any_of(names: Iterable[str]) -> re.Pattern[str] | None:
    """Return what matches any of the names as a whole word; None without any."""
    words = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    return re.compile(rf"(?<![\w.+-])({words})(?![\w+-]|\.\w)") if words else None
