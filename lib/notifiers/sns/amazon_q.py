"""
The custom notification: what Amazon Q Developer in chat applications shows in Slack or Teams.

https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html. Escaped as Slack asks for,
and without what Teams' markdown or a chat takes for a link; our own links are bare addresses,
because the two write others differently. Alerts of a stream share a thread.
"""

import hashlib
import json
from typing import Final

from lib.messages.lists import Row, Section
from lib.messages.parts import AlertText, Problem
from lib.messages.steps import ToDo
from lib.messages.titles import REPORT_NAME
from lib.models import Json, Notice
from lib.notifiers.slack.mrkdwn import escape_slack, slack_flat, slack_text
from lib.notifiers.sns.headline import Headline, headline_of
from lib.text import fitting, one_line, truncate, unlinked

# Titles and descriptions beyond these are dropped without a word. The lists have no documented
# limit; a chat shows few lines of them anyway.
MAX_TITLE: Final = 250
MAX_DESCRIPTION: Final = 8_000
_STEPS: Final = 5
_STEP: Final = 300
_COMMAND: Final = 800
_FIXES: Final = 3_000
_KEYWORD: Final = 70
_NAME: Final = 100
_VALUE: Final = 250
_SMALL: Final = 500

_VERDICT: Final = 500
_PROBLEM: Final = 700
_LINE: Final = 250
_PLATFORMS: Final = 600
LISTED: Final = 8
_SECTION: Final = 1_000
_SECTIONS: Final = 3_000
_URL: Final = 1_000


def render(notice: Notice, text: AlertText, _room: int) -> tuple[str, bool]:
    """Return the notification, and whether it lists less than the message has."""
    parts = [_opening(text)]
    is_cut = False
    share = min(_SECTION, _SECTIONS // max(len(text.sections), 1))
    for section in text.sections:
        if text.in_steps(section):
            continue
        part, number = _listing(section, share)
        parts.append(part)
        is_cut = is_cut or number < section.count
    to_do = text.to_do
    notes = (
        *to_do.before,
        to_do.build,
        to_do.deploy,
        to_do.support,
        to_do.later,
        to_do.without_fix,
    )
    parts += [_say(note, _LINE) for note in notes if note]
    return _document(notice, text, parts, _steps(text.to_do)), is_cut


def render_plain(notice: Notice, text: AlertText, _room: int) -> tuple[str, bool]:
    """Return what happened and where to look."""
    return _document(notice, text, [_opening(text)], []), bool(text.sections)


def _document(notice: Notice, text: AlertText, parts: list[str], steps: list[str]) -> str:
    description = "\n\n".join((*parts, _ending(text)))
    headline = headline_of(notice, text)
    content = {
        "textType": "client-markdown",
        "title": f"{text.mark} {_say(text.image.name, _NAME)}",
        "description": description,
        "keywords": _keywords(headline),
    }
    return json.dumps(
        {
            "version": "1.0",
            "source": "custom",
            "id": notice.delivery_id,
            "content": content | ({"nextSteps": steps} if steps else {}),
            "metadata": {
                "threadId": hashlib.sha256(notice.group.encode("utf-8", "replace")).hexdigest(),
                "summary": _say(text.headline, _VALUE),
                "eventType": "scan-problem" if text.problem else "scan-findings",
                "additionalContext": _context(headline, text),
            },
        }
    )


def _opening(text: AlertText) -> str:
    problem = text.problem
    if problem is not None and not text.sections:
        return f"{_failed(problem)}{_remedy(text, problem)}"
    dangers = (danger.line for danger in text.dangers)
    doubts = (doubt.line for doubt in text.doubts)
    numbers = (text.urgency_line or text.why, *dangers, *text.numbers, *doubts)
    totals = (_say(total, _LINE) for total in numbers if total)
    platforms = _say(text.platforms.sentence(_STEPS), _PLATFORMS)
    by_platform = [f"{text.platforms.title}: {platforms}"] if platforms else []
    lines = "\n".join((f"*{_say(text.verdict, _VERDICT)}*", *totals, *by_platform))
    return lines if problem is None else f"{lines}\n{_failed(problem)}{_remedy(text, problem)}"


def _failed(problem: Problem) -> str:
    return f"*{problem.caution}*\n{_say(problem.reason, _PROBLEM)}".rstrip()


def _remedy(text: AlertText, problem: Problem) -> str:
    quote = f"\n{_say(problem.quote, _LINE)}" if problem.quote else ""
    remedy = slack_text(unlinked(problem.remedy), _PROBLEM)
    return f"\n\n*{text.to_do.title}*\n{remedy}{quote}"


def _listing(section: Section, characters: int) -> tuple[str, int]:
    lines = fitting(section.rows, _entry, lines=LISTED, characters=characters)
    more = section.more(len(lines))
    rest = [_say(more, _LINE)] if more else []
    return "\n".join((f"*{section.title}*", *lines, *rest)), len(lines)


def _entry(row: Row) -> str:
    details = f": {row.details}" if row.details else ""
    return f"- {_say(f'{row.severity} {row.name}{details}', _LINE)}"


def _steps(to_do: ToDo) -> list[str]:
    """Return the first steps; the last one counts the others."""
    is_full = len(to_do.upgrades) == _STEPS and not to_do.more_upgrades(_STEPS)
    most = _STEPS if is_full else _STEPS - 1
    shown = [_say(upgrade.line, _STEP) for upgrade in to_do.upgrades[:most]]
    if is_full:
        return shown
    room = max(most - len(shown), 1)
    shown += [_say(upgrade.line, _STEP) for upgrade in to_do.by_description[:room]]
    steps, rest = to_do.steps(command=_COMMAND, limit=_FIXES)
    at_once = " ".join(filter(None, (to_do.at_once(_COMMAND), to_do.before_yes(_COMMAND))))
    shown += [slack_text(unlinked(at_once), 4 * _COMMAND)] if at_once else []
    shown += [slack_text(unlinked(one_line(step.line)), 4 * _COMMAND) for step in steps]
    last = rest or to_do.more_upgrades(most) or to_do.without_version or to_do.nameless
    return [*shown, *([_say(last, _STEP)] if last else [])]


def _ending(text: AlertText) -> str:
    lines = [f"{text.accept_title}: `{text.accept_command}`"] if text.accept_command else []
    lines += [
        f"{_say(link.name, _NAME)}: {escape_slack(link.url)}"
        for link in text.links
        if len(link.url) <= _URL
    ]
    lines += [f"{REPORT_NAME}: `{text.report_command}`"] if text.report_command else []
    notes = [_say(f"Note: {warning}", _LINE) for warning in text.warnings]
    return "\n".join((*lines, *notes, _say(" \N{MIDDLE DOT} ".join(text.small), _SMALL)))


def _keywords(headline: Headline) -> list[str]:
    image = headline.image
    words = (
        headline.worst.name if headline.worst is not None else "",
        image.repository,
        image.account,
        image.region,
    )
    return [keyword for word in words if (keyword := _say(word, _KEYWORD))]


def _context(headline: Headline, text: AlertText) -> Json:
    """Return what custom actions can take as variables."""
    image = headline.image
    values = {
        "repository": image.repository,
        "digest": image.digest,
        "account": image.account,
        "region": image.region,
        "severity": headline.severity,
        "findings": str(text.total) if text.problem is None or text.total else "unknown",
    }
    return {name: truncate(one_line(value), _VALUE) or "-" for name, value in values.items()}


def _say(text: str, limit: int) -> str:
    return slack_text(unlinked(slack_flat(text)), limit)
