"""
Limits of AWS that depend on alerts.yml, counted before anything is deployed. Pure.

Whether two routes can match the same image cannot be decided for every pair of globs. So the
numbers here are never too small, and exact for names and for globs that begin differently.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from lib.core.routing import Route
from lib.models import Destination, Filter

ACTIONS: Final = 100
"""
The most actions of a transaction.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
"""
OTHER_ACTIONS: Final = 3
"""Those that save an evaluation beside its deliveries: image, head of the stream, history."""
MOST_DELIVERIES: Final = ACTIONS - OTHER_ACTIONS
MOST_BYTES: Final = 3_500_000
"""Of 4 MB that a transaction may hold, what is left for the filters of its deliveries."""
MOST_TOPICS: Final = 6_000
"""
Characters that the topics may take in the policy of the function that publishes.

The policies of a role have at most 10,240 together, without blanks; a test counts the others.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""
_TOPIC: Final = len('"",')
_FILTER: Final = 120
"""Bytes of a filter beside its own words: names of fields, and what DynamoDB adds to each."""
_FIELDS: Final = ("repository", "account", "region", "source")
"""Of these an image has one value each; tags and platforms it may have several."""
_GLOB: Final = frozenset("*?[")
_END: Final = "\0"


@dataclass(frozen=True, slots=True)
class Reach:
    """The most that one evaluation writes for its destinations."""

    deliveries: int = 0
    size: int = 0
    """Bytes of their filters."""

    @property
    def fits(self) -> bool:
        """Whether one transaction takes them."""
        return self.deliveries <= MOST_DELIVERIES and self.size <= MOST_BYTES


def reach(routes: Sequence[Route]) -> Reach:
    """Return the most destinations that one evaluation can reach, and the size of their rows."""
    return _largest(_within(routes, _FIELDS))


def topics_size(topics: Iterable[str]) -> int:
    """Return the characters that topics take in a policy."""
    return sum(len(topic) + _TOPIC for topic in set(topics))


def _within(routes: Sequence[Route], fields: Sequence[str]) -> Iterator[Reach]:
    """Yield the reach of routes; where it does not fit, that of those that can match together."""
    all_of_them = _reach_of(routes)
    if all_of_them.fits or not fields:
        yield all_of_them
        return
    for group in _groups(routes, fields[0]):
        yield from _within([routes[place] for place in sorted(group)], fields[1:])


def _largest(reaches: Iterable[Reach]) -> Reach:
    found = list(reaches)
    return Reach(
        max((each.deliveries for each in found), default=0),
        max((each.size for each in found), default=0),
    )


def _reach_of(routes: Sequence[Route]) -> Reach:
    """
    Return what is reached if all of these routes match.

    A route that does not continue is the last that speaks; the catch-all speaks beside it where
    another route could not be evaluated.
    """
    return _largest(_stops(routes))


def _stops(routes: Sequence[Route]) -> Iterator[Reach]:
    sizes: dict[Destination, int] = {}
    for route in routes:
        ends = dict(sizes)
        _add(ends, route)
        if route.continues:
            sizes = ends
        else:
            _add(ends, routes[-1])
            yield Reach(len(ends), sum(ends.values()))
    yield Reach(len(sizes), sum(sizes.values()))


def _add(sizes: dict[Destination, int], route: Route) -> None:
    size = _size(route.filter)
    for destination in route.notify:
        sizes[destination] = sizes.get(destination, 0) + size


def _size(filter_: Filter) -> int:
    words = (filter_.route, filter_.severity.name, *filter_.only, *filter_.kinds)
    return _FILTER + sum(len(word) + _TOPIC for word in words)


def _groups(routes: Sequence[Route], field: str) -> set[frozenset[int]]:
    """Return, by their places, the routes that one value of a field can match together."""
    anywhere: set[int] = set()
    beginnings: defaultdict[str, set[int]] = defaultdict(set)
    for place, route in enumerate(routes):
        globs: Sequence[str] = getattr(route.match, field, ())
        for glob in globs:
            beginnings[_beginning(glob)].add(place)
        if not globs:
            anywhere.add(place)
    groups = {
        frozenset(anywhere.union(*(beginnings.get(text[:end], ()) for end in range(len(text) + 1))))
        for text in beginnings
    }
    return groups or {frozenset(anywhere)}


def _beginning(glob: str) -> str:
    """Return the text that everything begins with that a glob matches; a name has an end, too."""
    for place, character in enumerate(glob):
        if character in _GLOB:
            return glob[:place]
    return glob + _END
