"""The links in a step: vulnerabilities that it names, with the pages about their fixes. Pure."""

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from lib.messages.parts import Link
from lib.messages.titles import FULL_REPORT

_NAME: Final = re.compile(rf"({FULL_REPORT}|CVE-\d{{4}}-\d{{4,19}})", re.ASCII)
_COMMANDS: Final = 5
"""Commands in one step; further backticks are text."""


class Piece(NamedTuple):
    """A part of a step: a command, a name with a link, or words."""

    text: str
    is_command: bool = False
    link: Link | None = None


def pieces(step: str, links: Sequence[Link] = ()) -> Iterator[Piece]:
    """Yield a step in parts; commands in it stand in backticks."""
    pages = {link.name: link for link in links}
    for place, part in enumerate(step.split("`", 2 * _COMMANDS)):
        if place % 2:
            yield Piece(part, is_command=True)
            continue
        for words in filter(None, _NAME.split(part)):
            yield Piece(words, link=pages.get(words))
