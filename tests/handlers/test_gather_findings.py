"""Events about findings: one of each image goes on; unreadable ones are kept with their reason."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from handlers.gather_findings import process_batch
from lib.errors import StoreError
from tests.handlers.conftest import DeadLetters, Returns
from tests.support.builders import NOW

EVENTS = Path(__file__).parents[1] / "events"
FINDING = json.loads((EVENTS / "inspector2-finding/ecr-2024-format.json").read_text())
PUSH = json.loads((EVENTS / "ecr-image-action/push.json").read_text())


class Findings:
    """Remembers what was queued, or raises."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.seen: list[Any] = []

    def put(self, events: Any, *, now: Any) -> int:
        assert now == NOW
        if self.error is not None:
            raise self.error
        self.seen += events
        return 1


def an_app(error: Exception | None = None) -> Any:
    returns = Returns()
    return SimpleNamespace(
        stores=SimpleNamespace(
            finding_queue=Findings(error), dead_letters=DeadLetters(), returns=lambda _: returns
        ),
        returned=returns,
        now=lambda: NOW,
    )


def test_events_go_on_as_they_came(batch: Any, counted: Any, logged: Any) -> None:
    """All of a batch at once."""
    application = an_app()

    answer = process_batch(application, batch(FINDING, FINDING))

    events = application.stores.finding_queue.seen
    assert answer == {"batchItemFailures": []}
    assert [raw for _, raw in events] == [FINDING, FINDING]
    assert events[0][0].report.image.repository
    assert counted() == {"EventsReceived": 2, "FindingEventsGathered": 2}
    line = logged()[0]
    assert (line["events"], line["images"]) == (2, 1)


def test_what_is_no_event_about_a_finding_is_left_out(batch: Any, counted: Any) -> None:
    """An unreadable one is kept with its reason, one of another kind is counted."""
    application = an_app()

    answer = process_batch(application, batch("not json", PUSH, FINDING))

    assert answer == {"batchItemFailures": []}
    assert [reason for _, reason in application.stores.dead_letters.kept] == ["not-json"]
    assert len(application.stores.finding_queue.seen) == 1
    counts = counted()
    assert (counts["EventsRejected"], counts["EventsIgnored"]) == (1, 1)


def test_all_come_back_where_the_queue_cannot_be_reached(
    batch: Any, counted: Any, logged: Any
) -> None:
    """Within seconds; the log says why."""
    application = an_app(StoreError("queueing events about findings: ServiceUnavailable"))

    answer = process_batch(application, batch(FINDING, FINDING))

    assert [entry["itemIdentifier"] for entry in answer["batchItemFailures"]] == [
        "message-0",
        "message-1",
    ]
    assert application.returned.returned == [("receipt-0", 1), ("receipt-1", 1)]
    assert counted()["RecordsFailed"] == 2
    assert {line["reason"] for line in logged()} == {"store"}
