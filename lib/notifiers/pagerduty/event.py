"""The texts of an event: summary, details, links, within PagerDuty's limits. Pure."""

from collections.abc import Iterator
from typing import Final

from lib.messages.parts import AlertText, Row, Section, ToDo, UpgradeText
from lib.models import Json
from lib.text import fitting, one_line, short, truncate

# https://developer.pagerduty.com/docs/send-alert-event and, for the size of an event, the overview.
MAX_SUMMARY: Final = 1024
LINES: Final = 20
_CHARACTERS: Final = 4000
"""Of each list: five of them fit whatever letters they are of, at 12 bytes in ASCII."""
_REASONS: Final = 12
_PROBLEM: Final = 1000
NAME: Final = 200
_MAX_URL: Final = 2000


def summary_of(text: AlertText) -> str:
    """Return the summary, within the receiver's limit."""
    name = short(text.image.name, NAME)
    if text.problem is not None and not text.open.count:
        return truncate(one_line(f"{name}: {text.verdict}"), MAX_SUMMARY)
    return truncate(one_line(f"{name}: {text.state}. {text.verdict}"), MAX_SUMMARY)


def links_of(text: AlertText) -> list[Json]:
    """Return the links of an event."""
    return [
        {"href": link.url, "text": link.label} for link in text.links if len(link.url) <= _MAX_URL
    ]


def in_short(text: AlertText) -> Json:
    """Return the details that every event has, however large it is."""
    problem = text.problem
    details = {
        "verdict": text.verdict,
        "no_result": f"{problem.title}: {problem.reason} {problem.caution}" if problem else "",
        "findings": text.totals if problem is None or text.total else "",
        "full_report": text.report_command,
        "delivery": text.footer,
    }
    return {name: value for name, value in details.items() if value}


def details_of(text: AlertText) -> Json:
    """Return what there is to read, under the names that event rules can refer to."""
    details = {
        **in_short(text),
        "open": text.open.summary,
        "why": text.why,
        "what_to_do": _what_to_do(text),
        **{_name(section.title): _listing(section) for section in text.sections},
        "filtered_out": text.left_out.lines(_REASONS),
        "platforms": text.platforms.lines(LINES),
        "warnings": list(text.warnings),
        **{_name(fact.label): fact.value for fact in text.facts},
    }
    return {name: value for name, value in details.items() if value}


def _name(words: str) -> str:
    return words.lower().replace(" ", "_")


def _what_to_do(text: AlertText) -> Json:
    remedy = [truncate(text.problem.remedy, _PROBLEM)] if text.problem is not None else []
    return [*remedy, *_to_do(text.to_do)]


def _to_do(to_do: ToDo) -> Iterator[str]:
    shown = fitting(to_do.upgrades, _upgrade, lines=LINES, characters=_CHARACTERS)
    yield from shown
    steps, rest = to_do.steps(command=_CHARACTERS, limit=_CHARACTERS)
    more = to_do.more_upgrades(len(shown))
    if more:
        yield more
    for step in steps:
        yield f"{step.title}: {' ; '.join(step.commands) or step.remark}"
    yield from filter(None, (rest, *to_do.notes))


def _upgrade(upgrade: UpgradeText) -> str:
    return f"{upgrade.remedy}: {upgrade.step}, {upgrade.effect}"


def _listing(section: Section) -> list[str]:
    shown = fitting(section.rows, _finding, lines=LINES, characters=_CHARACTERS)
    more = section.more(len(shown))
    return [*shown, *([more] if more else [])]


def _finding(row: Row) -> str:
    return f"{row.severity} {row.name}: {row.details}"
