"""A digest as a Slack message: the numbers, a chart that Slack draws itself, and lists. Pure."""

from collections.abc import Sequence
from typing import Final

from lib.messages.digest import TREND, digest_text_of
from lib.messages.digest_parts import DigestLine, DigestList, DigestText
from lib.messages.titles import URGENCY
from lib.models import Digest, Json, Severity
from lib.notifiers.slack.limits import MAX_SECTION
from lib.notifiers.slack.message import mrkdwn
from lib.notifiers.slack.mrkdwn import slack_flat, slack_link, slack_text
from lib.text import unlinked

_HEADER: Final = 150
_SENTENCE: Final = 500
_LINE: Final = 350
_LINES: Final = 5
_LIST: Final = 700
_LINK: Final = 350
_FOOTER: Final = 500

_MARKS: Final = {
    Severity.CRITICAL: "\N{LARGE RED CIRCLE}",
    Severity.HIGH: "\N{LARGE ORANGE CIRCLE}",
    Severity.MEDIUM: "\N{LARGE YELLOW CIRCLE}",
    Severity.LOW: "\N{LARGE BLUE CIRCLE}",
}


def digest_message(digest: Digest) -> Json:
    """Return the message: title, urgency, the lists, chart, and small print."""
    text = _text(digest)
    blocks = [
        _header(digest, text),
        _section(_opening(text)) if text.opening else None,
        *map(_list, text.lists),
        _chart(text.trend),
        _context(text),
    ]
    return _plain(text) | {"blocks": [block for block in blocks if block]}


def plain_digest_message(digest: Digest) -> Json:
    """Return the same as text alone."""
    return _plain(_text(digest))


def _text(digest: Digest) -> DigestText:
    return digest_text_of(digest, lines=_LINES, characters=_LIST)


def _plain(text: DigestText) -> Json:
    line = ". ".join((text.title, *text.opening))
    return {"text": _say(unlinked(line), _SENTENCE), "unfurl_links": False, "unfurl_media": False}


def _header(digest: Digest, text: DigestText) -> Json:
    worst = next(iter(digest.counts), None)
    clear = not (digest.counts or digest.unscanned or digest.warnings or digest.omitted)
    mark = "\N{WHITE HEAVY CHECK MARK}" if clear and digest.images else "\N{BAR CHART}"
    title = f"{_MARKS.get(worst, mark) if worst else mark} {text.title}"
    return {"type": "header", "text": {"type": "plain_text", "text": title[:_HEADER]}}


def _opening(text: DigestText) -> str:
    return "\n".join(map(_line_on_top, text.opening))


def _line_on_top(line: str) -> str:
    """Return a line before the steps; the urgency is bold, as in alerts."""
    said = _say(line, _SENTENCE)
    return f"*{said}*" if line.startswith(URGENCY) else said


def _chart(trend: Sequence[str]) -> Json | None:
    chart = "\n".join(trend)
    return _section(f"*{TREND}*\n```\n{chart}\n```") if chart else None


def _list(section: DigestList) -> Json:
    """Return a list with all its links; without room with the first of each line, or with none."""
    for links in (None, 1, 0):
        lines = (_line(line, links) for line in section.lines)
        text = "\n".join((f"*{section.title}*", *lines))
        if len(text) <= MAX_SECTION:
            break
    return _section(text)


def _line(line: DigestLine, number: int | None) -> str:
    links = [slack_link(link.url, slack_flat(link.label)) for link in line.links[:number]]
    shown = [link for link in links if link and len(link) <= _LINK]
    mark = f"{line.place}." if line.place else "\N{BULLET}"
    return " \N{MIDDLE DOT} ".join((f"{mark} {_say(line.text, _LINE)}", *shown))


def _context(text: DigestText) -> Json:
    notes = (*(f"Note: {warning}" for warning in text.warnings), *text.details, text.footer)
    lines = "\n".join(_say(note, _FOOTER) for note in notes)
    return {"type": "context", "elements": [mrkdwn(lines)]}


def _section(text: str) -> Json:
    return {"type": "section", "text": mrkdwn(text)}


def _say(text: str, limit: int) -> str:
    return slack_text(slack_flat(text), limit)
