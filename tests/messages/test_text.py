"""The text of every story, kept to be read: what a person is told, whatever the receiver."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any

import pytest

from lib.messages.digest import digest_text_of
from lib.messages.parts import AlertText
from lib.messages.text import text_of
from lib.models import Notice
from tests.support import golden
from tests.support.digests import digests
from tests.support.every import every
from tests.support.notices import (
    injected,
    injected_problem,
    notices,
    quiet_notices,
    ten_thousand,
    thousands,
)
from tests.support.scenes import INJECTIONS

STORIES = {**notices(), **{f"quiet-{name}": notice for name, notice in quiet_notices().items()}}
DIGESTS = digests()
DATA = ("image", "total", "is_complete")
"""Parts of a text that nobody reads."""


def lines(name: str, value: Any, depth: int = 0) -> Iterator[str]:
    """Yield a tree of texts: one line for each leaf, whose texts are parted by a bar."""
    indent = "  " * depth
    if is_part(value) and any(is_tree(part) for _, part in parts(value)):
        yield f"{indent}{name}:"
        for part_name, part in parts(value):
            yield from lines(part_name, part, depth + 1)
    elif is_tree(value):
        yield f"{indent}{name}:"
        for part in value:
            yield from lines("-", part, depth + 1)
    elif value not in (None, "", (), {}):
        yield f"{indent}{name} {shown(value)}"


def parts(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the texts of a part by their names."""
    names = getattr(value, "_fields", None) or [field.name for field in fields(value)]
    yield from ((name, getattr(value, name)) for name in names if name not in DATA)


def is_part(value: Any) -> bool:
    """Return whether a value has named texts: a dataclass or a named tuple."""
    return is_dataclass(value) or hasattr(value, "_fields")


def is_tree(value: Any) -> bool:
    """Return whether a value has parts of its own."""
    if isinstance(value, tuple) and not is_part(value):
        return any(is_part(part) or isinstance(part, tuple) for part in value)
    return is_part(value) and any(is_tree(part) for _, part in parts(value))


def shown(value: Any) -> str:
    """Return a leaf as one line."""
    if is_part(value):
        return " | ".join(shown(part) for _, part in parts(value) if is_read(part))
    if isinstance(value, tuple):
        return "; ".join(map(shown, value))
    if isinstance(value, dict):
        return ", ".join(f"{number} {key.name}" for key, number in value.items())
    return value.name if isinstance(value, Enum) else str(value)


def is_read(value: Any) -> bool:
    """Return whether a leaf's part is a text: levels and counts stand in words beside it."""
    return not isinstance(value, Enum | bool | Mapping) and value not in (None, "", ())


def written(tree: Any) -> str:
    """Return a whole text."""
    return "".join(f"{line}\n" for name, part in parts(tree) for line in lines(name, part))


def strings(value: Any) -> Iterator[str]:
    """Yield every string of a tree."""
    if is_part(value):
        for _, part in parts(value):
            yield from strings(part)
    elif isinstance(value, tuple):
        for part in value:
            yield from strings(part)
    elif isinstance(value, str) and not isinstance(value, Enum):
        yield value


@every("story", STORIES)
def test_the_text_of_an_alert_reads_as_kept(story: str) -> None:
    """Every sentence, fact and row; receivers only lay them out."""
    golden.compare(golden.TEXTS / f"{story}.txt", written(text_of(STORIES[story])))


@pytest.mark.untraced
def test_the_text_of_a_large_alert_reads_as_kept() -> None:
    """Numbers have separators of thousands, and lists say what they leave out."""
    golden.compare(golden.TEXTS / "ten-thousand.txt", written(text_of(ten_thousand())))


@every("name", DIGESTS)
def test_the_text_of_a_digest_reads_as_kept(name: str) -> None:
    """The sums, the chart and the lists."""
    text = digest_text_of(DIGESTS[name], lines=10, characters=2_000)

    golden.compare(golden.TEXTS / f"digest-{name}.txt", written(text))


@every("story", STORIES)
def test_what_a_receiver_has_no_room_for_is_counted_by_the_text(story: str) -> None:
    """However short a list is cut, the rows and the rest are all findings."""
    text = text_of(STORIES[story], rows=50)

    for section in (*text.sections, text.open):
        for number in (0, 1, len(section.rows)):
            more = section.more(number).partition("Also open")[0]
            hidden = int(more.split()[1].replace(",", "")) if more else 0
            assert hidden + number == section.count
            if number == section.count:
                break


@every("alert", [*map(injected, INJECTIONS), *map(injected_problem, INJECTIONS)])
def test_every_text_is_clean_and_short(alert: Notice) -> None:
    """No control character, none that hides or turns text, and no endless field."""
    made = text_of(alert)
    addresses = {link.url for link in made.links}
    for text in strings(made):
        assert text.isprintable() or not any(
            ord(letter) < 32 or letter in "\u202e\u2066\u200b" for letter in text
        )
        assert len(text) <= 2_000 or text in addresses


@pytest.mark.untraced
def test_fewer_rows_change_nothing_else() -> None:
    """A receiver asks for as many as it can show; all numbers stay."""
    alert = thousands()

    few, many = text_of(alert, rows=1), text_of(alert, rows=50)

    assert [len(section.rows) for section in few.sections] == [1]
    assert few.sections[0].counts == many.sections[0].counts
    assert without_rows(few) == without_rows(many)


def without_rows(text: AlertText) -> AlertText:
    bare = replace(text.open, rows=(), packages=())
    to_do = replace(text.to_do, upgrades=(), unversioned=())
    return replace(text, sections=(), open=bare, to_do=to_do)


def test_no_change_of_the_texts_is_needed_for_json() -> None:
    """Every string can be sent."""
    for notice in STORIES.values():
        json.dumps([*strings(text_of(notice))]).encode("ascii")
