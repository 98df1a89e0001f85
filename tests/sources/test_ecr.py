"""Fetching from ECR, and what its pages say together."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from math import ceil
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.stub import Stubber

from lib.errors import (
    EventError,
    FindingsNotReadyError,
    ImageGoneError,
    NotAllowedError,
    NotAnImageError,
    RepositoryGoneError,
    SourceError,
    SourceThrottledError,
)
from lib.models import Image, Report, Scan, ScanSource, Severity, UnusableReport
from lib.normalizer.pages import normalize_ecr
from lib.sources.ecr import EcrFindingSource
from tests.support.documents import document
from tests.support.shapes import (
    DIGEST,
    IMAGE,
    SCAN,
    basic_row,
    inspector_row,
    package,
    page,
    resource,
)

NOWHERE = Image("aws", "", "", "", "")


@dataclass
class FakeEcr:
    """ECR's paging: basic findings by `maxResults`, enhanced ones by the hundred."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    error: Exception | None = None
    status: str = "COMPLETE"
    requests: list[dict[str, Any]] = field(default_factory=list)
    calls: int = 0
    details: list[dict[str, Any]] = field(default_factory=list)
    fields: tuple[str, ...] = ("imageStatus", "subjectManifestDigest")
    manifest: str = "{}"

    @property
    def meta(self) -> Any:
        shape = SimpleNamespace(members=dict.fromkeys(self.fields))
        model = SimpleNamespace(shape_for=lambda _: shape)
        return SimpleNamespace(region_name=IMAGE.region, service_model=model)

    def batch_get_image(self, **request: Any) -> dict[str, Any]:
        self.requests.append(request)
        return {"images": [{"imageId": {}, "imageManifest": self.manifest}]}

    def describe_images(self, **request: Any) -> dict[str, Any]:
        self.requests.append(request)
        if self.error is not None:
            raise self.error
        return {"imageDetails": self.details}

    def get_paginator(self, operation: str) -> "FakeEcr":
        assert operation == "describe_image_scan_findings"
        return self

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        self.requests.append(request)
        if self.error is not None:
            raise self.error
        whole = page(*self.rows, status=self.status)
        key = "enhancedFindings" if "enhancedFindings" in whole["imageScanFindings"] else "findings"
        size = 100 if key == "enhancedFindings" else request["PaginationConfig"]["PageSize"]
        for number in range(max(ceil(len(self.rows) / size), 1)):
            self.calls += 1
            rows = self.rows[number * size : (number + 1) * size]
            yield {**whole, "imageScanFindings": {**whole["imageScanFindings"], key: rows}}


def source(ecr: FakeEcr) -> EcrFindingSource:
    return EcrFindingSource(ecr)  # type: ignore[arg-type]  # a fake of what is used


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "said"}}, "DescribeImageScanFindings")


@pytest.mark.parametrize(("findings", "calls"), [(0, 1), (1, 1), (1000, 1), (1001, 2), (2500, 3)])
def test_basic_findings_come_by_the_thousand(findings: int, calls: int) -> None:
    """An image of n findings costs ceil(n / 1000) calls, and all of them are reported."""
    ecr = FakeEcr([basic_row(f"CVE-2024-{number}") for number in range(findings)])

    report = source(ecr).report(IMAGE, SCAN)

    assert isinstance(report, Report)
    assert len(report.findings) == findings
    assert report.scan.complete
    assert ecr.calls == calls


def test_enhanced_findings_come_by_the_hundred() -> None:
    """All pages are read, whatever size the API makes them."""
    ecr = FakeEcr([inspector_row(f"CVE-2024-{number}") for number in range(250)], status="ACTIVE")

    report = source(ecr).report(IMAGE, SCAN)

    assert isinstance(report, Report)
    assert len(report.findings) == 250
    assert report.scan.source is ScanSource.ECR_ENHANCED
    assert ecr.calls == 3


def test_what_rows_repeat_is_kept_once() -> None:
    """Each row of an answer describes the image anew; what differs, or is missing, stays so."""
    alike = [inspector_row("CVE-1", resources=[resource()]) for _ in range(2)]
    other = inspector_row("CVE-2", resources=[resource(imageTags=["1.5"])])
    without = inspector_row("CVE-3")
    del without["resources"]
    ecr = FakeEcr([*alike, other, without], status="ACTIVE")

    source(ecr).report(IMAGE, SCAN)

    assert alike[0]["resources"] is alike[1]["resources"]
    assert other["resources"] == [resource(imageTags=["1.5"])]
    assert "resources" not in without


def test_image_is_asked_for_by_digest_and_registry() -> None:
    """A tag may have moved since the scan; the registry may be another account's."""
    ecr = FakeEcr()

    source(ecr).report(IMAGE, SCAN)
    source(ecr).report(replace(IMAGE, account=""), SCAN)

    first, second = ecr.requests
    assert first == {
        "repositoryName": "payments/api",
        "imageId": {"imageDigest": DIGEST},
        "registryId": "000474600478",
        "PaginationConfig": {"PageSize": 1000},
    }
    assert "registryId" not in second


def test_botocores_own_paginator_reads_all_pages() -> None:
    """The request and the paging are those of the real client."""
    client = boto3.client(
        "ecr", region_name="eu-central-1", aws_access_key_id="none", aws_secret_access_key="none"
    )
    request = {
        "repositoryName": "payments/api",
        "imageId": {"imageDigest": DIGEST},
        "registryId": "000474600478",
        "maxResults": 1000,
    }
    first, second = (page(basic_row(f"CVE-2024-{number}")) for number in (1, 2))
    first["imageScanFindings"]["findingSeverityCounts"] = {"HIGH": 2}
    with Stubber(client) as stubber:
        stubber.add_response(
            "describe_image_scan_findings", {**first, "nextToken": "more"}, request
        )
        stubber.add_response(
            "describe_image_scan_findings", second, {**request, "nextToken": "more"}
        )

        report = EcrFindingSource(client).report(IMAGE, SCAN)

        stubber.assert_no_pending_responses()
    assert isinstance(report, Report)
    assert len(report.findings) == 2
    assert report.scan.warnings == ()


@pytest.mark.parametrize("status", ["IN_PROGRESS", "PENDING"])
def test_running_scan_is_asked_for_again_later(status: str) -> None:
    """A scan that runs is neither a result nor a failure."""
    with pytest.raises(FindingsNotReadyError) as caught:
        source(FakeEcr(status=status)).report(IMAGE, SCAN)

    assert caught.value.status == status
    assert caught.value.retryable


@pytest.mark.parametrize(
    ("error", "expected", "reason"),
    [
        (refusal("ScanNotFoundException"), FindingsNotReadyError, "not-ready"),
        (refusal("ImageNotFoundException"), ImageGoneError, "image-deleted"),
        (refusal("RepositoryNotFoundException"), RepositoryGoneError, "image-deleted"),
        (refusal("ThrottlingException"), SourceThrottledError, "ThrottlingException"),
        (refusal("AccessDeniedException"), NotAllowedError, "AccessDeniedException"),
        (ClientError({}, "x"), SourceError, "Unknown"),
        (EndpointConnectionError(endpoint_url="x"), SourceError, "EndpointConnectionError"),
    ],
)
def test_refusals_have_a_class(error: Exception, expected: type[SourceError], reason: str) -> None:
    """Not there yet, gone for good, or to be tried again."""
    with pytest.raises(expected) as caught:
        source(FakeEcr(error=error)).report(IMAGE, SCAN)

    assert type(caught.value) is expected
    assert caught.value.reason == reason


@pytest.mark.parametrize("status", ["FAILED", "UNSUPPORTED_IMAGE"])
def test_failed_scan_has_the_reason_that_ecr_gives(status: str) -> None:
    """A FAILED event is a result without findings; ECR may say why."""
    failed = replace(SCAN, status="FAILED")

    report = source(FakeEcr(status=status)).report(IMAGE, failed)

    assert isinstance(report, UnusableReport)
    assert report.scan.status == "FAILED"
    assert report.scan.reason == f"{status}: The scan was completed."


@pytest.mark.parametrize(
    "ecr",
    [
        FakeEcr([basic_row()]),
        FakeEcr(status="IN_PROGRESS"),
        FakeEcr(error=refusal("ScanNotFoundException")),
        FakeEcr(error=refusal("ThrottlingException")),
    ],
)
def test_failed_scan_stays_failed_whatever_ecr_lists(ecr: FakeEcr) -> None:
    """What an earlier scan found is not what the failed one found."""
    report = source(ecr).report(IMAGE, replace(SCAN, status="FAILED"))

    assert isinstance(report, UnusableReport)
    assert (report.scan.status, report.scan.reason) == ("FAILED", "FAILED")


def test_failed_scan_of_a_deleted_image_tells_nobody() -> None:
    """There is nothing to do about an image that is gone."""
    with pytest.raises(ImageGoneError):
        source(FakeEcr(error=refusal("ImageNotFoundException"))).report(
            IMAGE, replace(SCAN, status="FAILED")
        )


# --- understanding the pages ------------------------------------------------------------------


@pytest.mark.parametrize("status", ["UNSUPPORTED_IMAGE", "IMAGE_SIZE_EXCEEDED", "NEW_IN_2027"])
def test_other_statuses_are_no_result(status: str) -> None:
    """Only COMPLETE and ACTIVE say something about findings, also in years to come."""
    report = normalize_ecr([page(status=status)], IMAGE, SCAN)

    assert isinstance(report, UnusableReport)
    assert report.scan.status == status
    assert report.scan.reason == f"{status}: The scan was completed."


@pytest.mark.parametrize("body", [None, {}, [], {"findings": None}])
def test_missing_findings_are_no_result(body: Any) -> None:
    """A complete scan that neither lists nor counts findings is not a clean one."""
    report = normalize_ecr([page(imageScanFindings=body)], IMAGE, SCAN)

    assert isinstance(report, UnusableReport)
    assert "neither listed nor counted" in (report.scan.reason or "")


def test_counted_but_not_listed_is_no_result() -> None:
    """Findings that are counted and not listed must not look like none."""
    body = {"findings": [], "findingSeverityCounts": {"HIGH": 3}}

    report = normalize_ecr([page(imageScanFindings=body)], IMAGE, SCAN)

    assert isinstance(report, UnusableReport)
    assert report.scan.reason == (
        "COMPLETE: The scan was completed, but 3 findings are counted and none is listed"
    )


def test_empty_list_of_a_complete_scan_is_clean() -> None:
    """A complete scan with an empty list has no findings."""
    report = normalize_ecr([page()], IMAGE, SCAN)

    assert isinstance(report, Report)
    assert report.findings == ()
    assert report.scan.complete


@pytest.mark.parametrize(
    ("counted", "rows", "complete", "warnings"),
    [
        ({"HIGH": 5}, 1, False, ("5 findings are counted, 1 are listed",)),
        ({"HIGH": 1}, 2, True, ("1 findings are counted, 2 are listed",)),
        ({"HIGH": 1, "TOTAL": 4}, 1, False, ("4 findings are counted, 1 are listed",)),
        (None, 1, True, ()),
    ],
)
def test_list_and_counts_are_compared(
    counted: Any,
    rows: int,
    complete: Any,
    warnings: tuple[str, ...],
) -> None:
    """A list shorter than its counts is incomplete; any difference is said."""
    body = {
        "findings": [basic_row(f"CVE-{number}") for number in range(rows)],
        "findingSeverityCounts": counted,
    }

    report = normalize_ecr([page(imageScanFindings=body)], IMAGE, SCAN)

    assert report.scan.complete is complete
    assert report.scan.warnings == warnings


def test_rows_that_are_no_findings_are_said() -> None:
    """What cannot be read is counted, and the list is not complete."""
    body = {"findings": [basic_row(), "x", None], "findingSeverityCounts": {"HIGH": 3}}

    report = normalize_ecr([page(imageScanFindings=body)], IMAGE, SCAN)

    assert isinstance(report, Report)
    assert len(report.findings) == 1
    assert report.scan.warnings == ("2 of the rows listed are not findings",)
    assert not report.scan.complete


def test_first_page_alone_is_incomplete() -> None:
    """A next page that is not there is missed only when the counts miss something, too."""
    body = page(basic_row())["imageScanFindings"]
    bare = {key: body[key] for key in ("findings",)}

    alone = normalize_ecr([page(imageScanFindings=bare, nextToken="more")], IMAGE, SCAN)
    whole = normalize_ecr([page(imageScanFindings=body, nextToken="more")], IMAGE, SCAN)

    assert not alone.scan.complete
    assert alone.scan.warnings == ("further pages were not read",)
    assert whole.scan.complete


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        ({"findings": []}, "COMPLETE", ScanSource.ECR_BASIC),
        ({"enhancedFindings": []}, "COMPLETE", ScanSource.ECR_ENHANCED),
        ({"findings": []}, "ACTIVE", ScanSource.ECR_ENHANCED),
        ({"findings": [], "enhancedFindings": []}, "COMPLETE", ScanSource.INSPECTOR2),
        (
            {"findings": [], "enhancedFindings": [inspector_row()]},
            "COMPLETE",
            ScanSource.ECR_ENHANCED,
        ),
        ({"findings": [basic_row()]}, "ACTIVE", ScanSource.ECR_BASIC),
        ({}, "FAILED", ScanSource.INSPECTOR2),
    ],
)
def test_shape_decides_who_scanned(body: Any, status: str, expected: ScanSource) -> None:
    """What is listed says who scanned; without it the event's word stands."""
    report = normalize_ecr(
        [page(status=status, imageScanFindings=body)], IMAGE, Scan(ScanSource.INSPECTOR2, "x")
    )

    assert report.scan.source is expected


def test_no_pages_are_no_result() -> None:
    """Without pages nothing is known, and what the event said of the image stays."""
    report = normalize_ecr([], IMAGE, SCAN)

    assert isinstance(report, UnusableReport)
    assert report.image == IMAGE


def test_list_without_a_status_needs_a_sign_of_completion() -> None:
    """An empty list proves nothing unless something says that the scan was completed."""
    empty = {"imageScanFindings": {"findings": []}}
    dated = {"imageScanFindings": {"findings": [], "imageScanCompletedAt": 1760538840}}

    assert isinstance(normalize_ecr([empty], IMAGE, SCAN), UnusableReport)
    assert isinstance(normalize_ecr([dated], IMAGE, SCAN), Report)


def test_enhanced_findings_describe_the_image() -> None:
    """Tags, platform, distribution, push and use come from Inspector, which knows them now."""
    row = inspector_row(
        resources=[
            resource(imageTags=["new"], architecture="amd64", platform="DEBIAN_12", inUseCount=0)
        ]
    )

    report = normalize_ecr([page(row, status="ACTIVE")], replace(IMAGE, in_use_count=4), SCAN)

    assert report.image == replace(
        IMAGE, tags=("new",), platform="linux/amd64", os="DEBIAN_12", in_use_count=0
    )


def test_the_events_tags_stay_when_ecr_gives_none() -> None:
    """Asked by digest, ECR names no tag; untagged in Inspector does not undo the event's."""
    row = inspector_row(resources=["x", resource(imageTags=[])])

    assert normalize_ecr([page(basic_row())], IMAGE, SCAN).image.tags == ("1.4.2",)
    assert normalize_ecr([page(row)], IMAGE, SCAN).image.tags == ("1.4.2",)


def test_another_images_description_is_not_taken() -> None:
    """A resource with another digest says nothing about this image."""
    other = inspector_row(resources=[resource(imageHash="sha256:99", platform="DEBIAN_12")])

    assert normalize_ecr([page(other)], IMAGE, SCAN).image == IMAGE


def test_pages_name_an_image_nobody_named_before() -> None:
    """Without an event the pages say which image they are about."""
    tagged = page(basic_row(), imageId={"imageDigest": DIGEST, "imageTag": "1.4.2"})

    basic = normalize_ecr([tagged], NOWHERE, SCAN).image
    enhanced = normalize_ecr([page(inspector_row(), imageId={})], NOWHERE, SCAN).image

    assert basic == replace(IMAGE, region="")
    assert enhanced == IMAGE


def test_findings_are_distinct_and_worst_first() -> None:
    """Rows of the same identity are one finding; one row can be several."""
    rows = [
        inspector_row("CVE-1", package("a"), package("b"), severity="LOW"),
        inspector_row("CVE-1", package("a"), severity="LOW"),
        inspector_row("CVE-2", package("a"), severity="UNTRIAGED"),
        inspector_row("CVE-3", package("a"), severity="CRITICAL"),
    ]

    report = normalize_ecr([page(*rows)], IMAGE, SCAN)

    assert isinstance(report, Report)
    assert [finding.id for finding in report.findings] == [
        ("CVE-3", "a", ""),
        ("CVE-1", "a", ""),
        ("CVE-1", "b", ""),
        ("CVE-2", "a", ""),
    ]
    assert report.counts[Severity.LOW] == 2


def test_aws_own_example_in_full() -> None:
    """The example of the API reference, field by field."""
    report = normalize_ecr(
        [document("ecr-enhanced/aws-docs-example.json")], NOWHERE, Scan(ScanSource.ECR_BASIC, "x")
    )

    assert isinstance(report, Report)
    (found,) = report.findings
    assert report.image.region == "us-west-2"
    assert report.image.in_use_count == 1
    assert found.package.version == "2.9.14+dfsg-1.3~deb12u1"
    assert found.fixed_version is None
    assert found.fix_available == "NO"
    assert not found.fixable
    assert found.remediation is None
    assert "vendor_severity" not in found.extra


# --- what the event announced -------------------------------------------------------------------


def test_fewer_findings_than_announced_are_not_a_result_yet() -> None:
    """ECR can say COMPLETE before its lists are; what is listed is kept, as incomplete."""
    with pytest.raises(FindingsNotReadyError, match=r"3 findings .* 1 are listed") as raised:
        source(FakeEcr([basic_row()])).report(IMAGE, SCAN, announced=3)

    partial = raised.value.partial
    assert isinstance(partial, Report)
    assert not partial.scan.complete
    assert partial.scan.warnings[-1] == "3 findings were announced, 1 are listed"


def test_an_empty_list_is_no_all_clear_when_findings_were_announced() -> None:
    """Nothing listed of what was announced is no result at all."""
    with pytest.raises(FindingsNotReadyError) as raised:
        source(FakeEcr()).report(IMAGE, SCAN, announced=3)

    assert isinstance(raised.value.partial, UnusableReport)


@pytest.mark.parametrize("announced", [None, 0, 1])
def test_what_was_announced_is_enough(announced: int | None) -> None:
    """More than announced is fine, and an event without counts announces nothing."""
    report = source(FakeEcr([basic_row()])).report(IMAGE, SCAN, announced=announced)

    assert isinstance(report, Report)
    assert report.scan.complete


def test_a_scan_without_a_result_does_not_wait_for_findings() -> None:
    """UNSUPPORTED_IMAGE stays what it is, whatever an event counted."""
    report = source(FakeEcr(status="UNSUPPORTED_IMAGE")).report(IMAGE, SCAN, announced=3)

    assert isinstance(report, UnusableReport)


# --- which image --------------------------------------------------------------------------------


def test_an_image_of_another_region_is_refused() -> None:
    """An image of the same name here would answer for it."""
    with pytest.raises(EventError, match="us-east-1"):
        source(FakeEcr([basic_row()])).report(replace(IMAGE, region="us-east-1"), SCAN)


def test_a_description_tells_when_an_image_was_pushed() -> None:
    """Time and, where the event had none, tags; asked for by digest and account."""
    pushed_at = datetime(2026, 11, 1, tzinfo=UTC)
    ecr = FakeEcr(details=[{"imagePushedAt": pushed_at, "imageTags": ["1.4.2", "latest"]}])

    described = source(ecr).describe(replace(IMAGE, tags=()))

    assert (described.pushed_at, described.tags) == (pushed_at, ("1.4.2", "latest"))
    assert ecr.requests[0]["imageIds"] == [{"imageDigest": IMAGE.digest}]
    assert ecr.requests[0]["registryId"] == IMAGE.account


def test_a_description_without_an_image_says_that_it_is_gone() -> None:
    """Deleted between its scan and now."""
    with pytest.raises(ImageGoneError):
        source(FakeEcr()).describe(IMAGE)


@pytest.mark.parametrize(
    "kind", ["application/vnd.in-toto+json", "application/vnd.dev.cosign.simplesigning.v1+json"]
)
def test_attestations_and_signatures_are_no_images(kind: str) -> None:
    """Nobody scans them, so nobody has to hear that they were not scanned."""
    ecr = FakeEcr(details=[{"artifactMediaType": kind}])

    with pytest.raises(NotAnImageError, match=kind.replace("+", r"\+")):
        source(ecr).describe(IMAGE)


@pytest.mark.parametrize("account", [IMAGE.account, ""])
def test_an_older_client_reads_the_manifest_of_what_may_be_no_image(account: str) -> None:
    """It does not know the field that names the image which another one belongs to."""
    image = replace(IMAGE, account=account)
    referrer = FakeEcr(details=[{}], fields=(), manifest=f'{{"subject": {{"digest": "{DIGEST}"}}}}')
    alone = FakeEcr(details=[{}], fields=())

    with pytest.raises(NotAnImageError, match="something about sha256:"):
        source(referrer).describe(image)
    source(alone).describe(image)

    expected = {"repositoryName": IMAGE.repository, "imageIds": [{"imageDigest": IMAGE.digest}]}
    expected |= {"registryId": account} if account else {}
    assert referrer.requests[1] == alone.requests[1] == expected


def test_an_image_without_an_account_is_described_in_the_caller_s() -> None:
    """A document may name none."""
    ecr = FakeEcr(details=[{"artifactMediaType": "application/vnd.oci.image.config.v1+json"}])

    source(ecr).describe(replace(IMAGE, account=""))

    assert "registryId" not in ecr.requests[0]
