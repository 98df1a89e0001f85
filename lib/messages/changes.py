"""The difference from before, in one line of numbers that add up to what is open. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from lib.messages.comparing import cause, is_rescan, since
from lib.messages.content import Content, Entry
from lib.messages.phrases import NAME, counts_text, day_text
from lib.messages.titles import ADDED, PUSHED_ON, SAME_AS_BEFORE
from lib.models.views import Kind
from lib.text import counted, first, short

GOOD_NEWS: Final = frozenset({Kind.FIX_READY, Kind.RESOLVED, Kind.NO_LONGER_REPORTED})
_AMOUNTS: Final[Mapping[Kind, str]] = MappingProxyType(
    {
        Kind.BASELINE: "{n} found",
        Kind.NEW: "{n} new",
        Kind.RAISED: "{n} more severe",
        Kind.EXPLOIT_KNOWN: "{n} with a public exploit now",
        Kind.FIX_AVAILABLE: "{n} with a fix now",
        Kind.DEPLOYED: "{n} in an image that started to run",
        Kind.SUPPRESSION_ENDED: "{n} no longer accepted",
        Kind.RULES_CHANGED: "{n} reported because alerts.yml changed",
        Kind.FIX_READY: "{n} fixed but still running in an older image",
        Kind.RESOLVED: "{n} fixed",
        Kind.NO_LONGER_REPORTED: "{n} no longer reported",
    }
)
_OLD_NEWS: Final = "{n} newly reported"
_NAMED: Final = 3
"""Packages, or vulnerabilities, that are named."""


def changes_of(content: Content) -> str:
    """
    Return what differs since when: "Since 1.4.1: 4 new, 2 fixed (git, zlib), 9 unchanged: 13 open".

    What is open in it adds up to all that is open. Empty where there is nothing to compare with.
    """
    if not _is_compared(content):
        return ""
    pieces, doubted = [], content.doubted
    for kind, entries in content.changes.items():
        proven = [entry for entry in entries if entry not in doubted]
        pieces += [_amount(content, kind, proven)] if proven else []
    pieces += filter(None, (ended_conditions(content),))
    same = len(standing(content))
    pieces += [f"{same:,} unchanged"] if same else []
    start = _same(content) if is_rescan(content) else f"Since {since(content)}"
    total = _total(content, is_all=len(pieces) == 1 and not same, has_doubt=bool(doubted))
    return ": ".join(filter(None, (start, ", ".join(pieces), total)))


def has_rest(content: Content) -> bool:
    """Return whether the line says more than lists of news: what ended, or is as it was."""
    news = any(entry.is_open for entries in content.changes.values() for entry in entries)
    has_ended = content.ended_conditions or not GOOD_NEWS.isdisjoint(content.changes)
    return _is_compared(content) and bool(has_ended or standing(content) or not news)


def standing(content: Content) -> list[Entry]:
    """Return what is open and as it was before."""
    news = {entry.id for kind in content.changes.values() for entry in kind if entry.is_open}
    return [entry for entry in content.everything if entry.id not in news]


def ended_conditions(content: Content) -> str:
    """Return how many scans have a result again; empty for none."""
    ended = len(content.ended_conditions)
    return f"{counted(ended, 'scan problem')} solved" if ended else ""


def nothing_open(content: Content) -> str:
    """Return that nothing is open, and no more of an all-clear than is true."""
    if not content.state.images:
        return "no image is watched"
    return "nothing open" if is_scanned(content) else "nothing known to be open"


def is_scanned(content: Content) -> bool:
    """Return whether each part of each watched image has a complete result of its own."""
    parts = [part for image in content.state.images for part in image.parts]
    return bool(parts) and all(
        part.reason is None and part.evidence and part.evidence[0].complete for part in parts
    )


def _is_compared(content: Content) -> bool:
    is_compared = since(content) and content.state.comparison is None and not content.is_check
    return bool(is_compared and (content.changes or content.ended_conditions))


def _total(content: Content, *, is_all: bool, has_doubt: bool) -> str:
    """Return what is open now. `is_all`: the only piece says it, where it is news."""
    if content.everything:
        return "" if is_all else f"{counts_text(content.totals)} open"
    return "nothing else is listed" if has_doubt else nothing_open(content)


def _amount(content: Content, kind: Kind, entries: Sequence[Entry]) -> str:
    """Return how many are of a kind; of what ended, in which packages."""
    is_old = kind is Kind.NEW and (is_rescan(content) or cause(content, entries))
    is_alone = is_rescan(content) and len(content.changes) == 1 and not content.ended_conditions
    if is_old and is_alone:
        return _added(content, entries)
    words = (_OLD_NEWS if is_old else _AMOUNTS[kind]).format(n=f"{len(entries):,}")
    places = _places(entries) if kind in GOOD_NEWS else ""
    return f"{words} ({places})" if places else words


def _same(content: Content) -> str:
    """Return that the image is the same, and since when."""
    pushed = content.image.pushed_at
    return SAME_AS_BEFORE + (PUSHED_ON.format(day=day_text(pushed)) if pushed else "")


def _added(content: Content, entries: Sequence[Entry]) -> str:
    """Return that only the list of the scanner changed, and when, where all came on one day."""
    number = f"{len(entries):,}"
    what = "this vulnerability" if len(entries) == 1 else f"these {number} vulnerabilities"
    if standing(content):
        what = counted(len(entries), "vulnerability", "vulnerabilities")
    lives = [content.state.lifecycles.get(entry.id) for entry in entries]
    days = {day_text(life.opened.at) if life is not None else "" for life in lives}
    day = days.pop() if len(days) == 1 else ""
    return ADDED.format(what=what) + (f" on {day}" if day else "")


def _places(entries: Sequence[Entry]) -> str:
    """Return the packages of what ended, with numbers where one name is not one vulnerability."""
    groups = Counter(tuple(dict.fromkeys(p.name for p in entry.packages)) for entry in entries)
    if () in groups:
        return ""
    shown = first([*groups.items()], _NAMED)
    names = [("/".join([short(name, NAME) for name in group]), number) for group, number in shown]
    more = len(entries) - sum(number for _, number in shown)
    is_plain = len(groups) == 1 or set(groups.values()) == {1}
    pieces = [name if is_plain else f"{number:,} in {name}" for name, number in names]
    return ", ".join([*pieces, *([f"{more:,} in other packages"] if more else [])])
