"""A build cache that was pushed last is not the newest image, wherever one is looked for."""

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from lib.checks import findings as checks
from lib.checks.caches import BUILD_CACHE
from lib.checks.expectations import Expectations
from lib.checks.settings import check
from lib.errors import NotAnImageError
from lib.models import Image, PushEvent, RunningImage
from lib.normalizer.events import parse_event
from lib.sources.ecr import EcrFindingSource
from lib.sources.registry import EcrRegistry
from lib.sources.repositories import EcrRepositories
from lib.sources.running import Answer
from tests.support.builders import NOW, a_digest, an_image
from tests.support.documents import document

NAME = "payments/api"
THE: Image = an_image(digest="", tags=())
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"


def detail(number: int, days: float, kind: str, *tags: str) -> dict[str, Any]:
    """Return an image or a cache as DescribeImages does, pushed some days ago."""
    return {
        "registryId": THE.account,
        "repositoryName": NAME,
        "imageDigest": a_digest(number),
        "imageTags": list(tags),
        "imagePushedAt": NOW - timedelta(days=days),
        "imageManifestMediaType": MANIFEST,
        "artifactMediaType": kind,
    }


DETAILS = [
    detail(1, 9, CONFIG, "1.4.2"),
    detail(2, 2, BUILD_CACHE, "buildcache"),
    detail(3, 2, BUILD_CACHE),
]
"""An image, and a cache that each build pushes anew, after the image."""


@pytest.fixture
def ecr() -> Any:
    """Yield a client, and the answers that it gives."""
    client = boto3.client(
        "ecr", region_name=THE.region, aws_access_key_id="x", aws_secret_access_key="x"
    )
    with Stubber(client) as stubber:
        yield SimpleNamespace(client=client, answers=stubber)
        stubber.assert_no_pending_responses()


def answer_all(ecr: Any, policy: str) -> None:
    """Give the answers of a check of a repository, in their order."""
    repository = {"registryId": THE.account, "repositoryName": NAME}
    rule = {"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": []}
    scan = {
        "imageScanStatus": {"status": "COMPLETE"},
        "imageScanFindings": {"imageScanCompletedAt": NOW, "findingSeverityCounts": {"HIGH": 1}},
    }
    for operation, response in (
        ("describe_repositories", {"repositories": [repository]}),
        (
            "get_registry_scanning_configuration",
            {"scanningConfiguration": {"scanType": "BASIC", "rules": [rule]}},
        ),
        ("describe_pull_through_cache_rules", {"pullThroughCacheRules": []}),
        ("describe_images", {"imageDetails": DETAILS}),
        ("describe_image_scan_findings", scan),
        ("get_lifecycle_policy", {"lifecyclePolicyText": policy}),
    ):
        ecr.answers.add_response(operation, response)


def a_policy(keep: int) -> str:
    """Return a policy that keeps some of whatever was pushed last: ECR counts caches, too."""
    selection = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": keep}
    rule = {"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}
    return json.dumps({"rules": [rule]})


def test_a_check_asks_for_the_scan_of_the_newest_image(ecr: Any) -> None:
    """The cache has none, which is no finding."""
    answer_all(ecr, a_policy(20))

    settings = EcrRepositories(ecr.client).settings(THE)

    assert settings.newest is not None
    assert settings.newest.name == f"{NAME}:1.4.2"
    found = {one.vulnerability_id for one in check(settings, Expectations(), now=NOW)}
    assert checks.NOT_SCANNED not in found


def test_a_policy_that_keeps_the_caches_takes_the_image_away(ecr: Any) -> None:
    """ECR counts each artifact: two caches are all that stays, and the image runs."""
    answer_all(ecr, a_policy(2))
    runs = RunningImage(a_digest(1), (), "an ECS task")
    running: Any = SimpleNamespace(images=lambda *_, **__: Answer((runs,)))

    settings = EcrRepositories(ecr.client, running).settings(THE)

    (finding,) = [
        one
        for one in check(settings, Expectations(), now=NOW)
        if one.vulnerability_id == checks.LIFECYCLE_RUNNING
    ]
    assert '"countNumber":3' in finding.extra[checks.COMMAND]


def test_no_pass_waits_for_the_scan_of_a_cache(ecr: Any) -> None:
    """Neither the hourly one nor the daily one, which digests count by."""
    registry = EcrRegistry(ecr.client)

    ecr.answers.add_response("describe_images", {"imageDetails": DETAILS})
    recent = registry.images(NAME, since=LONG_AGO)
    ecr.answers.add_response("describe_images", {"imageDetails": DETAILS})
    listed = list(registry.listed(THE))

    assert [image.digest for image in recent if isinstance(image, Image)] == [a_digest(1)]
    assert [row.image.digest for row in listed] == [a_digest(1)]


def test_the_push_of_a_cache_makes_it_the_image_of_no_stream() -> None:
    """The event says that it is no image."""
    body = document("ecr-image-action/push.json")
    pushed = {"image-tag": "buildcache", "artifact-media-type": BUILD_CACHE}

    event = parse_event({**body, "detail": {**body["detail"], **pushed}})

    assert isinstance(event, PushEvent)
    assert event.artifact == BUILD_CACHE


def test_the_failed_scan_of_a_cache_is_not_that_of_an_image(ecr: Any) -> None:
    """Scan on push ends as FAILED for each build."""
    ecr.answers.add_response("describe_images", {"imageDetails": DETAILS[1:2]})
    cache = an_image(2, tags=("buildcache",))

    with pytest.raises(NotAnImageError, match="buildkit"):
        EcrFindingSource(ecr.client).describe(cache)
