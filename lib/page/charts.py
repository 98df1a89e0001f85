"""The chart of a stream as inline SVG, with its legend. Pure."""

from collections.abc import Sequence
from typing import Final

from lib.messages.phrases import severity_name
from lib.models import Severity
from lib.models.streams import HistoryPoint
from lib.page.markup import Markup, Node, element
from lib.text import one_line, truncate

MOST_COLUMNS: Final = 30
"""More columns than this are too narrow to tell apart: the newest versions are drawn."""
NO_RESULT: Final = "?"
_FEWEST: Final = 6
"""Columns that there is room for, however few there are."""
_WIDTH: Final = 640
_HEIGHT: Final = 170
_BASE: Final = 128
_TOP: Final = 16
_SIDE: Final = 44
_LETTER: Final = 8
"""The width of a letter, at most."""
_LABEL: Final = 72
"""The room that the name of a release takes at least."""


def history(points: Sequence[HistoryPoint], *, with_suppressed: bool = False) -> list[Markup]:
    """Return a stacked column for each version, with a legend; one without a result is a mark."""
    shown = points[-MOST_COLUMNS:]
    most = max((_total(point) for point in shown), default=0) or 1
    step = (_WIDTH - _SIDE) / max(len(shown), _FEWEST)
    columns = []
    for place, point in enumerate(shown):
        left = round(_SIDE + place * step + step * 0.15, 1)
        columns.append(_column(point, left, round(step * 0.7, 1), most))
    scale = [
        element("line", x1=_SIDE, x2=_WIDTH, y1=_BASE, y2=_BASE, class_="axis"),
        element("line", x1=_SIDE, x2=_WIDTH, y1=_TOP, y2=_TOP, class_="grid"),
        element("text", f"{most:,}", x=_SIDE - 6, y=_TOP + 4, class_="label end"),
        element("text", "0", x=_SIDE - 6, y=_BASE + 4, class_="label end"),
    ]
    chart = element(
        "svg",
        element("title", "What was open in each release; the table has the numbers"),
        scale,
        columns,
        _names(shown, step),
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        role="img",
        class_="chart",
    )
    keys = _legend(shown)
    if with_suppressed:
        keys.append(element("span", "accepted ones included"))
    # What scrolls must be reachable by keyboard.
    scrolling = element("section", chart, class_="wide", tabindex=0, aria_label="Chart")
    return [element("p", keys, class_="quiet legend"), scrolling]


def _legend(shown: Sequence[HistoryPoint]) -> list[Node]:
    """Return what the colours mean, and what is not drawn."""
    drawn = {severity for point in shown for severity, number in _rated(point) if number}
    keys: list[Node] = [
        element("span", severity_name(severity), class_=f"key edge-{severity.name.lower()}")
        for severity in sorted(drawn, reverse=True)
    ]
    if any(point.open.get(Severity.UNKNOWN) for point in shown if point.scanned):
        keys.append(element("span", "unrated not drawn"))
    if not all(point.scanned for point in shown):
        keys.append(element("span", f"{NO_RESULT} no scan result"))
    return keys


def _column(point: HistoryPoint, left: float, width: float, most: int) -> Markup:
    name = point.image.name if point.image is not None else ""
    said = f"{point.at:%Y-%m-%d %H:%M} {name}"
    if not point.scanned:
        x = str(round(left + width / 2, 1))
        mark = element("text", NO_RESULT, x=x, y=_BASE - 6, class_="label middle")
        return element("g", element("title", f"{said}: no result"), mark)
    bottom = float(_BASE)
    parts = []
    for severity, number in _rated(point):
        height = (_BASE - _TOP) * number / most
        bottom -= height
        parts.append(
            element(
                "rect",
                x=str(left),
                y=f"{bottom:.1f}",
                width=str(width),
                height=f"{height:.1f}",
                class_=f"fill-{severity.name.lower()}",
            )
        )
    return element("g", element("title", f"{said}: {_total(point)} open"), parts)


def _names(shown: Sequence[HistoryPoint], step: float) -> list[Markup]:
    """Return the release and the day of each column; of narrow columns those that fit."""
    every = -(-_LABEL // int(step))
    room = int(step * every / _LETTER)
    last = len(shown) - 1
    named = [(place, point) for place, point in enumerate(shown) if not (last - place) % every]
    return [
        element(
            "text",
            text,
            x=str(round(_SIDE + (place + 0.5) * step, 1)),
            y=y,
            class_="label middle",
        )
        for place, point in named
        for text, y in ((_name(point, room), _BASE + 18), (f"{point.at:%d %b}", _BASE + 34))
        if text
    ]


def _name(point: HistoryPoint, room: int) -> str:
    """Return the tag of the image at a point; empty where it has none."""
    tags = point.image.tags if point.image is not None else ()
    return truncate(one_line(tags[0]), room) if tags else ""


def _rated(point: HistoryPoint) -> list[tuple[Severity, int]]:
    """Return the numbers that make a column: what is not rated yet would drown the others."""
    return [item for item in point.open.items() if item[0] is not Severity.UNKNOWN]


def _total(point: HistoryPoint) -> int:
    return sum(number for _, number in _rated(point))
