"""
Caches, whose tags have to move: repositories of a pull-through cache, and build caches. Pure.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html
"""

from collections.abc import Iterator, Sequence
from typing import Final

from lib.checks.policies import matches
from lib.models import CreationTemplate, PullThroughCache, StoredImage
from lib.models.repositories import ROOT

BUILD_CACHE: Final = "application/vnd.buildkit.cacheconfig.v0"
"""The media type of BuildKit's cache manifest: https://docs.docker.com/build/cache/backends/registry/"""
_BUILD_CACHES: Final = BUILD_CACHE.rpartition(".")[0]
"""The same, of any version."""
_SEPARATORS: Final = "-_."
_CACHE: Final = "cache"


def cache_of(repository: str, rules: Sequence[PullThroughCache]) -> PullThroughCache | None:
    """Return the pull-through cache that a repository belongs to: by the longest prefix."""
    covering = [rule for rule in rules if rule.covers(repository)]
    return max(covering, key=lambda rule: (not rule.is_root, len(rule.prefix)), default=None)


def created_cache(
    template: CreationTemplate,
    templates: Sequence[CreationTemplate],
    rules: Sequence[PullThroughCache],
) -> PullThroughCache | None:
    """Return a pull-through cache whose repositories a template creates; None: it creates none."""
    for rule in rules:
        first = f"{rule.prefix.rstrip('/')}/"
        if rule.is_root or template.name.startswith(first):
            return rule
        if _longest(templates, first) == template:
            return rule
    return None


def _longest(templates: Sequence[CreationTemplate], name: str) -> CreationTemplate | None:
    """Return the template for the repositories below a name: that of the longest prefix."""
    covering = [one for one in templates if one.prefix == ROOT or name.startswith(one.name)]
    return max(covering, key=lambda one: (one.prefix != ROOT, len(one.name)), default=None)


def is_build_cache(kind: str | None) -> bool:
    """Return whether a media type is that of a build cache."""
    return kind is not None and kind.lower().startswith(f"{_BUILD_CACHES}.")


def build_cache_tags(stored: Sequence[StoredImage]) -> tuple[str, ...]:
    """
    Return patterns of the tags of build caches, which match no other image; "*": there is no other.

    A branch has a cache of its own, so `cache-main` stands for `cache-*`, and `main-cache` for
    `*-cache`.
    """
    caches = {tag for image in stored if is_build_cache(image.kind) for tag in image.tags}
    others = {tag for image in stored if image.kind != BUILD_CACHE for tag in image.tags}
    if caches and not others:
        return ("*",)
    chosen: dict[str, None] = {}
    for tag in sorted(caches):
        if not any(matches(pattern, tag) for pattern in chosen):
            wide = (pattern for pattern in _wider(tag) if not _any_match(pattern, others))
            chosen[next(wide, tag)] = None
    return tuple(chosen)


def _wider(tag: str) -> Iterator[str]:
    """Yield patterns of the tags with the same first or last part, where it says "cache"."""
    for separator in _SEPARATORS:
        first, last = tag.partition(separator)[0], tag.rpartition(separator)[2]
        if first != tag and _CACHE in first.lower():
            yield f"{first}{separator}*"
        if first != tag and _CACHE in last.lower():
            yield f"*{separator}{last}"


def _any_match(pattern: str, tags: set[str]) -> bool:
    return any(matches(pattern, tag) for tag in tags)
