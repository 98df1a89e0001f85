"""
ECR's scanning, which ministack lacks: a scan of an image finds what was recorded for the image.

A recording is a complete DescribeImageScanFindings answer, without pages. It is served in ECR's
pages, with ECR's errors, total counts and epoch dates. The event of ECR (basic) or of Inspector
(enhanced) announces it. `local.aws.cloud` connects this module with ministack.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImageScanFindings.html
"""

import json
import uuid
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import chain
from typing import Any, Final, Self

BASIC: Final = "findings"
ENHANCED: Final = "enhancedFindings"
"""The key of the findings, which differs by scanner."""

DEFAULT_PAGE: Final = 100
MAX_PAGE: Final = 1000
ENHANCED_PAGE: Final = 100
"""Pages of enhanced findings have 100 rows, whatever the request:
https://github.com/boto/boto3/issues/3449"""

QUOTA_SECONDS: Final = 24 * 60 * 60
"""Interval of basic scans of an image:
https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html"""

_SCANNABLE: Final = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_INSPECTOR_LEVELS: Final = ("CRITICAL", "HIGH", "MEDIUM")
OBSERVED: Final = ("firstObservedAt", "lastObservedAt", "updatedAt")
_DATES: Final = frozenset(
    {
        *OBSERVED,
        "imageScanCompletedAt",
        "lastInUseAt",
        "pushedAt",
        "vendorCreatedAt",
        "vendorUpdatedAt",
        "vulnerabilitySourceUpdatedAt",
    }
)

Json = Any


class Refusal(Exception):  # noqa: N818  # an answer of ECR, not a failure of ours
    """An error of ECR, with its code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Place:
    """A repository, with its account and region."""

    account: str
    region: str
    repository: str

    @property
    def arn(self) -> str:
        """The repository's ARN."""
        return f"arn:aws:ecr:{self.region}:{self.account}:repository/{self.repository}"


@dataclass(frozen=True, slots=True)
class PushedImage:
    """An image in the registry."""

    place: Place
    digest: str
    tags: tuple[str, ...] = ()
    media_type: str = _SCANNABLE[0]
    pushed_at: float = 0.0

    @property
    def key(self) -> tuple[Place, str]:
        """The identity of the image."""
        return self.place, self.digest


@dataclass(frozen=True, slots=True)
class Recording:
    """The result of an image's next scan, and the scanner's behaviour until then."""

    status: str = "COMPLETE"
    description: str = "The scan was completed successfully."
    shape: str = BASIC
    findings: tuple[Json, ...] = ()
    usable: bool = True
    """False: ECR answers with the status only, without findings."""
    counts: Mapping[str, int] | None = None
    """Counts to return instead of real ones, to record inconsistent answers."""
    source_updated_at: float | None = None
    not_found_calls: int = 0
    """The number of calls with ScanNotFoundException before the first answer."""
    announced: bool = True
    """False: the event is lost."""

    @classmethod
    def of(cls, document: Mapping[str, Json], options: Mapping[str, Json]) -> Self:
        """
        Read a DescribeImageScanFindings document.

        Options: `scanner` ("basic" or "enhanced"; default: by the document's shape), `announced`
        and `not_found_calls`.
        """
        wire = on_the_wire(document)
        status = wire.get("imageScanStatus") or {}
        results = wire.get("imageScanFindings")
        enhanced = options.get("scanner") == "enhanced" or bool(results and ENHANCED in results)
        shape = ENHANCED if enhanced else BASIC
        default = cls()
        return cls(
            status=status.get("status", "ACTIVE" if enhanced else default.status),
            description=status.get("description", default.description),
            shape=shape,
            findings=tuple((results or {}).get(shape) or ()),
            usable=results is not None,
            counts=(results or {}).get("findingSeverityCounts"),
            source_updated_at=(results or {}).get("vulnerabilitySourceUpdatedAt"),
            not_found_calls=int(options.get("not_found_calls", 0)),
            announced=bool(options.get("announced", True)),
        )

    @property
    def severity_counts(self) -> dict[str, int]:
        """Findings by severity, without levels of zero."""
        if self.counts is not None:
            return dict(self.counts)
        return dict(Counter(finding.get("severity", "UNDEFINED") for finding in self.findings))


@dataclass(frozen=True, slots=True)
class Event:
    """An event for EventBridge. A repeated `id` is the same event, delivered twice."""

    id: str
    time: int
    place: Place
    source: str
    detail_type: str
    detail: Mapping[str, Json]
    resources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a scanning action or of one that reads images, with its answer."""

    action: str
    repository: str
    digest: str | None
    max_results: int | None
    next_token: str | None
    answer: str
    """"ok", or the code of the error."""
    findings: int = 0


@dataclass(frozen=True, slots=True)
class ScanResult:
    """The current scan of an image."""

    recording: Recording
    completed_at: float
    event: Event
    not_found_left: int


@dataclass(slots=True)
class Scans:
    """All recordings, the results of scans, and all calls."""

    recordings: dict[tuple[Place, str], Recording] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    results: dict[tuple[Place, str], ScanResult] = field(default_factory=dict)

    def record(self, place: Place, digest: str, recording: Recording) -> None:
        """Set the result of an image's next scan."""
        self.recordings[place, digest] = recording

    def scanned(self, image: PushedImage) -> bool:
        """Whether an image has a scan, completed or failed."""
        return image.key in self.results

    def scan(self, image: PushedImage, now: float) -> Event | None:
        """Scan an image now, regardless of the quota. Return the event unless it is lost."""
        if image.media_type not in _SCANNABLE:
            # Scan on push of an index fails silently. Its members are scanned one by one.
            return None
        recording = self.recording_of(image)
        before = self.results.get(image.key)
        # Event times have a resolution of one second, and an image is scanned at most once in it.
        time = max(int(now), before.event.time + 1) if before else int(now)
        event = announcement(image, recording, time)
        self.results[image.key] = ScanResult(recording, now, event, recording.not_found_calls)
        return event if recording.announced else None

    def start(self, image: PushedImage, now: float) -> Event | None:
        """Scan an image as StartImageScan does. Raises `Refusal`."""
        if image.media_type not in _SCANNABLE:
            raise Refusal(
                "UnsupportedImageTypeException",
                f"An artifact with media type '{image.media_type}' cannot be scanned",
            )
        before = self.results.get(image.key)
        recording = self.recording_of(image)
        if recording.shape == ENHANCED:
            raise Refusal("ValidationException", "This feature is disabled")
        if before and now - before.completed_at < QUOTA_SECONDS:
            raise Refusal(
                "LimitExceededException",
                "The scan quota per image has been exceeded. Wait and try again.",
            )
        return self.scan(image, now)

    def recording_of(self, image: PushedImage) -> Recording:
        """Without its own, that of the same content in another repository, as a scanner finds."""
        same = (
            recording
            for (_, digest), recording in reversed(self.recordings.items())
            if digest == image.digest
        )
        return self.recordings.get(image.key) or next(same, Recording())

    def last_event(self, place: Place, digest: str) -> Event | None:
        """Return the event of an image's last scan, for another delivery."""
        result = self.results.get((place, digest))
        return result.event if result else None

    def describe(self, image: PushedImage, max_results: int | None, token: str | None) -> Json:
        """Return a page of an image's findings in wire format. Raises `Refusal`."""
        size = _page_size(max_results)
        result = self.results.get(image.key)
        if result is None or result.not_found_left > 0:
            self._count_down(image, result)
            raise Refusal(
                "ScanNotFoundException",
                f"Image scan does not exist for the image with '{_image_id(image)}' in the"
                f" repository with name '{image.place.repository}' in the registry with id"
                f" '{image.place.account}'",
            )
        return _page(image, result, size, token)

    def _count_down(self, image: PushedImage, result: ScanResult | None) -> None:
        if result is not None:
            remaining = result.not_found_left - 1
            self.results[image.key] = replace(result, not_found_left=remaining)


def page_of(rows: Sequence[Json], key: str, request: Mapping[str, Json]) -> Json:
    """Return the requested page of a list. Raises `Refusal`."""
    size = _page_size(request.get("maxResults"))
    token = request.get("nextToken")
    if token is not None and not token.isdecimal():
        raise Refusal("InvalidParameterException", "Invalid parameter at 'nextToken'")
    start = int(token or 0)
    page: dict[str, Json] = {key: list(rows[start : start + size])}
    if start + size < len(rows):
        page["nextToken"] = str(start + size)
    return page


def _page_size(max_results: int | None) -> int:
    if max_results is not None and not 1 <= max_results <= MAX_PAGE:
        raise Refusal(
            "InvalidParameterException",
            "Invalid parameter at 'maxResults' failed to satisfy constraint:"
            f" 'Member must have value between 1 and {MAX_PAGE}'",
        )
    return max_results or DEFAULT_PAGE


def announcement(image: PushedImage, recording: Recording, time: int) -> Event:
    """
    Return the event of a completed scan.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html
    https://docs.aws.amazon.com/inspector/latest/user/eventbridge-integration.html
    """
    enhanced = recording.shape == ENHANCED
    detail: dict[str, Json] = {
        "scan-status": "INITIAL_SCAN_COMPLETE" if enhanced else recording.status,
        "repository-name": image.place.arn if enhanced else image.place.repository,
        "image-digest": image.digest,
        "image-tags": list(image.tags),
    }
    if enhanced:
        counts = recording.severity_counts
        levels = {level: counts.get(level, 0) for level in _INSPECTOR_LEVELS}
        # TOTAL includes the lower levels, which are not listed.
        detail["finding-severity-counts"] = {**levels, "TOTAL": sum(counts.values())}
        detail["version"] = "1.0"
    elif recording.usable:
        counts = recording.severity_counts
        detail["finding-severity-counts"] = {level: n for level, n in counts.items() if n}
    return Event(
        id=str(uuid.uuid4()),
        time=time,
        place=image.place,
        source="aws.inspector2" if enhanced else "aws.ecr",
        detail_type="Inspector2 Scan" if enhanced else "ECR Image Scan",
        detail=detail,
        resources=(image.place.arn,),
    )


def push(image: PushedImage, tag: str | None, time: int) -> Event:
    """
    Return the event of a push. It has no resources and no media type.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html
    """
    tagged = {} if tag is None else {"image-tag": tag}
    return Event(
        id=str(uuid.uuid4()),
        time=time,
        place=image.place,
        source="aws.ecr",
        detail_type="ECR Image Action",
        detail={
            "action-type": "PUSH",
            "result": "SUCCESS",
            "repository-name": image.place.repository,
            "image-digest": image.digest,
            **tagged,
        },
    )


def on_the_wire(document: Json, key: str | None = None) -> Json:
    """Convert dates to seconds since 1970, as ECR sends them."""
    match document:
        case dict():
            return {name: on_the_wire(value, name) for name, value in document.items()}
        case list():
            return [on_the_wire(item) for item in document]
        case str() if key in _DATES:
            return _seconds(document)
        case _:
            return document


def _seconds(text: str) -> float | str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _page(image: PushedImage, result: ScanResult, size: int, token: str | None) -> Json:
    recording = result.recording
    size = ENHANCED_PAGE if recording.shape == ENHANCED else size
    start = _position(token, result) if token else 0
    answer: dict[str, Json] = {
        "registryId": image.place.account,
        "repositoryName": image.place.repository,
        "imageId": {"imageDigest": image.digest},
        "imageScanStatus": {"status": recording.status, "description": recording.description},
    }
    if not recording.usable:
        return answer
    findings = recording.findings[start : start + size]
    answer["imageScanFindings"] = {
        "imageScanCompletedAt": result.completed_at,
        "vulnerabilitySourceUpdatedAt": recording.source_updated_at or result.completed_at,
        "findingSeverityCounts": recording.severity_counts,
        recording.shape: [with_image(image, finding) for finding in findings],
    }
    if start + size < len(recording.findings):
        answer["nextToken"] = _token(result, start + size)
    return answer


def with_image(image: PushedImage, finding: Json) -> Json:
    """Return an enhanced finding with this image instead of the recorded one."""
    if "resources" not in finding:
        return finding
    place = image.place
    first = finding["resources"][0]
    details = first.get("details", {}).get("awsEcrContainerImage", {})
    resource = {
        **first,
        "id": f"{place.arn}/{image.digest}",
        "details": {
            "awsEcrContainerImage": {
                **details,
                "imageHash": image.digest,
                "imageTags": list(image.tags),
                "pushedAt": image.pushed_at,
                "registry": place.account,
                "repositoryName": place.repository,
            }
        },
    }
    # A finding is about one image, so that none was observed before the image was pushed.
    observed = {
        name: max(finding[name], image.pushed_at)
        for name in OBSERVED
        if isinstance(finding.get(name), float)
    }
    number = str(finding.get("findingArn", "")).rpartition("/")[2]
    arn = f"arn:aws:inspector2:{place.region}:{place.account}:finding/{number}"
    return {
        **finding,
        **observed,
        "awsAccountId": place.account,
        "findingArn": arn,
        "resources": [resource],
    }


def _token(result: ScanResult, start: int) -> str:
    return urlsafe_b64encode(json.dumps([result.event.id, start]).encode()).decode()


def _position(token: str, result: ScanResult) -> int:
    """Return the start of a page. A token is valid only for the scan that returned it."""
    try:
        scan, start = json.loads(urlsafe_b64decode(token))
    except ValueError:
        scan, start = None, 0
    if scan != result.event.id:
        raise Refusal("InvalidParameterException", "Invalid parameter at 'nextToken'")
    return int(start)


def _image_id(image: PushedImage) -> str:
    tag = next(chain(image.tags, ("null",)))
    return f"{{imageDigest:'{image.digest}', imageTag:'{tag}'}}"
