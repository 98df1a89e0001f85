"""The open vulnerabilities that no list of a notice has, with what leaves them out. Pure."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from lib.core.routing import BELOW, UNRATED
from lib.messages.changes import has_rest
from lib.messages.content import SUPPRESSED, Content, Entry, Remainder, counts_of
from lib.messages.parts import Omissions
from lib.messages.phrases import (
    NAME,
    PUBLIC_EXPLOIT,
    USED_IN_ATTACKS,
    counts_text,
    levels_text,
    listed,
    severity_word,
)
from lib.messages.titles import ACCEPTED, BEGINS, NOT_LISTED
from lib.models import Counts, Omission, Severity
from lib.models.views import Kind
from lib.text import one_line, short, truncate

_REASON: Final = 200
_NAMED: Final = 3
"""Vulnerabilities or packages that a line names."""


def left_out(content: Content) -> Omissions:
    """Return what is open and not in the lists, by its reason."""
    return Omissions((*_standing(content), *map(omission_of, content.left_out)), NOT_LISTED)


def unlisted(content: Content) -> Omissions:
    """Return what neither the lists nor the line about changes have, by its reason."""
    if Kind.BASELINE in content.changes or has_rest(content):
        return accepted(content)
    if not _standing(content) and not any(map(is_beyond, content.left_out)):
        return accepted(content)
    return left_out(content)


def _standing(content: Content) -> list[Omission]:
    """Return what was reported before and is as it was, with the names of a few."""
    entries = [entry for entry in content.open if entry.change is None]
    if not entries:
        return []
    counts = counts_of(entries)
    levels = f"unchanged ({counts_text(counts)})" if len(counts) > 1 else "unchanged"
    levels = levels if len(counts) > 1 else f"{levels} {severity_word(entries[0].severity)}"
    names = ", ".join(map(_standing_name, entries)) if len(entries) <= _NAMED else ""
    return [Omission(f"{levels}{f' ({names})' if names else ''}", len(entries))]


def _standing_name(entry: Entry) -> str:
    danger = USED_IN_ATTACKS if entry.exploited else PUBLIC_EXPLOIT if entry.exploitable else ""
    return ", ".join(filter(None, (short(entry.id, NAME), danger)))


def not_open(content: Content) -> Omissions:
    """Return what is open and a list of everything reported does not have, by its reason."""
    groups = filter(is_beyond, content.left_out)
    return Omissions(tuple(map(omission_of, groups)), NOT_LISTED)


def accepted(content: Content) -> Omissions:
    """Return what entries of alerts.yml accept, under the title that says so."""
    groups = (omission_of(group) for group in content.left_out if not is_beyond(group))
    shown = (
        Omission(group.reason.replace(f" {SUPPRESSED}", "", 1), group.count) for group in groups
    )
    return Omissions(tuple(shown), ACCEPTED)


def omission_of(group: Remainder) -> Omission:
    """Return a group that is left out with the reason in words."""
    text = one_line(f"{_levels(group.counts)}{_omission(group)}")
    return Omission(truncate(text, _REASON), sum(group.counts.values()))


def _levels(counts: Counts) -> str:
    """Return the only severity by its word, several with their counts."""
    return f"({counts_text(counts)})" if len(counts) > 1 else severity_word(next(iter(counts)))


def _omission(group: Remainder) -> str:
    """Return the reason why something is not shown, as the end of "3 MEDIUM"."""
    reason = group.reason
    if reason.startswith(BELOW):
        level, _, others = reason.removeprefix(BELOW).partition(", ")
        more = f", {others}" if others else ""
        return f"{_in_few(group.packages)} ({BEGINS}{levels_text(Severity[level])}{more})"
    if reason == UNRATED:
        return f"{_named(group.ids)}: the scanner gave no severity"
    if reason.startswith(SUPPRESSED):
        return f" {reason}"
    return _PLAINER.get(reason, f": {reason}")


def _in_few(packages: Sequence[str]) -> str:
    """Return " in Flask and Werkzeug"; empty for many."""
    few = 0 < len(packages) <= _NAMED
    return f" in {listed([short(name, NAME) for name in packages])}" if few else ""


def _named(ids: Sequence[str]) -> str:
    """Return " (CVE-1, CVE-2)"; empty for many."""
    return f" ({', '.join(short(id_, NAME) for id_ in ids)})" if len(ids) <= _NAMED else ""


_PLAINER: Final[Mapping[str, str]] = MappingProxyType(
    {
        "no fix known": ": no fix version reported",
        "no fix available": ": no fix yet",
        "no known exploit": ": no public exploit",
    }
)
"""By a refusal of `lib.core.routing`."""


def is_beyond(group: Remainder) -> bool:
    """Return whether a destination does not ask for it; what is accepted is another matter."""
    return not group.reason.startswith(SUPPRESSED)
