"""
One set of tests for both implementations of the stores: DynamoDB and S3, and the one in memory.

The fake is only worth something while it behaves like the real thing.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lib.errors import ConflictError
from lib.flows.deliveries import wake_due
from lib.models import (
    Basis,
    BasisKind,
    Bookmark,
    Change,
    ChangeKind,
    Commit,
    Comparison,
    Delivery,
    DeliveryId,
    DeliveryState,
    Destination,
    Evaluation,
    FindingState,
    HistoryEntry,
    ImageIndex,
    ImageRecord,
    ImageState,
    Member,
    Membership,
    NotClaimed,
    Pause,
    PauseKind,
    Provenance,
    Receipt,
    Severity,
    StreamHead,
    StreamId,
    Suppressed,
    TagTarget,
    Tally,
)
from lib.store.ledger import DOUBT, LEASE
from tests.support.builders import (
    NOW,
    a_delivery,
    a_digest,
    a_filter,
    a_finding,
    a_report,
    an_image,
    an_unusable_report,
)
from tests.support.fakes import RecordingWaker

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
        assert isinstance(claim(store), NotClaimed)

    def test_a_lost_race_for_the_stream_changes_nothing(self, store: Any) -> None:
        """Who did not see the stored stream head cannot write."""
        store.commit(a_commit())
        other = an_image(2)

        with pytest.raises(ConflictError):
            store.commit(a_commit(image=other))

        assert store.image(other) is None

    def test_a_delivery_cannot_be_made_twice(self, store: Any) -> None:
        """The same delivery id in a second commit is a conflict, not a second alert."""
        store.commit(a_commit(a_delivery()))

        with pytest.raises(ConflictError):
            store.commit(a_commit(a_delivery(), image=an_image(2), head=None))


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


class TestBookmarks:
    def test_the_last_bookmark_is_kept_until_it_is_cleared(self, store: Any) -> None:
        """Within a repository, or at its beginning."""
        within = Bookmark("payments/api", NOW, an_image().digest)
        beginning = Bookmark("payments/web")

        assert store.bookmark() is None
        store.save_bookmark(within)
        assert store.bookmark() == within
        store.save_bookmark(beginning)
        assert store.bookmark() == beginning
        store.clear_bookmark()
        assert store.bookmark() is None


def claim(store: Any, *, minutes: float = 0, token: str = "mine") -> Any:
    now = NOW + timedelta(minutes=minutes)
    return store.claim(a_delivery().id, now=now, token=token)


class TestLedger:
    @pytest.fixture(autouse=True)
    def _one_delivery(self, store: Any) -> None:
        filters = (
            a_filter(only=("fixable",), kinds=(ChangeKind.NEW,), unknown_severity=True),
            a_filter(route="other", severity=Severity.CRITICAL),
        )
        store.commit(a_commit(a_delivery(filters=filters)))

    def test_a_claim_returns_the_whole_row(self, store: Any) -> None:
        """The claimed delivery carries filters, keys, token, lease and the attempt."""
        claimed = claim(store)

        assert claimed == a_delivery(
            filters=(
                a_filter(only=("fixable",), kinds=(ChangeKind.NEW,), unknown_severity=True),
                a_filter(route="other", severity=Severity.CRITICAL),
            ),
            state=DeliveryState.CLAIMED,
            token="mine",
            attempts=1,
            due_at=NOW + LEASE,
        )

    def test_a_missing_row_is_not_claimed(self, store: Any) -> None:
        """A wake-up for an unknown id is answered with a reason."""
        answer = store.claim(DeliveryId("f" * 32), now=NOW, token="mine")

        assert answer == NotClaimed("no such delivery")

    def test_two_workers_cannot_claim_the_same_row(self, store: Any) -> None:
        """While a lease runs, a second claim is refused."""
        claim(store)

        second = claim(store, token="other")

        assert isinstance(second, NotClaimed)
        assert second.reason.startswith("CLAIMED until")

    def test_a_lease_that_ran_out_can_be_taken_over(self, store: Any) -> None:
        """A worker that died loses its claim, and its late record is refused."""
        dead_worker = claim(store)

        taken = claim(store, minutes=2, token="other")

        assert taken.attempts == 2
        with pytest.raises(ConflictError):
            store.sent(dead_worker, Receipt("ok"), now=NOW)

    def test_sent_is_final(self, store: Any) -> None:
        """A sent delivery is neither claimed nor woken again."""
        store.sent(claim(store), Receipt("ok", "https://example.org/1"), now=NOW)

        assert claim(store, minutes=90) == NotClaimed("SENT")
        assert list(store.due(now=NOW + timedelta(days=2), limit=10)) == []

    def test_dead_is_final(self, store: Any) -> None:
        """A dead delivery is neither claimed nor woken again."""
        store.dead(claim(store), reason="gone", now=NOW)

        assert claim(store, minutes=90) == NotClaimed("DEAD")
        assert list(store.due(now=NOW + timedelta(days=2), limit=10)) == []

    def test_a_retry_waits_for_its_time(self, store: Any) -> None:
        """Before it is due a row is left alone, whoever wakes it; then it can be claimed."""
        store.retry(
            claim(store),
            due_at=NOW + timedelta(minutes=5),
            reason="busy",
            counts=True,
            unsure=False,
            now=NOW,
        )

        early, late = claim(store, minutes=4), claim(store, minutes=5)

        assert isinstance(early, NotClaimed)
        assert early.reason.startswith("RETRY until")
        assert (late.attempts, late.failures, late.reason) == (2, 1, "busy")

    def test_throttling_is_no_failure(self, store: Any) -> None:
        """A retry that does not count leaves the number of failures."""
        store.retry(claim(store), due_at=NOW, reason="429", counts=False, unsure=False, now=NOW)

        assert claim(store).failures == 0

    def test_doubt_is_remembered(self, store: Any) -> None:
        """A row whose answer was lost is UNKNOWN, waits for its time, and says so when claimed."""
        due_at = NOW + timedelta(minutes=5)
        store.retry(claim(store), due_at=due_at, reason="?", counts=True, unsure=True, now=NOW)

        early, late = claim(store, minutes=4), claim(store, minutes=5)

        assert early.reason.startswith("UNKNOWN until")
        assert (late.unsure, late.failures) == (True, 1)

    def test_who_takes_over_from_a_dead_worker_is_unsure(self, store: Any) -> None:
        """Nobody knows whether it had sent; a row given back is certain again."""
        claim(store)
        taken = claim(store, minutes=2, token="other")
        store.retry(taken, due_at=NOW, reason="down", counts=True, unsure=False, now=NOW)

        assert taken.unsure
        assert not claim(store, minutes=3).unsure

    @pytest.mark.parametrize("retried", [False, True])
    def test_a_deferred_row_waits(self, store: Any, *, retried: bool) -> None:
        """New or waiting, it may not be taken before its time, and is due then."""
        if retried:
            store.retry(claim(store), due_at=NOW, reason="", counts=True, unsure=False, now=NOW)

        store.defer(a_delivery().id, until=NOW + timedelta(minutes=9), reason="paused")

        assert isinstance(claim(store, minutes=8), NotClaimed)
        assert list(store.due(now=NOW + timedelta(minutes=8), limit=10)) == []
        assert claim(store, minutes=9).reason == "paused"

    def test_a_row_that_somebody_holds_is_not_deferred(self, store: Any) -> None:
        """The claim stands; a row that does not exist is nobody's."""
        claimed = claim(store)

        store.defer(claimed.id, until=NOW + timedelta(days=1), reason="paused")
        store.defer(DeliveryId("f" * 32), until=NOW, reason="paused")

        store.sent(claimed, Receipt("ok"), now=NOW)
        assert claim(store) == NotClaimed("SENT")

    def test_a_notice_is_added_once(self, store: Any) -> None:
        """A delivery of its own, with its note; the same one again changes nothing."""
        notice = a_delivery(9, note="team-slack could not be told")

        assert store.add(notice)
        assert not store.add(notice)
        assert store.claim(notice.id, now=NOW, token="mine").note == notice.note

    def test_a_pause_is_in_force_until_its_end(self, store: Any) -> None:
        """Destination by destination; a shorter pause does not cut a longer one short."""
        team, other = Destination("team"), Destination("other")
        long = Pause(PauseKind.MANUAL, NOW + timedelta(hours=1), "maintenance")
        short = Pause(PauseKind.THROTTLED, NOW + timedelta(minutes=1), "429")

        assert store.pause(team, long)
        assert not store.pause(team, short)

        assert store.paused(team, now=NOW) == long
        assert store.paused(other, now=NOW) is None
        assert store.paused(team, now=NOW + timedelta(hours=1)) is None
        assert store.pause(team, replace(long, until=NOW + timedelta(hours=3)))

    def test_a_pause_can_be_ended(self, store: Any) -> None:
        """Whoever asked for it may change their mind; twice does no harm."""
        team = Destination("team")
        store.pause(team, Pause(PauseKind.MANUAL, NOW + timedelta(hours=1), "maintenance"))

        store.resume(team)
        store.resume(team)

        assert store.paused(team, now=NOW) is None

    def test_due_finds_new_waiting_and_abandoned_rows(self, store: Any) -> None:
        """What is due is listed with its attempts: never woken, or left by a dead worker."""
        before = [each.attempts for each in store.due(now=NOW, limit=10)]
        claim(store)
        leased = list(store.due(now=NOW + timedelta(seconds=1), limit=10))
        abandoned = [each.attempts for each in store.due(now=NOW + 2 * LEASE, limit=10)]

        assert (before, leased, abandoned) == ([0], [], [1])

    def test_what_was_woken_is_not_due_for_a_while(self, store: Any) -> None:
        """It steps back behind the others, but can be claimed as before."""
        woken = list(store.due(now=NOW, limit=10))
        store.woken(woken, again_at=NOW + timedelta(minutes=5))

        assert list(store.due(now=NOW + timedelta(minutes=4), limit=10)) == []
        (again,) = store.due(now=NOW + timedelta(minutes=5), limit=10)
        assert (again.id, again.attempts) == (woken[0].id, woken[0].attempts)
        assert again.turn != woken[0].turn
        assert claim(store).attempts == 1

    def test_every_destination_has_its_share_of_a_sweep(self, store: Any) -> None:
        """The 3 of one are woken although 40 of another have waited longer; all are in the end."""
        jira, waker, now = Destination("team-jira"), RecordingWaker(), NOW + timedelta(minutes=1)
        for number in range(2, 41):
            store.add(a_delivery(number, id=spread(number)))
        for number in range(41, 44):
            store.add(a_delivery(number, id=spread(number), destination=jira, due_at=now))

        first = wake_due(store, waker, now=now, limit=10)
        taken = [each.destination for each in waker.woken]
        rest = wake_due(store, waker, now=now, limit=100)

        assert (first, taken.count(jira)) == (10, 3)
        assert rest == 33
        assert len({each.id for each in waker.woken}) == 43

    def test_a_sweep_sees_every_destination_behind_any_number_of_rows(self, store: Any) -> None:
        """Those of one, of another behind it, and the single one of a third, the youngest."""
        names = ["team-slack"] * 37 + ["team-jira"] * 30 + ["team-mail"]
        for number, name in enumerate(names, start=2):
            due_at = NOW + timedelta(seconds=number)
            store.add(
                a_delivery(number, id=spread(number), destination=Destination(name), due_at=due_at)
            )

        due = list(store.due(now=NOW + timedelta(hours=1), limit=3))

        assert {"team-jira", "team-mail"} <= {wake_up.destination for wake_up in due}
        assert len({wake_up.id for wake_up in due}) == len(due)
        waker = RecordingWaker()
        wake_due(store, waker, now=NOW + timedelta(hours=1), limit=9)
        assert "team-mail" in {wake_up.destination for wake_up in waker.woken}

    def test_a_row_that_was_taken_meanwhile_keeps_its_own_time(self, store: Any) -> None:
        """A sweep that comes late does not push the end of a lease away."""
        woken = list(store.due(now=NOW, limit=10))
        claim(store)

        store.woken(woken, again_at=NOW + timedelta(days=1))

        assert len(list(store.due(now=NOW + LEASE, limit=10))) == 1

    def test_a_row_that_was_deferred_meanwhile_keeps_its_own_time(self, store: Any) -> None:
        """A sweep that comes late does not hold it back beyond the pause of its destination."""
        woken = list(store.due(now=NOW, limit=10))
        store.defer(a_delivery().id, until=NOW + timedelta(seconds=5), reason="paused")

        store.woken(woken, again_at=NOW + timedelta(days=1))

        assert len(list(store.due(now=NOW + timedelta(seconds=5), limit=10))) == 1

    def test_the_thread_of_a_receipt_is_found_by_the_next_delivery(self, store: Any) -> None:
        """A Jira key recorded for a stream is handed to the stream's next alert."""
        store.sent(claim(store), Receipt("SEC-1", thread="SEC-1"), now=NOW)
        store.commit(a_commit(a_delivery(2), image=an_image(2), head=None))

        following = store.claim(a_delivery(2).id, now=NOW, token="mine")

        assert following.thread == "SEC-1"

    def test_a_dead_delivery_gets_another_day(self, store: Any) -> None:
        """It is due again at once, as if nothing had failed; one that is not dead is left alone."""
        later = NOW + timedelta(days=2)
        untouched = store.redrive(a_delivery().id, now=later)
        store.dead(claim(store), reason="gone", now=NOW)

        redriven = store.redrive(a_delivery().id, now=later)

        assert untouched is None
        assert (redriven.state, redriven.created_at, redriven.failures) == ("PENDING", later, 0)
        assert [each.id for each in store.due(now=later, limit=10)] == [a_delivery().id]
        assert claim(store, minutes=2880).attempts == 2

    def test_doubt_outlives_death(self, store: Any) -> None:
        """One that may have been accepted is asked about, since its first day, before a repeat."""
        store.retry(claim(store), due_at=NOW, reason="?", counts=True, unsure=True, now=NOW)
        store.dead(claim(store), reason="gone", now=NOW)

        later = NOW + timedelta(days=2)
        assert store.redrive(a_delivery().id, now=later).state == "UNKNOWN"
        again = claim(store, minutes=2880)

        assert (again.unsure, again.first_at, again.created_at) == (True, NOW, later)

    def test_one_delivery_begins_a_thread(self, store: Any) -> None:
        """Who comes second waits for the first, whose answer may be lost; the first may repeat."""
        store.commit(a_commit(a_delivery(2), image=an_image(2), head=None))
        first = claim(store)
        second = store.claim(a_delivery(2).id, now=NOW, token="other")

        assert store.open_thread(first, now=NOW) is None
        assert store.open_thread(second, now=NOW) == first.id
        assert store.open_thread(first, now=NOW) is None
        store.retry(first, due_at=NOW, reason="?", counts=True, unsure=True, now=NOW)
        assert store.open_thread(second, now=NOW) == first.id

    def test_who_failed_for_certain_leaves_the_thread_to_the_next(self, store: Any) -> None:
        """Nothing was accepted, so the other one may begin; then nobody else may."""
        store.commit(a_commit(a_delivery(2), image=an_image(2), head=None))
        first = claim(store)
        second = store.claim(a_delivery(2).id, now=NOW, token="other")
        store.open_thread(first, now=NOW)
        store.retry(first, due_at=NOW, reason="503", counts=True, unsure=False, now=NOW)

        assert store.open_thread(second, now=NOW) is None
        store.sent(second, Receipt("SEC-1", thread="SEC-1"), now=NOW)

        assert store.open_thread(first, now=NOW) == second.id
        assert claim(store).thread == "SEC-1"

    def test_a_death_in_doubt_holds_the_thread_for_a_while(self, store: Any) -> None:
        """The message of the dead one may be there: the next one waits until it can be found."""
        store.commit(a_commit(a_delivery(2), image=an_image(2), head=None))
        first = claim(store)
        second = store.claim(a_delivery(2).id, now=NOW, token="other")
        store.open_thread(first, now=NOW)
        store.dead(replace(first, unsure=True, unsure_at=NOW), reason="401", now=NOW)

        assert store.open_thread(second, now=NOW + DOUBT - timedelta(seconds=1)) == first.id
        assert store.open_thread(second, now=NOW + DOUBT) is None

    def test_the_last_send_in_doubt_is_remembered(self, store: Any) -> None:
        """Later questions do not make it younger; a worker that died sent until its lease ended."""
        moment, later = NOW + timedelta(seconds=9), NOW + timedelta(minutes=1)
        in_doubt = replace(claim(store), unsure_at=moment)
        doubt: Any = {"due_at": later, "reason": "?", "counts": False, "unsure": True, "now": later}
        store.retry(in_doubt, **doubt)
        asked = claim(store, minutes=1)
        store.retry(asked, **doubt)
        again = claim(store, minutes=1)
        taken_over = claim(store, minutes=5, token="other")
        store.dead(taken_over, reason="gone", now=NOW)
        redriven = store.redrive(a_delivery().id, now=NOW + timedelta(minutes=6))

        assert claim_without_doubt(store) is None
        assert (asked.unsure_at, again.unsure_at) == (moment, moment)
        assert taken_over.unsure_at == later + LEASE
        assert redriven.unsure_at == later + LEASE

    def test_a_thread_knows_how_new_its_news_are(self, store: Any) -> None:
        """The newest evaluation told counts, whatever comes late."""
        store.commit(a_commit(a_delivery(2), a_delivery(3), image=an_image(2), head=None))
        newer, older = NOW + timedelta(hours=2), NOW + timedelta(hours=1)
        store.sent(claim(store), Receipt("1", thread="SEC-1"), now=NOW, told_at=newer)
        late = store.claim(a_delivery(2).id, now=NOW, token="mine")
        store.sent(late, Receipt("2", thread="SEC-1"), now=NOW, told_at=older)

        assert late.told_at == newer
        assert store.claim(a_delivery(3).id, now=NOW, token="mine").told_at == newer

    def test_a_suppressed_delivery_is_kept_and_never_woken(self, store: Any) -> None:
        """A delivery that an entry of alerts.yml leaves out is final from the start."""
        row = a_delivery(3, state=DeliveryState.SUPPRESSED, due_at=None, reason="by CVE-1")
        store.commit(a_commit(row, image=an_image(3), head=None))

        assert store.claim(row.id, now=NOW, token="mine") == NotClaimed("SUPPRESSED")


def claim_without_doubt(store: Any) -> datetime | None:
    """Return when the last send in doubt of a new delivery was made."""
    store.add(a_delivery(2))
    moment: datetime | None = store.claim(a_delivery(2).id, now=NOW, token="mine").unsure_at
    return moment


def spread(number: int) -> DeliveryId:
    """Return an id as hashes are: its first digit chooses the part of the index."""
    return DeliveryId(f"{number:032x}"[::-1])


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
