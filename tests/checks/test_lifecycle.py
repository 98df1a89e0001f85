"""Lifecycle policies: what ours says, what others lack, and where one is wrong."""

import json
from typing import Any

import pytest

from lib.checks.lifecycle import (
    LifecyclePolicy,
    can_expire_old,
    can_expire_untagged,
    completed,
    parse,
    policy,
)
from lib.errors import DocumentError


def a_rule(priority: int = 1, status: str = "any", count: int = 20, **more: Any) -> dict[str, Any]:
    """Return a rule that goes by number; `action`, `days` and parts of the selection in `more`."""
    action = more.pop("action", {"type": "expire"})
    days = more.pop("days", None)
    selection = {"tagStatus": status, "countType": "imageCountMoreThan", "countNumber": count}
    if days is not None:
        age = {"countType": "sinceImagePushed", "countUnit": "days", "countNumber": days}
        selection = selection | age
    return {"rulePriority": priority, "selection": selection | more, "action": action}


def text(*rules: Any) -> str:
    return json.dumps({"rules": rules}, indent=4)


def read(*rules: Any) -> LifecyclePolicy:
    return parse(text(*rules))


ARCHIVE = {"type": "transition", "targetStorageClass": "archive"}
VERSIONS = a_rule(1, "tagged", 100, tagPrefixList=["v"])
UNTAGGED = a_rule(1, "untagged", days=30)
ANY = a_rule(9)


def test_the_policy_we_suggest() -> None:
    """Untagged images go by age, then all but the newest; the rule for any image comes last."""
    rules = json.loads(policy(7, 3))["rules"]

    assert [each["rulePriority"] for each in rules] == [1, 2]
    assert rules[0]["selection"] == {
        "tagStatus": "untagged",
        "countType": "sinceImagePushed",
        "countUnit": "days",
        "countNumber": 3,
    }
    assert rules[1]["selection"] == {
        "tagStatus": "any",
        "countType": "imageCountMoreThan",
        "countNumber": 7,
    }
    assert [each["action"] for each in rules] == [{"type": "expire"}] * 2


def test_the_policy_we_suggest_is_enough() -> None:
    """It passes our own checks."""
    ours = parse(policy(7))

    assert can_expire_untagged(ours)
    assert can_expire_old(ours, 7)
    assert not can_expire_old(ours, 6)


@pytest.mark.parametrize(
    ("rules", "untagged", "old"),
    [
        ([ANY], True, True),
        ([UNTAGGED], True, False),
        ([a_rule(1, "tagged", tagPatternList=["*"])], False, True),
        ([a_rule(1, "tagged", tagPrefixList=["v"])], False, False),
        ([a_rule(1, "tagged", tagPatternList=["*", "v*"])], False, False),
        ([a_rule(days=365)], True, True),
        ([a_rule(count=21)], True, False),
        ([VERSIONS, ANY], True, True),
        # What the first selects, the second cannot expire.
        ([a_rule(1, "untagged", days=30, action=ARCHIVE), ANY], False, True),
        ([a_rule(1, days=30, action=ARCHIVE)], False, False),
        # Nothing fills the archive that the rule would empty.
        ([a_rule(1, days=90, countType="sinceImageTransitioned")], False, False),
        (
            [
                a_rule(1, days=30, action=ARCHIVE),
                a_rule(2, days=90, countType="sinceImageTransitioned"),
            ],
            True,
            True,
        ),
    ],
)
def test_what_a_policy_can_expire(rules: list[Any], untagged: bool, old: bool) -> None:  # noqa: FBT001  # a row
    """By whatever rules: what counts is that there is an end."""
    found = read(*rules)

    assert (can_expire_untagged(found), can_expire_old(found, 20)) == (untagged, old)


def test_rules_are_read_by_priority() -> None:
    """Their order in the text means nothing."""
    found = read(a_rule(9), a_rule(3, "untagged", days=1))

    assert [each.priority for each in found.rules] == [3, 9]


# --- completing ---------------------------------------------------------------------------------


def documents(found: str | None) -> list[Any]:
    assert found is not None
    rules: list[Any] = json.loads(found)["rules"]
    return rules


def test_what_is_missing_is_added_around_own_rules() -> None:
    """Untagged first, any last, and the rule between them as it was but for its number."""
    own = VERSIONS | {"description": "releases"}

    rules = documents(completed(read(own), 20))

    assert rules[1] == own | {"rulePriority": 2}
    assert [each["selection"]["tagStatus"] for each in rules] == ["untagged", "tagged", "any"]
    assert [each["rulePriority"] for each in rules] == [1, 2, 3]


def test_only_what_is_missing_is_added() -> None:
    """A rule of one's own for untagged images stays the only one."""
    rules = documents(completed(read(UNTAGGED), 20))

    assert rules[0] == UNTAGGED
    assert [each["selection"]["tagStatus"] for each in rules] == ["untagged", "any"]


def test_only_untagged_images_may_be_missing() -> None:
    """The rule for the others stays as it is."""
    own = a_rule(7, "tagged", 5, tagPatternList=["*"])

    rules = documents(completed(read(own), 20))

    assert rules[1] == own | {"rulePriority": 2}
    assert [each["selection"]["tagStatus"] for each in rules] == ["untagged", "tagged"]


def test_a_rule_that_keeps_more_is_lowered() -> None:
    """Its words stay, unless they are ours and say the number."""
    ours = json.loads(policy(50))["rules"][1]
    own = a_rule(4, count=50) | {"description": "mine"}

    lowered = documents(completed(parse(policy(50)), 20))[1]
    (kept,) = documents(completed(read(own), 20))

    assert ours["description"] == "The newest 50 images stay"
    assert lowered["description"] == "The newest 20 images stay"
    assert lowered["selection"]["countNumber"] == 20
    assert kept == a_rule(1, count=20) | {"description": "mine"}


@pytest.mark.parametrize(
    "rules",
    [
        [a_rule(1, "untagged", days=30, action=ARCHIVE)],
        [a_rule(1, days=30, action=ARCHIVE)],
        [a_rule(1, "tagged", days=30, action=ARCHIVE, tagPatternList=["*"])],
    ],
)
def test_a_rule_in_the_way_is_for_people(rules: list[Any]) -> None:
    """What archives and never deletes was meant so: nothing is changed."""
    assert completed(read(*rules), 20) is None


# --- what is no policy --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("{}", "has 100 to 30720 characters, not 2"),
        (" " * 200, "is not JSON"),
        ("[" * 20000, "is not JSON"),
        (json.dumps([1]) + " " * 100, "one rule at least"),
        (json.dumps({"rules": []}) + " " * 100, "one rule at least"),
        (text("x") + " " * 100, r"rules\[0\]: it takes an object"),
        (text(a_rule(0)), r"rules\[0\]\.rulePriority: it takes a whole number"),
        (text(a_rule() | {"rulePriority": True}), r"rules\[0\]\.rulePriority"),
        (text(a_rule() | {"selection": 1, "more": "x" * 100}), r"rules\[0\]\.selection: it"),
        (text(a_rule(action=None)), r"rules\[0\]\.action\.type"),
        (text(a_rule(action={"type": "delete"})), 'takes "expire" or "transition"'),
        (text(a_rule(status="some")), r"selection\.tagStatus: it takes tagged, untagged, any"),
        (text(a_rule(status="tagged")), "tagPrefixList or tagPatternList where tagStatus is"),
        (text(a_rule(tagPatternList=["*"])), "and only there"),
        (text(a_rule(status="tagged", tagPatternList=[1])), "tagPrefixList or tagPatternList"),
        (text(a_rule(status="tagged", tagPatternList="v*")), "tagPrefixList or tagPatternList"),
        (text(a_rule(countType="age")), r"countType: it takes imageCountMoreThan"),
        (text(a_rule(countNumber="20")), r"countNumber: it takes a whole number"),
        (text(a_rule(storageClass="cold")), "storageClass: it takes standard, archive"),
        (text(a_rule(days=1, countUnit=None)), 'countUnit: it takes "days"'),
        (text(a_rule(1), a_rule(1, "untagged")), "a rulePriority of its own"),
        (text(a_rule(1), a_rule(2, "untagged")), '"any" with the highest rulePriority'),
        (text(a_rule(1, "untagged"), a_rule(2, "untagged")), "one rule at most"),
    ],
)
def test_what_is_wrong_is_named(wrong: str, says: str) -> None:
    """With its place, and what would be right."""
    with pytest.raises(DocumentError, match=says):
        parse(wrong)
