"""
The judgement of a lifecycle policy: what it deletes, archives and keeps, and why. Pure.

    untagged and old images    -> the reasons why they stay for ever, if they do
    rules                      -> those that can act on no image
    stored images              -> those that it marks now, and those among them that run

https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Final

from lib.checks.policies import (
    ARCHIVE,
    SINCE_ARCHIVED,
    SINCE_PULL,
    STANDARD,
    LifecyclePolicy,
    Rule,
    matches,
)
from lib.models import RunningImage, StoredImage
from lib.text import counted

_OTHER: Final = "\N{OBJECT REPLACEMENT CHARACTER}"
"""A tag that only patterns of nothing but stars match."""
_NO_TAG: Final = re.compile(r"[^0-9A-Za-z_.*-]")
"""Characters that no tag has, and that are not special in a pattern, either."""


@dataclass(frozen=True, slots=True)
class IdleRule:
    """A rule that acts on no image, and the reason."""

    rule: Rule
    reason: str
    meant: tuple[tuple[str, ...], ...] = ()
    """Lists of patterns that would act, each for a rule; none: it is for a person to say."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """Reasons for which images stay for ever, and idle rules. An empty reason is an all-clear."""

    untagged: str
    """Why untagged images stay for ever."""
    old: str
    """Why old images with tags stay for ever."""
    idle: tuple[IdleRule, ...]

    @property
    def is_sound(self) -> bool:
        """Whether nothing stays for ever; rules may be idle."""
        return not self.untagged and not self.old


def judge(policy: LifecyclePolicy, stored: Sequence[StoredImage], keep: int) -> Judgement:
    """
    Return the faults of a policy in a repository with these images.

    `keep`: the most images that may stay. A rule for some tags may keep more, which is intent;
    so are up to `keep` images that no rule deletes.
    """
    return Judgement(
        untagged=_endless(policy, ()),
        old=_old(policy, stored, keep),
        idle=tuple(_idle(policy, stored)),
    )


def _endless(policy: LifecyclePolicy, tags: Sequence[str]) -> str:
    """Return why images with these tags stay for ever; empty where they do not."""
    rule = policy.governing(tags)
    if rule is None:
        return "No rule selects them."
    if rule.expires or policy.governing(tags, ARCHIVE) is not None:
        return ""
    return f"Rule {rule.priority} archives them, and no rule deletes them from the archive."


def _old(policy: LifecyclePolicy, stored: Sequence[StoredImage], keep: int) -> str:
    rule = blanket(policy)
    if rule is not None:
        reason = _endless(policy, (_OTHER,))
        if reason:
            return reason
        if rule.expires and rule.counts is not None and rule.counts > keep:
            return f"Rule {rule.priority} keeps {rule.counts:,}, and {keep:,} may stay."
    elif all(_endless(policy, _example(rule)) for rule in policy.rules if _takes_tags(rule)):
        return "No rule deletes images with tags."
    staying = sum(bool(image.tags and _endless(policy, image.tags)) for image in stored)
    if staying > keep:
        return f"No rule deletes {staying:,} images with tags, and {keep:,} may stay."
    return ""


def blanket(policy: LifecyclePolicy) -> Rule | None:
    """Return the rule that governs images with tags that no pattern names."""
    return policy.governing((_OTHER,))


def _takes_tags(rule: Rule) -> bool:
    return rule.storage == STANDARD and rule.tag_status != "untagged"


def _example(rule: Rule) -> tuple[str, ...]:
    """Return the tags of an image that a rule selects."""
    patterns = (*rule.patterns, *(f"{prefix}*" for prefix in rule.prefixes))
    return tuple(pattern.replace("*", _OTHER) for pattern in patterns)


# --- rules that act on no image -----------------------------------------------------------------


def _idle(policy: LifecyclePolicy, stored: Sequence[StoredImage]) -> Iterator[IdleRule]:
    tag_sets = [image.tags for image in stored if image.tags and not image.archived]
    for index, rule in enumerate(policy.rules):
        if rule.tag_status != "tagged":
            continue
        idle = (
            _impossible(rule)
            or _shadowed(rule, policy.rules[:index])
            or (_unmatched(rule, tag_sets) if rule.storage == STANDARD else None)
        )
        if idle is not None:
            yield idle


def _impossible(rule: Rule) -> IdleRule | None:
    for pattern in rule.patterns:
        strange = _NO_TAG.search(pattern)
        if strange is not None:
            reason = f"no tag can match {pattern}: only * is special, and no tag has"
            return IdleRule(rule, f"{reason} {strange.group()!r}")
    for prefix in rule.prefixes:
        if "*" in prefix or _NO_TAG.search(prefix):
            reason = f"no tag begins with {prefix}: in tagPrefixList nothing is special"
            own = tuple(f"{beginning.rstrip('*')}*" for beginning in rule.prefixes)
            meant = (own,) if not any(map(_NO_TAG.search, own)) else ()
            return IdleRule(rule, reason, meant)
    return None


def _shadowed(rule: Rule, earlier: Sequence[Rule]) -> IdleRule | None:
    """Return a rule whose every image an earlier rule selects."""
    for other in earlier:
        if other.storage == rule.storage and other.selects(_example(rule)):
            return IdleRule(rule, f"rule {other.priority} selects all of its images first")
    return None


def _unmatched(rule: Rule, tag_sets: Sequence[Sequence[str]]) -> IdleRule | None:
    """Return a rule that selects no stored image, and by some of its patterns would."""
    if any(map(rule.selects, tag_sets)):
        return None
    starred = tuple(f"{prefix}*" for prefix in rule.prefixes)
    patterns = (*rule.patterns, *starred)
    near = _selected(patterns, tag_sets)
    if near and len(patterns) > 1:
        reason = (
            f"an image needs a tag for each of {', '.join((*rule.patterns, *rule.prefixes))}: "
            f"{_have(near)} one for some, and none for all"
        )
        return IdleRule(rule, reason, tuple((pattern,) for pattern in patterns))
    widened = tuple(f"{pattern}*" for pattern in rule.patterns if "*" not in pattern)
    near = _selected(widened, tag_sets)
    if near and len(rule.patterns) == 1:
        reason = f"without a *, {rule.patterns[0]} is that tag alone: {_have(near)} one that"
        return IdleRule(rule, f"{reason} begins with it", (widened,))
    return None


def _selected(patterns: Sequence[str], tag_sets: Sequence[Sequence[str]]) -> int:
    """Return how many images have a tag for one of the patterns."""
    return sum(
        any(matches(pattern, tag) for pattern in patterns for tag in tags) for tags in tag_sets
    )


def _have(number: int) -> str:
    return f"{counted(number, 'image')} {'has' if number == 1 else 'have'}"


# --- images that a policy marks -----------------------------------------------------------------


def marks(policy: LifecyclePolicy, stored: Sequence[StoredImage], now: datetime) -> dict[str, Rule]:
    """
    Return the rule that deletes or archives an image now, by digest.

    What an index refers to stays as long as the index does.
    """
    parts = {digest for image in stored for digest in image.parts}
    marked: dict[str, Rule] = {}
    for storage in (STANDARD, ARCHIVE):
        images = _newest_first(stored, storage)
        rules = [rule for rule in policy.rules if rule.storage == storage]
        taken: set[str] = set()
        for rule in rules:
            selected = [image for image in images if rule.selects(image.tags)]
            for image in _due(rule, selected, now):
                if image.digest not in taken and image.digest not in parts:
                    marked[image.digest] = rule
            taken |= {image.digest for image in selected}
    return marked


def _newest_first(stored: Sequence[StoredImage], storage: str) -> list[StoredImage]:
    images = [image for image in stored if image.archived == (storage == ARCHIVE)]
    dated = [image for image in images if image.pushed_at is not None]
    return sorted(dated, key=attrgetter("pushed_at"), reverse=True)


def _due(rule: Rule, newest_first: Sequence[StoredImage], now: datetime) -> Sequence[StoredImage]:
    """Return those of the selected images for which the time or the number is up."""
    if rule.counts is not None:
        return newest_first[rule.counts :]
    limit = now - timedelta(days=rule.number)
    return [image for image in newest_first if (since(rule, image) or now) < limit]


def since(rule: Rule, image: StoredImage) -> datetime | None:
    """Return the event from which a rule by age counts the days of an image."""
    if rule.count_type == SINCE_ARCHIVED:
        return image.archived_at
    if rule.count_type == SINCE_PULL:
        return image.pulled_at or image.pushed_at
    return image.pushed_at


@dataclass(frozen=True, slots=True)
class EndangeredImage:
    """A running image that a rule deletes or archives: it cannot be pulled again."""

    running: RunningImage
    image: StoredImage
    """The image that the rule marks: the running one, or the index that refers to it."""
    rule: Rule


def endangered(
    policy: LifecyclePolicy,
    stored: Sequence[StoredImage],
    running: Sequence[RunningImage],
    now: datetime,
) -> tuple[EndangeredImage, ...]:
    """Return the running images that a policy would delete or archive now."""
    marked = marks(policy, stored, now) if running else {}
    at_risk = []
    for used in running:
        images = holders(used, stored)
        if images and all(image.digest in marked for image in images):
            image = images[0]
            at_risk.append(EndangeredImage(used, image, marked[image.digest]))
    return tuple(at_risk)


def holders(used: RunningImage, stored: Sequence[StoredImage]) -> list[StoredImage]:
    """Return the indexes that refer to a running image; without one, the image itself."""
    tags = set(used.tags)
    itself = [
        image
        for image in stored
        if (image.digest == used.digest if used.digest else tags.intersection(image.tags))
    ]
    digests = {image.digest for image in itself}
    return [image for image in stored if digests.intersection(image.parts)] or itself


def needed(stored: Sequence[StoredImage], running: Sequence[RunningImage]) -> int:
    """Return how many of the newest images have to stay, so that all running ones do."""
    used = {image.digest for one in running for image in holders(one, stored)}
    places = enumerate(_newest_first(stored, STANDARD), 1)
    return max((place for place, image in places if image.digest in used), default=0)
