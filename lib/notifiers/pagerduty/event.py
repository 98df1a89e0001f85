"""The texts of an event: summary, details, links, within PagerDuty's limits. Pure."""

from collections.abc import Iterator
from operator import attrgetter
from typing import Final

from lib.messages.lists import PackageText, Section
from lib.messages.paging import ROUTES, happened, why_paged
from lib.messages.parts import AlertText
from lib.messages.steps import ToDo
from lib.messages.titles import (
    ABOUT,
    ALSO_CHECK,
    CHANGED,
    DELIVERY,
    EACH_RISK,
    HAPPENED,
    IN_WORKING_HOURS,
    ITS_RISK,
    NO_RESULT,
    NOTES,
    OPEN_NOW,
    REPORT_NAME,
    RESOLVE,
    RESOLVE_BOTH,
    RESOLVE_ONE,
    RESOLVE_PATCHED,
    RESOLVE_SCANNED,
    RESOLVE_SEVERAL,
    STILL_OPEN,
    URGENCY,
    WHY_PAGED,
)
from lib.models import Json
from lib.notifiers.pagerduty.incidents import Incident
from lib.text import capitalized, fitting, one_line, truncate

# https://developer.pagerduty.com/docs/send-alert-event and, for the size of an event, the overview.
MAX_SUMMARY: Final = 1024
LINES: Final = 20
PACKAGES: Final = 8
_NAMES: Final = 3
_DOT: Final = " \N{MIDDLE DOT} "
_CHARACTERS: Final = 4000
"""Of each list: five of them fit whatever letters they are of, at 12 bytes in ASCII."""
_REASONS: Final = 12
_PROBLEM: Final = 1000
NAME: Final = 200
_MAX_URL: Final = 2000


def summary_of(text: AlertText, incident: Incident) -> str:
    """Return the title of an incident, which PagerDuty keeps as long as the incident is open."""
    problem = text.problem
    is_scan = incident is Incident.SCAN and problem is not None
    title = text.lasting
    if is_scan and problem is not None:
        # Whatever joins this incident later can wait, too.
        title = f"{problem.lasting}: {IN_WORKING_HOURS}"
    return truncate(one_line(title), MAX_SUMMARY)


def links_of(text: AlertText) -> list[Json]:
    """Return the links of an event."""
    return [
        {"href": link.url, "text": link.label} for link in text.links if len(link.url) <= _MAX_URL
    ]


def in_short(text: AlertText) -> Json:
    """Return the details that every event has, however large it is."""
    problem = text.problem
    details = {
        HAPPENED: text.headline,
        NO_RESULT: _no_result(text),
        OPEN_NOW: text.totals if problem is None or text.total else "",
        REPORT_NAME: text.report_command,
        DELIVERY: _delivery(text),
    }
    return {name: value for name, value in details.items() if value}


def details_of(text: AlertText) -> Json:
    """
    Return what there is to read: what happened and what to do, where and for whom last.

    Who is woken accepts no risk at once; the page has the command.
    """
    text = text.in_short
    why = why_paged(text)
    details = {
        HAPPENED: happened(text),
        WHY_PAGED: why,
        URGENCY: capitalized(text.urgency_line.removeprefix(f"{URGENCY}: ")),
        NO_RESULT: _no_result(text),
        text.to_do.title: _what_to_do(text),
        RESOLVE: _resolve_when(text),
        **{section.title: _listing(section) for section in text.news},
        text.platforms.title: text.platforms.sentence(LINES),
        STILL_OPEN: [danger.line.removeprefix(f"{STILL_OPEN}: ") for danger in text.dangers],
        CHANGED: _changes(text),
        OPEN_NOW: _open_now(text),
        ALSO_CHECK: [doubt.line.removeprefix(f"{ALSO_CHECK}: ") for doubt in text.doubts],
        NOTES: _notes(text),
        REPORT_NAME: text.report_command,
        ABOUT: _about(text, has_routes=not why),
    }
    return {name: value for name, value in details.items() if value}


def _resolve_when(text: AlertText) -> str:
    """Return when an incident is over, and whether somebody has to resolve it then."""
    look = "check" if text.image.is_repository else "scan"
    if text.worst_news is None or text.problem is not None:
        is_scan = text.worst_news is None and text.problem is not None
        return RESOLVE_SCANNED.format(look=look, subject=text.subject) if is_scan else ""
    if text.to_do.hosts:
        has_others = text.to_do.upgrade_count or text.to_do.unversioned_count
        patched = RESOLVE_BOTH if has_others else RESOLVE_PATCHED
        return patched.format(risk=ITS_RISK if text.open.count == 1 else EACH_RISK)
    return (RESOLVE_ONE if text.open.count == 1 else RESOLVE_SEVERAL).format(look=look)


def _delivery(text: AlertText) -> str:
    return text.footer.removeprefix(DELIVERY).strip()


def _no_result(text: AlertText) -> str:
    """Return that nothing is known, and why."""
    problem = text.problem
    return "" if problem is None else f"{problem.caution} {problem.reason}".rstrip()


def _changes(text: AlertText) -> list[str]:
    """
    Return what the lists do not say, and what is known of exploits if no urgency says it.

    The changes are those of what the routes ask for: other receivers count more of them.
    """
    changes = text.changes if text.changes in text.numbers and not text.not_open.groups else ""
    return [*filter(None, (changes, text.why if text.urgency is None else ""))]


def _open_now(text: AlertText) -> str:
    """Return the counts of all that is open; nothing where the changes or the lists have them."""
    totals = [line for line in text.numbers if line != text.changes]
    if totals or not text.not_open.groups or not text.numbers:
        return " ".join(totals)
    return capitalized(text.counts_open.removesuffix(" open"))


def _about(text: AlertText, *, has_routes: bool) -> str:
    """Return where it is, since when, and the delivery; why somebody is paged has the routes."""
    small = (fact for fact in text.small if has_routes or not fact.startswith(ROUTES))
    return _DOT.join((*small, text.footer))


def _notes(text: AlertText) -> list[str]:
    """Return what is not certain, not listed, and what the scanner said."""
    quote = text.problem.quote if text.problem is not None else ""
    others = [f"{text.unlisted.title}: {line}" for line in text.unlisted.lines(_REASONS)]
    return [*filter(None, (*text.warnings, *others, quote))]


def _what_to_do(text: AlertText) -> Json:
    """Return the steps with their numbers, the settings, and then what is no step."""
    remedy = text.problem.steps if text.problem is not None else ()
    steps = [*([step] for step in remedy), *_steps(text.to_do.now)]
    numbers = [f"{place}. " for place in range(1, len(steps) + 1)] if steps[1:] else [""]
    numbered = [
        line
        for number, (first, *others) in zip(numbers, steps, strict=False)
        for line in (f"{number}{first}", *others)
    ]
    lines = (*numbered, *_settings(text.to_do), *text.to_do.remarks)
    return [line.replace("`", "") for line in lines]


def _steps(to_do: ToDo) -> Iterator[list[str]]:
    """Yield the lines of each step; several upgrades in one place are one step."""
    yield from ([step] for step in to_do.before)
    shown = fitting(to_do.upgrades, attrgetter("line"), lines=LINES, characters=_CHARACTERS)
    for remedy, upgrades in to_do.groups(len(shown)).items():
        if upgrades[1:]:
            yield [f"{remedy}:", *(f"- {one.step}, {one.effect}" for one in upgrades)]
        else:
            yield [f"{remedy}: {upgrades[0].step}, {upgrades[0].effect}"]
    yield from ([capitalized(rest)] for rest in (to_do.more_upgrades(len(shown)),) if rest)
    yield from ([step] for step in to_do.after)


def _settings(to_do: ToDo) -> Iterator[str]:
    """Yield the command that fixes the settings, each setting, and how many more there are."""
    steps, rest = to_do.steps(command=_CHARACTERS, limit=_CHARACTERS)
    first = (to_do.at_once(_CHARACTERS), to_do.before_yes(_CHARACTERS))
    lines = (*first, *(step.line for step in steps), rest)
    yield from filter(None, lines)


def _listing(section: Section) -> list[str]:
    shown = fitting(section.packages, _package, lines=PACKAGES, characters=_CHARACTERS)
    return [*filter(None, (section.note, *shown, section.more_packages(len(shown))))]


def _package(package: PackageText) -> str:
    if package.number == 1:
        row = package.rows[0]
        return ": ".join(filter(None, (f"{row.severity} {row.name}: {row.details}", row.what)))
    rows = package.shown(_NAMES)
    names, more = ", ".join(row.name for row in rows), package.more(len(rows))
    fix = f"\N{RIGHTWARDS ARROW} {package.fixed}" if package.fixed else ""
    target, ids = (" ".join(filter(None, words)) for words in ((package.name, fix), (names, more)))
    return ": ".join(filter(None, (package.summary, target, ids, package.exploits)))
