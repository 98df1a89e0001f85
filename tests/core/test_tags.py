"""Which image a tag points to."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.core.tags import (
    added,
    confirmed,
    deleted,
    is_deleted,
    joined,
    kept,
    observed,
    pushed,
)
from lib.models.streams import UNTAGGED, TagFact, TagRow
from tests.support.builders import NOW
from tests.support.streams import STREAM

HOUR = timedelta(hours=1)
MICROSECOND = timedelta(microseconds=1)
EVER = datetime.min.replace(tzinfo=UTC)

Rows = tuple[TagRow, ...]


def at(hours: float) -> datetime:
    return NOW + hours * HOUR


def digest_of(rows: Sequence[TagRow], tag: str = "latest") -> str | None:
    own = [row for row in rows if row.tag == tag]
    row = max(own, key=lambda row: (row.pushed_at, row.digest), default=None)
    return None if row is None or is_deleted(row) else row.digest


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["pushed", "deleted"]),
        st.sampled_from(["latest", "1.0", UNTAGGED]),
        st.sampled_from(["A", "B", "C"]),
        st.integers(0, 3),
    ),
    max_size=8,
)


def after(events: Sequence[tuple[str, str, str, int]]) -> Rows:
    rows: Rows = ()
    for verb, tag, digest, hour in events:
        change = pushed if verb == "pushed" else deleted
        rows = change(rows, tag, digest, at(hour))
    return rows


class TestPushed:
    def test_a_tag_points_to_the_image_for_which_it_was_pushed_last(self) -> None:
        """A tag that moves back points to the first image again."""
        rows = pushed((), "latest", "A", at(0))
        rows = pushed(rows, "latest", "B", at(1))
        assert digest_of(rows) == "B"

        rows = pushed(rows, "latest", "A", at(2))
        assert digest_of(rows) == "A"
        assert len(rows) == 2

    def test_a_late_event_does_not_move_a_tag_back(self) -> None:
        """The order of arrival says nothing."""
        rows = pushed(pushed((), "latest", "B", at(1)), "latest", "A", at(0))

        assert digest_of(rows) == "B"

    def test_a_repeated_event_changes_nothing(self) -> None:
        """EventBridge delivers at least once."""
        rows = pushed((), "latest", "A", at(0))

        assert pushed(rows, "latest", "A", at(0)) == rows

    def test_the_time_of_an_event_replaces_that_of_a_pass(self) -> None:
        """The pass saw the tag before its event arrived."""
        rows = observed((), "latest", "A", at(1))

        assert pushed(rows, "latest", "A", at(0)) == (TagRow("latest", "A", at(0)),)

    def test_a_late_event_of_an_earlier_push_leaves_what_a_pass_saw(self) -> None:
        """A to B to A, and the event of the last move was lost."""
        rows = pushed(pushed((), "latest", "A", at(0)), "latest", "B", at(1))
        rows = observed(rows, "latest", "A", at(2))

        assert pushed(rows, "latest", "A", at(0.5)) == rows
        assert digest_of(rows) == "A"

    @given(EVENTS, st.randoms())
    def test_the_order_of_arrival_does_not_matter(
        self, events: list[tuple[str, str, str, int]], random: Random
    ) -> None:
        """Nor does a second delivery."""
        shuffled = [*events, *events]
        random.shuffle(shuffled)

        assert set(after(shuffled)) == set(after(events))


class TestDeleted:
    def test_a_tag_that_was_deleted_points_to_no_image(self) -> None:
        """It does not return to the image that had it before."""
        rows = pushed(pushed((), "latest", "A", at(0)), "latest", "B", at(1))

        assert digest_of(deleted(rows, "latest", "B", at(2))) is None

    def test_a_deletion_in_the_second_of_the_push_came_after_it(self) -> None:
        """Nothing can be deleted that is not there."""
        assert digest_of(deleted(pushed((), "latest", "A", at(0)), "latest", "A", at(0))) is None

    def test_a_push_after_the_deletion_counts(self) -> None:
        """Of the same tag for the same image."""
        rows = deleted(pushed((), "latest", "A", at(0)), "latest", "A", at(1))

        assert digest_of(pushed(rows, "latest", "A", at(2))) == "A"

    def test_a_late_push_of_before_the_deletion_does_not_count(self) -> None:
        """The deletion came first, the push is older."""
        rows = deleted((), "latest", "A", at(1))

        assert digest_of(pushed(rows, "latest", "A", at(0))) is None

    def test_the_deletion_of_the_image_before_leaves_the_tag_where_it_is(self) -> None:
        """A lifecycle policy deletes what `latest` pointed to yesterday."""
        rows = pushed(pushed((), "latest", "A", at(0)), "latest", "B", at(1))

        assert digest_of(deleted(rows, "latest", "A", at(2))) == "B"

    def test_the_later_of_two_deletions_stays(self) -> None:
        """In either order."""
        rows = deleted((), "latest", "A", at(2))

        assert deleted(rows, "latest", "A", at(1)) == rows
        assert rows == (TagRow("latest", "A", EVER, deleted_at=at(2)),)


class TestObserved:
    def test_a_tag_of_before_the_installation_is_dated_by_its_image(self) -> None:
        """In whatever order images are looked at, the newest one has the newest tag."""
        rows = observed((), "1.1", "B", at(1), image_pushed_at=at(-8))
        rows = observed(rows, "1.0", "A", at(2), image_pushed_at=at(-9))

        assert rows == (
            TagRow("1.1", "B", at(-8), observed=True),
            TagRow("1.0", "A", at(-9), observed=True),
        )

    def test_without_the_time_of_the_image_the_answer_dates_the_tag(self) -> None:
        """Nothing older is known."""
        assert observed((), "1.1", "B", at(1)) == (TagRow("1.1", "B", at(1), observed=True),)

    def test_a_push_that_was_lost_is_dated_by_its_image(self) -> None:
        """The image came after the answer before, so its tag did, too."""
        rows = observed((), "latest", "A", at(2), image_pushed_at=at(1.5), since=at(1))

        assert rows == (TagRow("latest", "A", at(1.5), observed=True),)

    @pytest.mark.parametrize("image_pushed_at", [None, at(0), at(1), at(2), at(3)])
    def test_a_promotion_that_was_lost_is_dated_by_the_answer(
        self, image_pushed_at: datetime | None
    ) -> None:
        """The answer before did not name the tag, so it was pushed since then."""
        rows = observed((), "1.0", "A", at(2), image_pushed_at=image_pushed_at, since=at(1))

        assert rows[0].pushed_at == at(2)

    def test_what_is_known_already_keeps_its_time(self) -> None:
        """Each pass sees all tags."""
        rows = pushed((), "latest", "A", at(0))

        assert observed(rows, "latest", "A", at(9)) == rows

    def test_a_move_without_an_event_is_seen(self) -> None:
        """To an image that never had the tag, and back."""
        rows = observed(pushed((), "latest", "A", at(0)), "latest", "B", at(1))
        assert digest_of(rows) == "B"

        assert digest_of(observed(rows, "latest", "A", at(2))) == "A"

    def test_an_event_after_the_answer_stands(self) -> None:
        """The list was read before the push."""
        rows = pushed(pushed((), "latest", "A", at(0)), "latest", "B", at(2))

        assert observed(rows, "latest", "A", at(1)) == rows

    def test_a_deletion_after_the_answer_stands(self) -> None:
        """The list was read before the deletion."""
        rows = deleted(pushed((), "latest", "A", at(0)), "latest", "A", at(2))

        assert observed(rows, "latest", "A", at(1)) == rows

    def test_a_deleted_tag_that_is_there_again_was_pushed_again(self) -> None:
        """The event of the push was lost."""
        rows = deleted(pushed((), "latest", "A", at(0)), "latest", "A", at(1))

        rows = observed(rows, "latest", "A", at(1))

        assert digest_of(rows) == "A"
        assert rows[0].pushed_at == at(1) + MICROSECOND

    def test_a_restored_image_has_the_place_that_it_had(self) -> None:
        """An archived image is no new release when it comes back."""
        rows = pushed((), "1.0", "A", at(0))
        rows = deleted(rows, "1.0", "A", at(1), archived=True)
        assert digest_of(rows, "1.0") is None

        assert observed(rows, "1.0", "A", at(2)) == (TagRow("1.0", "A", at(0)),)

    def test_the_answer_decides_between_pushes_of_the_same_second(self) -> None:
        """A tag moved three times in a second."""
        rows = pushed(pushed(pushed((), "latest", "C", at(0)), "latest", "A", at(0)), "x", "A", NOW)
        rows = pushed(rows, "latest", "B", at(0))

        for digest in ("A", "B", "C"):
            known = observed(rows, "latest", digest, at(1))
            assert digest_of(known) == digest

    @given(EVENTS, st.sampled_from(["A", "B", "C"]))
    def test_an_answer_after_all_events_is_right(
        self, events: list[tuple[str, str, str, int]], digest: str
    ) -> None:
        """Whatever was known, and asked once more it changes nothing."""
        rows = observed(after(events), "latest", digest, at(4))

        assert digest_of(rows) == digest
        assert observed(rows, "latest", digest, at(5)) == rows


class TestAdded:
    def test_a_fact_of_an_event_is_a_push(self) -> None:
        """At its time."""
        fact = TagFact(STREAM, "1.0", "A", at(0))

        assert added((), fact) == (TagRow("1.0", "A", at(0)),)

    def test_a_fact_of_an_answer_is_dated_by_image_and_answers(self) -> None:
        """The first one, and one after an answer that did not name the tag."""
        fact = TagFact(STREAM, "1.0", "A", at(0), observed_at=at(9))

        assert added((), fact) == (TagRow("1.0", "A", at(0), observed=True),)
        later = replace(fact, since=at(8))
        assert added((), later) == (TagRow("1.0", "A", at(9), observed=True),)


class TestConfirmed:
    def test_a_tag_that_the_image_does_not_have_was_deleted(self) -> None:
        """The event of the deletion was lost."""
        rows = pushed(pushed((), "1.0", "A", at(0)), "latest", "A", at(0))

        rows = confirmed(rows, "A", ["1.0"], at(1))

        assert digest_of(rows, "1.0") == "A"
        assert digest_of(rows, "latest") is None
        assert confirmed(rows, "A", ["1.0"], at(2)) == rows

    def test_other_images_and_newer_pushes_are_left_alone(self) -> None:
        """The answer is about one image, and may not know of a push of the last minute."""
        rows = pushed(pushed((), "1.0", "A", at(0)), "1.1", "B", at(0))

        assert confirmed(rows, "B", ["1.1"], at(1)) == rows
        assert confirmed(rows, "A", [], at(1 / 60)) == rows
        assert confirmed(rows, "A", [], at(-1)) == rows

    def test_a_tag_that_moved_is_left_alone(self) -> None:
        """It belongs to the image that took it, whose scan may be awaited."""
        rows = pushed(pushed((), "latest", "A", at(0)), "latest", "B", at(1))

        assert confirmed(rows, "A", [], at(2)) == rows

    def test_an_image_that_has_a_tag_is_not_untagged(self) -> None:
        """And one that has none is."""
        rows = pushed((), UNTAGGED, "A", at(0))

        assert confirmed(rows, "A", [], at(1)) == rows
        assert is_deleted(confirmed(rows, "A", ["1.0"], at(1))[0])


class TestJoined:
    def test_rows_of_another_stream_are_added(self) -> None:
        """Of the same tag and image the newer one stays."""
        old, new = TagRow("1.0", "A", at(0)), TagRow("1.0", "A", at(1))
        gone = TagRow("1.0", "A", at(0), deleted_at=at(2))
        other = TagRow("1.1", "B", at(0))

        assert joined((old,), (new, other)) == (new, other)
        assert joined((new,), (old,)) == (new,)
        assert joined((new,), (gone,)) == (gone,)
        assert joined((gone,), (new,)) == (gone,)


class TestUntagged:
    def test_images_without_a_tag_do_not_take_it_from_each_other(self) -> None:
        """Each has a row of its own, and keeps it."""
        rows = pushed(pushed((), UNTAGGED, "A", at(0)), UNTAGGED, "B", at(0))

        assert not any(map(is_deleted, rows))
        assert observed(rows, UNTAGGED, "A", at(5)) == rows


class TestKept:
    def test_the_newest_rows_are_kept(self) -> None:
        """A stream is not longer than its limit."""
        rows = tuple(TagRow(f"1.{n}", str(n), at(n)) for n in range(5))

        assert kept(rows[::-1], limit=3) == rows[2:]
        assert kept(rows[::-1], limit=5) == rows[::-1]

    def test_an_image_that_runs_keeps_its_rows(self) -> None:
        """However old its tag is."""
        rows = tuple(TagRow(f"1.{n}", str(n), at(n)) for n in range(5))

        assert kept(rows, limit=2, needed=["1"]) == (rows[1], rows[3], rows[4])
