"""
Mistakes of a story that its schema cannot see: images and destinations that do not exist. Pure.

A story with such a mistake would be played, and nothing would come of the step.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from cli.simulation.images import Place, place_named, places_meant
from cli.simulation.story import (
    Action,
    Delete,
    Expectation,
    ImageName,
    InUse,
    Move,
    Push,
    ReceiverChange,
    Rescan,
    Story,
    StoryError,
    TagPush,
)

Path = tuple[str | int, ...]
_ITSELF: Final = ""
"""The only part of an image that is no index."""


def mistakes(story: Story, destinations: Collection[str]) -> Iterator[StoryError]:
    """
    Yield the mistakes of a story, in the order of its steps.

    `destinations`: the names in its rules, and in those that it deploys later.
    """
    images = _Images(Place(story.account, story.region, ""))
    for step in story.steps:
        path = ("steps", step.number - 1)
        problem = images.problem(step.action) or _receiver_problem(step.action, destinations)
        if problem is not None:
            yield StoryError(problem, path)
        yield from _unknown(step.notified or (), destinations, path)
    yield from _unknown(story.messages or (), destinations, ("messages",))
    for view in story.views:
        if view.to not in destinations:
            yield StoryError(_no_destination(view.to, destinations), ("open", view.to))


def _receiver_problem(action: Action, destinations: Collection[str]) -> str | None:
    if isinstance(action, ReceiverChange) and action.name not in destinations:
        return _no_destination(action.name, destinations)
    return None


def _unknown(
    expected: Iterable[Expectation], destinations: Collection[str], path: Path
) -> Iterator[StoryError]:
    for expectation in expected:
        if expectation.to not in destinations:
            yield StoryError(_no_destination(expectation.to, destinations), path)


def _no_destination(name: str, destinations: Collection[str]) -> str:
    return f"no destination is called {name!r}; there are: {', '.join(destinations) or 'none'}"


class _Images:
    """The images that a story has pushed so far, with the names of their parts."""

    def __init__(self, home: Place) -> None:
        self._home = home
        self._parts: dict[str, dict[Place, frozenset[str]]] = {}

    def problem(self, action: Action) -> str | None:
        """Return why a step cannot be done, in words; else keep what it pushes or deletes."""
        match action:
            case Push():
                return self._push(action)
            case TagPush(image=image) | InUse(image=image) | Move(image=image):
                return self._missing(image)
            case Rescan():
                return self._missing(action.image) or self._rescanned(action)
            case Delete(image=ImageName(word="") as image):
                return self._without_repository(image)
            case Delete(image=image):
                problem = self._missing(image)
                if problem is None and not action.tags:
                    self._forget(image)
                return problem
            case _:
                return None

    def _push(self, push: Push) -> str | None:
        name, scan = push.image, push.scan
        place = place_named(name, self._home)
        if scan is not None and place in self._parts.get(name.word, ()):
            return self._other_parts(name, place, scan.parts)
        parts: Mapping[str, object] = scan.parts if scan is not None else {}
        for part in filter(None, parts):
            self._parts.setdefault(f"{name.word}/{part}", {})[place] = frozenset()
        self._parts.setdefault(name.word, {}).setdefault(place, frozenset(parts) - {_ITSELF})
        return None

    def _places(self, name: ImageName) -> list[Place]:
        return places_meant(name, self._parts.get(name.word, ()), self._home)

    def _missing(self, name: ImageName) -> str | None:
        places = self._places(name)
        if len(places) == 1:
            return None
        if places:
            repositories = ", ".join(place.repository for place in places)
            return f"image {name.word!r} is in several repositories: name one of {repositories}"
        where = f" in {name.repository}" if name.repository is not None else ""
        there = ", ".join(word for word, places in self._parts.items() if places) or "none"
        return f"no image {name.word!r} was pushed before{where}; there are: {there}"

    def _rescanned(self, rescan: Rescan) -> str | None:
        (place,) = self._places(rescan.image)
        return self._other_parts(rescan.image, place, rescan.parts)

    def _other_parts(self, name: ImageName, place: Place, wanted: Iterable[str]) -> str | None:
        parts = self._parts[name.word][place]
        other = sorted(set(wanted) - (parts or {_ITSELF}))
        if not other:
            return None
        if not parts:
            return f"image {name.word!r} is no index: it has no parts"
        there = ", ".join(sorted(parts))
        wrong = other[0] or "a list for the whole index"
        return f"image {name.word!r} is an index without {wrong}; its parts are: {there}"

    def _without_repository(self, name: ImageName) -> str | None:
        """Forget the images of a repository; return why none can be deleted, in words."""
        there = {place for places in self._parts.values() for place in places}
        gone = place_named(name, self._home)
        if gone not in there:
            names = ", ".join(sorted({place.repository for place in there})) or "none"
            where = f"{gone.repository}{f' in {gone.account}' if name.account else ''}"
            return f"no image was pushed to {where} before; there are repositories: {names}"
        for word, places in self._parts.items():
            self._parts[word] = {place: parts for place, parts in places.items() if place != gone}
        return None

    def _forget(self, name: ImageName) -> None:
        for place in self._places(name):
            del self._parts[name.word][place]
