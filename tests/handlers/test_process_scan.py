"""Scan events from the queue: each record ends in one outcome, one line and one count."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from handlers.process_scan import process_batch
from lib.core.routing import Decisions, RouteOutcome
from lib.errors import (
    ConfigError,
    NotAllowedError,
    SourceError,
    SourceThrottledError,
    StoreError,
)
from lib.flows.scans import ScanOutcome, ScanResult
from lib.models import AnyReport, Delivery, DeliveryState, Evaluation
from lib.wire.own_events import repository_check
from tests.handlers.conftest import DeadLetters, Returns
from tests.support.builders import (
    NOW,
    a_delivery,
    a_digest,
    a_finding,
    a_report,
    an_image,
    an_unusable_report,
)
from tests.support.documents import document

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


class Scans:
    """Answers every event, or raises."""

    def __init__(self, error: Exception | None = None, outcome: ScanOutcome | None = None) -> None:
        self.error = error
        self.outcome = outcome or ScanOutcome(
            ScanResult.REPEATED, "this event was evaluated before"
        )
        self.seen: list[Any] = []
        self.seconds_left: list[float] = []
        self.move: ScanOutcome | None = None

    def process(self, event: Any, raw: Any, *, seconds_left: Any) -> ScanOutcome:
        self.seconds_left.append(seconds_left())
        return self.checked(event, raw)

    def checked(self, event: Any, raw: Any) -> ScanOutcome:
        self.seen.append((event, raw))
        if self.error is not None:
            raise self.error
        return self.outcome

    pushed = process

    def moved(self, event: Any, raw: Any) -> ScanOutcome | None:  # noqa: ARG002  # as the pipeline's
        return self.move


def an_app(error: Exception | None = None, outcome: ScanOutcome | None = None) -> Any:
    return SimpleNamespace(
        scans=Scans(error, outcome), dead_letters=DeadLetters(), scan_returns=Returns()
    )


def an_outcome(report: AnyReport, *deliveries: Delivery) -> ScanOutcome:
    evaluation = Evaluation(report, a_delivery().stream, 1, NOW)
    outcome = RouteOutcome("everything", matched=True, reason="2 changes pass", selected=2)
    decisions = Decisions((outcome,), ())
    return ScanOutcome(ScanResult.EVALUATED, "first", evaluation, decisions, deliveries)


def test_a_scan_event_reaches_the_pipeline(
    batch: Any, context: Any, counted: Any, logged: Any
) -> None:
    """The event and its raw form are handed over; the outcome is logged and counted."""
    application = an_app()

    answer = process_batch(application, batch(EVENT), context)

    event, raw = application.scans.seen[0]
    assert answer == {"batchItemFailures": []}
    assert (event.image.repository, event.image.digest, raw) == ("payments/api", a_digest(), EVENT)
    assert counted() == {"EventsReceived": 1, "EventsRepeated": 1}
    line = logged()[0]
    assert (line["result"], line["image"]) == ("repeated", event.image.key)


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
    assert len(application.dead_letters.kept) == 1
    assert len(application.scans.seen) == 1
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
    assert application.scans.seen == []
    assert counted()["EventsIgnored"] == 1


def test_a_removed_image_is_no_scan(batch: Any, context: Any, counted: Any) -> None:
    """Its event is acknowledged and counted."""
    application = an_app()
    removal = document("other/ecr-image-action-delete.json")

    answer = process_batch(application, batch(removal), context)

    assert answer == {"batchItemFailures": []}
    assert application.scans.seen == []
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

    assert application.scan_returns.returned == [("receipt-0", 3)]
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
    assert application.scan_returns.returned == []


def test_a_queue_that_cannot_be_told_is_no_further_failure(
    batch: Any, context: Any, counted: Any, logged: Any
) -> None:
    """The message comes back when its visibility timeout ends."""
    application = an_app(StoreError("reading IMAGE#x: InternalServerError"))
    application.scan_returns.error = StoreError("bringing a message back: RequestThrottled")

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
    assert application.scans.seconds_left == [30.0]
    assert application.scan_returns.at_once_returned == ["receipt-1", "receipt-2"]
    assert application.scan_returns.returned == []
    assert counted() == {"EventsReceived": 1, "EventsRepeated": 1}
    assert logged()[1]["reason"] == "out-of-time"


def test_a_record_that_cannot_be_given_back_comes_back_later(batch: Any, context: Any) -> None:
    """When its visibility timeout ends."""
    context.get_remaining_time_in_millis = lambda: 30_000
    application = an_app()
    application.scan_returns.error = StoreError("bringing a message back: RequestThrottled")

    answer = process_batch(application, batch(EVENT, EVENT), context)

    assert answer == {"batchItemFailures": [{"itemIdentifier": "message-1"}]}


def test_a_scan_that_goes_on_is_counted(batch: Any, context: Any, counted: Any) -> None:
    application = an_app(outcome=ScanOutcome(ScanResult.CONTINUED, "out of time"))

    process_batch(application, batch(EVENT), context)

    assert counted()["ScansContinued"] == 1


def test_a_batch_that_fails_as_a_whole_is_reported_by_item(batch: Any, context: Any) -> None:
    """No exception leaves the handler, so the poller is not slowed down."""
    application = an_app(RuntimeError("a bug"))

    answer = process_batch(application, batch(EVENT, EVENT), context)

    assert [each["itemIdentifier"] for each in answer["batchItemFailures"]] == [
        "message-0",
        "message-1",
    ]


def test_an_evaluation_is_logged_with_what_it_found(
    batch: Any, context: Any, counted: Any, logged: Any
) -> None:
    """Findings by severity, each route's reason, and the deliveries by destination."""
    report = a_report(a_finding(), a_finding("CVE-2"), warnings=("5 are counted, 2 are listed",))
    suppressed = a_delivery(2, state=DeliveryState.SUPPRESSED, due_at=None)
    application = an_app(outcome=an_outcome(report, a_delivery(), suppressed))

    process_batch(application, batch(EVENT), context)

    line = logged()[0]
    assert line["findings"] == {"HIGH": 2}
    assert line["routes"] == {"everything": "2 changes pass"}
    assert line["deliveries"] == {"team-slack": suppressed.id}
    assert line["warnings"] == ["5 are counted, 2 are listed"]
    counts = counted()
    assert counts["ScansEvaluated"] == counts["DeliveriesCreated"] == 1
    assert counts["DeliveriesSuppressed"] == 1
    assert counts["FindingsListed"] == 2


def test_a_scan_without_a_result_is_counted(
    batch: Any, context: Any, counted: Any, logged: Any
) -> None:
    """FAILED has a status and no findings in the log."""
    application = an_app(outcome=an_outcome(an_unusable_report()))

    process_batch(application, batch(EVENT), context)

    line = logged()[0]
    assert line["status"] == "FAILED"
    assert "findings" not in line
    assert counted()["ScansUnusable"] == 1


def test_a_finding_event_is_acknowledged_and_counted(
    batch: Any, context: Any, counted: Any
) -> None:
    """Acting on single findings comes later; none is lost from the numbers."""
    path = Path(__file__).parents[1] / "events/inspector2-finding/ecr-2024-format.json"
    application = an_app()

    answer = process_batch(application, batch(json.loads(path.read_text())), context)

    assert answer == {"batchItemFailures": []}
    assert application.scans.seen == []
    assert counted()["FindingEventsAcknowledged"] == 1


def test_a_push_is_acknowledged(batch: Any, context: Any, counted: Any, logged: Any) -> None:
    """Most are no indexes: one count, one line."""
    text = (ROOT / "tests/events/ecr-image-action/push.json").read_text("utf-8")
    application = an_app(outcome=ScanOutcome(ScanResult.ACKNOWLEDGED, "not an index"))

    process_batch(application, batch(json.loads(text)), context)

    assert application.scans.seen[0][0].image.tags == ("latest",)
    assert counted() == {"EventsReceived": 1, "PushesAcknowledged": 1}
    assert logged()[0]["result"] == "acknowledged"


def test_a_tag_that_moved_has_a_line_of_its_own(
    batch: Any, context: Any, counted: Any, logged: Any
) -> None:
    text = (ROOT / "tests/events/ecr-image-action/push.json").read_text("utf-8")
    application = an_app(outcome=ScanOutcome(ScanResult.ACKNOWLEDGED, "not an index"))
    tag = an_image(digest="", tags=("latest",))
    application.scans.move = an_outcome(a_report(a_finding("ECR-TAG-MOVED"), image=tag))

    process_batch(application, batch(json.loads(text)), context)

    first, second = logged()
    assert (first["result"], first["findings"]) == ("evaluated", {"HIGH": 1})
    assert "part" not in first
    assert second["result"] == "acknowledged"
    assert counted()["ScansEvaluated"] == 1


def test_a_check_of_a_repository_is_made(batch: Any, context: Any, logged: Any) -> None:
    application = an_app(outcome=ScanOutcome(ScanResult.IGNORED, "nobody asked"))
    repository = an_image(digest="", tags=())

    process_batch(application, batch(repository_check(repository, NOW)), context)

    assert application.scans.seen[0][0].image == repository
    assert logged()[0]["image"] == repository.key


def test_the_scan_of_a_part_is_logged_under_its_index(
    batch: Any, context: Any, logged: Any
) -> None:
    """The image that the deliveries are about, and the part that the event was about."""
    application = an_app(outcome=an_outcome(a_report(image=an_image(9))))

    process_batch(application, batch(EVENT), context)

    assert logged()[0]["image"] == an_image(9).key
    assert logged()[0]["part"] == a_digest()


def test_an_unread_source_is_told_beside_the_outcome(
    batch: Any, context: Any, counted: Any, logged: Any
) -> None:
    """The scan was evaluated; somebody has to look at why it does not say what it is made from."""
    outcome = replace(an_outcome(a_report()), without_provenance=SourceError("AccessDenied"))

    process_batch(an_app(outcome=outcome), batch(EVENT), context)

    assert (counted()["ProvenanceUnread"], counted()["ScansEvaluated"]) == (1, 1)
    unread, evaluated = logged()
    assert (unread["message"], unread["level"]) == ("provenance not read", "WARNING")
    assert "AccessDenied" in unread["exception"]
    assert evaluated["result"] == "evaluated"
