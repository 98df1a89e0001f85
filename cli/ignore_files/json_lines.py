"""A JSON document with the lines on which the items of one of its lists begin."""

import json
import re
from types import MappingProxyType
from typing import Any, Final

from cli.alerts_file import AlertsFile
from lib.config.problems import ConfigPath
from lib.errors import DocumentError

_BLANKS: Final = re.compile(r"[ \t\r\n]*")


def read_json(text: str, name: str, items: str) -> AlertsFile:
    """
    Parse a document; the items of the list under the key `items` have their lines.

    Raises `DocumentError` with file and line for what is not JSON, and for keys that stand twice:
    one of the two would count and nobody would see which.
    """
    try:
        document = json.loads(text, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        raise DocumentError(f"{name}:{error.lineno}: this is not JSON: {error.msg}") from error
    except DocumentError as error:
        raise DocumentError(f"{name}: {error}") from error
    except RecursionError:
        raise DocumentError(f"{name}: this is nested too deeply") from None
    lines = _lines(text, items) if isinstance(document, dict) else {}
    return AlertsFile(name, document, MappingProxyType(lines))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise DocumentError(f"the key {twice} stands twice in one place; remove one of them")
    return document


def _lines(text: str, items: str) -> dict[ConfigPath, int]:
    """Go through the values of the document, which is known to be an object, one by one."""
    decoder = json.JSONDecoder()
    lines: dict[ConfigPath, int] = {}
    index = _next(text, 0) + 1
    while text[index := _next(text, index)] != "}":
        key, index = decoder.raw_decode(text, index)
        index = _next(text, _next(text, index) + 1)
        lines[key,] = text.count("\n", 0, index) + 1
        if key == items and text[index] == "[":
            index = _item_lines(text, index, key, lines)
        else:
            _, index = decoder.raw_decode(text, index)
        index = _after_comma(text, index)
    return lines


def _item_lines(text: str, start: int, key: str, lines: dict[ConfigPath, int]) -> int:
    decoder = json.JSONDecoder()
    line, counted, index, number = lines[key,], start, start + 1, 0
    while text[index := _next(text, index)] != "]":
        line, counted = line + text.count("\n", counted, index), index
        lines[key, number] = line
        number += 1
        _, index = decoder.raw_decode(text, index)
        index = _after_comma(text, index)
    return index + 1


def _next(text: str, index: int) -> int:
    match = _BLANKS.match(text, index)
    return match.end() if match else index


def _after_comma(text: str, index: int) -> int:
    index = _next(text, index)
    return index + 1 if text[index] == "," else index
