"""Refusals, lost answers and failures of receivers, with the ports in memory."""

from datetime import timedelta
from typing import Any

import pytest

from lib.core.attempts import LEASE, claimed
from lib.core.retries import HORIZON
from lib.errors import (
    AmbiguousDeliveryError,
    ConfigError,
    PermanentDeliveryError,
    StoreError,
    TemporaryDeliveryError,
    ThrottledError,
)
from lib.flows.attempt import NotificationOutcome, NotificationResult
from lib.models import (
    AskAgain,
    Destination,
    NotReceived,
    Receipt,
)
from lib.models.views import Notification, Purpose, RowState
from tests.support.builders import NOW
from tests.support.fakes import ForgetfulNotifier
from tests.support.sending import FALLBACK, NEW, OLD, REVOKED, Sending, attempt
from tests.support.streams import STREAM, TEAM

JIRA = Destination("team-jira")
Results = NotificationResult


class TestRefusals:
    def test_a_broken_destination_is_left_alone_and_the_fallback_is_notified(self) -> None:
        """A revoked webhook costs one message; the next ones wait; one notice goes out."""
        world, outcome = attempt(REVOKED)
        world.find(OLD, NEW, redrive=True)
        (waiting,) = world.deliver()
        (notice,) = world.notices

        assert (outcome.result, waiting.result) == (Results.DEAD, Results.PAUSED)
        assert waiting.row.due_at == NOW + timedelta(minutes=10)
        assert (notice.destination, notice.purpose) == (FALLBACK, Purpose.FALLBACK)
        assert notice.note == "Instead of team, which refuses everything (permanent)"

    def test_the_fallback_gets_the_message_itself(self) -> None:
        """With the reason; its own view of the stream is left alone."""
        world, _ = attempt(REVOKED)
        world.later(seconds=1)

        notice = world.notifier.accepted[0]["alert"]
        assert notice.note == world.notices[0].note
        assert notice.message.view.destination == FALLBACK
        assert world.kinds() == {"BASELINE": ["CVE-2024-0001"]}
        assert FALLBACK not in world.store.read(STREAM).views
        assert set(world.states) == {RowState.DEAD, RowState.SENT}

    def test_the_fallback_gets_it_in_its_own_thread(self) -> None:
        """Where it has one of the stream."""
        world, _ = attempt(names=(TEAM, FALLBACK))
        world.deliver()
        assert world.store.read(STREAM).views[FALLBACK].thread == "THREAD-1"
        world.notifier.errors = [REVOKED]
        world.find(OLD, NEW)
        world.deliver()
        world.later(seconds=1)

        assert world.notifier.accepted[-1]["alert"].note
        assert world.notifier.accepted[-1]["thread"] == "THREAD-1"

    def test_the_notice_of_another_stage_has_another_id(self) -> None:
        """Both may notify one topic, which drops what has the same id."""
        ids = set()
        for stage in ("dev", "prod"):
            world = Sending(stage=stage)
            world.notifier.errors = [REVOKED]
            world.find(OLD)
            world.deliver()
            ids |= {notice.id for notice in world.notices}

        assert len(ids) == 2

    def refuse(self, world: Sending, minutes: int, **options: Any) -> list[NotificationOutcome]:
        """Refuse everything for so long, with a sweep each minute; return the outcomes."""
        outcomes = []
        for _ in range(minutes):
            world.notifier.errors = [PermanentDeliveryError("404", may_pass=True, **options)] * 9
            outcomes += world.deliver()
            world.clock.forward(minutes=1)
            world.sweep()
        world.notifier.errors = []
        return outcomes

    def test_an_endpoint_that_is_rolled_out_costs_nothing(self) -> None:
        """It answers 404 for two minutes: nobody is notified, and the message arrives."""
        world = Sending()
        world.find(OLD)

        self.refuse(world, minutes=2, broken=True)
        world.later(minutes=1)

        assert world.states == [RowState.SENT]
        assert world.store.paused(TEAM, now=world.clock()) is None

    @pytest.mark.parametrize("broken", [True, False])
    def test_a_destination_that_keeps_refusing_is_broken_and_its_messages_live(
        self, *, broken: bool
    ) -> None:
        """The others wait, the fallback is notified once, and all arrive when it is back."""
        world = Sending()
        world.find(OLD)

        outcomes = self.refuse(world, minutes=10, broken=broken)
        pause = world.store.paused(TEAM, now=world.clock())
        notes = [row.note for row in world.notices]
        for _ in range(3):
            world.later(minutes=10)

        tried = [one for one in outcomes if one.result is Results.RETRY and not one.row.note]
        assert [outcome.misconfigured for outcome in tried] == [False] * 5 + [True]
        assert [outcome.reason for outcome in tried[-2:]] == [
            "permanent: 404; the refusal may pass by itself",
            "permanent: 404; the refusal has lasted for minutes",
        ]
        assert pause is not None
        assert pause.reason == "permanent: 404"
        assert notes == [
            f"Instead of team, which refuses {'everything' if broken else 'it'} (permanent)"
        ]
        assert set(world.states) == {RowState.SENT}

    def test_a_message_that_is_refused_for_a_day_is_dead(self) -> None:
        """The horizon is the end for it, too."""
        world = Sending()
        world.find(OLD)
        self.refuse(world, minutes=10, broken=True)

        outcomes = world.later(hours=24)

        (dead,) = [one for one in outcomes if one.row and one.row.note is None]
        assert dead.result is Results.DEAD
        assert dead.reason.startswith("not accepted within 24 h: permanent: 404")

    def test_a_destination_that_another_worker_found_broken_makes_no_second_notice(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """That worker has paused it, and notified the fallback."""
        world = Sending()
        world.find(OLD)
        world.notifier.errors = [REVOKED] * 2
        monkeypatch.setattr(world.store, "pause", lambda *_: False)

        (outcome,) = world.deliver()

        assert outcome.result is Results.DEAD
        assert world.notices == []

    def test_a_fallback_that_is_broken_itself_notifies_nobody(self) -> None:
        """A notice makes no notice."""
        world, _ = attempt(REVOKED)
        world.notifier.errors = [REVOKED]
        world.later(seconds=1)

        assert world.states == [RowState.DEAD, RowState.DEAD]

    def test_a_permanent_refusal_is_dead_at_once(self) -> None:
        """What was reported stands still, and the row says why."""
        world, outcome = attempt(PermanentDeliveryError("403 invalid_token"))

        assert outcome.result is Results.DEAD
        assert (world.row.state, world.row.due_at) == (RowState.DEAD, None)
        assert world.row.reason == "permanent: 403 invalid_token"
        assert world.view.reported == {}
        assert world.notifier.calls == 1

    def test_a_payload_that_is_refused_is_tried_plain_once(self) -> None:
        """Too large or malformed: one smaller attempt, in the same turn."""
        world, outcome = attempt(PermanentDeliveryError("invalid_blocks", degradable=True))

        assert outcome.result is Results.SENT
        assert "plain" in world.notifier.accepted[0]

    def test_a_plain_payload_that_is_refused_is_dead(self) -> None:
        """The degraded attempt is the last one."""
        refusals = [PermanentDeliveryError("invalid_blocks", degradable=True)] * 2
        world, outcome = attempt(*refusals)

        assert outcome.result is Results.DEAD
        assert world.notifier.calls == 2

    def test_a_rotated_secret_is_in_use_at_once(self) -> None:
        """Who is refused altogether may hold an old credential: read again, and tried once more."""
        world = Sending()
        world.notifier.errors = [REVOKED]
        world.secrets.rotated = True
        world.find(OLD)

        assert [outcome.result for outcome in world.deliver()] == [Results.SENT]
        assert world.notifier.calls == 2


class TestLostAnswers:
    def test_an_unclear_answer_is_asked_about_before_a_repeat(self) -> None:
        """The receiver has it: the receipt is recorded and nothing is sent again."""
        world, outcome = attempt(AmbiguousDeliveryError("no answer in time"))
        world.notifier.verdicts = [Receipt("there")]
        state = world.row.state

        (again,) = world.later(minutes=1)

        assert (outcome.result, state) == (Results.UNKNOWN, RowState.UNKNOWN)
        assert (again.result, again.receipt) == (Results.SENT, Receipt("there"))
        assert (world.notifier.asked, world.notifier.calls) == ([NOW], 1)
        assert set(world.view.reported) == {"CVE-2024-0001"}

    def test_what_did_not_arrive_is_said_as_it_is_now(self) -> None:
        """The receiver does not have it, for certain: another message may be due."""
        world, _ = attempt(AmbiguousDeliveryError("lost"))
        world.notifier.verdicts = [NotReceived()]
        world.find(OLD, NEW)

        (again,) = world.later(minutes=1)

        assert again.result is Results.SENT
        assert world.kinds() == {"BASELINE": ["CVE-2024-0002", "CVE-2024-0001"]}
        assert not world.notifier.accepted[0]["alert"].possible_repeat

    def test_a_receiver_that_cannot_be_asked_gets_the_same_again(self) -> None:
        """Marked as a possible repeat; what changed since is the next message."""
        world = Sending()
        world.notifier = ForgetfulNotifier([AmbiguousDeliveryError("lost")])
        world.find(OLD)
        world.deliver()
        world.find(OLD, NEW)

        first, second = world.later(minutes=1)

        assert (first.result, second.result) == (Results.SENT, Results.SENT)
        repeats = [payload["alert"].possible_repeat for payload in world.notifier.accepted]
        assert repeats == [True, False]
        assert world.kinds(0) == {"BASELINE": ["CVE-2024-0001"]}
        assert world.kinds(1) == {"NEW": ["CVE-2024-0002"]}

    def test_a_receiver_that_cannot_say_yet_is_asked_later(self) -> None:
        """An index that lags: the row stays unknown, and nothing is sent meanwhile."""
        world, _ = attempt(AmbiguousDeliveryError("no answer in time"))
        world.notifier.verdicts = [AskAgain(60)]

        (outcome,) = world.later(minutes=1)

        assert outcome.result is Results.UNKNOWN
        assert outcome.row.due_at == world.clock() + timedelta(seconds=60)
        assert (world.states, world.notifier.calls) == ([RowState.UNKNOWN], 1)

    def test_the_last_send_in_doubt_is_named_in_the_question(self) -> None:
        """A receiver's index lags behind that send, however old the row is."""
        world, _ = attempt(TemporaryDeliveryError("down"), AmbiguousDeliveryError("lost"))
        world.later(hours=3)
        sent_at = world.clock()
        world.notifier.verdicts = [AskAgain(60), AskAgain(60)]
        for _ in range(2):
            world.later(minutes=2)

        assert world.notifier.asked == [NOW, NOW]
        assert world.notifier.tried == [sent_at, sent_at]

    def test_doubt_outlives_a_refusal_where_nobody_can_be_asked(self) -> None:
        """A refused connection does not make it certain that the first attempt failed."""
        world = Sending()
        errors = [AmbiguousDeliveryError("lost"), TemporaryDeliveryError("down")]
        world.notifier = ForgetfulNotifier(errors)
        world.find(OLD)
        world.deliver()
        (refused,) = world.later(minutes=20)
        world.find(OLD, NEW)
        world.later(minutes=20)

        assert refused.row.state is RowState.UNKNOWN
        assert world.notifier.accepted[0]["alert"].possible_repeat
        assert world.kinds(0) == {"BASELINE": ["CVE-2024-0001"]}

    def test_what_a_dead_message_may_have_shown_is_remembered(self) -> None:
        """Its end is notified like that of what was reported."""
        world = Sending()
        world.notifier = ForgetfulNotifier([AmbiguousDeliveryError("lost")])
        world.find(OLD)
        world.deliver()

        (dead, *_) = world.later(hours=25)

        assert dead.result is Results.DEAD
        assert set(world.view.possibly_reported) == {"CVE-2024-0001"}
        assert world.view.reported == {}

    def test_a_worker_that_died_before_it_sent_is_replaced(self) -> None:
        """It is woken when the lease ends; without a pin nothing was sent, and nobody is asked."""
        world = Sending()
        world.find(OLD)
        taken = claimed(world.row, now=NOW, token="the dead one")
        assert isinstance(taken, Notification)
        world.store.update(world.row, taken)
        world.waker.woken.clear()

        outcomes = world.later(seconds=LEASE.total_seconds())

        assert [outcome.result for outcome in outcomes] == [Results.SENT]
        assert (world.notifier.asked, len(world.notifier.accepted)) == ([], 1)

    def test_a_worker_that_died_while_it_sent_is_asked_about(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its receipt was not recorded."""
        world = Sending()
        world.find(OLD)
        close = world.store.close

        def dies(*_: Any, **__: Any) -> None:
            raise StoreError("recording: ServiceUnavailable")

        monkeypatch.setattr(world.store, "close", dies)
        with pytest.raises(StoreError):
            world.deliver()
        monkeypatch.setattr(world.store, "close", close)
        world.notifier.verdicts = [Receipt("there")]

        (outcome,) = world.later(seconds=LEASE.total_seconds())

        assert outcome.receipt == Receipt("there")
        assert len(world.notifier.accepted) == 1


class TestFailures:
    @pytest.mark.parametrize(
        "error",
        [
            TemporaryDeliveryError("down"),
            AmbiguousDeliveryError("no answer"),
            ConfigError("no secret"),
        ],
    )
    def test_a_failure_that_may_pass_is_tried_again(self, error: Exception) -> None:
        """Outages, unclear answers and missing secrets are rescheduled with a backoff."""
        world, outcome = attempt(error)

        assert outcome.row.failures == 1
        assert NOW < outcome.row.due_at <= NOW + timedelta(seconds=15)
        assert world.later(minutes=1)[0].result is Results.SENT

    def test_a_wrong_secret_is_for_a_person(self) -> None:
        """It is tried again for a day, and reported at once."""
        _, outcome = attempt(ConfigError("no secret"))

        assert outcome.misconfigured

    def test_a_destination_that_left_alerts_yml_is_not_waited_for(self) -> None:
        """Its row is obsolete where nothing is desired there; else a person has to look."""
        world = Sending()
        world.find(OLD)
        del world.destinations[TEAM]

        (outcome,) = world.deliver()

        assert outcome.misconfigured
        assert "not in alerts.yml" in outcome.reason
        world.find()
        (gone,) = world.later(minutes=1)
        assert gone.result is Results.OBSOLETE

    def test_a_lost_message_to_a_destination_that_left_is_given_up_in_the_end(self) -> None:
        """Nobody can be asked about it."""
        world, _ = attempt(AmbiguousDeliveryError("lost"))
        del world.destinations[TEAM]

        (again,) = world.later(minutes=1)

        assert (again.result, again.misconfigured) == (Results.UNKNOWN, True)

    def test_after_a_day_a_message_is_dead(self) -> None:
        """What no receiver accepted within 24 h is kept as dead, with the last reason."""
        world, _ = attempt(TemporaryDeliveryError("down"))

        outcome = world.later(hours=25)[0]

        assert outcome.result is Results.DEAD
        assert outcome.reason == "not accepted within 24 h: temporary: down"

    def test_the_fallback_is_notified_once_of_a_day_without_an_answer(self) -> None:
        """An outage of a day costs all messages; one notice a day and destination says so."""
        world, _ = attempt(TemporaryDeliveryError("down"))
        world.clock.forward(hours=25)
        world.notifier.errors = [TemporaryDeliveryError("down")] * 9
        for _ in range(2):
            world.sweep()
            world.deliver()
            world.find(OLD, NEW, redrive=True)
            world.clock.forward(hours=12)

        (notice, *_) = world.notices
        assert notice.destination == FALLBACK
        assert notice.note == "Instead of team, which did not accept it within 24 h"
        assert len(world.notices) == 1

    def test_a_day_without_an_answer_is_no_news_where_nothing_is_left_to_say(self) -> None:
        """The fallback is not notified of what was reverted, or whose stream is gone."""
        world, _ = attempt()
        world.notifier.errors = [TemporaryDeliveryError("down")]
        world.find(OLD, NEW)
        world.deliver()
        world.find(OLD)
        world.later(hours=25)
        assert world.notices == []

        gone, _ = attempt(TemporaryDeliveryError("down"))
        gone.forget()
        gone.later(hours=25)
        assert gone.notices == []

    def test_a_retry_that_would_come_after_a_day_is_dead_now(self) -> None:
        """There is no point in waiting for a time past the horizon."""
        world = Sending()
        world.notifier.errors = [ThrottledError("429", retry_after=3600)]
        world.find(OLD)
        world.clock.moment = NOW + HORIZON - timedelta(minutes=1)

        assert world.deliver()[0].result is Results.DEAD

    def test_an_error_nobody_foresaw_does_not_block_the_others(self) -> None:
        """A bug in one message is a retry with its reason, and dead after five times."""
        world, outcome = attempt(*[KeyError("odd")] * 5)

        assert outcome.result is Results.RETRY
        assert isinstance(outcome.error, KeyError)
        assert "KeyError" in outcome.reason

        for _ in range(4):
            (outcome,) = world.later(minutes=20)
        assert outcome.result is Results.DEAD
        assert "KeyError" in outcome.reason

    def test_a_stream_that_cannot_be_read_is_tried_again(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """S3 failing is no reason to block the destination's queue."""
        world = Sending()
        world.find(OLD)

        def unreachable(_: Any) -> Any:
            raise StoreError("storing pinned: SlowDown")

        monkeypatch.setattr(world.store, "put_pinned", unreachable)

        assert world.deliver()[0].result is Results.RETRY
