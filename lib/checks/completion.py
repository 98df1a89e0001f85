"""
The lifecycle policy that is recommended, and what is added to one of a user's own. Pure.

Rules that are there stay, in their order. Only a rule for all images that keeps more than is
wanted is lowered.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from lib.checks.lifecycle import (
    EndangeredImage,
    IdleRule,
    blanket,
    endangered,
    judge,
    since,
)
from lib.checks.policies import COUNT, SINCE_PUSH, Json, LifecyclePolicy, Rule, parse
from lib.errors import DocumentError
from lib.models import RunningImage, StoredImage
from lib.text import counted

KEEP: Final = 20
"""Images that a repository keeps: enough to go back several releases."""
UNTAGGED_DAYS: Final = 14
"""Days that untagged images are kept: a running task may still pull one by digest."""

_MARGIN: Final = 30
"""Days by which a rule by age is given more time than an image needs now."""


def policy(keep: int = KEEP, untagged_days: int = UNTAGGED_DAYS) -> str:
    """
    Return a policy that expires untagged images by age, and all but the newest `keep` images.

    The second rule counts untagged images, too: an index for two platforms is three images.
    """
    return _text([_untagged(1, untagged_days), _newest(2, keep)])


def completed(
    own: LifecyclePolicy,
    stored: Sequence[StoredImage],
    keep: int,
    untagged_days: int = UNTAGGED_DAYS,
) -> str | None:
    """
    Return the policy with what it lacks; None where one of its rules stands in the way.

    What archives and never deletes was meant so.
    """
    judgement = judge(own, stored, keep)
    documents: list[Mapping[str, Json]] = [rule.document for rule in own.rules]
    if judgement.old:
        documents = _with_newest(own, documents, keep)
    if judgement.untagged:
        documents = _with_untagged(documents, untagged_days)
    return _sound(documents, stored, keep)


def with_patterns(own: LifecyclePolicy, idle: Sequence[IdleRule]) -> str | None:
    """Return the policy with the patterns that idle rules were meant to have; None: not known."""
    meant = {one.rule.priority: one.meant for one in idle}
    if not all(meant.values()):
        return None
    documents: list[Mapping[str, Json]] = []
    for rule in own.rules:
        documents += _split(rule, meant.get(rule.priority, ()))
    text = _text(_numbered(documents))
    try:
        parse(text)
    except DocumentError:
        return None
    return text


def with_longer_retention(
    own: LifecyclePolicy,
    stored: Sequence[StoredImage],
    running: Sequence[RunningImage],
    now: datetime,
) -> str:
    """
    Return the policy with numbers that spare the images that run.

    One rule governs an image, so it is enough to change that one.
    """
    spared: dict[int, int] = {}
    for image in endangered(own, stored, running, now):
        priority = image.rule.priority
        spared[priority] = max(spared.get(priority, 0), _sparing(image, stored, now))
    documents = [
        with_number(rule, spared[rule.priority]) if rule.priority in spared else rule.document
        for rule in own.rules
    ]
    return _text(documents)


def _sparing(
    endangered_image: EndangeredImage, stored: Sequence[StoredImage], now: datetime
) -> int:
    """Return the number with which a rule spares an image: images, or days and a month."""
    rule, image = endangered_image.rule, endangered_image.image
    start = since(rule, image) or now
    if rule.counts is None:
        return (now - start).days + _MARGIN
    pushed = [other.pushed_at for other in stored if rule.selects(other.tags)]
    return sum(time is not None and time >= start for time in pushed)


def difference(own: LifecyclePolicy, other: LifecyclePolicy) -> tuple[str, ...]:
    """Return the rules of both policies in words: "+" is new, "-" is gone, " " stays."""
    before, after = ([_effect(rule) for rule in rules] for rules in (own.rules, other.rules))
    return (
        *(f"- {effect}" for effect in before if effect not in after),
        *(f"{' ' if effect in before else '+'} {effect}" for effect in after),
    )


def _effect(rule: Rule) -> str:
    """Return what a rule does, without its number."""
    tags = [*rule.patterns, *(f"{prefix}…" for prefix in rule.prefixes)]
    images = {"untagged": "untagged images", "any": "all images"}.get(
        rule.tag_status, f"images with a tag {' and one '.join(tags)}"
    )
    verb = "deleted" if rule.expires else "archived"
    if rule.counts is not None:
        return f"{images}: the newest {rule.counts:,} stay, the others are {verb}"
    event = {SINCE_PUSH: "push", "sinceImagePulled": "last pull"}.get(rule.count_type, "archival")
    return f"{images}: {verb} {counted(rule.number, 'day')} after their {event}"


# --- rules as ECR writes them -------------------------------------------------------------------


def _with_newest(
    own: LifecyclePolicy, documents: list[Mapping[str, Json]], keep: int
) -> list[Mapping[str, Json]]:
    rule = blanket(own)
    if rule is not None and rule.expires and rule.counts is not None and rule.counts > keep:
        place = documents.index(rule.document)
        return [*documents[:place], with_number(rule, keep), *documents[place + 1 :]]
    return [*documents, _newest(_last(documents) + 1, keep)]


def _with_untagged(documents: list[Mapping[str, Json]], days: int) -> list[Mapping[str, Json]]:
    """Add the rule in front of a rule for any image, with a number of its own."""
    taken = {document["rulePriority"] for document in documents}
    ends = [
        document["rulePriority"]
        for document in documents
        if document["selection"]["tagStatus"] == "any"
    ]
    end = min(ends, default=_last(documents) + 1)
    free = next((number for number in range(end - 1, 0, -1) if number not in taken), None)
    if not ends:
        return [*documents, _untagged(end, days)]
    if free is not None:
        return [*documents, _untagged(free, days)]
    moved = [
        {**document, "rulePriority": document["rulePriority"] + (document["rulePriority"] >= end)}
        for document in documents
    ]
    return [*moved, _untagged(end, days)]


def _last(documents: Sequence[Mapping[str, Json]]) -> int:
    return max(int(document["rulePriority"]) for document in documents)


def _untagged(priority: int, days: int) -> dict[str, Json]:
    return {
        "rulePriority": priority,
        "description": f"Untagged images go after {days} days",
        "selection": {
            "tagStatus": "untagged",
            "countType": SINCE_PUSH,
            "countUnit": "days",
            "countNumber": days,
        },
        "action": {"type": "expire"},
    }


def _newest(priority: int, keep: int) -> dict[str, Json]:
    return {
        "rulePriority": priority,
        "description": _says(keep),
        "selection": {"tagStatus": "any", "countType": COUNT, "countNumber": keep},
        "action": {"type": "expire"},
    }


def with_number(rule: Rule, number: int) -> dict[str, Json]:
    """Return a rule with another number; a description of ours says it, too."""
    document = {
        **rule.document,
        "selection": {**rule.document["selection"], "countNumber": number},
    }
    if rule.counts is not None and document.get("description") == _says(rule.counts):
        document["description"] = _says(number)
    return document


def _says(keep: int) -> str:
    return f"The newest {keep} images stay"


def _split(rule: Rule, meant: Sequence[Sequence[str]]) -> Iterator[Mapping[str, Json]]:
    """Yield a rule once for each list of patterns; as it is without one."""
    if not meant:
        yield rule.document
    selection = {
        name: value
        for name, value in rule.document["selection"].items()
        if name not in ("tagPatternList", "tagPrefixList")
    }
    for patterns in meant:
        yield {**rule.document, "selection": {**selection, "tagPatternList": list(patterns)}}


def _numbered(documents: Sequence[Mapping[str, Json]]) -> list[Mapping[str, Json]]:
    """Return rules with numbers that rise: their own where they do already."""
    numbered: list[Mapping[str, Json]] = []
    last = 0
    for document in documents:
        last = max(last + 1, int(document["rulePriority"]))
        numbered.append({**document, "rulePriority": last})
    return numbered


def _sound(
    documents: Sequence[Mapping[str, Json]], stored: Sequence[StoredImage], keep: int
) -> str | None:
    text = _text(sorted(documents, key=lambda document: int(document["rulePriority"])))
    try:
        added = parse(text)
    except DocumentError:
        return None
    return text if judge(added, stored, keep).is_sound else None


def _text(rules: Sequence[Mapping[str, Json]]) -> str:
    return json.dumps({"rules": list(rules)}, indent=2)
