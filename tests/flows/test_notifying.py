"""Notifications at use-case level, with the ports in memory."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from lib.core.attempts import claimed, wake_up_of
from lib.core.retries import DEFAULT_PAUSE
from lib.errors import (
    AmbiguousDeliveryError,
    ConfigError,
    PermanentDeliveryError,
    StoreError,
    TemporaryDeliveryError,
    ThrottledError,
)
from lib.flows.attempt import NotificationResult
from lib.models import (
    Deployments,
    Destination,
    Notice,
    Pause,
    PauseKind,
    Receipt,
    StreamId,
    WakeUp,
    Workload,
    dispatch_of,
)
from lib.models.views import Dispatch, Notification, PinnedMessage, Purpose, RowState
from tests.support.builders import NOW
from tests.support.digests import a_digest_of
from tests.support.fakes import ForgetfulNotifier
from tests.support.sending import NEW, OLD, REVOKED, Sending, attempt
from tests.support.streams import TEAM

JIRA = Destination("team-jira")
Results = NotificationResult


class TestSent:
    def test_an_accepted_message_is_sent_once(self) -> None:
        """The receipt is recorded, what was sent is reported, and a wake-up sends nothing more."""
        world, outcome = attempt()
        again = world.flow.deliver(wake_up_of(outcome.row))

        assert outcome.result is Results.SENT
        assert (outcome.row.state, outcome.row.receipt) == (RowState.SENT, outcome.receipt)
        assert (again.result, again.reason) == (Results.NOT_CLAIMED, "SENT")
        assert len(world.notifier.accepted) == 1
        assert set(world.view.reported) == {"CVE-2024-0001"}
        assert (world.view.row, world.view.version, world.view.thread) == (None, 1, "THREAD-1")

    def test_nobody_sends_what_is_not_there(self) -> None:
        """A wake-up may outlive its row."""
        world = Sending()
        world.find(OLD)
        row_id = replace(world.row, id="0" * 32).id

        outcome = world.flow.deliver(WakeUp(row_id, TEAM, 0))

        assert outcome.result is Results.NOT_CLAIMED
        assert outcome.reason == "there is no such notification"

    def test_the_next_message_of_a_stream_knows_its_thread(self) -> None:
        """What a receipt calls the thread comes back."""
        world, _ = attempt()
        world.find(OLD, NEW)
        world.deliver()

        threads = [payload["thread"] for payload in world.notifier.accepted]
        assert threads == [None, "THREAD-1"]
        assert world.kinds() == {"NEW": ["CVE-2024-0002"]}

    def test_a_message_says_how_things_are_when_it_is_sent(self) -> None:
        """After an outage there is one message, whatever happened meanwhile."""
        world, _ = attempt(TemporaryDeliveryError("503"))
        world.find(OLD, NEW)
        world.find(NEW)
        world.later(minutes=5)

        assert len(world.notifier.accepted) == 1
        assert world.kinds() == {"BASELINE": ["CVE-2024-0002"]}

    def test_what_was_reverted_before_it_was_sent_is_obsolete(self) -> None:
        """Nothing is left to say."""
        world, _ = attempt()
        world.notifier.errors = [TemporaryDeliveryError("503")]
        world.find(OLD, NEW)
        world.deliver()
        world.find(OLD)

        (outcome,) = world.later(minutes=5)

        assert (outcome.result, outcome.row.state) == (Results.OBSOLETE, RowState.OBSOLETE)
        assert len(world.notifier.accepted) == 1

    def test_what_a_sync_sees_while_a_message_is_under_way_follows(self) -> None:
        """The receipt opens the next row, which is to be sent now."""
        world = Sending()
        world.find(OLD)
        send = world.notifier.send

        def send_and_change(payload: Any) -> Receipt:
            world.notifier.send = send
            world.find(OLD, NEW)
            receipt: Receipt = send(payload)
            return receipt

        world.notifier.send = send_and_change

        first, second = world.deliver()

        assert first.following is not None
        assert (first.result, second.result) == (Results.SENT, Results.SENT)
        assert world.kinds(0) == {"BASELINE": ["CVE-2024-0001"]}
        assert world.kinds(1) == {"NEW": ["CVE-2024-0002"]}

    def test_a_stream_that_is_not_known_any_more_makes_its_row_obsolete(self) -> None:
        """A restored table may lack it."""
        world = Sending()
        world.find(OLD)
        world.forget()

        (outcome,) = world.deliver()

        assert (outcome.result, world.view.row) == (Results.OBSOLETE, None)

    def test_a_destination_has_the_pace_that_its_receiver_wants(self) -> None:
        """After every attempt, so that the next message of its queue keeps the distance."""
        world = Sending()
        world.notifier.interval = 1.0
        world.notifier.errors = [TemporaryDeliveryError("down")]
        world.find(OLD)

        outcomes = [*world.deliver(), *world.later(minutes=5)]

        assert [outcome.pace for outcome in outcomes] == [1.0, 1.0]

    def test_what_sent_nothing_keeps_no_pace(self) -> None:
        world = Sending()
        world.notifier.interval = 1.0
        world.find(OLD)
        world.forget()

        (outcome,) = world.deliver()

        assert (outcome.result, outcome.pace) == (Results.OBSOLETE, 0.0)

    def test_the_time_of_an_attempt_begins_before_anything_is_read(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A notifier has the time of one attempt; what stream and page take is part of it."""
        world = Sending()
        world.find(OLD)
        steps: list[str] = []
        read, courier = world.store.read, world.courier

        def reads(stream: StreamId, **options: Any) -> Any:
            steps.append("read")
            return read(stream, **options)

        def makes(destination: Destination) -> Any:
            steps.append("courier")
            return courier(destination)

        monkeypatch.setattr(world.store, "read", reads)
        monkeypatch.setattr(world.flow, "_couriers", makes)
        world.deliver()

        assert steps[:2] == ["courier", "read"]


class TestPages:
    def test_a_message_links_to_its_report_page(self) -> None:
        """By the name of the pinned message, which the page is made from."""
        world, outcome = attempt()

        notice = world.notifier.accepted[0]["alert"]
        key = outcome.row.pin.key
        assert (notice.page_key, notice.report_url) == (
            f"pages/{key}",
            f"https://links.example/pages/{key}",
        )

    @pytest.mark.parametrize(
        "error", [StoreError("no bucket"), ConfigError("no secret"), KeyError()]
    )
    def test_a_message_goes_out_without_its_link(self, error: Exception) -> None:
        """Whatever is wrong with the link, it does not hold up the message, and is logged."""
        world = Sending()
        world.pages.error = error
        world.find(OLD)

        (outcome,) = world.deliver()

        assert (outcome.result, outcome.without_page) == (Results.SENT, error)
        assert world.notifier.accepted[0]["alert"].report_url is None

    def test_a_message_goes_out_where_no_pages_are_kept(self) -> None:
        """Outside a deployment."""
        world = Sending()
        world.pages = None
        world.find(OLD)

        (outcome,) = world.deliver()

        assert (outcome.result, outcome.without_page) == (Results.SENT, None)


class Deployed:
    """Says that one service more runs an image each time it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def completed(self, notice: Notice) -> Notice:
        self.asked += 1
        service = Workload("prod", "shop", service=True, tasks=self.asked)
        return replace(notice, running=Deployments((service,)))

    def of(self, tasks: int) -> Deployments:
        return Deployments((Workload("prod", "shop", service=True, tasks=tasks),))


class TestDispatch:
    """What is asked at the first attempt is pinned with the message, for its page."""

    def world(self, *errors: Exception) -> tuple[Sending, Deployed]:
        world, deployed = Sending(), Deployed()
        world.notifier.errors = list(errors)
        world.completions = (deployed.completed,)
        return world, deployed

    def pinned(self, world: Sending, row: Notification) -> Dispatch:
        assert row.pin is not None
        message = world.store.pinned(row.pin.key)
        assert isinstance(message, PinnedMessage)
        assert message.dispatch is not None
        return message.dispatch

    def test_the_page_of_a_message_shows_what_the_message_shows(self) -> None:
        """What runs the image is asked once, sent and pinned, with the id of the notification."""
        world, deployed = self.world()
        world.find(OLD)
        (outcome,) = world.deliver()

        sent = world.notifier.accepted[0]["alert"]
        assert sent.running == deployed.of(1)
        assert self.pinned(world, outcome.row) == dispatch_of(sent)
        assert (sent.delivery_id, deployed.asked) == (outcome.row.id, 1)

    def test_a_message_that_may_have_arrived_is_repeated_unchanged(self) -> None:
        """Nothing is asked again: its page stays that of the first one."""
        world, deployed = self.world()
        world.notifier = ForgetfulNotifier([AmbiguousDeliveryError("no answer")])
        world.find(OLD)
        (lost,) = world.deliver()
        (repeated,) = world.later(hours=1)

        assert (lost.row.pin, deployed.asked) == (repeated.row.pin, 1)
        assert world.notifier.accepted[0]["alert"].running == deployed.of(1)

    def test_a_message_that_was_born_with_its_content_is_pinned_again(self) -> None:
        """The notice to the fallback asks at its own first attempt, and has its own page."""
        world, deployed = self.world(PermanentDeliveryError("revoked", broken=True))
        world.find(OLD)
        world.deliver()
        (outcome,) = world.later(seconds=1)

        sent = world.notifier.accepted[0]["alert"]
        dispatch = self.pinned(world, outcome.row)
        assert (dispatch.notification, dispatch.note) == (outcome.row.id, sent.note)
        assert dispatch.running == sent.running == deployed.of(2)
        assert sent.page_key == f"pages/{outcome.row.pin.key}"


class TestPauses:
    def test_a_throttled_message_waits_as_long_as_the_receiver_asks(self) -> None:
        """Retry-After moves the due time, and is not a failure."""
        _, outcome = attempt(ThrottledError("429", retry_after=120))

        assert outcome.result is Results.RETRY
        assert (outcome.row.due_at, outcome.row.failures) == (NOW + timedelta(seconds=120), 0)

    def test_a_throttled_message_without_a_time_waits_for_the_default(self) -> None:
        """A 429 without Retry-After waits 30 seconds."""
        _, outcome = attempt(ThrottledError("429"))

        assert outcome.row.due_at == NOW + timedelta(seconds=DEFAULT_PAUSE)

    def test_a_paused_destination_is_left_alone(self) -> None:
        """While a receiver asks to wait, its other messages wait, too, without a call."""
        world = Sending()
        world.find(OLD)
        pause = Pause(PauseKind.THROTTLED, NOW + timedelta(seconds=120), "429")
        world.store.pause(TEAM, pause)

        (outcome,) = world.deliver()
        again = world.flow.deliver(wake_up_of(outcome.row))

        assert (outcome.result, outcome.reason) == (Results.PAUSED, "throttled: 429")
        assert (world.row.state, world.row.due_at) == (RowState.RETRY, pause.until)
        assert again.result is Results.PAUSED
        assert world.notifier.calls == 0
        assert [one.result for one in world.later(seconds=121)] == [Results.SENT]

    def test_a_row_that_a_worker_holds_is_not_put_off(self) -> None:
        """Its worker records how it ended."""
        world = Sending()
        world.find(OLD)
        world.store.pause(TEAM, Pause(PauseKind.MANUAL, NOW + timedelta(hours=1), "maintenance"))
        taken = claimed(world.row, now=NOW, token="other")
        assert isinstance(taken, Notification)
        world.store.update(world.row, taken)

        (outcome,) = world.deliver()

        assert outcome.result is Results.NOT_CLAIMED
        assert world.row == taken

    def test_a_limit_of_one_message_holds_up_no_other(self) -> None:
        """Jira limits the writes to one issue; its project takes the others."""
        world, outcome = attempt(ThrottledError("429", retry_after=60, alone=True))

        assert outcome.row.due_at == NOW + timedelta(seconds=60)
        assert world.store.paused(TEAM, now=NOW) is None

    def test_doubt_outlives_a_pause(self) -> None:
        """A message that may have arrived is still asked about."""
        world, _ = attempt(AmbiguousDeliveryError("lost"))
        world.store.pause(TEAM, Pause(PauseKind.MANUAL, NOW + timedelta(hours=1), "maintenance"))
        (paused,) = world.later(minutes=1)
        world.later(hours=1)

        assert (paused.result, paused.row.state) == (Results.PAUSED, RowState.UNKNOWN)
        assert world.notifier.asked == [NOW]


class TestOneShot:
    """Messages that are born with their content."""

    def queued(self, *errors: Exception) -> tuple[Sending, Notification]:
        """Return a world with a digest in its outbox."""
        world = Sending()
        world.notifier.errors = list(errors)
        digest = a_digest_of(destination=TEAM)
        for _ in range(2):
            world.outbox.put(
                digest.delivery_id,
                digest,
                purpose=Purpose.DIGEST,
                destination=TEAM,
                stream=StreamId("digest"),
                cause="digest",
            )
        (row,) = world.all_rows
        assert len(world.waker.woken) == 1
        assert world.outbox.has(row.id)
        return world, row

    def test_a_digest_is_sent_once(self) -> None:
        """Its row is closed alone, and its thread is kept for the next one."""
        world, row = self.queued()

        (outcome,) = world.deliver()

        assert (outcome.result, outcome.row.state) == (Results.SENT, RowState.SENT)
        assert world.notifier.accepted[0]["alert"].delivery_id == row.id
        digests = world.store.read(StreamId("digest"))
        assert digests.views[TEAM].thread == "THREAD-1"

    def test_the_next_digest_joins_the_thread(self) -> None:
        """It is written once."""
        world, row = self.queued()
        world.deliver()
        digest = a_digest_of(destination=TEAM, attempt=2)
        world.outbox.put(
            replace(row, id="1" * 32).id,
            digest,
            purpose=Purpose.DIGEST,
            destination=TEAM,
            stream=StreamId("digest"),
            cause="digest",
        )

        (outcome,) = world.deliver()

        assert outcome.result is Results.SENT
        assert [one["thread"] for one in world.notifier.accepted] == [None, "THREAD-1"]

    def test_a_refused_digest_is_sent_as_it_was(self) -> None:
        """Its message never changes; the attempt is counted in it."""
        world, row = self.queued(TemporaryDeliveryError("down"))
        (refused,) = world.deliver()

        world.later(minutes=1)

        assert (refused.row.state, refused.row.pin) == (RowState.RETRY, row.pin)
        assert world.notifier.accepted[0]["alert"].attempt == 2

    def test_a_lost_digest_that_did_not_arrive_is_sent_again(self) -> None:
        """The receiver was asked, and does not have it."""
        world, row = self.queued(AmbiguousDeliveryError("lost"))
        world.deliver()

        (outcome,) = world.later(minutes=1)

        assert (outcome.result, outcome.row.pin) == (Results.SENT, row.pin)
        assert world.notifier.asked == [NOW]

    def test_a_dead_digest_makes_no_notice(self) -> None:
        """A digest says nothing about its destination; the next alert that is refused does."""
        world, _ = self.queued(REVOKED)

        (outcome,) = world.deliver()

        assert (outcome.result, world.notices) == (Results.DEAD, [])
        assert world.store.paused(TEAM, now=NOW) is not None

    def test_an_expired_digest_makes_no_notice(self) -> None:
        """Nor does one that nobody took for a day."""
        world, _ = self.queued(TemporaryDeliveryError("down"))
        world.deliver()

        (outcome,) = world.later(hours=25)

        assert (outcome.result, world.notices) == (Results.DEAD, [])

    def test_a_message_that_is_not_stored_any_more_is_dead(self) -> None:
        """There is nothing to send."""
        world, _ = self.queued()
        world.lose_objects()

        (outcome,) = world.deliver()

        assert outcome.result is Results.DEAD
        assert outcome.reason == "its message is not stored any more"

    def test_an_expired_message_that_is_not_stored_any_more_makes_no_notice(self) -> None:
        """Nobody knows what it said."""
        world, _ = self.queued(TemporaryDeliveryError("down"))
        world.deliver()
        world.lose_objects()

        (outcome,) = world.later(hours=25)

        assert (outcome.result, world.notices) == (Results.DEAD, [])
