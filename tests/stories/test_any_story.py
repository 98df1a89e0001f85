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
from lib.models import Destination
from tests.support.thorough import examples

IMAGES = ("A", "B", "C", "D")
TAGS = ("1.0", "1.1", "latest")
FORMS = {
    name: FindingForm(name, severity, (PackageForm(f"lib-{name}", "1.0"),))
    for name, severity in (("CVE-1", "CRITICAL"), ("CVE-2", "HIGH"), ("CVE-3", "LOW"))
}
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

    lists: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By image, what its scanner lists."""
    holders: dict[str, str] = field(default_factory=dict)
    """By tag, its image; the tag that was pushed last is the last one."""
    archived: set[str] = field(default_factory=set)

    def tag(self, image: str, tags: tuple[str, ...]) -> None:
        for tag in tags:
            self.holders.pop(tag, None)
            self.holders[tag] = image

    def untag(self, image: str, tags: tuple[str, ...] | None = None) -> None:
        for tag, holder in list(self.holders.items()):
            if holder == image and (tags is None or tag in tags):
                del self.holders[tag]

    @property
    def open(self) -> frozenset[str]:
        """What a destination shows: what the image of the last tag has, from HIGH on."""
        for image in reversed(self.holders.values()):
            if image not in self.archived:
                names = self.lists[image]
                return frozenset(name for name in names if FORMS[name].severity != "LOW")
        return frozenset()


def answer(names: tuple[str, ...]) -> dict[str, PartAnswer]:
    """Return what a scanner lists for an image that is no index."""
    return {"": PartAnswer(tuple(FORMS[name] for name in names))}


def actions(draw: st.DrawFn, truth: Truth, scanner: str) -> Iterator[Action]:
    """Yield one thing that can happen now, and keep what it changes."""
    image = draw(st.sampled_from(IMAGES))
    name = ImageName(image, "shop/api")
    tags = tuple(draw(st.lists(st.sampled_from(TAGS), unique=True, min_size=1, max_size=2)))
    verbs = ["tag", "rescan", "delete", "untag", "archive", "restore", "receiver", "pass"]
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
        case "delete":
            truth.untag(image)
            truth.archived.discard(image)
            del truth.lists[image]
            yield Delete(name, None)
        case "untag" if any(holder == image for holder in truth.holders.values()):
            own = tuple(tag for tag, holder in truth.holders.items() if holder == image)
            truth.untag(image, own[:1])
            yield Delete(name, None, own[:1])
        case "archive" | "restore":
            archived = verb == "archive"
            truth.archived = truth.archived | {image} if archived else truth.archived - {image}
            yield Move(name, archived=archived)
        case "receiver":
            yield ReceiverChange("team", draw(st.sampled_from(Health)))
        case _:
            yield Pass()


@st.composite
def stories(draw: st.DrawFn) -> tuple[Story, frozenset[str]]:
    """Return a story, and what is open at its end."""
    truth, steps = Truth(), []
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
        RULES,
        tuple(Step(number, *step, None) for number, step in enumerate(steps, start=1)),
        None,
        (),
    )
    return story, truth.open


@settings(max_examples=examples(20), suppress_health_check=[HealthCheck.too_slow])
@given(case=stories())
def test_the_views_are_true_in_the_end(case: tuple[Story, frozenset[str]]) -> None:
    """After an outage, lost events and whatever order, each view holds what is open."""
    story, expected = case

    played = Player(story).play()

    for name in (Destination("team"), Destination("on-call")):
        views = played.views.get(name, {}).values()
        shown = frozenset(id_ for view in views for id_ in vulnerabilities(view))
        assert shown == expected
