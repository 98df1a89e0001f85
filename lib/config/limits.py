"""
Limits of AWS that depend on alerts.yml, checked before deployment. Pure.

Whether two routes can match the same image cannot be decided for every pair of globs. The numbers
are upper bounds; they are exact for names and for globs with different beginnings.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from lib.core.routing import Route
from lib.models import Destination, Filter

ACTIONS: Final = 100
"""
The maximum number of actions in a transaction.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
"""
OTHER_ACTIONS: Final = 3
"""Actions for the evaluation itself: image, head of the stream, history."""
MOST_DELIVERIES: Final = ACTIONS - OTHER_ACTIONS
MOST_BYTES: Final = 3_500_000
"""Bytes for the filters of the deliveries, out of the 4 MB of a transaction."""
MOST_TOPICS: Final = 6_000
"""
Maximum characters of the topics in the policy of the function that publishes.

The policies of a role have at most 10,240 together, without blanks; a test counts the others.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""
_TOPIC: Final = len('"",')
_FILTER: Final = 120
"""Bytes of a filter beside its own words: field names, and DynamoDB's overhead for each."""
_FIELDS: Final = ("repository", "account", "region", "source")
"""Fields of which an image has one value. It may have several tags and platforms."""
_GLOB: Final = frozenset("*?[")
_END: Final = "\0"


@dataclass(frozen=True, slots=True)
class Reach:
    """Upper bounds for the deliveries of one evaluation."""

    deliveries: int = 0
    size: int = 0
    """Bytes of the filters."""

    @property
    def fits(self) -> bool:
        """Whether one transaction can hold the deliveries."""
        return self.deliveries <= MOST_DELIVERIES and self.size <= MOST_BYTES


def reach(routes: Sequence[Route]) -> Reach:
    """Return the most destinations that one evaluation can reach, and the size of their rows."""
    return _largest(_within(routes, _FIELDS))


def topics_size(topics: Iterable[str]) -> int:
    """Return the number of characters that topics take in a policy."""
    return sum(len(topic) + _TOPIC for topic in set(topics))


def _within(routes: Sequence[Route], fields: Sequence[str]) -> Iterator[Reach]:
    """Yield the reach of all routes; if that is too much, of each group that can match together."""
    total = _reach_of(routes)
    if total.fits or not fields:
        yield total
        return
    for group in _groups(routes, fields[0]):
        yield from _within([routes[index] for index in sorted(group)], fields[1:])


def _largest(reaches: Iterable[Reach]) -> Reach:
    candidates = list(reaches)
    return Reach(
        max((reach.deliveries for reach in candidates), default=0),
        max((reach.size for reach in candidates), default=0),
    )


def _reach_of(routes: Sequence[Route]) -> Reach:
    """
    Return the reach of routes that all match.

    Evaluation stops at the first route that does not continue. The catch-all route is added where
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
    """Return the sets of route indexes that one value of a field can match together."""
    anywhere: set[int] = set()
    beginnings: defaultdict[str, set[int]] = defaultdict(set)
    for index, route in enumerate(routes):
        globs: Sequence[str] = getattr(route.match, field, ())
        for glob in globs:
            beginnings[_beginning(glob)].add(index)
        if not globs:
            anywhere.add(index)
    groups = {
        frozenset(anywhere.union(*(beginnings.get(text[:end], ()) for end in range(len(text) + 1))))
        for text in beginnings
    }
    return groups or {frozenset(anywhere)}


def _beginning(glob: str) -> str:
    """Return the fixed beginning of a glob; a name without wildcards includes its end."""
    for index, character in enumerate(glob):
        if character in _GLOB:
            return glob[:index]
    return glob + _END
