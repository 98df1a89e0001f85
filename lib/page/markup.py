"""HTML from parts: whatever is not markup already is text, and stays it."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from lib.text import clean

_VOID: Final = frozenset({"br", "col", "hr", "input", "link", "meta"})


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


Node = str | None | Iterable["Node"]
"""Text, markup, nothing, or several of them."""


def element(tag: str, *children: Node, **attributes: str | int | None) -> Markup:
    """
    Return an element. Attributes that are None or False are left out, True ones stand alone.

    Names lose a final underscore, and the others become hyphens: `class_`, `aria_label`.
    """
    named = "".join(_attribute(name, value) for name, value in attributes.items())
    if tag in _VOID:
        return Markup(f"<{tag}{named}>")
    return Markup(f"<{tag}{named}>{joined(children)}</{tag}>")


def joined(nodes: Iterable[Node]) -> Markup:
    """Return nodes one after the other."""
    return Markup("".join(map(_node, nodes)))


def _node(node: Node) -> str:
    if node is None:
        return ""
    if isinstance(node, Markup):
        return node
    if isinstance(node, str):
        return escape(clean(node))
    return joined(node)


def _attribute(name: str, value: str | int | None) -> str:
    if value is None or value is False:
        return ""
    name = name.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(clean(str(value)))}"'


def titled_section(name: str, title: str, *children: Node) -> Markup:
    """Return a section with its heading, which names it for readers of screens."""
    heading = f"{name}-title"
    return element(
        "section", element("h2", title, id=heading), *children, id=name, aria_labelledby=heading
    )


def scrolling_table(caption: str, titles: Sequence[str], rows: Iterable[Markup]) -> Markup:
    """Return a table in a section that scrolls sideways where it is wider than the page."""
    head = element("thead", element("tr", [element("th", title, scope="col") for title in titles]))
    table = element(
        "table", element("caption", caption, class_="hidden"), head, element("tbody", rows)
    )
    # What scrolls must be reachable by keyboard.
    return element("section", table, class_="wide", tabindex=0, aria_label=f"Table: {caption}")


def number_more(number: int) -> Markup | None:
    """Return how many rows a list has no room for; None for none."""
    return element("p", f"and {number:,} more", class_="quiet") if number > 0 else None
