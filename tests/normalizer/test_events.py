"""Events: what concerns us, what they say, and how malformed ones are refused."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from unittest.mock import ANY

import pytest
from hypothesis import given, settings

from lib.errors import EventError
from lib.models import (
    FindingEvent,
    IgnoredEvent,
    Image,
    PushEvent,
    Removal,
    RemovalEvent,
    RepositoryEvent,
    ScanEvent,
    ScanSource,
    Severity,
)
from lib.normalizer.events import (
    EVENT_PATTERNS,
    REGISTRY_CHANGE,
    finding_reports,
    parse_event,
)
from lib.wire.own_events import repository_check
from tests.normalizer.test_values import ANYTHING
from tests.support.documents import document
from tests.support.every import every
from tests.support.shapes import (
    DIGEST,
    IMAGE,
    REPOSITORY_ARN,
    finding_event,
    inspector_row,
    resource,
    scan_event,
)

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def parsed(body: Mapping[str, Any]) -> ScanEvent:
    event = parse_event(body)
    assert isinstance(event, ScanEvent)
    return event


def test_basic_scan_event_is_read() -> None:
    """Image, status, time and counts of ECR's event."""
    event = parsed(scan_event())

    assert event.event_id == "85fc3613-e913-7fc4-a80c-a3753e4aa9ae"
    assert event.time == NOW
    assert event.image == IMAGE
    assert event.scan.source is ScanSource.ECR_BASIC
    assert event.scan.status == "COMPLETE"
    assert event.counts is not None
    assert event.counts[Severity.HIGH] == 1
    assert event.counts[Severity.CRITICAL] == 0


def test_inspectors_scan_event_is_read() -> None:
    """The repository is an ARN, and what is in TOTAL only has no known severity."""
    event = parsed(document("inspector2-scan/ecr-2021.json"))

    assert event.image.repository == "amazon/amazon-ecs-sample"
    assert event.image.account == "123456789012"
    assert event.scan.source is ScanSource.INSPECTOR2
    assert event.counts is not None
    assert event.counts[Severity.CRITICAL] == 7
    assert event.counts[Severity.UNKNOWN] == 28
    assert sum(event.counts.values()) == 158


@pytest.mark.parametrize(
    ("status", "stated", "total"),
    [
        ("COMPLETE", {}, 0),
        ("COMPLETE", None, None),
        ("FAILED", {}, None),
        ("FAILED", {"HIGH": 1}, 1),
        ("COMPLETE", {"INFORMATIONAL": 0, "UNDEFINED": 2}, 2),
    ],
)
def test_absent_counts_are_not_zero(status: str, stated: Any, total: int | None) -> None:
    """Only an empty count of a complete scan means that nothing was found."""
    event = parsed(scan_event(**{"scan-status": status, "finding-severity-counts": stated}))

    assert (None if event.counts is None else sum(event.counts.values())) == total


@pytest.mark.parametrize(
    ("stated", "tags"),
    [(["1", "2"], ("1", "2")), ([], ()), (None, ()), ("latest", ("latest",))],
)
def test_tags_are_none_one_or_several(stated: Any, tags: tuple[str, ...]) -> None:
    """Untagged images have an empty list, null, or nothing."""
    assert parsed(scan_event(**{"image-tags": stated})).image.tags == tags


@pytest.mark.parametrize(
    ("media_type", "index"),
    [
        ("application/vnd.oci.image.index.v1+json", True),
        ("application/vnd.oci.image.manifest.v1+json", False),
        (None, None),
    ],
)
def test_a_push_says_what_it_may_be(media_type: str | None, index: Any) -> None:
    """Digest and tag; whether it is an index where the event has its media type."""
    body = document("ecr-image-action/push.json")
    if media_type is not None:
        body = {**body, "detail": {**body["detail"], "manifest-media-type": media_type}}

    event = parse_event(body)

    assert isinstance(event, PushEvent)
    assert event.image.name == "my-repository-name:latest"
    assert (event.image.account, event.image.region) == ("123456789012", "us-west-2")
    assert event.index is index


@pytest.mark.parametrize(
    "detail",
    [
        {"artifact-media-type": "application/vnd.cncf.helm.config.v1+json"},
        {"image-tag": f"sha256-{'1' * 64}.sig"},
    ],
    ids=["chart", "signature"],
)
def test_a_push_says_what_is_no_image(detail: dict[str, str]) -> None:
    """Of an image the event has the type of its configuration."""
    body = document("ecr-image-action/push.json")
    kind = "application/vnd.oci.image.config.v1+json"
    image = {**body, "detail": {**body["detail"], "artifact-media-type": kind}}

    event = parse_event({**body, "detail": {**body["detail"], **detail}})

    assert isinstance(event, PushEvent)
    assert event.artifact is not None
    assert parse_event(image) == replace(event, image=ANY, artifact=None)


@pytest.mark.parametrize(
    ("name", "removal"),
    [
        ("delete", Removal.DELETED),
        ("update_storage_class-archive", Removal.ARCHIVED),
        ("update_storage_class-standard", Removal.RESTORED),
    ],
)
def test_a_removal_names_its_image(name: str, removal: Removal) -> None:
    """A deleted tag is named, too; an image is archived with all its tags."""
    event = parse_event(document(f"other/ecr-image-action-{name}.json"))

    assert isinstance(event, RemovalEvent)
    assert event.removal is removal
    assert event.image.digest.startswith("sha256:")
    assert bool(event.image.tags) is (removal is Removal.DELETED)


def test_registry_comes_from_the_arn() -> None:
    """The event's account may be another one than the registry's."""
    event = {**scan_event(), "account": "111122223333", "region": "us-east-1"}

    assert parsed(event).image == IMAGE


def test_without_an_arn_the_envelope_says_where() -> None:
    """Events without resources have account and region; the region tells the partition."""
    event = {**scan_event(), "region": "us-gov-west-1"}
    del event["resources"]

    image = parsed(event).image

    assert (image.partition, image.account, image.region) == (
        "aws-us-gov",
        "000474600478",
        "us-gov-west-1",
    )


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (document("inspector2-scan/ec2.json"), "a scan of something that is not an ECR image"),
        (
            document("inspector2-finding/ec2-closed.json"),
            "a finding about AWS_EC2_INSTANCE, not an ECR image",
        ),
        (
            {**finding_event(), "detail": {"resources": [{"id": "x"}]}},
            "a finding about an unnamed resource, not an ECR image",
        ),
        (
            {**document("ecr-image-action/push.json"), "detail": None},
            "an action that is not a successful push or removal",
        ),
        ({**scan_event(), "source": "custom"}, "events of this kind are not used: ECR Image Scan"),
        (
            {"source": "aws.ecr", "detail-type": "x" * 500},
            f"events of this kind are not used: {'x' * 64}",
        ),
    ],
)
def test_events_of_others_are_ignored_with_a_reason(event: Any, reason: str) -> None:
    """EC2, Lambda, other clouds and other kinds are not errors."""
    found = parse_event(event)

    assert isinstance(found, IgnoredEvent)
    assert found.reason == reason


@every(
    ("event", "said"),
    [
        ({}, "$.detail-type and $.source must be there"),
        ({**scan_event(), "time": "2023-02-29T02:36:48Z"}, "$.time: expected an ISO 8601 time"),
        ({**scan_event(), "account": 474600478}, "$.account: expected an account id as text"),
        ({**scan_event(), "detail": None}, "$.detail: expected an object"),
        (
            {
                **document("ecr-image-action/push.json"),
                "detail": {"action-type": "PUSH", "result": "SUCCESS"},
            },
            "expected repository-name, image-digest to be there",
        ),
        ({**scan_event(), "id": ""}, "$.id: expected the event's id"),
        ({**scan_event(), "resources": [1]}, "$.resources[0]: expected"),
        (scan_event(**{"image-digest": "latest"}), "image-digest']: expected a digest: sha256:"),
        (scan_event(**{"image-digest": f"{DIGEST}\n"}), "image-digest']: expected a digest"),
        (scan_event(**{"repository-name": "a" * 400}), "expected the name of a repository"),
        (scan_event(**{"repository-name": 'x"; project = SEC'}), "the name of a repository"),
        (scan_event(**{"finding-severity-counts": {"HIGH": -1}}), "expected a count"),
        ({**finding_event(), "detail": []}, "$.detail: expected an object"),
        ({**finding_event(), "detail": {"severity": "HIGH"}}, "expected resources to be there"),
        (
            finding_event(resources=[resource(imageHash=None) | {"id": "x"}]),
            "$.detail.resources: expected repositoryName and imageHash",
        ),
    ],
)
def test_malformed_events_are_refused_by_place_and_rule(event: Any, said: str) -> None:
    """The text says where and what belongs there, so that a dead letter explains itself."""
    with pytest.raises(EventError) as caught:
        parse_event(event)

    assert said in str(caught.value)


def test_refusal_never_repeats_what_was_found() -> None:
    """Whatever stands in a malformed event stays out of logs and dead-letter attributes."""
    event = scan_event(**{"image-digest": "hidden", "scan-status": ["hidden"]})

    with pytest.raises(EventError) as caught:
        parse_event(event)

    assert "hidden" not in str(caught.value)


def test_missing_digest_of_a_mistyped_event_is_named() -> None:
    """One public sample has its digest under "22"."""
    event = scan_event(**{"22": DIGEST})
    del event["detail"]["image-digest"]

    with pytest.raises(EventError, match=r"\$\.detail: expected image-digest to be there"):
        parse_event(event)


def test_finding_event_is_one_finding_and_not_the_whole_scan() -> None:
    """The event's report is incomplete: what it does not list may well be there."""
    event = parse_event(document("inspector2-finding/ecr-2024-format.json"))

    assert isinstance(event, FindingEvent)
    assert event.report.image == Image(
        "aws", "123456789012", "eu-central-1", "inspector2",
        "sha256:84f507df33c6864d49c296fb734192696e4cb6f78166ac51ac8b9b118181085d",
        ("ubuntu_latest",), "linux/arm64", "UBUNTU_24_04",
        datetime(2024, 9, 4, 16, 55, 28, tzinfo=UTC),
    )  # fmt: skip
    assert [finding.package.name for finding in event.report.findings] == ["libssl3t64", "openssl"]
    assert event.report.scan.status == "ACTIVE"
    assert not event.report.scan.complete


def test_finding_about_two_images_is_two_reports() -> None:
    """A finding can name up to ten resources; each image has its own report."""
    other = resource(imageHash="sha256:99") | {"id": "x", "region": "N/A"}
    row = inspector_row(resources=[resource(), {"type": "AWS_EC2_INSTANCE"}, other])

    reports = finding_reports(row, NOW, account="111122223333", region="cn-north-1")

    assert [report.image.digest for report in reports] == [DIGEST, "sha256:99"]
    assert reports[1].image.region == "cn-north-1"
    assert reports[1].image.partition == "aws-cn"
    assert reports[1].image.account == "000474600478"


def test_patterns_are_those_of_the_rules() -> None:
    """The patterns let through what is parsed here, and no other resource's findings."""
    assert EVENT_PATTERNS["EcrImageScan"] == {
        "source": ["aws.ecr"],
        "detail-type": ["ECR Image Scan"],
    }
    assert EVENT_PATTERNS["Inspector2Scan"]["resources"] == [{"wildcard": "arn:*:ecr:*"}]
    assert EVENT_PATTERNS["Inspector2Finding"]["detail"] == {
        "resources": {"type": ["AWS_ECR_CONTAINER_IMAGE"]}
    }


def test_inspectors_scan_of_a_repository_needs_its_fields() -> None:
    """An event that names an ECR repository and no image is malformed, not ignored."""
    event = {
        **scan_event(), "detail-type": "Inspector2 Scan", "source": "aws.inspector2",
        "detail": {"scan-status": "INITIAL_SCAN_COMPLETE"},
    }  # fmt: skip

    with pytest.raises(EventError, match="repository-name, image-digest to be there"):
        parse_event(event)
    assert isinstance(parse_event({**event, "resources": "x"}), IgnoredEvent)
    assert REPOSITORY_ARN in event["resources"]


@settings(deadline=None)  # other work may share the machine
@given(ANYTHING, ANYTHING, ANYTHING)
def test_no_detail_makes_parsing_crash(detail: Any, resources: Any, time: Any) -> None:
    """Whatever stands in an event, it is parsed, ignored or refused."""
    for envelope in (scan_event(), finding_event()):
        for body in (
            {**envelope, "detail": detail},
            {**envelope, "resources": resources, "time": time},
            {
                **envelope,
                "detail": {**envelope["detail"], "resources": [detail], "image-tags": time},
            },
        ):
            try:
                parse_event(body)
            except EventError:
                continue


# --- repositories -------------------------------------------------------------------------------


def call(name: str = "PutImageTagMutability", **detail: Any) -> dict[str, Any]:
    """Return a call of ECR as CloudTrail tells of it."""
    return {
        "version": "0",
        "id": "36eb8523-97d0-4518-b33d-ee3579ff19f0",
        "detail-type": "AWS API Call via CloudTrail",
        "source": "aws.ecr",
        "account": "000474600478",
        "time": "2026-11-23T09:00:00Z",
        "region": "eu-central-1",
        "resources": [],
        "detail": {
            "eventSource": "ecr.amazonaws.com",
            "eventName": name,
            "requestParameters": {"repositoryName": "payments/api"},
            "responseElements": None,
            **detail,
        },
    }


def template_call(name: str = "UpdateRepositoryCreationTemplate", **detail: Any) -> dict[str, Any]:
    """Return a call about a template with all that CloudTrail sends."""
    template = {"prefix": "platform", "appliedFor": ["PULL_THROUGH_CACHE"]}
    return call(
        name,
        **{
            "eventVersion": "1.11",
            "userIdentity": {
                "type": "AssumedRole",
                "principalId": "AROAEXAMPLE:ops",
                "arn": "arn:aws:sts::000474600478:assumed-role/ops/ops",
                "accountId": "000474600478",
                "sessionContext": {"attributes": {"mfaAuthenticated": "true"}},
            },
            "eventTime": "2026-11-23T09:00:00Z",
            "awsRegion": "eu-central-1",
            "sourceIPAddress": "192.0.2.7",
            "userAgent": "aws-cli/2.31.0",
            "requestParameters": template,
            "responseElements": {
                "registryId": "000474600478",
                "repositoryCreationTemplate": template,
            },
            "requestID": "f1f5f3a0-6b0e-4b56-9f0a-1f5b7d2a5c11",
            "eventID": "36eb8523-97d0-4518-b33d-ee3579ff19f1",
            "readOnly": False,
            "eventType": "AwsApiCall",
            "managementEvent": True,
            "recipientAccountId": "000474600478",
            "eventCategory": "Management",
            **detail,
        },
    )


@every("name", EVENT_PATTERNS["EcrRepositoryChange"]["detail"]["eventName"])
def test_a_change_of_a_repository_asks_for_a_check(name: str) -> None:
    """A template stands for the repositories that are created by it."""
    is_template = name.endswith("Template")
    event = parse_event(template_call(name) if is_template else call(name))

    assert isinstance(event, RepositoryEvent)
    assert event.time == NOW
    place = ("aws", "000474600478", "eu-central-1")
    assert event.image == Image(*place, "platform/" if is_template else "payments/api", "")


@pytest.mark.parametrize(
    ("prefix", "name"), [("ROOT", "ROOT"), ("a/b", "a/b/"), ("team-", "team-/"), ("shop/", "shop/")]
)
def test_a_template_has_the_name_of_its_prefix(prefix: str, name: str) -> None:
    """As the daily check names it."""
    event = parse_event(template_call(requestParameters={"prefix": prefix}))

    assert isinstance(event, RepositoryEvent)
    assert event.image.repository == name


def cache_call(name: str) -> dict[str, Any]:
    """Return a call about a pull-through cache rule as CloudTrail records it."""
    return template_call(
        name,
        requestParameters={
            "ecrRepositoryPrefix": "docker-hub",
            "upstreamRegistryUrl": "registry-1.docker.io",
        },
    )


@pytest.mark.parametrize("name", REGISTRY_CHANGE["detail"]["eventName"])
def test_what_concerns_all_repositories_has_a_rule(name: str) -> None:
    """The pattern takes the event as CloudTrail sends it, and no other pattern does."""
    event = cache_call(name)

    assert is_taken(REGISTRY_CHANGE, event)
    assert not any(is_taken(pattern, event) for pattern in EVENT_PATTERNS.values())
    assert not is_taken(REGISTRY_CHANGE, _failed(event))
    assert isinstance(parse_event(event), IgnoredEvent)


@pytest.mark.parametrize("verb", ["Create", "Update", "Delete"])
def test_a_template_that_changes_is_looked_at(verb: str) -> None:
    """One rule takes it: its queue has the check of that template."""
    event = template_call(f"{verb}RepositoryCreationTemplate")

    taking = [name for name, pattern in EVENT_PATTERNS.items() if is_taken(pattern, event)]
    assert taking == ["EcrRepositoryChange"]
    assert not is_taken(REGISTRY_CHANGE, event)
    assert not is_taken(EVENT_PATTERNS["EcrRepositoryChange"], _failed(event))


def _failed(event: dict[str, Any]) -> dict[str, Any]:
    return {**event, "detail": {**event["detail"], "errorCode": "AccessDenied"}}


def is_taken(pattern: Any, event: Any) -> bool:
    """
    Return whether EventBridge lets an event through, by the parts of its language used here.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html
    """
    if isinstance(pattern, Mapping):
        return all(
            is_taken(inner, event.get(name) if isinstance(event, Mapping) else None)
            for name, inner in pattern.items()
        )
    return any(
        event is None if option == {"exists": False} else option == event for option in pattern
    )


def test_the_registry_of_the_call_counts() -> None:
    """It may be that of another account."""
    asked = {"repositoryName": "payments/api", "registryId": "123456789012"}

    event = parse_event(call(requestParameters=asked))

    assert isinstance(event, RepositoryEvent)
    assert event.image.account == "123456789012"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (call("DescribeImages"), "a call that does not change a repository"),
        (call("PutRegistryScanningConfiguration"), "a call that does not change a repository"),
        (call(errorCode="AccessDenied", requestParameters=None), "a call that failed"),
        ({**call(), "detail": None}, "a call that does not change a repository"),
    ],
)
def test_other_calls_are_ignored(body: dict[str, Any], reason: str) -> None:
    event = parse_event(body)

    assert isinstance(event, IgnoredEvent)
    assert event.reason == reason


@pytest.mark.parametrize(
    ("asked", "place"),
    [
        (None, "$.detail.requestParameters"),
        ({}, "$.detail.requestParameters"),
        ({"repositoryName": "A b"}, "$.detail.requestParameters.repositoryName"),
        ({"repositoryName": "a-b", "registryId": "1"}, "$.detail.requestParameters.registryId"),
    ],
)
def test_a_call_that_names_no_repository_is_refused(asked: Any, place: str) -> None:
    with pytest.raises(EventError) as error:
        parse_event(call(requestParameters=asked))

    assert str(error.value).startswith(f"{place}: expected ")


def test_our_own_event_comes_back_as_it_was_made() -> None:
    repository = Image("aws-cn", "000474600478", "cn-north-1", "payments/api", "")

    event = parse_event(repository_check(repository, NOW))

    assert event == RepositoryEvent(repository_check(repository, NOW)["id"], NOW, repository)
