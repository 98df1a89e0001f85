"""Deliveries at use-case level, with the ports in memory."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from lib.core.retries import DEFAULT_PAUSE, HORIZON
from lib.errors import (
    AmbiguousDeliveryError,
    ConfigError,
    PermanentDeliveryError,
    StoreError,
    TemporaryDeliveryError,
    ThrottledError,
)
from lib.flows.deliveries import DeliveryResult, wake_due
from lib.flows.deliveries import notice_id as notice_id_of
from lib.models import (
    AskAgain,
    DeliveryState,
    Destination,
    Receipt,
    WakeUp,
)
from tests.support.builders import NOW, a_delivery, a_report
from tests.support.fakes import ForgetfulNotifier, MemoryStore, RecordingWaker
from tests.support.world import (
    FALLBACK,
    JIRA,
    NEW,
    OLD,
    REVOKED,
    SLACK,
    World,
    a_route,
    another,
    later,
    notice_id,
)


class TestDelivery:
    def deliver(self, *errors: Exception) -> tuple[World, Any]:
        world = World(a_report(OLD))
        world.notifier.errors = list(errors)
        world.process()
        return world, world.deliver()[0]

    def test_an_accepted_alert_is_sent_once(self) -> None:
        """The receipt is recorded, and another wake-up sends nothing."""
        world, outcome = self.deliver()
        again = world.deliveries.deliver(WakeUp(outcome.delivery.id, SLACK, 1))

        assert outcome.result is DeliveryResult.SENT
        assert (again.result, again.reason) == (DeliveryResult.SKIPPED, "SENT")
        assert len(world.notifier.accepted) == 1

    def test_an_alert_links_to_its_report_page(self) -> None:
        """The page of the evaluation is there before anybody can click."""
        world = World(a_report(NEW))
        world.process()

        world.deliver()

        (row,) = world.store.rows.values()
        (key,) = world.pages.kept
        alert = world.notifier.accepted[0]["alert"]
        assert key == f"pages/{row.evaluation_key}"
        assert (alert.page_key, alert.report_url) == (key, f"https://links.example/{key}")

    @pytest.mark.parametrize(
        "error", [StoreError("no bucket"), ConfigError("no secret"), KeyError()]
    )
    def test_an_alert_goes_out_without_its_page(self, error: Exception) -> None:
        """Whatever is wrong with the page, it does not hold up the alert, and is told."""
        world = World(a_report(NEW))
        world.process()
        world.pages.error = error

        (outcome,) = world.deliver()

        assert (outcome.result, outcome.without_page) == (DeliveryResult.SENT, error)
        assert world.notifier.accepted[0]["alert"].report_url is None

    def test_a_throttled_alert_waits_as_long_as_it_is_told(self) -> None:
        """Retry-After moves the due time, and is not a failure."""
        world, outcome = self.deliver(ThrottledError("429", retry_after=120))

        row = next(iter(world.store.rows.values()))
        assert outcome.result is DeliveryResult.RETRY
        assert row.due_at == NOW + timedelta(seconds=120)
        assert row.failures == 0

    def test_a_throttled_alert_without_a_time_waits_for_the_default(self) -> None:
        """A 429 without Retry-After waits 30 seconds."""
        _, outcome = self.deliver(ThrottledError("429"))

        assert outcome.due_at == NOW + timedelta(seconds=DEFAULT_PAUSE)

    def test_a_throttled_destination_is_left_alone(self) -> None:
        """While a receiver asks to wait, its other alerts wait, too, without a call."""
        world, _ = self.deliver(ThrottledError("429", retry_after=120))
        another(world)

        outcome = world.deliver()[0]

        assert outcome.result is DeliveryResult.PAUSED
        assert outcome.due_at == NOW + timedelta(seconds=120)
        assert world.notifier.calls == 1

        world.clock.forward(seconds=121)
        wake_due(world.store, world.waker, now=world.clock())
        assert {each.result for each in world.deliver()} == {DeliveryResult.SENT}

    def test_a_limit_of_one_message_holds_up_no_other(self) -> None:
        """Jira limits the writes to one issue; its project takes the others."""
        world, outcome = self.deliver(ThrottledError("429", retry_after=60, alone=True))
        another(world)

        other = world.deliver()[0]

        assert (outcome.result, outcome.due_at) == (
            DeliveryResult.RETRY,
            NOW + timedelta(seconds=60),
        )
        assert other.result is DeliveryResult.SENT

    def test_a_broken_destination_is_left_alone_and_the_fallback_is_told(self) -> None:
        """A revoked webhook costs one alert; the next ones wait; one notice goes out."""
        world, outcome = self.deliver(PermanentDeliveryError("403 invalid_token", broken=True))
        another(world)

        waiting = world.deliver()[0]
        notice = world.store.rows[notice_id(world)]

        assert (outcome.result, waiting.result) == (DeliveryResult.DEAD, DeliveryResult.PAUSED)
        assert waiting.due_at == NOW + timedelta(minutes=10)
        assert notice.destination == FALLBACK
        assert "Instead of team-slack" in str(notice.note)

    def test_the_notice_of_another_stage_has_another_id(self) -> None:
        """Both may notify one topic, which drops what has the same id."""
        ids = {notice_id_of(stage, "2026-11-23") for stage in ("", "dev", "prod")}

        assert len(ids) == 3
        assert notice_id_of("dev", "2026-11-23") in ids

    def refuse(self, world: World, minutes: int, **options: Any) -> list[Any]:
        """Refuse everything for so long, with a sweep each minute; return the outcomes."""
        outcomes = []
        for _ in range(minutes):
            world.notifier.errors = [PermanentDeliveryError("404", may_pass=True, **options)] * 9
            outcomes += world.deliver()
            world.clock.forward(minutes=1)
            wake_due(world.store, world.waker, now=world.clock())
        world.notifier.errors = []
        return outcomes

    def test_an_endpoint_that_is_rolled_out_costs_nothing(self) -> None:
        """It answers 404 for two minutes: nobody is notified, and the alert arrives."""
        world = World(a_report(OLD))
        world.process()

        self.refuse(world, minutes=2, broken=True)
        world.clock.forward(minutes=1)
        wake_due(world.store, world.waker, now=world.clock())
        world.deliver()

        assert world.states == [DeliveryState.SENT]
        assert world.store.paused(SLACK, now=world.clock()) is None

    @pytest.mark.parametrize("broken", [True, False])
    def test_a_destination_that_keeps_refusing_is_broken_and_its_alerts_live(
        self,
        *,
        broken: bool,
    ) -> None:
        """The others wait, the fallback is notified once, and all arrive when it is back."""
        world = World(a_report(OLD))
        world.process()

        outcomes = self.refuse(world, minutes=10, broken=broken)
        pause = world.store.paused(SLACK, now=world.clock())
        notes = [row.note for row in world.store.rows.values() if row.note is not None]
        for _ in range(3):
            world.clock.forward(minutes=10)
            wake_due(world.store, world.waker, now=world.clock())
            world.deliver()

        results = {outcome.result for outcome in outcomes if outcome.delivery is not None}
        assert DeliveryResult.DEAD not in results
        # The alarm rings once the refusal lasts, not while an endpoint is rolled out.
        tried = [outcome for outcome in outcomes if outcome.result is DeliveryResult.RETRY]
        assert [outcome.misconfigured for outcome in tried] == [False] * 5 + [True]
        assert [outcome.reason for outcome in tried[-2:]] == [
            "permanent: 404; the refusal may pass by itself",
            "permanent: 404; the refusal has lasted for minutes",
        ]
        assert pause is not None
        assert pause.reason == "permanent: 404"
        (note,) = notes
        assert note == (
            f"Instead of team-slack, which refuses {'everything' if broken else 'it'} (permanent)"
        )
        assert set(world.states) == {DeliveryState.SENT}

    def test_an_alert_that_is_refused_for_a_day_is_dead(self) -> None:
        """The horizon is the end for it, too."""
        world = World(a_report(OLD))
        world.process()
        self.refuse(world, minutes=10, broken=True)
        world.clock.forward(hours=24)
        wake_due(world.store, world.waker, now=world.clock())

        outcomes = world.deliver()

        tried = [outcome for outcome in outcomes if outcome.delivery is not None]
        (dead,) = [outcome for outcome in tried if outcome.delivery.note is None]
        assert dead.result is DeliveryResult.DEAD
        assert dead.reason.startswith("not accepted within 24 h: permanent: 404")

    def test_a_destination_that_somebody_else_found_broken_makes_no_second_notice(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A worker that found it at the same time has paused it, and notified the fallback."""
        world = World(a_report(OLD))
        world.process()
        world.notifier.errors = [REVOKED] * 2
        monkeypatch.setattr(world.store, "pause", lambda *_: False)

        (outcome,) = world.deliver()

        assert outcome.result is DeliveryResult.DEAD
        assert [row.note for row in world.store.rows.values()] == [None]

    def test_a_fallback_that_is_broken_itself_tells_nobody(self) -> None:
        """A notice makes no notice."""
        world, _ = self.deliver(PermanentDeliveryError("403", broken=True))
        wake_due(world.store, world.waker, now=world.clock())
        world.notifier.errors = [PermanentDeliveryError("403", broken=True)]

        world.deliver()

        assert len(world.store.rows) == 2

    def test_an_unclear_answer_is_asked_about_before_a_repeat(self) -> None:
        """The receiver has it: the receipt is recorded and nothing is sent again."""
        world, outcome = self.deliver(AmbiguousDeliveryError("no answer in time"))
        world.notifier.verdicts = [Receipt("found")]
        assert world.states == [DeliveryState.UNKNOWN]

        world.clock.forward(minutes=1)
        wake_due(world.store, world.waker, now=world.clock())
        again = world.deliver()[0]

        assert outcome.result is DeliveryResult.RETRY
        assert (again.result, again.receipt) == (DeliveryResult.SENT, Receipt("found"))
        assert world.notifier.asked == [NOW]
        assert world.notifier.calls == 1

    def test_a_receiver_that_cannot_be_asked_gets_it_again(self) -> None:
        """Without `verify` a lost answer is a repeat, and the message says that it may be one."""
        world = World(a_report(OLD))
        notifier = world.notifier = ForgetfulNotifier([AmbiguousDeliveryError("lost")])  # type: ignore[assignment]
        world.process()
        world.deliver()
        world.clock.forward(minutes=1)
        wake_due(world.store, world.waker, now=world.clock())

        outcome = world.deliver()[0]

        assert outcome.result is DeliveryResult.SENT
        assert [payload["alert"].possible_repeat for payload in notifier.accepted] == [True]

    def test_a_receiver_that_cannot_say_yet_is_asked_later(self) -> None:
        """An index that lags: the row stays unknown, and nothing is sent meanwhile."""
        world, _ = self.deliver(AmbiguousDeliveryError("no answer in time"))
        world.notifier.verdicts = [AskAgain(60)]
        world.clock.forward(minutes=1)
        wake_due(world.store, world.waker, now=world.clock())

        outcome = world.deliver()[0]

        assert outcome.due_at == world.clock() + timedelta(seconds=60)
        assert world.states == [DeliveryState.UNKNOWN]
        assert world.notifier.calls == 1

    def test_the_last_send_in_doubt_is_named_in_the_question(self) -> None:
        """A receiver's index lags behind that send, however old the alert is."""
        world, _ = self.deliver(TemporaryDeliveryError("down"), AmbiguousDeliveryError("lost"))
        sent_at = world.clock.forward(hours=3)
        wake_due(world.store, world.waker, now=world.clock())
        world.deliver()
        world.notifier.verdicts = [AskAgain(60), AskAgain(60)]
        for _ in range(2):
            world.clock.forward(minutes=2)
            wake_due(world.store, world.waker, now=world.clock())
            world.deliver()

        assert world.notifier.asked == [NOW, NOW]
        assert world.notifier.tried == [sent_at, sent_at]

    def test_doubt_outlives_a_failure(self) -> None:
        """After an unclear answer, a refused connection does not make it certain."""
        world, _ = self.deliver(AmbiguousDeliveryError("lost"), TemporaryDeliveryError("down"))
        for _ in range(2):
            world.clock.forward(minutes=20)
            wake_due(world.store, world.waker, now=world.clock())
            world.deliver()

        assert len(world.notifier.asked) == 2
        assert world.states == [DeliveryState.SENT]

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
        world, outcome = self.deliver(error)

        row = next(iter(world.store.rows.values()))
        assert outcome.result is DeliveryResult.RETRY
        assert row.failures == 1
        assert NOW < row.due_at <= NOW + timedelta(seconds=15)

        world.clock.forward(minutes=1)
        wake_due(world.store, world.waker, now=world.clock())
        assert world.deliver()[0].result is DeliveryResult.SENT

    def test_a_redriven_alert_is_asked_about_since_its_first_day(self) -> None:
        """Its last answer was lost when it was given up; the receiver says that it has it."""
        world, outcome = self.deliver(AmbiguousDeliveryError("timeout"))
        world.clock.forward(hours=25)
        wake_due(world.store, world.waker, now=world.clock())
        world.deliver()
        world.store.redrive(outcome.delivery.id, now=world.clock())
        world.notifier.verdicts = [Receipt("there")]

        told = world.deliveries.deliver(WakeUp(outcome.delivery.id, SLACK, 2))

        assert (told.result, world.notifier.asked) == (DeliveryResult.SENT, [NOW])
        assert world.notifier.calls == 1

    def test_a_permanent_refusal_is_dead_at_once(self) -> None:
        """A revoked webhook is not called again."""
        world, outcome = self.deliver(PermanentDeliveryError("403 invalid_token"))

        assert outcome.result is DeliveryResult.DEAD
        assert world.states == [DeliveryState.DEAD]
        assert world.notifier.calls == 1

    def test_a_payload_that_is_refused_is_tried_plain_once(self) -> None:
        """Too large or malformed: one smaller attempt, in the same turn."""
        world, outcome = self.deliver(PermanentDeliveryError("invalid_blocks", degradable=True))

        assert outcome.result is DeliveryResult.SENT
        assert "plain" in world.notifier.accepted[0]

    def test_a_plain_payload_that_is_refused_is_dead(self) -> None:
        """The degraded attempt is the last one."""
        refusals = [PermanentDeliveryError("invalid_blocks", degradable=True)] * 2
        world, outcome = self.deliver(*refusals)

        assert outcome.result is DeliveryResult.DEAD
        assert world.notifier.calls == 2

    def test_after_a_day_a_delivery_is_dead(self) -> None:
        """What no receiver accepted within 24 h is kept as dead, with the last reason."""
        world, _ = self.deliver(TemporaryDeliveryError("down"))
        world.clock.forward(hours=25)
        wake_due(world.store, world.waker, now=world.clock())

        outcome = world.deliver()[0]

        assert outcome.result is DeliveryResult.DEAD
        assert "24 h" in outcome.reason
        assert "down" in outcome.reason

    def test_the_fallback_is_told_once_of_a_day_without_an_answer(self) -> None:
        """An outage of a day costs all of its alerts; one notice a day and destination says so."""
        world, _ = self.deliver(TemporaryDeliveryError("down"))
        another(world)
        world.clock.forward(hours=25)
        wake_due(world.store, world.waker, now=world.clock())

        world.deliver()
        dead = [each for each in world.store.rows.values() if each.state is DeliveryState.DEAD]
        notices = [each for each in world.store.rows.values() if each.note is not None]

        assert len(dead) == 2
        assert [each.destination for each in notices] == [FALLBACK]
        assert "Instead of team-slack, which did not accept it within 24 h" in str(notices[0].note)

    def test_a_retry_that_would_come_after_a_day_is_dead_now(self) -> None:
        """There is no point in waiting for a time past the horizon."""
        world = World(a_report(OLD))
        world.notifier.errors = [ThrottledError("429", retry_after=3600)]
        world.process()
        world.clock.moment = NOW + HORIZON - timedelta(minutes=1)

        assert world.deliver()[0].result is DeliveryResult.DEAD

    def test_a_report_that_expired_makes_the_delivery_dead(self) -> None:
        """Without its report there is nothing to say; the row says so."""
        world = World(a_report(OLD))
        world.process()
        world.store.objects.clear()

        assert world.deliver()[0].result is DeliveryResult.DEAD

    def test_an_error_nobody_foresaw_does_not_block_the_others(self) -> None:
        """A bug in one alert is a retry with its reason, and dead after five times."""
        world, outcome = self.deliver(*[KeyError("odd")] * 5)

        assert outcome.result is DeliveryResult.RETRY
        assert isinstance(outcome.error, KeyError)
        assert "KeyError" in outcome.reason

        for _ in range(4):
            world.clock.forward(minutes=20)
            wake_due(world.store, world.waker, now=world.clock())
            outcome = world.deliver()[0]
        assert outcome.result is DeliveryResult.DEAD
        assert "KeyError" in outcome.reason

    def test_a_report_that_cannot_be_read_is_tried_again(self) -> None:
        """S3 failing is no reason to block the destination's queue."""
        world = World(a_report(OLD))
        world.process()

        def unreachable(_: str) -> Any:
            raise StoreError("reading reports: SlowDown")

        world.store.get = unreachable  # type: ignore[method-assign]

        assert world.deliver()[0].result is DeliveryResult.RETRY

    def test_a_wrong_secret_is_for_a_person(self) -> None:
        """It is tried again for a day, and said at once."""
        _, outcome = self.deliver(ConfigError("no secret"))

        assert outcome.misconfigured

    def test_a_worker_that_died_is_replaced(self) -> None:
        """A claim without a record is woken when its lease ends, and sent by somebody else."""
        world = World(a_report(OLD))
        world.process()
        row = next(iter(world.store.rows))
        world.store.claim(row, now=NOW, token="the dead one")
        world.waker.woken.clear()

        world.clock.forward(minutes=5)
        wake_due(world.store, world.waker, now=world.clock())

        assert [each.result for each in world.deliver()] == [DeliveryResult.SENT]
        assert world.notifier.asked == [NOW]
        assert len(world.notifier.accepted) == 1

    def test_a_destination_is_held_as_long_as_its_receiver_wants(self) -> None:
        """After every attempt, so that the next message of its queue keeps the distance."""
        world = World(a_report(OLD))
        world.notifier.interval = 1.0
        world.notifier.errors = [TemporaryDeliveryError("down")]
        world.process()
        (refused,) = world.deliver()
        world.clock.forward(minutes=5)
        wake_due(world.store, world.waker, now=world.clock())
        (sent,) = world.deliver()

        assert (refused.result, sent.result) == (DeliveryResult.RETRY, DeliveryResult.SENT)
        assert world.pauses == [1.0, 1.0]

    def test_the_time_of_an_attempt_begins_before_its_report_is_read(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A notifier has the time of one attempt; what report and page take is part of it."""
        world = World(a_report(OLD))
        world.process()
        steps: list[str] = []
        read = world.store.get

        def make(_: Destination) -> Any:
            steps.append("notifier")
            return world.notifier

        def get(key: str) -> Any:
            steps.append("report")
            return read(key)

        monkeypatch.setattr(world.store, "get", get)
        monkeypatch.setattr(world.deliveries, "_notifiers", make)
        world.deliver()

        assert steps[:2] == ["notifier", "report"]

    def test_a_rotated_secret_is_in_use_at_once(self) -> None:
        """Who is refused altogether may hold an old credential: read again, and tried once more."""
        world = World(a_report(OLD))
        world.notifier.errors = [REVOKED]
        world.secrets.rotated = True
        world.process()

        assert [each.result for each in world.deliver()] == [DeliveryResult.SENT]
        assert world.notifier.calls == 2

    def test_only_one_alert_begins_the_thread_of_a_stream(self) -> None:
        """While the first may have been accepted, the second waits; then it joins the thread."""
        world = World(a_report(OLD), a_report(NEW))
        world.notifier.errors = [AmbiguousDeliveryError("timeout")]
        world.process()
        world.deliver()
        world.process(later(1))
        (second,) = world.deliver()

        assert (second.result, second.delivery.failures) == (DeliveryResult.RETRY, 0)
        assert "goes ahead" in second.reason
        for _ in range(2):
            world.clock.forward(minutes=5)
            wake_due(world.store, world.waker, now=world.clock())
            world.deliver()
        assert world.states == [DeliveryState.SENT, DeliveryState.SENT]
        assert [each["thread"] for each in world.notifier.accepted] == [None, "THREAD-1"]

    def test_an_alert_that_comes_late_says_so(self) -> None:
        """Behind a newer one of its stream it does not say any more how things stand."""
        world = World(a_report(OLD), a_report(NEW))
        world.notifier.errors = [TemporaryDeliveryError("503")]
        world.process()
        world.deliver()
        world.clock.forward(seconds=1)
        world.process(later(1))
        world.deliver()
        world.clock.forward(minutes=5)
        wake_due(world.store, world.waker, now=world.clock())
        world.deliver()

        assert [each["alert"].outdated for each in world.notifier.accepted] == [False, True]

    def test_the_next_alert_of_a_stream_knows_its_thread(self) -> None:
        """What a receipt calls the thread comes back with the next delivery of the stream."""
        world = World(a_report(OLD), a_report(NEW))
        world.process()
        world.deliver()
        world.process(later(1))
        world.deliver()

        assert [each["thread"] for each in world.notifier.accepted] == [None, "THREAD-1"]


def test_what_was_woken_lets_others_have_their_turn() -> None:
    """A destination with a long queue does not hide the rows of others from the sweep."""
    world = World(a_report(OLD), routes=(a_route("all", SLACK, JIRA),))
    world.process()
    world.waker.woken.clear()
    now = NOW + timedelta(minutes=2)

    for _ in range(2):
        wake_due(world.store, world.waker, now=now, limit=1)

    assert {each.destination for each in world.waker.woken} == {SLACK, JIRA}
    assert wake_due(world.store, world.waker, now=now, limit=1) == 0
    assert wake_due(world.store, world.waker, now=now + timedelta(minutes=6)) == 2


def test_a_long_queue_of_one_destination_keeps_no_other_waiting() -> None:
    """5,000 rows of one that is slow, due before the 10 of another: all 10 are woken first."""
    store, waker = MemoryStore(), RecordingWaker()
    for number in range(5010):
        destination, due_at = (SLACK, NOW) if number < 5000 else (JIRA, NOW + timedelta(seconds=1))
        store.add(a_delivery(number, destination=destination, due_at=due_at))

    woken = wake_due(store, waker, now=NOW + timedelta(minutes=1))

    counts = Counter(each.destination for each in waker.woken)
    assert woken == 1000
    assert counts == {SLACK: 990, JIRA: 10}


def test_a_slow_destination_is_not_woken_faster_than_it_can_send() -> None:
    """Of 5,000 that nobody takes each is woken once an hour: 120,000 would hide the others."""
    store, waker = MemoryStore(), RecordingWaker()
    for number in range(5000):
        store.add(a_delivery(number, destination=SLACK))

    for minute in range(120):
        wake_due(store, waker, now=NOW + timedelta(minutes=minute))

    assert len(waker.woken) == 10_000


def test_a_delivery_survives_its_round_trip_in_memory() -> None:
    """The builder makes what the ledger can hold."""
    assert a_delivery().state is DeliveryState.PENDING
