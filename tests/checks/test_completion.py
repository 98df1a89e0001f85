"""The lifecycle policy that is recommended, and what is added to one of a user's own."""

import json
from typing import Any

import pytest

from lib.checks.completion import (
    completed,
    difference,
    policy,
    with_longer_retention,
    with_patterns,
)
from lib.checks.lifecycle import endangered, judge
from lib.checks.policies import LifecyclePolicy, parse
from lib.models import RunningImage
from tests.checks.test_check import a_store, an_image_in_store
from tests.checks.test_policies import ARCHIVAL, IN_ARCHIVE, a_rule, read
from tests.support.builders import NOW

VERSIONS = a_rule(1, "tagged", 100, tagPrefixList=["v"]) | {"description": "releases"}
UNTAGGED = a_rule(1, "untagged", days=30)
MANY = a_store(30, [("dev",)] * 30)


def test_the_recommended_policy() -> None:
    """Untagged images go by age, then all but the newest; the rule for any image comes last."""
    rules = json.loads(policy(7, 3))["rules"]

    assert [rule["rulePriority"] for rule in rules] == [1, 2]
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
    assert [rule["action"] for rule in rules] == [{"type": "expire"}] * 2


def test_the_recommended_policy_is_sound() -> None:
    assert judge(parse(policy(7)), MANY, 7).is_sound
    assert not judge(parse(policy(7)), MANY, 6).is_sound


def documents(text: str | None) -> list[Any]:
    assert text is not None
    assert parse(text)
    rules: list[Any] = json.loads(text)["rules"]
    return rules


@pytest.mark.parametrize(
    ("own", "numbers"),
    [
        # Own rules keep their numbers while there is a free one.
        ([VERSIONS], [1, 2, 3]),
        ([VERSIONS | {"rulePriority": 5}], [4, 5, 6]),
        ([a_rule(9, "tagged", tagPatternList=["*"])], [9, 10]),
        ([a_rule(1, "tagged", 50, tagPatternList=["*"])], [1, 2]),
        ([VERSIONS, a_rule(9, count=50)], [1, 9]),
        ([UNTAGGED | {"rulePriority": 3}, VERSIONS], [1, 3, 4]),
    ],
)
def test_missing_rules_are_added_around_own_ones(own: list[Any], numbers: list[int]) -> None:
    text = completed(read(*own), MANY, 20)

    rules = documents(text)
    assert [rule["rulePriority"] for rule in rules] == numbers
    assert [rule for rule in rules if rule.get("description") == "releases"] == [
        rule for rule in own if "description" in rule
    ]
    assert text is not None
    assert judge(parse(text), MANY, 20).is_sound


def test_the_rule_for_any_image_makes_room() -> None:
    """It has to stay the last."""
    own = [
        a_rule(1, "tagged", days=9, tagPatternList=["*"]),
        a_rule(2, days=90, **IN_ARCHIVE),
    ]

    rules = documents(completed(read(*own), MANY, 20))

    assert [(rule["rulePriority"], rule["selection"]["tagStatus"]) for rule in rules] == [
        (1, "tagged"),
        (2, "untagged"),
        (3, "any"),
    ]


def test_only_what_is_missing_is_added() -> None:
    """A rule of one's own for untagged images stays the only one."""
    rules = documents(completed(read(UNTAGGED), MANY, 20))

    assert rules[0] == UNTAGGED
    assert [rule["selection"]["tagStatus"] for rule in rules] == ["untagged", "any"]


def test_only_untagged_images_may_be_missing() -> None:
    own = a_rule(7, "tagged", 5, tagPatternList=["*"])

    rules = documents(completed(read(own), MANY, 20))

    assert rules == [own, rules[1]]
    assert rules[1]["selection"]["tagStatus"] == "untagged"


def test_a_rule_for_all_images_that_keeps_more_is_lowered() -> None:
    """Its words stay, unless they are ours and say the number."""
    own = a_rule(4, count=50) | {"description": "mine"}

    lowered = documents(completed(parse(policy(50)), (), 20))[1]
    (kept,) = documents(completed(read(own), (), 20))

    assert lowered["description"] == "The newest 20 images stay"
    assert lowered["selection"]["countNumber"] == 20
    assert kept == a_rule(4, count=20) | {"description": "mine"}


@pytest.mark.parametrize(
    "rules",
    [
        [a_rule(1, "untagged", days=30, action=ARCHIVAL)],
        [a_rule(1, days=30, action=ARCHIVAL)],
        [a_rule(1, "tagged", days=30, action=ARCHIVAL, tagPatternList=["*"])],
    ],
)
def test_a_rule_that_archives_for_good_is_for_people(rules: list[Any]) -> None:
    assert completed(read(*rules), MANY, 20) is None


def test_rules_about_the_archive_stay() -> None:
    own = [
        a_rule(5, "tagged", days=30, tagPatternList=["v*"], action=ARCHIVAL),
        a_rule(6, "tagged", days=90, tagPatternList=["v*"], **IN_ARCHIVE),
    ]

    rules = documents(completed(read(*own), MANY, 20))

    assert rules[1:3] == own
    assert [rule["selection"]["tagStatus"] for rule in rules] == [
        "untagged",
        *["tagged"] * 2,
        "any",
    ]


def test_a_difference_is_in_rules() -> None:
    own = read(VERSIONS, a_rule(9, count=50))
    text = completed(own, MANY, 20)
    assert text is not None

    assert difference(own, parse(text)) == (
        "- all images: the newest 50 stay, the others are deleted",
        "  images with a tag v…: the newest 100 stay, the others are deleted",
        "+ all images: the newest 20 stay, the others are deleted",
    )
    assert difference(LifecyclePolicy(()), read(UNTAGGED)) == (
        "+ untagged images: deleted 30 days after their push",
    )
    assert difference(
        LifecyclePolicy(()),
        read(
            a_rule(1, days=1, countType="sinceImagePulled", action=ARCHIVAL),
            a_rule(2, days=90, **IN_ARCHIVE),
        ),
    ) == (
        "+ all images: archived 1 day after their last pull",
        "+ all images: deleted 90 days after their archival",
    )


# --- rules that match no image ------------------------------------------------------------------


def corrected(*rules: Any, tags: Any = (("prod",), ("staging-1",))) -> list[Any]:
    own = read(*rules)
    return documents(with_patterns(own, judge(own, a_store(len(tags), tags), 20).idle))


def test_alternatives_become_a_rule_each() -> None:
    """With numbers of their own; the last rule stays the last."""
    first = a_rule(1, "tagged", 9999, tagPatternList=["prod", "staging*"])
    last = a_rule(2, days=90)

    rules = corrected(first, last)

    assert [rule["rulePriority"] for rule in rules] == [1, 2, 3]
    assert [rule["selection"].get("tagPatternList") for rule in rules] == [
        ["prod"],
        ["staging*"],
        None,
    ]
    assert [rule["selection"]["countNumber"] for rule in rules] == [9999, 9999, 90]


def test_a_star_is_added_where_it_was_forgotten() -> None:
    (rule,) = corrected(a_rule(1, "tagged", tagPatternList=["staging"]))
    (prefix,) = corrected(a_rule(1, "tagged", tagPrefixList=["v*"]))

    assert rule["selection"]["tagPatternList"] == ["staging*"]
    assert prefix["selection"]["tagPatternList"] == ["v*"]
    assert "tagPrefixList" not in prefix["selection"]


def test_what_nobody_can_guess_is_for_people() -> None:
    own = read(a_rule(1, "tagged", tagPatternList=["v[0-9]*"]))
    twice = read(
        a_rule(1, "tagged", tagPatternList=["prod"], days=1),
        a_rule(2, "tagged", tagPatternList=["prod", "x"], days=1),
    )

    assert with_patterns(own, judge(own, (), 20).idle) is None
    assert with_patterns(twice, judge(twice, (), 20).idle) is None


# --- what runs ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "number"),
    [
        (a_rule(count=3), 9),
        (a_rule(days=5), 39),
        (a_rule(days=5, countType="sinceImagePulled", action=ARCHIVAL), 39),
    ],
)
def test_rules_are_given_a_number_that_spares_what_runs(rule: Any, number: int) -> None:
    stored = [an_image_in_store(n, str(n), days=n) for n in range(1, 20)]
    running = [RunningImage(stored[8].digest, (), "a task")]
    own = read(rule)

    (longer,) = documents(with_longer_retention(own, stored, running, NOW))

    assert longer["selection"]["countNumber"] == number
    assert not endangered(read(longer), stored, running, NOW)
