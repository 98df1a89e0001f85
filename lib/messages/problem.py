"""Scans without a result in a notice: what happened, that it is no all-clear, what helps. Pure."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from lib.core.conditions import UNSUPPORTED, conditions
from lib.core.problems import cause_of, in_short, problem_of
from lib.messages.content import Content
from lib.messages.headlines import is_said, part_of, word_for
from lib.messages.parts import Link, Problem
from lib.messages.phrases import NAME
from lib.models import Scan, ScanSource, UnusableReport
from lib.models.streams import PartState, WatchedImage
from lib.text import one_line, short, truncate

_PROBLEM: Final = 1200
_REMEDY: Final = 2000
_QUOTE: Final = 300
_EXPIRED: Final = "SCAN_ELIGIBILITY_EXPIRED"
_SAID: Final = frozenset({UNSUPPORTED, "IMAGE_SIZE_EXCEEDED", "SCAN_NOT_FOUND"})
"""Meanings of which a title says all that is known."""
_NOT_CLEAR: Final = "Vulnerabilities unknown: this is not an all-clear."
_PARTLY_CLEAR: Final = "Vulnerabilities unknown there: this is not an all-clear."
_NOT_CHECKED: Final = "Settings unknown: this is not an all-clear."
_NOT_SCANNED: Final = "could not be scanned"
_LASTING: Final[Mapping[str, str]] = MappingProxyType(
    {
        "not checked": "could not be checked",
        "not known to be monitored": "is not known to be monitored",
    }
)
"""The predicate of a title, by the word of `verdict.word_for`."""


def problem(content: Content) -> Problem | None:
    """Return what a notice says of the conditions that it reports; None where it reports none."""
    if not content.conditions:
        return None
    watched, part = _place(content, content.conditions[0].item.id)
    explained = problem_of(_report(watched, part))
    reason = _reason(content, explained.reason)
    word = word_for(content, content.conditions[0])
    quote = truncate(one_line(explained.quote), _QUOTE)
    return Problem(
        reason=truncate(one_line(reason), _PROBLEM),
        caution=_caution(content, part, watched),
        steps=tuple(_steps(explained.remedy)),
        word=word,
        lasting=f"{short(content.image.name)} {_LASTING.get(word, _NOT_SCANNED)}",
        quote=f"The scanner's words: {quote}" if quote else "",
        pages=tuple(Link(label, label, label, url) for label, url in explained.pages),
    )


def _steps(remedy: str) -> Iterator[str]:
    """Yield the steps of a remedy, together of a bounded length."""
    room = _REMEDY
    for line in map(one_line, remedy.splitlines()):
        step = truncate(line, room)
        if step:
            yield step
        room -= len(step)


def _reason(content: Content, explained: str) -> str:
    """Return why there is no result, part by part where that differs; empty: the title says it."""
    keys = [item.item.id for item in content.conditions]
    causes = {cause_of(item.item.id, item.reason) for item in content.conditions}
    if len(causes) > 1:
        reasons = (in_short(item.item.id, item.reason) for item in content.conditions)
        return f"{'; '.join(reasons)}."
    if is_said(content) and all(key.partition(" ")[0] in _SAID for key in keys):
        return ""
    names = [short(name, NAME) for name in map(part_of, content.conditions) if name]
    return f"{', '.join(names)}: {explained}" if names and not is_said(content) else explained


def _place(content: Content, key: str) -> tuple[WatchedImage, PartState]:
    """Return the first part of a watched image that a condition is about."""
    return next(
        (watched, part)
        for watched in content.state.images
        for part in watched.parts
        if any(condition.key == key for condition in conditions(part))
    )


def _report(watched: WatchedImage, part: PartState) -> UnusableReport:
    status = _EXPIRED if part.reason is None else part.status
    source = part.source or ScanSource.ECR_ENHANCED
    return UnusableReport(watched.image, Scan(source, status, reason=part.reason))


def _caution(content: Content, part: PartState, watched: WatchedImage) -> str:
    """Return that no result is not a good one, and what is still known from earlier images."""
    if content.image.is_repository:
        return _NOT_CHECKED
    if not part.evidence:
        return _NOT_CLEAR if not content.totals else _PARTLY_CLEAR
    name, current = short(part.evidence[0].image.name), short(watched.image.name)
    if name == current:
        return "What was listed before stays open."
    return f"What {name} had stays open until {current} has a result."
