"""
Lifecycle policies of ECR: the one we suggest, and whether another does as much. Pure.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lib.errors import DocumentError

KEEP: Final = 20
"""Images of a repository: enough to go back several releases."""
UNTAGGED_DAYS: Final = 14
"""For what lost its tag: long enough for a running task that still pulls it by digest."""

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
    """One rule, and the document that it was read from."""

    document: Mapping[str, Json]

    @property
    def priority(self) -> int:
        """The lowest number comes first."""
        return int(self.document["rulePriority"])

    @property
    def tag_status(self) -> str:
        """Return "tagged", "untagged" or "any"."""
        return str(self._selection["tagStatus"])

    @property
    def counts(self) -> int | None:
        """How many images it leaves; None: it goes by age."""
        if self._selection["countType"] != _COUNT:
            return None
        return int(self._selection["countNumber"])

    @property
    def expires(self) -> bool:
        """Whether it deletes; else it archives."""
        return bool(self.document["action"]["type"] == "expire")

    @property
    def storage(self) -> str:
        """The class of the images that it looks at."""
        default = _STORAGE[self._selection["countType"] == _SINCE_TRANSITION]
        return str(self._selection.get("storageClass", default))

    @property
    def archived(self) -> bool:
        """Whether it looks at the archive alone: nothing that is in use is expired by it."""
        return self.storage != _STORAGE[0]

    @property
    def patterns(self) -> tuple[str, ...]:
        """Of tags, with `*`; an image needs tags for all of them."""
        prefixes = self._selection.get("tagPrefixList") or ()
        return (
            *(self._selection.get("tagPatternList") or ()),
            *(f"{each}*" for each in prefixes),
        )

    @property
    def selects_untagged(self) -> bool:
        """Whether it is about every image without a tag."""
        return self.tag_status != "tagged"

    @property
    def selects_tagged(self) -> bool:
        """Whether it is about every image with a tag, whichever that is."""
        if self.tag_status != "tagged":
            return self.tag_status == "any"
        return not any(each.strip("*") for each in self.patterns)

    @property
    def _selection(self) -> Mapping[str, Json]:
        selection: Mapping[str, Json] = self.document["selection"]
        return selection


@dataclass(frozen=True, slots=True)
class LifecyclePolicy:
    """Its rules, by priority."""

    rules: tuple[Rule, ...]


def policy(keep: int = KEEP, untagged_days: int = UNTAGGED_DAYS) -> str:
    """
    Return a policy that expires untagged images by age, and all but the newest `keep` images.

    The second rule counts untagged images, too: an index for two platforms is three images.
    """
    return _text([_untagged(untagged_days), _newest(keep)])


def parse(text: str) -> LifecyclePolicy:
    """Read a policy. Raises `DocumentError` saying where it is wrong."""
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
    for index, each in enumerate(rules):
        _check_rule(each, f"rules[{index}]")
    ordered = tuple(sorted((Rule(each) for each in rules), key=lambda rule: rule.priority))
    _check_order(ordered)
    return LifecyclePolicy(ordered)


def can_expire_untagged(policy: LifecyclePolicy) -> bool:
    """Tell whether an untagged image ever goes."""
    return _end(policy, lambda rule: rule.selects_untagged) is not None


def can_expire_old(policy: LifecyclePolicy, keep: int) -> bool:
    """
    Tell whether a tagged image ever goes, whatever its tag: by age, or when `keep` are newer.

    Rules for some tags only may keep more: they are there on purpose.
    """
    end = _end(policy, lambda rule: rule.selects_tagged)
    return end is not None and (end.counts is None or end.counts <= keep)


def completed(own: LifecyclePolicy, keep: int, untagged_days: int = UNTAGGED_DAYS) -> str | None:
    """
    Return a policy with what it lacks added and every other rule as it is, in the same order.

    None: it has a rule of its own in the place of one that it lacks.
    """
    documents = [rule.document for rule in own.rules]
    if not can_expire_old(own, keep):
        end = _end(own, lambda rule: rule.selects_tagged)
        if end is None:
            documents.append(_newest(keep))
        else:
            documents[documents.index(end.document)] = _lowered(end, keep)
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
    Return the rule that deletes what is selected, at once or out of the archive.

    What one rule selects, none of a lower priority can expire.
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
    """
    standard, archive = (
        next((each for each in policy.rules if each.storage == storage and selects(each)), None)
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


def _lowered(rule: Rule, keep: int) -> dict[str, Json]:
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
    numbered = [{**each, "rulePriority": place} for place, each in enumerate(rules, 1)]
    ordered = [{"rulePriority": each.pop("rulePriority"), **each} for each in numbered]
    return json.dumps({"rules": ordered}, indent=2)


# --- what ECR refuses ---------------------------------------------------------------------------


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
    lists = [selection.get(each) or [] for each in ("tagPrefixList", "tagPatternList")]
    tags = all(isinstance(each, list) for each in lists) and [*lists[0], *lists[1]]
    _require(
        isinstance(tags, list)
        and all(isinstance(each, str) for each in tags)
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
    priorities = {each.priority for each in rules}
    _require(len(priorities) == len(rules), "rules", "a rulePriority of its own for each")
    for storage in _STORAGE:
        statuses = [each.tag_status for each in rules if each.storage == storage]
        _require("any" not in statuses[:-1], "rules", '"any" with the highest rulePriority')
        _require(statuses.count("untagged") <= 1, "rules", 'one rule at most for "untagged"')


def _require(fulfilled: bool, where: str, allowed: str) -> None:  # noqa: FBT001  # a condition
    if not fulfilled:
        raise DocumentError(f"the lifecycle policy is wrong at {where}: it takes {allowed}")


def _is_count(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
