"""One set of tests for the stores of streams: DynamoDB and S3, and those in memory."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lib.core.notifications import TAKEN_OVER, new_row
from lib.errors import ConflictError
from lib.models import DeliveryId, Destination, Image, Severity, StreamId
from lib.models.streams import HistoryPoint, ImageRow, TagRow
from lib.models.views import Basis, Delta, Notification, Pin, PinnedMessage, RowState, View
from lib.ports.passes import Place
from lib.ports.rules import RulesRecord
from lib.ports.streams import ImageRecord, StreamRow, ViewWrite
from lib.store.places import DynamoPlaces
from lib.store.rules import DynamoRulesStore
from tests.store.conftest import table_and_bucket
from tests.support.builders import NOW, a_digest, a_finding, a_report, an_image, an_unusable_report
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
LEASE = timedelta(minutes=5)


def a_row(*, tags: int = 1, **fields: Any) -> StreamRow:
    rows = tuple(TagRow(f"1.4.{number}", a_digest(number), NOW) for number in range(tags))
    return StreamRow(STREAM, tags=rows, state_key="states/one", state_version=1, **fields)


def opened(name: str = "team", *, quiet: bool = False, **fields: Any) -> tuple[View, Notification]:
    """Return a view of a destination, and its first notification."""
    view = replace(a_view(a_reported(), agreed=an_agreement()), destination=Destination(name))
    row = replace(new_row(view, basis=BASIS, cause="scan", now=NOW, quiet=quiet), **fields)
    return replace(view, row=row.id, rows=1), row


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
        streams.claim(row.id, now=NOW, token="a")
        seen = replace(row, seen=BASIS._replace(version=2))

        with pytest.raises(ConflictError):
            streams.write(before, before, [ViewWrite(view, view, seen, row)])

        claimed = streams.notification(row.id)
        assert (claimed.state, claimed.seen) == (RowState.CLAIMED, BASIS)

    def test_an_open_notification_is_written_with_what_was_seen(self, streams: Any) -> None:
        """Its place in the index stays."""
        view, row = opened()
        stored(streams, (view, row))
        before = streams.read(STREAM).row
        seen = replace(row, seen=BASIS._replace(version=2))

        streams.write(before, before, [ViewWrite(view, view, seen, row)])

        assert streams.read(STREAM).notifications == {view.destination: seen}
        assert streams.due(now=NOW) == ()
        assert streams.due(now=NOW + TAKEN_OVER) == (seen,)

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
        assert list(streams.streams_with(an_image())) == [STREAM, pattern]
        assert list(streams.streams_with(an_image(2))) == []
        assert list(streams.all_records()) == [replace(record, revision=2)]

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
        assert list(streams.streams_with(an_image(1))) == names


class TestNotifications:
    def test_a_claim_is_for_one_worker(self, streams: Any) -> None:
        """Until its lease runs out; then the next one does not know what was sent."""
        view, row = opened()
        stored(streams, (view, row))

        claimed = streams.claim(row.id, now=NOW, token="a")

        assert claimed == replace(row, state=RowState.CLAIMED, token="a")
        assert streams.claim(row.id, now=NOW, token="b") == "another worker has it"
        assert streams.due(now=NOW + LEASE - timedelta(seconds=1)) == ()
        assert streams.due(now=NOW + LEASE) == (claimed,)
        again = streams.claim(row.id, now=NOW + LEASE, token="b")
        assert (again.token, again.unsure) == ("b", False)
        with pytest.raises(ConflictError):
            streams.update(claimed, replace(claimed, state=RowState.RETRY), due_at=NOW)

    def test_after_a_lease_a_pinned_message_may_have_arrived(self, streams: Any) -> None:
        """Its worker may have died between sending and recording."""
        view, row = opened()
        stored(streams, (view, row))
        claimed = streams.claim(row.id, now=NOW, token="a")
        streams.update(claimed, replace(claimed, pin=Pin("pinned/one", BASIS)), due_at=None)

        again = streams.claim(row.id, now=NOW + LEASE, token="b")

        assert (again.unsure, again.pin) == (True, Pin("pinned/one", BASIS))

    def test_what_is_not_due_or_not_open_is_not_claimed(self, streams: Any) -> None:
        """The reason says why."""
        view, row = opened()
        stored(streams, (view, row))
        claimed = streams.claim(row.id, now=NOW, token="a")
        waiting = replace(claimed, state=RowState.RETRY)
        streams.update(claimed, waiting, due_at=NOW + timedelta(hours=1))

        assert streams.claim(row.id, now=NOW, token="b") == "it is not due"
        assert streams.claim(DeliveryId("0" * 32), now=NOW, token="b") == (
            "there is no such notification"
        )
        streams.update(waiting, replace(waiting, state=RowState.DEAD), due_at=None)
        assert streams.claim(row.id, now=NOW + timedelta(days=1), token="b") == "it is DEAD"

    def test_row_view_and_what_follows_are_recorded_together(self, streams: Any) -> None:
        """A final row leaves the index, and the next one stands in it."""
        view, row = opened()
        stored(streams, (view, row))
        sent = replace(view, version=1, row=None, thread="t")
        following = new_row(sent, basis=BASIS, cause="scan", now=NOW, quiet=True)
        after = replace(sent, row=following.id)

        streams.close(
            row,
            replace(row, state=RowState.SENT),
            view_before=view,
            view=after,
            following=following,
        )

        partition = streams.read(STREAM)
        assert partition.views == {view.destination: after}
        assert partition.notifications == {view.destination: following}
        assert streams.notification(row.id).state is RowState.SENT
        assert streams.due(now=NOW + timedelta(days=1)) == (following,)
        assert (streams.due_at(row.id), streams.due_at(following.id)) == (None, NOW)

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
                replace(row, state=RowState.SENT),
                view_before=view_before,
                view=replace(view, version=1, row=None),
            )

        assert streams.notification(row.id) == row
        assert streams.read(STREAM).views == {view.destination: view}

    def test_no_destination_hides_the_others_from_the_sweep(self, streams: Any) -> None:
        """Oldest first; of each destination some; quiet rows at once, as nobody woke them."""
        busy = [
            opened(
                "busy",
                quiet=True,
                id=DeliveryId(f"{number:08x}" + "0" * 24),
                created_at=NOW + timedelta(seconds=number),
            )
            for number in range(0, 40, 4)
        ]
        view, row = opened("rare", quiet=True, created_at=NOW + timedelta(minutes=1))
        stored(streams, busy[0], (view, row))
        for _, other in busy[1:]:
            before = streams.read(STREAM)
            old = before.views[busy[0][0].destination]
            new = replace(old, row=other.id, rows=old.rows + 1)
            streams.write(before.row, before.row, [ViewWrite(new, old, other)])

        due = streams.due(now=NOW + timedelta(hours=1), limit=2)

        names = [notification.id for notification in due if notification.destination == "busy"]
        assert names == [busy[0][1].id, busy[1][1].id]
        assert row in due

    def test_rows_that_were_given_up_are_listed(self, streams: Any) -> None:
        """For people who send them again."""
        view, row = opened()
        stored(streams, (view, row), opened("other"))
        dead = replace(row, state=RowState.DEAD)

        streams.close(row, dead, view_before=view, view=view)

        assert list(streams.dead()) == [dead]


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
