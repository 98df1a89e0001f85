"""Caches: which repositories and tags are one, and remedies that do not break them."""

from typing import Any

import pytest

from lib.checks.caches import BUILD_CACHE, build_cache_tags, cache_of
from lib.checks.expectations import Expectations, MutableTags
from lib.checks.findings import COMMAND
from lib.checks.settings import check
from lib.models import Finding, NameFilter, PullThroughCache, RepositorySettings
from tests.checks.test_check import a_repository, an_image_in_store
from tests.support.builders import NOW
from tests.support.every import every

HUB = PullThroughCache("docker-hub", "registry-1.docker.io")
LIBRARY = PullThroughCache("docker-hub/library/", "public.ecr.aws")
ROOT = PullThroughCache("ROOT", "000474600478.dkr.ecr.us-east-1.amazonaws.com")


@every(
    ("repository", "rules", "rule"),
    [
        ("docker-hub/library/alpine", (HUB,), HUB),
        ("docker-hub/library/alpine", (ROOT, HUB, LIBRARY), LIBRARY),
        ("docker-hub/grafana/loki", (LIBRARY, ROOT, HUB), HUB),
        # A slash is assumed at the end of a prefix.
        ("docker-hub", (HUB,), None),
        ("docker-hubs/alpine", (HUB,), None),
        ("shop/docker-hub/alpine", (HUB,), None),
        ("shop/api", (HUB, ROOT), ROOT),
        ("shop/api", (), None),
    ],
)
def test_a_repository_belongs_to_the_rule_with_the_longest_prefix(
    repository: str, rules: Any, rule: PullThroughCache | None
) -> None:
    assert cache_of(repository, rules) == rule


def tags_of(*caches: str, others: tuple[str, ...] = ("1.0", "main-abc")) -> tuple[str, ...]:
    stored = [an_image_in_store(n, tag, kind=BUILD_CACHE) for n, tag in enumerate(caches)]
    images = [an_image_in_store(100 + n, tag) for n, tag in enumerate(others)]
    return build_cache_tags((*stored, *images))


@pytest.mark.parametrize(
    ("caches", "patterns"),
    [
        ((), ()),
        (("buildcache",), ("buildcache",)),
        (("cache-main", "cache-pr-12"), ("cache-*",)),
        (("main-cache", "dev-cache"), ("*-cache",)),
        (("buildcache.amd64", "buildcache.arm64"), ("buildcache.*",)),
        # A pattern that other images match would let these move, too.
        (("main-1",), ("main-1",)),
        (("release-cache-1",), ("release-cache-1",)),
    ],
)
def test_the_tags_of_build_caches_become_patterns(
    caches: tuple[str, ...], patterns: tuple[str, ...]
) -> None:
    assert tags_of(*caches) == patterns


def test_a_pattern_matches_no_other_image() -> None:
    assert tags_of("cache-main", others=("cache-server",)) == ("cache-main",)


@pytest.mark.parametrize("kind", [BUILD_CACHE.replace("v0", "v1"), BUILD_CACHE.upper()])
def test_a_build_cache_of_another_version_is_one(kind: str) -> None:
    """A media type has no case, and its version may grow."""
    stored = (an_image_in_store(1, "cache", kind=kind), an_image_in_store(2, "1.0"))

    assert build_cache_tags(stored) == ("cache",)


def test_a_repository_of_nothing_but_build_caches_is_one() -> None:
    assert tags_of("main", "dev", others=()) == ("*",)


# --- what is found ------------------------------------------------------------------------------


def findings(settings: RepositorySettings, *allowed: MutableTags) -> dict[str, Finding]:
    found = check(settings, Expectations(allow_mutable=allowed), now=NOW)
    return {finding.vulnerability_id: finding for finding in found}


@pytest.mark.parametrize("cache", [HUB, ROOT])
def test_no_immutable_tags_are_asked_of_a_pull_through_cache(cache: PullThroughCache) -> None:
    """Public case: then ECR cannot refresh a tag."""
    assert findings(a_repository(tag_mutability="MUTABLE", cache=cache)) == {}


@pytest.mark.parametrize(
    ("mode", "cache", "is_found"),
    [
        ("IMMUTABLE", HUB, True),
        ("IMMUTABLE_WITH_EXCLUSION", HUB, False),
        # The rule is for all names, so nobody knows whether this one is a cache.
        ("IMMUTABLE", ROOT, False),
        ("IMMUTABLE", None, False),
    ],
)
def test_a_cache_with_immutable_tags_is_a_finding(
    mode: str, cache: PullThroughCache | None, *, is_found: bool
) -> None:
    exclusions = (NameFilter("latest"),) if "WITH" in mode else ()
    allowed = MutableTags(("latest",))

    found = findings(a_repository(tag_mutability=mode, exclusions=exclusions, cache=cache), allowed)

    assert found.keys() == ({"ECR-CACHE-IMMUTABLE"} if is_found else set())
    for finding in found.values():
        assert finding.extra[COMMAND].endswith("--image-tag-mutability MUTABLE")
        assert "registry-1.docker.io" in (finding.description or "")


def test_a_remedy_leaves_the_tags_of_build_caches_mutable() -> None:
    """Public case: a build that cannot move its cache fails."""
    stored = (an_image_in_store(1, "buildcache", kind=BUILD_CACHE), an_image_in_store(2, "1.0"))

    (finding,) = findings(a_repository(tag_mutability="MUTABLE", stored=stored)).values()

    assert "IMMUTABLE_WITH_EXCLUSION" in finding.extra[COMMAND]
    assert finding.extra[COMMAND].endswith("filterType=WILDCARD,filter=buildcache")
    after = a_repository(
        tag_mutability="IMMUTABLE_WITH_EXCLUSION",
        exclusions=(NameFilter("buildcache"),),
        stored=stored,
    )
    assert findings(after) == {}


def test_tags_may_be_mutable_in_one_repository() -> None:
    settings = a_repository(tag_mutability="MUTABLE")

    assert findings(settings, MutableTags(repositories=("payments/*",))) == {}
    assert findings(settings, MutableTags(repositories=("shop/*",))).keys() == {
        "ECR-TAG-MUTABILITY"
    }
    (finding,) = findings(settings, MutableTags(("cache-*",), ("payments/api",))).values()
    assert "'filterType=WILDCARD,filter=cache-*'" in finding.extra[COMMAND]
