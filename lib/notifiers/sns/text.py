"""The e-mail: plain text of fixed width, the sentence first, then what to do, then the lists."""

from collections.abc import Iterable, Sequence
from typing import Final

from lib.messages.linking import pieces
from lib.messages.lists import PackageText, Row, Section
from lib.messages.parts import AlertText, Link, Omissions, Problem
from lib.messages.steps import ToDo, UpgradeText
from lib.messages.titles import LINKS, REPORT_NAME
from lib.models import Notice
from lib.notifiers.sns.headline import MAX_SUBJECT, headline_of
from lib.notifiers.sns.wrapping import continued, wrapped
from lib.text import capitalized, fitting, one_line, truncate

LISTED: Final = 50
"""Findings per section; the `json` format has them all, as far as the bytes go."""
_SECTION: Final = 12_000
"""Characters per section: at most 4 bytes each, and there are at most four long sections."""
_REASONS: Final = 30
_FIELD: Final = 1000
_MAX_URL: Final = 2000
_MAX_CONSOLE: Final = 240
"""Of the address of the console beside the report, which has it, too: three lines of a mail."""


def render(notice: Notice, text: AlertText, _room: int) -> tuple[str, bool]:
    """
    Return a plain text of at most 76 columns, and whether it was cut.

    Links are never wrapped, and commands only as a shell reads them.
    """
    text = text.in_short
    lines = [*_opening(notice, text), *_to_do(text), *_steps(text.to_do)]
    is_cut = False
    for section in text.listed:
        listed, is_section_cut = _listing(text, section)
        lines += listed
        is_cut = is_cut or is_section_cut
    lines += [*_platforms(text), *_numbers(text), *_notes(text), *_ending(text)]
    return "\n".join(lines).lstrip("\n") + "\n", is_cut


def render_plain(notice: Notice, text: AlertText, _room: int) -> tuple[str, bool]:
    """Return the beginning alone: what happened, where, and where to look."""
    lines = (*_opening(notice, text), *_notes(text), *_ending(text))
    return "\n".join(lines).lstrip("\n") + "\n", bool(text.sections)


def _links(text: AlertText) -> list[str]:
    """
    Return the links: the report, then the shortest first.

    The pages about a kernel stand below the step that names them: each host needs one of them.
    """
    lines = [f"  {REPORT_NAME}: {text.report_command}"] if text.report_command else []
    report = _report(text)
    console, limit = text.console, _MAX_URL if report is None else _MAX_CONSOLE
    has_console = console is not None and len(console.url) <= limit
    others = [link for link in text.sources if not link.of_hosts]
    others += [console] if console is not None and has_console else []
    # A long one hides what follows.
    others = sorted(others, key=lambda link: len(link.url))
    for link in filter(None, (report, *others)):
        note = f" ({link.note})" if link.note else ""
        lines += _indented(f"{link.label}{note}: {link.printed(_MAX_URL)}")
    return lines


def _report(text: AlertText) -> Link | None:
    """Return the link to the report; None without one that can be printed."""
    report = text.report
    return report if report is not None and len(report.url) <= _MAX_URL else None


def _opening(notice: Notice, text: AlertText) -> list[str]:
    """
    Return how soon to look, and that nothing is known where that is so.

    The headline stands above it where the subject has no room for all of it.
    """
    subject = headline_of(notice, text).subject
    is_whole = len(subject) <= MAX_SUBJECT and subject.endswith(text.headline)
    sentences = [*filter(None, ("" if is_whole else text.headline, text.urgency_line))]
    marked = [f"{text.mark} {sentence}" for sentence in sentences[:1]]
    first = [line for sentence in (*marked, *sentences[1:]) for line in _first(sentence)]
    if text.problem is None:
        return [*first, *(["", *_wrapped(text.lead)] if text.lead else [])]
    return [*first, "", *_problem(text, text.problem)]


def _first(line: str) -> list[str]:
    """Return a line that is read first: whole, unless it is far too long for a screen."""
    return [one_line(line)] if len(line) <= MAX_SUBJECT else _wrapped(line)


def _numbers(text: AlertText) -> list[str]:
    """Return what neither the title nor the lists say, and what makes it urgent if nothing did."""
    why = "" if text.urgency is not None else text.why
    dangers = (danger.line for danger in text.dangers)
    doubts = (doubt.line for doubt in text.doubts)
    numbers = filter(None, (*dangers, *text.numbers, *doubts, why))
    lines = [line for number in numbers for line in _wrapped(number)]
    return ["", *lines] if lines else []


def _notes(text: AlertText) -> list[str]:
    """Return what is not certain, what is not listed, and what the scanner said."""
    notes = [line for warning in text.warnings for line in _wrapped(f"Note: {warning}")]
    notes += _omissions(text.unlisted)
    notes += _wrapped(text.problem.quote) if text.problem is not None else []
    return ["", *notes] if notes else []


def _ending(text: AlertText) -> list[str]:
    """Return the links, the small print, and how to accept the risk."""
    links = _links(text)
    small = " \N{MIDDLE DOT} ".join((*text.small, text.reference))
    accept = []
    if text.accept_command:
        command = continued(text.accept_command, "    ")
        accept = [*_wrapped(f"{text.accept_title}:"), *command]
    return [*(_title(LINKS) if links else []), *links, "", "-- ", *_wrapped(small), *accept]


def _problem(text: AlertText, problem: Problem) -> list[str]:
    return [
        *_wrapped(f"{problem.caution} {truncate(problem.reason, _FIELD)}"),
        *_title(text.to_do.title),
        *_numbered(problem.steps, has_more=text.to_do.is_numbered),
    ]


def _numbered(steps: Sequence[str], *, has_more: bool) -> Iterable[str]:
    """Yield the steps about a scan without a result, numbered where there are several."""
    for place, step in enumerate(steps, 1):
        first, *others = _advice(step)
        yield f"  {place}. {first.lstrip()}" if steps[1:] or has_more else first
        yield from others


def _advice(remedy: str) -> Iterable[str]:
    """Yield prose wrapped, and each `command` on a line of its own: a wrapped one cannot be run."""
    for place, part in enumerate(remedy.split("`")):
        if place % 2:
            yield f"    {part}"
        elif part:
            yield from _indented(part.lstrip(" .").rstrip())


def _platforms(text: AlertText) -> list[str]:
    sentence = text.platforms.sentence(LISTED)
    return ["", *_wrapped(f"{text.platforms.title}: {sentence}")] if sentence else []


def _to_do(text: AlertText) -> list[str]:
    """Return the upgrades, the one that removes most first."""
    to_do = text.to_do
    shown = fitting(to_do.upgrades, _upgrade, lines=LISTED, characters=_SECTION)
    groups = to_do.groups(len(shown))
    rest = to_do.more_upgrades(len(shown))
    above = text.steps_above
    number = above + len(to_do.before) + len(groups) + len(to_do.after)
    bullets = iter([f"{place}. " for place in range(above + 1, number + 1)] if number > 1 else [""])
    lines = []
    for step in to_do.before:
        lines += _indented(_plain(step), bullet=next(bullets))
        lines += _addresses(step, text.of_hosts)
    for remedy, upgrades in groups.items():
        lines += [
            *_indented(f"{remedy}:".replace("`", ""), bullet=next(bullets)),
            *map(_upgrade, upgrades),
        ]
    lines += _indented(rest, indent="     ") if rest else []
    for step in to_do.after:
        lines += _indented(_plain(step), bullet=next(bullets))
    lines += [line for remark in to_do.remarks for line in _indented(remark)]
    # What helps with a scan without a result stands under the same title.
    return [*(_title(to_do.title) if lines and text.problem is None else []), *lines]


def _addresses(step: str, links: Iterable[Link]) -> list[str]:
    """Return the addresses of the pages that a step names, to stand below it."""
    return [f"     {link.printed(_MAX_URL)}" for link in links if _is_named(link, step)]


def _is_named(link: Link, step: str) -> bool:
    return any(piece.link == link for piece in pieces(step, [link]))


def _upgrade(upgrade: UpgradeText) -> str:
    return "\n".join(_indented(f"{upgrade.step}: {upgrade.effect}", indent="     ", bullet="- "))


def _plain(step: str) -> str:
    """Return a step as a sentence, without the marks around commands."""
    return f"{step.removesuffix('.')}.".replace("`", "")


def _steps(to_do: ToDo) -> list[str]:
    """Return what fixes each setting; a wrapped command could not be run."""
    steps, rest = to_do.steps(command=_SECTION, limit=_SECTION, templates=True)
    lines = _title(to_do.title) if steps else []
    lines += _advice(to_do.at_once(_SECTION))
    lines += _advice(to_do.before_yes(_SECTION))
    for step in steps:
        lines += _indented(step.heading, bullet="- ")
        lines += [f"    {step.url}"] if step.url else []
        for text in filter(None, (step.risk, step.remark)):
            lines += _indented(text, indent="    ")
        lines += [f"    {line}" for line in step.commands]
        if step.template:
            lines += _indented(step.template_title, indent="    ")
            lines += [f"      {line}" for line in step.template]
    return [*lines, *(_indented(rest) if rest else [])]


def _listing(text: AlertText, section: Section) -> tuple[list[str], bool]:
    """
    Return the lines of a list, and whether findings are missing.

    The report links each of them; without one, the list does.
    """
    title, has_urls = _title(section.heading, section.note), _report(text) is None

    def entry(row: Row) -> str:
        return _entry(row, has_urls=has_urls)

    def package(package: PackageText) -> str:
        return _package(package, has_urls=has_urls)

    if text.image.is_repository:
        lines = fitting(section.rows, entry, lines=LISTED, characters=_SECTION)
        rest = section.more(len(lines))
        return [*title, *lines, *(_indented(rest) if rest else [])], bool(rest)
    lines = fitting(section.packages, package, lines=LISTED, characters=_SECTION)
    rest = section.more_packages(len(lines))
    is_cut = any(package.more(len(package.rows)) for package in section.packages[: len(lines)])
    return [*title, *lines, *(_indented(rest) if rest else [])], bool(rest) or is_cut


def _package(package: PackageText, *, has_urls: bool) -> str:
    """Return some lines: how many in which package, their names, and what one of them is."""
    if package.number == 1:
        return _entry(package.rows[0], has_urls=has_urls)
    row, margin = package.telling, f"{'':12}"
    names = [one.name for one in package.rows]
    rest = package.more(len(names))
    details = ", ".join(filter(None, (package.name, package.fix, package.score)))
    first = f"{package.amount:<9} {details}"
    special = ", ".join(package.notes)
    exploits = capitalized(package.exploits)
    about = ": ".join(filter(None, (row.name, special, row.what))) if special or row.what else ""
    lines = [
        *_indented(first, hanging=10),
        *_indented(", ".join(filter(None, (*names, rest))), indent=margin),
        *(_indented(exploits, indent=margin) if exploits else []),
        *(_indented(about, indent=margin) if about else []),
    ]
    return "\n".join([*lines, f"{margin}{row.url}"] if row.url and has_urls else lines)


def _entry(row: Row, *, has_urls: bool) -> str:
    """Return some lines: which, in which package, what it is, and where to read about it."""
    lines = _indented(f"{row.severity:<9} {row.name}  {row.details}", hanging=10)
    lines += _indented(row.what, indent=f"{'':12}") if row.what else []
    return "\n".join([*lines, f"{'':12}{row.url}"] if row.url and has_urls else lines)


def _omissions(omissions: Omissions) -> list[str]:
    lines = omissions.lines(_REASONS)
    return _wrapped(f"{omissions.title}: {'; '.join(lines)}") if lines else []


def _title(title: str, note: str = "") -> list[str]:
    return ["", title.upper(), *(_indented(note) if note else [])]


def _wrapped(text: str) -> list[str]:
    return wrapped(one_line(text))


def _indented(
    text: str, *, bullet: str = "", hanging: int | None = None, indent: str = "  "
) -> list[str]:
    after = indent + " " * (len(bullet) if hanging is None else hanging)
    return wrapped(text, indent + bullet, after)
