"""Lifecycle policies: their rules, what a rule selects, and where ECR would refuse one."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.checks.policies import LifecyclePolicy, parse
from lib.errors import DocumentError
from tests.support.every import every


def a_rule(priority: int = 1, status: str = "any", count: int = 20, **more: Any) -> dict[str, Any]:
    """Return a rule by number; `action`, `days` and parts of the selection in `more`."""
    action = more.pop("action", {"type": "expire"})
    days = more.pop("days", None)
    selection = {"tagStatus": status, "countType": "imageCountMoreThan", "countNumber": count}
    if days is not None:
        age = {"countType": "sinceImagePushed", "countUnit": "days", "countNumber": days}
        selection = selection | age
    return {"rulePriority": priority, "selection": selection | more, "action": action}


def text(*rules: Any) -> str:
    return json.dumps({"rules": rules}, indent=4).ljust(100)


def read(*rules: Any) -> LifecyclePolicy:
    return parse(text(*rules))


ARCHIVAL = {"type": "transition", "targetStorageClass": "archive"}
IN_ARCHIVE = {"storageClass": "archive", "countType": "sinceImageTransitioned"}


def test_rules_are_read_by_priority() -> None:
    """The order in the text means nothing."""
    policy = read(a_rule(9), a_rule(3, "untagged", days=1))

    assert [rule.priority for rule in policy.rules] == [3, 9]


@every(
    ("selection", "tags", "selected"),
    [
        ({"tagPatternList": ["*"]}, ["1.0"], True),
        ({"tagPatternList": ["prod*"]}, ["prod-1"], True),
        ({"tagPatternList": ["prod*"]}, ["dev", "prod-1"], True),
        ({"tagPatternList": ["prod*", "v*"]}, ["prod-1"], False),
        ({"tagPatternList": ["prod*", "v*"]}, ["prod-1", "v1"], True),
        ({"tagPatternList": ["prod"]}, ["prod-1"], False),
        ({"tagPatternList": ["v?"]}, ["v1"], False),
        ({"tagPatternList": ["v[1]"]}, ["v1"], False),
        ({"tagPatternList": ["a.b*"]}, ["axb"], False),
        ({"tagPatternList": ["Prod*"]}, ["prod-1"], False),
        ({"tagPrefixList": ["prod"]}, ["prod-1"], True),
        ({"tagPrefixList": ["prod", "v"]}, ["prod-1"], False),
        # In a prefix nothing is special.
        ({"tagPrefixList": ["v*"]}, ["v1"], False),
        ({"tagPatternList": ["*"]}, [], False),
    ],
)
def test_an_image_needs_a_tag_for_each_pattern(
    selection: dict[str, Any], tags: list[str], *, selected: bool
) -> None:
    (rule,) = read(a_rule(status="tagged", **selection)).rules

    assert rule.selects(tags) is selected


def test_untagged_images_are_selected_by_two_statuses() -> None:
    untagged, every = read(a_rule(1, "untagged"), a_rule(2)).rules

    assert (untagged.selects(()), every.selects(())) == (True, True)
    assert (untagged.selects(["1.0"]), every.selects(["1.0"])) == (False, True)


@every(
    ("wrong", "says"),
    [
        ("{}", "has 100 to 30720 characters, not 2"),
        (" " * 200, "is not JSON"),
        ("[" * 20000, "is not JSON"),
        (json.dumps([1]) + " " * 100, "one rule at least"),
        (json.dumps({"rules": []}) + " " * 100, "one rule at least"),
        (text("x"), r"rules\[0\]: it takes an object"),
        (text(a_rule(0)), r"rules\[0\]\.rulePriority: it takes a whole number"),
        (text(a_rule() | {"rulePriority": True}), r"rules\[0\]\.rulePriority"),
        (text(a_rule() | {"selection": 1}), r"rules\[0\]\.selection: it"),
        (text(a_rule(action=None)), r"rules\[0\]\.action\.type"),
        (text(a_rule(action={"type": "delete"})), 'takes "expire" or "transition"'),
        (text(a_rule(status="some")), r"selection\.tagStatus: it takes tagged, untagged, any"),
        (text(a_rule(status="tagged")), "tagPrefixList or tagPatternList where tagStatus is"),
        (text(a_rule(tagPatternList=["*"])), "and only there"),
        (text(a_rule(status="tagged", tagPatternList=[1])), "tagPrefixList or tagPatternList"),
        (text(a_rule(status="tagged", tagPatternList="v*")), "tagPrefixList or tagPatternList"),
        (
            text(a_rule(status="tagged", tagPatternList=["v*"], tagPrefixList=["v"])),
            "tagPrefixList or tagPatternList, not both",
        ),
        (
            text(a_rule(status="tagged", tagPatternList=["v*", "*a*b*c*d*"])),
            r"tagPatternList\[1\]: it takes 4 stars at most",
        ),
        (text(a_rule(countType="age")), "countType: it takes imageCountMoreThan"),
        (text(a_rule(countNumber="20")), "countNumber: it takes a whole number"),
        (text(a_rule(storageClass="cold")), r'storageClass: it takes "standard"'),
        (text(a_rule(days=1, countUnit=None)), 'countUnit: it takes "days"'),
        (text(a_rule(days=1, countUnit="weeks")), 'countUnit: it takes "days"'),
        (text(a_rule(countUnit="days")), "countUnit: it takes nothing with imageCountMoreThan"),
        (text(a_rule(1), a_rule(1, "untagged")), "a rulePriority of its own"),
        (text(a_rule(1), a_rule(2, "untagged")), '"any" with the highest rulePriority'),
        (text(a_rule(1, "untagged"), a_rule(2, "untagged")), "one rule at most"),
        (
            text(*(a_rule(n, "tagged", n, tagPatternList=["a", "b"][::n]) for n in (1, -1)))
            .replace('"rulePriority": -1', '"rulePriority": 2')
            .replace('"countNumber": -1', '"countNumber": 2'),
            "one rule for the same list of tags",
        ),
        (
            text(*(a_rule(n, "tagged", tagPrefixList=[f"v{n}"]) for n in range(1, 52))),
            "rules: it takes 50 rules at most",
        ),
        # Archive and expiry.
        (text(a_rule(action={"type": "transition"})), 'targetStorageClass: it takes "archive"'),
        (
            text(a_rule(action={"type": "transition", "targetStorageClass": "glacier"})),
            'targetStorageClass: it takes "archive"',
        ),
        (
            text(a_rule(action={"type": "expire", "targetStorageClass": None})),
            "targetStorageClass: it takes nothing with expire",
        ),
        (
            text(a_rule(days=90, countType="sinceImagePulled")),
            r'rules\[0\]\.action\.type: it takes "transition" with sinceImagePulled',
        ),
        (
            text(a_rule(days=90, countType="sinceImageTransitioned")),
            'storageClass: it takes "archive" with sinceImageTransitioned',
        ),
        (
            text(a_rule(days=89) | {"action": ARCHIVAL}).replace(
                '"sinceImagePushed"', '"sinceImageTransitioned", "storageClass": "archive"'
            ),
            "90 days at least",
        ),
        (
            text(a_rule(days=90, **IN_ARCHIVE, action=ARCHIVAL)),
            'type: it takes "expire" with sinceImageTransitioned',
        ),
        (text(a_rule(days=90, storageClass="archive")), 'storageClass: it takes "standard"'),
    ],
)
def test_what_ecr_would_refuse_is_named_with_its_place(wrong: str, says: str) -> None:
    with pytest.raises(DocumentError, match=says):
        parse(wrong)


@every(
    "rules",
    [
        [a_rule(storageClass="standard")],
        [a_rule(tagPrefixList=[])],
        [a_rule(days=30, action=ARCHIVAL)],
        [a_rule(count=5, action=ARCHIVAL)],
        [a_rule(1, days=30, countType="sinceImagePulled", action=ARCHIVAL)],
        # A rule of each storage class may be for any image, or for the same tags.
        [a_rule(1, days=30, action=ARCHIVAL), a_rule(2, days=90, **IN_ARCHIVE)],
        [
            a_rule(1, "tagged", days=30, tagPatternList=["*-sha-*"], action=ARCHIVAL),
            a_rule(2, "tagged", days=90, tagPatternList=["*-sha-*"], **IN_ARCHIVE),
        ],
        [a_rule(1, days=30, action=ARCHIVAL), a_rule(2, "untagged", days=90, **IN_ARCHIVE)],
        [a_rule() | {"description": "x" * 500, "of": "tomorrow"}],
    ],
)
def test_what_ecr_takes_is_taken(rules: list[Any]) -> None:
    assert len(read(*rules).rules) == len(rules)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["rules", "selection", "action", "type", "tagStatus", "countType", "rulePriority"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_text_is_a_policy_or_has_a_reason(document: Any) -> None:
    with suppress(DocumentError):
        assert parse(json.dumps(document).ljust(100)).rules
