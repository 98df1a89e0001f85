"""Scan events from the queue: each record ends in one outcome, one line and one count."""

import json
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from handlers.process_scan import process_batch
from lib.errors import (
    ConfigError,
    NotAllowedError,
    SourceError,
    SourceThrottledError,
    StoreError,
)
from lib.flows.image_outcomes import ImageOutcome, ImageResult
from lib.flows.moved_tags import MoveOutcome
from lib.models import DeliveryId, StreamId
from lib.normalizer.events import parse_event
from lib.wire.own_events import repository_check
from tests.handlers.conftest import DeadLetters, Returns
from tests.support.builders import NOW, a_digest, an_image
from tests.support.documents import document
from tests.support.streams import TEAM

ROOT = Path(__file__).parents[2]
EVENT = {
    "version": "0",
    "id": "85fc3613-e913-7fc4-a80c-a3753e4aa9ae",
    "detail-type": "ECR Image Scan",
    "source": "aws.ecr",
    "account": "000474600478",
    "time": "2026-11-23T09:01:12Z",
    "region": "eu-central-1",
    "resources": ["arn:aws:ecr:eu-central-1:000474600478:repository/payments/api"],
    "detail": {
        "scan-status": "COMPLETE",
        "repository-name": "payments/api",
        "finding-severity-counts": {"CRITICAL": 1},
        "image-digest": a_digest(),
        "image-tags": ["1.4.2"],
    },
}


STREAM = StreamId("000474600478/eu-central-1/payments/api")


class Images:
    """Answers every event, or raises."""

    def __init__(self, error: Exception | None = None, outcome: ImageOutcome | None = None) -> None:
        self.error = error
        self.outcome = outcome or ImageOutcome(ImageResult.STORED, "a usable report", (STREAM,))
        self.seen: list[Any] = []
        self.seconds_left: list[float] = []
        self.progress: list[str | None] = []

    def checked(self, event: Any) -> ImageOutcome:
        self.seen.append(event)
        if self.error is not None:
            raise self.error
        return self.outcome

    def scanned(self, event: Any, allowance: Any) -> ImageOutcome:
        self.seconds_left.append(allowance.seconds_left())
        self.progress.append(allowance.progress)
        return self.checked(event)

    pushed = removed = finding = scanned


class MovedTags:
    """Says that every push moves a tag, or that none does."""

    def __init__(self, outcome: MoveOutcome | None) -> None:
        self.outcome = outcome

    def pushed(self, event: Any) -> MoveOutcome | None:  # noqa: ARG002  # as the flow's
        return self.outcome


class Rounds:
    """Remembers which streams were synced, why, and whether there was time for another one."""

    def __init__(self) -> None:
        self.seen: list[tuple[tuple[StreamId, ...], str, bool]] = []

    def run(self, streams: Any, cause: str, _: Any, *, has_time: Any) -> list[Any]:
        self.seen.append((tuple(streams), cause, has_time()))
        return []


class Waker:
    """Remembers which events come back, and when."""

    def __init__(self) -> None:
        self.events: list[tuple[Any, int]] = []

    def revisit(self, event: Any, *, delay_seconds: int) -> None:
        self.events.append((event, delay_seconds))


def an_app(error: Exception | None = None, outcome: ImageOutcome | None = None) -> Any:
    images, returns = Images(error, outcome), Returns()
    return SimpleNamespace(
        streams=SimpleNamespace(
            images=images, repository_checks=images, rounds=Rounds(), moved_tags=MovedTags(None)
        ),
        stores=SimpleNamespace(
            waker=Waker(), dead_letters=DeadLetters(), returns=lambda _: returns
        ),
        returned=returns,
    )


def test_a_scan_event_reaches_its_image_and_its_streams(
    batch: Any, context: Any, counted: Any, logged: Any
) -> None:
    """The outcome is logged and counted; then the streams are synced in the same invocation."""
    application = an_app()

    answer = process_batch(application, batch(EVENT), context)

    (event,) = application.streams.images.seen
    assert answer == {"batchItemFailures": []}
    assert (event.image.repository, event.image.digest) == ("payments/api", a_digest())
    assert application.streams.rounds.seen == [((STREAM,), "scan", True)]
    assert counted() == {"EventsReceived": 1, "ReportsStored": 1, "StreamsFailed": 0}
    line = logged()[0]
    assert (line["result"], line["image"]) == ("stored", event.image.key)


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("events/ecr-image-action/push.json", "push"),
        ("other/ecr-image-action-delete.json", "deleted"),
        ("events/inspector2-finding/ecr-2024-format.json", "finding"),
    ],
)
def test_an_event_is_the_cause_of_its_syncs(
    batch: Any, context: Any, name: str, cause: str
) -> None:
    """Whatever happened to an image, its streams are compared anew."""
    application = an_app()
    event = json.loads((ROOT / "tests" / name).read_text("utf-8")) if "events" in name else None

    process_batch(application, batch(event or document(name)), context)

    assert application.streams.rounds.seen == [((STREAM,), cause, True)]


def test_a_check_of_a_repository_is_made(batch: Any, context: Any, logged: Any) -> None:
    """Its settings are a stream of their own."""
    application = an_app(outcome=ImageOutcome(ImageResult.IGNORED, "nobody asked"))
    repository = an_image(digest="", tags=())

    process_batch(application, batch(repository_check(repository, NOW)), context)

    assert application.streams.images.seen[0].image == repository
    assert application.streams.rounds.seen == [((), "settings", True)]
    assert logged()[0]["image"] == repository.key


def test_a_tag_that_moved_has_a_line_of_its_own(
    batch: Any, context: Any, counted: Any, logged: Any
) -> None:
    """Its messages are counted with the other ones."""
    application = an_app()
    messages = {TEAM: DeliveryId("one")}
    outcome = MoveOutcome(SimpleNamespace(), messages)  # type: ignore[arg-type]  # not looked at
    application.streams.moved_tags.outcome = outcome
    push = json.loads((ROOT / "tests/events/ecr-image-action/push.json").read_text("utf-8"))

    process_batch(application, batch(push), context)

    moved, processed = logged()
    assert (moved["message"], moved["deliveries"]) == ("tag moved", messages)
    assert processed["message"] == "event processed"
    assert counted()["DeliveriesCreated"] == 1


@pytest.mark.parametrize("progress", [None, "progress/one"])
def test_an_event_without_a_result_comes_back(
    batch: Any, context: Any, counted: Any, progress: str | None
) -> None:
    """As it came, with what was fetched for it so far; the next invocation goes on from there."""
    event = parse_event(EVENT)
    result = ImageResult.CONTINUED if progress else ImageResult.DEFERRED
    outcome = ImageOutcome(
        result,
        "not ready",
        revisit=timedelta(seconds=30),
        event=event,  # type: ignore[arg-type]  # it is one of a scan
        progress=progress,
    )
    application = an_app(outcome=outcome)

    process_batch(application, batch(EVENT), context)
    ((comeback, delay),) = application.stores.waker.events
    process_batch(application, batch(comeback), context)

    assert delay == 30
    assert application.streams.images.progress == [None, progress]
    assert counted()["ScansContinued" if progress else "ScansDeferred"] == 2


def test_without_much_time_streams_are_left_to_the_queue(batch: Any, context: Any) -> None:
    """A sync is not begun that could not end."""
    context.get_remaining_time_in_millis = lambda: 19_000
    application = an_app()

    process_batch(application, batch(EVENT), context)

    assert application.streams.rounds.seen == [((STREAM,), "scan", False)]


@pytest.mark.parametrize(
    "body",
    [
        "not json",
        "[]",
        "[" * 100_000,
        '{"detail": ' * 100_000,
        {**EVENT, "detail": {}},
        {**EVENT, "time": "9999-12-31T23:59:59Z"},
        {**EVENT, "time": "0001-01-01T00:00:00Z"},
    ],
    ids=range(7),
)
def test_a_malformed_event_is_kept_with_its_reason(
    batch: Any, context: Any, counted: Any, body: Any
) -> None:
    """What can never be processed goes to the dead letters at once and is not retried."""
    application = an_app()

    answer = process_batch(application, batch(body, EVENT), context)

    assert answer == {"batchItemFailures": []}
    assert len(application.stores.dead_letters.kept) == 1
    assert len(application.streams.images.seen) == 1
    assert counted()["EventsRejected"] == 1


def test_an_event_about_something_else_is_ignored(batch: Any, context: Any, counted: Any) -> None:
    """An Inspector scan of an EC2 instance is acknowledged and counted."""
    other = {
        **EVENT,
        "source": "aws.inspector2",
        "detail-type": "Inspector2 Scan",
        "resources": ["i-087d63509b8c97098"],
        "detail": {"scan-status": "INITIAL_SCAN_COMPLETE", "instance-id": "i-087d63509b8c97098"},
    }
    application = an_app()

    answer = process_batch(application, batch(other), context)

    assert answer == {"batchItemFailures": []}
    assert application.streams.images.seen == []
    assert counted()["EventsIgnored"] == 1


def test_only_records_that_failed_for_now_come_back(batch: Any, context: Any, logged: Any) -> None:
    """A store that cannot be reached returns the record; the log says why."""
    application = an_app(StoreError("reading IMAGE#x: ProvisionedThroughputExceededException"))

    answer = process_batch(application, batch(EVENT, "not json"), context)

    assert answer == {"batchItemFailures": [{"itemIdentifier": "message-0"}]}
    assert logged()[0]["reason"] == "store"


@pytest.mark.parametrize(
    "error",
    [
        SourceError("ECR did not answer about x: ServerException: 500", reason="ServerException"),
        SourceThrottledError("ECR did not answer about x: ThrottlingException: slow down"),
        StoreError("reading IMAGE#x: InternalServerError"),
    ],
)
def test_a_failure_that_may_pass_comes_back_soon(
    batch: Any, context: Any, logged: Any, error: Exception
) -> None:
    """The message is asked for again in seconds, later with every receive."""
    application = an_app(error)

    process_batch(application, batch(EVENT, receives=3), context)

    assert application.returned.returned == [("receipt-0", 3)]
    assert logged()[0]["retry_after"] == 5


@pytest.mark.parametrize(
    "error",
    [
        NotAllowedError("AWS denies ecr:DescribeImages"),
        ConfigError("The environment variable TABLE_NAME is not set"),
        RuntimeError("a bug"),
    ],
)
def test_a_failure_that_does_not_pass_by_itself_waits(
    batch: Any, context: Any, error: Exception
) -> None:
    """Asking again in seconds would only make noise."""
    application = an_app(error)

    answer = process_batch(application, batch(EVENT), context)

    assert answer == {"batchItemFailures": [{"itemIdentifier": "message-0"}]}
    assert application.returned.returned == []


def test_a_queue_that_cannot_be_told_is_no_further_failure(
    batch: Any, context: Any, counted: Any, logged: Any
) -> None:
    """The message comes back when its visibility timeout ends."""
    application = an_app(StoreError("reading IMAGE#x: InternalServerError"))
    application.returned.error = StoreError("bringing a message back: RequestThrottled")

    answer = process_batch(application, batch(EVENT), context)

    assert answer == {"batchItemFailures": [{"itemIdentifier": "message-0"}]}
    late, failed = logged()
    assert (late["message"], failed["message"]) == ("record returns late", "record failed")
    assert "retry_after" not in failed
    assert counted()["RecordsFailed"] == 1


def test_without_time_the_rest_of_a_batch_is_given_back(
    batch: Any, context: Any, counted: Any, logged: Any
) -> None:
    """Untouched, at once, and not as a failure; the first record has all the time there is."""
    context.get_remaining_time_in_millis = lambda: 30_000
    application = an_app()

    answer = process_batch(application, batch(EVENT, EVENT, EVENT), context)

    assert [each["itemIdentifier"] for each in answer["batchItemFailures"]] == [
        "message-1",
        "message-2",
    ]
    assert application.streams.images.seconds_left == [30.0]
    assert application.returned.at_once_returned == ["receipt-1", "receipt-2"]
    assert application.returned.returned == []
    assert counted() == {"EventsReceived": 1, "ReportsStored": 1, "StreamsFailed": 0}
    assert logged()[1]["reason"] == "out-of-time"


def test_a_record_that_cannot_be_given_back_comes_back_later(batch: Any, context: Any) -> None:
    """When its visibility timeout ends."""
    context.get_remaining_time_in_millis = lambda: 30_000
    application = an_app()
    application.returned.error = StoreError("bringing a message back: RequestThrottled")

    answer = process_batch(application, batch(EVENT, EVENT), context)

    assert answer == {"batchItemFailures": [{"itemIdentifier": "message-1"}]}


def test_a_batch_that_fails_as_a_whole_is_reported_by_item(batch: Any, context: Any) -> None:
    """No exception leaves the handler, so the poller is not slowed down."""
    application = an_app(RuntimeError("a bug"))

    answer = process_batch(application, batch(EVENT, EVENT), context)

    assert [each["itemIdentifier"] for each in answer["batchItemFailures"]] == [
        "message-0",
        "message-1",
    ]


def test_an_unread_source_is_logged_beside_the_outcome(
    batch: Any, context: Any, counted: Any, logged: Any
) -> None:
    """The report is stored; somebody has to look at why it does not say what it is made from."""
    outcome = ImageOutcome(
        ImageResult.STORED, "a usable report", without_provenance=SourceError("AccessDenied")
    )

    process_batch(an_app(outcome=outcome), batch(EVENT), context)

    assert (counted()["ProvenanceUnread"], counted()["ReportsStored"]) == (1, 1)
    unread, stored = logged()
    assert (unread["message"], unread["level"]) == ("provenance not read", "WARNING")
    assert "AccessDenied" in unread["exception"]
    assert stored["result"] == "stored"
