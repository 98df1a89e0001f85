"""
A file as people keep it, as one JSON value. Pure.

JSON in any encoding, lines or runs of it, gzip, Base64, the export of Inspector as CSV, and CSV of
logs with JSON in its cells. Anything else is refused by what it is.
"""

import csv
from collections.abc import Sequence
from io import StringIO
from typing import Any, Final

from lib.errors import DocumentError
from lib.normalizer.contents import text_of, value_in, values_in
from lib.normalizer.file_kinds import text_kind
from lib.normalizer.inspector_csv import is_export, rows_of_export

_JSON: Final = ("{", "[")


def document_of_file(content: bytes, *, limit: int) -> Any:
    """
    Return the value of a file; several values become a list.

    `limit`: the bytes that a compressed file may have in full. Raises `DocumentError` that says
    what the file is instead, or where its JSON is broken.
    """
    text = text_of(content, limit=limit)
    if is_export(text):
        return {"findings": rows_of_export(text)}
    try:
        values: Sequence[Any] = values_in(text)
    except DocumentError as error:
        values = _decoded(text, limit) or _cells(text)
        if not values:
            raise DocumentError(text_kind(text) or str(error)) from error
    return values[0] if len(values) == 1 else list(values)


def _decoded(text: str, limit: int) -> list[Any]:
    """Return the value in Base64, or those of lines; empty where a line is something else."""
    whole = value_in(text, limit=limit)
    if not isinstance(whole, str):
        return [whole]
    values = [value_in(line, limit=limit) for line in text.split()]
    return [] if any(isinstance(value, str) for value in values) else values


def _cells(text: str) -> list[Any]:
    """Return the rows of CSV in which a cell holds JSON; empty for anything else."""
    head = text.split("\n", 1)[0]
    if "," not in head or head.lstrip().startswith(_JSON):
        return []
    try:
        rows = list(csv.DictReader(StringIO(text, newline=""), strict=True))
    except csv.Error:
        return []
    return rows if any(_holds_json(cell) for row in rows for cell in row.values()) else []


def _holds_json(cell: Any) -> bool:
    return isinstance(cell, str) and cell.lstrip().startswith(_JSON)
