"""Any story: whatever happens to images, in the end a destination shows what is open."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli.simulation.outcome import vulnerabilities
from cli.simulation.player import Player
from cli.simulation.story import (
    Action,
    Delete,
    FindingForm,
    Health,
    ImageName,
    InUse,
    Move,
    PackageForm,
    PartAnswer,
    Pass,
    Push,
    ReceiverChange,
    Rescan,
    ScanAnswer,
    Step,
    Story,
    TagPush,
)
from lib.core.streams import pattern_of
from lib.models import Destination
from tests.support.thorough import examples

IMAGES = ("A", "B", "C", "D")
TAGS = ("1.0", "1.1", "latest")
FORMS = {
    name: FindingForm(name, severity, (PackageForm(f"lib-{name}", "1.0"),))
    for name, severity in (("CVE-1", "CRITICAL"), ("CVE-2", "HIGH"), ("CVE-3", "LOW"))
}
STREAMS = 'streams: ["latest"]\n'
RULES = """\
version: 1
destinations:
  team: {type: slack, webhook: {secret: ecr-scan-alerts/team}}
  on-call: {type: pagerduty, routing_key: {secret: ecr-scan-alerts/pagerduty}}
routes:
  - {name: all, severity: HIGH, notify: [team, on-call]}
"""
LISTS = st.lists(st.sampled_from(sorted(FORMS)), unique=True).map(tuple)


@dataclass
class Truth:
    """The registry of a story, as simple as it can be written down."""

    divided: bool
    """Whether the tag `latest` is a stream of its own."""
    lists: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By image, what its scanner lists."""
    holders: dict[str, str] = field(default_factory=dict)
    """By tag, its image; the tag that was pushed last is the last one."""
    archived: set[str] = field(default_factory=set)
    running: set[str] = field(default_factory=set)
    members: dict[str, set[str]] = field(default_factory=lambda: {"": set(), "latest": set()})
    """By stream, the images that have, or had, a tag of it."""

    def stream(self, tag: str) -> str:
        return tag if self.divided and tag == "latest" else ""

    def tag(self, image: str, tags: tuple[str, ...]) -> None:
        for tag in tags:
            self.holders.pop(tag, None)
            self.holders[tag] = image
            self.members[self.stream(tag)].add(image)

    def untag(self, image: str, tags: tuple[str, ...] | None = None) -> None:
        for tag, holder in list(self.holders.items()):
            if holder == image and (tags is None or tag in tags):
                del self.holders[tag]

    def delete(self, image: str) -> None:
        self.untag(image)
        del self.lists[image]
        self.archived.discard(image)
        self.running.discard(image)
        for images in self.members.values():
            images.discard(image)

    def watched(self, stream: str) -> Iterator[str]:
        """Yield the image of the last tag, and those that run."""
        tags = [tag for tag in self.holders if self.stream(tag) == stream]
        there = [image for image in map(self.holders.get, tags) if image not in self.archived]
        yield from there[-1:]
        yield from self.members[stream] & self.running - self.archived

    @property
    def open(self) -> dict[str, set[str]]:
        """By stream, what a destination shows: what its watched images have, from HIGH on."""
        lists = {
            stream: {name for image in self.watched(stream) for name in self.lists[image]}
            for stream in self.members
        }
        return {
            stream: {name for name in names if FORMS[name].severity != "LOW"}
            for stream, names in lists.items()
        }


def answer(names: tuple[str, ...]) -> dict[str, PartAnswer]:
    """Return what a scanner lists for an image that is no index."""
    return {"": PartAnswer(tuple(FORMS[name] for name in names))}


def actions(draw: st.DrawFn, truth: Truth, scanner: str) -> Iterator[Action]:
    """Yield one thing that can happen now, and keep what it changes."""
    image = draw(st.sampled_from(IMAGES))
    name = ImageName(image, "shop/api")
    tags = tuple(draw(st.lists(st.sampled_from(TAGS), unique=True, min_size=1, max_size=2)))
    verbs = ["tag", "rescan", "delete", "untag", "archive", "restore", "use", "receiver", "pass"]
    verb = draw(st.sampled_from(verbs)) if image in truth.lists else "push"
    names = draw(LISTS)
    match verb:
        case "push":
            truth.lists[image] = names
            truth.tag(image, tags)
            yield Push(name, tags, ScanAnswer(scanner, answer(names)))
        case "tag" if image not in truth.archived:
            truth.tag(image, tags)
            yield TagPush(name, tags)
        case "rescan" if scanner == "enhanced" and image not in truth.archived:
            truth.lists[image] = names
            yield Rescan(name, answer(names), events=draw(st.booleans()))
        case "use" if scanner == "enhanced" and image not in truth.archived:
            count = draw(st.integers(0, 1))
            truth.running = truth.running | {image} if count else truth.running - {image}
            yield InUse(name, count)
        case "delete":
            truth.delete(image)
            yield Delete(name)
        case "untag" if any(holder == image for holder in truth.holders.values()):
            own = tuple(tag for tag, holder in truth.holders.items() if holder == image)
            truth.untag(image, own[:1])
            yield Delete(name, own[:1])
        case "archive" | "restore":
            archived = verb == "archive"
            truth.archived = truth.archived | {image} if archived else truth.archived - {image}
            yield Move(name, archived=archived)
        case "receiver":
            yield ReceiverChange("team", draw(st.sampled_from(Health)))
        case _:
            yield Pass()


@st.composite
def stories(draw: st.DrawFn) -> tuple[Story, dict[str, set[str]]]:
    """Return a story, and what is open at its end."""
    truth, steps = Truth(draw(st.booleans())), []
    scanner = draw(st.sampled_from(["basic", "enhanced"]))
    for _ in range(draw(st.integers(2, 12))):
        after = timedelta(minutes=draw(st.sampled_from([1, 7, 90, 1500])))
        steps += [(after, action) for action in actions(draw, truth, scanner)]
    steps += [(timedelta(), ReceiverChange("team", Health.UP)), (timedelta(days=3), Pass())]
    story = Story(
        "any",
        datetime(2026, 11, 2, 9, tzinfo=UTC),
        "111122223333",
        "eu-central-1",
        RULES + STREAMS * truth.divided,
        tuple(Step(number, *step, None) for number, step in enumerate(steps, start=1)),
        None,
        (),
    )
    return story, truth.open


@settings(max_examples=examples(20), suppress_health_check=[HealthCheck.too_slow])
@given(case=stories())
def test_the_views_are_true_in_the_end(case: tuple[Story, dict[str, set[str]]]) -> None:
    """After an outage, lost events and whatever order, each view holds what is open."""
    story, expected = case

    played = Player(story).play()

    for name in (Destination("team"), Destination("on-call")):
        shown = dict.fromkeys(expected, frozenset[str]())
        for stream, view in played.views.get(name, {}).items():
            shown[pattern_of(stream) or ""] = vulnerabilities(view)
        assert shown == expected
