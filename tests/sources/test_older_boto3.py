"""
What an older boto3 drops from the answers of ECR is not known: neither "active" nor "an image".

The Lambda runtime brings a boto3 of its own, and 1.40.4 does not know `imageStatus` and
`subjectManifestDigest`. The answers here are what ECR sends over the wire, so each test shows what
the boto3 that runs it makes of them; the last one runs all tests of the sources with the oldest.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse

from lib.errors import NotAnImageError
from lib.models import Doubt, Image
from lib.normalizer.images import detail_fields, doubts_about
from lib.sources.ecr import EcrFindingSource
from lib.sources.registry import EcrRegistry
from lib.sources.repositories import EcrRepositories
from tests.deploy.conftest import BUILD, ROOT, needed
from tests.support.builders import a_digest

OLDEST = "1.40.4"
FOLDER = BUILD / "venvs" / "oldest"
NEW_FIELDS = {"imageStatus", "subjectManifestDigest"}
SINCE = datetime(2026, 11, 1, tzinfo=UTC)
PUSHED = 1795000000
IMAGE = Image("aws", "000474600478", "eu-central-1", "payments/api", a_digest(3))


class Wire:
    """An ECR client that sends nothing: each operation has its answer, as JSON."""

    def __init__(self, **answers: Mapping[str, Any]) -> None:
        self.calls: list[str] = []
        self._answers = answers
        self.client: Any = boto3.client(
            "ecr", region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="y"
        )
        self.client.meta.events.register("before-send.ecr", self._answer)

    def _answer(self, request: Any, **_: Any) -> AWSResponse:
        operation = request.headers["X-Amz-Target"].decode().rpartition(".")[2]
        self.calls.append(operation)
        body = json.dumps(self._answers[operation]).encode()
        raw = SimpleNamespace(stream=lambda **_: [body], headers={})
        return AWSResponse(request.url, 200, {"Content-Type": "application/x-amz-json-1.1"}, raw)


def a_detail(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "registryId": IMAGE.account,
        "repositoryName": IMAGE.repository,
        "imageDigest": a_digest(number),
        "imagePushedAt": PUSHED + number,
        **fields,
    }


ANSWER = {
    "imageDetails": [
        a_detail(1, imageStatus="ACTIVE"),
        a_detail(2, imageStatus="ARCHIVED"),
        a_detail(3, imageStatus="ACTIVE", subjectManifestDigest=a_digest(1)),
    ]
}


def knows_new_fields(wire: Wire) -> bool:
    return detail_fields(wire.client) >= NEW_FIELDS


def test_the_tests_run_with_the_boto3_that_they_are_meant_for() -> None:
    """The run with the oldest one must not pick up another."""
    expected = os.environ.get("BOTO3_OF_TESTS", boto3.__version__)

    assert boto3.__version__ == expected
    assert knows_new_fields(Wire()) is (expected != OLDEST)


def test_what_is_not_active_is_left_out_or_not_known() -> None:
    """An archived image and a referrer are never taken for images without a doubt."""
    wire = Wire(DescribeImages=ANSWER)

    doubts = {
        image.digest: image.doubts
        for image in EcrRegistry(wire.client).images(IMAGE.repository, since=SINCE)
        if isinstance(image, Image)
    }

    if knows_new_fields(wire):
        assert doubts == {a_digest(1): ()}
    else:
        assert doubts == dict.fromkeys(map(a_digest, (1, 2, 3)), tuple(Doubt))


def test_an_answer_without_a_status_is_not_known() -> None:
    """Whatever the client: ECR may leave the field out."""
    assert doubts_about(a_detail(1), NEW_FIELDS) == (Doubt.ARCHIVED,)
    assert doubts_about(a_detail(1, imageStatus="ACTIVE"), NEW_FIELDS) == ()
    assert doubts_about(a_detail(1), ()) == tuple(Doubt)


@pytest.mark.parametrize("account", [IMAGE.account, ""])
def test_a_referrer_is_told_by_its_manifest(account: str) -> None:
    """The answer of BatchGetImage holds the manifest as text, whatever boto3 knows."""
    manifest = json.dumps({"subject": {"digest": a_digest(1)}})
    images = {"images": [{"imageId": {"imageDigest": a_digest(3)}, "imageManifest": manifest}]}
    wire = Wire(DescribeImages={"imageDetails": ANSWER["imageDetails"][2:]}, BatchGetImage=images)

    with pytest.raises(NotAnImageError, match="something about sha256:"):
        EcrFindingSource(wire.client).describe(replace(IMAGE, account=account))

    assert ("BatchGetImage" in wire.calls) is not knows_new_fields(wire)


def test_an_image_stays_one_by_its_manifest() -> None:
    """No subject, or no manifest any more: nothing speaks against it."""
    for images in ([], [{"imageId": {}, "imageManifest": "{}"}]):
        details = {"imageDetails": [a_detail(3, imageStatus="ACTIVE")]}
        wire = Wire(DescribeImages=details, BatchGetImage={"images": images})

        assert EcrFindingSource(wire.client).describe(IMAGE).digest == IMAGE.digest


def test_the_newest_image_carries_its_doubts() -> None:
    """The check of a repository says what it does not know of the image that it looks at."""
    wire = Wire(
        DescribeRepositories={"repositories": [{"repositoryName": IMAGE.repository}]},
        GetRegistryScanningConfiguration={"scanningConfiguration": {"scanType": "BASIC"}},
        DescribePullThroughCacheRules={"pullThroughCacheRules": []},
        GetLifecyclePolicy={"lifecyclePolicyText": "{}"},
        DescribeImages={"imageDetails": ANSWER["imageDetails"][:2]},
        DescribeImageScanFindings={"imageScanStatus": {"status": "COMPLETE"}},
    )
    repository = replace(IMAGE, digest="")

    newest = EcrRepositories(wire.client).settings(repository).newest

    assert newest is not None
    expected = (a_digest(1), ()) if knows_new_fields(wire) else (a_digest(2), tuple(Doubt))
    assert (newest.digest, newest.doubts) == expected


@pytest.mark.slow
@pytest.mark.skipif("BOTO3_OF_TESTS" in os.environ, reason="this is that run")
def test_the_sources_work_with_the_oldest_boto3() -> None:
    """All their tests pass with it, but for those of fields that it does not know."""
    needed(FOLDER / ".ready", "`make test` installs the oldest boto3")
    (packages,) = FOLDER.glob("lib/python*/site-packages")
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment = {**kept, "PYTHONPATH": str(packages), "BOTO3_OF_TESTS": OLDEST}
    command = [sys.executable, "-m", "pytest", "-q", "-n0", "--no-cov", "-p", "no:cacheprovider"]

    answer = subprocess.run(
        [*command, "tests/sources"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert answer.returncode == 0, answer.stdout[-3000:]
