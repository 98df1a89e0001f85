"""A digest as a Jira issue that is kept current, with a comment each time. Pure."""

from collections.abc import Iterable
from typing import Final

from lib.messages.digest import TREND, digest_text_of
from lib.messages.digest_parts import DigestLine, DigestLink, DigestText
from lib.messages.titles import TECHNICAL, URGENCY
from lib.models import Digest, Json, Severity
from lib.notifiers.jira import adf
from lib.notifiers.jira.identity import Scope
from lib.text import one_line, truncate

_LINES: Final = 15
_LIST: Final = 1_500
_SUMMARY: Final = 255


def text_of_digest(digest: Digest, scope: Scope) -> DigestText:
    """Return the text with lists as long as an issue has them, and links to other issues."""

    def issue(thread: str) -> DigestLink | None:
        key = scope.key(thread)
        return None if key is None else DigestLink(key, scope.url(key))

    return digest_text_of(digest, lines=_LINES, characters=_LIST, issue=issue)


def summary(text: DigestText) -> str:
    """Return the title of the issue."""
    return truncate(one_line(text.title), _SUMMARY)


def worst(digest: Digest) -> Severity | None:
    """Return the worst severity of a digest; None where nothing is open, and all is scanned."""
    return max(digest.counts, default=Severity.UNKNOWN if digest.without_result else None)


def description(text: DigestText, *, reopens: bool) -> Json:
    """Return how things stand. `reopens`: whether a later digest opens a closed issue again."""
    return adf.document(_nodes(text, reopens=reopens))


def comment(text: DigestText) -> Json:
    """Return what changed since the last one."""
    return adf.document((*_opening(text), _details(text)))


def _nodes(text: DigestText, *, reopens: bool) -> Iterable[Json]:
    yield adf.paragraph(adf.text(text.closing(reopens=reopens)))
    yield from _opening(text)
    for section in text.lists:
        yield adf.heading(section.title)
        numbered = [_line(line) for line in section.lines if line.place]
        if numbered:
            yield adf.numbered(numbered)
        yield adf.bullets(_line(line) for line in section.lines if not line.place)
    if text.trend:
        yield adf.heading(TREND)
        yield adf.code_block(text.trend)
    for warning in text.warnings:
        yield adf.panel("warning", adf.paragraph(adf.text(warning)))
    yield from (adf.paragraph(adf.text(line, "em")) for line in text.details)
    yield _details(text)


def _opening(text: DigestText) -> Iterable[Json]:
    for line in text.opening:
        yield adf.paragraph(adf.text(line, *(["strong"] if line.startswith(URGENCY) else [])))


def _line(line: DigestLine) -> Json:
    links = [
        part
        for link in line.links
        for part in (adf.text(" \N{MIDDLE DOT} "), adf.text(link.label, link=link.url))
    ]
    return adf.paragraph(adf.text(line.text), *links)


def _details(text: DigestText) -> Json:
    """Return the small print, which few people need."""
    return adf.expand(TECHNICAL, adf.paragraph(adf.text(text.small, "em")))
