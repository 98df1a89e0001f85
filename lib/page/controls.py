"""The filter of the table: only what tells rows apart has a control, or a column. Pure."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Final

from lib.messages.inventory import (
    UNKNOWN,
    exploit_level,
    exploit_word,
    fix_word,
    has_fix,
    is_of_hosts,
)
from lib.messages.phrases import severity_name
from lib.messages.titles import NOT_NAMED
from lib.page.findings import Row
from lib.page.markup import Markup, element

_BOXES: Final[tuple[tuple[str, str, Callable[[Row], bool]], ...]] = (
    ("open", "open", lambda row: row.is_counted),
    ("fixable", "with a fix", lambda row: has_fix(row.findings)),
    ("hosts", "in the kernel: check the hosts", lambda row: is_of_hosts(row.findings)),
    ("exploit", "with an exploit", lambda row: exploit_level(row.findings) > 0),
)
"""Name, label and condition of each box."""


def controls(all_rows: Sequence[Row], noun: str) -> Markup:
    """Return the filter; it appears with the script that serves it."""
    return element(
        "form",
        _search(),
        _severities(all_rows),
        _boxes(all_rows),
        _changes(all_rows),
        element("button", "Reset", type="reset"),
        id="controls",
        role="search",
        aria_label=f"Filter the {noun}",
        hidden=True,
    )


def silent_columns(all_rows: Sequence[Row], pushed: datetime | None) -> str:
    """
    Return the classes that hide each column in which no row says anything of its own.

    `pushed`: when the image was; a scanner that knows all of them since that day says no more.
    """
    days = {row.since.date() if row.since is not None else None for row in all_rows}
    silent = {
        "no-fix": all(fix_word(row.findings) in ("", NOT_NAMED) for row in all_rows),
        "no-exploit": all(exploit_word(row.findings) in ("", UNKNOWN) for row in all_rows),
        "no-change": len({row.change for row in all_rows}) <= 1,
        "no-since": pushed is not None and days == {pushed.date()},
    }
    return " ".join(name for name, is_silent in silent.items() if is_silent)


def _search() -> Markup:
    field = element(
        "input",
        type="search",
        id="search",
        autocomplete="off",
        placeholder="id, package, path or text",
    )
    return element("label", "Search", field, class_="search")


def _severities(all_rows: Sequence[Row]) -> Markup | None:
    severities = {row.severity for row in all_rows}
    if len(severities) <= 1:
        return None
    boxes = (
        element(
            "label",
            element("input", type="checkbox", name="severity", value=severity.value, checked=True),
            severity_name(severity).capitalize(),
        )
        for severity in sorted(severities, reverse=True)
    )
    return element("fieldset", element("legend", "Severity"), boxes)


def _boxes(all_rows: Sequence[Row]) -> Markup | None:
    boxes = [
        element("label", element("input", type="checkbox", id=name), label)
        for name, label, has_it in _BOXES
        if len({has_it(row) for row in all_rows}) > 1
    ]
    return element("fieldset", element("legend", "Only"), boxes) if boxes else None


def _changes(all_rows: Sequence[Row]) -> Markup | None:
    changes = sorted({row.change for row in all_rows})
    if len(changes) <= 1:
        return None
    return element("label", "Change", element("select", _options(changes), id="change"))


def _options(changes: Sequence[str]) -> Iterator[Markup]:
    yield element("option", "any change", value="")
    for change in changes:
        yield element("option", change, value=change)
