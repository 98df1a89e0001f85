"""A digest as a Jira issue that is kept current, with a comment each time. Pure."""

from collections.abc import Iterable
from typing import Final

from lib.messages import digest as words
from lib.models import Digest, Json
from lib.notifiers.jira import adf
from lib.text import one_line, truncate

_LINES: Final = 15
_LIST: Final = 1_500
_SUMMARY: Final = 255


def summary(digest: Digest) -> str:
    """Return the title of the issue."""
    return truncate(one_line(words.title(digest)), _SUMMARY)


def description(digest: Digest) -> Json:
    """Return how things stand."""
    return adf.document(_nodes(digest))


def comment(digest: Digest) -> Json:
    """Return what changed since the last one."""
    return adf.document((*_opening(digest), _footer(digest)))


def _nodes(digest: Digest) -> Iterable[Json]:
    yield from _opening(digest)
    ages = words.ages(digest)
    if ages:
        yield adf.heading(words.OPEN)
        yield adf.table(("Known for", "Open"), ((adf.text(age), adf.text(n)) for age, n in ages))
        yield from _paragraphs(words.oldest(digest))
    chart = words.trend(digest)
    if chart:
        yield adf.heading(words.TREND)
        yield adf.code_block(chart)
    for title, lines in (
        (words.REPOSITORIES, words.repositories(digest, _LINES, _LIST)),
        (words.REMOVED, words.removed(digest, _LINES, _LIST)),
        (words.NOT_SCANNED, words.not_scanned(digest, _LINES, _LIST)),
    ):
        if lines:
            yield adf.heading(title)
            yield adf.bullets(adf.paragraph(adf.text(each)) for each in lines)
    for each in words.doubts(digest):
        yield adf.panel("warning", adf.paragraph(adf.text(each)))
    yield _footer(digest)


def _opening(digest: Digest) -> Iterable[Json]:
    yield adf.paragraph(adf.text(words.verdict(digest), "strong"))
    yield from _paragraphs(words.movement(digest), words.came(digest), words.gone(digest))


def _paragraphs(*texts: str) -> Iterable[Json]:
    return (adf.paragraph(adf.text(each)) for each in texts if each)


def _footer(digest: Digest) -> Json:
    return adf.paragraph(adf.text(words.footer(digest), "em"))
