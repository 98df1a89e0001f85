"""A digest as a Slack message: the numbers, a chart that Slack draws itself, and lists. Pure."""

from typing import Final

from lib.messages import digest as words
from lib.models import Digest, Json, Severity
from lib.notifiers.slack.message import mrkdwn
from lib.notifiers.slack.mrkdwn import slack_flat, slack_text
from lib.text import unlinked

_HEADER: Final = 150
_SAID: Final = 500
_FIELD: Final = 300
_LINE: Final = 200
_LINES: Final = 5
_LIST: Final = 700
_FOOTER: Final = 500

_MARKS: Final = {
    Severity.CRITICAL: "\N{LARGE RED CIRCLE}",
    Severity.HIGH: "\N{LARGE ORANGE CIRCLE}",
}


def told(digest: Digest) -> Json:
    """Return the message: title, sum, ages, chart, repositories, what is gone, what is unknown."""
    blocks = [
        _header(digest),
        _section(_opening(digest)),
        _ages(digest),
        _chart(digest),
        _list(words.REPOSITORIES, words.repositories(digest, _LINES, _LIST)),
        _list(words.REMOVED, words.removed(digest, _LINES, _LIST)),
        _list(words.NOT_SCANNED, words.not_scanned(digest, _LINES, _LIST)),
        _context(digest),
    ]
    return told_plainly(digest) | {"blocks": [each for each in blocks if each]}


def told_plainly(digest: Digest) -> Json:
    """Return the same as text alone."""
    text = f"{words.name(digest)}: {words.verdict(digest)}. {words.movement(digest)}"
    return {"text": _say(unlinked(text), _SAID), "unfurl_links": False, "unfurl_media": False}


def _header(digest: Digest) -> Json:
    worst = next(iter(digest.counts), None)
    clear = not digest.counts and not digest.unscanned and not digest.warnings
    mark = "\N{WHITE HEAVY CHECK MARK}" if clear and digest.images else "\N{BAR CHART}"
    text = f"{_MARKS.get(worst, mark) if worst else mark} {words.title(digest)}"
    return {"type": "header", "text": {"type": "plain_text", "text": text[:_HEADER]}}


def _opening(digest: Digest) -> str:
    moved = (words.movement(digest), words.came(digest), words.gone(digest))
    lines = (_say(each, _FIELD) for each in moved if each)
    return "\n".join((f"*{_say(words.verdict(digest), _SAID)}*", *lines))


def _ages(digest: Digest) -> Json | None:
    fields = [mrkdwn(f"*{age}*\n{_say(numbers, _FIELD)}") for age, numbers in words.ages(digest)]
    if not fields:
        return None
    title = mrkdwn(f"*{words.OPEN}*\n{_say(words.oldest(digest), _FIELD)}")
    return {"type": "section", "text": title, "fields": fields}


def _chart(digest: Digest) -> Json | None:
    lines = words.trend(digest)
    chart = "\n".join(lines)
    return _section(f"*{words.TREND}*\n```\n{chart}\n```") if lines else None


def _list(title: str, lines: list[str]) -> Json | None:
    said = (f"\N{BULLET} {_say(each, _LINE)}" for each in lines)
    return _section("\n".join((f"*{title}*", *said))) if lines else None


def _context(digest: Digest) -> Json:
    notes = (*(f"Note: {each}" for each in words.doubts(digest)), words.footer(digest))
    text = _say(" \N{MIDDLE DOT} ".join(notes), _FOOTER + _SAID)
    return {"type": "context", "elements": [mrkdwn(text)]}


def _section(text: str) -> Json:
    return {"type": "section", "text": mrkdwn(text)}


def _say(text: str, limit: int) -> str:
    return slack_text(slack_flat(text), limit)
