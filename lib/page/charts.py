"""Charts as inline SVG: the severities of a scan, and how its stream went. Pure."""

from collections.abc import Sequence
from typing import Final

from lib.models import Counts, Severity
from lib.models.streams import HistoryPoint
from lib.page.markup import Markup, element

WORST_FIRST: Final = tuple(reversed(Severity))
MOST_COLUMNS: Final = 30
"""More columns than this are too narrow to tell apart: the newest versions are drawn."""

_BAR: Final = 22
_LABEL: Final = 118
_WIDTH: Final = 640
_NUMBER: Final = 64

_HEIGHT: Final = 160
_BASE: Final = 132
_TOP: Final = 16
_SIDE: Final = 44


def severities(counts: Counts) -> Markup:
    """Return one bar for each severity; the numbers stand beside them, so colour is not needed."""
    most = max(counts.values(), default=0) or 1
    room = _WIDTH - _LABEL - _NUMBER
    rows = []
    for place, severity in enumerate(WORST_FIRST):
        number = counts.get(severity, 0)
        top = place * (_BAR + 6)
        width = max(round(room * number / most), 3) if number else 0
        rows += [
            element("text", severity.name, x=_LABEL - 10, y=top + 16, class_="label end"),
            element(
                "rect",
                x=_LABEL,
                y=top,
                width=width,
                height=_BAR,
                rx=3,
                class_=f"fill-{severity.name.lower()}",
            ),
            element("text", f"{number:,}", x=_LABEL + width + 8, y=top + 16, class_="label"),
        ]
    height = len(WORST_FIRST) * (_BAR + 6)
    said = ", ".join(f"{counts.get(severity, 0)} {severity.name}" for severity in WORST_FIRST)
    return element(
        "svg",
        element("title", f"Findings by severity: {said}"),
        rows,
        viewBox=f"0 0 {_WIDTH} {height}",
        role="img",
        class_="chart",
    )


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
    for severity, number in point.open.items():
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
            f"{shown[place].at:%Y-%m-%d}",
            x=str(round(_SIDE + place * step + (step if side == "end" else 0), 1)),
            y=_HEIGHT - 8,
            class_=f"label {side}",
        )
        for place, side in places.items()
    ]


def _total(point: HistoryPoint) -> int:
    return sum(point.open.values())
