"""The zip under AWS's own runtime client, with what the runtime has and nothing else."""

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.conftest import Package
from tests.support.runtime_api import RunningFunction

EVENTS = Path(__file__).parents[1] / "events"


class StandIn(BaseHTTPRequestHandler):
    """A service of AWS that answers in JSON."""

    def answer(self, document: Mapping[str, Any]) -> None:
        """Send an answer."""
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # named by its base
        """Say nothing."""


@contextmanager
def served(service: type[StandIn]) -> Iterator[str]:
    """Serve a service, and yield its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), service) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.05,))
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        serving.join()


class EmptyTable(StandIn):
    """A DynamoDB in which nothing is due."""

    def do_POST(self) -> None:
        """Answer every query alike; the table itself is there."""
        self.rfile.read(int(self.headers["Content-Length"]))
        table = {"TableName": "reference", "CreationDateTime": 1_795_824_000.0}
        nothing = {"Items": [], "Count": 0, "ScannedCount": 0, "Responses": {}}
        self.answer({**nothing, "Table": table})


@pytest.fixture
def empty_table() -> Iterator[str]:
    """Yield the address of a DynamoDB in which nothing is due."""
    with served(EmptyTable) as address:
        yield address


class AcceptingQueue(StandIn):
    """An SQS that accepts every message."""

    def do_POST(self) -> None:
        """Answer SendMessageBatch."""
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        accepted = [
            {
                "Id": entry["Id"],
                "MessageId": "1",
                "MD5OfMessageBody": hashlib.md5(entry["MessageBody"].encode()).hexdigest(),  # noqa: S324  # SQS's own check
            }
            for entry in request["Entries"]
        ]
        self.answer({"Successful": accepted, "Failed": []})


@pytest.fixture
def accepting_queue() -> Iterator[str]:
    """Yield the address of an SQS that accepts every message."""
    with served(AcceptingQueue) as address:
        yield address


def function_of(
    built: Package, name: str, task_root: Path, python: Path, **more: str
) -> RunningFunction:
    """Return a function as the template describes it; references become some text."""
    function = built.resources("AWS::Lambda::Function")[f"{name}LambdaFunction"]
    variables = function["Environment"]["Variables"]
    environment = {
        key: value if isinstance(value, str) else "reference" for key, value in variables.items()
    }
    return RunningFunction(task_root, function["Handler"], python, {**environment, **more})


def sqs(body: object, message_id: str = "m-1") -> dict[str, Any]:
    """Return a batch of one message."""
    return {
        "Records": [
            {
                "messageId": message_id,
                "receiptHandle": "r",
                "body": json.dumps(body),
                "attributes": {"MessageGroupId": "team-slack", "ApproximateReceiveCount": "1"},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:q",
                "awsRegion": "eu-central-1",
            }
        ]
    }


def test_process_scan_understands_an_event(
    built: Package, task_root: Path, lambda_python: Path
) -> None:
    """A real event passes through the schemas (with their compiled part) and is ignored."""
    event = json.loads((EVENTS / "inspector2-finding" / "ec2-closed.json").read_text())

    with function_of(built, "ProcessScan", task_root, lambda_python) as function:
        outcome = function.invoke(sqs(event))
        log = function.log()

    assert outcome.error is None
    assert outcome.payload == {"batchItemFailures": []}
    assert '"message":"event ignored"' in log
    assert '"EventsIgnored":[1.0]' in log


def test_gather_findings_understands_a_finding(
    built: Package, task_root: Path, lambda_python: Path, accepting_queue: str
) -> None:
    """A real event passes through the schemas (with their compiled part) and is gathered."""
    event = json.loads((EVENTS / "inspector2-finding" / "ecr-2024-format.json").read_text())
    endpoint = {"AWS_ENDPOINT_URL_SQS": accepting_queue}

    with function_of(built, "GatherFindings", task_root, lambda_python, **endpoint) as function:
        outcome = function.invoke(sqs(event))
        log = function.log()

    assert outcome.error is None
    assert outcome.payload == {"batchItemFailures": []}
    assert '"FindingEventsGathered":[1.0]' in log


def test_process_scan_answers_again_when_warm(
    built: Package, task_root: Path, lambda_python: Path
) -> None:
    """The same process serves one event after another."""
    event = {"id": "1", "source": "aws.ec2", "detail-type": "EC2 Instance State-change"}

    with function_of(built, "ProcessScan", task_root, lambda_python) as function:
        outcomes = [function.invoke(sqs(event)) for _ in range(3)]

    assert [each.payload for each in outcomes] == [{"batchItemFailures": []}] * 3


def test_deliver_returns_a_message_it_cannot_read(
    built: Package, task_root: Path, lambda_python: Path
) -> None:
    """The record is named, so that it alone comes back and ends in the dead-letter queue."""
    with function_of(built, "Deliver", task_root, lambda_python) as function:
        outcome = function.invoke(sqs({"no": "delivery"}, "m-7"))
        log = function.log()

    assert outcome.error is None
    assert outcome.payload == {"batchItemFailures": [{"itemIdentifier": "m-7"}]}
    assert '"reason":"bad-wake-up"' in log


def test_sweep_finds_nothing_to_wake(
    built: Package, task_root: Path, lambda_python: Path, empty_table: str
) -> None:
    """The runtime's boto3 and the zip's libraries work together."""
    endpoint = {"AWS_ENDPOINT_URL_DYNAMODB": empty_table}

    with function_of(built, "Sweep", task_root, lambda_python, **endpoint) as function:
        outcome = function.invoke({})

    assert outcome.error is None
    assert outcome.payload == {"queued": 0, "streams": 0}


def test_a_missing_handler_is_reported(task_root: Path, lambda_python: Path) -> None:
    """A function that cannot start says so instead of hanging."""
    with RunningFunction(task_root, "handlers/no_such.handler", lambda_python) as function:
        outcome = function.invoke({})

    assert outcome.payload is None
    assert outcome.error["errorType"] == "Runtime.ImportModuleError"
