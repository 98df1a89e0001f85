"""The outcome of a story, compared with its expectations, in words and as JSON. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Any

from cli.simulation.player import Performance
from cli.simulation.receivers import Arrival
from cli.simulation.story import Expectation, Story, ViewExpectation
from lib.core.streams import pattern_of, repository_of
from lib.models import Destination, StreamId
from lib.models.views import DeltaItem, View

Json = Any


@dataclass(frozen=True, slots=True)
class Entry:
    """A notification as a story names it."""

    to: str
    kinds: Mapping[str, frozenset[str]]
    """By kind in lower case: ids of vulnerabilities; of conditions the parts."""
    quiet: bool

    def __str__(self) -> str:
        kinds = [f"{kind}: [{', '.join(sorted(ids))}]" for kind, ids in self.kinds.items()]
        words = [f"to: {self.to}", *kinds, *(["quiet: true"] if self.quiet else [])]
        return f"{{{', '.join(words)}}}"


def notified(arrival: Arrival) -> Entry:
    """Return a notification as a story names it."""
    kinds: dict[str, set[str]] = {}
    for item in arrival.message.delta.items:
        # The end of a condition is no news, and no entry of a story.
        if item.item.condition is None or item.desired is not None:
            kinds.setdefault(item.kind.value.lower(), set()).add(_name(item))
    return Entry(
        arrival.row.destination,
        {kind: frozenset(ids) for kind, ids in kinds.items()},
        arrival.message.quiet,
    )


def _name(item: DeltaItem) -> str:
    return item.item.id if item.item.condition is None else condition_part(item) or "*"


def condition_part(item: DeltaItem) -> str:
    """Return the part that a condition is about; "" where the image is no index."""
    return item.item.id.partition(" ")[2]


def differences(story: Story, played: Performance) -> list[str]:
    """Return what is not as a story expects, in words; nothing where everything is."""
    problems = []
    for step in story.steps:
        if step.notified is not None:
            arrivals = played.by_step[step.number]
            problems += _unmatched(f"step {step.number}", step.notified, arrivals, ordered=False)
    if story.messages is not None:
        problems += _unmatched("messages", story.messages, played.arrivals, ordered=True)
    for view in story.views:
        problems += _view_differences(view, story, played)
    return problems


def _unmatched(
    place: str, expected: Sequence[Expectation], arrivals: Sequence[Arrival], *, ordered: bool
) -> list[str]:
    if ordered:
        # The quiet end of conditions alone has no kind; a story may leave it out.
        news = [arrival for arrival in arrivals if notified(arrival).kinds]
        for some in (arrivals, news):
            if len(some) == len(expected):
                return [
                    f"{place}: expected {_words(wanted)}, notified {there}"
                    for wanted, there in _pairs(expected, some)
                    if not matches(wanted, there)
                ]
    actual = [notified(arrival) for arrival in arrivals]
    missing = list(expected)
    surplus = []
    for there in actual:
        match = next((wanted for wanted in missing if matches(wanted, there)), None)
        if match is not None:
            missing.remove(match)
        elif there.kinds:
            surplus.append(there)
    return [
        *(f"{place}: expected {_words(wanted)}, and it was not notified" for wanted in missing),
        *(f"{place}: notified {there}, and it is not expected" for there in surplus),
    ]


def _pairs(
    expected: Sequence[Expectation], arrivals: Sequence[Arrival]
) -> Iterable[tuple[Expectation, Entry]]:
    """Yield what is expected beside what came, in order; messages of one moment have none."""
    wanted = iter(expected)
    for _, moment in groupby(arrivals, key=lambda arrival: arrival.at):
        came = [notified(arrival) for arrival in moment]
        missing = []
        for expectation in islice(wanted, len(came)):
            there = next((entry for entry in came if matches(expectation, entry)), None)
            if there is not None:
                came.remove(there)
                yield expectation, there
            else:
                missing.append(expectation)
        yield from zip(missing, came, strict=True)


def matches(expected: Expectation, there: Entry) -> bool:
    """Whether a notification is the expected one."""
    if (expected.to, expected.quiet) != (there.to, there.quiet):
        return False
    if expected.kinds.keys() != there.kinds.keys():
        return False
    return all(ids in (frozenset("*"), there.kinds[kind]) for kind, ids in expected.kinds.items())


def _words(expected: Expectation) -> str:
    return str(Entry(expected.to, expected.kinds, expected.quiet))


def _view_differences(
    expected: ViewExpectation, story: Story, played: Performance
) -> Iterable[str]:
    place = f"open: {expected.to}: {expected.stream}"
    view = _view(expected, story, played)
    ids = vulnerabilities(view) if view is not None else frozenset()
    if expected.ids is not None and ids != expected.ids:
        yield f"{place}: expected {sorted(expected.ids)}, the view holds {sorted(ids)}"
    if expected.incident is not None:
        incident = "open" if ids else "resolved"
        if view is not None:
            incident = played.incidents.get((view.destination, view.stream), "resolved")
        if incident != expected.incident:
            yield f"{place}: expected the incident {expected.incident}, it is {incident}"


def _view(expected: ViewExpectation, story: Story, played: Performance) -> View | None:
    """Return the view that a story means: one of its own account and region goes first."""
    views = played.views.get(Destination(expected.to), {})
    labelled = {label(stream, views, story): view for stream, view in views.items()}
    named = (view for stream, view in views.items() if name(stream) == expected.stream)
    return labelled.get(expected.stream) or next(named, None)


def name(stream: StreamId) -> str:
    """Return how a story names a stream: its repository, and after a blank the pattern."""
    return " ".join(filter(None, (repository_of(stream), pattern_of(stream))))


def label(stream: StreamId, streams: Iterable[StreamId], story: Story) -> str:
    """
    Return the name of a stream, with account and region where it would not be the only one.

    A stream in the account and region of the story itself keeps its name.
    """
    short = name(stream)
    alike = [other for other in streams if name(other) == short and other != stream]
    if not alike or stream.startswith(f"{story.account}/{story.region}/"):
        return short
    place = stream.split("/", maxsplit=2)[:2]
    return "/".join((*place, short))


def vulnerabilities(view: View) -> frozenset[str]:
    """Return the ids of the vulnerabilities that a view holds."""
    return frozenset(item.id for item in view.reported.values() if item.condition is None)


def lines(story: Story, played: Performance) -> Iterable[Json]:
    """Yield one JSON document a message, and the views at the end."""
    streams = {arrival.row.stream for arrival in played.arrivals}
    for arrival in played.arrivals:
        delta = arrival.message.delta
        kinds: dict[str, list[Json]] = {}
        for item in delta.items:
            kinds.setdefault(item.kind.value.lower(), []).append(
                {"id": item.item.id, "reason": item.reason}
            )
        current = arrival.message.state.current
        yield {
            "time": arrival.at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "to": arrival.row.destination,
            "stream": label(arrival.row.stream, streams, story),
            "image": current.image.name if current is not None else None,
            "quiet": arrival.message.quiet,
            "kinds": kinds,
        }
    yield {
        "views": {
            destination: {
                label(stream, views, story): sorted(vulnerabilities(view))
                for stream, view in views.items()
            }
            for destination, views in played.views.items()
        }
    }
