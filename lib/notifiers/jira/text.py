"""
The layout of a Jira issue and its comments: ADF within Jira's limits. Pure.

The description says how things stand, a comment what changed.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from lib.messages.linking import is_named
from lib.messages.lists import PackageText, Row, Section
from lib.messages.parts import AlertText, Link, Omissions, Problem
from lib.messages.steps import ToDo, UpgradeText
from lib.messages.titles import (
    DONE,
    HOW_TO_ACCEPT,
    NOTES,
    OTHERS,
    PACKAGE_COLUMNS,
    REPORT_NAME,
    TECHNICAL,
    UPGRADE_COLUMNS,
)
from lib.models import Json
from lib.notifiers.jira import adf, identity
from lib.notifiers.jira.done import done_when
from lib.text import capitalized, one_line, sentences, short, truncate

# https://support.atlassian.com/jira-cloud-administration/docs/jira-cloud-field-limits and
# https://jira.atlassian.com/browse/JRACLOUD-78553: a refused create still uses up an issue number.
MAX_SUMMARY: Final = 255
MAX_TEXT: Final = 32_767
"""Characters of a description or comment; counted over its JSON, which is the safe reading."""

_ROWS: Final = (20, 10, 5, 2)
"""Rows per table of the description, when the one before is too long."""
_ITEMS: Final = (20, 10, 5, 2)
"""Findings in a comment, likewise."""
_NAMES: Final = 8
"""Vulnerabilities of a package that are named; the others are counted."""
_REASONS: Final = 12
_PLATFORMS: Final = 30
_PROBLEM: Final = 1000
_COMMAND: Final = 4000
_STEPS: Final = 10_000
_VERDICT: Final = 800
_NOTE: Final = 600
"""Characters kept free in a comment for what `send` says about the issue's status."""
_MAX_URL: Final = 2000
_DOT: Final = " \N{MIDDLE DOT} "
ROWS: Final = max(*_ROWS, *_ITEMS)
"""How many findings a list has at most."""


# --- the issue --------------------------------------------------------------------------------


def summary(text: AlertText) -> str:
    """Return the title of the issue: how things stand."""
    name = short(text.image.name, MAX_SUMMARY // 2)
    worst = text.worst.name if text.worst is not None else ""
    # The counts say it; other titles do not.
    mark = f"[{worst}] " if worst and worst not in text.standing else ""
    return truncate(one_line(f"{mark}{name}: {text.standing}"), MAX_SUMMARY)


def description(
    text: AlertText, *, reopen: bool = True, close: bool = False, changes: bool = True
) -> Json:
    """
    Return how things stand, with room for the line that marks the issue.

    `reopen`, `close`: the options of the destination. `changes`: whether it says what changed last;
    otherwise a comment does.
    """
    done = done_when(text, reopen=reopen, close=close)
    last = text.changes if changes else ""
    limit = MAX_TEXT - identity.MARK_ROOM
    return _fitting(lambda rows: _nodes(text, done, last, rows), _ROWS, limit)


def comment(text: AlertText) -> Json:
    """Return what changed, with room for a note about the status of the issue."""
    return _fitting(lambda items: _update(text, items), _ITEMS, MAX_TEXT - _NOTE)


def plain(text: AlertText) -> Json:
    """Return what happened and where to look, for description and comment alike."""
    return adf.document([*_opening(text, text.headline), links(text), _small(text)])


def _fitting(build: Callable[[int], Iterable[Json]], sizes: Sequence[int], limit: int) -> Json:
    """Return the document with as many rows as fit; every row left out is counted in it."""
    for size in sizes[:-1]:
        body = adf.document(build(size))
        if length(body) <= limit:
            return body
    return adf.document(build(sizes[-1]))


def length(body: Json) -> int:
    """Count as Java does, in UTF-16: an emoji is two characters."""
    return len(json.dumps(body, ensure_ascii=False).encode("utf-16-le", "replace")) // 2


def _nodes(text: AlertText, done: str, changes: str, rows: int) -> Iterable[Json]:
    """Yield how things stand: what to do, what is open, what changed last, small print."""
    yield from _paragraph(text.same_thread)
    yield from _opening(text)
    yield from _steps(text.to_do)
    yield from _upgrades(text, rows)
    yield from _done(done)
    yield from _open(text, rows)
    yield from _platforms(text)
    yield from _paragraph(changes)
    if changes:
        yield from _doubts(text)
    for warning in text.warnings:
        yield adf.panel("warning", adf.paragraph(adf.text(warning)))
    yield links(text, (*text.to_do.before, *text.to_do.after))
    yield _details(text)


def _small(text: AlertText) -> Json:
    # A repeat is looked for by the whole id.
    facts = dict.fromkeys((*text.small, text.footer))
    return adf.paragraph(adf.text(_DOT.join(facts), "em"))


def _details(text: AlertText) -> Json:
    """Return what few people need, out of the way: how to accept the risk, and small print."""
    if not text.accept_command:
        return adf.expand(TECHNICAL, _small(text))
    title = adf.paragraph(adf.text(f"{text.accept_title}:"))
    # A command in a paragraph is broken where lines end, and copied with the break.
    command = adf.code_block([text.accept_command])
    return adf.expand(HOW_TO_ACCEPT, title, command, _small(text))


def _done(sentence: str) -> Iterable[Json]:
    """Yield when an issue is done."""
    if sentence:
        yield adf.paragraph(adf.text(f"{DONE} ", "strong"), adf.text(sentence))


def _opening(text: AlertText, sentence: str = "") -> list[Json]:
    """
    Return the first paragraphs: how urgent it is, and why there is no result.

    `sentence`: what happened, where the title of the issue does not say it.
    """
    problem = _problem(text, text.problem) if text.problem is not None else []
    if problem and not (text.total or text.sections):
        return [*_paragraph(text.urgency_line, "strong"), *problem]
    first = truncate(sentence, _VERDICT) or text.urgency_line or text.why or capitalized(text.state)
    marked = f"{text.state_mark} {first}" if text.worst is not None else first
    return [
        adf.paragraph(adf.text(marked, "strong")),
        *(() if sentence else _paragraph(text.standout if text.thread else text.lead)),
        *problem,
    ]


def _problem(text: AlertText, problem: Problem) -> list[Json]:
    return [
        _caution(problem),
        adf.heading(text.to_do.title),
        *_in_order(
            [adf.prose(step, problem.pages) for step in problem.steps],
            1 if problem.steps[1:] or text.to_do.is_numbered else None,
        ),
        *([adf.paragraph(adf.text(problem.quote, "em"))] if problem.quote else []),
    ]


def _caution(problem: Problem) -> Json:
    return adf.panel(
        "error",
        adf.paragraph(adf.text(problem.caution, "strong")),
        *_paragraph(truncate(problem.reason, _PROBLEM)),
    )


def _platforms(text: AlertText) -> Iterable[Json]:
    sentence = text.platforms.sentence(_PLATFORMS)
    yield from _paragraph(f"{text.platforms.title}: {sentence}" if sentence else "")


def _upgrades(text: AlertText, rows: int) -> Iterable[Json]:
    to_do = text.to_do
    if not (to_do.upgrades or to_do.described or to_do.notes or to_do.before):
        return
    above = text.steps_above
    if not above:
        yield adf.heading(to_do.title)
    groups = to_do.groups(rows)
    before = [_prose(step, text.of_steps) for step in to_do.before]
    after = [_prose(step, text.of_steps) for step in to_do.after]
    place = above + 1 if above + len(before) + len(groups) + len(after) > 1 else None
    if not groups:  # nothing between that would end the list
        before, after = [*before, *after], []
    yield from _in_order(before, place)
    place = place and place + len(before)
    for remedy, upgrades in groups.items():
        yield from _in_order([adf.prose(f"{remedy}:")], place)
        yield adf.table(UPGRADE_COLUMNS, map(_upgrade, upgrades))
        place = place and place + 1
    yield from _paragraph(to_do.more_upgrades(rows))
    yield from _in_order(after, place)
    yield from map(_prose, to_do.remarks)


def _prose(step: str, links: Sequence[Link] = ()) -> Json:
    return adf.prose(f"{step.removesuffix('.')}.", links)


def _in_order(steps: Sequence[Json], start: int | None) -> Iterable[Json]:
    """Yield steps numbered from a place on; a single step of all has no number."""
    if start is None:
        yield from steps
    elif steps:
        yield adf.numbered(steps, start)


def _upgrade(upgrade: UpgradeText) -> Iterable[Json]:
    names, more = upgrade.labels
    cell = [adf.text(names[0], "code")]
    for name in names[1:]:
        cell += [adf.text(", "), adf.text(name, "code")]
    yield adf.paragraph(*cell, *([adf.text(f", {more}")] if more else []))
    yield adf.paragraph(adf.text(upgrade.installed, *(["code"] if upgrade.installed else [])))
    yield adf.paragraph(adf.text(upgrade.target, *(["code"] if upgrade.fixed else [])))
    yield adf.paragraph(adf.text(upgrade.removes))


def _steps(to_do: ToDo) -> Iterable[Json]:
    steps, rest = to_do.steps(command=_COMMAND, limit=_STEPS, templates=True)
    if steps:
        yield adf.heading(to_do.title)
    at_once = to_do.at_once(_COMMAND)
    yield from map(_prose, filter(None, (at_once, to_do.before_yes(_COMMAND))))
    for step in steps:
        link = adf.text(step.id, link=step.url)
        yield adf.paragraph(
            adf.text(f"{step.mark} "),
            adf.text(step.title, "strong"),
            adf.text(" ("),
            link,
            adf.text(")"),
        )
        for text in filter(None, (step.risk, step.remark)):
            yield adf.paragraph(adf.text(text))
        if step.commands:
            yield adf.code_block(step.commands)
        if step.template:
            yield adf.paragraph(adf.text(step.template_title))
            yield adf.code_block(step.template)
    if rest:
        yield adf.paragraph(adf.text(rest))


def _open(text: AlertText, rows: int) -> Iterable[Json]:
    section = text.open
    if not section.count or text.in_steps(section):
        yield from (*_omissions(text.not_open), *_omissions(text.accepted))
        return
    yield adf.heading(section.heading)
    if text.image.is_repository:
        yield adf.table((*text.columns, NOTES), map(_row, section.rows[:rows]))
        yield from _paragraph(section.more(rows))
        yield from (*_omissions(text.not_open), *_omissions(text.accepted))
        return
    yield _packages(section.packages[:rows], text.not_open.lines(_REASONS))
    yield from _paragraph(section.more_packages(rows))
    yield from _omissions(text.accepted)


def _doubts(text: AlertText) -> Iterable[Json]:
    for doubt in text.doubts:
        name = [adf.text(doubt.name, link=doubt.url)] if doubt.name else []
        yield adf.paragraph(adf.text(doubt.start), *name, adf.text(doubt.end))


def _listing(section: Section, rows: int, *, by_package: bool) -> Iterable[Json]:
    yield adf.heading(section.heading, level=4)
    yield from _paragraph(section.note)
    if by_package:
        packages = section.packages[:rows]
        yield adf.bullets(map(_package_item, packages))
        yield from _paragraph(section.more_packages(rows))
    else:
        yield adf.bullets(map(_item, section.rows[:rows]))
        yield from _paragraph(section.more(rows))


def _paragraph(sentence: str, *marks: str) -> Iterable[Json]:
    """Yield a paragraph; nothing for no sentence."""
    if sentence:
        yield adf.paragraph(adf.text(sentence, *marks))


def _packages(packages: Sequence[PackageText], others: Sequence[str]) -> Json:
    """
    Return a table of packages and of what else is open, without notes where there are none.

    A fourth column leaves no room for the notes beside an issue's details.
    """
    notes = [_about(package) for package in packages]
    rows = [
        [*_package_cells(package), _cell(note)]
        for package, note in zip(packages, notes, strict=True)
    ]
    rows += [[_cell(OTHERS), _cell(_DOT.join(others)), _cell("")]] if others else []
    width = len(PACKAGE_COLUMNS) if any(notes) else len(PACKAGE_COLUMNS) - 1
    return adf.table(PACKAGE_COLUMNS[:width], [row[:width] for row in rows])


def _cell(words: str) -> Json:
    """Return a cell; nothing to say leaves it empty."""
    return adf.paragraph(*([adf.text(words)] if words else []))


def _package_cells(package: PackageText) -> Iterable[Json]:
    target = f" \N{RIGHTWARDS ARROW} {package.fixed}" if package.fixed else ""
    yield adf.paragraph(adf.text(f"{package.name}{target}"))
    yield adf.paragraph(adf.text(package.summary, "strong"), adf.text(": "), *_names(package))


def _package_item(package: PackageText) -> Json:
    """Return a package in one item, without what its vulnerabilities are."""
    if package.number == 1:
        return _item(package.rows[0])
    details = ", ".join(filter(None, (package.name, package.fix)))
    return adf.paragraph(
        adf.text(package.summary, "strong"),
        adf.text(f" in {details}: "),
        *_names(package),
    )


def _names(package: PackageText) -> Iterator[Json]:
    """Yield the vulnerabilities of a package with their links, and how many more there are."""
    rows = package.shown(_NAMES)
    for place, row in enumerate(rows):
        yield from (adf.text(", "),) if place else ()
        yield adf.text(row.name, link=row.url)
    more = package.more(len(rows))
    yield from (adf.text(f", {more}"),) if more else ()


def _about(package: PackageText) -> str:
    """Return what is special about the most telling of several, and what it is."""
    row = package.telling
    name = row.name if package.number > 1 else ""
    special = capitalized(", ".join(package.notes))
    about = sentences(special, row.what)
    about = ": ".join(filter(None, (name, about))) if about else ""
    return sentences(capitalized(package.shared), capitalized(package.exploits), about)


def _row(row: Row) -> Iterable[Json]:
    name = adf.text(row.name, link=row.url)
    yield adf.paragraph(adf.text(row.severity, "strong"), adf.text(" "), name)
    yield adf.paragraph(adf.text(row.installed))
    yield adf.paragraph(adf.text(_sentence(row)))


def _sentence(row: Row) -> str:
    """Return what is special about a finding, and what it is."""
    return sentences(capitalized(", ".join(row.notes)), row.what)


def _item(row: Row) -> Json:
    return adf.paragraph(
        adf.text(row.severity, "strong"),
        adf.text(" "),
        adf.text(row.name, link=row.url),
        adf.text(f" {row.details}"),
    )


def _omissions(omissions: Omissions) -> Iterable[Json]:
    lines = omissions.lines(_REASONS)
    if lines:
        yield adf.paragraph(adf.text(f"{omissions.title}: {_DOT.join(lines)}"))


def links(text: AlertText, steps: Sequence[str] = ()) -> Json:
    """Return one paragraph with all links but those that steps name; None without any."""
    nodes: list[Json] = []
    in_steps = text.problem.pages if text.problem is not None else ()
    for link in text.links:
        is_named_above = link.of_hosts or link in in_steps or is_named(link, steps)
        if len(link.url) <= _MAX_URL and not is_named_above:
            nodes += [adf.text(_DOT)] if nodes else []
            nodes.append(adf.text(link.action, link=link.url))
            nodes += [adf.text(f" ({link.note})")] if link.note else []
    if text.report_command:
        nodes += [adf.text(_DOT)] if nodes else []
        nodes += [adf.text(f"{REPORT_NAME}: "), adf.text(text.report_command, "code")]
    return adf.paragraph(*nodes) if nodes else None


# --- the comment ------------------------------------------------------------------------------


def _update(text: AlertText, items: int) -> Iterable[Json]:
    """Yield what changed; the description says how things stand, and what to do."""
    yield from _changed(text)
    yield from _platforms(text)
    for section in text.listed:
        yield from _listing(section, items, by_package=not text.image.is_repository)
    for line in text.numbers:
        yield adf.paragraph(adf.text(line))
    yield from _doubts(text)
    # A repeat is looked for by the whole id.
    yield adf.expand(TECHNICAL, adf.paragraph(adf.text(text.footer, "em")))


def _changed(text: AlertText) -> Iterable[Json]:
    mark = f"{text.state_mark} " if text.worst is not None else ""
    yield adf.paragraph(adf.text(f"{mark}{truncate(text.headline, _VERDICT)}", "strong"))
    if text.problem is not None:
        yield _caution(text.problem)
