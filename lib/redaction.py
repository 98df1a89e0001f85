"""
Redaction of secrets in texts that a receiver, or a proxy before it, sends back. Pure.

A page or a JSON document may encode a secret differently from the request: with percent signs, with
escapes of JSON, JavaScript or HTML, or with several of these. Text and secret are decoded before
they are compared, and the matching part of the original text is removed.
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
"""Shorter parts of a URL are words such as "services"; tokens of webhooks are longer."""
_CREDENTIAL: Final = 6
"""Shorter passwords would redact half of an answer and protect nothing."""
_LAYERS: Final = 4
"""How many nested encodings are decoded."""
_ESCAPE: Final = re.compile(
    r"(?P<json>\\u[0-9a-fA-F]{4}|\\u\{[0-9a-fA-F]{1,6}\}|\\x[0-9a-fA-F]{2})"
    r"|\\(?P<itself>[^0-9A-Za-z])"
    r"|(?P<percent>%[0-7][0-9a-fA-F]|%[c-fC-F][0-9a-fA-F](?:%[89abAB][0-9a-fA-F]){1,3})"
    r"|(?P<html>&#[0-9]{1,7};?|&#[xX][0-9a-fA-F]{1,6};?|&[A-Za-z][0-9A-Za-z]{1,31};)"
)


def redacted(text: str, secrets: Iterable[str]) -> str:
    """Replace each secret in a text with an ellipsis, in any encoding."""
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
    """Yield the secrets of a request: path and query of a webhook, and credentials."""
    address = urlsplit(url)
    values = (parameter.partition("=")[2] for parameter in address.query.split("&"))
    for part in (address.path, *address.path.split("/"), *values):
        if len(part) >= _SECRET_PART:
            yield part
    for name, value in headers.items():
        if name.lower() == "authorization":
            yield from (part for part in _credentials(value) if len(part) >= _CREDENTIAL)


def _credentials(header: str) -> Iterator[str]:
    """Yield the value of an Authorization header: whole, without scheme, and decoded."""
    scheme, _, credential = header.partition(" ")
    yield header
    # Padding may be encoded differently, or missing.
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
    """Positions of a decoded text, mapped to positions in its source."""

    starts: list[int]
    """Beginnings of runs of characters in the decoded text, ascending."""
    sources: list[int]
    """Beginnings of the same runs in the source."""

    def source(self, position: int) -> int:
        run = bisect_right(self.starts, position) - 1
        return self.sources[run] + position - self.starts[run]


@dataclass(frozen=True, slots=True)
class _DecodedText:
    """A fully decoded text, with the positions of its original."""

    text: str
    layers: tuple[_Layer, ...]

    def source(self, start: int, end: int) -> tuple[int, int]:
        """Return the part of the original that a part of the decoded text comes from."""
        for layer in reversed(self.layers):
            # The end is the end of the last character, whose escape may be long.
            start, end = layer.source(start), layer.source(end)
        return start, end


def _decoded(text: str) -> _DecodedText:
    layers = []
    for _ in range(_LAYERS):
        before, (text, layer) = text, _peeled(text)
        if text == before:
            break
        layers.append(layer)
    return _DecodedText(text, tuple(layers))


def _peeled(text: str) -> tuple[str, _Layer]:
    """Decode one layer of escapes."""
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
    """Return the character of an escape."""
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
