"""
Lifecycle policies of ECR: their rules, and what ECR would refuse. Pure.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lib.errors import DocumentError

STANDARD: Final = "standard"
ARCHIVE: Final = "archive"
"""The storage classes that a rule selects from."""
COUNT: Final = "imageCountMoreThan"
SINCE_PUSH: Final = "sinceImagePushed"
SINCE_PULL: Final = "sinceImagePulled"
SINCE_ARCHIVED: Final = "sinceImageTransitioned"

_LENGTH: Final = range(100, 30720 + 1)
"""https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutLifecyclePolicy.html"""
_MOST_RULES: Final = 50
"""https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html"""
_MOST_STARS: Final = 4
_SHORTEST_ARCHIVAL: Final = 90
"""Days. https://docs.aws.amazon.com/AmazonECR/latest/userguide/archive-image.html"""
_COUNTS: Final = (COUNT, SINCE_PUSH, SINCE_PULL, SINCE_ARCHIVED)
_STATUSES: Final = ("tagged", "untagged", "any")

Json = Any


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of a policy, with the document that it was read from."""

    document: Mapping[str, Json]

    @property
    def priority(self) -> int:
        """The order of evaluation: the lowest number comes first."""
        return int(self.document["rulePriority"])

    @property
    def tag_status(self) -> str:
        """The tag status: "tagged", "untagged" or "any"."""
        return str(self._selection["tagStatus"])

    @property
    def count_type(self) -> str:
        """The measure of the rule: images, or days since an event."""
        return str(self._selection["countType"])

    @property
    def number(self) -> int:
        """How many images the rule leaves, or how many days."""
        return int(self._selection["countNumber"])

    @property
    def counts(self) -> int | None:
        """How many images the rule leaves; None for a rule by age."""
        return self.number if self.count_type == COUNT else None

    @property
    def expires(self) -> bool:
        """Whether the rule deletes images; other rules archive them."""
        return bool(self.document["action"]["type"] == "expire")

    @property
    def storage(self) -> str:
        """The storage class of the images that the rule selects."""
        return ARCHIVE if self.count_type == SINCE_ARCHIVED else STANDARD

    @property
    def patterns(self) -> tuple[str, ...]:
        """Patterns of tags, with `*`; an image needs a tag for each of them."""
        return tuple(self._selection.get("tagPatternList") or ())

    @property
    def prefixes(self) -> tuple[str, ...]:
        """Beginnings of tags, in which `*` is a character; an image needs a tag for each."""
        return tuple(self._selection.get("tagPrefixList") or ())

    def selects(self, tags: Sequence[str]) -> bool:
        """Return whether the rule selects an image with these tags; none: an untagged image."""
        if self.tag_status == "any":
            return True
        if not tags or self.tag_status == "untagged":
            return not tags and self.tag_status == "untagged"
        matched = all(any(matches(pattern, tag) for tag in tags) for pattern in self.patterns)
        return matched and all(
            any(tag.startswith(prefix) for tag in tags) for prefix in self.prefixes
        )

    @property
    def _selection(self) -> Mapping[str, Json]:
        selection: Mapping[str, Json] = self.document["selection"]
        return selection


@dataclass(frozen=True, slots=True)
class LifecyclePolicy:
    """A policy: its rules by priority."""

    rules: tuple[Rule, ...]

    def governing(self, tags: Sequence[str], storage: str = STANDARD) -> Rule | None:
        """
        Return the one rule that can act on an image with these tags; None: no rule.

        A rule of a lower priority cannot act on images that an earlier rule selects.
        https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
        """
        return next(
            (rule for rule in self.rules if rule.storage == storage and rule.selects(tags)), None
        )


def matches(pattern: str, tag: str) -> bool:
    """Return whether a tag matches a pattern of ECR, in which only `*` is special."""
    expression = ".*".join(map(re.escape, pattern.split("*")))
    return re.fullmatch(expression, tag, re.DOTALL) is not None


def parse(text: str) -> LifecyclePolicy:
    """Parse a policy. Raises `DocumentError` with the place that ECR would refuse."""
    if len(text) not in _LENGTH:
        raise DocumentError(
            f"a lifecycle policy has {_LENGTH[0]} to {_LENGTH[-1]} characters, not {len(text)}"
        )
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DocumentError(f"the lifecycle policy is not JSON: {error}") from error
    rules = document.get("rules") if isinstance(document, dict) else None
    if not isinstance(rules, list) or not rules:
        raise DocumentError('a lifecycle policy is {"rules": […]} with one rule at least')
    _require(len(rules) <= _MOST_RULES, "rules", f"{_MOST_RULES} rules at most")
    for index, rule in enumerate(rules):
        _check_rule(rule, f"rules[{index}]")
    ordered = tuple(sorted((Rule(rule) for rule in rules), key=lambda rule: rule.priority))
    _check_order(ordered)
    return LifecyclePolicy(ordered)


def _check_rule(rule: Json, where: str) -> None:
    _require(isinstance(rule, dict), where, "an object")
    priority = rule.get("rulePriority")
    _require(_is_count(priority), f"{where}.rulePriority", "a whole number above zero")
    selection, action = rule.get("selection"), rule.get("action")
    _require(isinstance(selection, dict), f"{where}.selection", "an object")
    _check_tags(selection, f"{where}.selection")
    _check_count(selection, f"{where}.selection")
    _check_action(action if isinstance(action, dict) else {}, selection["countType"], where)


def _check_tags(selection: Mapping[str, Json], where: str) -> None:
    status = selection.get("tagStatus")
    _require(status in _STATUSES, f"{where}.tagStatus", ", ".join(_STATUSES))
    prefixes, patterns = (selection.get(name) or [] for name in ("tagPrefixList", "tagPatternList"))
    are_lists = isinstance(prefixes, list) and isinstance(patterns, list)
    _require(
        are_lists
        and all(isinstance(tag, str) for tag in (*prefixes, *patterns))
        and bool(prefixes or patterns) == (status == "tagged"),
        where,
        "tagPrefixList or tagPatternList where tagStatus is tagged, and only there",
    )
    _require(not (prefixes and patterns), where, "tagPrefixList or tagPatternList, not both")
    for index, pattern in enumerate(patterns):
        place = f"{where}.tagPatternList[{index}]"
        _require(pattern.count("*") <= _MOST_STARS, place, f"{_MOST_STARS} stars at most")


def _check_count(selection: Mapping[str, Json], where: str) -> None:
    kind = selection.get("countType")
    _require(kind in _COUNTS, f"{where}.countType", ", ".join(_COUNTS))
    number: Json = selection.get("countNumber")
    _require(_is_count(number), f"{where}.countNumber", "a whole number above zero")
    if kind == COUNT:
        _require("countUnit" not in selection, f"{where}.countUnit", f"nothing with {COUNT}")
    else:
        _require(selection.get("countUnit") == "days", f"{where}.countUnit", '"days"')
    if kind == SINCE_ARCHIVED:
        _require(
            selection.get("storageClass") == ARCHIVE,
            f"{where}.storageClass",
            f'"{ARCHIVE}" with {SINCE_ARCHIVED}',
        )
        _require(
            number >= _SHORTEST_ARCHIVAL,
            f"{where}.countNumber",
            f"{_SHORTEST_ARCHIVAL} days at least: archived images stay so long",
        )
    else:
        _require(
            selection.get("storageClass", STANDARD) == STANDARD,
            f"{where}.storageClass",
            f'"{STANDARD}" with {kind}: from the archive, images expire by {SINCE_ARCHIVED}',
        )


def _check_action(action: Mapping[str, Json], kind: str, rule: str) -> None:
    name, where = action.get("type"), f"{rule}.action"
    _require(name in ("expire", "transition"), f"{where}.type", '"expire" or "transition"')
    target = f"{where}.targetStorageClass"
    if name == "expire":
        _require(
            kind != SINCE_PULL,
            f"{where}.type",
            f'"transition" with {SINCE_PULL}: archive first, then expire by {SINCE_ARCHIVED}',
        )
        _require("targetStorageClass" not in action, target, "nothing with expire")
    else:
        _require(kind != SINCE_ARCHIVED, f"{where}.type", f'"expire" with {SINCE_ARCHIVED}')
        _require(action.get("targetStorageClass") == ARCHIVE, target, f'"{ARCHIVE}"')


def _check_order(rules: Sequence[Rule]) -> None:
    priorities = {rule.priority for rule in rules}
    _require(len(priorities) == len(rules), "rules", "a rulePriority of its own for each")
    for storage in (STANDARD, ARCHIVE):
        inside = [rule for rule in rules if rule.storage == storage]
        statuses = [rule.tag_status for rule in inside]
        _require("any" not in statuses[:-1], "rules", '"any" with the highest rulePriority')
        _require(statuses.count("untagged") <= 1, "rules", 'one rule at most for "untagged"')
        tags = [(frozenset(rule.patterns), frozenset(rule.prefixes)) for rule in inside]
        tags = [pair for pair in tags if any(pair)]
        _require(len(set(tags)) == len(tags), "rules", "one rule for the same list of tags")


def _require(fulfilled: bool, where: str, allowed: str) -> None:  # noqa: FBT001  # a condition
    if not fulfilled:
        raise DocumentError(f"the lifecycle policy is wrong at {where}: it takes {allowed}")


def _is_count(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
