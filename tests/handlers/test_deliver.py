"""Wake-ups from the queue: a refused notification is an outcome, unreachable rows a failure."""

import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from handlers.deliver import process_batch
from lib.core.notification_rows import new_row
from lib.errors import StoreError
from lib.flows.attempt import NotificationOutcome, NotificationResult
from lib.models import Receipt, WakeUp
from lib.models.views import Basis, RowState, View
from tests.handlers.conftest import Returns
from tests.support.builders import NOW, a_finding, an_image
from tests.support.notices import a_notice
from tests.support.streams import STREAM, TEAM, TODAY, a_state, a_watched

METRICS = {
    NotificationResult.SENT: "DeliveriesSent",
    NotificationResult.OBSOLETE: "DeliveriesObsolete",
    NotificationResult.RETRY: "DeliveriesRetried",
    NotificationResult.UNKNOWN: "DeliveriesRetried",
    NotificationResult.DEAD: "DeliveriesDead",
    NotificationResult.NOT_CLAIMED: "DeliveriesSkipped",
    NotificationResult.PAUSED: "DeliveriesPaused",
}
ROW = replace(
    new_row(View(TEAM, STREAM), basis=Basis(1, "rules", TODAY), cause="scan", now=NOW, quiet=False),
    attempts=2,
)


class Notifications:
    """Answers wake-ups with the given outcomes in order, or raises."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.seen: list[str] = []

    def deliver(self, wake_up: WakeUp) -> NotificationOutcome:
        self.seen.append(wake_up.id)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Waker:
    """Remembers what is woken."""

    def __init__(self) -> None:
        self.woken: list[WakeUp] = []

    def wake(self, wake_ups: Any) -> int:
        self.woken += wake_ups
        return len(self.woken)


def an_app(*answers: Any) -> Any:
    returns = Returns()
    held: list[float] = []
    return SimpleNamespace(
        streams=SimpleNamespace(notifications=Notifications(*answers)),
        now=lambda: NOW + timedelta(seconds=2),
        stores=SimpleNamespace(waker=Waker(), returns=lambda _: returns),
        returned=returns,
        hold=held.append,
        held=held,
    )


@pytest.mark.parametrize("result", NotificationResult)
def test_every_outcome_is_acknowledged_logged_and_counted(
    batch: Any, context: Any, counted: Any, logged: Any, result: NotificationResult
) -> None:
    """One line with the row and its reason, one count, and no item failure."""
    row = replace(ROW, due_at=NOW)
    outcome = NotificationOutcome(result, "why", row, receipt=Receipt("ok", remark="no file"))

    answer = process_batch(
        an_app(outcome), batch({"delivery": "abc", "destination": "team"}), context
    )

    assert answer == {"batchItemFailures": []}
    assert counted()[METRICS[result]] == 1
    line = logged()[0]
    assert (line["delivery"], line["result"], line["reason"]) == ("abc", result, "why")
    assert (line["destination"], line["stream"], line["cause"]) == (TEAM, STREAM, "scan")
    assert (line["attempt"], line["receipt"], line["remark"]) == (2, "ok", "no file")
    assert line["level"] == ("ERROR" if result is NotificationResult.DEAD else "INFO")


def test_a_message_is_logged_with_its_kinds_and_reasons(
    batch: Any, context: Any, counted: Any, logged: Any
) -> None:
    """Numbers by kind, and the reasons that most items have; milliseconds since the row."""
    message = a_notice(a_state(a_watched(a_finding()))).message
    outcome = NotificationOutcome(NotificationResult.SENT, "accepted", ROW, message)

    process_batch(an_app(outcome), batch({"delivery": "abc", "destination": "team"}), context)

    line, kinds = logged()[0], {item.kind.value for item in message.delta.items}
    assert line["kinds"].keys() == line["reasons"].keys() == kinds
    assert sum(line["kinds"].values()) == len(message.delta.items)
    assert line["image"].startswith(an_image().key.partition("@")[0])
    assert counted()["DeliveryLatency"] == 2_000


def test_items_of_a_message_are_counted_by_kind(
    batch: Any, context: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """The kind is a dimension; what was not sent is not counted."""
    message = a_notice(a_state(a_watched(a_finding()))).message
    answers = [
        NotificationOutcome(result, "why", ROW, message)
        for result in (NotificationResult.SENT, NotificationResult.RETRY)
    ]

    for _ in range(2):
        wake_up = batch({"delivery": "abc", "destination": "team"})
        process_batch(an_app(*answers), wake_up, context)

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    counted = [line for line in lines if "ItemsNotified" in line]
    numbers = Counter(item.kind.value for item in message.delta.items)
    assert [(line["kind"], line["ItemsNotified"]) for line in counted] == [
        (kind, [number]) for kind, number in numbers.items() for _ in range(2)
    ]


def test_the_time_to_an_alert_is_measured_by_destination(
    batch: Any, context: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the end of the scan, which is before the notification was opened."""
    message = a_notice(a_state(a_watched(a_finding()))).message
    row = replace(ROW, state=RowState.SENT, tried_at=NOW + timedelta(seconds=3))
    outcome = NotificationOutcome(NotificationResult.SENT, "accepted", row, message)

    process_batch(an_app(outcome), batch({"delivery": "abc", "destination": "team"}), context)

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    measured = [line for line in lines if "TimeToAlert" in line]
    assert [(line["destination"], line["TimeToAlert"]) for line in measured] == [(TEAM, [3000.0])]


def test_what_follows_a_receipt_is_woken(batch: Any, context: Any) -> None:
    """A sync has seen something newer while the message was sent."""
    outcome = NotificationOutcome(NotificationResult.SENT, "accepted", ROW, following=ROW)
    application = an_app(outcome)

    process_batch(application, batch({"delivery": "abc", "destination": "team"}), context)

    assert [wake_up.id for wake_up in application.stores.waker.woken] == [ROW.id]


def test_what_needs_a_person_is_an_error(
    batch: Any, context: Any, counted: Any, logged: Any
) -> None:
    """A wrong secret is tried again for a day, and alarms."""
    outcome = NotificationOutcome(NotificationResult.RETRY, "no secret", ROW, misconfigured=True)

    process_batch(an_app(outcome), batch({"delivery": "abc", "destination": "team"}), context)

    assert counted()["DeliveriesMisconfigured"] == 1
    assert logged()[0]["level"] == "ERROR"


def test_a_missing_page_is_logged_beside_the_outcome(
    batch: Any, context: Any, counted: Any, logged: Any
) -> None:
    """The message was sent; somebody has to look at why its page was not made."""
    outcome = NotificationOutcome(
        NotificationResult.SENT,
        "accepted",
        ROW,
        without_page=StoreError("storing pages/one: AccessDenied"),
    )

    process_batch(an_app(outcome), batch({"delivery": "abc", "destination": "team"}), context)

    assert (counted()["PagesFailed"], counted()["DeliveriesSent"]) == (1, 1)
    missing, sent = logged()
    assert (missing["message"], missing["level"]) == ("report page failed", "ERROR")
    assert "AccessDenied" in missing["exception"]
    assert sent["result"] == "sent"


def a_paced_outcome() -> NotificationOutcome:
    return NotificationOutcome(NotificationResult.SENT, "accepted", ROW, pace=1.0)


def test_the_queue_keeps_the_pace_of_a_destination(
    batch: Any, context: Any, counted: Any, logged: Any
) -> None:
    """The record comes back after a second: no function waits, and nothing is counted as failed."""
    application = an_app(a_paced_outcome())

    answer = process_batch(application, batch({"delivery": "abc", "destination": "team"}), context)

    assert answer == {"batchItemFailures": [{"itemIdentifier": "message-0"}]}
    assert application.returned.paced == [("receipt-0", 1.0)]
    assert application.held == []
    assert "RecordsFailed" not in counted()
    assert [line["result"] for line in logged()] == ["sent"]


@pytest.mark.parametrize(
    ("receives", "error"), [(2, None), (1, StoreError("bringing a message back"))]
)
def test_the_function_keeps_the_pace_where_the_queue_does_not(
    batch: Any, context: Any, receives: int, error: StoreError | None
) -> None:
    """A record that came back often must not become a dead letter of a message that was sent."""
    application = an_app(a_paced_outcome())
    application.returned.error = error
    wake_up = {"delivery": "abc", "destination": "team"}

    answer = process_batch(application, batch(wake_up, receives=receives), context)

    assert answer == {"batchItemFailures": []}
    assert application.held == [1.0]


def test_unreachable_rows_return_the_rest_of_the_destination(batch: Any, context: Any) -> None:
    """Order within a destination is kept: what follows a failure comes back with it."""
    sent = NotificationOutcome(NotificationResult.SENT, "accepted", ROW)
    application = an_app(sent, StoreError("claiming"), sent)
    wake_ups = [{"delivery": each, "destination": "team-slack"} for each in "abc"]

    answer = process_batch(application, batch(*wake_ups), context)

    assert [each["itemIdentifier"] for each in answer["batchItemFailures"]] == [
        "message-1",
        "message-2",
    ]
    assert application.returned.returned == [("receipt-1", 1)]


@pytest.mark.parametrize("body", ["not json", "[" * 100_000, {}, {"delivery": "abc"}])
def test_a_wake_up_that_names_no_delivery_comes_back(batch: Any, context: Any, body: Any) -> None:
    """It ends in the queue's dead letters after its receives; nothing is sent."""
    application = an_app()

    answer = process_batch(application, batch(body), context)

    assert answer["batchItemFailures"] == [{"itemIdentifier": "message-0"}]
    assert application.streams.notifications.seen == []
