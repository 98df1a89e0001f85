"""Redriving: the choice of entries, and a pace that their receivers accept."""

import argparse
from collections.abc import Callable
from typing import Final

from lib.errors import DocumentError

Pause = Callable[[float], None]

_RATE: Final = 10


def add_redrive_options(parser: argparse.ArgumentParser, one: str, every: str) -> None:
    """Declare ids, --all and --rate."""
    parser.add_argument("ids", nargs="*", metavar="ID", help=f"the id of {one}")
    parser.add_argument("--all", action="store_true", help=f"redrive {every}")
    parser.add_argument(
        "--rate",
        metavar="N",
        type=_rate,
        default=_RATE,
        help=f"maximum redrives per second (default {_RATE})",
    )


def check_redrive_options(options: argparse.Namespace, lister: str) -> None:
    """Refuse neither ids nor --all, or both. Raises `DocumentError`."""
    if bool(options.ids) == options.all:
        raise DocumentError(f"redrive takes ids, as `{lister}` prints them, or --all")


def _rate(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("takes a whole number above zero")
    return int(text)
