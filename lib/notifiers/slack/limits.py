"""The limits of a message in Slack, and how much of each a message uses. Pure."""

from collections.abc import Sequence
from typing import Final

from lib.models import Json, Usage

# https://docs.slack.dev/reference/block-kit/blocks
MAX_BLOCKS: Final = 50
MAX_SECTION: Final = 3000
MAX_HEADER: Final = 150
MAX_CHARACTERS: Final = 10_000
"""Slack refuses about 13,200 in all ("msg_blocks_too_long", not documented); this is well below."""


def usage(message: Json, *, of: str = "") -> tuple[Usage, ...]:
    """Return how much of each of Slack's limits a message uses."""
    blocks = message.get("blocks", [])
    return (
        Usage(f"characters{of}", _characters([message["text"], blocks]), MAX_CHARACTERS),
        Usage(f"blocks{of}", len(blocks), MAX_BLOCKS),
        Usage(f"characters of the longest section{of}", _longest(blocks), MAX_SECTION),
    )


def _longest(blocks: Sequence[Json]) -> int:
    return max((len(block["text"]["text"]) for block in blocks if "text" in block), default=0)


def _characters(value: Json) -> int:
    """Count every character of text, wherever it stands."""
    match value:
        case str():
            return len(value)
        case dict():
            return sum(map(_characters, value.values()))
        case list():
            return sum(map(_characters, value))
        case _:
            return 0
