"""Images that a lifecycle policy can expire. Pure; see `lib.checks.lifecycle`."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from lib.checks.lifecycle import LifecyclePolicy, Rule, parse
from lib.errors import DocumentError


def read_policy(text: str) -> LifecyclePolicy | str:
    """Return a policy; or in words what is wrong with it first."""
    try:
        return parse(text)
    except DocumentError as error:
        return str(error)


def expiring(policy: LifecyclePolicy, most: int) -> tuple[Rule, ...]:
    """Return the rules that expire old images with tags, and leave at most so many."""
    return tuple(
        each
        for each in policy.rules
        if each.expires
        and not each.archived
        and each.tag_status != "untagged"
        and (each.counts is None or each.counts <= most)
    )


def kept_for_ever(rules: Iterable[Rule], tag_sets: Iterable[Sequence[str]]) -> int:
    """Return how many images none of these rules is about."""
    known = tuple(rules)
    return sum(not any(selects(each, tags) for each in known) for tags in tag_sets)


def selects(rule: Rule, tags: Sequence[str]) -> bool:
    """Whether a rule is about an image with these tags: of several patterns it needs all."""
    if rule.tag_status == "any":
        return True
    return rule.tag_status == "tagged" and all(
        any(fnmatchcase(tag, _literal(pattern)) for tag in tags) for pattern in rule.patterns
    )


def _literal(pattern: str) -> str:
    """Return a pattern in which only * is special, as in ECR."""
    return pattern.replace("[", "[[]").replace("?", "[?]")
