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
from lib.normalizer.file_kinds import binary_kind
from lib.text import counted

_GZIP: Final = b"\x1f\x8b"
_BASE64: Final = re.compile(r"[A-Za-z0-9+/\r\n]{16,}={0,2}\s*", re.ASCII)
_LAYERS: Final = 2
"""How often a file is decompressed: uploads of files that are compressed already do it twice."""
_BLANK: Final = re.compile(r"[\s,\x1e\ufeff]*")
"""What stands between two values; the record separator is that of RFC 7464."""
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:", re.ASCII)
"""The beginning of a line of a log."""
_SHOWN: Final = 40


def text_of(content: bytes, *, limit: int) -> str:
    """
    Return the text of a file: decompressed, decoded, without byte order marks.

    `limit`: the bytes that a compressed file may have in full. Raises `DocumentError` for what is
    no text, by its name.
    """
    for _ in range(_LAYERS):
        if content.startswith(_GZIP):
            content = _inflated(content, limit)
    kind = binary_kind(content)
    if kind is not None:
        raise DocumentError(kind)
    try:
        text = content.decode(json.detect_encoding(content))
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise DocumentError(f"this is not text in UTF-8: see line {line}") from error
    return text.removeprefix("\ufeff")


def values_in(text: str) -> tuple[Any, ...]:
    """
    Return the JSON values of a text, in their order.

    Raises `DocumentError` for what is no JSON, with the place, and `RecursionError` for what is
    nested too deeply.
    """
    try:
        return (json.loads(text),)
    except ValueError as error:
        return tuple(_several(text, error))


def value_in(text: str, *, limit: int) -> Any:
    """
    Return the JSON value that a text holds, bare or as Base64, compressed or not.

    A text that holds none is returned as it is.
    """
    start = text.lstrip()[:1]
    if start in ("{", "["):
        return _parsed(text)
    if start == '"':
        inside = _parsed(text)
        return (
            value_in(inside, limit=limit) if isinstance(inside, str) and inside != text else inside
        )
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
    """
    Return the object at the end of a line of a log, and where the line ends.

    Without an object: the line itself where it begins with a time, else None.
    """
    end = text.find("\n", position)
    end = len(text) if end < 0 else end
    start = text.find("{", position, end)
    try:
        value = json.loads(text[start:end]) if start >= 0 else None
    except ValueError:
        value = None
    if value is None and _TIME.match(text, position):
        value = text[position:end]
    return value, position if value is None else end


def _failure(text: str, position: int, number: int, failure: ValueError) -> str:
    if isinstance(failure, json.JSONDecodeError) and _is_cut(failure):
        reason = f"the JSON is cut: it ends inside of a value, in line {failure.lineno}"
    else:
        reason = f"not JSON: {failure}"
    if not number:
        return reason
    line = text.count("\n", 0, position) + 1
    shown = text[position : position + _SHOWN].split("\n", 1)[0]
    before = counted(number, "value", "values")
    return f"line {line}, after {before}: {reason}: {shown!r}; nothing of the file was read"


def _is_cut(failure: json.JSONDecodeError) -> bool:
    """Whether the text ends where a value goes on."""
    at_end = failure.pos >= len(failure.doc.rstrip())
    return bool(failure.doc.strip()) and (at_end or failure.msg.startswith("Unterminated string"))


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
