"""
The layout of a Slack message, in Block Kit: readable in ten seconds, within Slack's limits. Pure.

    alert_message   one alert: what happened, and what to do
    root_message    what is open now: what the first message of a thread is edited to
"""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from lib.messages.parts import (
    LAST_CHANGE,
    REPORT_NAME,
    AlertText,
    Omissions,
    Problem,
    Row,
    Section,
    ToDo,
    UpgradeText,
)
from lib.models import Json, Severity, Usage
from lib.notifiers import testing
from lib.notifiers.slack.mrkdwn import slack_flat, slack_link, slack_text
from lib.text import capitalized, fitting, one_line, short, unlinked

# https://docs.slack.dev/reference/block-kit/blocks
MAX_BLOCKS: Final = 50
MAX_SECTION: Final = 3000
MAX_HEADER: Final = 150
MAX_CHARACTERS: Final = 10_000
"""Slack refuses about 13,200 in all ("msg_blocks_too_long", not documented); this is well below."""
INTERVAL: Final = 1.0
"""https://docs.slack.dev/apis/web-api/rate-limits: one message per second and channel."""

# How much of the total each part may use, after escaping. With markup they stay below the total.
_VERDICT: Final = 700
_FACT: Final = 110
_COUNTS: Final = 200
_WHERE: Final = 300
_FALLBACK: Final = 600
_FOOTER: Final = 450
_WARNING: Final = 150
_PROBLEM: Final = 1200
_LINK: Final = 160
_CONSOLE: Final = 900
_SOURCE: Final = 500
_NEW: Final = 2400
_OTHERS: Final = 600
_LISTS: Final = 2700
_TO_DO: Final = 1200
_LEFT_OUT: Final = 900
_COMMAND: Final = 1200
_STEPS: Final = 4500
_LINES: Final = 8
_REASONS: Final = 6

_MARKS: Final[Mapping[Severity, str]] = MappingProxyType(
    {
        Severity.CRITICAL: "\N{LARGE RED CIRCLE}",
        Severity.HIGH: "\N{LARGE ORANGE CIRCLE}",
        Severity.MEDIUM: "\N{LARGE YELLOW CIRCLE}",
        Severity.LOW: "\N{LARGE BLUE CIRCLE}",
        Severity.INFORMATIONAL: "\N{MEDIUM WHITE CIRCLE}",
        Severity.UNKNOWN: "\N{BLACK QUESTION MARK ORNAMENT}",
    }
)
_TEST_MARK: Final = "\N{TEST TUBE}"
_PROBLEM_MARK: Final = "\N{WARNING SIGN}"
_BETTER_MARK: Final = "\N{CHART WITH DOWNWARDS TREND}"
_CLEAR_MARK: Final = "\N{WHITE HEAVY CHECK MARK}"
_RESOLVED: Final = "Resolved: "

_NO_PREVIEWS: Final[Mapping[str, Json]] = MappingProxyType(
    {"unfurl_links": False, "unfurl_media": False}
)


def alert_message(text: AlertText) -> Json:
    """Return the message of one alert."""
    return {"text": _fallback(text, _FALLBACK), **_NO_PREVIEWS, "blocks": _alert(text)}


def plain_message(text: AlertText) -> Json:
    """Return the same as text alone."""
    return {"text": _text_alone(text, _fallback(text, 2 * _FALLBACK)), **_NO_PREVIEWS}


def root_message(text: AlertText) -> Json:
    """Return what is open after an alert; its changes stand in the message of the alert."""
    return {"text": _fallback_of_root(text, _FALLBACK), "blocks": _root(text)}


def plain_root_message(text: AlertText) -> Json:
    """Return the same as text alone; the empty list takes away the blocks of the message before."""
    alone = _text_alone(text, _fallback_of_root(text, 2 * _FALLBACK))
    return {"text": alone, "blocks": []}


def test(sentence: str) -> Json:
    """Return the message of a test, which mentions nobody."""
    text = slack_text(f"{testing.TITLE}. {sentence}", _FALLBACK)
    header = {"type": "plain_text", "text": f"{_TEST_MARK} {testing.TITLE}", "emoji": True}
    blocks = [
        {"type": "header", "text": header},
        {"type": "section", "text": {"type": "mrkdwn", "text": slack_text(sentence, _FALLBACK)}},
    ]
    return {"text": text, **_NO_PREVIEWS, "blocks": blocks}


def usage(message: Json, *, of: str = "") -> tuple[Usage, ...]:
    """Return how much of each of Slack's limits a message uses."""
    blocks = message.get("blocks", [])
    return (
        Usage(f"characters{of}", _characters([message["text"], blocks]), MAX_CHARACTERS),
        Usage(f"blocks{of}", len(blocks), MAX_BLOCKS),
        Usage(f"characters of the longest section{of}", _longest(blocks), MAX_SECTION),
    )


# --- what happened ----------------------------------------------------------------------------


def _alert(text: AlertText) -> list[Json]:
    parts = (
        _header(_mark(text), text),
        *(_section(opening) for opening in _opening(text)),
        _section(_platforms(text)),
        _section(_remedy(text)),
        _section(_to_do(text.to_do)),
        *map(_section, _steps(text.to_do)),
        *map(_section, _listings(text.sections)),
        _section(_omissions(text.left_out)),
        _facts(text),
        *_ending(text),
    )
    return [part for part in parts if part]


def _opening(text: AlertText) -> list[str]:
    """Return what happened with its numbers, and what has no result, as sections."""
    problem = [_problem(text.problem)] if text.problem is not None else []
    is_known = text.problem is None or text.total > 0
    totals, why = _say(text.totals, _COUNTS) if is_known else "", _say(text.why, _COUNTS)
    about = "\n".join(filter(None, (totals, why and f"*{why}*", _say(text.where, _WHERE))))
    if problem and not text.sections:
        return [*problem, about]
    return [f"*{_say(text.verdict, _VERDICT)}*\n{about}", *problem]


def _problem(problem: Problem) -> str:
    reason = f"*{_say(problem.title, _VERDICT)}:* {_say(problem.reason, _PROBLEM)}"
    return f"{reason}\n{_say(problem.caution, _WHERE)}"


def _remedy(text: AlertText) -> str:
    """Return what to do about a missing result."""
    if text.problem is None:
        return ""
    return f"*{text.to_do.title}*\n{_say(text.problem.remedy, _PROBLEM, code=True)}"


def _listings(sections: Sequence[Section]) -> Iterator[str]:
    """Yield the lists: the first one matters most, the others share what is left."""
    for place, section in enumerate(sections):
        yield _listing(section, _NEW if not place else min(_OTHERS, _LISTS // (len(sections) - 1)))


def _mark(text: AlertText) -> str:
    """Return the colour of the worst news. Green is for an image without any finding."""
    if text.worst_news is not None:
        return _MARKS[text.worst_news]
    if text.problem is not None:
        return _PROBLEM_MARK
    return _CLEAR_MARK if text.is_clear else _BETTER_MARK


# --- what is open -----------------------------------------------------------------------------


def _root(text: AlertText) -> list[Json]:
    lines = [f"*{_say(capitalized(text.state), _VERDICT)}*"]
    lines += [_say(text.totals, _COUNTS)] if text.total else []
    why = _say(text.why, _COUNTS)
    lines += [f"*{why}*"] if why else []
    lines += [_say(text.where, _WHERE)]
    parts = (
        _header(_mark_of_root(text), text, title="" if _is_open(text) else _RESOLVED),
        _section("\n".join(lines)),
        _section(_platforms(text)),
        _section(_to_do(text.to_do)),
        *map(_section, _steps(text.to_do)),
        _section(_listing(text.open, _NEW, noted=False) if text.open.count else ""),
        _section(f"*{LAST_CHANGE}*\n{_say(text.verdict, _VERDICT)}"),
        _section(_omissions(text.not_open)),
        _facts(text),
        *_ending(text),
    )
    return [part for part in parts if part]


def _is_open(text: AlertText) -> bool:
    """Return whether anything is open here, or may be."""
    return text.open.count > 0 or not text.is_complete


def _mark_of_root(text: AlertText) -> str:
    if text.worst is not None:
        return _MARKS[text.worst]
    return _CLEAR_MARK if text.is_clear else _BETTER_MARK


# --- parts of both ----------------------------------------------------------------------------


def _ending(text: AlertText) -> list[Json]:
    notes = (*(_say(warning, _WARNING) for warning in text.warnings), _say(text.footer, _FOOTER))
    return [
        _section(_links(text)),
        {"type": "context", "elements": [mrkdwn(note) for note in notes]},
    ]


def _header(mark: str, text: AlertText, *, title: str = "") -> Json:
    name = short(text.image.name, MAX_HEADER // 2)
    begin = f"{mark} {title}"
    header = begin + _say(name, MAX_HEADER - len(begin))
    return {"type": "header", "text": {"type": "plain_text", "text": header, "emoji": False}}


def _section(text: str) -> Json | None:
    return {"type": "section", "text": mrkdwn(text)} if text else None


def _facts(text: AlertText) -> Json | None:
    """Return in small print what the first lines do not say; None where they say everything."""
    facts = (f"{fact.label} {_say(fact.value, _FACT)}" for fact in text.facts if not fact.in_where)
    lines = [line for line in (_DOT.join(facts), _sources(text)) if line]
    return {"type": "context", "elements": [mrkdwn(line) for line in lines]} if lines else None


def _sources(text: AlertText) -> str:
    """Return what the image was made from, as links."""
    links = (slack_link(link.url, slack_flat(link.label)) for link in text.sources)
    return _DOT.join(link for link in links if len(link) <= _SOURCE)


_DOT: Final = " \N{MIDDLE DOT} "


def mrkdwn(text: str) -> Json:
    """Return a text object; `verbatim`: Slack makes links of nothing but what is marked as one."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _listing(section: Section, characters: int, *, noted: bool = True) -> str:
    lines = fitting(section.rows, _line, lines=_LINES, characters=characters)
    note = f" {_say(section.note, _FACT)}" if noted and section.note else ""
    rest = section.more(len(lines))
    return "\n".join((f"*{section.heading}*{note}", *lines, *([f"_{rest}_"] if rest else ())))


def _line(row: Row) -> str:
    parts = (
        f"*{_say(row.severity, 60)}* {_vulnerability(row)}",
        _code(row.installed),
        _say(row.fix, 60),
        *(_say(remark, 90) for remark in row.remarks),
    )
    return "• " + " · ".join(filter(None, parts))


def _vulnerability(row: Row) -> str:
    name = short(row.name, 40) or "(unnamed)"
    link = slack_link(row.url, slack_flat(name)) if row.url else ""
    return link if link and len(link) <= _LINK else _say(name, 60)


def _platforms(text: AlertText) -> str:
    lines = [f"• {_say(line, _FACT)}" for line in text.platforms.lines(_LINES)]
    return "\n".join((f"*{text.platforms.title}*", *lines)) if lines else ""


def _to_do(to_do: ToDo) -> str:
    shown = fitting(to_do.upgrades, _upgrade, lines=_LINES, characters=_TO_DO)
    lines: list[str] = []
    for remedy, upgrades in to_do.groups(len(shown)).items():
        lines += [f"*{remedy}*", *map(_upgrade, upgrades)]
    rest = to_do.more_upgrades(len(shown))
    lines += [f"_{rest}_"] if rest else []
    lines += [_say(note, _OTHERS) for note in to_do.notes]
    if not lines:
        return ""
    return "\n".join(lines if to_do.upgrades else (f"*{to_do.title}*", *lines))


def _steps(to_do: ToDo) -> list[str]:
    """Return what fixes each setting, in sections of their own: commands are long."""
    steps, rest = to_do.steps(command=_COMMAND, limit=_STEPS)
    sections = []
    for step in steps:
        lines = [f"*{_say(step.title, _FACT)}*"]
        lines += [_say(text, _OTHERS) for text in (step.risk, step.remark) if text]
        lines += [f"```{_say(line, MAX_SECTION, code=True)}```" for line in step.commands]
        sections.append("\n".join(lines))
    if sections:
        sections[0] = f"*{to_do.title}*\n{sections[0]}"
    return [*sections, *([f"_{_say(rest, _FACT)}_"] if rest else [])]


def _upgrade(upgrade: UpgradeText) -> str:
    package = _code(f"{upgrade.package} {upgrade.installed}".rstrip())
    return f"• {package} to {_code(upgrade.fixed)}: {upgrade.effect}"


def _omissions(omissions: Omissions) -> str:
    lines = [f"• {_say(line, _LEFT_OUT // _REASONS)}" for line in omissions.lines(_REASONS)]
    return "\n".join((f"*{omissions.title}*", *lines, omissions.sum)) if lines else ""


def _links(text: AlertText) -> str:
    """Return the links to the report page and to the console."""
    links = (link for link in (text.report, text.console) if link is not None)
    shown = (slack_link(link.url, link.action) for link in links)
    command = f"{REPORT_NAME}: `{text.report_command}`" if text.report_command else ""
    lines = (_DOT.join(link for link in shown if len(link) <= _CONSOLE), command)
    return "\n".join(filter(None, lines))


def _fallback(text: AlertText, limit: int) -> str:
    """Return the message in one line: what notifications and screen readers say."""
    end = f"{text.totals}."
    if text.problem is not None and not text.sections:
        end = text.problem.caution
    return _say(unlinked(f"{_name(text)}: {text.verdict.rstrip('.')}. {end}"), limit)


def _fallback_of_root(text: AlertText, limit: int) -> str:
    totals = f" {text.totals}." if text.total else ""
    line = f"{_name(text)}: {capitalized(text.state)}.{totals}"
    return _say(unlinked(line), limit)


def _name(text: AlertText) -> str:
    return f"{text.name} ({text.image.account}, {text.image.region})"


def _text_alone(text: AlertText, line: str) -> str:
    lines = (line, _links(text), _say(unlinked(text.footer), _FOOTER))
    return "\n".join(filter(None, lines))


# --- text -------------------------------------------------------------------------------------


def _say(text: str, limit: int, *, code: bool = False) -> str:
    """Return outside text as one line of mrkdwn of at most `limit` characters after escaping."""
    return slack_text(one_line(text) if code else slack_flat(text), limit)


def _code(text: str) -> str:
    return f"`{_say(text, 150)}`"


def _longest(blocks: Sequence[Json]) -> int:
    return max((len(block["text"]["text"]) for block in blocks if "text" in block), default=0)


def _characters(value: Json) -> int:
    """Count every character of text, wherever it stands."""
    match value:
        case str():
            return len(value)
        case dict():
            return sum(map(_characters, value.values()))
        case list():
            return sum(map(_characters, value))
        case _:
            return 0
