"""
Verdicts of routes, filters and suppressions on each finding of one watched image. Pure.

Routes apply by the tags that the image has in the stream, by its repository, account and region,
by the platform of any part, and by the scanner that lists the finding.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Final, NamedTuple

from lib.core.conditions import PartCondition
from lib.core.routing import BELOW, IN_USE, Route, filters_for, refusal, routes_for
from lib.core.suppressions import Suppression, matcher
from lib.models import (
    Destination,
    Filter,
    Finding,
    Image,
    Package,
    Part,
    ScanSource,
    Severity,
)
from lib.models.immutable import immutable
from lib.models.streams import PartState, WatchedImage

NOT_RUNNING: Final = ("not in use", "not known to be in use")
NO_FIX: Final = ("no fix available", "no fix known")
NO_EXPLOIT: Final = "no known exploit"
"""The other refusals of `lib.core.routing.refusal`, and ours:"""
NO_ROUTE: Final = "no route leads there"


@immutable(frozen=True, slots=True)
class RuleSet:
    """The rules of alerts.yml about who is notified of what."""

    routes: Sequence[Route]
    suppressions: Sequence[Suppression] = ()
    hash: str = ""
    """Differs where anything in alerts.yml differs."""


class Verdict(NamedTuple):
    """The answer of the rules to one finding, or condition, of one image: one of three."""

    image: Image
    finding: Finding
    """Of a condition: a stand-in that has its name, and its part as the package."""
    routes: tuple[str, ...] = ()
    """That desire it."""
    entry: str | None = None
    """That leaves it out though a route would desire it."""
    refusals: tuple[str, ...] = ()
    """Why no route desires it."""


class _Answer(NamedTuple):
    routes: tuple[str, ...]
    refusals: tuple[str, ...]


class Judge:
    """The rules, as they are about one watched image and one destination."""

    def __init__(
        self,
        watched: WatchedImage,
        destination: Destination,
        rules: RuleSet,
        today: date,
        names: Mapping[str, tuple[str, ...]],
    ) -> None:
        """`names`: by the id of a row, the names of its vulnerability; an entry can use any."""
        self.watched = watched
        self.names = names
        entries = rules.suppressions
        self._suppressed = matcher(entries, watched.image, today) if entries else None
        self._image = _as_running(watched)
        self._sources = set(_sources(watched.parts))
        parts = tuple(_platforms(watched.parts))
        self._filters = {
            source: filters_for(destination, watched.image, parts, rules.routes, source=source)
            for source in self._sources
        }
        # Many findings, few that differ in what filters look at.
        self._answers: dict[tuple[object, ...], _Answer] = {}

    @property
    def applies(self) -> bool:
        """Whether a route leads from the image to the destination."""
        return any(self._filters.values())

    @property
    def routes(self) -> tuple[str, ...]:
        """The routes that lead from the image to the destination."""
        filters = (filter_ for group in self._filters.values() for filter_ in group)
        return tuple(sorted({filter_.route for filter_ in filters}))

    def findings(self) -> Iterator[Verdict]:
        """Yield what the rules say of each finding that is open, part by part."""
        for part in self.watched.parts:
            for evidence in part.evidence:
                for finding in evidence.findings:
                    if finding.open:
                        answer = self._answer(finding, evidence.source)
                        yield self._verdict(finding, answer)

    def asks_for(self, finding: Finding) -> bool:
        """Return whether a route asks for a finding that no part lists."""
        answers = (self._answer(finding, source) for source in self._sources if source is not None)
        return any(self._verdict(finding, answer).routes for answer in answers)

    def condition(self, condition: PartCondition, part: PartState) -> Verdict:
        """Return what the rules say of a condition of a part; thresholds do not concern it."""
        filters = self._filters[part.source]
        passing = [
            filter_.route
            for filter_ in filters
            if self.watched.running or IN_USE not in filter_.only
        ]
        refusals = () if passing else NOT_RUNNING[:1] if filters else (NO_ROUTE,)
        stand_in = Finding(condition.condition.value, Package(part.part), Severity.UNKNOWN)
        return self._verdict(stand_in, _Answer(tuple(passing), refusals))

    def _answer(self, finding: Finding, source: ScanSource) -> _Answer:
        key = (
            source,
            finding.severity,
            finding.fixable,
            finding.fix_available,
            finding.exploitable,
        )
        answer = self._answers.get(key)
        if answer is None:
            answer = self._answers[key] = _asked(finding, self._image, self._filters[source])
        return answer

    def _verdict(self, finding: Finding, answer: _Answer) -> Verdict:
        image = self.watched.image
        entry = self._suppressing_entry(finding) if answer.routes else None
        if entry is not None:
            return Verdict(image, finding, entry=entry)
        return Verdict(image, finding, answer.routes, refusals=answer.refusals)

    def _suppressing_entry(self, finding: Finding) -> str | None:
        """Return the entry that leaves out a finding, under whatever name it has."""
        if self._suppressed is None:
            return None
        names = self.names.get(finding.vulnerability_id, ())
        if len(names) > 1:
            finding = replace(finding, aliases=(*finding.aliases, *names))
        suppressed = self._suppressed(finding)
        return None if suppressed is None else suppressed.entry


def destinations_of(images: Iterable[WatchedImage], routes: Sequence[Route]) -> set[Destination]:
    """Return the destinations that a route leads to from any of these images."""
    applying = (
        route
        for watched in images
        for source in set(_sources(watched.parts))
        for route in routes_for(
            watched.image, tuple(_platforms(watched.parts)), routes, source=source
        )
    )
    return {destination for route in applying for destination in route.notify}


def mismatches(watched: WatchedImage, routes: Sequence[Route]) -> Mapping[str, str]:
    """Return by name the routes that do not apply to a watched image, and why, in words."""
    parts = tuple(_platforms(watched.parts))
    refused: dict[str, str] = {}
    applying: set[str] = set()
    for source in dict.fromkeys(_sources(watched.parts)):
        winner: str | None = None
        for route in routes:
            words = f"not reached: {winner} came first" if winner is not None else None
            if words is None and route.match is not None:
                words = route.match.mismatch(watched.image, parts, source=source)
            if words is not None:
                refused.setdefault(route.name, words)
                continue
            applying.add(route.name)
            winner = None if route.continues else route.name
    return {name: words for name, words in refused.items() if name not in applying}


def joined(refusals: Iterable[str]) -> str:
    """
    Join refusals, each of them once.

    Of several thresholds only the lowest is named, and no missing route where another one refuses.
    """
    words = list(dict.fromkeys(refusals))
    if len(words) > 1 and NO_ROUTE in words:
        words.remove(NO_ROUTE)
    below = [word for word in words if word.startswith(BELOW)]
    lowest = min(below, key=lambda word: Severity[word.removeprefix(BELOW)], default=None)
    return ", ".join(word for word in words if word == lowest or word not in below)


def _asked(finding: Finding, image: Image, filters: Sequence[Filter]) -> _Answer:
    """Return which filters let a finding through; if none does, what each of them says."""
    answers = [(filter_.route, refusal(finding, image, filter_)) for filter_ in filters]
    passing = tuple([route for route, words in answers if words is None])
    if passing or not answers:
        return _Answer(passing, () if passing else (NO_ROUTE,))
    return _Answer((), tuple([words for _, words in answers if words is not None]))


def _as_running(watched: WatchedImage) -> Image:
    """Return the image with an in-use count that says what is known of its running."""
    image = watched.image
    if watched.running:
        return replace(image, in_use_count=1)
    return image if image.in_use_count is None else replace(image, in_use_count=0)


def _sources(parts: Iterable[PartState]) -> Iterator[ScanSource | None]:
    """Yield the doors through which anything is known of an image."""
    for part in parts:
        yield part.source
        for evidence in part.evidence:
            yield evidence.source


def _platforms(parts: Iterable[PartState]) -> Iterator[Part]:
    """Yield each part as routes match it: by its platform alone, and with the version of its OS."""
    for part in parts:
        for platform in dict.fromkeys((part.part.partition(" ")[0], part.part)):
            if platform:
                yield Part(platform, digest="", status=part.status)
