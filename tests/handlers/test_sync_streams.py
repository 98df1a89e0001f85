"""Streams from the sync queue: each sync has its line, and a failed one brings its message back."""

from types import SimpleNamespace
from typing import Any

import pytest

from handlers.sync_streams import process_batch
from lib.core.notification_rows import Step, ViewStep, new_row
from lib.core.sync import SyncedView
from lib.errors import StoreError
from lib.flows.rounds import SyncFailure
from lib.flows.syncs import SyncOutcome
from lib.models import StreamId
from lib.models.streams import Arrival, Watch
from lib.models.views import Basis, View
from tests.handlers.conftest import Returns
from tests.support.builders import NOW, an_image
from tests.support.streams import STREAM, TEAM, TODAY, a_state, a_watched

OTHER = StreamId(f"{STREAM}|v*")
MESSAGE = {"cause": "rules", "streams": [STREAM, OTHER]}


class Rounds:
    """Yields these outcomes, and remembers what it was asked."""

    def __init__(self, *outcomes: Any) -> None:
        self.outcomes = outcomes
        self.seen: list[Any] = []

    def run(self, streams: Any, cause: str, *, has_time: Any) -> Any:
        self.seen.append((list(streams), cause, has_time()))
        yield from self.outcomes


def an_app(*outcomes: Any) -> Any:
    returns = Returns()
    return SimpleNamespace(
        streams=SimpleNamespace(rounds=Rounds(*outcomes)),
        stores=SimpleNamespace(returns=lambda _: returns),
        returned=returns,
    )


def an_outcome(*steps: ViewStep, **fields: Any) -> SyncOutcome:
    image = an_image()
    watch = Watch(image, (), False, Arrival.PUSH, "its tag was pushed last")  # a tuple's
    views = tuple([SyncedView(None, None, step) for step in steps])
    return SyncOutcome(STREAM, a_state(a_watched(), version=3), (), watch, views, (), **fields)


def an_opened_step() -> ViewStep:
    view = View(TEAM, STREAM)
    row = new_row(view, basis=Basis(1, "rules", TODAY), cause="rules", now=NOW, quiet=False)
    return ViewStep(Step.OPENED, "there is news", view, row, wakes=True)


def test_a_sync_that_opens_a_notification_says_so(
    batch: Any, context: Any, counted: Any, logged: Any
) -> None:
    """The state, the current image and the reason, and what became of each view."""
    step = an_opened_step()
    application = an_app(an_outcome(step, advanced=True))

    answer = process_batch(application, batch(MESSAGE), context)

    assert answer == {"batchItemFailures": []}
    assert application.streams.rounds.seen == [([STREAM, OTHER], "rules", True)]
    assert step.row is not None
    line = logged()[0]
    assert (line["message"], line["stream"], line["cause"]) == ("stream synced", STREAM, "rules")
    assert (line["state"], line["current"]) == (3, an_image().key)
    assert line["views"] == {TEAM: "opened: there is news"}
    assert line["deliveries"] == {TEAM: step.row.id}
    assert "stale" not in line
    assert counted() == {"StreamsSynced": 1, "DeliveriesCreated": 1, "StreamsFailed": 0}


def test_a_sync_without_a_difference_has_no_line(
    batch: Any, context: Any, counted: Any, logged: Any
) -> None:
    """A daily pass makes thousands of them."""
    process_batch(an_app(an_outcome()), batch(MESSAGE), context)

    assert logged() == []
    assert counted()["StreamsSynced"] == 1


def test_a_stream_that_failed_brings_its_message_back(
    batch: Any, context: Any, counted: Any, logged: Any
) -> None:
    """After all others were synced."""
    failure = SyncFailure(OTHER, StoreError("reading it: InternalServerError"))
    application = an_app(failure, an_outcome(advanced=True))

    answer = process_batch(application, batch(MESSAGE), context)

    assert answer == {"batchItemFailures": [{"itemIdentifier": "message-0"}]}
    assert application.returned.returned == [("receipt-0", 1)]
    failed, synced, record = logged()
    assert (failed["message"], failed["stream"]) == ("stream not synced", OTHER)
    assert synced["message"] == "stream synced"
    assert record["message"] == "record failed"
    counts = counted()
    assert (counts["StreamsSynced"], counts["StreamsFailed"]) == (1, 1)


@pytest.mark.parametrize("body", ["not json", {}, {"cause": "rules", "streams": [1]}])
def test_a_message_that_names_no_streams_ends_in_the_dead_letters(
    batch: Any, context: Any, body: Any
) -> None:
    """After its receives; nothing is synced."""
    application = an_app()

    answer = process_batch(application, batch(body), context)

    assert answer == {"batchItemFailures": [{"itemIdentifier": "message-0"}]}
    assert application.streams.rounds.seen == []
