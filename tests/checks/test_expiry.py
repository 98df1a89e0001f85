"""Lifecycle policies: what is wrong with one, and which images it can expire."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.checks.expiry import expiring, kept_for_ever, read_policy, selects
from lib.checks.lifecycle import LifecyclePolicy
from tests.checks.test_check import UNTAGGED, a_policy, a_rule


def selection(**fields: Any) -> str:
    rule = a_rule()
    rule["selection"] = {
        name: value for name, value in {**rule["selection"], **fields}.items() if value is not None
    }
    return a_policy(rule)


def test_a_broken_policy_is_said_to_be_broken_where() -> None:
    """What is wrong is found by `lib.checks.lifecycle`, and is a word here, not an error."""
    found = read_policy(selection(countNumber=0))

    assert isinstance(found, str)
    assert "rules[0].selection.countNumber" in found


def policy(*rules: Any) -> LifecyclePolicy:
    found = read_policy(a_policy(*rules))
    assert isinstance(found, LifecyclePolicy), found
    return found


def test_an_empty_list_of_patterns_is_no_list() -> None:
    found = read_policy(selection(tagPrefixList=[]))

    assert isinstance(found, LifecyclePolicy)


def test_the_archive_is_no_place_to_expire_from() -> None:
    archived = a_rule(countType="sinceImageTransitioned", countUnit="days", countNumber=90)
    archiving = a_rule(2, action="transition", tagStatus="untagged")

    assert expiring(policy(archived | {"rulePriority": 3}, archiving), 20) == ()


@pytest.mark.parametrize(
    ("patterns", "tags", "selected"),
    [
        (["*"], ["1.0"], True),
        (["prod*"], ["prod-1"], True),
        (["prod*"], ["dev", "prod-1"], True),
        (["prod*", "v*"], ["prod-1"], False),
        (["prod*", "v*"], ["prod-1", "v1"], True),
        (["v?"], ["v1"], False),
        (["v[1]"], ["v1"], False),
        (["v[1]"], ["v[1]"], True),
    ],
)
def test_of_several_patterns_all_must_match(
    patterns: list[str], tags: list[str], *, selected: bool
) -> None:
    (rule,) = policy(a_rule(tagStatus="tagged", tagPatternList=patterns)).rules

    assert selects(rule, tags) is selected


def test_a_rule_for_untagged_images_selects_no_tagged_one() -> None:
    rules = policy(UNTAGGED).rules

    assert kept_for_ever(rules, [("1.0",), ("1.1",)]) == 2


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
    found = read_policy(json.dumps(document))

    assert isinstance(found, LifecyclePolicy) or found
