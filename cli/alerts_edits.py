"""
Edits of the suppressions in alerts.yml as text. Parts that are not edited stay unchanged.

    added      entries below those that are there
    renewed    another end or reason for one of them
    removed    some of them taken out

Each takes the text of a file and returns the new one, or raises `ConfigError`: the result is read
again, and must say what the old one said but for that change. The parser's own way of writing a
file back would lay all of it out anew.
"""

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeGuard

from ruamel.yaml import YAML
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode, SequenceNode

from cli.alerts_file import understand
from lib.core.suppressions import Suppression
from lib.errors import ConfigError

Entry = Mapping[str, str]
"""A suppression in the file, with keys in their written order."""

_KEY: Final = "suppressions"
_BY_HAND: Final = (
    "the suppressions are written in a way that this command does not change safely; nothing was "
    "changed. Edit them by hand"
)


def entry_of(suppression: Suppression) -> dict[str, str]:
    """Return a suppression as an entry of the file: its limits first, then the reason."""
    values = {
        "id": suppression.id,
        "package": suppression.package,
        "version": suppression.version,
        "purl": suppression.purl,
        "path": suppression.path,
        "repository": suppression.repository,
        "digest": suppression.digest,
        "expires": suppression.expires.isoformat(),
        "reason": suppression.reason,
    }
    return {key: value for key, value in values.items() if value is not None}


def added(text: str, entries: Sequence[Entry]) -> str:
    """Return the text with more entries at the end of the list, which is created if missing."""
    if not entries:
        return text
    return _edited(text, lambda layout: _adding(layout, entries), lambda old: [*old, *entries])


def renewed(text: str, index: int, values: Entry) -> str:
    """Return the text with other values for existing keys of an entry."""
    return _edited(
        text,
        lambda layout: _renewing(layout, index, values),
        lambda old: [
            entry | dict(values) if number == index else entry for number, entry in enumerate(old)
        ],
    )


def removed(text: str, indexes: Collection[int]) -> str:
    """
    Return the text without some entries.

    Comments within an entry go with it; those above it stay, since they may be about what follows.
    """
    if not indexes:
        return text
    return _edited(
        text,
        lambda layout: _removing(layout, sorted(indexes)),
        lambda old: [entry for number, entry in enumerate(old) if number not in indexes],
    )


# --- an edit ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Splice:
    """A part of the text, and its replacement."""

    start: int
    end: int
    new: str = ""


def _edited(
    text: str,
    splices: Callable[["_Layout"], Iterator[_Splice]],
    expected: Callable[[list[Any]], list[Any]],
) -> str:
    before = understand(text, _KEY).document
    if not isinstance(before, dict):
        raise ConfigError("this holds no configuration to which suppressions could be added")
    after = text
    for splice in sorted(splices(_layout(text)), key=lambda splice: splice.start, reverse=True):
        after = after[: splice.start] + splice.new + after[splice.end :]
    expected_document = before | {_KEY: expected(before.get(_KEY) or [])}
    try:
        done = understand(after, _KEY).document == expected_document
    except ConfigError as error:
        raise ConfigError(_BY_HAND) from error
    if not done:
        raise ConfigError(_BY_HAND)
    return after


def _adding(layout: "_Layout", entries: Sequence[Entry]) -> Iterator[_Splice]:
    if layout.value is None:
        yield _new_list(layout, entries)
    elif layout.in_brackets:
        yield _in_brackets(layout, entries)
    elif layout.entries:
        yield layout.below(layout.lines_end(len(layout.entries) - 1), _block(layout, entries))
    else:
        # An empty or missing list becomes a list of lines.
        start = end = layout.colon + 1
        if layout.value.start_mark.index < layout.value.end_mark.index:
            end = layout.value.end_mark.index
            yield _Splice(start, end)
        yield layout.below(layout.line_end(end), _block(layout, entries))


def _renewing(layout: "_Layout", index: int, values: Entry) -> Iterator[_Splice]:
    node = layout.entries[index].node
    for key, value in values.items():
        _, old = _member(node, key)
        if not isinstance(old, ScalarNode):
            raise ConfigError(_BY_HAND)
        quoted = old.style in ("'", '"') or (_in_braces(node) and not _DAY.fullmatch(value))
        new = _quoted(value) if quoted else _scalar(value)
        yield _Splice(old.start_mark.index, _end(layout.text, old), new)


def _removing(layout: "_Layout", indexes: Sequence[int]) -> Iterator[_Splice]:
    if layout.in_brackets:
        yield from _removing_in_brackets(layout, indexes)
        return
    for index in indexes:
        start, end = layout.lines_start(index), layout.lines_end(index)
        blank = _BLANK.match(layout.text, end)
        # Of two blank lines that would meet, one stays.
        if blank and _BLANK.fullmatch(layout.text, layout.line_start(start - 1), start):
            end = blank.end()
        yield _Splice(start, end)
    if len(indexes) == len(layout.entries):
        yield _Splice(layout.colon + 1, layout.colon + 1, " []")


# --- lists in brackets --------------------------------------------------------------------------


def _new_list(layout: "_Layout", entries: Sequence[Entry]) -> _Splice:
    """Return the key and its list, at the end of the file."""
    text, eol = layout.text, layout.eol
    if _in_braces(layout.root):
        first, last = layout.root.value[0][0], layout.root.value[-1][1]
        gap = text[layout.root.start_mark.index + 1 : first.start_mark.index]
        entry_texts = ", ".join(map(_braced, entries))
        end = _end(text, last)
        return _Splice(
            end, end, f",{gap if gap.isspace() else ' '}{_quoted(_KEY)}: [{entry_texts}]"
        )
    end = len(text)
    blank = "" if text.endswith(eol * 2) else eol
    lines = [f"{_KEY}:", *_block(layout, entries)]
    return layout.below(end, lines, before=blank)


def _in_brackets(layout: "_Layout", entries: Sequence[Entry]) -> _Splice:
    if not layout.entries:
        return _Splice(layout.opening, layout.opening, ", ".join(map(_braced, entries)))
    first, last = layout.entries[0], layout.entries[-1]
    gap = layout.text[layout.opening : first.start]
    lead = f",{gap if gap.isspace() else ' '}"
    return _Splice(last.end, last.end, "".join(lead + _braced(entry) for entry in entries))


def _removing_in_brackets(layout: "_Layout", indexes: Sequence[int]) -> Iterator[_Splice]:
    for index in indexes:
        start, comma = layout.entries[index].start, layout.comma_after(index)
        end = comma + 1 if comma else layout.entries[index].end
        blank, line = _BLANK.match(layout.text, end), layout.line_start(start)
        if blank and not layout.text[line:start].strip():
            start, end = line, blank.end()
        else:
            while layout.text.startswith((" ", "\t"), end):
                end += 1
        yield _Splice(start, end)
    remaining = [index for index in range(len(layout.entries)) if index not in indexes]
    if remaining and remaining[-1] < indexes[-1] and not layout.comma_after(indexes[-1]):
        # JSON has no comma after the last entry.
        comma = layout.comma_after(remaining[-1])
        yield _Splice(comma, comma + 1)


def _braced(entry: Entry) -> str:
    """Return an entry in a form that is both YAML and JSON."""
    return json.dumps(dict(entry), ensure_ascii=False)


# --- lists of lines -----------------------------------------------------------------------------

_PLAIN: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._/()+:;=%?&@'~,-]*[A-Za-z0-9._/()+'-])?")
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9][0-9A-Fa-fxo_.:+-]*")
_WORDS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
"""Texts that some readers of YAML take for another type."""


def _block(layout: "_Layout", entries: Sequence[Entry]) -> list[str]:
    """Return the lines of entries, indented like the existing ones."""
    dash, below = " " * layout.dash, " " * layout.indent
    return [
        f"{below if place else dash + '-'.ljust(len(below) - len(dash))}{key}: {_scalar(value)}"
        for entry in entries
        for place, (key, value) in enumerate(entry.items())
    ]


def _scalar(value: str) -> str:
    """Return a text as YAML: without quotes if every reader takes it for the same text."""
    if _DAY.fullmatch(value):
        return value
    safe = _PLAIN.fullmatch(value) and not _NUMBER.fullmatch(value) and ": " not in value
    return value if safe and value.lower() not in _WORDS else _quoted(value)


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


# --- the layout ---------------------------------------------------------------------------------

_BLANK: Final = re.compile(r"[ \t]*\r?\n")
_DASH: Final = re.compile(r" *-")
_COMMENT_AHEAD: Final = re.compile(r"[ \t]*(?=#)")
_COMMA: Final = re.compile(r"(?:\s|#[^\n]*)*,")


@dataclass(frozen=True, slots=True)
class _Span:
    """An entry in the text, without comments after it."""

    start: int
    end: int
    node: Node


@dataclass(frozen=True, slots=True)
class _Layout:
    """The text of a file, and the positions of its suppressions."""

    text: str
    eol: str
    root: MappingNode
    key: Node | None
    value: Node | None
    """None if the key is missing."""
    entries: tuple[_Span, ...]

    @property
    def in_brackets(self) -> bool:
        """Whether the list is written as [ … ] and stays so; an empty one may change."""
        if not _in_braces(self.value):
            return False
        inner = self.text[self.opening : self.value.end_mark.index - 1]
        return bool(_in_braces(self.root) or inner.strip())

    @property
    def opening(self) -> int:
        """The position after the opening bracket."""
        return int(self.value.start_mark.index) + 1 if self.value else 0

    @property
    def colon(self) -> int:
        """The position of the colon after the key."""
        return self.text.index(":", self.key.end_mark.index if self.key else 0)

    @property
    def dash(self) -> int:
        """The column of the dashes; in a new list, the column of other lists in the file."""
        lists = (self.value, *(value for _, value in self.root.value))
        columns = (node.start_mark.column for node in lists if _is_block_list(node))
        return next(columns, 2)

    @property
    def indent(self) -> int:
        """The column of the keys of an entry."""
        starts = (span.node.start_mark.column - self.dash for span in self.entries)
        return self.dash + next((column for column in starts if column > 1), 2)

    def line_start(self, index: int) -> int:
        """Return the beginning of a position's line."""
        return self.text.rfind("\n", 0, index) + 1

    def line_end(self, index: int) -> int:
        """Return the beginning of the next line."""
        end = self.text.find("\n", index)
        return len(self.text) if end < 0 else end + 1

    def lines_start(self, index: int) -> int:
        """Return the beginning of the line with the dash of an entry."""
        start = self.line_start(self.entries[index].start)
        while start and not _DASH.match(self.text, start):
            start = self.line_start(start - 1)
        return start

    def lines_end(self, index: int) -> int:
        """Return the end of an entry's lines, including comments with a deeper indentation."""
        end = self.line_end(self.entries[index].end)
        while (match := _COMMENT_AHEAD.match(self.text, end)) and len(match[0]) > self.dash:
            end = self.line_end(end)
        return end

    def comma_after(self, index: int) -> int:
        """Return the position of the comma after an entry; 0 without one."""
        match = _COMMA.match(self.text, self.entries[index].end)
        return match.end() - 1 if match else 0

    def below(self, end: int, lines: Sequence[str], *, before: str = "") -> _Splice:
        """Insert lines after a line."""
        lead = "" if self.text[:end].endswith("\n") else self.eol
        return _Splice(end, end, lead + before + "".join(line + self.eol for line in lines))


def _layout(text: str) -> _Layout:
    root = YAML(typ="safe", pure=True).compose(text)
    key, value = _member(root, _KEY)
    nodes = value.value if isinstance(value, SequenceNode) else ()
    return _Layout(
        text,
        "\r\n" if "\r\n" in text else "\n",
        root,
        key,
        value,
        tuple(_Span(node.start_mark.index, _end(text, node), node) for node in nodes),
    )


def _member(node: Node, name: str) -> tuple[Node | None, Node | None]:
    members = node.value if isinstance(node, MappingNode) else ()
    return next(((key, value) for key, value in members if key.value == name), (None, None))


def _is_block_list(node: Node | None) -> bool:
    return isinstance(node, SequenceNode) and not node.flow_style and bool(node.value)


def _in_braces(node: Node | None) -> TypeGuard[CollectionNode]:
    """Whether a list or mapping is written as [ … ] or { … }."""
    return isinstance(node, CollectionNode) and bool(node.flow_style)


def _end(text: str, node: Node) -> int:
    """Return the end of a node; the parser's own marks of blocks extend to the next node."""
    start, end = node.start_mark.index, node.end_mark.index
    if isinstance(node, ScalarNode):
        return len(text[:end].rstrip()) if node.style in ("|", ">") else end
    if _in_braces(node):
        return int(end)
    inner = (
        child for pair in node.value for child in (pair if isinstance(pair, tuple) else (pair,))
    )
    return max((_end(text, child) for child in inner), default=start)
