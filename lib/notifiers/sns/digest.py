"""A digest as an e-mail, as digest-1.0.0, or as Amazon Q's custom notification. Pure."""

import json
from collections.abc import Iterable
from typing import Final

from lib.messages.digest import REPORT, TREND, digest_text_of
from lib.messages.digest_parts import DigestLine, DigestText
from lib.models import Digest
from lib.notifiers.document import dump, render_digest
from lib.notifiers.slack.mrkdwn import slack_flat, slack_text
from lib.notifiers.sns.headline import MAX_SUBJECT
from lib.notifiers.sns.wrapping import COLUMNS, wrapped
from lib.text import unlinked

_LINES: Final = 20
_LIST: Final = 4_000
_SHOWN: Final = 5
_PART: Final = 900
_TITLE: Final = 200


def text(digest: Digest, _room: int) -> str:
    """Return a plain text of at most 76 columns; the title where the subject has no room for it."""
    shown = digest_text_of(digest, lines=_LINES, characters=_LIST)
    lines = [*wrapped(shown.title), ""] if len(shown.title) > MAX_SUBJECT else []
    lines += [part for line in shown.opening for part in (*wrapped(line), "")]
    for section in shown.lists:
        lines += [section.title.upper(), *map("\n".join, map(_line, section.lines)), ""]
    if shown.trend:
        lines += [TREND.upper(), *(f"  {line}" for line in shown.trend), ""]
    notes = [part for line in shown.warnings for part in wrapped(f"Note: {line}")]
    notes += [part for line in shown.details for part in wrapped(line)]
    return "\n".join((*lines, *notes, *wrapped(shown.small))) + "\n"


def document(digest: Digest, room: int) -> str:
    """Return digest-1.0.0."""
    return dump(render_digest(digest, room))


def amazon_q(digest: Digest, _room: int) -> str:
    """Return a custom notification. See `lib.notifiers.sns.amazon_q`."""
    shown = digest_text_of(digest, lines=_SHOWN, characters=_PART)
    content = {
        "textType": "client-markdown",
        "title": _say(f"\N{BAR CHART} {shown.title}", _TITLE),
        "description": "\n\n".join(_parts(shown)),
    }
    return json.dumps(
        {
            "version": "1.0",
            "source": "custom",
            "id": digest.delivery_id,
            "content": content,
            "metadata": {"threadId": digest.stream, "eventType": "digest"},
        }
    )


def _line(line: DigestLine) -> Iterable[str]:
    """Return a line of a list; below it its report, and an advisory, which is short enough."""
    yield from wrapped(f"{line.place}. {line.text}" if line.place else line.text, "  ", " " * 4)
    for link in line.links:
        if link.label.startswith(REPORT):
            yield f"    {link.label}: {link.url}"
        elif len(link.url) <= COLUMNS - 4:
            yield f"    {link.url}"


def _parts(shown: DigestText) -> Iterable[str]:
    if shown.opening:
        yield "\n".join(map(_say, shown.opening))
    for section in shown.lists:
        yield _part(section.title, map(_marked, section.lines))
    if shown.trend:
        yield _part(TREND, ("```", *shown.trend, "```"))
    notes = (_say(f"Note: {warning}") for warning in shown.warnings)
    yield "\n".join((*notes, *map(_say, shown.details), _say(shown.small)))


def _marked(line: DigestLine) -> str:
    return f"{f'{line.place}.' if line.place else '-'} {_say(line.text)}"


def _part(title: str, lines: Iterable[str]) -> str:
    return "\n".join((f"*{title}*", *lines))


def _say(line: str, limit: int = 400) -> str:
    return slack_text(unlinked(slack_flat(line)), limit)
