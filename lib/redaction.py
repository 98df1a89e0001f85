"""
Secrets taken out of what a receiver, or a proxy before it, repeats. Pure.

A page or a JSON document may spell a secret in another way than the request did: with percent
signs, as JSON and JavaScript escape it, as HTML does, or in several of these ways at once. Both are
decoded before they are compared, and what stands for the secret is taken out of the original text.
"""

import base64
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from html import unescape
from typing import Final
from urllib.parse import unquote, urlsplit

from lib.text import ELLIPSIS

_SECRET_PART: Final = 12
"""Shorter parts of a URL are words like "services"; the token of a webhook is longer."""
_CREDENTIAL: Final = 6
"""Shorter passwords would blank out half of an answer, and protect nothing."""
_LAYERS: Final = 4
"""Encodings within each other that are looked through."""
_ESCAPE: Final = re.compile(
    r"(?P<json>\\u[0-9a-fA-F]{4}|\\u\{[0-9a-fA-F]{1,6}\}|\\x[0-9a-fA-F]{2})"
    r"|\\(?P<itself>[^0-9A-Za-z])"
    r"|(?P<percent>%[0-7][0-9a-fA-F]|%[c-fC-F][0-9a-fA-F](?:%[89abAB][0-9a-fA-F]){1,3})"
    r"|(?P<html>&#[0-9]{1,7};?|&#[xX][0-9a-fA-F]{1,6};?|&[A-Za-z][0-9A-Za-z]{1,31};)"
)


def redacted(text: str, secrets: Iterable[str]) -> str:
    """Return a text with an ellipsis in the place of each secret, however it is spelled."""
    decoded = _decoded(text)
    spans = sorted(
        decoded.source(match.start(), match.end())
        for secret in {_decoded(secret).text for secret in secrets if secret}
        for match in re.finditer(re.escape(secret), decoded.text)
    )
    parts, done = [], 0
    for start, end in spans:
        if start >= done:
            parts += [text[done:start], ELLIPSIS]
        done = max(done, end)
    return "".join((*parts, text[done:]))


def secrets_of(url: str, headers: Mapping[str, str]) -> Iterator[str]:
    """Yield the secrets of a request: the path and query of a webhook, an account's credentials."""
    address = urlsplit(url)
    values = (parameter.partition("=")[2] for parameter in address.query.split("&"))
    for part in (address.path, *address.path.split("/"), *values):
        if len(part) >= _SECRET_PART:
            yield part
    for name, value in headers.items():
        if name.lower() == "authorization":
            yield from (part for part in _credentials(value) if len(part) >= _CREDENTIAL)


def _credentials(header: str) -> Iterator[str]:
    """Yield the value of an Authorization header, whole, without scheme, and decoded."""
    scheme, _, credential = header.partition(" ")
    yield header
    # Padding may be written in other ways, or left out.
    yield credential.rstrip("=")
    if scheme.lower() != "basic":
        return
    try:
        account = base64.b64decode(credential, validate=True).decode()
    except ValueError:
        return
    yield account
    yield account.partition(":")[2]


# --- spellings --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Layer:
    """How the positions of a decoded text lead back to those of its source."""

    starts: list[int]
    """Where each run of characters begins in the decoded text, ascending."""
    sources: list[int]
    """Where it begins in the source."""

    def source(self, position: int) -> int:
        run = bisect_right(self.starts, position) - 1
        return self.sources[run] + position - self.starts[run]


@dataclass(frozen=True, slots=True)
class _Decoded:
    """A text without any escape, and the way back to the original."""

    text: str
    layers: tuple[_Layer, ...]

    def source(self, start: int, end: int) -> tuple[int, int]:
        """Return which part of the original a part of the decoded text stands for."""
        for layer in reversed(self.layers):
            # The end is that of the last character, whose escape may be long.
            start, end = layer.source(start), layer.source(end)
        return start, end


def _decoded(text: str) -> _Decoded:
    layers = []
    for _ in range(_LAYERS):
        before, (text, layer) = text, _peeled(text)
        if text == before:
            break
        layers.append(layer)
    return _Decoded(text, tuple(layers))


def _peeled(text: str) -> tuple[str, _Layer]:
    """Return a text with one layer of escapes taken off."""
    parts, starts, sources = [], [0], [0]
    length = done = 0
    for match in _ESCAPE.finditer(text):
        plain = _plain(match)
        parts += [text[done : match.start()], plain]
        length += match.start() - done
        starts += [length, length + len(plain)]
        sources += [match.start(), match.end()]
        length, done = length + len(plain), match.end()
    return "".join((*parts, text[done:])), _Layer(starts, sources)


def _plain(match: re.Match[str]) -> str:
    """Return the character that an escape stands for."""
    escape = match[0]
    match match.lastgroup:
        case "json":
            return chr(min(int(escape[2:].strip("{}"), 16), 0x10FFFF))
        case "itself":
            return match["itself"]
        case "percent":
            return unquote(escape)
        case _:
            return unescape(escape)
