"""
What other tools are told to ignore, in the words of alerts.yml. Pure.

An entry of ours leaves out what its origin ignored or less, never more. So what it cannot say (a
state that a fix has, a pattern that ours is not) is a `Skipped` with the reason, and a date from
which a rule no longer holds is a last day one day earlier.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from lib.errors import DocumentError
from lib.urls.packages import KNOWN_QUALIFIERS, KNOWN_TYPES, read_package_url


@dataclass(frozen=True, slots=True)
class Ignored:
    """One vulnerability that a rule of the origin ignores, as far as an entry can say it."""

    line: int
    id: str
    package: str | None = None
    version: str | None = None
    purl: str | None = None
    path: str | None = None
    repository: str | None = None
    digest: str | None = None
    last_day: date | None = None
    """None: the origin names no end."""
    reason: str | None = None
    """None: the origin names none."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A rule that is not taken over, and why."""

    line: int
    what: str
    why: str


Rule = Ignored | Skipped


class NoEntryError(DocumentError):
    """No entry can say what a rule says; the text says why."""


def lasting_before(moment: date) -> date:
    """Return the last day before a date or time on which a rule holds all day, in UTC."""
    day = moment
    if isinstance(moment, datetime):
        day = (moment.astimezone(UTC) if moment.tzinfo else moment).date()
    return day - timedelta(days=1)


def path_pattern(pattern: str) -> str:
    """
    Return our pattern for one of doublestar, whose * does not go across a slash as ours does.

    Raises `NoEntryError`. https://github.com/bmatcuk/doublestar#patterns
    """
    if any(each in pattern for each in "?[]{}\\"):
        raise NoEntryError(f"a path of ours has no ?, [ ] or {{ }} as {pattern} has")
    parts = pattern.split("/")
    if any("*" in each and each != "**" for each in parts):
        raise NoEntryError(f"the * of {pattern} ends at a slash, and that of ours does not")
    return "/".join("*" if each == "**" else each for each in parts)


def package_limit(purl: str) -> str:
    """Return a package URL as it limits an entry. Raises `NoEntryError`."""
    parts = read_package_url(purl)
    if parts is None:
        raise NoEntryError(f"{purl} is no package URL")
    if parts.type not in KNOWN_TYPES:
        raise NoEntryError(f"no scan names packages of the type {parts.type}")
    if parts.of_any_distribution:
        raise NoEntryError(f"{purl} does not name its distribution")
    if parts.subpath:
        raise NoEntryError(f"{purl} is about a part of a package")
    unknown = sorted(parts.qualifiers.keys() - KNOWN_QUALIFIERS)
    if unknown:
        raise NoEntryError(f"no scan says the {unknown[0]} of a package, as {purl} does")
    return purl
