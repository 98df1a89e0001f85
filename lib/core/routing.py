"""The routes of alerts.yml: which images each is about, and what its filter lets through. Pure."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from fnmatch import fnmatchcase
from itertools import product, starmap
from types import MappingProxyType
from typing import Final

from lib.models import (
    Destination,
    Filter,
    Finding,
    Image,
    Part,
    ScanSource,
    Severity,
)
from lib.models.immutable import immutable

FIXABLE: Final = "fixable"
EXPLOITABLE: Final = "exploitable"
IN_USE: Final = "in-use"

UNRATED: Final = "severity unknown"
BELOW: Final = "below "
"""How the refusal of a threshold begins."""

_SCANNERS: Final = tuple(
    source.value for source in ScanSource if source is not ScanSource.REPOSITORY
)
_WILDCARD: Final = re.compile(r"[*?[]")
SETTINGS: Final = "settings"
"""The end of the stream of a repository's own checks."""


@immutable(frozen=True, slots=True)
class Match:
    """
    Which images a route is about. Globs are case-sensitive, and `*` crosses slashes.

    Every field that is given must match; one of its globs is enough.
    """

    repository: tuple[str, ...] = ()
    tag: tuple[str, ...] = ()
    account: tuple[str, ...] = ()
    region: tuple[str, ...] = ()
    platform: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    """Who found it: "ecr-basic", "ecr-enhanced", "inspector2", "repository"."""
    untagged: bool = False
    """Images without a tag match too; without `tag`, only they do."""

    def mismatch(
        self, image: Image, parts: Sequence[Part] = (), *, source: ScanSource | None = None
    ) -> str | None:
        """
        Return what does not match, in words; None when everything does.

        Of the `parts` of an index, the platform of one is enough. Without a `source`, an image that
        no scanner has seen yet may be seen by any.
        """
        sources = _SCANNERS if source is None else (source.value,)
        platforms = [each.platform for each in parts] or [image.platform or ""]
        fields: tuple[tuple[str, tuple[str, ...], Sequence[str]], ...] = (
            ("repository", self.repository, [image.repository]),
            ("account", self.account, [image.account]),
            ("region", self.region, [image.region]),
            ("source", self.source, sources),
            ("platform", self.platform, [*platforms, *map(_without_variant, platforms)]),
        )
        for name, globs, values in fields:
            if globs and not _any_match(values, globs):
                said = ", ".join(dict.fromkeys(values)) or "(not known)"
                return f"{name} {said} does not match {' or '.join(globs)}"
        return self._tag_mismatch(image.tags)

    def _tag_mismatch(self, tags: tuple[str, ...]) -> str | None:
        if not self.tag and not self.untagged:
            return None
        if self.untagged and not tags:
            return None
        if _any_match(tags, self.tag):
            return None
        wanted = " or ".join((*self.tag, *(("untagged",) if self.untagged else ())))
        return f"tags {', '.join(tags) or '(none)'} do not match {wanted}"


@immutable(frozen=True, slots=True)
class Route:
    """One rule of alerts.yml. `match` is None in the last one, which catches all."""

    name: str
    filter: Filter
    notify: tuple[Destination, ...]
    match: Match | None = None
    continues: bool = False
    """Look at the routes after this one, too."""


def reaches(routes: Iterable[Route]) -> Mapping[str, str]:
    """
    Return, by the name of each route, a hash of what decides which images lead where by it.

    That is what it matches, whom it notifies, and what the routes before it take away. Thresholds
    are no part of it, and neither is a field of `Match` that is not given: one that is added later
    changes no hash. What takes more away from a route changes its hash, too, though it leads
    nowhere new.
    """
    before: list[Match] = []
    hashes = {}
    for route in routes:
        taken = [match for match in before if _may_overlap(match, route.match)]
        text = repr(([*map(_given, taken)], _given(route.match), sorted(route.notify)))
        hashes[route.name] = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
        if not route.continues:
            before.append(route.match or Match())
    return MappingProxyType(hashes)


def _given(match: Match | None) -> list[tuple[str, object]]:
    """Return the fields that a match gives, by name."""
    values = [(field.name, getattr(match or Match(), field.name)) for field in fields(Match)]
    return [(name, value) for name, value in values if value]


def _may_overlap(one: Match, other: Match | None) -> bool:
    """
    Whether an image can match both.

    An image has one repository, account and region, but can have several tags and platforms.
    """
    if other is None:
        return True
    pairs = (
        (one.repository, other.repository),
        (one.account, other.account),
        (one.region, other.region),
    )
    return all(
        not globs or not others or any(starmap(_can_share, product(globs, others)))
        for globs, others in pairs
    )


def _can_share(glob: str, other: str) -> bool:
    """Whether a value may match both globs, by what stands before their first wildcards."""
    start, other_start = (_WILDCARD.split(text, maxsplit=1)[0] for text in (glob, other))
    return start.startswith(other_start) or other_start.startswith(start)


def filters_for(
    destination: Destination,
    image: Image,
    parts: Sequence[Part],
    routes: Sequence[Route],
    *,
    source: ScanSource | None = None,
) -> tuple[Filter, ...]:
    """Return what a destination asks of an image: the filters of the routes that lead to it."""
    applying = routes_for(image, parts, routes, source=source)
    return tuple([route.filter for route in applying if destination in route.notify])


def routes_for(
    image: Image, parts: Sequence[Part], routes: Sequence[Route], *, source: ScanSource | None
) -> Iterator[Route]:
    """Yield the routes that apply to an image: the first that matches, others by `continue`."""
    for route in routes:
        match = route.match
        if match is not None and match.mismatch(image, parts, source=source) is not None:
            continue
        yield route
        if not route.continues:
            return


def refusal(finding: Finding, image: Image, filter_: Filter) -> str | None:
    """Return why a filter leaves this finding out, in words; None when it lets it through."""
    severity = finding.severity
    if severity is Severity.UNKNOWN:
        if filter_.severity > Severity.UNKNOWN and not filter_.unknown_severity:
            return UNRATED
    elif severity < filter_.severity:
        return BELOW + filter_.severity.name
    if FIXABLE in filter_.only and not finding.fixable:
        return "no fix available" if finding.fix_available == "NO" else "no fix known"
    if EXPLOITABLE in filter_.only and not finding.exploitable:
        return "no known exploit"
    if IN_USE in filter_.only and not image.in_use_count:
        return "not known to be in use" if image.in_use_count is None else "not in use"
    return None


# --- the arithmetic of decide -----------------------------------------------------------------


def _without_variant(platform: str) -> str:
    """Return "linux/arm64" for "linux/arm64/v8": builders differ in whether they name it."""
    return "/".join(platform.split("/")[:2])


def _any_match(values: Iterable[str], globs: Iterable[str]) -> bool:
    """Tell whether any glob matches any value. The standard library keeps each glob compiled."""
    return any(fnmatchcase(value, glob) for value in values for glob in globs)
