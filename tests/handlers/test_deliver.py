"""Wake-ups from the queue: a refused delivery is an outcome, an unreachable ledger a failure."""

from types import SimpleNamespace
from typing import Any

import pytest

from handlers.deliver import process_batch
from lib.errors import StoreError
from lib.flows.deliveries import DeliveryOutcome, DeliveryResult
from lib.models import Receipt, WakeUp
from tests.handlers.conftest import Returns
from tests.support.builders import NOW, a_delivery

METRICS = {
    DeliveryResult.SENT: "DeliveriesSent",
    DeliveryResult.RETRY: "DeliveriesRetried",
    DeliveryResult.DEAD: "DeliveriesDead",
    DeliveryResult.SKIPPED: "DeliveriesSkipped",
    DeliveryResult.PAUSED: "DeliveriesPaused",
}


class Deliveries:
    """Answers wake-ups with the given outcomes in order, or raises."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.seen: list[str] = []

    def deliver(self, wake_up: WakeUp) -> DeliveryOutcome:
        self.seen.append(wake_up.id)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def an_app(*answers: Any) -> Any:
    return SimpleNamespace(
        deliveries=Deliveries(*answers), now=lambda: NOW, delivery_returns=Returns()
    )


@pytest.mark.parametrize("result", DeliveryResult)
def test_every_outcome_is_acknowledged_logged_and_counted(
    batch: Any, context: Any, counted: Any, logged: Any, result: DeliveryResult
) -> None:
    """One line with the delivery and its reason, one count, and no item failure."""
    outcome = DeliveryOutcome(result, "why", a_delivery(), Receipt("ok"), NOW)

    answer = process_batch(
        an_app(outcome), batch({"delivery": "abc", "destination": "team-slack"}), context
    )

    assert answer == {"batchItemFailures": []}
    assert counted()[METRICS[result]] == 1
    line = logged()[0]
    assert (line["delivery"], line["result"], line["reason"]) == ("abc", result, "why")


def test_a_missing_page_is_told_beside_the_outcome(
    batch: Any, context: Any, counted: Any, logged: Any
) -> None:
    """The alert was sent; somebody has to look at why its page was not made."""
    outcome = DeliveryOutcome(
        DeliveryResult.SENT,
        "accepted",
        a_delivery(),
        Receipt("ok"),
        without_page=StoreError("storing pages/one: AccessDenied"),
    )

    process_batch(an_app(outcome), batch({"delivery": "abc", "destination": "team"}), context)

    assert (counted()["PagesFailed"], counted()["DeliveriesSent"]) == (1, 1)
    missing, sent = logged()
    assert (missing["message"], missing["level"]) == ("report page failed", "ERROR")
    assert "AccessDenied" in missing["exception"]
    assert sent["result"] == "sent"


def test_an_unreachable_ledger_returns_the_rest_of_the_destination(
    batch: Any, context: Any
) -> None:
    """Order within a destination is kept: what follows a failure comes back with it."""
    sent = DeliveryOutcome(DeliveryResult.SENT, "accepted", a_delivery())
    application = an_app(sent, StoreError("claiming"), sent)
    wake_ups = [{"delivery": each, "destination": "team-slack"} for each in "abc"]

    answer = process_batch(application, batch(*wake_ups), context)

    assert [each["itemIdentifier"] for each in answer["batchItemFailures"]] == [
        "message-1",
        "message-2",
    ]
    assert application.delivery_returns.returned == [("receipt-1", 1)]


@pytest.mark.parametrize("body", ["not json", "[" * 100_000, {}, {"delivery": "abc"}])
def test_a_wake_up_that_names_no_delivery_comes_back(batch: Any, context: Any, body: Any) -> None:
    """It ends in the queue's dead letters after its receives; nothing is sent."""
    application = an_app()

    answer = process_batch(application, batch(body), context)

    assert answer["batchItemFailures"] == [{"itemIdentifier": "message-0"}]
    assert application.deliveries.seen == []
