"""A digest as an e-mail, as digest-1.0.0, or as Amazon Q's custom notification. Pure."""

import json
import textwrap
from collections.abc import Iterable
from typing import Final

from lib.messages import digest as words
from lib.models import Digest
from lib.notifiers.document import dump, render_digest
from lib.notifiers.slack.mrkdwn import slack_flat, slack_text
from lib.text import unlinked

_COLUMNS: Final = 76
_LINES: Final = 20
_LIST: Final = 4_000
_SHOWN: Final = 5
_PART: Final = 900
_TITLE: Final = 200


def text(digest: Digest, _room: int) -> str:
    """Return a plain text of at most 76 columns."""
    lines = [*_wrapped(words.title(digest)), "", *_wrapped(words.verdict(digest)), ""]
    for each in (words.movement(digest), words.came(digest), words.gone(digest)):
        lines += _wrapped(each)
    ages = words.ages(digest)
    if ages:
        lines += ["", words.OPEN.upper()]
        width = max(len(age) for age, _ in ages)
        lines += [f"  {age:<{width}}  {numbers}" for age, numbers in ages]
        lines += _wrapped(words.oldest(digest), "  ")
    for title, listed in _lists(digest, _LINES, _LIST):
        lines += ["", title.upper()]
        for each in listed:
            lines += [f"  {each}"] if title == words.TREND else _wrapped(each, "  ")
    lines += ["", *(line for each in words.doubts(digest) for line in _wrapped(f"Note: {each}"))]
    return "\n".join((*lines, *_wrapped(words.footer(digest)))) + "\n"


def document(digest: Digest, room: int) -> str:
    """Return digest-1.0.0."""
    return dump(render_digest(digest, room))


def amazon_q(digest: Digest, _room: int) -> str:
    """Return a custom notification. See `lib.notifiers.sns.amazon_q`."""
    moved = (words.movement(digest), words.came(digest), words.gone(digest))
    parts = [
        "\n".join((f"*{_say(words.verdict(digest))}*", *(_say(each) for each in moved if each)))
    ]
    ages = words.ages(digest)
    if ages:
        lines = (f"- {age}: {_say(numbers)}" for age, numbers in ages)
        parts.append("\n".join((f"*{words.OPEN}*", *lines)))
    for title, listed in _lists(digest, _SHOWN, _PART):
        shown = ["```", *listed, "```"]
        if title != words.TREND:
            shown = [f"- {_say(each)}" for each in listed]
        parts.append("\n".join((f"*{title}*", *shown)))
    notes = (_say(f"Note: {each}") for each in words.doubts(digest))
    parts.append("\n".join((*notes, _say(words.footer(digest)))))
    return json.dumps(
        {
            "version": "1.0",
            "source": "custom",
            "id": digest.delivery_id,
            "content": {
                "textType": "client-markdown",
                "title": _say(f"\N{BAR CHART} {words.title(digest)}", _TITLE),
                "description": "\n\n".join(parts),
            },
            "metadata": {"threadId": digest.stream, "eventType": "digest"},
        }
    )


def _lists(digest: Digest, lines: int, characters: int) -> list[tuple[str, list[str]]]:
    lists = (
        (words.TREND, words.trend(digest)),
        (words.REPOSITORIES, words.repositories(digest, lines, characters)),
        (words.REMOVED, words.removed(digest, lines, characters)),
        (words.NOT_SCANNED, words.not_scanned(digest, lines, characters)),
    )
    return [(title, listed) for title, listed in lists if listed]


def _wrapped(line: str, indent: str = "") -> Iterable[str]:
    return textwrap.wrap(
        line,
        _COLUMNS,
        initial_indent=indent,
        subsequent_indent=indent * 2,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _say(line: str, limit: int = 400) -> str:
    return slack_text(unlinked(slack_flat(line)), limit)
