"""Plain answers: the same reports as botocore's, and no report from an answer that is not whole."""

import json
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config

from lib.bootstrap.clients import Clients
from lib.errors import FindingsNotReadyError, ImageGoneError, SourceError, SourceThrottledError
from lib.models import Report
from lib.sources.answers import plain_answers
from lib.sources.coverage import InspectorCoverage
from lib.sources.ecr import EcrFindingSource
from tests.support.shapes import IMAGE, SCAN, attributes, basic_row, inspector_row, page

Answer = tuple[int, bytes]
TIMES = {"firstObservedAt": 1700000000.25, "lastObservedAt": 1700000001, "updatedAt": 1.7e9}
BASIC = basic_row(attributes=attributes(package_name="bash", CVSS3_SCORE="7.5"))
ENHANCED = inspector_row("CVE-2026-0001", score=7.5, fixAvailable="YES", **TIMES)


class Wire:
    """A client that sends nothing: its answers are given, one after the other."""

    def __init__(self, *answers: Answer, service: str = "ecr") -> None:
        self.calls = 0
        self._answers = answers
        self.client: Any = boto3.client(
            service,  # type: ignore[call-overload]  # the name is a variable
            region_name=IMAGE.region,
            aws_access_key_id="x",
            aws_secret_access_key="y",
            config=Config(retries={"total_max_attempts": 1}),
        )
        self.client.meta.events.register(f"before-send.{service}", self._answer)

    def _answer(self, request: Any, **_: Any) -> AWSResponse:
        status, body = self._answers[self.calls]
        self.calls += 1
        raw = SimpleNamespace(stream=lambda **_: [body], headers={})
        return AWSResponse(request.url, status, {"x-amzn-RequestId": "request-1"}, raw)


def ok(*pages: Mapping[str, Any]) -> Sequence[Answer]:
    return [(200, json.dumps(one).encode()) for one in pages]


def refusal(code: str, status: int = 400) -> Answer:
    return status, json.dumps({"__type": code, "message": "no"}).encode()


@pytest.mark.parametrize(
    "pages",
    [
        pytest.param([page(BASIC)], id="basic"),
        pytest.param([page(ENHANCED, status="ACTIVE")], id="enhanced"),
        pytest.param([page(BASIC, nextToken="2"), page(basic_row("CVE-2"))], id="two pages"),
        pytest.param([page()], id="no finding"),
        pytest.param([page(imageScanFindings=None)], id="no list"),
        pytest.param([{}], id="nothing"),
    ],
)
def test_a_plain_answer_gives_the_report_of_botocore(pages: list[dict[str, Any]]) -> None:
    """Times are numbers in one and objects in the other."""
    parsed, plain = Wire(*ok(*pages)), Wire(*ok(*pages))

    expected = EcrFindingSource(parsed.client).report(IMAGE, SCAN)
    report = EcrFindingSource(plain_answers(plain.client)).report(IMAGE, SCAN)

    assert report == expected
    assert plain.calls == parsed.calls == len(pages)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (refusal("ScanNotFoundException"), FindingsNotReadyError),
        (refusal("ImageNotFoundException"), ImageGoneError),
        (refusal("ThrottlingException"), SourceThrottledError),
        (refusal("ServerException", 500), SourceError),
        ((503, b"<html>busy</html>"), SourceError),
    ],
)
def test_an_error_stays_that_of_botocore(answer: Answer, error: type[SourceError]) -> None:
    """Its class decides what follows."""
    with pytest.raises(SourceError) as caught:
        EcrFindingSource(plain_answers(Wire(answer).client)).report(IMAGE, SCAN)

    assert type(caught.value) is error


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(json.dumps(page(BASIC)).encode()[:-9], id="cut"),
        pytest.param(b"<html>Sign in to the proxy</html>", id="a page of a proxy"),
        pytest.param(b"", id="empty"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"null", id="null"),
        pytest.param(b"\xff\xfe", id="no text"),
    ],
)
@pytest.mark.parametrize(
    ("service", "ask"),
    [
        ("ecr", lambda client: EcrFindingSource(client).report(IMAGE, SCAN)),
        ("ecr", lambda client: EcrFindingSource(client).describe(IMAGE)),
        ("ecr", lambda client: EcrFindingSource(client).index(IMAGE)),
        ("inspector2", lambda client: list(InspectorCoverage(client).covered())),
    ],
    ids=["findings", "image", "index", "coverage"],
)
def test_an_answer_that_is_not_whole_is_asked_for_again(
    body: bytes, service: str, ask: Any
) -> None:
    """To botocore, such an answer has no field: not scanned, no image, no index."""
    wire = Wire((200, body), service=service)

    with pytest.raises(SourceError, match="is not whole") as caught:
        ask(plain_answers(wire.client))

    assert (caught.value.reason, caught.value.retryable) == ("broken-answer", True)


def test_a_field_that_boto3_does_not_know_is_kept() -> None:
    """AWS adds fields before the boto3 of the runtime knows them."""
    row = basic_row(reachableFrom="internet")
    wire = Wire(*ok(page(row)))

    report = EcrFindingSource(plain_answers(wire.client)).report(IMAGE, SCAN)

    assert isinstance(report, Report)
    assert dict(report.findings[0].extra) == {"reachableFrom": "internet"}


def test_the_metadata_of_an_answer_are_kept() -> None:
    """People who look for a request need its id."""
    client = plain_answers(plain_answers(Wire(*ok(page(BASIC))).client))

    answer = client.describe_image_scan_findings(
        repositoryName="app", imageId={"imageDigest": IMAGE.digest}
    )

    assert answer["ResponseMetadata"]["RequestId"] == "request-1"
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert answer["imageScanFindings"]["imageScanCompletedAt"] == 1760538840.414


def test_the_clients_of_the_functions_have_plain_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the services whose answers become reports."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "y")
    clients = Clients(region=IMAGE.region)
    client = clients.get("ecr")
    body = SimpleNamespace(stream=lambda **_: [b"<html>"], headers={})
    client.meta.events.register(
        "before-send.ecr", lambda request, **_: AWSResponse(request.url, 200, {}, body)
    )

    with pytest.raises(SourceError, match="DescribeImageScanFindings is not whole"):
        EcrFindingSource(client).report(IMAGE, SCAN)
