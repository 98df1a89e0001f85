"""
Events from EventBridge: their schemas, and the images and scans that they announce.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html
https://docs.aws.amazon.com/inspector/latest/user/eventbridge-integration.html
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from lib.core.distinct import distinct
from lib.errors import EventError
from lib.models import (
    Counts,
    CreationTemplate,
    Event,
    FindingEvent,
    IgnoredEvent,
    Image,
    Json,
    PushEvent,
    Removal,
    RemovalEvent,
    Report,
    RepositoryEvent,
    Scan,
    ScanEvent,
    ScanSource,
    Severity,
)
from lib.normalizer.conformance import check_event
from lib.normalizer.images import (
    IMAGE_TYPE,
    image_of_resource,
    image_resources,
    other_kind,
    repository_arn,
)
from lib.normalizer.indexes import is_index
from lib.normalizer.readers import SOURCES
from lib.normalizer.values import counts, mapping, moment, name, objects, text, texts
from lib.urls.partitions import partition_of
from lib.wire.own_events import REPOSITORY_CHECK, SCAN_FOUND, SOURCE

ECR_IMAGE_SCAN: Final = "ECR Image Scan"
ECR_IMAGE_ACTION: Final = "ECR Image Action"
INSPECTOR2_SCAN: Final = "Inspector2 Scan"
INSPECTOR2_FINDING: Final = "Inspector2 Finding"
API_CALL: Final = "AWS API Call via CloudTrail"
"""https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html"""

_CHANGES: Final = (
    "CreateRepository",
    "PutImageTagMutability",
    "PutImageScanningConfiguration",
    "PutLifecyclePolicy",
    "DeleteLifecyclePolicy",
    "CreateRepositoryCreationTemplate",
    "UpdateRepositoryCreationTemplate",
    "DeleteRepositoryCreationTemplate",
)
"""Calls that change a repository, or a template of new ones."""
_ACTIONS: Final = ("PUSH", "DELETE", "UPDATE_STORAGE_CLASS")
"""Actions that change which images there are."""

EVENT_PATTERNS: Final[Mapping[str, Json]] = MappingProxyType(
    {
        "EcrImageScan": {"source": ["aws.ecr"], "detail-type": [ECR_IMAGE_SCAN]},
        "EcrImageAction": {
            "source": ["aws.ecr"],
            "detail-type": [ECR_IMAGE_ACTION],
            "detail": {"action-type": list(_ACTIONS), "result": ["SUCCESS"]},
        },
        "Inspector2Scan": {
            "source": ["aws.inspector2"],
            "detail-type": [INSPECTOR2_SCAN],
            "resources": [{"wildcard": "arn:*:ecr:*"}],
        },
        "Inspector2Finding": {
            "source": ["aws.inspector2"],
            "detail-type": [INSPECTOR2_FINDING],
            "detail": {"resources": {"type": [IMAGE_TYPE]}},
        },
        "EcrRepositoryChange": {
            "source": ["aws.ecr"],
            "detail-type": [API_CALL],
            "detail": {
                "eventSource": ["ecr.amazonaws.com"],
                "eventName": list(_CHANGES),
                "errorCode": [{"exists": False}],
            },
        },
    }
)
"""The rules of `serverless.yml`, by the name of the rule; a test compares both."""

REGISTRY_CHANGE: Final[Mapping[str, Json]] = MappingProxyType(
    {
        "source": ["aws.ecr"],
        "detail-type": [API_CALL],
        "detail": {
            "eventSource": ["ecr.amazonaws.com"],
            "eventName": [
                "PutRegistryScanningConfiguration",
                "CreatePullThroughCacheRule",
                "UpdatePullThroughCacheRule",
                "DeletePullThroughCacheRule",
            ],
            "errorCode": [{"exists": False}],
        },
    }
)
"""
The rule that checks all repositories, as the function audit_repositories does every day.

A cache holds for all names below its prefix, and may take them from another one.
"""

ONE_FINDING: Final = "one finding from an event, not the whole scan"

_COMPLETE: Final = frozenset({"COMPLETE", "INITIAL_SCAN_COMPLETE"})


def parse_event(body: Mapping[str, Json]) -> Event:
    """
    Return the event that a body describes.

    Events of other kinds, and those about other resources than ECR images, are ignored with a
    reason. Raises `EventError` for an event of a supported kind that breaks its schema; the text
    names the field and what it has to be, never its value.
    """
    kind, source = body.get("detail-type"), body.get("source")
    if not isinstance(kind, str) or not isinstance(source, str):
        raise EventError(
            "This is not an event of EventBridge: $.detail-type and $.source must be there, as "
            f'text, such as "{ECR_IMAGE_SCAN}" and "aws.ecr"'
        )
    handled = KINDS.get((source, kind))
    if handled is None:
        return IgnoredEvent(name(body.get("id")), f"events of this kind are not used: {kind[:64]}")
    schema, elsewhere, read = handled
    reason = elsewhere(body)
    if reason is not None:
        return IgnoredEvent(name(body.get("id")), reason)
    check_event(schema, body)
    return read(body, _time(body))


def _time(body: Mapping[str, Json]) -> datetime:
    time = moment(body["time"])
    if time is None:
        # Scans are ordered by this time, so a made-up one would be worse than a dead letter.
        raise EventError("$.time: expected an ISO 8601 time that exists")
    return time


# --- scans --------------------------------------------------------------------------------------


def _other_scan(body: Mapping[str, Json]) -> str | None:
    """Return why an Inspector2 Scan is not about an ECR image: EC2 and Lambda have them, too."""
    detail = body.get("detail")
    if not isinstance(detail, dict) or "repository-name" in detail or "image-digest" in detail:
        return None
    resources = body.get("resources")
    if isinstance(resources, list) and any(repository_arn(resource) for resource in resources):
        return None
    return "a scan of something that is not an ECR image"


def _scan_event(source: ScanSource) -> Callable[[Mapping[str, Json], datetime], ScanEvent]:
    def read(body: Mapping[str, Json], time: datetime) -> ScanEvent:
        detail, status = body["detail"], body["detail"]["scan-status"]
        severity_counts, warnings = _counts(detail.get("finding-severity-counts"), status)
        return ScanEvent(
            event_id=body["id"],
            time=time,
            image=_image(body),
            scan=Scan(source, status, completed_at=time, warnings=warnings),
            counts=severity_counts,
        )

    return read


def _scan_found_event(body: Mapping[str, Json], time: datetime) -> ScanEvent:
    """Read an event that the reconciliation sends; see `lib.wire.own_events.scan_found`."""
    detail = body["detail"]
    return ScanEvent(
        event_id=body["id"],
        time=time,
        image=replace(_image(body), pushed_at=moment(detail.get("image-pushed-at"))),
        scan=Scan(
            ScanSource(detail["scan-source"]),
            detail["scan-status"],
            completed_at=moment(detail.get("scan-completed-at")),
        ),
        index=detail["index"],
        quiet=detail["quiet"],
        found_at=moment(detail["found-at"]),
    )


def _counts(value: Json, status: str) -> tuple[Counts | None, tuple[str, ...]]:
    """
    Return the counts of an event: zeros for an empty count of a complete scan, None for no count.

    Inspector counts LOW and below in TOTAL only. That remainder is counted as UNKNOWN.
    """
    read = counts(value)
    if read is None or (not value and status not in _COMPLETE):
        return None, ()
    by_severity, total = read
    rest = (total or 0) - sum(by_severity.values())
    if rest <= 0:
        return by_severity, ()
    by_severity = {**by_severity, Severity.UNKNOWN: by_severity[Severity.UNKNOWN] + rest}
    return by_severity, (f"{rest} of the findings counted have no severity in the event",)


def _image(body: Mapping[str, Json]) -> Image:
    """
    Return the image of a scan or a push.

    The registry may belong to another account than the event, so ARNs come first.
    """
    detail = body["detail"]
    name_or_arn = detail["repository-name"]
    resources = body.get("resources") or ()
    arn = repository_arn(name_or_arn) or next(filter(None, map(repository_arn, resources)), None)
    region = (arn.region if arn else "") or body["region"]
    return Image(
        partition=arn.partition if arn else partition_of(region).name,
        account=(arn.account if arn else "") or body["account"],
        region=region,
        repository=arn.repository if arn and name_or_arn.startswith("arn:") else name_or_arn,
        digest=detail["image-digest"],
        tags=texts(detail.get("image-tags", detail.get("image-tag"))),
    )


# --- pushes -------------------------------------------------------------------------------------


def _other_action(body: Mapping[str, Json]) -> str | None:
    """Return why an ECR Image Action changes no image here: replications occur, too."""
    detail = mapping(body.get("detail"))
    if detail.get("action-type") in _ACTIONS and detail.get("result") == "SUCCESS":
        return None
    return "an action that is not a successful push or removal"


def _action_event(body: Mapping[str, Json], time: datetime) -> PushEvent | RemovalEvent:
    detail = body["detail"]
    match detail["action-type"], detail.get("target-storage-class"):
        case "PUSH", _:
            return _push_event(body, time)
        case "DELETE", _:
            removal = Removal.DELETED
        case _, "ARCHIVE":
            removal = Removal.ARCHIVED
        case _:
            removal = Removal.RESTORED
    return RemovalEvent(body["id"], time, _image(body), removal)


def _push_event(body: Mapping[str, Json], time: datetime) -> PushEvent:
    media_type = text(body["detail"].get("manifest-media-type"))
    index = None if media_type is None else is_index(media_type)
    image = _image(body)
    artifact = other_kind(body["detail"].get("artifact-media-type"), image.tags)
    return PushEvent(body["id"], time, image, index, artifact)


# --- repositories -------------------------------------------------------------------------------


def _other_call(body: Mapping[str, Json]) -> str | None:
    """Return why an API call does not change a repository."""
    detail = mapping(body.get("detail"))
    if detail.get("eventName") not in _CHANGES:
        return "a call that does not change a repository"
    if detail.get("errorCode") is not None:
        return "a call that failed"
    return None


def _repository_event(body: Mapping[str, Json], time: datetime) -> RepositoryEvent:
    detail, region = body["detail"], body["region"]
    parameters = mapping(detail.get("requestParameters"))
    arn = next(filter(None, map(repository_arn, body.get("resources") or ())), None)
    return RepositoryEvent(
        body["id"],
        time,
        Image(
            partition=arn.partition if arn else partition_of(region).name,
            account=name(parameters.get("registryId")) or body["account"],
            region=region,
            repository=detail.get("repository-name") or _changed_name(parameters),
            digest="",
        ),
    )


def _changed_name(parameters: Mapping[str, Json]) -> str:
    """Return the name of the repository, or of the template, that a call changes."""
    if "repositoryName" in parameters:
        return str(parameters["repositoryName"])
    return CreationTemplate(parameters["prefix"]).name


# --- findings -----------------------------------------------------------------------------------


def _other_finding(body: Mapping[str, Json]) -> str | None:
    """Return why an Inspector2 Finding is not about an ECR image."""
    detail = body.get("detail")
    if not isinstance(detail, dict) or not objects(detail.get("resources")):
        return None
    if image_resources(detail):
        return None
    return f"a finding about {resource_words(detail)}"


def resource_words(finding: Mapping[str, Json]) -> str:
    """Return the kinds of resources of a finding that is not about an ECR image."""
    kinds = [text(resource.get("type")) for resource in objects(finding.get("resources"))]
    kinds_text = ", ".join(dict.fromkeys(kind[:64] for kind in kinds if kind))
    return f"{kinds_text or 'an unnamed resource'}, not an ECR image"


def _finding_event(body: Mapping[str, Json], time: datetime) -> FindingEvent:
    reports = finding_reports(body["detail"], time, account=body["account"], region=body["region"])
    return FindingEvent(body["id"], time, reports[0])


def finding_reports(
    finding: Mapping[str, Json], time: datetime, *, account: str, region: str
) -> tuple[Report, ...]:
    """
    Return a report for each ECR image that the finding of an event names: usually one.

    Raises `EventError` for an image without a digest, which cannot be distinguished from others.
    """
    rows = distinct(SOURCES[ScanSource.INSPECTOR2](finding))
    scan = Scan(
        ScanSource.INSPECTOR2,
        text(finding.get("status")) or "UNKNOWN",
        completed_at=moment(finding.get("updatedAt")) or time,
        complete=False,
        warnings=(ONE_FINDING,),
    )
    images = [image_of_resource(resource) for resource in image_resources(finding)]
    for image in images:
        if not image.digest or not image.repository:
            raise EventError(
                "$.detail.resources: expected repositoryName and imageHash (sha256:…) of an image"
            )
    return tuple([Report(_located(image, account, region), scan, rows) for image in images])


def _located(image: Image, account: str, region: str) -> Image:
    """Fill in the event's account and region where the resource names none ("N/A")."""
    if image.region and image.account:
        return image
    region = image.region or region
    return replace(
        image, account=image.account or account, region=region, partition=partition_of(region).name
    )


KINDS: Final[
    Mapping[
        tuple[str, str],
        tuple[
            str,
            Callable[[Mapping[str, Json]], str | None],
            Callable[[Mapping[str, Any], datetime], Event],
        ],
    ]
] = MappingProxyType(
    {
        ("aws.ecr", ECR_IMAGE_SCAN): (
            "ecr-image-scan.json",
            lambda _: None,
            _scan_event(ScanSource.ECR_BASIC),
        ),
        ("aws.ecr", ECR_IMAGE_ACTION): ("ecr-image-action.json", _other_action, _action_event),
        ("aws.inspector2", INSPECTOR2_SCAN): (
            "inspector2-scan.json",
            _other_scan,
            _scan_event(ScanSource.INSPECTOR2),
        ),
        ("aws.inspector2", INSPECTOR2_FINDING): (
            "inspector2-finding.json",
            _other_finding,
            _finding_event,
        ),
        ("aws.ecr", API_CALL): ("ecr-api-call.json", _other_call, _repository_event),
        (SOURCE, SCAN_FOUND): ("scan-found.json", lambda _: None, _scan_found_event),
        (SOURCE, REPOSITORY_CHECK): (
            "repository-check.json",
            lambda _: None,
            _repository_event,
        ),
    }
)
