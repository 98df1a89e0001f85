"""Images that a lifecycle policy can expire. Pure; see `lib.checks.lifecycle`."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from lib.checks.lifecycle import LifecyclePolicy, Rule, parse
from lib.errors import DocumentError


def read_policy(text: str) -> LifecyclePolicy | str:
    """Return a policy, or a sentence that names its first error."""
    try:
        return parse(text)
    except DocumentError as error:
        return str(error)


def expiring(policy: LifecyclePolicy, most: int) -> tuple[Rule, ...]:
    """Return the rules that expire old tagged images and leave at most `most` of them."""
    return tuple(
        rule
        for rule in policy.rules
        if rule.expires
        and not rule.archived
        and rule.tag_status != "untagged"
        and (rule.counts is None or rule.counts <= most)
    )


def kept_for_ever(rules: Iterable[Rule], tag_sets: Iterable[Sequence[str]]) -> int:
    """Return how many images no rule selects. `tag_sets`: the tags of each image."""
    rule_list = tuple(rules)
    return sum(not any(selects(rule, tags) for rule in rule_list) for tags in tag_sets)


def selects(rule: Rule, tags: Sequence[str]) -> bool:
    """Whether a rule selects an image with these tags. All patterns of the rule have to match."""
    if rule.tag_status == "any":
        return True
    return rule.tag_status == "tagged" and all(
        any(fnmatchcase(tag, _literal(pattern)) for tag in tags) for pattern in rule.patterns
    )


def _literal(pattern: str) -> str:
    """Escape a pattern for fnmatch: in ECR only * is special."""
    return pattern.replace("[", "[[]").replace("?", "[?]")
