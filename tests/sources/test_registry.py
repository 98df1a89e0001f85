"""What ECR holds, as boto3's own client asks for it and pages it."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from lib.errors import ImageGoneError, NotAllowedError, SourceError, SourceThrottledError
from lib.models import Image, ImageIndex, LastScan, Member, ScanProgress, ScanSource
from lib.normalizer.images import detail_fields, doubts_about
from lib.normalizer.indexes import INDEX_TYPES
from lib.sources.registry import EcrRegistry
from tests.support.builders import a_digest
from tests.support.shapes import basic_row, inspector_row, page

REPOSITORY = "payments/api"
SINCE = datetime(2026, 11, 1, tzinfo=UTC)
PUSHED = SINCE + timedelta(days=1)
IMAGE = Image("aws", "000474600478", "eu-central-1", REPOSITORY, a_digest(), pushed_at=PUSHED)


@pytest.fixture
def ecr() -> Iterator[Stubber]:
    client = boto3.client(
        "ecr", region_name="eu-central-1", aws_access_key_id="none", aws_secret_access_key="none"
    )
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def registry(ecr: Stubber) -> EcrRegistry:
    return EcrRegistry(ecr.client)


FIELDS = detail_fields(
    boto3.client(
        "ecr", region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
)
"""The oldest boto3 that the sources are tested with does not know them all."""


def a_detail(number: int = 1, **fields: Any) -> dict[str, Any]:
    return {
        **({"imageStatus": "ACTIVE"} if "imageStatus" in FIELDS else {}),
        "registryId": IMAGE.account,
        "repositoryName": REPOSITORY,
        "imageDigest": a_digest(number),
        "imagePushedAt": PUSHED,
        **fields,
    }


def listed(ecr: Stubber, *details: dict[str, Any]) -> None:
    request = {"repositoryName": REPOSITORY, "maxResults": 1000}
    ecr.add_response("describe_images", {"imageDetails": list(details)}, request)


def digests(found: Any) -> list[str]:
    return [each.digest for each in found]


def test_repositories_are_listed_by_the_thousand(ecr: Stubber) -> None:
    """All pages."""
    first = {"repositories": [{"repositoryName": "payments/api"}], "nextToken": "more"}
    ecr.add_response("describe_repositories", first, {"maxResults": 1000})
    second = {"repositories": [{"repositoryName": "web"}]}
    asked = {"maxResults": 1000, "nextToken": "more"}
    ecr.add_response("describe_repositories", second, asked)

    assert registry(ecr).repositories() == ["payments/api", "web"]


def test_images_are_listed_by_the_thousand(ecr: Stubber) -> None:
    """All pages, with what is known of each image."""
    request = {"repositoryName": REPOSITORY, "maxResults": 1000}
    first = {"imageDetails": [a_detail(imageTags=["1.4.2"])], "nextToken": "more"}
    ecr.add_response("describe_images", first, request)
    second = {"imageDetails": [a_detail(2)]}
    ecr.add_response("describe_images", second, {**request, "nextToken": "more"})

    found = registry(ecr).images(REPOSITORY, since=SINCE)

    assert found[0] == replace(IMAGE, tags=("1.4.2",), doubts=doubts_about(a_detail(), FIELDS))
    assert digests(found) == [a_digest(1), a_digest(2)]


@pytest.mark.parametrize(
    "detail",
    [
        a_detail(imagePushedAt=SINCE - timedelta(seconds=1)),
        a_detail(imageStatus="ARCHIVED"),
        a_detail(imageStatus="ACTIVATING"),
        a_detail(artifactMediaType="application/vnd.in-toto+json"),
        a_detail(subjectManifestDigest=a_digest(2)),
    ],
)
def test_what_needs_no_scan_is_left_out(ecr: Stubber, detail: dict[str, Any]) -> None:
    """Old and archived images, attestations and referrers."""
    if not set(detail) <= FIELDS:
        pytest.skip("this boto3 does not know the field")
    listed(ecr, detail, a_detail(9))

    assert digests(registry(ecr).images(REPOSITORY, since=SINCE)) == [a_digest(9)]


def test_an_index_stands_for_its_images(ecr: Stubber) -> None:
    """Members and attestations are not looked at on their own, but for those with tags."""
    index = a_detail(1, imageManifestMediaType=INDEX_TYPES[0], imageTags=["1.4.2"])
    listed(ecr, a_detail(2), a_detail(3, imageTags=["arm"]), a_detail(4), a_detail(5), index)
    manifests = [
        {"digest": a_digest(2), "platform": {"os": "linux", "architecture": "amd64"}},
        {"digest": a_digest(3), "platform": {"os": "linux", "architecture": "arm64"}},
        {"digest": a_digest(4), "platform": {"os": "unknown", "architecture": "unknown"}},
    ]
    answer = {
        "imageId": {"imageDigest": a_digest(1)},
        "imageManifest": json.dumps({"manifests": manifests}),
    }
    ecr.add_response("batch_get_image", {"images": [answer]})

    alone, other, found = registry(ecr).images(REPOSITORY, since=SINCE)

    assert digests((alone, other)) == [a_digest(3), a_digest(5)]
    assert isinstance(found, ImageIndex)
    assert found.image.digest == a_digest(1)
    assert found.members == (
        Member(a_digest(2), "linux/amd64"),
        Member(a_digest(3), "linux/arm64"),
    )


def test_an_index_without_images_is_nothing_to_look_at(ecr: Stubber) -> None:
    """A list of signatures, or an empty one."""
    listed(ecr, a_detail(1, imageManifestMediaType=INDEX_TYPES[0]))
    answer = {"imageId": {"imageDigest": a_digest(1)}, "imageManifest": '{"manifests": []}'}
    ecr.add_response("batch_get_image", {"images": [answer]})

    assert registry(ecr).images(REPOSITORY, since=SINCE) == []


@pytest.mark.parametrize(
    ("answer", "progress", "source"),
    [
        (page(basic_row(), status="COMPLETE"), ScanProgress.USABLE, ScanSource.ECR_BASIC),
        (page(inspector_row(), status="ACTIVE"), ScanProgress.USABLE, ScanSource.ECR_ENHANCED),
        ({"imageScanStatus": {"status": "ACTIVE"}}, ScanProgress.USABLE, ScanSource.ECR_ENHANCED),
        ({"imageScanStatus": {"status": "FAILED"}}, ScanProgress.UNUSABLE, ScanSource.ECR_BASIC),
        ({"imageScanStatus": {"status": "NEW_WORD"}}, ScanProgress.UNUSABLE, ScanSource.ECR_BASIC),
        ({"imageScanStatus": {"status": "PENDING"}}, ScanProgress.RUNNING, ScanSource.ECR_BASIC),
    ],
)
def test_one_call_says_how_far_a_scan_is(
    ecr: Stubber, answer: Any, progress: ScanProgress, source: ScanSource
) -> None:
    """Its status, who scanned, and when it was completed; one finding is asked for, not all."""
    request = {
        "repositoryName": REPOSITORY,
        "imageId": {"imageDigest": a_digest()},
        "registryId": IMAGE.account,
        "maxResults": 1,
    }
    ecr.add_response("describe_image_scan_findings", answer, request)

    scan = registry(ecr).last_scan(IMAGE)

    assert (scan.status, scan.progress) == (answer["imageScanStatus"]["status"], progress)
    assert scan.source is source


def test_an_image_that_was_never_scanned_has_no_scan(ecr: Stubber) -> None:
    """That is an answer, no error; the registry is the caller's when none is named."""
    request = {
        "repositoryName": REPOSITORY,
        "imageId": {"imageDigest": a_digest()},
        "maxResults": 1,
    }
    ecr.add_client_error(
        "describe_image_scan_findings", "ScanNotFoundException", expected_params=request
    )

    scan = registry(ecr).last_scan(Image("aws", "", "eu-central-1", REPOSITORY, a_digest()))

    assert scan == LastScan(ScanSource.ECR_BASIC, "SCAN_NOT_FOUND", ScanProgress.NONE)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("ImageNotFoundException", ImageGoneError),
        ("ThrottlingException", SourceThrottledError),
        ("AccessDeniedException", NotAllowedError),
    ],
)
def test_refusals_have_a_class(ecr: Stubber, code: str, expected: type[SourceError]) -> None:
    """Gone, too many calls, or not allowed: for an image as for a repository."""
    ecr.add_client_error("describe_image_scan_findings", code)
    ecr.add_client_error("describe_images", code)

    with pytest.raises(expected):
        registry(ecr).last_scan(IMAGE)
    with pytest.raises(expected, match=REPOSITORY):
        registry(ecr).images(REPOSITORY, since=SINCE)
