"""Whether two globs have a name in common. Pure."""

import string
from collections.abc import Iterable
from fnmatch import fnmatchcase
from itertools import product
from typing import Final

_ANY: Final = "*"
_ALPHABET: Final = frozenset(string.ascii_letters + string.digits + "._-/")
"""What tags and names of repositories, accounts and regions are made of."""

_Tokens = tuple[frozenset[str] | None, ...]
"""For each place the characters that it accepts; None for `*`."""


def overlap(first: Iterable[str], second: Iterable[str]) -> bool:
    """Return whether one name could match a glob of both lists, in the way of `fnmatchcase`."""
    pairs = product(map(_tokens, first), map(_tokens, list(second)))
    return any(_meet(mine, theirs) for mine, theirs in pairs)


def _meet(first: _Tokens, second: _Tokens) -> bool:
    """
    Follow both globs at once, from every pair of places that a common beginning can lead to.

    The effort is the product of their lengths.
    """
    open_places, seen = [(0, 0)], {(0, 0)}
    while open_places:
        place = open_places.pop()
        if place == (len(first), len(second)):
            return True
        following = _next_places(first, second, *place) - seen
        seen |= following
        open_places += following
    return False


def _next_places(first: _Tokens, second: _Tokens, i: int, j: int) -> set[tuple[int, int]]:
    mine, theirs = _at(first, i), _at(second, j)
    places = set()
    if mine is None:
        places.add((i + 1, j))
        if theirs:
            places.add((i, j + 1))
    if theirs is None:
        places.add((i, j + 1))
        if mine:
            places.add((i + 1, j))
    if mine is not None and theirs is not None and mine & theirs:
        places.add((i + 1, j + 1))
    return places


def _at(tokens: _Tokens, place: int) -> frozenset[str] | None:
    """Return what is accepted at a place: nothing after the end."""
    return tokens[place] if place < len(tokens) else frozenset()


def _tokens(glob: str) -> _Tokens:
    tokens: list[frozenset[str] | None] = []
    rest = glob
    while rest:
        length = _length(rest)
        token, rest = rest[:length], rest[length:]
        tokens.append(None if token == _ANY else _accepted(token))
    return tuple(tokens)


def _length(glob: str) -> int:
    """Return how long the first token is: a set in brackets, else one character."""
    if not glob.startswith("["):
        return 1
    # A bracket that follows the opening one, or its "!", stands for itself.
    start = 3 if glob.startswith("[!") else 2
    return glob.find("]", start) + 1 or 1


def _accepted(token: str) -> frozenset[str]:
    return frozenset(character for character in _ALPHABET if fnmatchcase(character, token))
