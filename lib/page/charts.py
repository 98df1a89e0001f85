"""The chart of a stream as inline SVG. Pure."""

from collections.abc import Sequence
from typing import Final

from lib.models import Severity
from lib.models.streams import HistoryPoint
from lib.page.markup import Markup, element
from lib.text import one_line, truncate

MOST_COLUMNS: Final = 30
"""More columns than this are too narrow to tell apart: the newest versions are drawn."""

_WIDTH: Final = 640

_HEIGHT: Final = 160
_BASE: Final = 132
_TOP: Final = 16
_SIDE: Final = 44
_TAG: Final = 24


def history(points: Sequence[HistoryPoint]) -> Markup:
    """Return a stacked column for each version; one without a result is a gap with a mark."""
    shown = points[-MOST_COLUMNS:]
    most = max((_total(point) for point in shown), default=0) or 1
    step = (_WIDTH - _SIDE) / max(len(shown), 6)
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
    dates = _dates(shown, step)
    return element(
        "svg",
        element("title", "What was open in this stream; the table has the numbers"),
        scale,
        columns,
        dates,
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        role="img",
        class_="chart",
    )


def _column(point: HistoryPoint, left: float, width: float, most: int) -> Markup:
    name = point.image.name if point.image is not None else ""
    said = f"{point.at:%Y-%m-%d %H:%M} {name}"
    if not point.scanned:
        mark = element("text", "?", x=str(left + width / 2), y=_BASE - 6, class_="label middle")
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


def _dates(shown: Sequence[HistoryPoint], step: float) -> list[Markup]:
    if not shown:
        return []
    last = len(shown) - 1
    places = {0: "start", last: "end"} if last else {0: "start"}
    return [
        element(
            "text",
            _name(shown[place]),
            x=str(round(_SIDE + place * step + (step if side == "end" else 0), 1)),
            y=_HEIGHT - 8,
            class_=f"label {side}",
        )
        for place, side in places.items()
    ]


def _name(point: HistoryPoint) -> str:
    """Return the tag of the image at a point, else its day."""
    tags = point.image.tags if point.image is not None else ()
    return truncate(one_line(tags[0]), _TAG) if tags else f"{point.at:%Y-%m-%d}"


def _rated(point: HistoryPoint) -> list[tuple[Severity, int]]:
    """Return the numbers that make a column: what is not rated yet would drown the others."""
    return [item for item in point.open.items() if item[0] is not Severity.UNKNOWN]


def _total(point: HistoryPoint) -> int:
    return sum(number for _, number in _rated(point))
