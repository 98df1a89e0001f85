"""
Atlassian Document Format: what Jira Cloud takes instead of markup. Text nodes are never parsed.

https://developer.atlassian.com/cloud/jira/platform/apis/document/structure/
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from lib.messages.linking import Piece, pieces
from lib.messages.parts import Link
from lib.models import Json
from lib.text import clean

_BLANKS: Final = re.compile(r"\s+")


def document(nodes: Iterable[Json]) -> Json:
    """Return a document; empty nodes are left out."""
    return {"version": 1, "type": "doc", "content": [node for node in nodes if node]}


def text(value: str, *marks: str, link: str | None = None) -> Json:
    """Return a text node with marks such as "strong" and "code". Jira refuses empty ones."""
    node: dict[str, Json] = {
        "type": "text",
        "text": _BLANKS.sub(" ", clean(value)) or "\N{EN DASH}",
    }
    applied: list[Json] = [{"type": mark} for mark in marks]
    if link is not None:
        applied.append({"type": "link", "attrs": {"href": link}})
    return node | {"marks": applied} if applied else node


def paragraph(*nodes: Json) -> Json:
    """Return a paragraph of text nodes."""
    return {"type": "paragraph", "content": list(nodes)}


def prose(value: str, links: Sequence[Link] = ()) -> Json:
    """Return a paragraph in which `commands` in backticks are code, and names of `links` links."""
    return paragraph(*(_piece(piece) for piece in pieces(value, links) if piece.text))


def _piece(piece: Piece) -> Json:
    marks = ["code"] if piece.is_command else []
    return text(piece.text, *marks, link=piece.link.url if piece.link is not None else None)


def heading(value: str, *, level: int = 3) -> Json:
    """Return a heading, by default of the third level, which fits inside an issue."""
    return {"type": "heading", "attrs": {"level": level}, "content": [text(value)]}


def bullets(items: Iterable[Json]) -> Json | None:
    """Return a list of paragraphs; None without any, because an empty list is not valid."""
    entries = [{"type": "listItem", "content": [item]} for item in items]
    return {"type": "bulletList", "content": entries} if entries else None


def numbered(items: Iterable[Json], start: int = 1) -> Json:
    """Return a numbered list of paragraphs; what no item can hold, such as a table, ends it."""
    entries = [{"type": "listItem", "content": [item]} for item in items]
    return {"type": "orderedList", "attrs": {"order": start}, "content": entries}


def code_block(lines: Iterable[str]) -> Json:
    """Return lines of fixed width, as they are."""
    content = {"type": "text", "text": clean("\n".join(lines)) or "\N{EN DASH}"}
    return {"type": "codeBlock", "attrs": {"language": "text"}, "content": [content]}


def panel(kind: str, *nodes: Json) -> Json:
    """Return a coloured box: "info", "note", "warning", "success" or "error"."""
    return {"type": "panel", "attrs": {"panelType": kind}, "content": list(nodes)}


def expand(title: str, *nodes: Json) -> Json:
    """
    Return blocks that are hidden until somebody opens them; only a document can hold them.

    https://developer.atlassian.com/cloud/jira/platform/apis/document/nodes/expand
    """
    return {"type": "expand", "attrs": {"title": title}, "content": list(nodes)}


def table(titles: Iterable[str], rows: Iterable[Iterable[Json]]) -> Json | None:
    """Return a table of cells, a paragraph each; None without rows."""
    body = [_row("tableCell", row) for row in rows]
    if not body:
        return None
    header = _row("tableHeader", (paragraph(text(title)) for title in titles))
    return {"type": "table", "content": [header, *body]}


def _row(kind: str, paragraphs: Iterable[Json]) -> Json:
    cells = [{"type": kind, "content": [paragraph]} for paragraph in paragraphs]
    return {"type": "tableRow", "content": cells}
