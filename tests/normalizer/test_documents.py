"""Any document a person may have: responses, events, wrappings, and what is none of these."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings

from lib.errors import DocumentError
from lib.models import Image, Report, ScanSource, UnusableReport
from lib.normalizer.documents import normalize_document
from lib.wire.own_events import repository_check
from tests.normalizer.test_values import ANYTHING
from tests.support.builders import NOW
from tests.support.documents import checked, document
from tests.support.every import every
from tests.support.shapes import (
    DIGEST,
    IMAGE,
    basic_row,
    finding_event,
    inspector_row,
    page,
    resource,
    scan_event,
)


def only(raw: Any) -> Report:
    """Return the one usable report of a document, checked against its schema."""
    (report,) = normalize_document(raw).reports
    checked(report)
    assert isinstance(report, Report)
    return report


def pascal(value: Any) -> Any:
    """Spell every key as Step Functions does."""
    if isinstance(value, list):
        return [pascal(each) for each in value]
    if isinstance(value, dict):
        return {key[:1].upper() + key[1:]: pascal(each) for key, each in value.items()}
    return value


def sqs(body: Any) -> dict[str, Any]:
    return {"Records": [{"messageId": "1", "body": json.dumps(body), "eventSource": "aws:sqs"}]}


def sns(body: Any) -> dict[str, Any]:
    return {"Records": [{"EventSource": "aws:sns", "Sns": {"Message": json.dumps(body)}}]}


def notification(body: Any) -> dict[str, Any]:
    return {"Type": "Notification", "TopicArn": "arn", "Message": json.dumps(body)}


WRAPPINGS = [
    lambda body: body,
    lambda body: [body],
    lambda body: {"data": body, "timestamp": "2026-03-10T14:25:30Z", "type": "aws.ecr.image.scan"},
    sqs,
    sns,
    notification,
    lambda body: sqs(notification(body)),
    pascal,
    lambda body: sqs(pascal(body)),
    lambda body: {"body": body},
]


@every("wrap", WRAPPINGS)
@every(
    "raw",
    [
        page(basic_row()),
        page(inspector_row(), status="ACTIVE"),
        {"findings": [inspector_row()]},
        {"findings": [inspector_row(inspectorScore=5.0)], "nextToken": None},
        inspector_row(),
        finding_event(),
    ],
)
def test_findings_are_found_in_every_wrapping(raw: Any, wrap: Any) -> None:
    """Casing and envelopes change nothing about the finding."""
    report = only(wrap(raw))

    assert [finding.id for finding in report.findings] == [("CVE-2024-0001", "openssl", "")]
    assert report.image.digest == DIGEST
    assert report.image.account == "000474600478"


@every("wrap", WRAPPINGS)
def test_scan_event_gives_image_scan_and_counts(wrap: Any) -> None:
    """A scan event is a report without findings that says where to get them."""
    (report,) = normalize_document(wrap(scan_event())).reports

    result = checked(report)
    assert report.image == IMAGE
    assert "findings" not in result
    assert result["counts"]["HIGH"] == 1
    assert result["scan"]["reason"] == (
        "the event carries no findings; they have to be fetched from ECR"
    )


def test_failed_scan_event_has_no_counts() -> None:
    """A failed scan is its own outcome."""
    (report,) = normalize_document(document("ecr-image-scan/failed.json")).reports

    result = checked(report)
    assert result["scan"]["usable"] is False
    assert result["scan"]["reason"] == "FAILED"
    assert "counts" not in result


def test_pages_of_the_same_image_are_put_together() -> None:
    """An array of pages is one report, an array of images several, in their order."""
    pages = [page(basic_row(f"CVE-{number}")) for number in range(3)]
    for each in pages:
        each["imageScanFindings"]["findingSeverityCounts"] = {"HIGH": 3}
    other = page(basic_row(), imageId={"imageDigest": "sha256:99"})

    first, second = normalize_document([pages[0], other, pages[1], pages[2]]).reports

    assert isinstance(first, Report)
    assert len(first.findings) == 3
    assert first.scan.complete
    assert second.image.digest == "sha256:99"


def test_findings_are_grouped_by_image() -> None:
    """ListFindings mixes images; each has its own report with its own findings."""
    other = resource(imageHash="sha256:99", imageTags=[])
    raw = {
        "findings": [
            inspector_row("CVE-1", updatedAt="2026-01-01T00:00:00Z"),
            inspector_row("CVE-2", resources=[other], status="CLOSED"),
            inspector_row("CVE-3", resources=[resource(), other], lastObservedAt=1760538840),
        ]
    }

    first, second = normalize_document(raw).reports

    assert isinstance(first, Report)
    assert isinstance(second, Report)
    assert [finding.vulnerability_id for finding in first.findings] == ["CVE-1", "CVE-3"]
    assert [finding.vulnerability_id for finding in second.findings] == ["CVE-2", "CVE-3"]
    assert (first.scan.status, second.scan.status) == ("ACTIVE", "LISTED")
    assert first.scan.completed_at == datetime(2026, 1, 1, tzinfo=UTC)


def test_events_of_several_findings_are_one_report_of_their_image() -> None:
    """A batch of finding events about one image belongs together, and is not a whole scan."""
    batch = {"Records": [{"body": json.dumps(finding_event(), default=str)}] * 2}

    report = only(batch)

    assert len(report.findings) == 1
    assert report.scan.source is ScanSource.INSPECTOR2
    assert report.scan.warnings == ("one finding from an event, not the whole scan",)


def test_first_page_of_list_findings_is_incomplete() -> None:
    """A next token says that there is more."""
    report = only({"findings": [inspector_row()], "nextToken": "more"})

    assert not report.scan.complete


def test_rows_of_ecr_outside_their_response_keep_their_score() -> None:
    """Enhanced rows have their score under ECR's name, wherever they stand."""
    report = only([inspector_row(score=8.1), inspector_row("CVE-2", score=7.0)])

    assert report.scan.source is ScanSource.ECR_ENHANCED
    assert [finding.score.value for finding in report.findings if finding.score] == [8.1, 7.0]


@pytest.mark.parametrize(
    "raw",
    [
        [basic_row()],
        {"findings": [basic_row()]},
        {"findings": [basic_row()], "imageScanCompletedAt": 1760538840},
    ],
)
def test_rows_without_an_image_are_a_report_that_says_so(raw: Any) -> None:
    """Inner objects carry no image; the report has empty fields and a warning."""
    report = only(raw)

    assert report.image.key == "//@"
    assert report.scan.warnings == (
        "the document does not name the image's account, region, repository, digest",
    )


def test_nameless_pages_are_not_mixed() -> None:
    """Inner objects may be about different images, so each stands for itself."""
    inner = {"enhancedFindings": [], "imageScanCompletedAt": 1760538840}

    assert len(normalize_document([inner, inner]).reports) == 2


def test_inner_object_of_a_clean_scan_is_a_clean_report() -> None:
    """A completed scan without findings is a report with none."""
    report = only({"findings": [], "imageScanCompletedAt": 1760538840, "imageDigest": DIGEST})

    assert report.findings == ()


def test_what_is_not_about_ecr_is_counted_in_words() -> None:
    """In a mixed document the ECR findings are taken, and the rest is said."""
    normalized = normalize_document(
        [
            document("inspector2/many.json"),
            document("inspector2-finding/azurecontainerimage.json"),
            document("ecr-image-action/push.json"),
            repository_check(Image("aws", "000474600478", "eu-central-1", "a/b", ""), NOW),
            scan_event(**{"image-digest": "latest"}),
            {"Records": [{"body": "not JSON"}]},
            "text",
            [],
            {},
            {"findings": [7]},
        ]
    )

    assert len(normalized.reports) == 1
    assert normalized.left_out == (
        "a finding about AWS_EC2_INSTANCE, not an ECR image, at [0]",
        (
            "an event: a finding about Microsoft.ContainerRegistry/registry/containerImage, "
            "not an ECR image, at [1]"
        ),
        "an event: a push has no findings, at [2]",
        "an event: a check of a repository has no findings, at [3]",
        (
            "an event that breaks its schema: $.detail['image-digest']: expected a digest: "
            "sha256: and letters and digits, at [4]"
        ),
        "a value that is not an object (3 of them, first at [5].Records[0].body)",
        "an empty list, at [7]",
        "an empty object, at [8]",
    )


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({"findings": []}, "an empty list of findings, which names no image"),
        ([], "an empty list"),
        ({}, "an empty object"),
        (None, "a value that is not an object"),
        ({"data": {"a": 1}}, "an object with the keys a, at data"),
        (document("inspector2-finding/ec2-closed.json"), "AWS_EC2_INSTANCE"),
        (document("allowlists/pytorch-1.11-cpu.json"), "an object with the keys apparmor, cups"),
    ],
)
def test_document_without_an_image_is_refused_with_a_reason(raw: Any, said: str) -> None:
    """Never an empty report: a document about something else is an error."""
    with pytest.raises(DocumentError) as caught:
        normalize_document(raw)

    assert said in str(caught.value)
    assert "Looked for: responses of DescribeImageScanFindings" in str(caught.value)


def test_endless_nesting_is_refused() -> None:
    """Depth beyond any real document is no crash."""
    raw: Any = page(basic_row())
    for _ in range(900):
        raw = [raw]

    with pytest.raises(DocumentError, match="nested too deeply"):
        normalize_document(raw)


def test_endless_nesting_inside_a_message_is_refused() -> None:
    """A message is parsed with the same care as the document around it."""
    with pytest.raises(DocumentError, match="not an object"):
        normalize_document({"body": "[" * 100_000 + "]" * 100_000})


@pytest.mark.parametrize("status", ["PENDING", "FAILED", "SCAN_ELIGIBILITY_EXPIRED"])
def test_response_without_a_result_is_a_report_with_the_reason(status: str) -> None:
    """A response that is no result is not refused: its reason is what one wants to see."""
    (report,) = normalize_document(page(status=status)).reports

    assert isinstance(report, UnusableReport)
    assert checked(report)["scan"]["reason"].startswith(status)


@settings(deadline=None)  # other work may share the machine
@given(ANYTHING)
def test_nothing_but_document_errors(raw: Any) -> None:
    """Any JSON is normalized or refused."""
    for document_of in (
        lambda: raw,
        lambda: {"imageScanFindings": raw},
        lambda: {"imageScanFindings": {"findings": raw, "findingSeverityCounts": raw}},
        lambda: {**page(), "imageScanStatus": {"status": raw}, "imageId": raw},
        lambda: {"findings": raw},
        lambda: {"findings": [raw], "findingSeverityCounts": raw},
        lambda: {
            "enhancedFindings": [raw, inspector_row(details=raw if isinstance(raw, dict) else {})]
        },
        lambda: [inspector_row(resources=raw), inspector_row(remediation=raw, cvss=raw)],
        lambda: inspector_row("x", {"name": raw, "epoch": raw, "packageManager": raw, "new": raw}),
        lambda: [basic_row(attributes=raw, uri=raw, severity=raw)],
        lambda: {"Records": raw},
        lambda: {"Records": [{"body": json.dumps(raw)}]},
        lambda: {**finding_event(), "detail": raw},
    ):
        try:
            reports = normalize_document(document_of()).reports
        except DocumentError:
            continue
        for report in reports:
            checked(report)
