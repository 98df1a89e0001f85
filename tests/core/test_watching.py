"""Which images of a stream count now."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.core.tags import deleted, pushed
from lib.core.usage import used
from lib.core.watching import RUNNING_LIMIT, SCAN_PATIENCE, scan_ended, watch
from lib.models import Image
from lib.models.streams import UNTAGGED, Arrival, ImageRow, TagRow, Watch
from tests.support.builders import NOW, an_image

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def at(hours: float) -> datetime:
    return NOW + hours * HOUR


class Stream:
    """The rows of a stream: pushes, deletions, scans and answers about use, by hours."""

    def __init__(self) -> None:
        self.tags: tuple[TagRow, ...] = ()
        self.images: dict[str, ImageRow] = {}

    def pushed(self, tag: str, digest: str, hour: float, *, scanned: bool = True) -> "Stream":
        """Push a tag; an image that was not there before is scanned within a minute."""
        self.tags = pushed(self.tags, tag, digest, at(hour))
        if digest not in self.images:
            tags = ("other",) if tag else ()
            image = an_image(digest=digest, tags=tags, pushed_at=at(hour))
            ended = at(hour + 1 / 60) if scanned else None
            self.images[digest] = ImageRow(image, at(hour), ended)
        return self

    def deleted(self, tag: str, digest: str, hour: float) -> "Stream":
        self.tags = deleted(self.tags, tag, digest, at(hour))
        return self

    def scanned(self, digest: str, hour: float) -> "Stream":
        return self.with_row(digest, scan_ended_at=at(hour))

    def with_row(self, digest: str, **fields: Any) -> "Stream":
        self.images[digest] = replace(self.images[digest], **fields)
        return self

    def runs(self, digest: str, hour: float, *, runs: bool | None = True) -> "Stream":
        self.images[digest] = used(self.images[digest], "ecs", at(hour), runs=runs)
        return self

    def at(self, hour: float, *, before: str | None = None, compared: bool = False) -> Watch:
        image = an_image(digest=before) if before is not None else None
        return watch(self.tags, self.images, before=image, now=at(hour), compared=compared)


def digests(watched: Watch) -> tuple[str | None, tuple[str, ...]]:
    current = watched.current.digest if watched.current is not None else None
    return current, tuple(image.digest for image in watched.running)


class TestCurrent:
    def test_the_image_of_the_tag_pushed_last_is_current(self) -> None:
        """With the tags of this stream only, the one pushed last first."""
        stream = Stream().pushed("1.0", "A", 0).pushed("1.1", "B", 1).pushed("1.1.0", "B", 1.1)

        watched = stream.at(2)

        assert digests(watched) == ("B", ())
        assert watched.current == replace(stream.images["B"].image, tags=("1.1.0", "1.1"))
        assert watched.reason == "1.1.0 was pushed last"
        assert not watched.current_runs

    def test_the_image_before_stays_current_until_the_scan_has_ended(self) -> None:
        """No false all-clear between push and scan."""
        stream = Stream().pushed("1.0", "A", 0).pushed("1.1", "B", 5, scanned=False)

        watched = stream.at(5.5)
        assert digests(watched) == ("A", ())
        assert watched.due_at == at(5) + SCAN_PATIENCE
        assert watched.reason == (
            "the scan of 1.1, which was pushed last, has not ended: 1.0 stays current"
        )

        assert digests(stream.scanned("B", 5.6).at(5.7)) == ("B", ())

    def test_an_hour_without_a_result_counts_as_an_end(self) -> None:
        """A repository that is not scanned shows its newest image."""
        stream = Stream().pushed("1.0", "A", 0).pushed("1.1", "B", 5, scanned=False)

        over = 5 + SCAN_PATIENCE / HOUR
        assert digests(stream.at(over - 0.001)) == ("A", ())
        assert digests(stream.at(over)) == ("B", ())
        assert scan_ended(stream.images["B"], at(over))

    def test_a_first_image_is_current_when_its_scan_has_ended(self) -> None:
        """Until then there is none."""
        stream = Stream().pushed("1.0", "A", 0, scanned=False)

        assert digests(stream.at(0.5)) == (None, ())
        assert stream.at(0.5).reason == "the scan of 1.0, which was pushed last, has not ended"
        assert digests(stream.scanned("A", 0.5).at(0.5)) == ("A", ())

    def test_an_overtaken_release_does_not_return(self) -> None:
        """The scan of the older image ends last."""
        stream = Stream().pushed("1.1", "A", 0, scanned=False).pushed("1.2", "B", 0.02)

        assert digests(stream.scanned("A", 0.5).at(0.6)) == ("B", ())

    @pytest.mark.parametrize(("first", "second"), [(-9.0, -8.0), (-8.0, -9.0)])
    def test_tags_of_one_moment_are_in_the_order_of_their_images(
        self, first: float, second: float
    ) -> None:
        """As on the day of the installation, when a pass sees all of them."""
        stream = Stream().pushed("1.0", "A", 0).pushed("1.1", "B", 0)
        for digest, hour in (("A", first), ("B", second)):
            image = replace(stream.images[digest].image, pushed_at=at(hour))
            stream.with_row(digest, image=image)

        assert digests(stream.at(1)) == ("A" if first > second else "B", ())

    def test_an_image_whose_push_nobody_knows_is_the_older_one(self) -> None:
        """Of two tags of one moment."""
        stream = Stream().pushed("1.0", "A", 0).pushed("1.1", "B", 0)
        stream.with_row("B", image=replace(stream.images["B"].image, pushed_at=None))

        assert digests(stream.at(1)) == ("A", ())

    def test_the_digest_decides_where_nothing_else_does(self) -> None:
        """The same answer every time."""
        assert digests(Stream().pushed("1.0", "A", 0).pushed("1.1", "B", 0).at(1)) == ("B", ())
        assert digests(Stream().pushed("1.1", "B", 0).pushed("1.0", "A", 0).at(1)) == ("B", ())

    def test_an_image_of_which_nothing_is_known_does_not_count(self) -> None:
        """An event for a digest that ECR does not have."""
        stream = Stream().pushed("1.0", "A", 0).pushed("1.1", "B", 1)
        del stream.images["B"]

        assert digests(stream.at(2)) == ("A", ())

    def test_a_stream_without_rows_has_no_image(self) -> None:
        """A pattern that no tag has."""
        assert watch((), {}, before=None, now=NOW) == Watch(
            None, (), False, Arrival.SCAN, "no tag of the stream points to an image"
        )


class TestMovedTag:
    def test_the_image_before_stays_current_until_the_scan_of_the_next_has_ended(self) -> None:
        """Also where a mutable tag was all that it had."""
        stream = Stream().pushed("latest", "A", 0).pushed("latest", "B", 5, scanned=False)

        watched = stream.at(5.5)
        assert digests(watched) == ("A", ())
        assert watched.current is not None
        assert watched.current.tags == ("latest",)

        assert digests(stream.scanned("B", 5.6).at(5.7)) == ("B", ())

    def test_a_tag_that_moves_on_before_the_scan_leaves_the_one_before_both(self) -> None:
        """Three images within a minute, one scan after the other."""
        stream = Stream().pushed("latest", "A", 0)
        stream.pushed("latest", "B", 5, scanned=False).pushed("latest", "C", 5.01, scanned=False)

        assert digests(stream.at(5.1)) == ("A", ())
        assert digests(stream.scanned("B", 5.2).at(5.2)) == ("B", ())
        assert digests(stream.scanned("C", 5.3).at(5.3)) == ("C", ())

    def test_a_moving_tag_keeps_the_place_of_its_image(self) -> None:
        """`latest` was pushed after 0.9, and 1.0 before it."""
        stream = Stream().pushed("1.0", "A", 0).pushed("0.9", "C", 2).pushed("latest", "A", 3)
        stream.pushed("latest", "B", 5, scanned=False)

        assert digests(stream.at(5.5)) == ("A", ())
        assert stream.at(5.5).current == replace(stream.images["A"].image, tags=("1.0",))

    def test_the_image_that_a_tag_left_does_not_return(self) -> None:
        """It had no other tag; the next older one with a tag counts after a deletion."""
        stream = Stream().pushed("1.0", "Z", -9).pushed("latest", "A", 0).pushed("latest", "B", 5)

        assert digests(stream.deleted("latest", "B", 6).at(7)) == ("Z", ())

    def test_the_order_of_the_rows_does_not_matter(self) -> None:
        """They are facts."""
        stream = Stream().pushed("latest", "A", 0).pushed("1.1", "B", 1).pushed("latest", "C", 2)
        stream.tags = tuple(reversed(stream.tags))

        assert digests(stream.at(3)) == ("C", ())

    def test_a_tag_that_left_for_good_gives_no_place(self) -> None:
        """1.0 had `latest` after 0.9 was pushed; both 1.1 and its tags are deleted."""
        stream = Stream().pushed("1.0", "A", 0).pushed("0.9", "C", 2).pushed("latest", "A", 3)
        stream.pushed("latest", "B", 5).pushed("latest", "D", 6).deleted("latest", "D", 7)

        assert digests(stream.at(8)) == ("C", ())

    def test_a_tag_that_was_deleted_in_between_does_not_return_to_the_image_before_that(
        self,
    ) -> None:
        """The image that it left long ago is no news while the next one is scanned."""
        stream = Stream().pushed("latest", "A", 0).pushed("latest", "B", 1)
        stream = stream.deleted("latest", "B", 2).pushed("latest", "C", 3, scanned=False)

        assert digests(stream.at(3.1)) == (None, ())
        assert digests(stream.scanned("C", 3.2).at(3.3)) == ("C", ())

    def test_a_tag_that_an_image_took_for_good_does_not_return(self) -> None:
        """That image was scanned, the tag went on, and the image is deleted now."""
        stream = Stream().pushed("latest", "A", 0).pushed("latest", "B", 1)
        stream = stream.pushed("latest", "C", 3, scanned=False).with_row("B", gone_at=at(3.05))

        assert digests(stream.at(3.1)) == (None, ())

    def test_a_tag_that_was_deleted_and_pushed_for_the_same_image_does_not_return(self) -> None:
        """The image is there again and waits for its scan; the one before lost the tag to it."""
        stream = Stream().pushed("latest", "A", 0).pushed("latest", "B", 1)
        stream = stream.deleted("latest", "B", 2).pushed("latest", "B", 3)
        stream = stream.with_row("B", gone_at=at(2), scan_ended_at=None, known_since=at(3))

        assert digests(stream.at(3.1)) == (None, ())
        assert digests(stream.scanned("B", 3.2).at(3.3)) == ("B", ())

    def test_a_tag_that_comes_back_after_another_image_keeps_that_one(self) -> None:
        """It was deleted before that image got it."""
        stream = Stream().pushed("latest", "B", 0).deleted("latest", "B", 1)
        stream = stream.pushed("latest", "A", 2).pushed("latest", "B", 3)
        stream = stream.with_row("B", scan_ended_at=None, known_since=at(3))

        assert digests(stream.at(3.1)) == ("A", ())

    def test_an_image_between_that_was_never_scanned_takes_nothing_for_good(self) -> None:
        """It was deleted after the tag went on; the image before stays current."""
        stream = Stream().pushed("latest", "A", 0).pushed("latest", "B", 3, scanned=False)
        stream = stream.pushed("latest", "C", 3.05, scanned=False).with_row("B", gone_at=at(3.1))

        assert digests(stream.at(3.2)) == ("A", ())

    def test_moved_back_it_is_current_again(self) -> None:
        """A rollback of a mutable tag."""
        stream = Stream().pushed("latest", "A", 0).pushed("latest", "B", 5)

        assert digests(stream.pushed("latest", "A", 6).at(7)) == ("A", ())


class TestDeletion:
    def test_after_the_deletion_of_a_tag_the_image_before_is_current(self) -> None:
        """The reason says so."""
        stream = Stream().pushed("1.0", "A", 0).pushed("1.1", "B", 5).deleted("1.1", "B", 6)

        watched = stream.at(7, before="B")

        assert digests(watched) == ("A", ())
        assert watched.arrival is Arrival.DELETION

    def test_after_the_deletion_of_an_image_the_one_before_is_current(self) -> None:
        """Also where its tags were not named."""
        stream = Stream().pushed("1.0", "A", 0).pushed("1.1", "B", 5).with_row("B", gone_at=at(6))

        watched = stream.at(7, before="B")

        assert digests(watched) == ("A", ())
        assert watched.arrival is Arrival.DELETION

    def test_an_image_that_is_pushed_again_is_there_again(self) -> None:
        """The same digest after its deletion."""
        stream = Stream().pushed("1.0", "A", 0).with_row("A", gone_at=at(6))
        assert digests(stream.at(7)) == (None, ())

        assert digests(stream.pushed("1.1", "A", 8).at(9)) == ("A", ())

    def test_an_image_that_was_deleted_as_it_was_pushed_is_deleted(self) -> None:
        """Events tell the time in seconds."""
        stream = Stream().pushed("1.0", "A", 0).with_row("A", gone_at=at(0))

        assert digests(stream.at(1)) == (None, ())
        assert stream.at(0.5).due_at is None

    def test_a_deleted_image_does_not_run(self) -> None:
        """Nothing can be said about it any more."""
        stream = Stream().pushed("1.0", "A", 0).pushed("1.1", "B", 5).runs("A", 6)

        assert digests(stream.with_row("A", gone_at=at(7)).at(8)) == ("B", ())

    def test_a_tag_that_was_deleted_and_pushed_again_did_not_move(self) -> None:
        """The image that had it before is not current while the scan of the next is awaited."""
        stream = Stream().pushed("1.0", "Z", -9).pushed("latest", "A", 0).deleted("latest", "A", 1)

        assert digests(stream.pushed("latest", "B", 2, scanned=False).at(2.5)) == ("Z", ())

    def test_a_tag_that_moved_to_a_deleted_image_holds_no_other_one(self) -> None:
        """It was deleted with the image that took it."""
        stream = Stream().pushed("latest", "A", 0).pushed("latest", "B", 5, scanned=False)

        assert digests(stream.with_row("B", gone_at=at(5.5)).at(5.6)) == (None, ())


class TestRunning:
    def test_images_behind_that_run_are_watched_newest_first(self) -> None:
        """The current one is not among them."""
        stream = Stream().pushed("1.0", "A", 0).pushed("1.1", "B", 1).pushed("1.2", "C", 2)
        stream.runs("A", 3).runs("B", 3).runs("C", 3)

        watched = stream.at(4)

        assert digests(watched) == ("C", ("B", "A"))
        assert watched.current_runs
        assert [image.tags for image in watched.running] == [("1.1",), ("1.0",)]

    def test_an_image_that_lost_its_last_tag_is_watched_while_it_runs(self) -> None:
        """Moving `latest` does not stop the tasks of the old digest."""
        stream = Stream().pushed("latest", "A", 0).pushed("latest", "B", 5).runs("A", 6)

        watched = stream.at(7)

        assert digests(watched) == ("B", ("A",))
        assert watched.running[0].tags == ("latest",)

    def test_an_image_whose_tag_was_deleted_is_watched_while_it_runs(self) -> None:
        """Also where the stream has no current image."""
        stream = Stream().pushed("1.0", "A", 0).runs("A", 1).deleted("1.0", "A", 2)

        assert digests(stream.at(3)) == (None, ("A",))

    def test_an_image_that_merely_exists_is_not_watched(self) -> None:
        """Old releases alert nobody."""
        assert digests(Stream().pushed("1.0", "A", 0).pushed("1.1", "B", 1).at(2)) == ("B", ())

    def test_where_another_image_runs_one_that_stopped_counts_no_more(self) -> None:
        """At once: the deployment is complete."""
        stream = Stream().pushed("1.0", "A", 0).pushed("1.1", "B", 1).runs("A", 2).runs("B", 3)

        assert digests(stream.at(4)) == ("B", ("A",))
        assert digests(stream.runs("A", 5, runs=False).at(5)) == ("B", ())

    def test_else_one_that_stopped_counts_for_two_days(self) -> None:
        """A count can be late, or a service be stopped for a night."""
        stream = Stream().pushed("1.0", "A", 0).pushed("1.1", "B", 1)
        stream.runs("A", 2).runs("A", 5, runs=False)

        assert digests(stream.at(52.9)) == ("B", ("A",))
        assert stream.at(52.9).due_at == at(53)
        assert digests(stream.at(53)) == ("B", ())

    def test_the_current_image_counts_as_running_by_the_same_rule(self) -> None:
        """For `only: [in-use]`."""
        stream = Stream().pushed("1.0", "A", 0).runs("A", 2).runs("A", 5, runs=False)

        assert stream.at(52.9).current_runs
        assert not stream.at(53).current_runs

    def test_one_source_that_sees_it_running_is_enough(self) -> None:
        """Another one may count late."""
        stream = Stream().pushed("1.0", "A", 0).pushed("1.1", "B", 1).runs("A", 2).runs("B", 2)
        stream.images["A"] = used(stream.images["A"], "inspector", at(3), runs=True)

        assert digests(stream.runs("A", 5, runs=False).at(6)) == ("B", ("A",))

        stream.images["A"] = used(stream.images["A"], "inspector", at(7), runs=False)
        assert digests(stream.at(8)) == ("B", ())

    def test_the_source_that_saw_it_last_dates_its_end(self) -> None:
        """Two days count from there."""
        stream = Stream().pushed("1.0", "A", 0).pushed("1.1", "B", 1)
        stream.runs("A", 2).runs("A", 5, runs=False)
        for hour, runs in ((3, True), (7, False)):
            stream.images["A"] = used(stream.images["A"], "inspector", at(hour), runs=runs)

        assert digests(stream.at(54.9)) == ("B", ("A",))
        assert digests(stream.at(55)) == ("B", ())

    def test_more_than_twenty_are_counted_and_left_out(self) -> None:
        """The newest stay."""
        stream = Stream()
        for number in range(RUNNING_LIMIT + 3):
            stream.pushed(f"1.{number}", f"{number:02}", number).runs(f"{number:02}", 50)

        watched = stream.at(60)

        assert digests(watched) == ("22", tuple(f"{n:02}" for n in range(21, 1, -1)))
        assert watched.left_out == 2


class TestUntagged:
    def test_it_waits_an_hour_for_an_index(self) -> None:
        """Its scan has ended, but it may be a part of something."""
        stream = Stream().pushed(UNTAGGED, "A", 0)

        assert digests(stream.at(0.9)) == (None, ())
        assert stream.at(0.9).due_at == at(1)
        assert digests(stream.at(1)) == ("A", ())
        assert stream.at(1).current == replace(stream.images["A"].image, tags=())
        assert stream.at(1).reason == "A was pushed last"

    def test_the_earliest_time_is_named(self) -> None:
        """Of two images; the second was known long before it was pushed."""
        stream = Stream().pushed(UNTAGGED, "A", 0).pushed(UNTAGGED, "B", 0.5)
        stream.with_row("A", known_since=at(-9)).with_row("B", known_since=at(-9))

        assert stream.at(0.9).due_at == at(1)
        assert stream.at(1).due_at == at(1.5)

    def test_an_index_does_not_wait(self) -> None:
        """It is no part of another one."""
        stream = Stream().pushed(UNTAGGED, "A", 0).with_row("A", is_index=True)

        assert digests(stream.at(0.5)) == ("A", ())

    def test_the_one_pushed_last_is_current(self) -> None:
        """None of them takes a tag from another."""
        stream = Stream().pushed(UNTAGGED, "A", 0).pushed(UNTAGGED, "B", 1)

        assert digests(stream.at(1.5)) == ("A", ())
        assert digests(stream.at(3)) == ("B", ())
        assert digests(stream.runs("A", 2).at(3)) == ("B", ("A",))

    def test_a_part_of_an_index_is_never_an_image_of_its_own(self) -> None:
        """The index may have been deleted since; running does not change that."""
        stream = Stream().pushed(UNTAGGED, "A", 0).with_row("A", indexes=("I",)).runs("A", 1)

        assert digests(stream.at(9)) == (None, ())

    def test_an_image_that_got_a_tag_leaves(self) -> None:
        """It is in the stream of that tag now, running or not; here it never returns."""
        stream = Stream().pushed(UNTAGGED, "A", 0).runs("A", 1).deleted(UNTAGGED, "A", 2)

        assert digests(stream.at(9)) == (None, ())

    def test_an_image_that_is_described_with_a_tag_does_not_count(self) -> None:
        """ECR answered before the event of the tag."""
        stream = Stream().pushed(UNTAGGED, "A", 0)

        stream.with_row("A", image=replace(stream.images["A"].image, tags=("1.0",)))

        assert digests(stream.at(9)) == (None, ())


class TestParts:
    def test_a_part_with_a_tag_counts_while_its_index_has_none(self) -> None:
        """`1.0-amd64` is pushed before `1.0`; the index is deleted before its parts."""
        stream = Stream().pushed("1.0-amd64", "A", 0).with_row("A", indexes=("I",))
        assert digests(stream.at(1)) == ("A", ())

        stream.with_row("A", index_has_tags=True).runs("A", 2)
        assert digests(stream.at(3)) == (None, ())

    def test_the_index_is_current_instead(self) -> None:
        """Its tag may be older than those of the parts."""
        stream = Stream().pushed("1.0", "I", 0).pushed("1.0-amd64", "A", 1)
        stream.with_row("A", indexes=("I",), index_has_tags=True)

        assert digests(stream.at(2)) == ("I", ())


class TestCompared:
    def test_a_compared_stream_ends_with_its_tag(self) -> None:
        """Whatever still runs."""
        stream = Stream().pushed("pr-17", "A", 0).runs("A", 1)
        assert digests(stream.at(2, compared=True)) == ("A", ())

        watched = stream.deleted("pr-17", "A", 3).at(4, compared=True)
        assert digests(watched) == (None, ())
        assert not watched.current_runs
        assert watched.reason == "its tag points to no image"

    def test_a_compared_stream_ends_thirty_days_after_its_last_push(self) -> None:
        """A pull request that nobody closes."""
        stream = Stream().pushed("pr-17", "A", 0).pushed("pr-17", "B", 24)

        assert stream.at(31 * 24 - 1, compared=True).due_at == at(31 * 24)
        watched = stream.at(31 * 24, compared=True)
        assert digests(watched) == (None, ())
        assert watched.reason == "its last push was 30 days ago"

    def test_other_streams_do_not_end(self) -> None:
        """A release can be current for years."""
        assert digests(Stream().pushed("1.0", "A", 0).at(9000)) == ("A", ())


class TestArrival:
    def test_a_new_image_came_by_a_push(self) -> None:
        """Its tag is older than its scan."""
        stream = Stream().pushed("1.0", "A", 0).pushed("1.1", "B", 1)

        assert stream.at(2, before="A").arrival is Arrival.PUSH
        assert stream.at(2).arrival is Arrival.PUSH

    def test_an_image_that_is_not_scanned_came_by_a_push(self) -> None:
        """An hour counts as an end, not as a scan."""
        stream = Stream().pushed("1.0", "A", 0).pushed("1.1", "B", 1, scanned=False)

        assert stream.at(9, before="A").arrival is Arrival.PUSH

    def test_a_tag_for_a_known_image_is_a_promotion(self) -> None:
        """The image was scanned before it got the tag of this stream."""
        stream = Stream().pushed("prod-1", "A", 0).pushed("sha-2", "B", 1)
        stream.tags = pushed(stream.tags[:1], "prod-2", "B", at(5))

        assert stream.at(6, before="A").arrival is Arrival.TAG
        assert stream.at(6).arrival is Arrival.TAG

    def test_a_tag_for_an_older_image_is_a_rollback(self) -> None:
        """prod-3 points to what prod-1 pointed to."""
        stream = Stream().pushed("prod-1", "A", 0).pushed("prod-2", "B", 1).pushed("prod-3", "A", 2)

        assert stream.at(6, before="B").arrival is Arrival.ROLLBACK

    def test_the_same_image_as_before_came_by_nothing(self) -> None:
        """What is new in it came by a scan."""
        assert Stream().pushed("1.0", "A", 0).at(6, before="A").arrival is Arrival.SCAN
        assert Stream().at(6).arrival is Arrival.SCAN

    @pytest.mark.parametrize("others", [("1.0",), ()], ids=["an older image is there", "none"])
    @pytest.mark.parametrize(
        ("archived", "arrival"), [(False, Arrival.DELETION), (True, Arrival.ARCHIVING)]
    )
    def test_what_became_of_the_image_before_is_said(
        self, arrival: Arrival, others: tuple[str, ...], *, archived: bool
    ) -> None:
        """It was deleted, or archived."""
        stream = Stream()
        for tag in others:
            stream.pushed(tag, "A", 0)
        stream.pushed("1.1", "B", 1)
        stream.tags = deleted(stream.tags, "1.1", "B", at(2), archived=archived)

        assert stream.at(6, before="B").arrival is arrival

    def test_an_image_that_is_there_can_count_no_longer(self) -> None:
        """A comparison ends; an image without a tag got one, or became a part of an index."""
        pull_request = Stream().pushed("pr-17", "A", 0)
        part = Stream().pushed("", "A", 0).with_row("A", indexes=("I",), index_has_tags=True)

        named = Stream().pushed("", "A", 0).deleted("", "A", 2)

        assert pull_request.at(24 * 31, before="A", compared=True).arrival is Arrival.END
        assert named.at(6, before="A").arrival is Arrival.END
        assert named.with_row("A", gone_at=at(2)).at(6, before="A").arrival is Arrival.DELETION
        assert part.at(6, before="A").arrival is Arrival.END
        assert Stream().at(6, before="A").arrival is Arrival.END


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["push", "push", "push", "delete", "scan", "run", "stop", "gone", "part"]),
        st.sampled_from(["latest", "1.0", "1.1"]),
        st.sampled_from(["A", "B", "C"]),
        st.integers(0, 5),
    ),
    max_size=12,
)


@given(steps=STEPS, hour=st.integers(0, 60), compared=st.booleans())
def test_whatever_happens_the_answer_is_sound(
    steps: list[tuple[str, str, str, int]], hour: int, *, compared: bool
) -> None:
    """Only images that exist count, each once, and time alone changes nothing before `due_at`."""
    stream = Stream()
    for verb, tag, digest, when in steps:
        if verb == "push":
            stream.pushed(tag, digest, when, scanned=False)
        elif verb == "delete":
            stream.deleted(tag, digest, when)
        elif digest in stream.images:
            fields: dict[str, dict[str, Any]] = {
                "scan": {"scan_ended_at": at(when)},
                "gone": {"gone_at": at(when)},
                "part": {"indexes": ("I",), "index_has_tags": True},
            }
            if verb in fields:
                stream.with_row(digest, **fields[verb])
            else:
                stream.runs(digest, when, runs=verb == "run")
    watched = stream.at(hour, compared=compared)

    images: list[Image] = [*filter(None, (watched.current,)), *watched.running]
    assert len({image.digest for image in images}) == len(images)
    assert all(image.tags for image in images)
    for image in images:
        row = stream.images[image.digest]
        last = max(row.pushed_at for row in stream.tags if row.digest == image.digest)
        assert row.gone_at is None or row.gone_at < last
        assert not row.index_has_tags
    assert watched.due_at is None or watched.due_at > at(hour)
    just_before = 9999.0 if watched.due_at is None else (watched.due_at - NOW) / HOUR - 0.001
    later = stream.at(max(just_before, hour), compared=compared)
    assert digests(later) == digests(watched)
    assert later.current_runs == watched.current_runs
