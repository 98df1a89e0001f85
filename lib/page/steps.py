"""What to do: upgrades by where they are made, packages to look for, fixes of settings."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from lib.messages.linking import pieces
from lib.messages.parts import AlertText, Link, Problem
from lib.messages.steps import Step, ToDo, UpgradeText
from lib.messages.titles import (
    NEW,
    NO_RESULT,
    NO_VERSION,
    UNVERSIONED_COLUMNS,
    UPGRADE_COLUMNS,
)
from lib.page.findings import linked
from lib.page.markup import Markup, Node, element, number_more, scrolling_table, titled_section
from lib.text import counted, one_line, truncate

MOST: Final = 200
"""Packages of a list; the table of all findings has the others."""
_NAME: Final = 200
_UNVERSIONED: Final = 4
"""Packages without a version to go to that are seen at once."""
_UPGRADES: Final = 5
"""Upgrades that are seen at once."""
_SCORE: Final = "Score"
_CHARACTERS: Final = 100_000
"""Room for commands and templates, more than all checks of a repository need."""


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
        _numbered(problem),
        element("p", problem.quote, class_="quiet") if problem.quote else None,
        accept,
    )


def _numbered(problem: Problem) -> Markup | None:
    """Return the steps with the pages that they name, numbered where there are several."""
    steps = [element("p", _commands(step, problem.pages)) for step in problem.steps]
    if not steps[1:]:
        return steps[0] if steps else None
    return element("ol", [element("li", step) for step in steps], class_="steps")


def _commands(text: str, links: Sequence[Link] = ()) -> Iterable[Node]:
    for piece in pieces(text, links):
        if piece.link is not None:
            yield linked(piece.text, piece.link.url, piece.link.label)
        else:
            yield element("code", piece.text) if piece.is_command else piece.text


def to_do(text: AlertText) -> Markup | None:
    """Return what to upgrade, grouped by where that is done, or what fixes each setting."""
    todo = _silent(text.to_do)
    steps, _ = todo.steps(command=_CHARACTERS, limit=_CHARACTERS, templates=True)
    if not (todo.described or todo.upgrades or todo.notes or todo.before or todo.gaps or steps):
        return None
    at_once = filter(None, (todo.at_once(_CHARACTERS), todo.before_yes(_CHARACTERS)))
    is_searched = bool(todo.without_version or todo.look)
    return titled_section(
        "upgrades",
        todo.title,
        element("p", text.lead, class_="why") if text.lead else None,
        _steps(todo, text.of_steps, is_searched=is_searched),
        None if is_searched else _unversioned(todo, text.of_packages),
        [_prose(remark) for remark in (*todo.remarks, todo.gaps) if remark],
        map(_prose, at_once),
        map(_step, steps),
        _accept(text) if text.accept_id else None,
    )


def _silent(todo: ToDo) -> ToDo:
    """Return the same without packages whose versions descriptions name among the rest."""
    silent = tuple(package for package in todo.unversioned if not package.described)
    count = todo.unversioned_count - (len(todo.unversioned) - len(silent))
    return replace(todo, unversioned=silent, unversioned_count=count)


def _steps(todo: ToDo, links: Sequence[Link], *, is_searched: bool) -> Node:
    """
    Return the steps in their order, numbered where there are several.

    What messages say of packages in a sentence is a table here. `links`: the pages they name.
    """
    more = todo.more_upgrades(len(todo.upgrades))
    groups: list[Node] = [_upgrades(*group) for group in todo.groups(MOST).items()]
    if groups and more:
        groups[-1] = (groups[-1], element("p", more, class_="quiet"))
    steps = [*(_prose(step, links) for step in todo.before), *groups]
    # A sentence of packages to look for leaves its place to their table.
    heading = element("p", _commands(f"{todo.search}:"))
    table: list[Node] = [(heading, _packages(todo, links))] if is_searched else []
    if todo.without_version:
        place = todo.after.index(todo.without_version)
        first, last = todo.after[:place], todo.after[place + 1 :]
    else:
        last = [step for step in todo.after if step in (todo.support, todo.later)]
        first = [step for step in todo.after if step not in last]
    prose = partial(_prose, links=links)
    steps += [*map(prose, first), *table, *map(prose, last)]
    if len(steps) == 1:
        return steps
    return element("ol", [element("li", step) for step in steps], class_="steps") if steps else None


def _prose(sentence: str, links: Sequence[Link] = ()) -> Markup:
    """Return a sentence in which `commands` in backticks are code, and names of `links` links."""
    return element("p", _commands(f"{sentence.removesuffix('.')}.", links))


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
        element("h3", f"{step.mark} {step.title} (", linked(step.id, step.url), ")"),
        element("p", step.risk, class_="quiet"),
        element("p", step.remark) if step.remark else None,
        _code(f"Commands: {step.title}", step.commands) if step.commands else None,
        element("p", step.template_title, class_="quiet") if step.template else None,
        _code(f"CloudFormation: {step.title}", step.template) if step.template else None,
    ]


def _code(label: str, lines: Sequence[str]) -> Markup:
    # What scrolls must be reachable by keyboard.
    shown = element("pre", element("code", "\n".join(lines)))
    return element(
        "section", shown, class_="wide", tabindex=0, aria_label=truncate(one_line(label), _NAME)
    )


def _upgrades(remedy: str, group: Sequence[UpgradeText]) -> list[Markup]:
    title = remedy.replace("`", "")
    has_score = any(upgrade.score for upgrade in group)
    titles = (*UPGRADE_COLUMNS, *([_SCORE] if has_score else []))
    rows = [_upgrade(upgrade, has_score=has_score) for upgrade in group]
    parts = [
        element("p", _commands(f"{remedy}:")),
        scrolling_table(title, titles, rows[:_UPGRADES]),
    ]
    others = rows[_UPGRADES:]
    if others:
        more = f"{len(others):,} more"
        table = scrolling_table(f"{title}, {more}", titles, others)
        parts.append(element("details", element("summary", more), table))
    return parts


def _upgrade(upgrade: UpgradeText, *, has_score: bool) -> Markup:
    target = upgrade.described or element("code", upgrade.fixed)
    return element(
        "tr",
        element("td", _names(upgrade)),
        element("td", element("code", upgrade.installed)),
        element("td", target),
        element("td", upgrade.removes),
        element("td", upgrade.score) if has_score else None,
    )


def _names(upgrade: UpgradeText) -> Iterable[Node]:
    """Yield the name of a package; of several each of the first ones, and how many more."""
    names, more = upgrade.labels
    for place, name in enumerate(names):
        yield ", " if place else ""
        yield element("code", name)
    yield f", {more}" if more else ""


def _new(package: UpgradeText) -> Markup | None:
    return element("small", f" {NEW}") if package.is_new else None


def _unversioned(todo: ToDo, links: Sequence[Link]) -> Markup | None:
    """Return the packages that no step is about."""
    if not todo.unversioned:
        return None
    return element("div", element("h3", NO_VERSION), _packages(todo, links))


def _packages(todo: ToDo, links: Sequence[Link]) -> list[Markup]:
    """Return the packages that name no version to go to, the worst at once."""
    packages = todo.unversioned
    shown = len(packages) if len(packages) <= _UNVERSIONED + 1 else _UNVERSIONED
    more = todo.more_unversioned(shown)
    first = _package_table(counted(todo.unversioned_count, "package"), packages[:shown], links)
    if not more:
        return [first]
    summary = element("summary", more)
    rest = _package_table(more, packages[shown:], links)
    return [first, element("details", summary, rest, number_more(todo.unversioned_count - MOST))]


def _package_table(title: str, packages: Sequence[UpgradeText], links: Sequence[Link]) -> Markup:
    """Return packages with a page about the worst of each, which names the fixed versions."""
    pages = {link.name: link.url for link in links if link.is_package}
    has_score = any(package.score for package in packages)
    rows = (
        element(
            "tr",
            element("td", _named(package.package, pages), _new(package)),
            element("td", element("code", package.installed)),
            element("td", package.removes),
            element("td", package.score) if has_score else None,
        )
        for package in packages
    )
    titles = (*UNVERSIONED_COLUMNS, *([_SCORE] if has_score else []))
    return scrolling_table(title, titles, rows)


def _named(package: str, pages: Mapping[str, str]) -> Markup:
    """Return the name of a package, with its page where there is one."""
    page = pages.get(package)
    return element("code", package if page is None else linked(package, page))
