"""What stands in the page without any script: what it is about, what changed, what to do."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from lib.messages.content import Content
from lib.messages.inventory import SUPPRESSED, Figure, figures
from lib.messages.lists import Row, Section, SectionKind
from lib.messages.parts import AlertText, Fact, Link, Platforms, Problem
from lib.messages.phrases import counts_text, moment_text, severity_name
from lib.messages.steps import Step, ToDo, UpgradeText
from lib.messages.titles import (
    CHANGED,
    DELIVERY,
    DESCRIBED_STEP,
    DETAILS,
    LOOK_STEP,
    NEW,
    NO_RESULT,
    NO_VERSION,
    OPEN_NOW,
    UNVERSIONED_COLUMNS,
    UPGRADE_COLUMNS,
)
from lib.models import Severity
from lib.models.program import NAME, VERSION
from lib.models.streams import HistoryPoint
from lib.page import charts
from lib.page.findings import badge, linked
from lib.page.markup import Markup, Node, element, scrolling_table, titled_section
from lib.text import counted, one_line, truncate

MOST: Final = 200
"""Rows of a list; the table of all findings has the others."""
_COURSE: Final = 2
"""Points that make a course; a single one is what the page says anyway."""
_NAME: Final = 200
CHANGES: Final = 25
"""Rows of a list of what changed."""
_UNVERSIONED: Final = 4
"""Packages without a version to go to that are seen at once."""
_UPGRADES: Final = 5
"""Upgrades that are seen at once."""
_CHARACTERS: Final = 100_000
"""Room for commands and templates, more than all checks of a repository need."""
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
"""Sections that are seen on request."""


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
            _joined(pages),
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
    return element("p", element("strong", problem.caution), f" {problem.reason}", class_="alarm")


def remedy(text: AlertText, problem: Problem, *, is_all: bool) -> Markup | None:
    """
    Return what to do about a scan without a result, and what the scanner said.

    `is_all`: whether there is nothing else to do.
    """
    accept = None if text.accept_id else _accept(text)
    if not (problem.remedy or problem.quote or accept):
        return None
    return titled_section(
        "problem",
        text.to_do.title if is_all else NO_RESULT,
        element("p", _commands(problem.remedy)) if problem.remedy else None,
        _links(problem.pages),
        element("p", problem.quote, class_="quiet") if problem.quote else None,
        accept,
    )


def _links(links: Iterable[Link]) -> Markup | None:
    shown = [linked(link.label, link.url) for link in links]
    return element("p", _joined(shown)) if shown else None


def _joined(links: Sequence[Markup]) -> Iterable[Node]:
    yield links[:1]
    for link in links[1:]:
        yield (_DOT, link)


def _commands(text: str) -> Iterable[Node]:
    for place, part in enumerate(text.split("`")):
        yield element("code", part) if place % 2 else part


def _numbers(text: AlertText, content: Content) -> Markup:
    """Return the numbers, each a filter of the table: by severity, by fix and by exploit."""
    counts = content.totals
    cards = [
        *(_severity(severity, number) for severity, number in counts.items() if number),
        *map(_figure, figures(content.everything)),
        *([_suppressed(text.suppressed)] if text.suppressed else []),
    ]
    if not cards:
        return element("p", text.totals, _why(text))
    why = _why(text)
    numbers = element("ul", cards, class_="numbers")
    return element("section", numbers, element("p", why) if why else None, aria_label=OPEN_NOW)


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
    return _card(number, name, edge=f"edge-{severity.name.lower()}", data_severity=severity.value)


def _suppressed(number: int) -> Markup:
    return _card(number, SUPPRESSED, data_change=SUPPRESSED)


def _card(number: int, label: str, *, edge: str = "", **data: str | int) -> Markup:
    shown = (element("strong", f"{number:,}"), " ", element("span", label))
    return element("li", element("a", *shown, href="#findings", class_=f"card {edge}", **data))


def _figure(figure: Figure) -> Markup:
    shown = (element("strong", figure.number), " ", element("span", figure.label))
    link = element("a", *shown, href="#findings", class_="card", data_box=figure.filter)
    return element("li", link)


def account(text: AlertText) -> list[Markup]:
    """Return the sum that accounts for every finding, and what messages do not show."""
    omissions = text.left_out
    lines = [element("li", line) for line in omissions.lines(MOST)]
    return [
        element("p", omissions.sum, class_="quiet"),
        *([element("ul", lines, class_="quiet")] if lines else []),
    ]


def changes(text: AlertText) -> Markup | None:
    """Return what is different from before; a first scan has nothing to compare with."""
    shown = [section for section in text.sections if section.kind not in _IN_TABLE]
    if not shown:
        return None
    fact = text.comparison
    compared = element("p", f"{fact.label} {fact.value}.") if fact is not None else None
    numbers = element("p", text.changes) if text.changes else compared
    return titled_section("changes", CHANGED, numbers, [_changed(text, part) for part in shown])


def _changed(text: AlertText, section: Section) -> Markup:
    rows = section.rows[:CHANGES]
    more = section.more(len(rows))
    titles = ("Severity", *text.columns, "Remarks")
    return element(
        "details",
        element("summary", section.heading),
        element("p", section.note, class_="quiet") if section.note else None,
        scrolling_table(section.heading, titles, map(_row, rows)),
        element("p", more, class_="quiet") if more else None,
        open=section.kind not in _ENDED,
    )


def _row(row: Row) -> Markup:
    return element(
        "tr",
        element("td", badge(row.level, row.severity)),
        element("td", linked(row.name, row.url)),
        element("td", element("code", row.installed)),
        element("td", ", ".join(row.notes), element("p", row.what) if row.what else None),
    )


def to_do(text: AlertText, hosts: Sequence[Link]) -> Markup | None:
    """
    Return what to upgrade, grouped by where that is done, or what fixes each setting.

    `hosts`: pages about the fixes of a kernel on the hosts.
    """
    todo, described = _apart(text.to_do)
    steps, _ = todo.steps(command=_CHARACTERS, limit=_CHARACTERS, templates=True)
    if not (described or todo.upgrades or todo.notes or todo.before or steps):
        return None
    is_searched = bool(todo.without_version or todo.look)
    return titled_section(
        "upgrades",
        todo.title,
        element("p", text.lead, class_="why") if text.lead else None,
        _steps(todo, described, _links(hosts), is_searched=is_searched),
        None if is_searched else _unversioned(todo),
        [_prose(remark) for remark in todo.remarks],
        map(_step, steps),
        _accept(text) if text.accept_id else None,
    )


def _apart(todo: ToDo) -> tuple[ToDo, Sequence[UpgradeText]]:
    """Return the packages whose versions descriptions name apart from the rest."""
    described = [package for package in todo.unversioned if package.described]
    silent = tuple(package for package in todo.unversioned if not package.described)
    count = todo.unversioned_count - len(described)
    return replace(todo, unversioned=silent, unversioned_count=count), described


def _steps(
    todo: ToDo, described: Sequence[UpgradeText], links: Markup | None, *, is_searched: bool
) -> Node:
    """
    Return the steps in their order, numbered where there are several.

    What messages say of packages in a sentence is a table here. `links` belong to the first step.
    """
    more = todo.more_upgrades(len(todo.upgrades))
    groups: list[Node] = [_upgrades(*group) for group in todo.groups(MOST).items()]
    if groups and more:
        groups[-1] = (groups[-1], element("p", more, class_="quiet"))
    steps = [*map(_prose, todo.before), *groups]
    steps[:1] = [(step, links) for step in steps[:1]]
    in_tables = (todo.described, todo.without_version)
    steps += [_prose(sentence) for sentence in todo.after if sentence not in in_tables]
    steps += [_upgrades(DESCRIBED_STEP, described)] if described else []
    steps += [(element("p", f"{LOOK_STEP}:"), _packages(todo))] if is_searched else []
    if len(steps) == 1:
        return steps
    return element("ol", [element("li", step) for step in steps], class_="steps") if steps else None


def _prose(sentence: str) -> Markup:
    """Return a sentence in which `commands` in backticks are code."""
    parts = enumerate(f"{sentence.removesuffix('.')}.".split("`"))
    return element("p", [element("code", part) if place % 2 else part for place, part in parts])


def _accept(text: AlertText) -> Markup | None:
    """
    Return the command that accepts the risk of the worst, or of an image that needs no scan.

    The table has it for each row.
    """
    if not text.accept_command:
        return None
    command = element("code", text.accept_command)
    return element("p", f"{text.accept_title}: ", command, class_="quiet")


def _step(step: Step) -> list[Markup | None]:
    return [
        element("h3", step.title),
        element("p", step.risk, class_="quiet"),
        element("p", step.remark) if step.remark else None,
        _code(f"Commands: {step.title}", step.commands),
        element("p", step.template_title, class_="quiet"),
        _code(f"CloudFormation: {step.title}", step.template),
    ]


def _code(label: str, lines: Sequence[str]) -> Markup:
    # What scrolls must be reachable by keyboard.
    shown = element("pre", element("code", "\n".join(lines)))
    return element("section", shown, class_="wide", tabindex=0, aria_label=_short(label))


def _upgrades(remedy: str, group: Sequence[UpgradeText]) -> list[Markup]:
    parts = [
        element("p", f"{remedy}:"),
        scrolling_table(remedy, UPGRADE_COLUMNS, map(_upgrade, group[:_UPGRADES])),
    ]
    others = group[_UPGRADES:]
    if others:
        more = f"{len(others):,} more"
        table = scrolling_table(f"{remedy}, {more}", UPGRADE_COLUMNS, map(_upgrade, others))
        parts.append(element("details", element("summary", more), table))
    return parts


def _upgrade(upgrade: UpgradeText) -> Markup:
    target = upgrade.described or element("code", upgrade.fixed)
    return element(
        "tr",
        element("td", element("code", upgrade.package)),
        element("td", upgrade.installed),
        element("td", target),
        element("td", _effect(upgrade)),
    )


def _new(package: UpgradeText) -> Markup | None:
    return element("small", f" {NEW}") if package.is_new else None


def _effect(upgrade: UpgradeText) -> Iterable[Node]:
    """Yield what an upgrade removes, and the worst score of it."""
    yield upgrade.removes
    if upgrade.score:
        yield element("small", f" {upgrade.score}")


def _unversioned(todo: ToDo) -> Markup | None:
    """Return the packages that no step is about."""
    if not todo.unversioned:
        return None
    return element("div", element("h3", NO_VERSION), _packages(todo))


def _packages(todo: ToDo) -> list[Markup]:
    """Return the packages that name no version to go to, the worst at once."""
    packages = todo.unversioned
    shown = len(packages) if len(packages) <= _UNVERSIONED + 1 else _UNVERSIONED
    more = todo.more_unversioned(shown)
    first = _package_table(counted(todo.unversioned_count, "package"), packages[:shown])
    if not more:
        return [first]
    summary = element("summary", more)
    rest = _package_table(more, packages[shown:])
    return [first, element("details", summary, rest, _rest(todo.unversioned_count))]


def _package_table(title: str, packages: Sequence[UpgradeText]) -> Markup:
    rows = (
        element(
            "tr",
            element("td", element("code", package.package), _new(package)),
            element("td", package.installed),
            element("td", _effect(package)),
        )
        for package in packages
    )
    return scrolling_table(title, UNVERSIONED_COLUMNS, rows)


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


def history(points: Sequence[HistoryPoint]) -> Markup | None:
    """Return how the stream went, as a chart and as a table."""
    if len(points) < _COURSE:
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
        "Releases of this stream",
        charts.history(points),
        element(
            "details",
            element("summary", counted(len(points), "change")),
            scrolling_table("History", titles, rows),
            _rest(len(points)),
        ),
    )


def footer(now: datetime) -> Markup:
    """Return which program made the page, and when."""
    text = f"Generated by {NAME} {VERSION} on {now:%d %b %Y, %H:%M} UTC"
    return element("footer", element("p", text))


def _rest(count: int, most: int = MOST) -> Markup | None:
    hidden = count - most
    return element("p", f"and {hidden:,} more", class_="quiet") if hidden > 0 else None


def _short(text: str) -> str:
    return truncate(one_line(text), _NAME)
