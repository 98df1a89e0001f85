"""Text from outside: cleaned of control characters, truncated, and made safe from links."""

import json
import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")

ELLIPSIS = "…"

# C0 and C1 controls, and characters that reorder or hide text (bidirectional controls, zero width,
# fillers without ink, tags, variation selectors other than that of emoji): they let one name look
# like another. Lone surrogates and noncharacters are no valid text, and receivers refuse them.
# tests/test_text.py compares this list with all characters of Unicode.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff9-\ufffb"
    "\ud800-\udfff\ufdd0-\ufdef\U00013430-\U0001345f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff"
    + "".join(f"{chr(last - 1)}{chr(last)}" for last in range(0xFFFF, 0x110000, 0x10000))
    + "]"
)
_LINE_ENDS = re.compile("\r\n|[\r\u2028\u2029]")
# The beginning of an address, and the end of a label before a markdown target.
_LINK = re.compile(r"://|\bwww\.|\bmailto:|\](?=\s*[(\[:])", re.IGNORECASE)
_LOOK_ALIKES = str.maketrans(
    {":": "\N{RATIO}", ".": "\N{ONE DOT LEADER}", "]": "\N{FULLWIDTH RIGHT SQUARE BRACKET}"}
)


def clean(text: str) -> str:
    """Remove control and invisible characters. Tabs and line feeds stay."""
    # Nearly all texts: names, versions, addresses.
    if text.isascii() and text.isprintable():
        return text
    return _UNSAFE.sub("", _LINE_ENDS.sub("\n", text))


def escaped(document: str) -> str:
    """Escape control and invisible characters in a JSON text."""
    return _UNSAFE.sub(lambda match: json.dumps(match[0])[1:-1], document)


def one_line(text: str) -> str:
    """Clean a text, and replace each run of white space with one blank."""
    if text.isascii() and text.isprintable():
        # Such a text has no other white space; most are names and versions, without any.
        return " ".join(text.split()) if " " in text else text
    return " ".join(clean(text).split())


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Return "1 alert", "2 alerts", "1,200 alerts". `plural` is for nouns without a plain s."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def truncate(text: str, limit: int) -> str:
    """Cut a text to `limit` characters, the last one an ellipsis if it was cut."""
    if len(text) <= limit:
        return text
    cut = limit - len(ELLIPSIS)
    # Never separate a base character from its combining marks.
    while cut > 0 and unicodedata.combining(text[cut]):
        cut -= 1
    return text[: max(cut, 0)].rstrip() + ELLIPSIS if limit > 0 else ""


def cut_at_word(text: str, limit: int) -> str:
    """Cut a text to `limit` characters at the end of a word, where one is near enough."""
    cut = truncate(text, limit)
    if cut == text:
        return text
    words, blank, _ = cut.rpartition(" ")
    is_near = blank and len(cut) - len(words) < limit // 4
    return f"{words.rstrip(',;:([')} {ELLIPSIS}" if is_near else cut


def short(name: str, limit: int = 100) -> str:
    """Cut a name in its middle: both ends of a path tell more than its beginning alone."""
    name = one_line(name)
    if len(name) <= limit:
        return name
    tail = (limit - len(ELLIPSIS)) * 3 // 5
    return name[: limit - len(ELLIPSIS) - tail] + ELLIPSIS + name[-tail:]


def capitalized(text: str) -> str:
    """Return a text whose first letter is a capital."""
    return text[:1].upper() + text[1:]


def sentences(*texts: str) -> str:
    """Return the texts that are not empty, with one full stop between two."""
    given = [text for text in texts if text]
    return ". ".join([*(text.removesuffix(".") for text in given[:-1]), *given[-1:]])


def unlinked(text: str) -> str:
    """
    Return a text in which receivers find no link, neither in markdown nor a bare address.

    Characters that make a link are replaced with look-alikes.
    """
    return _LINK.sub(lambda match: match[0].translate(_LOOK_ALIKES), text)


def ascii_only(text: str) -> str:
    """Return the nearest ASCII spelling, for example for the subject of an e-mail."""
    decomposed = unicodedata.normalize("NFKD", one_line(text).replace(ELLIPSIS, "..."))
    letters = "".join(character for character in decomposed if not unicodedata.combining(character))
    return letters.encode("ascii", "replace").decode("ascii")


def first(items: Sequence[T], limit: int) -> Sequence[T]:
    """Return the first items. A single one beyond the limit is shown: "1 more" takes its place."""
    return items if len(items) == limit + 1 else items[:limit]


def fitting(
    items: Sequence[T], render: Callable[[T], str], *, lines: int, characters: int
) -> list[str]:
    """Return the lines of the first items, as many as there is room for."""
    lines = len(first(items, lines))
    shown_lines: list[str] = []
    for item in items:
        line = render(item) if len(shown_lines) < lines else None
        if line is None or len(line) >= characters:
            break
        characters -= len(line) + 1
        shown_lines.append(line)
    return shown_lines
