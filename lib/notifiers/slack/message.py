"""
The layout of a Slack message, in Block Kit: readable in ten seconds, within Slack's limits. Pure.

    alert_message   one alert: what happened, what to do, what it is about
    root_message    what is open now: what the first message of a thread is edited to; links and
                    urgency stand in the reply, if there is one

The headline and what to do come first. Small print says where and for whom; digests, sums and ids
are on the report page.
"""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from lib.messages.linking import Piece, is_named, pieces
from lib.messages.lists import PackageText, Row, Section
from lib.messages.parts import AlertText, Danger, Link, Omissions, Problem
from lib.messages.steps import Step, ToDo, UpgradeText
from lib.messages.titles import NEWEST, REPORT_NAME, SAME_AS_BEFORE
from lib.models import Json
from lib.notifiers import testing
from lib.notifiers.slack.limits import MAX_HEADER, MAX_SECTION
from lib.notifiers.slack.mrkdwn import slack_flat, slack_link, slack_text
from lib.text import capitalized, fitting, one_line, short, unlinked

INTERVAL: Final = 1.0
"""https://docs.slack.dev/apis/web-api/rate-limits: one message per second and channel."""

# How much of the total each part may use, after escaping. With markup they stay below the total.
_VERDICT: Final = 700
_FACT: Final = 110
_NOTE: Final = 200
_PLATFORMS: Final = 900
_WHERE: Final = 300
_FALLBACK: Final = 600
_FOOTER: Final = 450
_WARNING: Final = 150
_PROBLEM: Final = 1200
_CAUTION: Final = 400
_LINK: Final = 160
_CONSOLE: Final = 900
_SOURCE: Final = 500
_NEWS: Final = 2200
_OTHERS: Final = 600
_LISTS: Final = 1800
_TO_DO: Final = 1100
_NOTES: Final = 500
_COMMAND: Final = 1200
_STEPS: Final = 4500
_ACCEPT: Final = 420
_LINES: Final = 6
_PACKAGES: Final = 5
_NAMES: Final = 3
"""Vulnerabilities of a package that are named; the others are counted."""
_REASONS: Final = 4
_WHAT: Final = 220
_DESCRIBED: Final = 3
"""Packages of a message with a line about what the most telling vulnerability is."""

_TEST_MARK: Final = "\N{TEST TUBE}"
_RESOLVED: Final = "Resolved: "
_DOT: Final = " \N{MIDDLE DOT} "
_ARROW: Final = "\N{RIGHTWARDS ARROW}"
_UNDER: Final = "\N{DOWNWARDS ARROW WITH TIP RIGHTWARDS}"

_NO_PREVIEWS: Final[Mapping[str, Json]] = MappingProxyType(
    {"unfurl_links": False, "unfurl_media": False}
)


def alert_message(text: AlertText) -> Json:
    """Return the message of one alert."""
    text = text.in_short
    return {"text": _fallback(text, _FALLBACK), **_NO_PREVIEWS, "blocks": _alert(text)}


def plain_message(text: AlertText) -> Json:
    """Return the same as text alone."""
    return {"text": _text_alone(text, _fallback(text, 2 * _FALLBACK)), **_NO_PREVIEWS}


def root_message(text: AlertText, *, has_reply: bool) -> Json:
    """
    Return what is open after an alert; its changes stand in the message of the alert.

    `has_reply`: whether that message is in the thread, with urgency, links and small print.
    """
    blocks = _root_above(text) if has_reply else _root(text)
    return {"text": _fallback_of_root(text, _FALLBACK), "blocks": blocks}


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


# --- what happened ----------------------------------------------------------------------------


def _alert(text: AlertText) -> list[Json]:
    parts = (
        _header(text.mark, text.headline),
        _section(_urgency(text)),
        *map(_section, _problem(text, text.problem) if text.problem is not None else ()),
        _section(_to_do(text)),
        *map(_section, _steps(text.to_do)),
        *map(_section, _listings(text.news)),
        _section(_platforms(text)),
        _section(_numbers(text)),
        *_ending(text),
    )
    return [part for part in parts if part]


def _problem(text: AlertText, problem: Problem) -> tuple[str, str]:
    """Return that nothing is known and why, and what helps."""
    steps = [_step(step, problem.pages, code=True) for step in problem.steps]
    if steps[1:] or text.to_do.is_numbered:
        steps = [f"{place}. {step}" for place, step in enumerate(steps, 1)]
    caution = f"*{_say(problem.caution, _CAUTION)}* {_say(problem.reason, _PROBLEM)}".rstrip()
    return caution, "\n".join((f"*{text.to_do.title}*", *steps))


def _urgency(text: AlertText) -> str:
    """Return how soon somebody should look, and why."""
    return f"*{_say(text.urgency_line, _NOTE)}*" if text.urgency is not None else ""


def _listings(news: Sequence[Section]) -> Iterator[str]:
    """Yield what is news, package by package. What ended is counted, and on the page."""
    described = _DESCRIBED
    for place, section in enumerate(news):
        room = _NEWS if not place else min(_OTHERS, _LISTS // (len(news) - 1))
        yield _listing(section, room, described)
        described = max(described - len(section.packages), 0)


def _numbers(text: AlertText) -> str:
    """Return what neither the title nor the lists say, and what makes it urgent if nothing did."""
    lines = [*map(_danger, text.dangers)]
    lines += [_number(_say(line, _VERDICT)) for line in text.numbers]
    lines += map(_danger, text.doubts)
    lines += [_say(text.why, _NOTE)] if text.why and text.urgency is None else []
    return "\n".join(lines)


def _danger(danger: Danger) -> str:
    """Return what is not new and has a line of its own, with the page about it."""
    title, sign, severity = danger.start.partition(": ")
    link = slack_link(danger.url, slack_flat(danger.name)) if danger.url else ""
    name = link if link and len(link) <= _LINK else _say(danger.name, _FACT)
    space = " " if danger.end.startswith(" ") else ""
    return f"*{title}{sign.strip()}* {severity}{name}{space}{_say(danger.end, _NOTE)}"


def _number(line: str) -> str:
    """Return a line of numbers with its beginning in bold: since when, or how many."""
    mark = ": " if line.partition(": ")[0].startswith(("Since ", SAME_AS_BEFORE)) else "; "
    title, sign, rest = line.partition(mark)
    return f"*{title}{sign.strip()}* {rest}".rstrip() if sign else f"*{line}*"


# --- what is open -----------------------------------------------------------------------------


def _root(text: AlertText) -> list[Json]:
    """Return how a stream stands, and the first step."""
    lines = (_trouble(text), _urgency(text) or _say(text.why, _NOTE), _first_step(text))
    parts = (
        _root_header(text, text.standing),
        _section("\n".join(filter(None, lines))),
        _section(_links(text)),
        _small_print(text, ()),
    )
    return [part for part in parts if part]


def _root_above(text: AlertText) -> list[Json]:
    """Return the counts of what is open, above the message with what happened and what to do."""
    header = _root_header(text, text.counts_open)
    below = {"type": "context", "elements": [mrkdwn(NEWEST)]}
    return [part for part in (header, _section(_trouble(text)), below) if part]


def _root_header(text: AlertText, state: str) -> Json:
    title = f"{text.name}: {state}" if _is_open(text) else f"{_RESOLVED}{text.name}"
    return _header(text.state_mark, title)


def _trouble(text: AlertText) -> str:
    """Return that the last scan has no result, where an earlier one is known."""
    return f"*{_say(text.verdict, _VERDICT)}*" if text.problem and text.open.count else ""


def _first_step(text: AlertText) -> str:
    brief = text.to_do.brief
    return f"*{text.to_do.title}:* {_say(brief.replace('`', ''), _TO_DO)}" if brief else ""


def _is_open(text: AlertText) -> bool:
    """Return whether anything is open here, or may be."""
    return text.open.count > 0 or not text.is_complete


# --- parts of both ----------------------------------------------------------------------------


def _ending(text: AlertText) -> list[Json]:
    """Return the links, and the small print with how to accept the risk."""
    small = _small_print(text, _omissions(text.unlisted))
    if text.accept_command:
        command = _say(text.accept_command, _ACCEPT, code=True)
        accept = mrkdwn(f"{_say(text.accept_title, 160)}: `{command}`")
        small = {"type": "context", "elements": [*small.get("elements", []), accept]}
    steps = (*text.to_do.before, *text.to_do.after)
    return [_section(_links(text, steps)) or {}, small]


def _small_print(text: AlertText, omissions: Sequence[str]) -> Json:
    """Return what is not certain, what is not shown, where and for whom."""
    notes = [f"\N{WARNING SIGN} {_say(warning, _WARNING)}" for warning in text.warnings]
    notes += omissions
    notes += [_say(text.problem.quote, _CAUTION)] if text.problem is not None else []
    notes += [_DOT.join(_say(fact, _FACT) for fact in text.small)]
    elements = [mrkdwn(note) for note in notes if note]
    return {"type": "context", "elements": elements} if elements else {}


def _header(mark: str, title: str) -> Json:
    begin = f"{mark} "
    header = begin + _say(title, MAX_HEADER - len(begin))
    return {"type": "header", "text": {"type": "plain_text", "text": header, "emoji": False}}


def _section(text: str) -> Json | None:
    return {"type": "section", "text": mrkdwn(text)} if text else None


def mrkdwn(text: str) -> Json:
    """Return a text object; `verbatim`: Slack makes links of nothing but what is marked as one."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _listing(section: Section, characters: int, described: int) -> str:
    """
    Return a section by package: of one that stands alone what it is, of several the names.

    `described`: how many packages have a line about what a vulnerability is.
    """

    def package(place_and_package: tuple[int, PackageText]) -> str:
        place, package = place_and_package
        return _package(package, is_described=place < described)

    packages = [*enumerate(section.packages)]
    lines = fitting(packages, package, lines=_PACKAGES, characters=characters)
    note = f" {_say(section.note, _NOTE)}" if section.note else ""
    rest = section.more_packages(len(lines))
    return "\n".join((f"*{section.heading}*{note}", *lines, *([f"_{rest}_"] if rest else ())))


def _package(package: PackageText, *, is_described: bool) -> str:
    rows = package.shown(_NAMES)
    names = ", ".join(filter(None, (*map(_vulnerability, rows), package.more(len(rows)))))
    place = f" in {_code(package.name)}" if package.name else ""
    worst = package.telling
    what = _say(worst.what, _WHAT) if is_described else ""
    remarks = [_say(remark, 90) for remark in package.notes if remark]
    if package.number > 1:
        # What is true of one vulnerability is no remark about the others.
        details = _DOT.join(filter(None, (*remarks, what)))
        first = f"{package.mark} *{package.summary}*{place}: {names}"
        first = _DOT.join(filter(None, (first, _say(package.exploits, _FACT))))
        is_described = is_described and bool(details)
        return _with_detail(first, f"{_say(worst.name, 60)}: {details}" if is_described else "")
    first = f"{package.mark} *{_say(worst.severity, 60)}* {names}{place}"
    return _with_detail(_DOT.join((first, *remarks)), what)


def _with_detail(line: str, detail: str) -> str:
    return f"{line}\n{_UNDER} {detail}" if detail else line


def _vulnerability(row: Row) -> str:
    name = short(row.name, 40) or "(unnamed)"
    link = slack_link(row.url, slack_flat(name)) if row.url else ""
    return link if link and len(link) <= _LINK else _say(name, 60)


def _platforms(text: AlertText) -> str:
    sentence = _say(text.platforms.sentence(_LINES), _PLATFORMS)
    return f"*{text.platforms.title}:* {sentence}" if sentence else ""


def _to_do(text: AlertText) -> str:
    """Return the upgrades, the one that removes most first, and what else helps."""
    to_do = text.to_do
    shown = fitting(to_do.upgrades, _upgrade, lines=_LINES, characters=_TO_DO)
    steps = [_step(step, _pages(text), code=True) for step in to_do.before]
    for remedy, upgrades in to_do.groups(len(shown)).items():
        heading = _step(remedy, code=True).removesuffix(".")
        steps.append("\n".join((f"{heading}:", *map(_upgrade, upgrades))))
    rest = to_do.more_upgrades(len(shown))
    steps += [f"_{rest}_"] if rest else []
    steps += [_step(step, _pages(text), code=step in to_do.commands) for step in to_do.after]
    lines = [f"{_say(note.removesuffix('.'), _NOTE)}." for note in (text.lead,) if note]
    first = text.steps_above + 1
    numbered = [f"{place}. {step}" for place, step in enumerate(steps, first)]
    lines += numbered if steps[1:] or first > 1 else steps
    lines += [_step(remark, _pages(text)) for remark in to_do.remarks]
    title = [f"*{to_do.title}*"] if first == 1 and lines else []
    return "\n".join((*title, *lines))


def _pages(text: AlertText) -> list[Link]:
    """Return the pages that steps name; a link that is too long is left out."""
    return [link for link in text.of_steps if len(link.url) <= _CONSOLE]


def _step(sentence: str, links: Sequence[Link] = (), *, code: bool = False) -> str:
    """Return a step; commands in it are code, and names with a page about the fix are links."""
    step = _say(sentence.removesuffix("."), _NOTES, code=code)
    end = "" if step.endswith("?") else "."
    return f"{''.join(_linked(piece) for piece in pieces(step, links))}{end}"


def _linked(piece: Piece) -> str:
    if piece.link is not None:
        note = f" ({piece.link.note})" if piece.link.note else ""
        return f"{slack_link(piece.link.url, piece.text)}{note}"
    return f"`{piece.text}`" if piece.is_command else piece.text


def _steps(to_do: ToDo) -> list[str]:
    """Return what fixes each setting, in sections of their own: commands are long."""
    steps, rest = to_do.steps(command=_COMMAND, limit=_STEPS)
    at_once = to_do.at_once(_COMMAND)
    first = filter(None, (at_once, to_do.before_yes(_COMMAND)))
    sections = ["\n".join(_step(line, code=True) for line in first)] if at_once else []
    for step in steps:
        lines = [f"{step.mark} *{_say(step.title, _NOTE)}*{_id(step)}"]
        lines += [_say(step.risk, _OTHERS)] if step.risk else []
        lines += [_say(step.remark, _OTHERS, code=True)] if step.remark else []
        lines += [f"```{_say(line, MAX_SECTION, code=True)}```" for line in step.commands]
        sections.append("\n".join(lines))
    if sections:
        sections[0] = f"*{to_do.title}*\n{sections[0]}"
    return [*sections, *([f"_{_say(rest, _FACT)}_"] if rest else [])]


def _id(step: Step) -> str:
    """Return the id of a check in brackets, with the page about it."""
    link = slack_link(step.url, slack_flat(step.id)) if step.url else ""
    name = link if link and len(link) <= _LINK else _say(step.id, 60)
    return f" ({name})" if name else ""


def _upgrade(upgrade: UpgradeText) -> str:
    names, more = upgrade.labels
    package = _code(f"{upgrade.package} {upgrade.installed}".rstrip())
    if upgrade.group:
        named = ", ".join([*map(_code, names), *([more] if more else [])])
        package = f"{named} {_code(upgrade.installed)}" if upgrade.installed else named
    target = _code(upgrade.fixed) if upgrade.fixed else _say(upgrade.described, _FACT)
    return f"• {package} {_ARROW} {target}{_DOT}{_say(upgrade.effect, _FACT)}"


def _omissions(omissions: Omissions) -> list[str]:
    lines = [_say(line, _NOTE) for line in omissions.lines(_REASONS)]
    return [f"{omissions.title}: {_DOT.join(lines)}"] if lines else []


def _links(text: AlertText, steps: Sequence[str] = ()) -> str:
    """
    Return the links: report, commit and commits since, console.

    `steps`: those of the message, which have the links that they name.
    """
    links = [link for link in (text.report, *text.sources, text.console) if link is not None]
    in_steps = text.problem.pages if text.problem is not None else ()
    links = [link for link in links if not (link.of_hosts or link in in_steps)]
    links = [link for link in links if not is_named(link, steps)]
    # The step of a short message links the report.
    is_linked = text.report is not None and len(text.report.url) <= _CONSOLE
    links = [] if text.left_to and is_linked else links
    limits = [_CONSOLE if link in (text.report, text.console) else _SOURCE for link in links]
    notes = [f" ({link.note})" if link.note else "" for link in links]
    shown = [slack_link(link.url, slack_flat(link.label)) for link in links]
    fitting_links = (
        f"{link}{note}"
        for link, note, limit in zip(shown, notes, limits, strict=True)
        if len(link) <= limit
    )
    command = f"{REPORT_NAME}: `{text.report_command}`" if text.report_command else ""
    return "\n".join(filter(None, (_DOT.join(fitting_links), command)))


def _fallback(text: AlertText, limit: int) -> str:
    """Return the message in one line: what notifications and screen readers say."""
    end = f"{text.totals}." if not text.to_do.all_steps else ""
    if text.problem is not None and not text.sections:
        end = text.problem.caution
    return _say(unlinked(f"{text.headline.rstrip('.')}. {end}".rstrip()), limit)


def _fallback_of_root(text: AlertText, limit: int) -> str:
    return _say(unlinked(f"{text.name}: {capitalized(text.state)}."), limit)


def _text_alone(text: AlertText, line: str) -> str:
    lines = (line, _links(text), _say(unlinked(_DOT.join(text.small)), _FOOTER))
    return "\n".join(filter(None, lines))


# --- text -------------------------------------------------------------------------------------


def _say(text: str, limit: int, *, code: bool = False) -> str:
    """Return outside text as one line of mrkdwn of at most `limit` characters after escaping."""
    return slack_text(one_line(text) if code else slack_flat(text), limit)


def _code(text: str) -> str:
    return f"`{_say(text, 150)}`"
