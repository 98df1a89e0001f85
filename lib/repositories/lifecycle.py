"""
Lifecycle policies of ECR: what is wrong with one, and which images it can expire. Pure.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

_STATUSES: Final = ("tagged", "untagged", "any")
_COUNT: Final = "imageCountMoreThan"
_AGES: Final = ("sinceImagePushed", "sinceImagePulled", "sinceImageTransitioned")
_ARCHIVED: Final = "sinceImageTransitioned"
"""About images in the archive alone: nothing that is in use is expired by it."""
_ACTIONS: Final = ("expire", "transition")


@dataclass(frozen=True, slots=True)
class LifecycleRule:
    """One rule that expires images. Of several patterns an image needs tags for all."""

    status: str
    patterns: tuple[str, ...] = ()
    most: int | None = None
    """How many images it leaves; None: it goes by age."""

    def keeps(self, most: int) -> bool:
        """Whether it leaves no more than so many, or goes by age."""
        return self.most is None or self.most <= most

    def selects(self, tags: Sequence[str]) -> bool:
        """Whether it is about an image with these tags."""
        if self.status == "any":
            return True
        return self.status == "tagged" and all(
            any(fnmatchcase(tag, _literal(pattern)) for tag in tags) for pattern in self.patterns
        )


@dataclass(frozen=True, slots=True)
class LifecyclePolicy:
    """What a policy can do."""

    rules: tuple[LifecycleRule, ...]

    @property
    def expires_untagged(self) -> bool:
        """Whether any rule expires images without a tag."""
        return any(each.status in ("untagged", "any") for each in self.rules)

    def expiring(self, most: int) -> tuple[LifecycleRule, ...]:
        """Return the rules that expire old images with tags, and leave at most so many."""
        return tuple(each for each in self.rules if each.status != "untagged" and each.keeps(most))


def kept_for_ever(rules: Iterable[LifecycleRule], tag_sets: Iterable[Sequence[str]]) -> int:
    """Return how many images none of these rules is about."""
    known = tuple(rules)
    return sum(not any(each.selects(tags) for each in known) for tags in tag_sets)


def read_policy(text: str) -> LifecyclePolicy | str:
    """Return what a policy can do; or in words what is wrong with it first."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return "it is not JSON"
    rules = document.get("rules") if isinstance(document, dict) else None
    if not isinstance(rules, list) or not rules:
        return "it has no list of rules"
    for number, rule in enumerate(rules, 1):
        wrong = _wrong(rule)
        if wrong is not None:
            return f"rule {number}: {wrong}"
    wrong = _out_of_order(rules)
    if wrong is not None:
        return wrong
    expiring = [each for each in rules if each["action"]["type"] == "expire"]
    selections = (each["selection"] for each in expiring)
    return LifecyclePolicy(
        tuple(_rule(each) for each in selections if each["countType"] != _ARCHIVED)
    )


def _rule(selection: Mapping[str, Any]) -> LifecycleRule:
    prefixes = [f"{each}*" for each in selection.get("tagPrefixList", ())]
    counted = selection["countType"] == _COUNT
    return LifecycleRule(
        selection["tagStatus"],
        (*selection.get("tagPatternList", ()), *prefixes),
        selection["countNumber"] if counted else None,
    )


def _wrong(rule: object) -> str | None:
    if not isinstance(rule, dict) or not isinstance(rule.get("selection"), dict):
        return "it has no selection"
    if not _is_number(rule.get("rulePriority")):
        return "rulePriority must be a number from 1"
    action = rule.get("action")
    if not isinstance(action, dict) or action.get("type") not in _ACTIONS:
        return f"action.type must be {' or '.join(_ACTIONS)}"
    return _wrong_selection(rule["selection"])


def _wrong_selection(selection: Mapping[str, Any]) -> str | None:
    status = selection.get("tagStatus")
    if status not in _STATUSES:
        return f"tagStatus must be one of {', '.join(_STATUSES)}"
    lists = [selection[each] for each in ("tagPatternList", "tagPrefixList") if each in selection]
    if status == "tagged" and (len(lists) != 1 or not _is_texts(lists[0])):
        return "tagged asks for tagPatternList or tagPrefixList, and something in it"
    if status != "tagged" and any(lists):
        return f"{status} goes without tagPatternList and tagPrefixList"
    return _wrong_count(selection, selection.get("countType"))


def _wrong_count(selection: Mapping[str, Any], kind: object) -> str | None:
    if kind not in (_COUNT, *_AGES):
        return f"countType must be one of {', '.join((_COUNT, *_AGES))}"
    if kind in _AGES and selection.get("countUnit") != "days":
        return f'{kind} asks for countUnit "days"'
    if not _is_number(selection.get("countNumber")):
        return "countNumber must be a number from 1"
    return None


def _out_of_order(rules: Sequence[Mapping[str, Any]]) -> str | None:
    priorities = Counter(each["rulePriority"] for each in rules)
    twice = next((each for each, number in priorities.items() if number > 1), None)
    if twice is not None:
        return f"two rules have the priority {twice}"
    last = max(priorities)
    for each in rules:
        if each["selection"]["tagStatus"] == "any" and each["rulePriority"] != last:
            return "the rule for any image must have the highest rulePriority"
    return None


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, str) for each in value)


def _literal(pattern: str) -> str:
    """Return a pattern in which only * is special, as in ECR."""
    return pattern.replace("[", "[[]").replace("?", "[?]")
