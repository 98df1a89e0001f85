"""Lifecycle policies and the settings of repositories, as the embedded AWS imitates them."""

import json
import uuid
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from lib.checks.completion import policy
from local.aws.ecr_lifecycle import PolicyImage, mark_images
from local.aws.process import EmbeddedAws

DAY = 24 * 60 * 60
NOW = 1000 * DAY
EXCEPT = "IMMUTABLE_WITH_EXCLUSION"
LATEST = [{"filterType": "WILDCARD", "filter": "latest"}]


def a_rule(priority: int, status: str = "any", count: int = 1, **more: Any) -> dict[str, Any]:
    action = more.pop("action", "expire")
    selection = {"tagStatus": status, "countType": "imageCountMoreThan", "countNumber": count}
    return {
        "rulePriority": priority,
        "selection": selection | more,
        "action": {"type": action},
    }


def an_image(name: str, days: float, *tags: str, members: tuple[str, ...] = ()) -> PolicyImage:
    return PolicyImage(name, tags, NOW - days * DAY, members)


def expired(rules: list[Any], *images: PolicyImage) -> dict[str, int]:
    return {image.digest: rule["rulePriority"] for image, rule in mark_images(rules, images, NOW)}


# The repository of AWS's examples:
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_examples.html
A = an_image("A", 10, "beta-1", "prod-1")
B = an_image("B", 9, "beta-2", "prod-2")
C = an_image("C", 8, "beta-3")
PROD = {"status": "tagged", "tagPrefixList": ["prod"]}
BETA = {"status": "tagged", "tagPrefixList": ["beta"]}


def test_what_an_earlier_rule_keeps_a_later_one_cannot_expire() -> None:
    """AWS's example: B would go by the second rule, and is kept by the first."""
    assert expired([a_rule(1, **PROD), a_rule(2, **BETA)], A, B, C) == {"A": 1}


def test_an_image_is_expired_by_one_rule() -> None:
    """AWS's example the other way round: A and B go by the first, the second has nothing left."""
    assert expired([a_rule(1, **BETA), a_rule(2, **PROD)], A, B, C) == {"A": 1, "B": 1}


@pytest.mark.parametrize(
    ("rule", "gone"),
    [
        (a_rule(1), {"A", "B", "U"}),
        (a_rule(1, count=3), {"A"}),
        (a_rule(1, "untagged", countType="sinceImagePushed", countNumber=8), {"U"}),
        (a_rule(1, "untagged", countType="sinceImagePushed", countNumber=9), set()),
        (a_rule(1, "tagged", tagPatternList=["*"]), {"A", "B"}),
        (a_rule(1, "tagged", tagPatternList=["beta-*", "prod-*"]), {"A"}),
        (a_rule(1, "tagged", tagPatternList=["*-3"]), set()),
    ],
)
def test_what_a_rule_selects(rule: Any, gone: set[str]) -> None:
    """By tags, all of them where there are several patterns; by number or by age."""
    images = (A, B, C, an_image("U", 8.5))

    assert set(expired([rule], *images)) == gone


def test_what_an_index_refers_to_stays_as_long() -> None:
    """Only the index is expired."""
    index = an_image("index", 5, "1.0", members=("arm", "amd"))
    images = (index, an_image("arm", 6), an_image("amd", 6), an_image("new", 1, "1.1"))

    assert expired([a_rule(1, count=1)], *images) == {"index": 1}


# --- over the wire ------------------------------------------------------------------------------


@pytest.fixture
def ecr(embedded_aws: EmbeddedAws) -> Any:
    return embedded_aws.client("ecr")


@pytest.fixture
def name(ecr: Any) -> str:
    name = f"kept/{uuid.uuid4().hex[:12]}"
    ecr.create_repository(repositoryName=name)
    return name


def code(refused: pytest.ExceptionInfo[ClientError]) -> str:
    return str(refused.value.response["Error"]["Code"])


def test_a_preview_is_in_progress_first(embedded_aws: EmbeddedAws, ecr: Any, name: str) -> None:
    """Then it is complete, in pages, and says how many would go."""
    for place in range(4):
        digest = embedded_aws.push(name, f"1.{place}")
        embedded_aws.date(name, digest, datetime.now(UTC) - timedelta(days=9 - place))

    started = ecr.start_lifecycle_policy_preview(repositoryName=name, lifecyclePolicyText=policy(1))
    with pytest.raises(ClientError) as refused:
        ecr.start_lifecycle_policy_preview(repositoryName=name, lifecyclePolicyText=policy(1))
    running = ecr.get_lifecycle_policy_preview(repositoryName=name)
    first = ecr.get_lifecycle_policy_preview(repositoryName=name, maxResults=2)
    second = ecr.get_lifecycle_policy_preview(
        repositoryName=name, maxResults=2, nextToken=first["nextToken"]
    )

    assert code(refused) == "LifecyclePolicyPreviewInProgressException"
    assert (started["status"], running["status"]) == ("IN_PROGRESS", "IN_PROGRESS")
    assert first["status"] == "COMPLETE"
    assert first["summary"] == {"expiringImageTotalCount": 3}
    assert "nextToken" not in second
    rows = [*first["previewResults"], *second["previewResults"]]
    assert [each["imageTags"] for each in rows] == [["1.2"], ["1.1"], ["1.0"]]
    assert {each["appliedRulePriority"] for each in rows} == {2}
    assert rows[0]["action"] == {"type": "EXPIRE"}
    assert len(ecr.describe_images(repositoryName=name)["imageDetails"]) == 4


def test_a_preview_of_the_policy_it_has(ecr: Any, name: str) -> None:
    """Without a text; a repository without a policy has none to preview."""
    with pytest.raises(ClientError) as refused:
        ecr.start_lifecycle_policy_preview(repositoryName=name)
    ecr.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=policy(3))

    started = ecr.start_lifecycle_policy_preview(repositoryName=name)

    assert code(refused) == "LifecyclePolicyNotFoundException"
    assert started["lifecyclePolicyText"] == policy(3)


def test_what_is_archived_says_where(embedded_aws: EmbeddedAws, ecr: Any, name: str) -> None:
    """It does not count as expiring."""
    embedded_aws.push(name, "1.0")
    embedded_aws.push(name, "1.1")
    rule = a_rule(1, action="transition")
    text = json.dumps({"rules": [rule]}, indent=2)
    ecr.start_lifecycle_policy_preview(repositoryName=name, lifecyclePolicyText=text)
    ecr.get_lifecycle_policy_preview(repositoryName=name)

    found = ecr.get_lifecycle_policy_preview(repositoryName=name)

    assert found["summary"] == {"expiringImageTotalCount": 0}
    assert [each["action"] for each in found["previewResults"]] == [
        {"type": "TRANSITION", "targetStorageClass": "ARCHIVE"}
    ]


@pytest.mark.parametrize("max_results", [None, 101])
def test_a_preview_that_nobody_started(ecr: Any, name: str, max_results: int | None) -> None:
    """There is none, and a page of one that there is has a hundred images at most."""
    request = {"repositoryName": name}
    if max_results is not None:
        ecr.start_lifecycle_policy_preview(**request, lifecyclePolicyText=policy())
        request |= {"maxResults": max_results}  # type: ignore[dict-item]  # a number

    with pytest.raises(ClientError) as refused:
        ecr.get_lifecycle_policy_preview(**request)

    assert code(refused) in (
        "LifecyclePolicyPreviewNotFoundException",
        "InvalidParameterException",
    )


@pytest.mark.parametrize(
    "rules",
    [
        [],
        [a_rule(0)],
        [a_rule(1, count=0)],
        [a_rule(1, "untagged"), a_rule(1)],
        [a_rule(1), a_rule(2, "untagged")],
        [a_rule(1, "some")],
        [a_rule(1, action="delete")],
        [{"rulePriority": 1}],
    ],
)
def test_what_is_no_policy_is_refused(ecr: Any, name: str, rules: list[Any]) -> None:
    """By the preview as by the call that puts it."""
    text = json.dumps({"rules": rules}).ljust(100)

    for call in (ecr.put_lifecycle_policy, ecr.start_lifecycle_policy_preview):
        with pytest.raises(ClientError) as refused:
            call(repositoryName=name, lifecyclePolicyText=text)
        assert code(refused) == "InvalidParameterException"


# --- tags that may be moved ---------------------------------------------------------------------


def found(ecr: Any, name: str) -> tuple[str, Any]:
    (repository,) = ecr.describe_repositories(repositoryNames=[name])["repositories"]
    filters = repository.get("imageTagMutabilityExclusionFilters")
    return repository["imageTagMutability"], filters


def test_exclusion_filters_are_kept(ecr: Any) -> None:
    """From the beginning or later, until the mode is one without."""
    name = f"kept/{uuid.uuid4().hex[:12]}"
    made = ecr.create_repository(
        repositoryName=name,
        imageTagMutability=EXCEPT,
        imageTagMutabilityExclusionFilters=LATEST,
    )["repository"]
    before = found(ecr, name)
    other = [{"filterType": "WILDCARD", "filter": "dev-*"}]
    put = ecr.put_image_tag_mutability(
        repositoryName=name,
        imageTagMutability=EXCEPT,
        imageTagMutabilityExclusionFilters=other,
    )
    between = found(ecr, name)
    ecr.put_image_tag_mutability(repositoryName=name, imageTagMutability="IMMUTABLE")

    assert made["imageTagMutabilityExclusionFilters"] == LATEST
    assert put["imageTagMutabilityExclusionFilters"] == other
    assert (before, between) == ((EXCEPT, LATEST), (EXCEPT, other))
    assert found(ecr, name) == ("IMMUTABLE", None)


@pytest.mark.parametrize(
    ("mode", "filters"),
    [
        (EXCEPT, []),
        ("IMMUTABLE", ["latest"]),
        (EXCEPT, list("abcdef")),
        (EXCEPT, ["*-*-*"]),
    ],
)
def test_filters_that_ecr_refuses(ecr: Any, name: str, mode: str, filters: list[str]) -> None:
    """Where there may be none, must be some, or are too many."""
    rows = [{"filterType": "WILDCARD", "filter": each} for each in filters]
    request = {"imageTagMutabilityExclusionFilters": rows} if rows else {}

    with pytest.raises(ClientError) as refused:
        ecr.put_image_tag_mutability(repositoryName=name, imageTagMutability=mode, **request)

    assert code(refused) == "InvalidParameterException"


@pytest.mark.parametrize(
    ("mode", "moved", "kept"),
    [(EXCEPT, "latest", "1.0"), ("MUTABLE_WITH_EXCLUSION", "1.0", "latest")],
)
def test_tags_are_moved_as_the_filters_say(
    embedded_aws: EmbeddedAws, ecr: Any, name: str, mode: str, moved: str, kept: str
) -> None:
    """Those of one kind to another image, the others never."""
    ecr.put_image_tag_mutability(
        repositoryName=name,
        imageTagMutability=mode,
        imageTagMutabilityExclusionFilters=LATEST,
    )
    for tag in (moved, kept):
        embedded_aws.push(name, tag)

    digest = embedded_aws.push(name, moved, content="new")
    with pytest.raises(ClientError) as refused:
        embedded_aws.push(name, kept, content="new")

    ((image,),) = (
        page["imageDetails"]
        for page in [ecr.describe_images(repositoryName=name, imageIds=[{"imageTag": moved}])]
    )
    assert image["imageDigest"] == digest
    assert code(refused) == "ImageTagAlreadyExistsException"


def test_cloudformation_changes_filters(embedded_aws: EmbeddedAws, ecr: Any) -> None:
    """Also those of a repository that it made before."""
    name, cfn = f"kept/{uuid.uuid4().hex[:12]}", embedded_aws.client("cloudformation")
    stack = name.replace("/", "-")

    def template(*filters: str) -> str:
        prefix = "ImageTagMutabilityExclusionFilter"
        rows = [{f"{prefix}Type": "WILDCARD", f"{prefix}Value": each} for each in filters]
        properties = {
            "RepositoryName": name,
            "ImageTagMutability": EXCEPT if filters else "IMMUTABLE",
            **({f"{prefix}s": rows} if rows else {}),
        }
        resource = {"Type": "AWS::ECR::Repository", "Properties": properties}
        return json.dumps({"Resources": {"Made": resource}})

    def waited(event: str) -> None:
        cfn.get_waiter(event).wait(StackName=stack, WaiterConfig={"Delay": 1, "MaxAttempts": 20})

    cfn.create_stack(StackName=stack, TemplateBody=template("latest"))
    waited("stack_create_complete")
    before = found(ecr, name)
    cfn.update_stack(StackName=stack, TemplateBody=template())
    waited("stack_update_complete")

    assert before == (EXCEPT, LATEST)
    assert found(ecr, name) == ("IMMUTABLE", None)


# --- the registry -------------------------------------------------------------------------------


def test_how_a_registry_scans(embedded_aws: EmbeddedAws) -> None:
    """Basic without rules, until it is told otherwise; each region by itself."""
    rules = [
        {
            "scanFrequency": "SCAN_ON_PUSH",
            "repositoryFilters": [{"filter": "*", "filterType": "WILDCARD"}],
        }
    ]
    here, there = (
        boto3.session.Session(embedded_aws.account, "test", region_name=region).client(
            "ecr", endpoint_url=embedded_aws.endpoint
        )
        for region in ("eu-north-1", "eu-south-1")
    )
    with closing(here), closing(there):
        before = here.get_registry_scanning_configuration()
        here.put_registry_scanning_configuration(scanType="ENHANCED", rules=rules)
        after = here.get_registry_scanning_configuration()["scanningConfiguration"]
        elsewhere = there.get_registry_scanning_configuration()["scanningConfiguration"]

    assert before["registryId"] == embedded_aws.account
    assert before["scanningConfiguration"] == elsewhere == {"scanType": "BASIC", "rules": []}
    assert after == {"scanType": "ENHANCED", "rules": rules}
