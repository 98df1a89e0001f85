"""
What a Slack message says, in Block Kit: readable in ten seconds, within Slack's limits. Pure.

    told       one alert: what happened, and what to do
    standing   how things stand now: what the first message of a thread is edited to
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from lib.messages import wording
from lib.models import Alert, Change, Json, ScanProblem, Severity, Upgrade, Usage
from lib.notifiers import testing
from lib.notifiers.slack.mrkdwn import slack_flat, slack_link, slack_text
from lib.text import one_line, unlinked
from lib.urls.advisories import vulnerability_url

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


def told(alert: Alert) -> Json:
    """Return the message of one alert."""
    blocks = _problem(alert, alert.problem) if alert.problem else _findings(alert)
    return {"text": _fallback(alert, _FALLBACK), **_NO_PREVIEWS, "blocks": blocks}


def told_plainly(alert: Alert) -> Json:
    """Return the same as text alone."""
    return {"text": _text_alone(alert, _fallback(alert, 2 * _FALLBACK)), **_NO_PREVIEWS}


def standing(alert: Alert) -> Json:
    """Return how things stand after an alert; its changes are told elsewhere."""
    return {"text": _fallback_of_standing(alert, _FALLBACK), "blocks": _standing(alert)}


def standing_plainly(alert: Alert) -> Json:
    """Return the same as text alone; the empty list takes away the blocks of the message before."""
    text = _text_alone(alert, _fallback_of_standing(alert, 2 * _FALLBACK))
    return {"text": text, "blocks": []}


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


def _findings(alert: Alert) -> list[Json]:
    numbers = _say(wording.all_findings(alert), _COUNTS)
    why = _say(wording.why(alert), _COUNTS)
    where = _say(wording.where(alert), _WHERE)
    about = "\n".join(filter(None, (numbers, why and f"*{why}*", where)))
    lists = [
        _listing(each, _NEW if each.title in (wording.FOUND, wording.NEW) else _OTHERS)
        for each in wording.sections(alert)
    ]
    parts = (
        _header(_mark(alert), alert),
        _section(f"*{_say(alert.verdict, _VERDICT)}*\n{about}"),
        _section(_platforms(alert)),
        _section(_to_do(alert)),
        *map(_section, _steps(alert)),
        *map(_section, lists),
        _section(_left_out(wording.left_out(alert, _REASONS), wording.arithmetic(alert))),
        _facts(alert),
        *_ending(alert),
    )
    return [each for each in parts if each]


def _mark(alert: Alert) -> str:
    """Return the colour of the worst that is told. Green is for an image without any finding."""
    if alert.worst is not None:
        return _MARKS[alert.worst]
    return _BETTER_MARK if alert.total or not alert.scan.complete else _CLEAR_MARK


def _problem(alert: Alert, problem: ScanProblem) -> list[Json]:
    what = alert.verdict.split(":", 1)[0]
    parts = (
        _header(_PROBLEM_MARK, alert),
        _section(
            f"*{_say(what, _VERDICT)}:* {_say(problem.reason, _PROBLEM)}\n"
            f"{wording.not_clear(alert)}"
        ),
        _section(_platforms(alert)),
        _section(f"*What to do*\n{_say(problem.remedy, _PROBLEM, code=True)}"),
        _facts(alert),
        *_ending(alert),
    )
    return [each for each in parts if each]


# --- how things stand -------------------------------------------------------------------------


def _standing(alert: Alert) -> list[Json]:
    how = [f"*{_say(_how_it_stands(alert), _VERDICT)}*"]
    how += [_say(wording.all_findings(alert), _COUNTS)] if alert.total else []
    why = _say(wording.why(alert), _COUNTS)
    how += [f"*{why}*"] if why else []
    how += [_say(wording.where(alert), _WHERE)]
    clear = not alert.standing and alert.scan.complete
    parts = (
        _header(_mark_of_standing(alert), alert, title=_RESOLVED if clear else ""),
        _section("\n".join(how)),
        _section(_platforms(alert)),
        _section(_to_do(alert)),
        *map(_section, _steps(alert)),
        _section(_listing(wording.standing(alert), _NEW, noted=False) if alert.standing else ""),
        _section(f"*Last change*\n{_say(alert.verdict, _VERDICT)}"),
        _section(
            _left_out(wording.not_standing(alert, _REASONS), wording.arithmetic_of_standing(alert))
        ),
        _facts(alert),
        *_ending(alert),
    )
    return [each for each in parts if each]


def _how_it_stands(alert: Alert) -> str:
    how = wording.how_it_stands(alert)
    return how[:1].upper() + how[1:]


def _mark_of_standing(alert: Alert) -> str:
    if alert.standing:
        return _MARKS[alert.standing[0].finding.severity]
    return _BETTER_MARK if alert.total or not alert.scan.complete else _CLEAR_MARK


# --- parts of both ----------------------------------------------------------------------------


def _ending(alert: Alert) -> list[Json]:
    footer = _say(wording.footer(alert), _FOOTER)
    notes = [_say(each, _WARNING) for each in wording.warnings(alert)]
    return [
        _section(_console(alert)),
        {"type": "context", "elements": [mrkdwn(each) for each in (*notes, footer)]},
    ]


def _header(mark: str, alert: Alert, *, title: str = "") -> Json:
    name = wording.short(alert.image.name, MAX_HEADER // 2)
    begin = f"{mark} {title}"
    text = begin + _say(name, MAX_HEADER - len(begin))
    return {"type": "header", "text": {"type": "plain_text", "text": text, "emoji": False}}


def _section(text: str) -> Json | None:
    return {"type": "section", "text": mrkdwn(text)} if text else None


def _facts(alert: Alert) -> Json:
    """Return in small print what the first lines do not say."""
    facts = (each for each in wording.facts(alert) if each[0] not in _SAID_BEFORE)
    said = (f"{label} {_say(value, _FACT)}" for label, value in facts)
    texts = filter(None, (_DOT.join(said), _source(alert)))
    return {"type": "context", "elements": [mrkdwn(each) for each in texts]}


def _source(alert: Alert) -> str:
    """Return what the image was made from, as links."""
    links = (slack_link(url, slack_flat(label)) for label, url in wording.source_links(alert))
    return _DOT.join(each for each in links if len(each) <= _SOURCE)


_DOT: Final = " \N{MIDDLE DOT} "


_SAID_BEFORE: Final = ("Repository", "Account", "Tags")


def mrkdwn(text: str) -> Json:
    """Return a text object; `verbatim`: Slack makes links of nothing but what is marked as one."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _listing(section: wording.Section, characters: int, *, noted: bool = True) -> str:
    lines, hidden = wording.fitting(
        section.changes,
        lambda each: _line(section, each),
        lines=_LINES,
        characters=characters,
    )
    note = f" {_say(section.note, _FACT)}" if noted and section.note else ""
    title = f"*{section.title} ({len(section.changes):,})*{note}"
    return "\n".join((title, *lines, *([f"_{wording.more(hidden)}_"] if hidden else ())))


def _line(section: wording.Section, change: Change) -> str:
    finding = change.finding
    parts = (
        f"*{_say(wording.severity(finding), 60)}* {_vulnerability(change)}",
        _code(wording.installed(finding)),
        _say(wording.fix(finding), 60),
        *(_say(each, 90) for each in section.remarks(change)),
    )
    return "• " + " · ".join(filter(None, parts))


def _vulnerability(change: Change) -> str:
    name = wording.short(change.finding.vulnerability_id, 40) or "(unnamed)"
    url = vulnerability_url(change.finding)
    link = slack_link(url, slack_flat(name)) if url else ""
    return link if link and len(link) <= _LINK else _say(name, 60)


def _platforms(alert: Alert) -> str:
    lines = [f"• {_say(each, _FACT)}" for each in wording.platforms(alert.parts, _LINES)]
    return "\n".join((f"*{wording.PLATFORMS}*", *lines)) if lines else ""


def _to_do(alert: Alert) -> str:
    ready = wording.upgradable(alert)
    fitting, hidden = wording.fitting(ready, _upgrade, lines=_LINES, characters=_TO_DO)
    lines: list[str] = []
    for title, group in wording.by_origin(ready[: len(fitting)]).items():
        lines += [f"*{title}*", *map(_upgrade, group)]
    if hidden:
        lines.append(f"_{wording.more_upgrades(hidden)}_")
    for said in (
        wording.deploy(alert),
        wording.without_fix(alert),
        wording.without_version(alert),
    ):
        if said:
            lines.append(_say(said, _OTHERS))
    if not lines:
        return ""
    return "\n".join(lines if ready else ("*What to do*", *lines))


def _steps(alert: Alert) -> list[str]:
    """Return what mends each setting, in sections of their own: commands are long."""
    steps, hidden = wording.steps(alert, command=_COMMAND, limit=_STEPS)
    sections = []
    for each in steps:
        lines = [f"*{_say(each.title, _FACT)}*"]
        lines += [_say(said, _OTHERS) for said in (each.risk, each.remark) if said]
        lines += [f"```{_say(line, MAX_SECTION, code=True)}```" for line in each.commands]
        sections.append("\n".join(lines))
    if sections:
        sections[0] = f"*What to do*\n{sections[0]}"
    return [*sections, *([f"_{_say(hidden, _FACT)}_"] if hidden else [])]


def _upgrade(upgrade: Upgrade) -> str:
    package = _code(f"{wording.short(upgrade.package)} {wording.upgrade_from(upgrade)}".rstrip())
    return (
        f"• {package} to {_code(wording.upgrade_to(upgrade))}: "
        f"removes {wording.counts(upgrade.fixes)}"
    )


def _left_out(reasons: Sequence[str], arithmetic: str) -> str:
    if not reasons:
        return ""
    lines = [f"• {_say(each, _LEFT_OUT // _REASONS)}" for each in reasons]
    return "\n".join(("*Not listed here*", *lines, arithmetic))


def _console(alert: Alert) -> str:
    console = slack_link(alert.console_url, f"Open the {wording.page_of(alert)} in the ECR console")
    report = slack_link(alert.report_url, "Open the full report") if alert.report_url else ""
    links = (each for each in (report, console) if each and len(each) <= _CONSOLE)
    command = wording.report_command(alert)
    lines = (_DOT.join(links), f"Full report: `{command}`" if command else "")
    return "\n".join(filter(None, lines))


def _fallback(alert: Alert, limit: int) -> str:
    """Return the message in one line: what notifications and screen readers say."""
    numbers = wording.not_clear(alert) if alert.problem else f"{wording.all_findings(alert)}."
    return _say(unlinked(f"{_name(alert)}: {alert.verdict.rstrip('.')}. {numbers}"), limit)


def _fallback_of_standing(alert: Alert, limit: int) -> str:
    numbers = f" {wording.all_findings(alert)}." if alert.total else ""
    return _say(unlinked(f"{_name(alert)}: {_how_it_stands(alert)}.{numbers}"), limit)


def _name(alert: Alert) -> str:
    image = alert.image
    return f"{wording.short(image.name)} ({image.account}, {image.region})"


def _text_alone(alert: Alert, said: str) -> str:
    lines = (said, _console(alert), _say(unlinked(wording.footer(alert)), _FOOTER))
    return "\n".join(filter(None, lines))


# --- text -------------------------------------------------------------------------------------


def _say(text: str, limit: int, *, code: bool = False) -> str:
    """Return outside text as one line of mrkdwn of at most `limit` characters after escaping."""
    return slack_text(one_line(text) if code else slack_flat(text), limit)


def _code(text: str) -> str:
    return f"`{_say(text, 150)}`"


def _longest(blocks: Sequence[Json]) -> int:
    return max((len(each["text"]["text"]) for each in blocks if "text" in each), default=0)


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
