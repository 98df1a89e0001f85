"""
One set of tests for both implementations of the stores: DynamoDB and S3, and the one in memory.

The fake is only worth something while it behaves like the real thing.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lib.errors import ConflictError
from lib.models import (
    Basis,
    BasisKind,
    Change,
    ChangeKind,
    Commit,
    Comparison,
    Delivery,
    Evaluation,
    FindingState,
    HistoryEntry,
    ImageIndex,
    ImageRecord,
    ImageState,
    Member,
    Membership,
    Provenance,
    Severity,
    StreamHead,
    StreamId,
    Suppressed,
    TagTarget,
    Tally,
)
from tests.support.builders import (
    NOW,
    a_delivery,
    a_digest,
    a_finding,
    a_report,
    an_image,
    an_unusable_report,
)

STREAM = StreamId("000474600478/eu-central-1/payments/api")


def a_state(version: int = 1, **fields: Any) -> ImageState:
    defaults: dict[str, Any] = {
        "version": version,
        "order": NOW,
        "event_time": NOW,
        "event_id": f"event-{version}",
        "status": "COMPLETE",
        "usable": True,
        "completed_at": NOW,
        "report_key": "reports/one",
    }
    return ImageState(**{**defaults, **fields})


def a_head(version: int = 1) -> StreamHead:
    return StreamHead(version, an_image().key, NOW, "reports/one")


def a_commit(*deliveries: Delivery, **fields: Any) -> Commit:
    defaults: dict[str, Any] = {
        "image": an_image(),
        "stream": STREAM,
        "state": a_state(),
        "known": None,
        "head": a_head(),
        "known_head": None,
        "deliveries": deliveries,
    }
    return Commit(**{**defaults, **fields})


def an_entry(days: float = 0, version: int = 1) -> HistoryEntry:
    return HistoryEntry(
        at=NOW + timedelta(days=days),
        image=an_image(in_use_count=3),
        version=version,
        usable=True,
        open={Severity.CRITICAL: Tally(4, 3, 2, 1), Severity.LOW: Tally(1)},
        new={Severity.CRITICAL: 4},
        resolved={Severity.HIGH: 2},
        suppressed=1,
        report_key="reports/one",
    )


class TestHistory:
    def test_entries_come_back_as_they_were_committed_oldest_first(self, store: Any) -> None:
        """Each commit adds its entry; they are in the order of their time."""
        second = replace(an_entry(1, 2), usable=False, open={}, image=an_image(tags=()))
        store.commit(a_commit(entry=an_entry()))
        store.commit(
            a_commit(state=a_state(2), known=a_state(), head=None, known_head=None, entry=second)
        )

        assert list(store.entries(STREAM, since=NOW, limit=10)) == [an_entry(), second]

    def test_the_newest_of_a_time_are_returned(self, store: Any) -> None:
        """`since` and `limit` leave out older ones; other streams have entries of their own."""
        known = None
        for number in range(1, 5):
            state = a_state(number)
            entry = an_entry(number, number)
            store.commit(a_commit(state=state, known=known, head=None, entry=entry))
            known = state

        since = NOW + timedelta(days=2)
        assert [each.version for each in store.entries(STREAM, since=since, limit=10)] == [2, 3, 4]
        assert [each.version for each in store.entries(STREAM, since=NOW, limit=2)] == [3, 4]
        assert list(store.entries(StreamId("another"), since=NOW, limit=2)) == []

    def test_a_lost_race_leaves_no_entry(self, store: Any) -> None:
        """An entry is part of the transaction."""
        store.commit(a_commit())

        with pytest.raises(ConflictError):
            store.commit(a_commit(entry=an_entry()))

        assert list(store.entries(STREAM, since=NOW, limit=10)) == []

    def test_all_streams_are_found_with_their_heads(self, store: Any) -> None:
        """Rows of other kinds are no streams."""
        store.commit(a_commit(a_delivery(), entry=an_entry()))

        assert list(store.heads()) == [(STREAM, a_head())]


class TestState:
    def test_nothing_is_known_at_first(self, store: Any) -> None:
        """An image and a stream that were never committed are None."""
        assert store.image(an_image()) is None
        assert store.head(STREAM) is None

    def test_a_commit_is_read_back(self, store: Any) -> None:
        """Image state and stream head come back as they were committed."""
        store.commit(a_commit())

        assert store.image(an_image()) == a_state()
        assert store.head(STREAM) == a_head()

    def test_what_an_image_says_of_itself_is_kept(self, store: Any) -> None:
        """So that nobody asks it again."""
        said = Provenance(
            "1a2b3c4", "https://a.example/b", created_at=NOW, evidence={"commit": "x"}
        )
        state = a_state(provenance=said)

        store.commit(a_commit(state=state))

        assert store.image(an_image()) == state

    def test_an_image_without_a_usable_report_has_no_key(self, store: Any) -> None:
        """A failed first scan leaves no report to compare with."""
        state = a_state(report_key=None, usable=False, completed_at=None)
        store.commit(a_commit(state=state, head=None))

        assert store.image(an_image()) == state
        assert store.head(STREAM) is None

    def test_the_next_version_replaces_the_known_one(self, store: Any) -> None:
        """A commit that knows what is stored succeeds."""
        store.commit(a_commit())

        store.commit(
            a_commit(state=a_state(2), known=a_state(), head=a_head(2), known_head=a_head())
        )

        assert store.image(an_image()) == a_state(2)
        assert store.head(STREAM) == a_head(2)

    def test_an_index_is_remembered_at_its_images(self, store: Any) -> None:
        """One look says what was evaluated, and which index an image is part of."""
        index = ImageIndex(an_image(9), (Member(a_digest(1), "linux/amd64"),), (a_digest(2),))
        store.commit(a_commit())

        store.record(index, pushed_at=NOW)

        assert store.look_up(an_image()) == ImageRecord(a_state(), Membership(a_digest(9)))
        assert store.look_up(an_image(2)) == ImageRecord(
            None, Membership(a_digest(9), attached=True)
        )
        assert store.look_up(an_image(3)) == ImageRecord()
        assert store.image(an_image()) == a_state()

    def test_the_newest_index_of_an_image_counts(self, store: Any) -> None:
        """Whatever the order in which pushes are heard of; the same push again changes nothing."""
        old, new = (
            ImageIndex(an_image(number), (Member(a_digest(1), "linux/amd64"),)) for number in (8, 9)
        )
        store.record(old, pushed_at=NOW)
        store.record(new, pushed_at=NOW + timedelta(minutes=1))

        store.record(old, pushed_at=NOW)
        store.record(new, pushed_at=NOW + timedelta(minutes=1))

        assert store.look_up(an_image()).membership == Membership(a_digest(9))

    def test_a_lost_race_for_the_image_changes_nothing(self, store: Any) -> None:
        """Who did not see the stored image state cannot write, and writes no delivery either."""
        store.commit(a_commit())

        with pytest.raises(ConflictError):
            store.commit(a_commit(a_delivery(), state=a_state(2), head=None))

        assert store.image(an_image()) == a_state()

    def test_a_lost_race_for_the_stream_changes_nothing(self, store: Any) -> None:
        """Who did not see the stored stream head cannot write."""
        store.commit(a_commit())
        other = an_image(2)

        with pytest.raises(ConflictError):
            store.commit(a_commit(image=other))

        assert store.image(other) is None


class TestManyStates:
    def test_those_that_were_evaluated_are_found(self, store: Any) -> None:
        """By key, more than one read holds, each of them once; the others are absent."""
        images = [an_image(number) for number in range(1, 131)]
        for image in (images[0], images[129]):
            store.commit(a_commit(image=image, head=None))

        found = store.images([*images, images[0]])

        assert found == {images[0].key: a_state(), images[129].key: a_state()}
        assert store.images([]) == {}

    def test_the_installation_has_a_moment(self, store: Any) -> None:
        """In UTC, and not in the future."""
        installed_at = store.installed_at()

        assert installed_at.utcoffset() == timedelta()
        assert installed_at < datetime.now(UTC) + timedelta(minutes=1)


def claim(store: Any, *, minutes: float = 0, token: str = "mine") -> Any:
    now = NOW + timedelta(minutes=minutes)
    return store.claim(a_delivery().id, now=now, token=token)


class TestReports:
    def test_an_evaluation_is_read_back(self, store: Any) -> None:
        """What was stored comes back equal."""
        evaluation = an_evaluation()

        assert store.get(store.put(evaluation)) == evaluation

    def test_the_same_evaluation_has_the_same_key(self, store: Any) -> None:
        """Storing again overwrites nothing else; another version has another key."""
        evaluation = an_evaluation()

        assert store.put(evaluation) == store.put(evaluation)
        assert store.put(evaluation) != store.put(replace(evaluation, version=2))

    def test_a_report_that_is_gone_is_none(self, store: Any) -> None:
        """An expired object is not an error."""
        assert store.get("reports/nothing") is None
        assert store.baseline("reports/nothing") is None

    def test_what_a_comparison_needs_is_read_alone(self, store: Any) -> None:
        """Image, scan, how each finding stands, what is suppressed; findings only on demand."""
        evaluation = an_evaluation()
        finding = a_finding()
        entry = Suppressed(finding, "entry", "reason", "2027-01-31")
        compared = replace(evaluation, comparison=Comparison(Basis(BasisKind.NONE), (), (entry,)))

        known = store.baseline(store.put(compared))

        assert (known.image, known.scan) == (evaluation.report.image, evaluation.report.scan)
        assert known.standings == {
            finding.id: FindingState(
                Severity.HIGH, exploitable=False, fixable=False, open=True, source_status=None
            )
        }
        assert known.suppressed == {finding.id}
        assert known.finding(finding.id) == finding

    def test_an_evaluation_without_comparison_suppressed_nothing(self, store: Any) -> None:
        """A report that was never compared is a basis all the same."""
        known = store.baseline(store.put(replace(an_evaluation(), comparison=None)))

        assert known.suppressed == frozenset()

    def test_an_unusable_report_is_no_basis(self, store: Any) -> None:
        """Nothing is compared with a failed scan."""
        evaluation = Evaluation(an_unusable_report(), STREAM, 1, NOW)

        assert store.baseline(store.put(evaluation)) is None


def an_evaluation() -> Evaluation:
    finding = a_finding()
    return Evaluation(
        a_report(finding),
        STREAM,
        1,
        NOW,
        Comparison(Basis(BasisKind.NONE), (Change(ChangeKind.BASELINE, finding, "first scan"),)),
    )


class TestTags:
    """Where tags point to."""

    TAG = an_image(digest="", tags=("1.4.2",))

    def test_a_tag_that_nobody_pushed_points_nowhere(self, store: Any) -> None:
        assert store.tag(self.TAG) is None

    def test_the_last_push_is_remembered(self, store: Any) -> None:
        first = TagTarget(a_digest(1), NOW)
        second = TagTarget(a_digest(2), NOW + timedelta(seconds=1), a_digest(1))

        store.point(self.TAG, first)
        assert store.tag(self.TAG) == first
        store.point(self.TAG, second)
        store.point(self.TAG, first)

        assert store.tag(self.TAG) == second

    def test_of_the_same_second_the_last_one_counts(self, store: Any) -> None:
        store.point(self.TAG, TagTarget(a_digest(1), NOW))
        store.point(self.TAG, TagTarget(a_digest(2), NOW))

        assert store.tag(self.TAG).digest == a_digest(2)

    def test_it_is_not_what_is_known_of_an_image(self, store: Any) -> None:
        store.point(self.TAG, TagTarget(a_digest(1), NOW))

        assert store.tag(an_image(digest="", tags=("1.4.3",))) is None
        assert store.look_up(self.TAG) == ImageRecord()
