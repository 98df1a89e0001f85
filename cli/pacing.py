"""How fast many things are sent again: as fast as their receivers can take them."""

import argparse
from collections.abc import Callable
from typing import Final

Pause = Callable[[float], None]

_RATE: Final = 10


def add_rate_option(parser: argparse.ArgumentParser) -> None:
    """Declare --rate."""
    parser.add_argument(
        "--rate",
        metavar="N",
        type=_rate,
        default=_RATE,
        help=f"redrive at most so many a second (default {_RATE})",
    )


def _rate(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("takes a whole number above zero")
    return int(text)
