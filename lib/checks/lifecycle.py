"""
Lifecycle policies of ECR: the recommended one, and checks of existing ones. Pure.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lib.errors import DocumentError

KEEP: Final = 20
"""Images that a repository keeps: enough to go back several releases."""
UNTAGGED_DAYS: Final = 14
"""Days that untagged images are kept: a running task may still pull one by digest."""

_LENGTH: Final = range(100, 30720 + 1)
"""https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutLifecyclePolicy.html"""
_COUNT: Final = "imageCountMoreThan"
_SINCE_TRANSITION: Final = "sinceImageTransitioned"
_COUNTS: Final = (_COUNT, "sinceImagePushed", "sinceImagePulled", _SINCE_TRANSITION)
_STATUSES: Final = ("tagged", "untagged", "any")
_STORAGE: Final = ("standard", "archive")

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
    def counts(self) -> int | None:
        """How many images the rule leaves; None for a rule by age."""
        if self._selection["countType"] != _COUNT:
            return None
        return int(self._selection["countNumber"])

    @property
    def expires(self) -> bool:
        """Whether the rule deletes images; other rules archive them."""
        return bool(self.document["action"]["type"] == "expire")

    @property
    def storage(self) -> str:
        """The storage class of the images that the rule selects."""
        default = _STORAGE[self._selection["countType"] == _SINCE_TRANSITION]
        return str(self._selection.get("storageClass", default))

    @property
    def archived(self) -> bool:
        """Whether the rule selects archived images only."""
        return self.storage != _STORAGE[0]

    @property
    def patterns(self) -> tuple[str, ...]:
        """Patterns of tags, with `*`; an image needs a tag for each of them."""
        prefixes = self._selection.get("tagPrefixList") or ()
        return (
            *(self._selection.get("tagPatternList") or ()),
            *(f"{prefix}*" for prefix in prefixes),
        )

    @property
    def selects_untagged(self) -> bool:
        """Whether the rule selects all untagged images."""
        return self.tag_status != "tagged"

    @property
    def selects_tagged(self) -> bool:
        """Whether the rule selects all tagged images."""
        if self.tag_status != "tagged":
            return self.tag_status == "any"
        return not any(pattern.strip("*") for pattern in self.patterns)

    @property
    def _selection(self) -> Mapping[str, Json]:
        selection: Mapping[str, Json] = self.document["selection"]
        return selection


@dataclass(frozen=True, slots=True)
class LifecyclePolicy:
    """A policy: its rules by priority."""

    rules: tuple[Rule, ...]


def policy(keep: int = KEEP, untagged_days: int = UNTAGGED_DAYS) -> str:
    """
    Return a policy that expires untagged images by age, and all but the newest `keep` images.

    The second rule counts untagged images, too: an index for two platforms is three images.
    """
    return _text([_untagged(untagged_days), _newest(keep)])


def parse(text: str) -> LifecyclePolicy:
    """Parse a policy. Raises `DocumentError` with the place of the error."""
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
    for index, rule in enumerate(rules):
        _check_rule(rule, f"rules[{index}]")
    ordered = tuple(sorted((Rule(rule) for rule in rules), key=lambda rule: rule.priority))
    _check_order(ordered)
    return LifecyclePolicy(ordered)


def can_expire_untagged(policy: LifecyclePolicy) -> bool:
    """Whether the policy ever expires untagged images."""
    return _end(policy, lambda rule: rule.selects_untagged) is not None


def can_expire_old(policy: LifecyclePolicy, keep: int) -> bool:
    """
    Whether the policy expires every tagged image: by age, or when `keep` are newer.

    Rules for some tags may keep more images, which is taken for intent.
    """
    end = _end(policy, lambda rule: rule.selects_tagged)
    return end is not None and (end.counts is None or end.counts <= keep)


def completed(own: LifecyclePolicy, keep: int, untagged_days: int = UNTAGGED_DAYS) -> str | None:
    """
    Return the policy with the missing rules added; other rules and their order stay.

    None where a rule of the policy stands in the way of a missing one.
    """
    documents = [rule.document for rule in own.rules]
    if not can_expire_old(own, keep):
        end = _end(own, lambda rule: rule.selects_tagged)
        if end is None:
            documents.append(_newest(keep))
        else:
            documents[documents.index(end.document)] = _with_lower_count(end, keep)
    if not can_expire_untagged(own):
        documents.insert(0, _untagged(untagged_days))
    text = _text(documents)
    try:
        added = parse(text)
    except DocumentError:
        return None
    return text if can_expire_untagged(added) and can_expire_old(added, keep) else None


def _end(policy: LifecyclePolicy, selects: Callable[[Rule], bool]) -> Rule | None:
    """
    Return the rule that deletes the selected images, in standard storage or in the archive.

    A rule of a lower priority cannot expire images that an earlier rule selects.
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
    """
    standard, archive = (
        next(
            (
                candidate
                for candidate in policy.rules
                if candidate.storage == storage and selects(candidate)
            ),
            None,
        )
        for storage in _STORAGE
    )
    rule = archive if standard is not None and not standard.expires else standard
    return rule if rule is not None and rule.expires else None


# --- rules as ECR writes them -------------------------------------------------------------------


def _untagged(days: int) -> dict[str, Json]:
    return {
        "description": f"Untagged images go after {days} days",
        "selection": {
            "tagStatus": "untagged",
            "countType": "sinceImagePushed",
            "countUnit": "days",
            "countNumber": days,
        },
        "action": {"type": "expire"},
    }


def _newest(keep: int) -> dict[str, Json]:
    return {
        "description": _says(keep),
        "selection": {"tagStatus": "any", "countType": _COUNT, "countNumber": keep},
        "action": {"type": "expire"},
    }


def _with_lower_count(rule: Rule, keep: int) -> dict[str, Json]:
    document = {
        **rule.document,
        "selection": {**rule.document["selection"], "countNumber": keep},
    }
    if rule.counts is not None and document.get("description") == _says(rule.counts):
        document["description"] = _says(keep)
    return document


def _says(keep: int) -> str:
    return f"The newest {keep} images stay"


def _text(rules: Sequence[Mapping[str, Json]]) -> str:
    numbered = [{**rule, "rulePriority": priority} for priority, rule in enumerate(rules, 1)]
    ordered = [{"rulePriority": rule.pop("rulePriority"), **rule} for rule in numbered]
    return json.dumps({"rules": ordered}, indent=2)


# --- errors of a policy -------------------------------------------------------------------------


def _check_rule(rule: Json, where: str) -> None:
    _require(isinstance(rule, dict), where, "an object")
    priority = rule.get("rulePriority")
    _require(_is_count(priority), f"{where}.rulePriority", "a whole number above zero")
    selection, action = rule.get("selection"), rule.get("action")
    _require(isinstance(selection, dict), f"{where}.selection", "an object")
    _check_selection(selection, f"{where}.selection")
    kind = action.get("type") if isinstance(action, dict) else None
    _require(kind in ("expire", "transition"), f"{where}.action.type", '"expire" or "transition"')


def _check_selection(selection: Mapping[str, Json], where: str) -> None:
    status = selection.get("tagStatus")
    _require(status in _STATUSES, f"{where}.tagStatus", ", ".join(_STATUSES))
    lists = [selection.get(key) or [] for key in ("tagPrefixList", "tagPatternList")]
    tags = all(isinstance(tag_list, list) for tag_list in lists) and [*lists[0], *lists[1]]
    _require(
        isinstance(tags, list)
        and all(isinstance(tag, str) for tag in tags)
        and bool(tags) == (status == "tagged"),
        where,
        "tagPrefixList or tagPatternList where tagStatus is tagged, and only there",
    )
    kind, storage = selection.get("countType"), selection.get("storageClass", _STORAGE[0])
    _require(kind in _COUNTS, f"{where}.countType", ", ".join(_COUNTS))
    _require(storage in _STORAGE, f"{where}.storageClass", ", ".join(_STORAGE))
    number, unit = selection.get("countNumber"), selection.get("countUnit")
    _require(_is_count(number), f"{where}.countNumber", "a whole number above zero")
    _require(kind == _COUNT or isinstance(unit, str), f"{where}.countUnit", '"days"')


def _check_order(rules: Sequence[Rule]) -> None:
    priorities = {rule.priority for rule in rules}
    _require(len(priorities) == len(rules), "rules", "a rulePriority of its own for each")
    for storage in _STORAGE:
        statuses = [rule.tag_status for rule in rules if rule.storage == storage]
        _require("any" not in statuses[:-1], "rules", '"any" with the highest rulePriority')
        _require(statuses.count("untagged") <= 1, "rules", 'one rule at most for "untagged"')


def _require(fulfilled: bool, where: str, allowed: str) -> None:  # noqa: FBT001  # a condition
    if not fulfilled:
        raise DocumentError(f"the lifecycle policy is wrong at {where}: it takes {allowed}")


def _is_count(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
