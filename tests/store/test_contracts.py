"""
One set of tests for both stores of tags: the one in DynamoDB, and the one in memory.

The fake is only worth something while it behaves like the real thing.
"""

from datetime import timedelta

from lib.models import TagTarget
from lib.ports.store import TagStore
from tests.support.builders import NOW, a_digest, an_image


class TestTags:
    """Where tags point to."""

    TAG = an_image(digest="", tags=("1.4.2",))

    def test_a_tag_that_nobody_pushed_points_nowhere(self, tags: TagStore) -> None:
        assert tags.tag(self.TAG) is None

    def test_the_last_push_is_remembered(self, tags: TagStore) -> None:
        first = TagTarget(a_digest(1), NOW)
        second = TagTarget(a_digest(2), NOW + timedelta(seconds=1), a_digest(1))

        tags.point(self.TAG, first)
        assert tags.tag(self.TAG) == first
        tags.point(self.TAG, second)
        tags.point(self.TAG, first)

        assert tags.tag(self.TAG) == second

    def test_of_the_same_second_the_last_one_counts(self, tags: TagStore) -> None:
        tags.point(self.TAG, TagTarget(a_digest(1), NOW))
        tags.point(self.TAG, TagTarget(a_digest(2), NOW))

        assert tags.tag(self.TAG).digest == a_digest(2)

    def test_it_is_not_what_is_known_of_an_image(self, tags: TagStore) -> None:
        tags.point(self.TAG, TagTarget(a_digest(1), NOW))

        assert tags.tag(an_image(digest="", tags=("1.4.3",))) is None
