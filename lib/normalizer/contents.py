"""
JSON values in what people keep: one document, lines, objects run together, gzip, Base64. Pure.

Firehose writes objects one after the other without a line break, CloudWatch Logs hands out gzip in
Base64, and archives of EventBridge are lines.
"""

import base64
import binascii
import json
import re
import zlib
from collections.abc import Iterator
from typing import Any, Final

from lib.errors import DocumentError

_GZIP: Final = b"\x1f\x8b"
_BASE64: Final = re.compile(r"[A-Za-z0-9+/\r\n]{16,}={0,2}\s*", re.ASCII)
_BLANK: Final = re.compile(r"[\s,\x1e]*")
"""What stands between two values; the record separator is that of RFC 7464."""
_SHOWN: Final = 40


def values_of(content: bytes, *, limit: int) -> tuple[Any, ...]:
    """
    Return the JSON values of a file, in their order.

    `limit`: the bytes that a compressed file may have in full. Raises `DocumentError` for what is
    no JSON, with the place, and `RecursionError` for what is nested too deeply.
    """
    if content.startswith(_GZIP):
        content = _inflated(content, limit)
    try:
        text = content.decode(json.detect_encoding(content))
    except UnicodeDecodeError as error:
        raise DocumentError("this is not text in UTF-8") from error
    try:
        return (json.loads(text.removeprefix("\ufeff")),)
    except ValueError as error:
        return tuple(_several(text.removeprefix("\ufeff"), error))


def value_in(text: str, *, limit: int) -> Any:
    """
    Return the JSON value that a text holds, bare or as Base64, compressed or not.

    A text that holds none is returned as it is.
    """
    start = text.lstrip()[:1]
    if start in ("{", "["):
        return _parsed(text)
    if not _BASE64.fullmatch(text):
        return text
    try:
        content = base64.b64decode(text)
    except (ValueError, binascii.Error):
        return text
    try:
        content = _inflated(content, limit) if content.startswith(_GZIP) else content
        inner = content.decode("utf-8")
    except (DocumentError, UnicodeDecodeError):
        return text
    values = _parsed(inner) if inner.lstrip()[:1] in ("{", "[") else text
    return text if isinstance(values, str) else values


def _parsed(text: str) -> Any:
    """Return a value, or a list where there are several; text that holds none as it is."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return list(_several(text, ValueError()))
    except (DocumentError, RecursionError):
        return text


def _several(text: str, error: ValueError) -> Iterator[Any]:
    """Yield the values of a text that is not one document. `error`: why it is not."""
    decoder, position, number = json.JSONDecoder(), _blank(text, 0), 0
    while position < len(text):
        failure: ValueError | None = None
        value, end = None, position
        try:
            value, end = decoder.raw_decode(text, position)
        except ValueError as problem:
            failure = problem
        # The time at the beginning of a log line can be read as a number.
        if not isinstance(value, dict | list):
            value, end = _at_the_end_of_its_line(text, position)
        if value is None:
            raise DocumentError(_failure(text, position, number, failure or error))
        number += 1
        yield value
        position = _blank(text, end)
    if not number:
        raise DocumentError(f"not JSON: {error}")


def _at_the_end_of_its_line(text: str, position: int) -> tuple[Any, int]:
    """Return the object at the end of a line of a log, and where the line ends; None: no object."""
    end = text.find("\n", position)
    end = len(text) if end < 0 else end
    start = text.find("{", position, end)
    if start < 0:
        return None, position
    try:
        return json.loads(text[start:end]), end
    except ValueError:
        return None, position


def _failure(text: str, position: int, number: int, failure: ValueError) -> str:
    if not number:
        return f"not JSON: {failure}"
    line = text.count("\n", 0, position) + 1
    shown = text[position : position + _SHOWN].split("\n", 1)[0]
    return f"not JSON: line {line}, after {number} values: {failure}: {shown!r}"


def _blank(text: str, position: int) -> int:
    """Return where the next value begins."""
    match = _BLANK.match(text, position)
    return match.end() if match is not None else position


def _inflated(content: bytes, limit: int) -> bytes:
    """Return the content of gzip files, one after the other. Raises `DocumentError`."""
    whole, rest = bytearray(), content
    while rest.startswith(_GZIP):
        inflater = zlib.decompressobj(wbits=31)
        try:
            whole += inflater.decompress(rest, limit + 1 - len(whole))
        except zlib.error as error:
            raise DocumentError(f"this is not gzip: {error}") from error
        if len(whole) > limit:
            raise DocumentError(f"it is too large: at most {limit // 1024**2} MiB; split it")
        if not inflater.eof:
            raise DocumentError("this gzip file is cut")
        rest = inflater.unused_data
    return bytes(whole)
