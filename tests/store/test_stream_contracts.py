"""One set of tests for the stores of streams: DynamoDB and S3, and those in memory."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lib.core.attempts import LEASE, TAKEN_OVER, claimed, one_shot, one_shot_dead, redriven
from lib.core.notification_rows import new_row
from lib.errors import ConflictError
from lib.models import DeliveryId, Destination, Image, Pause, PauseKind, Severity, StreamId
from lib.models.streams import HistoryPoint, ImageRow, TagRow
from lib.models.views import Basis, Delta, Notification, Pin, PinnedMessage, Purpose, RowState, View
from lib.ports.passes import Place
from lib.ports.rules import RulesRecord
from lib.ports.streams import ImageRecord, StreamPartition, StreamRow, ViewWrite
from lib.store.places import DynamoPlaces
from lib.store.rules import DynamoRulesStore
from tests.store.conftest import table_and_bucket
from tests.support.builders import NOW, a_digest, a_finding, a_report, an_image, an_unusable_report
from tests.support.digests import a_digest_of
from tests.support.streams import (
    STREAM,
    TODAY,
    a_lifecycle,
    a_reported,
    a_state,
    a_view,
    a_watched,
    an_agreement,
)

BASIS = Basis(1, "rules", TODAY)


def a_row(*, tags: int = 1, **fields: Any) -> StreamRow:
    rows = tuple(TagRow(f"1.4.{number}", a_digest(number), NOW) for number in range(tags))
    return StreamRow(STREAM, tags=rows, state_key="states/one", state_version=1, **fields)


def opened(name: str = "team", *, quiet: bool = False, **fields: Any) -> tuple[View, Notification]:
    """Return a view of a destination, and its first notification."""
    view = replace(a_view(a_reported(), agreed=an_agreement()), destination=Destination(name))
    row = replace(new_row(view, basis=BASIS, cause="scan", now=NOW, quiet=quiet), **fields)
    return replace(view, row=row.id, rows=1), row


def a_digest_row(id_: str = "0" * 32, name: str = "team", **fields: Any) -> Notification:
    """Return a new one-shot row."""
    row = one_shot(
        DeliveryId(id_),
        Purpose.DIGEST,
        Destination(name),
        StreamId("digest"),
        Pin("pinned/digest/one"),
        cause="digest",
        now=NOW,
    )
    return replace(row, **fields)


def stored(streams: Any, *pairs: tuple[View, Notification], row: StreamRow | None = None) -> None:
    """Write a stream with new views and notifications."""
    writes = [ViewWrite(view, None, notification) for view, notification in pairs]
    streams.write(StreamRow(STREAM), row or a_row(), writes)


class TestStreams:
    def test_a_stream_that_nobody_wrote_is_empty(self, streams: Any) -> None:
        """Revision 0, without views."""
        partition = streams.read(STREAM)

        assert (partition.row, partition.views, partition.notifications) == (
            StreamRow(STREAM),
            {},
            {},
        )
        assert list(streams.streams()) == []

    def test_stream_views_and_open_notifications_come_back(self, streams: Any) -> None:
        """Also with a hundred tags, whose document is compressed."""
        pairs = [opened("team"), opened("jira", quiet=True)]
        stored(streams, *pairs, row=a_row(tags=100, current=an_image(), due_at=NOW))

        partition = streams.read(STREAM)

        assert partition.row == a_row(tags=100, current=an_image(), due_at=NOW, revision=1)
        assert partition.views == {view.destination: view for view, _ in pairs}
        assert partition.notifications == {row.destination: row for _, row in pairs}
        assert list(streams.streams()) == [STREAM]

    def test_one_view_can_be_read_alone(self, streams: Any) -> None:
        """With the stream, and without notifications: who has a row needs no other."""
        team, jira = opened("team"), opened("jira")
        stored(streams, team, jira, row=a_row(tags=100))

        partition = streams.read(STREAM, only=jira[0].destination)
        nobody = streams.read(STREAM, only=Destination("nobody"))

        assert partition == StreamPartition(
            a_row(tags=100, revision=1), {jira[0].destination: jira[0]}
        )
        assert nobody == StreamPartition(partition.row)

    def test_a_stream_that_changed_meanwhile_is_not_written(self, streams: Any) -> None:
        """Of two syncs of the same revision one writes, and the other writes nothing."""
        stored(streams)
        before = streams.read(STREAM).row
        streams.write(before, replace(before, state_version=2), ())
        view, row = opened()

        with pytest.raises(ConflictError):
            streams.write(before, replace(before, state_version=3), [ViewWrite(view, None, row)])

        partition = streams.read(STREAM)
        assert (partition.row.state_version, partition.row.revision) == (2, 2)
        assert partition.views == {}
        assert streams.notification(row.id) is None

    def test_views_are_written_only_beside_the_stream_that_was_read(self, streams: Any) -> None:
        """Also where the stream's row itself stays as it is."""
        stored(streams)
        before = streams.read(STREAM).row
        view, row = opened()
        streams.write(before, before, [ViewWrite(view, None, row)])
        streams.write(before, replace(before, state_version=2), ())

        with pytest.raises(ConflictError):
            streams.write(before, before, [ViewWrite(replace(view, rows=2), view)])

        assert streams.read(STREAM).views == {view.destination: view}

    def test_a_view_that_changed_meanwhile_is_not_written(self, streams: Any) -> None:
        """Nor is the stream."""
        view, row = opened()
        stored(streams, (view, row))
        before = streams.read(STREAM).row

        with pytest.raises(ConflictError):
            streams.write(
                before,
                replace(before, state_version=2),
                [ViewWrite(replace(view, version=2), replace(view, version=1))],
            )

        assert streams.read(STREAM).row == before

    def test_a_notification_that_changed_meanwhile_is_not_written(self, streams: Any) -> None:
        """Its worker was faster: the same sync is made again, and sees the claim."""
        view, row = opened()
        stored(streams, (view, row))
        before = streams.read(STREAM).row
        take(streams, row.id)
        seen = replace(row, seen=BASIS._replace(version=2))

        with pytest.raises(ConflictError):
            streams.write(before, before, [ViewWrite(view, view, seen, row)])

        stored_row = streams.notification(row.id)
        assert (stored_row.state, stored_row.seen) == (RowState.CLAIMED, BASIS)

    def test_an_open_notification_is_written_with_what_was_seen(self, streams: Any) -> None:
        """Its place in the index stays."""
        view, row = opened()
        stored(streams, (view, row))
        before = streams.read(STREAM).row
        seen = replace(row, seen=BASIS._replace(version=2))

        streams.write(before, before, [ViewWrite(view, view, seen, row)])

        assert streams.read(STREAM).notifications == {view.destination: seen}
        assert due(streams, NOW) == []
        assert due(streams, NOW + TAKEN_OVER) == [row.id]

    def test_any_number_of_views_is_written(self, streams: Any) -> None:
        """More than one transaction and one batch take."""
        pairs = [opened(f"team-{number}") for number in range(110)]
        stored(streams, *pairs)

        partition = streams.read(STREAM)

        assert len(partition.views) == len(partition.notifications) == 110
        assert partition.row.revision == 1


def a_point(version: int, **fields: Any) -> HistoryPoint:
    """Return a version of a stream in numbers: one a day."""
    defaults: dict[str, Any] = {
        "image": an_image(version), "scanned": True, "open": {Severity.HIGH: version}, "came": {},
        "left": {},
    }  # fmt: skip
    return HistoryPoint(version, NOW + timedelta(days=version), **{**defaults, **fields})


def a_stream(number: int) -> StreamId:
    return StreamId(f"123456789012/eu-central-1/team/app-{number}")


class TestListings:
    """Lists for the scheduled passes, which read an index and never the whole table."""

    def test_streams_are_listed_from_where_a_pass_stopped(self, streams: Any) -> None:
        """In the same order each time, without those at rest."""
        for number in range(12):
            row = StreamRow(a_stream(number))
            streams.write(row, replace(row, state_version=1, at_rest=number % 4 == 0), ())

        listed = list(streams.streams())

        assert sorted(listed) == sorted(a_stream(number) for number in range(12) if number % 4)
        assert list(streams.streams(after=listed[4])) == listed[5:]

    def test_watched_images_are_listed_with_their_streams(self, streams: Any) -> None:
        """A stream without any, or of the settings of a repository, is left out."""
        watched = {1: (a_digest(1), a_digest(2)), 2: (), 3: ("",)}
        for number, digests in watched.items():
            row = StreamRow(a_stream(number))
            streams.write(row, replace(row, state_version=1, watched=digests), ())

        assert list(streams.watched()) == [(a_stream(1), watched[1])]

    def test_a_due_stream_is_taken_once_in_a_quarter_of_an_hour(self, streams: Any) -> None:
        """A sync that failed comes back, and others are not made twice."""
        for number, due_at in enumerate((NOW, NOW + LEASE, None)):
            row = StreamRow(a_stream(number))
            streams.write(row, replace(row, state_version=1, due_at=due_at), ())

        taken = [list(streams.take_due(now=NOW + timedelta(minutes=at))) for at in (0, 1, 5, 15)]

        first, second = [a_stream(0)], [a_stream(1)]
        assert taken == [first, [], second, first]

    def test_a_sync_says_when_a_stream_is_due_next(self, streams: Any) -> None:
        """Or that it is not due any more."""
        for number in range(2):
            row = StreamRow(a_stream(number))
            streams.write(row, replace(row, state_version=1, due_at=NOW), ())
        assert len(streams.take_due(now=NOW)) == 2

        for number, due_at in enumerate((NOW + LEASE, None)):
            row = streams.read(a_stream(number)).row
            streams.write(row, replace(row, due_at=due_at), ())

        assert list(streams.take_due(now=NOW + timedelta(days=1))) == [a_stream(0)]


class TestHistory:
    def test_points_are_written_with_their_stream(self, streams: Any) -> None:
        """Oldest first, from a time on, the newest where there are many; the stream reads none."""
        for version in range(1, 12):
            before = streams.read(STREAM).row
            after = replace(before, state_version=version)
            streams.write(before, after, [], point=a_point(version))

        newest = streams.points(STREAM, since=NOW, limit=3)
        recent = streams.points(STREAM, since=NOW + timedelta(days=11), limit=500)

        assert newest == [a_point(version) for version in (9, 10, 11)]
        assert recent == [a_point(11)]
        assert streams.points(StreamId("other"), since=NOW, limit=3) == []
        assert streams.read(STREAM).row.state_version == 11

    def test_a_point_is_not_written_without_its_stream(self, streams: Any) -> None:
        """A sync that lost a race leaves no trace."""
        stored(streams)

        with pytest.raises(ConflictError):
            streams.write(StreamRow(STREAM), a_row(), [], point=a_point(1, image=None))

        assert streams.points(STREAM, since=NOW, limit=3) == []


class TestImages:
    def test_records_come_back_with_their_streams(self, streams: Any) -> None:
        """A record of an image that is in two streams; an unknown image is absent."""
        record = ImageRecord(ImageRow(an_image(), NOW, gone_at=NOW), report_key="reports/one")
        pattern = StreamId(f"{STREAM}|v1.*")
        streams.put(record, streams=[STREAM])
        streams.put(replace(record, revision=1), streams=[pattern])

        assert streams.records([an_image(), an_image(2), an_image()]) == {
            an_image().key: replace(record, revision=2)
        }
        assert streams.stored(an_image()) == (replace(record, revision=2), (STREAM, pattern))
        assert streams.stored(an_image(2)) == (None, ())

    @pytest.mark.parametrize("revision", [0, 1, 3])
    def test_another_revision_is_not_overwritten(self, revision: int, streams: Any) -> None:
        """Of two events one writes."""
        record = ImageRecord(ImageRow(an_image(), NOW))
        streams.put(record)
        streams.put(replace(record, revision=1))

        with pytest.raises(ConflictError):
            streams.put(replace(record, revision=revision, doubted=True))

        assert streams.records([an_image()]) == {an_image().key: replace(record, revision=2)}

    def test_any_number_of_images_and_streams(self, streams: Any) -> None:
        """More than a batch, and more than a transaction."""
        images: Sequence[Image] = [an_image(number) for number in range(1, 121)]
        for image in images:
            streams.put(ImageRecord(ImageRow(image, NOW)))
        names = [StreamId(f"{STREAM}|{number:03}") for number in range(120)]
        streams.put(ImageRecord(ImageRow(an_image(1), NOW), revision=1), streams=names)

        assert len(streams.records(images)) == 120
        assert list(streams.stored(an_image(1)).streams) == names


def take(streams: Any, row_id: DeliveryId, at: datetime = NOW, token: str = "a") -> Notification:
    """Claim a notification."""
    row = streams.notification(row_id)
    taken = claimed(row, now=at, token=token)
    assert isinstance(taken, Notification)
    streams.update(row, taken)
    return taken


def due(streams: Any, at: datetime, **options: Any) -> list[DeliveryId]:
    """Return the ids of what the sweep wakes."""
    return [wake_up.id for wake_up in streams.due(now=at, **options)]


class TestNotifications:
    def test_a_row_comes_with_the_pause_of_its_destination(self, streams: Any) -> None:
        """In one read; a pause that is over is none."""
        view, row = opened()
        stored(streams, (view, row))
        pause = Pause(PauseKind.BROKEN, NOW + timedelta(minutes=10), "http-403")

        before = streams.look_up(row.id, view.destination, now=NOW)
        streams.pause(view.destination, pause)

        assert before == (row, None)
        assert streams.look_up(row.id, view.destination, now=NOW) == (row, pause)
        assert streams.look_up(row.id, view.destination, now=pause.until) == (row, None)
        assert streams.look_up(DeliveryId("0" * 32), Destination("other"), now=NOW) == (None, None)

    def test_a_claim_is_for_one_worker(self, streams: Any) -> None:
        """Until its lease runs out: then it is woken, and the first one can write it no longer."""
        view, row = opened()
        stored(streams, (view, row))

        first = take(streams, row.id)

        assert streams.notification(row.id) == first
        assert due(streams, NOW + LEASE - timedelta(seconds=1)) == []
        assert due(streams, NOW + LEASE) == [row.id]
        second = take(streams, row.id, NOW + LEASE, token="b")
        assert (second.token, second.attempts) == ("b", 2)
        with pytest.raises(ConflictError):
            streams.update(first, replace(first, state=RowState.RETRY))

    def test_a_one_shot_row_is_written_once(self, streams: Any) -> None:
        """Its id is that of what it says."""
        row = a_digest_row()

        assert streams.add(row)
        assert not streams.add(replace(row, cause="again"))

        assert streams.notification(row.id) == row
        assert due(streams, NOW) == []
        assert due(streams, NOW + TAKEN_OVER) == [row.id]

    def test_row_view_and_what_follows_are_recorded_together(self, streams: Any) -> None:
        """A final row leaves the index, and the next one stands in it."""
        view, row = opened()
        stored(streams, (view, row))
        sent = replace(view, version=1, row=None, thread="t")
        following = new_row(sent, basis=BASIS, cause="scan", now=NOW, quiet=True)
        after = replace(sent, row=following.id)

        streams.close(
            row,
            replace(row, state=RowState.SENT, due_at=None),
            view_before=view,
            view=after,
            following=following,
        )

        partition = streams.read(STREAM)
        assert partition.views == {view.destination: after}
        assert partition.notifications == {view.destination: following}
        assert streams.notification(row.id).state is RowState.SENT
        assert due(streams, NOW + timedelta(days=1)) == [following.id]

    def test_the_thread_of_digests_is_kept_in_a_view_of_their_own(self, streams: Any) -> None:
        """Their stream has no row, and is none of the streams."""
        row = a_digest_row()
        streams.add(row)
        view = View(row.destination, row.stream, thread="t")

        streams.close(
            row, replace(row, state=RowState.SENT, due_at=None), view_before=None, view=view
        )

        assert streams.read(row.stream).views == {row.destination: view}
        assert list(streams.streams()) == []

    @pytest.mark.parametrize("stale", ["view", "row"])
    def test_nothing_is_recorded_over_what_was_not_read(self, stale: str, streams: Any) -> None:
        """Neither row nor view."""
        view, row = opened()
        stored(streams, (view, row))
        before = replace(row, failures=1) if stale == "row" else row
        view_before = replace(view, version=7) if stale == "view" else view

        with pytest.raises(ConflictError):
            streams.close(
                before,
                replace(row, state=RowState.SENT, due_at=None),
                view_before=view_before,
                view=replace(view, version=1, row=None),
            )

        assert streams.notification(row.id) == row
        assert streams.read(STREAM).views == {view.destination: view}

    def test_no_destination_hides_the_others_from_the_sweep(self, streams: Any) -> None:
        """Oldest first, and of each destination some."""
        for number in range(0, 40, 4):
            at = NOW + timedelta(seconds=number)
            streams.add(a_digest_row(f"{number:08x}" + "0" * 24, "busy", due_at=at))
        rare = a_digest_row("1" * 32, "rare", due_at=NOW + timedelta(minutes=1))
        streams.add(rare)

        ids = due(streams, NOW + timedelta(hours=1), limit=2)

        assert ids == [f"{number:08x}" + "0" * 24 for number in (0, 4)] + [rare.id]

    def test_loud_rows_come_before_quiet_ones(self, streams: Any) -> None:
        """A quiet row is due at once; one that becomes loud changes its place."""
        quiet_view, quiet = opened("jira", quiet=True)
        other_view, other = opened("incidents", quiet=True)
        loud_view, loud = opened("team")
        stored(streams, (quiet_view, quiet), (other_view, other), (loud_view, loud))
        streams.update(other, replace(other, quiet=False))

        wake_ups = list(streams.due(now=NOW + TAKEN_OVER))

        assert {wake_up.id for wake_up in wake_ups[:2]} == {other.id, loud.id}
        assert [(wake_up.id, wake_up.quiet) for wake_up in wake_ups[2:]] == [(quiet.id, True)]
        assert due(streams, NOW) == [other.id, quiet.id]

    def test_rows_that_wait_for_others_are_listed_before_they_are_due(self, streams: Any) -> None:
        """Once one is tried it waits for nobody any more."""
        first, second = (
            a_digest_row(str(number) * 32, gathers=True, due_at=NOW + timedelta(minutes=5))
            for number in (1, 2)
        )
        streams.add(first)
        streams.add(second)
        streams.add(a_digest_row())

        assert {row.id for row in streams.gathering()} == {first.id, second.id}
        assert set(due(streams, NOW + timedelta(minutes=5))) == {first.id, second.id, "0" * 32}
        take(streams, first.id)
        assert list(streams.gathering()) == [second]

    def test_what_was_woken_lets_others_have_their_turn(self, streams: Any) -> None:
        """Until later; a claim in the meantime sets its own time."""
        first, second = a_digest_row(), a_digest_row("1" * 32)
        streams.add(first)
        streams.add(second)
        at = NOW + TAKEN_OVER
        wake_ups = list(streams.due(now=at))
        taken = take(streams, second.id, at)

        streams.woken([(wake_up, NOW + timedelta(hours=1)) for wake_up in wake_ups])

        assert taken.due_at is not None
        assert due(streams, taken.due_at) == [second.id]
        assert set(due(streams, NOW + timedelta(hours=1))) == {first.id, second.id}

    def test_a_sync_leaves_the_turn_of_a_row_alone(self, streams: Any) -> None:
        """Else each sync would wake it anew."""
        row = a_digest_row()
        streams.add(row)
        due_rows = list(streams.due(now=NOW + TAKEN_OVER))
        streams.woken([(wake_up, NOW + timedelta(hours=1)) for wake_up in due_rows])

        streams.update(row, replace(row, cause="again"))

        assert due(streams, NOW + TAKEN_OVER) == []
        assert due(streams, NOW + timedelta(hours=1)) == [row.id]

    def test_rows_that_were_given_up_are_listed_and_redriven(self, streams: Any) -> None:
        """They are due no more; a redriven one is again."""
        row = a_digest_row()
        streams.add(row)
        streams.add(a_digest_row("1" * 32))
        dead = one_shot_dead(row, now=NOW, reason="http-403")

        streams.update(row, dead)

        assert list(streams.dead()) == [dead]
        assert row.id not in due(streams, NOW + timedelta(days=1))
        assert [open_.id for open_ in streams.unsent()] == ["1" * 32]
        again = redriven(dead, now=NOW + timedelta(days=2))
        assert again is not None
        streams.update(dead, again)
        assert list(streams.dead()) == []
        assert row.id in due(streams, NOW + timedelta(days=2))


class TestPauses:
    def test_a_pause_holds_until_its_end(self, streams: Any) -> None:
        """Of one destination; all of them are listed."""
        pause = Pause(PauseKind.THROTTLED, NOW + timedelta(seconds=30), "429")

        assert streams.pause(Destination("team"), pause)

        assert streams.paused(Destination("team"), now=NOW) == pause
        assert streams.paused(Destination("other"), now=NOW) is None
        assert streams.paused(Destination("team"), now=pause.until) is None
        assert streams.pauses(now=NOW) == {"team": pause}
        assert streams.pauses(now=pause.until) == {}

    def test_a_longer_pause_stays(self, streams: Any) -> None:
        """A receiver's pause does not shorten one that a person set."""
        longer = Pause(PauseKind.MANUAL, NOW + timedelta(hours=1), "maintenance")
        streams.pause(Destination("team"), longer)

        shorter = Pause(PauseKind.THROTTLED, NOW + timedelta(seconds=30), "429")
        assert not streams.pause(Destination("team"), shorter)

        assert streams.paused(Destination("team"), now=NOW) == longer
        streams.resume(Destination("team"))
        assert streams.pauses(now=NOW) == {}


class TestObjects:
    def test_reports_come_back(self, streams: Any) -> None:
        """Usable or not; the same report has the same key."""
        usable, failed = a_report(a_finding()), an_unusable_report()

        key = streams.put_report(usable)

        assert streams.report(key) == usable
        assert streams.report(streams.put_report(failed)) == failed

    def test_states_come_back(self, streams: Any) -> None:
        """With the findings of their images."""
        state = a_state(a_watched(a_finding()), lifecycles={"CVE-2024-0001": a_lifecycle()})

        assert streams.state(streams.put_state(state)) == state

    def test_pinned_messages_come_back(self, streams: Any) -> None:
        """With the state that they speak of; also of a stream with any pattern."""
        view = replace(a_view(a_reported()), stream=StreamId(f"{STREAM}|v1.*/?"))
        delta = Delta((), 1, {"CVE-2024-0001": a_reported()}, an_agreement())
        message = PinnedMessage(delta, view, BASIS, False, a_state(a_watched(a_finding())))

        assert streams.pinned(streams.put_pinned(message)) == message

    def test_digests_come_back(self, streams: Any) -> None:
        """They are pinned messages, too."""
        digest = a_digest_of()

        key = streams.put_pinned(digest)

        assert streams.pinned(key) == digest

    def test_objects_whose_retention_is_over_are_missing(self, streams: Any) -> None:
        """Nothing is raised."""
        key = f"states/{STREAM}/000001-0.json.gz"

        assert (streams.report(key), streams.state(key), streams.pinned(key)) == (None,) * 3


def test_the_record_of_the_rules_is_written_over_the_one_that_was_read(
    boto: Callable[[str], Any],
) -> None:
    """As the two deployments of one minute do; the installation is as old as the table."""
    with table_and_bucket(boto) as (client, name):
        store = DynamoRulesStore(client("dynamodb"), name)
        assert store.record() is None
        first = RulesRecord("one", NOW, {Destination("team"): NOW}, {"all": NOW})

        store.put(None, first)
        store.put(first, replace(first, hash="two", queued=False))

        assert store.record() == replace(first, hash="two", queued=False)
        with pytest.raises(ConflictError):
            store.put(first, replace(first, hash="three"))
        assert datetime.now(UTC) - store.installed_at() < timedelta(minutes=1)


def test_a_pass_goes_on_from_its_place(boto: Callable[[str], Any]) -> None:
    """Each pass has its own."""
    with table_and_bucket(boto) as (client, table):
        places = DynamoPlaces(client("dynamodb"), table)
        assert places.place("daily") is None

        places.put_place("daily", Place("2026-06-02", "a stream"))
        places.put_place("rules", Place("hash", complete=True))

        assert places.place("daily") == Place("2026-06-02", "a stream")
        assert places.place("rules") == Place("hash", complete=True)
