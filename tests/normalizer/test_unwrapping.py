"""Documents inside of whatever people and tools put around them."""

import base64
import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest

from lib.errors import DocumentError
from lib.models import Report
from lib.normalizer.contents import text_of, values_in
from lib.normalizer.documents import normalize_document
from tests.support.documents import CASES
from tests.support.every import every
from tests.support.shapes import basic_row, finding_event, inspector_row, page

Json = Any
Wrapping = Callable[[Json], Json]


def coded(body: Json) -> str:
    """Return a value as Base64."""
    return base64.b64encode(json.dumps(body).encode()).decode()


def field(name: str, value: str) -> Json:
    """Return a field of a row of CloudWatch Logs Insights."""
    return {"field": name, "value": value}


def log_batch(body: Json) -> Json:
    """Wrap a value as CloudWatch Logs sends it to a function."""
    batch = {"messageType": "DATA_MESSAGE", "logEvents": [{"message": json.dumps(body)}]}
    compressed = base64.b64encode(gzip.compress(json.dumps(batch).encode(), mtime=0)).decode()
    return {"awslogs": {"data": compressed}}


FILES = sorted((CASES / "wrapped").iterdir())
WRAPPINGS: dict[str, Wrapping] = {
    "receive-message": lambda body: {"Messages": [{"Body": json.dumps(body)}]},
    "filter-log-events": lambda body: {"events": [{"message": json.dumps(body)}]},
    "subscription": log_batch,
    "kinesis": lambda body: {"Records": [{"kinesis": {"data": coded(body)}}]},
    "firehose": lambda body: {"records": [{"recordId": "1", "data": coded(body)}]},
    "insights": lambda body: [{"@timestamp": "x", "@message": json.dumps(body)}],
    "insights-rows": lambda body: {
        "results": [
            [{"field": "@message", "value": json.dumps(body)}, {"field": "@ptr", "value": ""}]
        ]
    },
    "dynamodb": lambda body: {"Items": [{"document": {"S": json.dumps(body)}}]},
    "splunk": lambda body: {"host": "h", "sourcetype": "aws", "event": body},
    "elastic": lambda body: {
        "hits": {"hits": [{"_source": {"event": {"original": json.dumps(body)}}}]}
    },
    "vector": lambda body: [{"timestamp": "x", "message": json.dumps(body), "tags": ["a", {}]}],
    "step-functions": lambda body: {"Payload": {"StatusCode": 200, "Body": body}},
    "pipes": lambda body: [{"messageId": "1", "body": json.dumps({"Message": json.dumps(body)})}],
    "async-failure": lambda body: {
        "requestContext": {"condition": "RetriesExhausted"},
        "requestPayload": body,
        "responsePayload": {"errorMessage": "x", "stackTrace": ["y"]},
    },
    "dynamic-partitioning": lambda body: [{"partitionKeys": {"account": "1"}, "record": body}],
    "firehose-errors": lambda body: {"errorCode": "x", "attemptsMade": 4, "rawData": coded(body)},
    "states-history": lambda body: {
        "events": [{"executionStartedEventDetails": {"input": json.dumps(body)}}]
    },
    "function-url": lambda body: {"version": "2.0", "body": coded(body), "isBase64Encoded": True},
    "topic-in-queue": lambda body: {
        "Messages": [{"Body": json.dumps({"Type": "Notification", "Message": json.dumps(body)})}]
    },
    "otel": lambda body: {"logRecords": [{"body": {"stringValue": json.dumps(body)}}]},
    "docker": lambda body: [{"log": json.dumps(body) + "\n", "stream": "stdout"}],
    "query": lambda body: [[body]],
}


@every("wrap", WRAPPINGS.values(), ids=WRAPPINGS)
@every("raw", [page(basic_row()), {"findings": [inspector_row()]}, finding_event()])
def test_a_document_is_found_in_any_wrapping(raw: Json, wrap: Wrapping) -> None:
    """And nothing of the wrapping is named as left out."""
    normalized = normalize_document(wrap(raw))

    (report,) = normalized.reports
    assert isinstance(report, Report)
    assert [finding.vulnerability_id for finding in report.findings] == ["CVE-2024-0001"]
    assert normalized.left_out == ()


@every("path", sorted((CASES / "wrapped").iterdir()), ids=lambda path: path.name)
def test_files_of_people_are_read(path: Any) -> None:
    """Lines, runs, messages of queues and topics, logs in three forms."""
    normalized = normalize_document(list(values_in(text_of(path.read_bytes(), limit=10**7))))

    (report,) = normalized.reports
    assert isinstance(report, Report)
    assert report.image.name == "shop/api:v1.2.3"
    assert len(report.findings) == (3 if path.name in ("lines.ndjson", "firehose.txt") else 1)
    assert normalized.left_out == ()


def test_a_detail_may_be_a_text() -> None:
    """As PutEvents takes it, and some log shippers keep it."""
    event = finding_event()

    (report,) = normalize_document({**event, "detail": json.dumps(event["detail"])}).reports

    assert isinstance(report, Report)
    assert report == normalize_document(event).reports[0]


def test_what_stands_beside_documents_is_named_with_its_place() -> None:
    """A batch with one broken message loses neither the others nor the word of it."""
    batch = {
        "Messages": [{"Body": "broken"}, {"Body": json.dumps(page(basic_row()))}, {"Body": "[]"}]
    }

    normalized = normalize_document({"input": batch})

    assert len(normalized.reports) == 1
    assert normalized.left_out == (
        "a value that is not an object, at input.Messages[0].Body",
        "an empty list, at input.Messages[2].Body",
    )


def test_several_of_a_kind_are_counted_with_the_first_place() -> None:
    """Thousands of records need no thousand lines."""
    batch = [page(basic_row()), 1, {"Records": [{"body": "x"}, {"body": "y"}]}]

    assert normalize_document(batch).left_out == (
        "a value that is not an object (3 of them, first at [1])",
    )


def test_rows_without_an_image_count_only_where_a_document_belongs() -> None:
    """A list of exceptions by package has the same rows, and is no scan."""
    row = basic_row()

    assert len(normalize_document([row, row]).reports) == 1
    assert len(normalize_document({"body": json.dumps([row])}).reports) == 1
    assert len(normalize_document(row).reports) == 1
    with pytest.raises(DocumentError):
        normalize_document({"openssl": [row]})
