"""What stands in the page without any script: what it is about, what changed, what to do."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Final

from lib.messages.content import Content
from lib.messages.inventory import SUPPRESSED, Figure, figures
from lib.messages.lists import Row, Section, SectionKind
from lib.messages.parts import AlertText, Fact, Link, Platforms, Problem
from lib.messages.phrases import counts_text, moment_text, severity_name
from lib.messages.titles import (
    ACCEPTED,
    CHANGED,
    DELIVERY,
    DETAILS,
    NOT_COUNTED,
    OPEN_NOW,
)
from lib.models import Severity
from lib.models.program import NAME, VERSION
from lib.models.streams import HistoryPoint
from lib.page import charts
from lib.page.findings import badge, in_line, linked
from lib.page.markup import Markup, Node, element, number_more, scrolling_table, titled_section
from lib.page.steps import MOST
from lib.text import one_line, truncate

_COURSE: Final = 3
"""Releases with a result that make a course; of two, what changed says the difference."""
_FEW: Final = 20
"""Rows of a table that is seen whole: what is new is marked in it."""
_NAME: Final = 200
REMARKS: Final = "Remarks"
CHANGES: Final = 25
"""Rows of a list of what changed."""
_DOT: Final = " \N{MIDDLE DOT} "
_IN_TABLE: Final = frozenset({SectionKind.FOUND, SectionKind.STILL_THERE, SectionKind.OPEN})
"""Sections whose rows are no change: the table has them."""
_ENDED: Final = frozenset(
    {
        SectionKind.RESOLVED,
        SectionKind.FIXED,
        SectionKind.NO_LONGER_REPORTED,
        SectionKind.QUIETLY_ENDED,
    }
)
"""Sections that are seen on request, unless what they list may be there all the same."""


def header(text: AlertText, content: Content, beside: Collection[Link]) -> Markup:
    """
    Return the verdict, its urgency, and the numbers; where, when and from which source.

    `beside`: the links that stand beside what to do.
    """
    console = () if text.console is None else (linked(text.console.action, text.console.url),)
    sources = [link for link in text.sources if link not in beside]
    pages = [*console, *(linked(link.label, link.url) for link in sources)]
    level = text.worst_news or text.worst
    kind = level.name.lower() if level is not None else "none"
    return element(
        "header",
        element("p", text.kind, class_="kicker"),
        element("h1", text.name),
        element("p", f"{text.mark} {text.verdict}", class_=f"verdict edge-{kind}"),
        element("p", _urgency(text)) if text.urgency is not None else None,
        _problem(text.problem) if text.problem is not None else None,
        _numbers(text, content) if content.state.has_evidence else None,
        [element("p", warning, class_="note") for warning in text.warnings],
        element(
            "p",
            (_DOT.join(text.small), _DOT) if text.small else None,
            in_line(pages),
            class_="quiet",
        ),
    )


def details(text: AlertText, at: datetime) -> Markup:
    """Return the facts about the image, its scan and its delivery, to be seen on request."""
    advice = () if text.advice is None else (text.advice,)
    facts = (*text.facts, *advice, Fact("As of", moment_text(at)), Fact(DELIVERY, _id(text)))
    return element(
        "details",
        element("summary", DETAILS),
        element("dl", map(_fact, facts), class_="facts"),
    )


def _id(text: AlertText) -> str:
    return text.footer.removeprefix(DELIVERY).strip()


def _fact(fact: Fact) -> Markup:
    return element("div", element("dt", fact.label), element("dd", fact.value))


def _problem(problem: Problem) -> Markup:
    """Return that nothing is known, and why."""
    reason = f" {problem.reason}" if problem.reason else None
    return element("p", element("strong", problem.caution), reason, class_="alarm")


def _numbers(text: AlertText, content: Content) -> Markup:
    """
    Return the numbers, each a filter of the table.

    Those by severity add up to what is open; how many of them have a fix or an exploit stands
    apart.
    """
    counts = content.totals
    parts = [*map(_figure, figures(content.everything, text.verdict))]
    parts += [_suppressed(text.suppressed)] if text.suppressed else []
    cards = [_severity(severity, number) for severity, number in counts.items() if number]
    if not (cards or parts):
        return element("p", text.totals, _why(text))
    why = _why(text)
    return element(
        "section",
        element("ul", cards, class_="numbers") if cards else None,
        element("ul", parts, class_="numbers parts") if parts else None,
        element("p", why) if why else None,
        aria_label=OPEN_NOW,
        class_="counts",
    )


def _urgency(text: AlertText) -> Iterable[Node]:
    """Yield how urgent the news is, and what is known of exploits."""
    if text.urgency is not None:
        yield element("strong", text.urgency.title)


def _why(text: AlertText) -> str:
    """Return what is known of exploits, where the urgency does not say it."""
    return text.why if text.urgency is None else ""


def _severity(severity: Severity, number: int) -> Markup:
    """Return a count as a link to the table, which the script turns into a filter."""
    name = severity_name(severity)
    return _card(
        number, f"{name} open", edge=f"edge-{severity.name.lower()}", data_severity=severity.value
    )


def _suppressed(number: int) -> Markup:
    return _card(number, ACCEPTED.lower(), data_change=SUPPRESSED)


def _card(number: int, label: str, *, edge: str = "", **data: str | int) -> Markup:
    shown = (element("strong", f"{number:,}"), " ", element("span", label))
    return element("li", element("a", *shown, href="#findings", class_=f"card {edge}", **data))


def _figure(figure: Figure) -> Markup:
    shown = (element("strong", figure.number), " ", element("span", figure.label))
    link = element("a", *shown, href="#findings", class_="card", data_box=figure.filter)
    return element("li", link)


def account(text: AlertText) -> list[Markup]:
    """Return what is accepted, with the reason; the table has all that is open."""
    accepted = text.left_out
    lines = [element("li", line) for line in accepted.lines(MOST)]
    if not lines:
        return []
    title = element("p", f"{accepted.title}:", class_="quiet")
    return [title, element("ul", lines, class_="quiet")]


def changes(text: AlertText, total: int) -> Markup | None:
    """
    Return what is different from before; a first scan has nothing to compare with.

    `total`: the rows of the table of everything.
    """
    shown = [
        section
        for section in text.sections
        if section.kind not in _IN_TABLE and not text.in_steps(section)
    ]
    if not shown:
        return None
    fact = text.comparison
    compared = element("p", f"{fact.label} {fact.value}.") if fact is not None else None
    numbers = element("p", text.changes) if text.changes else compared
    return titled_section(
        "changes", CHANGED, numbers, [_changed(text, part, total) for part in shown]
    )


def _changed(text: AlertText, section: Section, total: int) -> Markup | None:
    rows = section.rows[:CHANGES]
    more = section.more(len(rows))
    if section.kind not in _ENDED and (section.count == total or total <= _FEW):
        note = f"{section.note}." if section.note else None
        if section.words_in(text.changes):  # and the table marks the rows
            return element("p", note) if note else None
        return element("p", element("strong", section.heading), ": in the table below. ", note)
    is_remarked = any(row.notes or row.what for row in rows)
    is_doubtful = section.kind is SectionKind.NO_LONGER_REPORTED
    titles = ("Severity", *text.columns, *([REMARKS] if is_remarked else []))
    return element(
        "details",
        element("summary", section.heading, NOT_COUNTED if is_doubtful else None),
        element("p", section.note, class_="quiet") if section.note else None,
        scrolling_table(
            section.heading, titles, [_row(row, is_remarked=is_remarked) for row in rows]
        ),
        element("p", more, class_="quiet") if more else None,
        open=section.kind not in _ENDED or is_doubtful,
    )


def _row(row: Row, *, is_remarked: bool) -> Markup:
    remarks = element("td", ", ".join(row.notes), element("p", row.what) if row.what else None)
    return element(
        "tr",
        element("td", badge(row.level, row.severity)),
        element("td", linked(row.name, row.url)),
        element("td", element("code", row.installed)),
        remarks if is_remarked else None,
    )


def platforms(platforms: Platforms) -> Markup | None:
    """Return what was found on each platform of an index."""
    if not platforms.rows:
        return None
    rows = (
        element("tr", element("td", platform.name), element("td", platform.result))
        for platform in platforms.rows
    )
    table = scrolling_table(platforms.title, ("Platform", "Found"), rows)
    return titled_section("platforms", platforms.title, table)


def history(points: Sequence[HistoryPoint], *, with_suppressed: bool) -> Markup | None:
    """Return how the stream went since its first result, as a chart and as a table."""
    first = next((place for place, point in enumerate(points) if point.scanned), len(points))
    points = points[first:]
    releases = {point.image.key for point in points if point.scanned and point.image is not None}
    if len(releases) < _COURSE:
        return None
    rows = (
        element(
            "tr",
            element("td", f"{point.at:%Y-%m-%d %H:%M}"),
            element("td", _short(point.image.name) if point.image is not None else "none"),
            element("td", (counts_text(point.open) or "none") if point.scanned else "no result"),
            element("td", counts_text(point.came) or "none"),
            element("td", counts_text(point.left) or "none"),
        )
        for point in reversed(points[-MOST:])
    )
    titles = ("Since", "Image", "Open", "New", "Ended")
    return titled_section(
        "history",
        "Open by release",
        charts.history(points, with_suppressed=with_suppressed),
        element(
            "details",
            element("summary", "As a table"),
            scrolling_table("History", titles, rows),
            number_more(len(points) - MOST),
        ),
    )


def footer(now: datetime) -> Markup:
    """Return which program made the page, and when."""
    text = f"Generated by {NAME} {VERSION} on {now:%d %b %Y, %H:%M} UTC"
    return element("footer", element("p", text))


def _short(text: str) -> str:
    return truncate(one_line(text), _NAME)
