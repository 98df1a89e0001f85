"""
A validator for the Atlassian Document Format.

https://developer.atlassian.com/cloud/jira/platform/apis/document/structure/
"""

import json
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from local.standins.wire import Json

LIMIT: Final = 32_767
"""Maximum characters of a description or comment. Here its JSON is counted, which is longer."""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_BLOCKS: Final = _names(
    "paragraph heading bulletList orderedList codeBlock blockquote panel rule table expand"
    " mediaGroup mediaSingle taskList decisionList blockCard"
)
_INLINE: Final = _names("text hardBreak mention emoji date status inlineCard")
_NESTED: Final = _names("paragraph bulletList orderedList codeBlock mediaGroup mediaSingle")
_CELL: Final = _BLOCKS - {"table", "expand"} | {"nestedExpand"}

CHILDREN: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "doc": _BLOCKS,
        "paragraph": _INLINE,
        "heading": _INLINE,
        "codeBlock": _names("text"),
        "bulletList": _names("listItem"),
        "orderedList": _names("listItem"),
        "listItem": _NESTED | {"taskList"},
        "blockquote": _NESTED,
        "panel": _NESTED | {"heading", "rule", "taskList", "decisionList", "blockCard"},
        "expand": _BLOCKS - {"expand"} | {"nestedExpand"},
        "nestedExpand": _NESTED | {"heading", "panel", "blockquote", "rule"},
        "table": _names("tableRow"),
        "tableRow": _names("tableCell tableHeader"),
        "tableCell": _CELL,
        "tableHeader": _CELL,
        "taskList": _names("taskItem taskList"),
        "taskItem": _INLINE,
        "decisionList": _names("decisionItem"),
        "decisionItem": _INLINE,
        "mediaGroup": _names("media"),
        "mediaSingle": _names("media caption"),
        "caption": _INLINE,
        **dict.fromkeys(
            _names("text hardBreak mention emoji date status inlineCard blockCard rule media"),
            _names(""),
        ),
    }
)
"""Allowed child nodes by type of node."""

_MARKS: Final = _names(
    "strong em code link strike underline subsup textColor backgroundColor border"
)
_WITH_CODE: Final = _names("code link")
_REQUIRED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "heading": "level",
        "panel": "panelType",
        "emoji": "shortName",
        "mention": "id",
        "date": "timestamp",
        "status": "text",
        "media": "id",
    }
)
_HEADING_LEVELS: Final = range(1, 7)


def length(document: Json) -> int:
    """Return the number of characters in a document's JSON."""
    return len(json.dumps(document, ensure_ascii=False, separators=(",", ":")))


def problems(document: Json) -> Iterator[str]:
    """Yield the errors of a document, in reading order."""
    if not isinstance(document, dict) or document.get("type") != "doc":
        yield "not an Atlassian document: an object of type doc is needed"
    elif document.get("version") != 1:
        yield "version has to be 1"
    elif not isinstance(document.get("content"), list):
        yield "content is not a list"
    else:
        yield from _node(document, "doc")


def _node(node: dict[str, Json], where: str) -> Iterator[str]:
    kind = node["type"]
    if kind == "text":
        yield from _text(node, where)
    required = _REQUIRED.get(kind)
    attributes = node.get("attrs") or {}
    if required is not None and not attributes.get(required):
        yield f"{where}.attrs.{required} is missing"
    if kind == "heading" and attributes.get("level") not in _HEADING_LEVELS:
        yield f"{where}.attrs.level: 1 to 6 are allowed"
    if kind == "codeBlock" and any(child.get("marks") for child in node.get("content") or []):
        yield f"{where}: no marks inside a code block"
    yield from _children(node, where)


def _children(node: dict[str, Json], where: str) -> Iterator[str]:
    children = node.get("content")
    allowed = CHILDREN[node["type"]]
    if children is None:
        return
    if not isinstance(children, list):
        yield f"{where}.content is not a list"
        return
    for number, child in enumerate(children):
        here = f"{where}.content[{number}]"
        kind = child.get("type") if isinstance(child, dict) else None
        if kind not in allowed:
            yield f"{here}: {kind} may not stand in {node['type']}"
        else:
            yield from _node(child, here)


def _text(node: dict[str, Json], where: str) -> Iterator[str]:
    if not isinstance(node.get("text"), str) or not node["text"]:
        yield f"{where}.text is empty"
    marks = [mark.get("type") for mark in node.get("marks") or []]
    for mark in marks:
        if mark not in _MARKS:
            yield f"{where}: unknown mark {mark}"
    if "code" in marks and not _WITH_CODE.issuperset(marks):
        yield f"{where}: code goes with link only"
    for mark in node.get("marks") or []:
        if mark.get("type") == "link" and not (mark.get("attrs") or {}).get("href"):
            yield f"{where}: a link without href"
