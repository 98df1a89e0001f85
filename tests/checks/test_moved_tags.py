"""Tags that move: which push is a move, and what is remembered of it."""

from datetime import timedelta
from typing import Any

import pytest

from lib.checks.caches import BUILD_CACHE
from lib.checks.expectations import Expectations, MutableTags
from lib.checks.findings import COMMAND
from lib.checks.moved_tags import (
    TAG_MOVED,
    finding_of,
    move_of,
    next_target,
    protected_tag,
)
from lib.models import PushEvent, TagTarget
from tests.support.builders import NOW, a_digest, an_image
from tests.support.every import every

TAG = an_image(digest="", tags=("1.4.2",))
FIRST, SECOND, THIRD = map(a_digest, (1, 2, 3))
LATER = NOW + timedelta(seconds=1)


def a_push(digest: str = SECOND, *, tag: str | None = "1.4.2", **fields: Any) -> PushEvent:
    image = an_image(digest=digest, tags=() if tag is None else (tag,))
    return PushEvent(**{"event_id": "push-1", "time": NOW, "image": image, **fields})


@pytest.mark.parametrize(
    ("tag", "allowed", "is_watched"),
    [
        ("1.4.2", (), True),
        ("latest", ("latest",), False),
        ("dev-7", ("dev-*",), False),
        (None, (), False),
        (f"sha256-{'1' * 64}.sig", (), False),
        (f"sha256-{'1' * 64}", (), False),
    ],
)
def test_tags_that_may_move_are_not_watched(
    tag: str | None, allowed: tuple[str, ...], *, is_watched: bool
) -> None:
    expected = Expectations(allow_mutable=tuple(MutableTags((glob,)) for glob in allowed))
    found = protected_tag(a_push(tag=tag), expected)

    assert (found is not None) is is_watched
    if found is not None:
        assert (found.digest, found.tags) == ("", ("1.4.2",))


def test_tags_may_move_in_some_repositories() -> None:
    here, elsewhere = (
        Expectations(allow_mutable=(MutableTags(("1.*",), (name,)),)) for name in ("pay*", "shop/*")
    )

    assert protected_tag(a_push(), here) is None
    assert protected_tag(a_push(), elsewhere) is not None


def test_the_tag_of_a_build_cache_moves_with_each_build() -> None:
    assert protected_tag(a_push(artifact=BUILD_CACHE), Expectations()) is None
    assert protected_tag(
        a_push(artifact="application/vnd.cncf.helm.config.v1+json"), Expectations()
    )


@every(
    ("known", "digest", "moved", "after"),
    [
        # First sight, and the same again.
        (None, SECOND, False, TagTarget(SECOND, NOW)),
        (TagTarget(SECOND, NOW), SECOND, False, None),
        (
            TagTarget(SECOND, NOW - timedelta(1), FIRST),
            SECOND,
            False,
            TagTarget(SECOND, NOW, FIRST),
        ),
        # A move.
        (TagTarget(FIRST, NOW - timedelta(1)), SECOND, True, TagTarget(SECOND, NOW, FIRST)),
        # Events that come late.
        (TagTarget(FIRST, LATER), SECOND, False, None),
        (TagTarget(SECOND, LATER), SECOND, False, None),
        # Of the same second: the digest before is a repeat, another one is a move.
        (TagTarget(FIRST, NOW, SECOND), SECOND, False, None),
        (TagTarget(FIRST, NOW, THIRD), SECOND, True, TagTarget(SECOND, NOW, FIRST)),
    ],
)
def test_a_push_is_a_move_when_the_tag_was_elsewhere(
    known: TagTarget | None, digest: str, *, moved: bool, after: TagTarget | None
) -> None:
    move = move_of(TAG, a_push(digest), known)

    assert (move is not None) is moved
    assert next_target(a_push(digest), known) == after
    if move is not None and known is not None:
        assert (move.before, move.after) == (known.digest, digest)


def test_a_move_is_told_as_one_finding() -> None:
    """It says which digests, how to find out who, and how to put the tag back."""
    move = move_of(TAG, a_push(), TagTarget(FIRST, NOW - timedelta(1)))
    assert move is not None

    found = finding_of(move)

    assert found.vulnerability_id == TAG_MOVED
    assert found.id == (TAG_MOVED, "1.4.2", SECOND)
    assert FIRST in (found.description or "")
    assert SECOND in (found.description or "")
    who, back = found.extra[COMMAND].splitlines()
    assert "--start-time 2026-11-23T08:55:00Z --end-time 2026-11-23T09:05:00Z" in who
    assert f"imageDigest={FIRST}" in back
    assert "--image-tag 1.4.2" in back
