"""
Rules of other tools, in the terms of alerts.yml. Pure.

An imported entry suppresses what its origin ignored or less, never more. A limit that entries lack
(a state of the fix, another kind of pattern) makes a rule `SkippedRule`, with the reason. A date
from which a rule does not apply becomes a last day one day earlier.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from cli.ignore_files.distributions import UnknownReleaseError, with_known_release
from lib.errors import DocumentError
from lib.urls.packages import (
    DISTRIBUTED,
    KNOWN_DISTRIBUTIONS,
    KNOWN_QUALIFIERS,
    KNOWN_TYPES,
    read_package_url,
)


@dataclass(frozen=True, slots=True)
class IgnoreRule:
    """A vulnerability that a rule of the origin ignores, with the limits that entries have."""

    line: int
    id: str
    package: str | None = None
    version: str | None = None
    purl: str | None = None
    path: str | None = None
    repository: str | None = None
    digest: str | None = None
    last_day: date | None = None
    """None if the rule has no end."""
    reason: str | None = None
    """None if the rule has no reason."""
    only_in: str | None = None
    """What alone the rule is about, where an entry cannot name it; None: it has no such limit."""


@dataclass(frozen=True, slots=True)
class SkippedRule:
    """A rule that is not imported, with the reason."""

    line: int
    what: str
    why: str


Rule = IgnoreRule | SkippedRule


class NoEntryError(DocumentError):
    """No entry can have the effect of a rule. The text names the reason."""


def lasting_before(moment: date) -> date:
    """Return the last day before a date or time on which a rule applies all day, in UTC."""
    day = moment
    if isinstance(moment, datetime):
        day = (moment.astimezone(UTC) if moment.tzinfo else moment).date()
    return day - timedelta(days=1)


def path_pattern(pattern: str) -> str:
    """
    Return our pattern for one of doublestar, whose * does not go across a slash as ours does.

    Raises `NoEntryError`. https://github.com/bmatcuk/doublestar#patterns
    """
    if any(character in pattern for character in "?[]{}\\"):
        raise NoEntryError(f"a path of ours has no ?, [ ] or {{ }} as {pattern} has")
    parts = pattern.split("/")
    if any("*" in part and part != "**" for part in parts):
        raise NoEntryError(f"the * of {pattern} ends at a slash, and that of ours does not")
    return "/".join("*" if part == "**" else part for part in parts)


def package_limit(purl: str) -> str:
    """Return a package URL as it limits an entry. Raises `NoEntryError`."""
    parts = read_package_url(purl)
    if parts is None:
        raise NoEntryError(f"{purl} is no package URL")
    if parts.type not in KNOWN_TYPES:
        raise NoEntryError(f"no scan names packages of the type {parts.type}")
    if parts.of_any_distribution:
        raise NoEntryError(f"{purl} does not name its distribution")
    if parts.type in DISTRIBUTED and parts.namespace not in KNOWN_DISTRIBUTIONS:
        raise NoEntryError(f"no scan names packages of the distribution {parts.namespace}")
    if parts.subpath:
        raise NoEntryError(f"{purl} is about a part of a package")
    unknown = sorted(parts.qualifiers.keys() - KNOWN_QUALIFIERS)
    if unknown:
        raise NoEntryError(f"no scan says the {unknown[0]} of a package, as {purl} does")
    try:
        return with_known_release(purl, parts)
    except UnknownReleaseError as error:
        raise NoEntryError(str(error)) from error
