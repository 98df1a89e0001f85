"""The verdict about settings of a repository, and about a tag that moved. Pure."""

from collections.abc import Callable, Sequence

from lib.checks.tags import TAG_MOVED
from lib.messages.checks import fixed, moved, wrong
from lib.messages.notices.content import Content, Entry
from lib.models.views import Kind
from lib.text import capitalized, counted

_Phrase = Callable[[Kind, Sequence[Entry]], str]


def verdict_of_check(content: Content, phrase: _Phrase, problem: str) -> str:
    """
    Return what deviates, what is new of it, and what is fixed.

    `phrase` says what other kinds mean. `problem`: why there is no result; empty where there is.
    """
    pieces = [problem] if problem else []
    for kind, entries in content.changes.items():
        pieces.append(_piece(kind, entries) or phrase(kind, entries))
    left = content.unchanged
    if left:
        be = "is" if left == 1 else "are"
        should = "it should be" if left == 1 else "they should be"
        pieces.append(f"{counted(left, 'setting')} {be} still not as {should}")
    elif not content.totals and not problem:
        pieces.append("all is as it should be")
    return capitalized("; ".join(pieces))


def state_of_check(content: Content) -> str:
    """Return what deviates now in one line, and no more of an all-clear than true."""
    if any(entry.id == TAG_MOVED for entry in content.open):
        return "the tag moved"
    if content.open:
        number = len(content.open)
        be, it = ("is", "it") if number == 1 else ("are", "they")
        return f"{counted(number, 'setting')} {be} not as {it} should be"
    if content.totals:
        return "nothing of what is asked for here is wrong"
    parts = [part for image in content.state.images for part in image.parts]
    if not parts or any(part.reason is not None for part in parts):
        return "not checked"
    return "all settings are as they should be"


def _piece(kind: Kind, entries: Sequence[Entry]) -> str:
    """Return what became of some settings; empty where their kind is none of checks."""
    findings = [entry.findings[0] for entry in entries if entry.findings]
    if kind is Kind.RESOLVED:
        return fixed([entry.id for entry in entries])
    if kind not in (Kind.BASELINE, Kind.NEW) or not findings:
        return ""
    if findings[0].vulnerability_id == TAG_MOVED:
        return moved(findings[0])
    return wrong(findings, first=kind is Kind.BASELINE)
